//! Reservations: who may use the unit, and whom that shuts out.
//!
//! # Purpose
//! RESERVE(6) and RESERVE(10) give the unit to one nexus (SPC-2 §5.5.1). Drives and changers have
//! them alike, so they belong to the logical unit and not to its device.
//!
//! # What survives what
//! What RESERVE gave ends with RELEASE, with the nexus, and with every reset.
//!
//! # Ordering
//! A command meets the reservations that hold when it begins to run; it runs to its end whatever is
//! reserved meanwhile.
//!
//! # Limits
//! While nothing is reserved a command pays for one atomic load.

mod reserve;
mod status;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use scsi::{AdditionalSense, Cdb, CommandSpec, NexusId, Response, Status};

use crate::nexus::ItNexus;
use crate::unit_attention::UnitAttentions;
use reserve::Reserved;
pub use status::{Holder, Reservation, ReservationKind};

/// The reservations of one logical unit. Its lock is short and never held over calls, but to the
/// unit's attentions.
#[derive(Debug)]
pub(super) struct Reservations {
    attentions: Arc<UnitAttentions>,
    /// Whether anything is reserved, so that the usual answer costs no lock.
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The nexuses there are.
    nexuses: HashMap<NexusId, ItNexus>,
    reserved: Option<Reserved>,
}

/// Why a command of this module is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Conflict;

impl Reservations {
    /// Returns the state of a unit that nobody has reserved. Whoever loses a reservation learns it
    /// by `attentions`.
    pub(super) fn new(attentions: Arc<UnitAttentions>) -> Self {
        Self {
            attentions,
            any: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// A nexus begins.
    pub(super) fn attach(&self, nexus: &ItNexus) {
        self.change(|state| state.nexuses.insert(nexus.id, nexus.clone()));
    }

    /// A nexus is lost (SAM-5 §6.3.4).
    pub(super) fn nexus_lost(&self, nexus: NexusId) {
        self.change(|state| {
            state.nexuses.remove(&nexus);
            state.release(nexus);
        });
    }

    /// Drops what RESERVE gave to a nexus that may live on.
    pub(super) fn released_by(&self, nexus: NexusId) {
        self.change(|state| state.release(nexus));
    }

    /// The unit is reset (SAM-5 §6.3.3).
    pub(super) fn reset(&self) {
        self.change(|state| state.reserved = None);
    }

    /// Returns whether `cdb` of `nexus` must not run.
    pub(super) fn conflicts(&self, nexus: &ItNexus, spec: &CommandSpec, cdb: &Cdb) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let state = self.lock();
        let restriction = state.reserved.as_ref().and_then(|held| held.over(nexus.id));
        restriction.is_some_and(|restriction| !spec.is_allowed_during(restriction, cdb))
    }

    /// RESERVE(6) and RESERVE(10) of `nexus`.
    pub(super) fn reserve(&self, nexus: &ItNexus) -> Response {
        respond(self.change(|state| state.reserve(nexus.id, SystemTime::now())))
    }

    /// RELEASE(6) and RELEASE(10) of `nexus`.
    pub(super) fn release(&self, nexus: &ItNexus) -> Response {
        self.released_by(nexus.id);
        Response::good()
    }

    /// Takes everything from everybody; who had something is told RESERVATIONS PREEMPTED.
    pub(super) fn clear(&self) {
        let holder = self.change(|state| state.reserved.take());
        if let Some(holder) = holder {
            let preempted = AdditionalSense::RESERVATIONS_PREEMPTED;
            self.attentions.establish_for(holder.nexus, preempted);
        }
    }

    /// Returns who has reserved the unit.
    pub(super) fn status(&self) -> Option<Reservation> {
        let state = self.lock();
        let reserved = state.reserved.as_ref()?;
        let holder = state.nexuses.get(&reserved.nexus)?;
        Some(Reservation {
            kind: ReservationKind::Reserve,
            holders: vec![Holder {
                initiator: holder.initiator.clone(),
                nexus: Some(holder.id),
            }],
            since: reserved.since,
        })
    }

    fn change<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = work(&mut state);
        self.any.store(state.reserved.is_some(), Ordering::Release);
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn respond(result: Result<(), Conflict>) -> Response {
    match result {
        Ok(()) => Response::good(),
        Err(Conflict) => Response::status(Status::ReservationConflict),
    }
}
