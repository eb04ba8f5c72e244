//! RESERVE, RELEASE and CLEAR of PERSISTENT RESERVE OUT (SPC-5 §5.14.9, §5.14.11).

use std::time::SystemTime;

use scsi::spc::persistent_reserve::ReservationType;
use scsi::{AdditionalSense, Sense};

use super::persistent::{Consequences, Done, Persistent, Refusal};
use crate::nexus::NexusName;

impl Persistent {
    /// Reserves the unit for `nexus` (SPC-5 §5.14.9). Once more the same changes nothing.
    pub(super) fn reserve(
        &mut self,
        nexus: &NexusName,
        key: u64,
        kind: ReservationType,
        now: SystemTime,
    ) -> Done {
        self.check_key(nexus, key)?;
        match &self.held {
            None => self.hold(nexus, kind, now),
            Some(held) if held.kind == kind && self.is_holder(nexus) => {}
            Some(_) => return Err(Refusal::Conflict),
        }
        Ok(Consequences::default())
    }

    /// Releases what `nexus` holds (SPC-5 §5.14.11.2). Who does not hold releases nothing, and it is
    /// no error.
    pub(super) fn release(&mut self, nexus: &NexusName, key: u64, kind: ReservationType) -> Done {
        self.check_key(nexus, key)?;
        let Some(held) = self.held.as_ref().filter(|_| self.is_holder(nexus)) else {
            return Ok(Consequences::default());
        };
        if held.kind != kind {
            let invalid = AdditionalSense::INVALID_RELEASE_OF_PERSISTENT_RESERVATION;
            return Err(Sense::illegal_request(invalid).into());
        }
        self.held = None;
        if kind.admits_registrants() {
            Ok(self.tell_others(nexus, AdditionalSense::RESERVATIONS_RELEASED))
        } else {
            Ok(Consequences::default())
        }
    }

    /// Removes everything of everybody (SPC-5 §5.14.11.6).
    pub(super) fn clear(&mut self, nexus: &NexusName, key: u64) -> Done {
        self.check_key(nexus, key)?;
        let done = self.tell_others(nexus, AdditionalSense::RESERVATIONS_PREEMPTED);
        self.forget();
        self.count();
        Ok(done)
    }
}
