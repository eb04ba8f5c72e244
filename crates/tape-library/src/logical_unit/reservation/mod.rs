//! Reservations: who may use the unit, and whom that shuts out.
//!
//! # Purpose
//! RESERVE(6) and RESERVE(10) give the unit to one nexus (SPC-2 §5.5.1); PERSISTENT RESERVE OUT
//! registers nexuses and reserves for one or all of them (SPC-5 §5.14). Drives and changers have them
//! alike, so they belong to the logical unit and not to its device.
//!
//! # What survives what
//! What RESERVE gave ends with RELEASE, with the nexus, and with every reset. Registrations and
//! persistent reservations survive all of these, because they are of the two ports' names; with APTPL
//! a restart, too, and what is as good as one, a cold reset.
//!
//! # Both at once
//! One kind shuts the other out (SPC-2 §5.5.1): while the unit is reserved by RESERVE, PERSISTENT
//! RESERVE IN and OUT are in conflict, the holder's own too; while a nexus is registered, RESERVE and
//! RELEASE are. With the exceptions of SPC-5 §5.14.3, as real drives have them (CRH=1): of a nexus
//! that a persistent reservation does not restrict, RESERVE and RELEASE are GOOD and do nothing.
//!
//! # Ordering
//! A command meets the reservations that hold when it begins to run; it runs to its end whatever is
//! reserved meanwhile.
//!
//! # Crash
//! With APTPL a change is on the disk first and in force second.
//!
//! # Limits
//! While nothing is reserved a command pays for one atomic load. Registrations are bounded.

mod persistent;
mod preempting;
mod reading;
mod registering;
mod reserve;
mod reserving;
mod status;
mod store;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use scsi::command::Restriction;
use scsi::spc::persistent_reserve::PersistentReserveOut;
use scsi::{
    AdditionalSense, Cdb, Command, CommandSpec, NexusId, Response, Sense, SenseKey, Status,
};

use crate::error::Error;
use crate::nexus::{ItNexus, NexusName};
use crate::unit_attention::UnitAttentions;
use persistent::{Consequences, Refusal};
pub(crate) use persistent::{Held, HeldBy, Persistent, Registration};
use reserve::Reserved;
pub use status::{Holder, Reservation, ReservationKind};
pub(crate) use store::ReservationStore;

/// The reservations of one logical unit. The lock of its state is short and never held over calls,
/// but to the unit's attentions.
#[derive(Debug)]
pub(super) struct Reservations {
    attentions: Arc<UnitAttentions>,
    /// Whether anything is reserved, so that the usual answer costs no lock.
    any: AtomicBool,
    state: Mutex<State>,
    /// Where APTPL keeps things; its lock makes changes of what is persistent one after another.
    store: Mutex<Option<Arc<dyn ReservationStore>>>,
}

#[derive(Debug, Default)]
struct State {
    /// The nexuses there are.
    nexuses: HashMap<NexusId, ItNexus>,
    reserved: Option<Reserved>,
    persistent: Persistent,
    /// Since when anybody has been registered.
    registered_since: Option<SystemTime>,
}

/// Another nexus has the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Conflict;

impl Reservations {
    /// Returns the state of a unit that nobody has reserved. Whoever loses a reservation learns it
    /// by `attentions`.
    pub(super) fn new(attentions: Arc<UnitAttentions>) -> Self {
        Self {
            attentions,
            any: AtomicBool::new(false),
            state: Mutex::default(),
            store: Mutex::default(),
        }
    }

    /// Restores what survived the last restart, and keeps it in `store` from now on. Without a store
    /// APTPL is refused.
    pub(super) fn keep_in(&self, store: Arc<dyn ReservationStore>) -> Result<(), Error> {
        let mut place = self.store_lock();
        let persistent = store.load()?;
        self.change(|state| state.persistent = persistent);
        *place = Some(store);
        Ok(())
    }

    /// A nexus begins.
    pub(super) fn attach(&self, nexus: &ItNexus) {
        self.change(|state| state.nexuses.insert(nexus.id, nexus.clone()));
    }

    /// A nexus is lost (SAM-5 §6.3.4).
    pub(super) fn nexus_lost(&self, nexus: NexusId) {
        self.change(|state| {
            state.nexuses.remove(&nexus);
            state.release(nexus);
        });
    }

    /// Drops what RESERVE gave to a nexus that may live on.
    pub(super) fn released_by(&self, nexus: NexusId) {
        self.change(|state| state.release(nexus));
    }

    /// The unit is reset (SAM-5 §6.3.3).
    pub(super) fn reset(&self) {
        self.change(|state| state.reserved = None);
    }

    /// The unit is as though it had been switched off and on: without APTPL nothing persistent is left.
    pub(super) fn switched_on(&self) {
        self.change(|state| {
            if !state.persistent.survives_power_loss {
                state.persistent = Persistent::default();
            }
        });
        self.reset();
    }

