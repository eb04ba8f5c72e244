//! Persistent reservations: who is registered, who holds, and whom that restricts (SPC-5 §5.14).
//!
//! A value without clock and disk. Each service action is a function that changes it or refuses. The
//! caller works on a copy and puts it in force when it is safe; after a refusal the copy is worth
//! nothing.

use std::time::SystemTime;

use scsi::command::Restriction;
use scsi::spc::persistent_reserve::{PersistentReserveOut, ReservationType};
use scsi::{AdditionalSense, Sense};

use crate::nexus::NexusName;

/// The most registrations of a unit. One more is INSUFFICIENT REGISTRATION RESOURCES.
pub(super) const REGISTRATIONS_MAX: usize = 256;

/// All that PERSISTENT RESERVE OUT makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Persistent {
    /// PRGENERATION (SPC-5 §5.14.2): from zero at each start.
    pub(super) generation: u32,
    /// Whether it survives a loss of power: the last APTPL.
    pub(crate) survives_power_loss: bool,
    /// In the order of their making; each nexus once, no key zero.
    pub(crate) registrations: Vec<Registration>,
    pub(crate) held: Option<Held>,
}

/// A registered nexus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Registration {
    pub(crate) nexus: NexusName,
    pub(crate) key: u64,
    /// It was made with ALL_TG_PT. A unit has one target port, so it means no more than that.
    pub(crate) all_target_ports: bool,
}

/// A reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) kind: ReservationType,
    pub(crate) holder: HeldBy,
    pub(crate) since: SystemTime,
}

/// Who holds a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HeldBy {
    /// This nexus, which is registered.
    One(NexusName),
    /// Each nexus that is registered: there is at least one.
    AllRegistrants,
}

/// Why a service action is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// RESERVATION CONFLICT.
    Conflict,
    /// CHECK CONDITION.
    Check(Sense),
}

/// What a service action does to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Consequences {
    /// The unit attention conditions to establish.
    pub(super) attentions: Vec<(NexusName, AdditionalSense)>,
    /// The nexuses whose commands end.
    pub(super) aborted: Vec<NexusName>,
}

pub(super) type Done = Result<Consequences, Refusal>;

impl From<Sense> for Refusal {
    fn from(sense: Sense) -> Self {
        Self::Check(sense)
    }
}

impl Persistent {
    /// Returns what survived a restart. Without registrations nothing did.
    pub(crate) fn restored(registrations: Vec<Registration>, held: Option<Held>) -> Self {
        Self {
            generation: 0,
            survives_power_loss: !registrations.is_empty(),
            registrations,
            held,
        }
    }

    /// Does a service action for `nexus`.
    pub(super) fn apply(
        &mut self,
        nexus: &NexusName,
        command: PersistentReserveOut,
        now: SystemTime,
    ) -> Done {
        match command {
            PersistentReserveOut::Register(registration) => self.register(nexus, &registration),
            PersistentReserveOut::Reserve { key, kind } => self.reserve(nexus, key, kind, now),
            PersistentReserveOut::Release { key, kind } => self.release(nexus, key, kind),
            PersistentReserveOut::Clear { key } => self.clear(nexus, key),
            PersistentReserveOut::Preempt {
                key,
                victim,
                kind,
                abort,
            } => {
                self.check_key(nexus, key)?;
                let mut done = self.preempt(nexus, victim, kind, now)?;
                if !abort {
                    done.aborted.clear();
                }
                Ok(done)
            }
            PersistentReserveOut::RegisterAndMove(command) => {
                self.register_and_move(nexus, command, now)
            }
        }
    }

    pub(super) fn registration(&self, nexus: &NexusName) -> Option<&Registration> {
        self.registrations
            .iter()
            .find(|registration| registration.nexus == *nexus)
    }

    /// Sees that `nexus` is registered with `key`: without that, every service action but registering
    /// is a conflict (SPC-5 §6.17.3).
    pub(super) fn check_key(&self, nexus: &NexusName, key: u64) -> Result<(), Refusal> {
        match self.registration(nexus) {
            Some(registration) if registration.key == key => Ok(()),
            _ => Err(Refusal::Conflict),
        }
    }

    /// Returns whether `nexus` holds the reservation that there is.
    pub(super) fn is_holder(&self, nexus: &NexusName) -> bool {
        match self.held.as_ref().map(|held| &held.holder) {
            Some(HeldBy::One(holder)) => holder == nexus,
            Some(HeldBy::AllRegistrants) => self.registration(nexus).is_some(),
            None => false,
        }
    }

    /// Returns how the reservation restricts `nexus`.
    pub(super) fn over(&self, nexus: &NexusName) -> Option<Restriction> {
        let held = self.held.as_ref()?;
        let admitted = self.is_holder(nexus)
            || held.kind.admits_registrants() && self.registration(nexus).is_some();
        (!admitted).then_some(held.kind.restriction())
    }

    /// Returns the holders.
    pub(super) fn holders(&self) -> Vec<&NexusName> {
        match self.held.as_ref().map(|held| &held.holder) {
            Some(HeldBy::One(holder)) => vec![holder],
            Some(HeldBy::AllRegistrants) => self.registrations.iter().map(|it| &it.nexus).collect(),
            None => Vec::new(),
        }
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        self.registrations.clear();
        self.held = None;
    }

    /// Makes `nexus`, which is registered, the holder.
    pub(super) fn hold(&mut self, nexus: &NexusName, kind: ReservationType, since: SystemTime) {
        let holder = if kind.is_all_registrants() {
            HeldBy::AllRegistrants
        } else {
            HeldBy::One(nexus.clone())
        };
        self.held = Some(Held {
            kind,
            holder,
            since,
        });
    }

    /// Removes a registration and what depends on it (SPC-5 §5.14.11.3): the reservation, when it was
    /// the holder's, or that of the last of all registrants.
    pub(super) fn unregister(&mut self, nexus: &NexusName) -> Consequences {
        let was_holder = self.is_holder(nexus);
        self.registrations.retain(|it| it.nexus != *nexus);
        let Some(held) = &self.held else {
            return Consequences::default();
        };
        let ends = match held.holder {
            HeldBy::One(_) => was_holder,
            HeldBy::AllRegistrants => self.registrations.is_empty(),
        };
        if !ends {
            return Consequences::default();
        }
        let registrants_had_it = held.kind.admits_registrants();
        self.held = None;
        if registrants_had_it {
            self.tell_others(nexus, AdditionalSense::RESERVATIONS_RELEASED)
        } else {
            Consequences::default()
        }
    }

    /// A unit attention for every registered nexus but `nexus`.
    pub(super) fn tell_others(
        &self,
        nexus: &NexusName,
        additional: AdditionalSense,
    ) -> Consequences {
        let others = self.registrations.iter().filter(|it| it.nexus != *nexus);
        Consequences {
            attentions: others.map(|it| (it.nexus.clone(), additional)).collect(),
            aborted: Vec::new(),
        }
    }

    /// PRGENERATION counts what changes registrations (SPC-5 §5.14.2).
    pub(super) fn count(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }
}
