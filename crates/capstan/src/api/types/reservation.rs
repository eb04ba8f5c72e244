//! Reservations on the wire.

use serde::{Deserialize, Serialize};

use crate::config::LibraryName;

/// `GET /api/v1/reservations`, one of the list; `DELETE /api/v1/reservations/{device}`, as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The library.
    pub library: LibraryName,
    /// `changer` or `drive:N`.
    pub device: String,
    /// `reserved` by RESERVE, the kind of a persistent reservation, or `registered` when nobody holds
    /// one of those.
    pub kind: String,
    /// Who holds it; several when it is for all registrants, or when they are only registered.
    pub holders: Vec<ReservationHolder>,
    /// Since when; for a persistent one that survived a restart of the gateway, since the restart.
    pub since_unix_ms: u64,
}

/// One who holds a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationHolder {
    /// The initiator's port: its name, `,i,0x` and its ISID.
    pub initiator: String,
    /// Its session; none while it is not logged in.
    pub session: Option<u64>,
}