    /// Returns whether `cdb` of `nexus` must not run.
    pub(super) fn conflicts(&self, nexus: &ItNexus, spec: &CommandSpec, cdb: &Cdb) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let restriction = self.lock().over(nexus);
        restriction.is_some_and(|restriction| !spec.is_allowed_during(restriction, cdb))
    }

    /// Returns who holds a reservation, be it there or not.
    pub(super) fn holders(&self) -> Vec<NexusName> {
        if !self.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        let state = self.lock();
        if let Some(reserved) = &state.reserved {
            let holder = state.nexuses.get(&reserved.nexus);
            return holder.map(ItNexus::name).into_iter().collect();
        }
        let persistent = &state.persistent;
        match persistent.held.as_ref().map(|held| &held.holder) {
            None => Vec::new(),
            Some(HeldBy::One(holder)) => vec![holder.clone()],
            Some(HeldBy::AllRegistrants) => {
                let registered = persistent.registrations.iter();
                registered.map(|it| it.nexus.clone()).collect()
            }
        }
    }

    /// RESERVE(6) and RESERVE(10) of `nexus`.
    pub(super) fn reserve(&self, nexus: &ItNexus) -> Response {
        respond(self.change(|state| state.reserve(nexus, SystemTime::now())))
    }

    /// RELEASE(6) and RELEASE(10) of `nexus`.
    pub(super) fn release(&self, nexus: &ItNexus) -> Response {
        respond(self.change(|state| state.release_command(nexus)))
    }

    /// PERSISTENT RESERVE OUT of `nexus`. Returns the nexuses whose commands are to be aborted before
    /// the response is sent. Waits for the disk with APTPL.
    pub(super) fn persistent_reserve_out(
        &self,
        nexus: &ItNexus,
        command: &Command,
    ) -> (Response, Vec<NexusId>) {
        let length = PersistentReserveOut::parameter_list_length(&command.cdb);
        let done = PersistentReserveOut::parse(&command.cdb, &command.data_out)
            .map_err(Refusal::Check)
            .and_then(|parsed| self.persist(nexus, parsed));
        let (response, aborted) = match done {
            Ok(aborted) => (Response::good(), aborted),
            Err(Refusal::Conflict) => (respond(Err(Conflict)), Vec::new()),
            Err(Refusal::Check(sense)) => (sense.into(), Vec::new()),
        };
        (response.with_data_out_length(length), aborted)
    }

    fn persist(
        &self,
        nexus: &ItNexus,
        command: PersistentReserveOut,
    ) -> Result<Vec<NexusId>, Refusal> {
        let store = self.store_lock();
        if store.is_none() && wants_to_survive(&command) {
            return Err(Sense::invalid_field_in_parameter_list(20).at_bit(0).into());
        }
        let mut persistent = {
            let state = self.lock();
            if state.reserved.is_some() {
                return Err(Refusal::Conflict); // the holder's own, too
            }
            state.persistent.clone()
        };
        let done = persistent.apply(&nexus.name(), command, SystemTime::now())?;
        self.put_in_force(store.as_deref(), persistent)
            .map_err(|error| {
                tracing::error!(%error, "a persistent reservation could not be kept");
                let failure = AdditionalSense::INTERNAL_TARGET_FAILURE;
                Sense::new(SenseKey::HardwareError, failure)
            })?;
        Ok(self.tell(&done))
    }

    /// Saves `persistent` if it, or what it replaces, is to survive, and makes it the truth.
    fn put_in_force(
        &self,
        store: Option<&dyn ReservationStore>,
        persistent: Persistent,
    ) -> Result<(), Error> {
        let survived = self.lock().persistent.survives_power_loss;
        if let Some(store) = store
            && (survived || persistent.survives_power_loss)
        {
            store.save(&persistent)?;
        }
        self.change(|state| state.persistent = persistent);
        Ok(())
    }

    /// Establishes the unit attentions of a change for those who have a nexus now, and returns whose
    /// commands end.
    fn tell(&self, done: &Consequences) -> Vec<NexusId> {
        let state = self.lock();
        for (name, additional) in &done.attentions {
            for nexus in state.nexuses.values().filter(|nexus| name.names(nexus)) {
                self.attentions.establish_for(nexus.id, *additional);
            }
        }
        let ends = |nexus: &&ItNexus| done.aborted.iter().any(|name| name.names(nexus));
        let aborted = state.nexuses.values().filter(ends);
        aborted.map(|nexus| nexus.id).collect()
    }

    /// Takes everything from everybody; who had something is told RESERVATIONS PREEMPTED. With an
    /// error nothing is taken.
    pub(super) fn clear(&self) -> Result<(), Error> {
        let store = self.store_lock();
        let mut persistent = self.lock().persistent.clone();
        let registered = persistent.registrations.clone();
        persistent.forget();
        self.put_in_force(store.as_deref(), persistent)?;
        let preempted = AdditionalSense::RESERVATIONS_PREEMPTED;
        self.tell(&Consequences {
            attentions: registered
                .into_iter()
                .map(|it| (it.nexus, preempted))
                .collect(),
            aborted: Vec::new(),
        });
        if let Some(reserved) = self.change(|state| state.reserved.take()) {
            self.attentions.establish_for(reserved.nexus, preempted);
        }
        Ok(())
    }

    fn change<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = work(&mut state);
        if state.persistent.registrations.is_empty() {
            state.registered_since = None;
        } else {
            state.registered_since.get_or_insert_with(SystemTime::now);
        }
        let any = state.reserved.is_some() || state.persistent.held.is_some();
        self.any.store(any, Ordering::Release);
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store_lock(&self) -> MutexGuard<'_, Option<Arc<dyn ReservationStore>>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns how `nexus` is restricted.
    fn over(&self, nexus: &ItNexus) -> Option<Restriction> {
        match &self.reserved {
            Some(reserved) => reserved.over(nexus.id),
            None => self.persistent.over(&nexus.name()),
        }
    }
}

/// Returns whether a command has APTPL.
fn wants_to_survive(command: &PersistentReserveOut) -> bool {
    match command {
        PersistentReserveOut::Register(registration) => registration.persist,
        PersistentReserveOut::RegisterAndMove(command) => command.persist,
        _ => false,
    }
}

fn respond(result: Result<(), Conflict>) -> Response {
    match result {
        Ok(()) => Response::good(),
        Err(Conflict) => Response::status(Status::ReservationConflict),
    }
}
