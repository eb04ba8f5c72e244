//! Who has reserved which device, and how an administrator takes a reservation away.
//!
//! What RESERVE gave ends with the holder's session. A persistent reservation does not: when its
//! holder will never come back, only another initiator that knows how to preempt it, or an
//! administrator, can free the device.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use scsi::NexusId;
use tape_library::{Holder, LogicalUnit};

use super::Gateway;
use super::libraries::ServedLibrary;
use super::targets::Device;
use crate::api::error::{Kind, Problem};
use crate::api::types::{Reservation, ReservationHolder};

impl Gateway {
    /// Returns the reservations, library by library.
    pub fn reservations(&self) -> Vec<Reservation> {
        let libraries = self.libraries().iter();
        libraries.flat_map(ServedLibrary::reservations).collect()
    }
}

impl ServedLibrary {
    /// Returns the reservations: the changer's first, then those of the drives.
    fn reservations(&self) -> Vec<Reservation> {
        let drives = self.library.drives().iter();
        let drives = drives.map(|bay| (Device::Drive(bay.number()), bay.unit()));
        std::iter::once((Device::Changer, self.library.changer()))
            .chain(drives)
            .filter_map(|(device, unit)| self.reservation(device, &unit))
            .collect()
    }

    /// Takes every reservation and registration of a device away, and returns the reservation as it
    /// was. Who had something is told by a unit attention.
    pub fn clear_reservation(&self, device: Device) -> Result<Option<Reservation>, Problem> {
        let unit = self.unit(device)?;
        let reservation = self.reservation(device, &unit);
        unit.clear_reservations().map_err(|error| {
            Problem::new(Kind::Internal, format!("{device}: {error}"))
                .hint("nothing was taken away; see to the disk of the data directory")
        })?;
        let held_by = reservation.as_ref().map(holders);
        tracing::info!(%device, held_by, "reservations cleared by the administrator");
        Ok(reservation)
    }

    pub(super) fn unit(&self, device: Device) -> Result<Arc<LogicalUnit>, Problem> {
        match device {
            Device::Changer => Ok(self.library.changer()),
            Device::Drive(number) => Ok(self.drive(number)?.unit()),
        }
    }

    fn reservation(&self, device: Device, unit: &LogicalUnit) -> Option<Reservation> {
        let reservation = unit.reservation()?;
        let since = reservation.since.duration_since(UNIX_EPOCH);
        let since = since.unwrap_or_default().as_millis();
        Some(Reservation {
            library: self.name().clone(),
            device: device.to_string(),
            kind: reservation.kind.to_string(),
            holders: reservation
                .holders
                .iter()
                .map(|holder| self.describe_holder(holder))
                .collect(),
            since_unix_ms: u64::try_from(since).unwrap_or(u64::MAX),
        })
    }

    fn describe_holder(&self, holder: &Holder) -> ReservationHolder {
        ReservationHolder {
            initiator: holder.initiator.to_string(),
            session: holder.nexus.and_then(|nexus| self.session_of(nexus)),
        }
    }

    fn session_of(&self, nexus: NexusId) -> Option<u64> {
        let sessions = self.sessions.list();
        let session = sessions.iter().find(|session| {
            let watch = session.facts.nexus.as_ref();
            watch.is_some_and(|watch| watch.id() == nexus)
        });
        session.map(|session| session.id)
    }
}

fn holders(reservation: &Reservation) -> String {
    let names = reservation.holders.iter().map(|it| it.initiator.as_str());
    names.collect::<Vec<_>>().join(" ")
}
