//! Whose data encryption parameters are which (SSC-5 §4.2.21.8 to §4.2.21.10).
//!
//! A nexus has parameters of its own (LOCAL), or those that one nexus has set for all (ALL I_T NEXUS),
//! or, while nobody has, none. What was set for all stays when the nexus that set it is lost: a session
//! that ends and begins anew must not write in clear what it believes to be encrypted.

use std::collections::BTreeMap;

use cartridge::EncryptionKey;
use scsi::NexusId;
use scsi::ssc::encryption::set_data_encryption::{NewParameters, SetDataEncryption};
use scsi::ssc::encryption::{CheckExternal, DecryptionMode, EncryptionMode, KeyData, Scope};

use crate::nexus::{ItNexus, NexusName};

/// One set of parameters.
#[allow(clippy::struct_excessive_bools)] // the bits of the page
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    /// KEY INSTANCE COUNTER: each set has another one.
    pub(super) key_instance: u32,
    /// With which scope they were set; PUBLIC for those that nobody has set.
    pub(super) scope: Scope,
    pub(super) encryption_mode: EncryptionMode,
    pub(super) decryption_mode: DecryptionMode,
    pub(super) check_external: CheckExternal,
    pub(super) forbid_raw_reading: bool,
    pub(super) key: Option<EncryptionKey>,
    pub(super) key_data: KeyData,
    clear_on_demount: bool,
    clear_on_preemption: bool,
    clear_on_reservation_loss: bool,
    /// Who set them.
    owner: Option<NexusName>,
}

/// What a nexus has said. One that has never sent a command of the protocol has no entry, and is told
/// of no change: it is not "registered for encryption unit attentions".
#[derive(Debug, Default)]
struct NexusState {
    scope: Scope,
    /// LOCAL parameters.
    own: Parameters,
    /// LOCK: the key instance to which the nexus holds.
    locked_to: Option<u32>,
}

/// The parameters of all nexuses.
#[derive(Debug, Default)]
pub(in super::super) struct EncryptionSettings {
    shared: Parameters,
    /// Who has ALL I_T NEXUS scope.
    shared_by: Option<NexusId>,
    nexuses: BTreeMap<NexusId, NexusState>,
    last_instance: u32,
    /// Who holds a reservation.
    holders: Vec<NexusName>,
}

/// When keys go.
pub(super) enum Clear {
    /// With the volume.
    Demount,
    /// When these lost their reservation to somebody.
    Preemption(Vec<NexusName>),
    /// When these lost their reservation.
    ReservationLoss(Vec<NexusName>),
}

/// What went.
pub(super) struct Cleared {
    pub(super) any: bool,
    /// The nexuses that have other parameters now and want to know.
    pub(super) affected: Vec<NexusId>,
}

impl EncryptionSettings {
    /// The key instance of what has no key and was never set.
    pub(in super::super) const NO_INSTANCE: u32 = 0;

    /// Returns the parameters of `nexus`.
    pub(super) fn of(&self, nexus: NexusId) -> &Parameters {
        match self.nexuses.get(&nexus) {
            Some(state) if state.scope == Scope::Local => &state.own,
            _ => &self.shared,
        }
    }

    /// Returns whether whoever comes next has the parameters of key instance `instance`.
    pub(in super::super) fn are_all(&self, instance: u32) -> bool {
        let local = self.nexuses.values().any(|it| it.scope == Scope::Local);
        !local && self.shared.key_instance == instance
    }

    /// Returns what `nexus` has asked for.
    pub(super) fn scope_of(&self, nexus: NexusId) -> Scope {
        let state = self.nexuses.get(&nexus);
        state.map_or(Scope::Public, |state| state.scope)
    }

    /// Remembers that `nexus` wants to be told of changes.
    pub(super) fn register(&mut self, nexus: NexusId) {
        self.nexuses.entry(nexus).or_default();
    }

    /// Returns whether `nexus` has locked itself to other parameters than it has now.
    pub(super) fn is_locked_out(&self, nexus: NexusId) -> bool {
        let locked_to = self.nexuses.get(&nexus).and_then(|state| state.locked_to);
        locked_to.is_some_and(|instance| instance != self.of(nexus).key_instance)
    }

    /// Returns whether `nexus` holds a reservation.
    pub(super) fn holds_reservation(&self, nexus: &ItNexus) -> bool {
        self.holders.iter().any(|holder| holder.names(nexus))
    }

