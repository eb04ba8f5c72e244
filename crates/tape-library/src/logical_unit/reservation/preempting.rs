//! PREEMPT and PREEMPT AND ABORT (SPC-5 §5.14.11.4, §5.14.11.5).

use std::time::SystemTime;

use scsi::spc::persistent_reserve::ReservationType;
use scsi::{AdditionalSense, Sense};

use super::persistent::{Consequences, Done, HeldBy, Persistent, Refusal};
use crate::nexus::NexusName;

impl Persistent {
    /// Removes the registrations with key `victim`. When the holder is among them, or when all
    /// registrants hold and `victim` is zero, `nexus` takes the reservation over with `kind`.
    /// The consequences name the commands to abort.
    pub(super) fn preempt(
        &mut self,
        nexus: &NexusName,
        victim: u64,
        kind: Result<ReservationType, Sense>,
        now: SystemTime,
    ) -> Done {
        let everybody = victim == 0 && self.is_held_by_all();
        if victim == 0 && !everybody {
            return Err(Sense::invalid_field_in_parameter_list(8).into());
        }
        if everybody || self.holder_has_key(victim) {
            return Ok(self.take_over(nexus, victim, kind?, now));
        }
        self.remove_registrations(nexus, victim)
    }

    fn is_held_by_all(&self) -> bool {
        self.held
            .as_ref()
            .is_some_and(|held| held.holder == HeldBy::AllRegistrants)
    }

    /// Returns whether there is one holder and `key` is its.
    fn holder_has_key(&self, key: u64) -> bool {
        let Some(HeldBy::One(holder)) = self.held.as_ref().map(|held| &held.holder) else {
            return false;
        };
        self.registration(holder)
            .is_some_and(|registration| registration.key == key)
    }

    /// SPC-5 §5.14.11.4.3: the reservation changes hands. `nexus` keeps its registration even if its
    /// key is the victim's; with key zero all the others lose theirs.
    fn take_over(
        &mut self,
        nexus: &NexusName,
        victim: u64,
        kind: ReservationType,
        now: SystemTime,
    ) -> Consequences {
        let removed =
            self.remove(|it_nexus, key| it_nexus != nexus && (victim == 0 || key == victim));
        let changed = self.held.as_ref().is_none_or(|held| held.kind != kind);
        self.hold(nexus, kind, now);
        self.count();
        let mut done = told(removed);
        if changed {
            // Who remains registered is told that the rules have changed.
            let remaining = self.tell_others(nexus, AdditionalSense::RESERVATIONS_RELEASED);
            done.attentions.extend(remaining.attentions);
        }
        done
    }

    /// SPC-5 §5.14.11.4.4: registrations go, the reservation stays, unless all registrants held it
    /// and none is left. `nexus` may remove itself.
    fn remove_registrations(&mut self, nexus: &NexusName, victim: u64) -> Done {
        let removed = self.remove(|_, key| key == victim);
        if removed.is_empty() {
            return Err(Refusal::Conflict);
        }
        if self.registrations.is_empty() {
            self.held = None;
        }
        self.count();
        let others = removed.into_iter().filter(|it| it != nexus).collect();
        Ok(told(others))
    }

    /// Removes the registrations that `chosen` takes by nexus and key, and returns their nexuses.
    fn remove(&mut self, chosen: impl Fn(&NexusName, u64) -> bool) -> Vec<NexusName> {
        let mut removed = Vec::new();
        self.registrations.retain(|it| {
            let goes = chosen(&it.nexus, it.key);
            if goes {
                removed.push(it.nexus.clone());
            }
            !goes
        });
        removed
    }
}

/// Who loses its registration is told, and its commands may end.
fn told(removed: Vec<NexusName>) -> Consequences {
    let preempted = AdditionalSense::REGISTRATIONS_PREEMPTED;
    Consequences {
        attentions: removed.iter().map(|it| (it.clone(), preempted)).collect(),
        aborted: removed,
    }
}
