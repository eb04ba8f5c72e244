//! Who is logged in.
//!
//! # Purpose
//! One session for each initiator port and target (RFC 7143 §6.3.5): a login with the same initiator
//! name, ISID and target replaces the session that is there. The old session's nexus must be gone
//! before the new login is answered, so that nothing of the old one (tasks, prevention of removal)
//! can hurt the new one.
//!
//! # Ordering
//! ```text
//! new connection            registry              old connection
//! claim(key) ──────────────► waits for owner ────► Message::Replaced
//!                                                  core closes, nexus dropped, claim dropped
//! Message::SessionFree ◄──── next owner ◄───────── (drop of the claim)
//! final login response
//! ```
//! Of several logins that race for one session the last wins: a waiting login is told
//! [`Message::Replaced`] too. Nobody blocks; a waiting login still answers to its own timeout.
//!
//! - `info`: what an administrator sees of a session, and can do to it.

mod info;

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use iscsi::event::LoginRequested;
use iscsi::login::Negotiated;
use iscsi::wire::{Isid, Tsih};

use super::inbox::{Inbox, Message};
pub use info::{Ending, SessionFacts, SessionInfo};

/// The registry of sessions.
#[derive(Default)]
pub struct Sessions {
    state: Mutex<State>,
    /// Signalled when a session has gone.
    gone: Condvar,
}

#[derive(Default)]
struct State {
    last_tsih: u16,
    next_claim: u64,
    slots: HashMap<Key, Slot>,
}

/// What names a session. Discovery sessions are never replaced; each has a key of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    initiator: String,
    isid: Isid,
    target: Option<String>,
    discovery: Option<u64>,
}

struct Slot {
    owner: Claimant,
    waiting: Option<Claimant>,
    /// Since the owner is logged in.
    established: Option<SessionInfo>,
}

struct Claimant {
    claim: u64,
    inbox: Arc<Inbox>,
    tsih: Tsih,
}

/// A login's hold on its session. Drop it after the nexus.
pub struct Claim {
    sessions: Arc<Sessions>,
    key: Key,
    id: u64,
    tsih: Tsih,
}

/// Whether a claim holds already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The session is free: go on.
    Now,
    /// Wait for [`Message::SessionFree`].
    Later,
}

/// What a connection that names a TSIH wants to join (RFC 7143 §6.3.5, §11.12.6).
#[derive(Clone, Debug, PartialEq)]
pub enum Join {
    /// There is no such session.
    Unknown,
    /// The session has all the connections that it may have: one.
    Full,
    /// It replaces the session's only connection, under the terms negotiated before.
    Reinstate(Negotiated),
}

impl Sessions {
    /// Claims the session of `login` for the connection with this inbox. Whoever has it is told to
    /// go.
    pub fn claim(self: &Arc<Self>, login: &LoginRequested, inbox: &Arc<Inbox>) -> (Claim, Turn) {
        let mut state = self.lock();
        state.next_claim += 1;
        let id = state.next_claim;
        let key = Key {
            initiator: login.initiator.clone(),
            isid: login.isid,
            target: login.target.clone(),
            discovery: login.target.is_none().then_some(id),
        };
        let tsih = if login.tsih == Tsih(0) {
            state.new_tsih()
        } else {
            login.tsih
        };
        let claimant = Claimant {
            claim: id,
            inbox: Arc::clone(inbox),
            tsih,
        };
        let turn = match state.slots.get_mut(&key) {
            None => {
                let slot = Slot {
                    owner: claimant,
                    waiting: None,
                    established: None,
                };
                state.slots.insert(key.clone(), slot);
                Turn::Now
            }
            Some(slot) => {
                slot.owner.inbox.post(Message::Replaced);
                if let Some(overtaken) = slot.waiting.replace(claimant) {
                    overtaken.inbox.post(Message::Replaced);
                }
                Turn::Later
            }
        };
        drop(state);
        (
            Claim {
                sessions: Arc::clone(self),
                key,
                id,
                tsih,
            },
            turn,
        )
    }

    /// Judges a login that names an existing session.
    pub fn join(&self, login: &LoginRequested) -> Join {
        let state = self.lock();
        let session = state.slots.values().find_map(|slot| {
            slot.established.as_ref().filter(|session| {
                let existing = &session.facts.login;
                session.tsih == login.tsih
                    && existing.initiator == login.initiator
                    && existing.isid == login.isid
                    && existing.target == login.target
            })
        });
        match session {
            None => Join::Unknown,
            Some(session) if session.facts.login.cid != login.cid => Join::Full,
            Some(session) => Join::Reinstate(session.facts.negotiated),
        }
    }

    /// Tells every session with `target` to close, except the one that asked for the reset: it
    /// closes after its response.
    pub fn reset_target(&self, target: &str, asker: &Claim) {
        for (key, slot) in &self.lock().slots {
            if key.target.as_deref() == Some(target) && slot.owner.claim != asker.id {
                slot.owner.inbox.post(Message::TargetReset);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// RFC 7143 §11.12.6: not zero, and not in use.
    fn new_tsih(&mut self) -> Tsih {
        loop {
            self.last_tsih = self.last_tsih.checked_add(1).unwrap_or(1);
            let tsih = Tsih(self.last_tsih);
            let in_use = self.slots.values().any(|slot| {
                slot.owner.tsih == tsih || slot.waiting.as_ref().is_some_and(|w| w.tsih == tsih)
            });
            // There are fewer connections than numbers, so this ends.
            if !in_use {
                return tsih;
            }
        }
    }
}

impl Claim {
    /// Returns the number under which the session is listed.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Returns the session's number.
    pub fn tsih(&self) -> Tsih {
        self.tsih
    }

    /// The login is done: the session is listed from now on.
    pub fn established(&self, facts: SessionFacts) {
        let since_unix_ms = unix_ms();
        let mut state = self.sessions.lock();
        if let Some(slot) = state.slots.get_mut(&self.key)
            && slot.owner.claim == self.id
        {
            slot.established = Some(SessionInfo {
                id: self.id,
                tsih: self.tsih,
                since_unix_ms,
                facts,
            });
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.sessions.lock();
        let Some(slot) = state.slots.get_mut(&self.key) else {
            return;
        };
        if slot
            .waiting
            .as_ref()
            .is_some_and(|waiting| waiting.claim == self.id)
        {
            slot.waiting = None;
        } else if slot.owner.claim == self.id {
            match slot.waiting.take() {
                Some(next) => {
                    next.inbox.post(Message::SessionFree);
                    slot.owner = next;
                    slot.established = None;
                }
                None => {
                    state.slots.remove(&self.key);
                }
            }
            drop(state);
            self.sessions.gone.notify_all();
        }
    }
}

/// Returns the time in milliseconds since 1970.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