    /// Does what `nexus` asks for, and returns the others that have other parameters now.
    pub(super) fn set(&mut self, nexus: &ItNexus, set: SetDataEncryption) -> Vec<NexusId> {
        let had_all = self.shared_by == Some(nexus.id);
        let scope = set
            .parameters
            .as_ref()
            .map_or(Scope::Public, |parameters| parameters.scope);
        let mut changed = false;
        if scope == Scope::AllNexuses {
            // Whoever had this scope before has PUBLIC now.
            let before = self.shared_by.replace(nexus.id);
            if let Some(state) = before.and_then(|before| self.nexuses.get_mut(&before)) {
                state.scope = Scope::Public;
            }
        } else if had_all {
            // Nobody has set parameters for all any more.
            self.shared_by = None;
            self.shared = self.none();
            changed = true;
        }
        let own = set.parameters.map(|new| self.instance_of(nexus, new));
        let mut local = Parameters::default();
        match own {
            Some(parameters) if scope == Scope::AllNexuses => {
                self.shared = parameters;
                changed = true;
            }
            Some(parameters) => local = parameters,
            None => {}
        }
        let state = self.nexuses.entry(nexus.id).or_default();
        state.scope = scope;
        state.own = local;
        let instance = self.of(nexus.id).key_instance;
        if let Some(state) = self.nexuses.get_mut(&nexus.id) {
            state.locked_to = set.lock.then_some(instance);
        }
        if changed {
            self.sharing(Some(nexus.id))
        } else {
            Vec::new()
        }
    }

    /// `nexus` is lost. Returns whether a key went with it.
    pub(super) fn forget(&mut self, nexus: NexusId) -> bool {
        if self.shared_by == Some(nexus) {
            self.shared_by = None;
        }
        let state = self.nexuses.remove(&nexus);
        state.is_some_and(|state| state.own.key.is_some())
    }

    /// Forgets everything but who holds a reservation and that instances were given out.
    pub(super) fn reset(&mut self) {
        *self = Self {
            last_instance: self.last_instance,
            holders: std::mem::take(&mut self.holders),
            ..Self::default()
        };
        self.shared = self.none();
    }

    /// These hold a reservation now. Returns those who held one and do not.
    pub(super) fn replace_holders(&mut self, holders: Vec<NexusName>) -> Vec<NexusName> {
        let mut before = std::mem::replace(&mut self.holders, holders);
        before.retain(|holder| !self.holders.contains(holder));
        before
    }

    /// Returns parameters to their default values where they ask for it.
    pub(super) fn clear(&mut self, event: &Clear) -> Cleared {
        let mut cleared = Cleared {
            any: false,
            affected: Vec::new(),
        };
        if event.concerns(&self.shared) {
            self.shared = self.none();
            cleared.any = true;
            cleared.affected = self.sharing(None);
        }
        let none = self.none();
        for (nexus, state) in &mut self.nexuses {
            if event.concerns(&state.own) {
                state.own = none.clone();
                cleared.any = true;
                cleared.affected.push(*nexus);
            }
        }
        cleared
    }

    /// Returns who has the shared parameters and wants to know, but for `cause`.
    fn sharing(&self, cause: Option<NexusId>) -> Vec<NexusId> {
        let others = self.nexuses.iter();
        others
            .filter(|(nexus, state)| Some(**nexus) != cause && state.scope != Scope::Local)
            .map(|(nexus, _)| *nexus)
            .collect()
    }

    fn none(&mut self) -> Parameters {
        Parameters {
            key_instance: self.next_instance(),
            ..Parameters::default()
        }
    }

    fn instance_of(&mut self, nexus: &ItNexus, new: NewParameters) -> Parameters {
        Parameters {
            key_instance: self.next_instance(),
            scope: new.scope,
            encryption_mode: new.encryption,
            decryption_mode: new.decryption,
            check_external: new.check_external,
            forbid_raw_reading: new.forbid_raw_reading,
            key: new.key.map(|key| EncryptionKey::new(key.bytes())),
            key_data: new.key_data,
            clear_on_demount: new.clear_on_demount,
            clear_on_preemption: new.clear_on_preemption,
            clear_on_reservation_loss: new.clear_on_reservation_loss,
            owner: Some(nexus.name()),
        }
    }

    fn next_instance(&mut self) -> u32 {
        self.last_instance = self.last_instance.wrapping_add(1).max(1);
        self.last_instance
    }
}

impl Clear {
    fn concerns(&self, parameters: &Parameters) -> bool {
        let lost_by_owner = |lost: &[NexusName]| {
            let owner = parameters.owner.as_ref();
            owner.is_some_and(|owner| lost.contains(owner))
        };
        match self {
            Self::Demount => parameters.clear_on_demount,
            Self::Preemption(lost) => parameters.clear_on_preemption && lost_by_owner(lost),
            Self::ReservationLoss(lost) => {
                parameters.clear_on_reservation_loss && lost_by_owner(lost)
            }
        }
    }
}
