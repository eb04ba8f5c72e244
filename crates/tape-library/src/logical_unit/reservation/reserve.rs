//! RESERVE and RELEASE (SPC-2 §7.21, §7.22, §5.5.1): the unit is one nexus's alone.

use std::time::SystemTime;

use scsi::NexusId;
use scsi::command::Restriction;

use super::{Conflict, State};
use crate::nexus::ItNexus;

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

/// What persistent reservations make of RESERVE and RELEASE.
enum Meaning {
    /// What SPC-2 says.
    Own,
    /// GOOD, and nothing is done.
    Nothing,
}

impl State {
    /// Reserves the unit for `nexus`. Once more changes nothing. A nexus that has gone meanwhile gets
    /// nothing: nobody would ever release it.
    pub(super) fn reserve(&mut self, nexus: &ItNexus, now: SystemTime) -> Result<(), Conflict> {
        if let Meaning::Nothing = self.beside_persistent(nexus)? {
            return Ok(());
        }
        match self.reserved {
            Some(held) if held.nexus == nexus.id => Ok(()),
            None if self.nexuses.contains_key(&nexus.id) => {
                self.reserved = Some(Reserved {
                    nexus: nexus.id,
                    since: now,
                });
                Ok(())
            }
            Some(_) | None => Err(Conflict),
        }
    }

    /// Does RELEASE of `nexus`. Of somebody else's reservation it is no error and does nothing.
    pub(super) fn release_command(&mut self, nexus: &ItNexus) -> Result<(), Conflict> {
        if let Meaning::Own = self.beside_persistent(nexus)? {
            self.release(nexus.id);
        }
        Ok(())
    }

    /// Releases what `nexus` has reserved.
    pub(super) fn release(&mut self, nexus: NexusId) {
        if self.reserved.is_some_and(|held| held.nexus == nexus) {
            self.reserved = None;
        }
    }

    /// SPC-2 §5.5.1: while anybody is registered, RESERVE and RELEASE are conflicts; but see the
    /// module's words on CRH.
    fn beside_persistent(&self, nexus: &ItNexus) -> Result<Meaning, Conflict> {
        let persistent = &self.persistent;
        if persistent.registrations.is_empty() {
            return Ok(Meaning::Own);
        }
        if persistent.held.is_some() && persistent.over(&nexus.name()).is_none() {
            return Ok(Meaning::Nothing);
        }
        Err(Conflict)
    }
}
