//! A reservation as the administrator sees it.

use std::fmt;
use std::time::SystemTime;

use scsi::spc::persistent_reserve::ReservationType;
use scsi::{InitiatorPort, NexusId};

/// Who has reserved a logical unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// By which command, and how exclusively.
    pub kind: ReservationKind,
    /// Who holds it. Several with a persistent reservation for all registrants, and of those who are
    /// only registered; never none.
    pub holders: Vec<Holder>,
    /// Since when; after a restart, for a persistent reservation that survived it, since the restart.
    pub since: SystemTime,
}

/// How a logical unit was reserved. Displayed, it is a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservationKind {
    /// By RESERVE(6) or RESERVE(10): it ends with the holder's session.
    Reserve,
    /// By PERSISTENT RESERVE OUT: it outlives the holder's session.
    Persistent(ReservationType),
    /// Not reserved, only registered, by those who stand for the holders: that keeps RESERVE(6) and
    /// RESERVE(10) from everybody, and outlives their sessions, too.
    Registered,
}

/// A holder of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its port, for iSCSI `<name>,i,0x<isid>`.
    pub initiator: InitiatorPort,
    /// Its nexus ([`Nexus::id`](crate::Nexus::id)); `None` while it has no session.
    pub nexus: Option<NexusId>,
}

impl fmt::Display for ReservationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserve => f.write_str("reserved"),
            Self::Persistent(kind) => write!(f, "persistent: {kind}"),
            Self::Registered => f.write_str("registered"),
        }
    }
}
