//! What a nexus holds of its logical units, for an administrator who thinks of ending it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use scsi::{Lun, NexusId};

use crate::logical_unit::{LogicalUnit, ReservationKind};
use crate::target::Target;

/// A look at a nexus from outside. It does not keep the nexus, and goes on when that is lost.
#[derive(Clone, Debug)]
pub struct NexusWatch {
    pub(crate) target: Arc<Target>,
    pub(crate) nexus: NexusId,
}

/// What a nexus holds of one logical unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Which unit.
    pub lun: Lun,
    /// Whether it prevents the removal of the medium (SPC-5, PREVENT ALLOW MEDIUM REMOVAL).
    pub prevents_removal: bool,
    /// How it has reserved the unit, alone or with others.
    pub reservation: Option<ReservationKind>,
}

impl NexusWatch {
    /// Returns the number of the nexus, [`Nexus::id`](crate::Nexus::id).
    pub fn id(&self) -> NexusId {
        self.nexus
    }

    /// Returns what the nexus holds, units of which it holds nothing left out. Does not wait.
    pub fn holdings(&self) -> Vec<Holding> {
        let holding = |(lun, unit): &(Lun, Arc<LogicalUnit>)| Holding {
            lun: *lun,
            prevents_removal: unit.preventing_removal().contains(&self.nexus),
            reservation: self.reservation_of(unit),
        };
        self.target
            .units_now()
            .iter()
            .map(holding)
            .filter(|holding| holding.prevents_removal || holding.reservation.is_some())
            .collect()
    }

    /// Waits, at most for `patience`, until every unit has dropped what the lost nexus held. A unit
    /// first finishes the command that it runs. Returns whether all have; at once when nothing of
    /// the nexus is being dropped.
    pub fn wait_for_loss(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        self.target
            .units_now()
            .iter()
            .all(|(_, unit)| unit.wait_for_loss(self.nexus, deadline))
    }

    fn reservation_of(&self, unit: &LogicalUnit) -> Option<ReservationKind> {
        let reservation = unit.reservation()?;
        let holds = reservation
            .holders
            .iter()
            .any(|holder| holder.nexus == Some(self.nexus));
        holds.then_some(reservation.kind)
    }
}
