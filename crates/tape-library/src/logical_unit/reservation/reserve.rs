//! RESERVE and RELEASE (SPC-2 §7.21, §7.22, §5.5.1): the unit is one nexus's alone.

use std::time::SystemTime;

use scsi::NexusId;
use scsi::command::Restriction;

use super::{Conflict, State};

/// What RESERVE made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reserved {
    /// Whose the unit is.
    pub(super) nexus: NexusId,
    /// Since when.
    pub(super) since: SystemTime,
}

impl Reserved {
    /// Returns how it restricts `nexus`.
    pub(super) fn over(&self, nexus: NexusId) -> Option<Restriction> {
        (self.nexus != nexus).then_some(Restriction::Reserved)
    }
}

impl State {
    /// Reserves the unit for `nexus`. Once more changes nothing. A nexus that has gone meanwhile gets
    /// nothing: nobody would ever release it.
    pub(super) fn reserve(&mut self, nexus: NexusId, now: SystemTime) -> Result<(), Conflict> {
        match self.reserved {
            Some(held) if held.nexus == nexus => Ok(()),
            None if self.nexuses.contains_key(&nexus) => {
                self.reserved = Some(Reserved { nexus, since: now });
                Ok(())
            }
            Some(_) | None => Err(Conflict),
        }
    }

    /// Releases what `nexus` has reserved; of everybody else's it is no error and does nothing.
    pub(super) fn release(&mut self, nexus: NexusId) {
        if self.reserved.is_some_and(|held| held.nexus == nexus) {
            self.reserved = None;
        }
    }
}
