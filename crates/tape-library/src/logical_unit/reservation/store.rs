//! Where persistent reservations are kept that shall survive a loss of power (APTPL).

use std::fmt;

use super::persistent::Persistent;
use crate::error::Error;

/// The place for one logical unit's registrations and reservation.
pub(crate) trait ReservationStore: Send + Sync + fmt::Debug {
    /// Returns what was saved last; the default value if nothing was.
    fn load(&self) -> Result<Persistent, Error>;

    /// Replaces what was saved. It is durable when this returns; with an error, what was there before
    /// is still there.
    fn save(&self, persistent: &Persistent) -> Result<(), Error>;
}
