//! A session as an administrator sees it, and the end that an administrator makes of it.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use iscsi::MemoryMeter;
use iscsi::event::LoginRequested;
use iscsi::login::Negotiated;
use iscsi::wire::Tsih;
use tape_library::NexusWatch;

use super::super::inbox::Message;
use super::super::traffic::Traffic;
use super::Sessions;

/// A session that is logged in.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    /// Our number for it. Never used twice while the daemon runs.
    pub id: u64,
    /// The number that the initiator knows. Used again after a while.
    pub tsih: Tsih,
    /// When it logged in.
    pub since_unix_ms: u64,
    /// Who it is.
    pub facts: SessionFacts,
}

/// What is known of a session when its login is done.
#[derive(Clone, Debug)]
pub struct SessionFacts {
    /// Who logged in, to what.
    pub login: LoginRequested,
    /// What was agreed.
    pub negotiated: Negotiated,
    /// Where the connection comes from.
    pub peer: SocketAddr,
    /// Which of our addresses it uses.
    pub local: SocketAddr,
    /// What it has done.
    pub traffic: Arc<Traffic>,
    /// How much memory it has reserved.
    pub memory: MemoryMeter,
    /// What it holds; nothing in a discovery session.
    pub nexus: Option<NexusWatch>,
}

/// How to end a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Close the connection.
    Drop,
    /// Ask the initiator to log out (RFC 7143 §11.9, event 1); close when it does not.
    Ask,
}

impl Sessions {
    /// Returns all sessions, in the order of their logins.
    pub fn list(&self) -> Vec<SessionInfo> {
        let state = self.lock();
        let established = state
            .slots
            .values()
            .filter_map(|slot| slot.established.as_ref());
        let mut sessions: Vec<SessionInfo> = established.cloned().collect();
        drop(state);
        sessions.sort_by_key(|session| session.id);
        sessions
    }

    /// Tells session `id` to end, and returns what it was; `None` when there is none. Does not wait.
    pub fn end(&self, id: u64, ending: Ending) -> Option<SessionInfo> {
        let state = self.lock();
        let mut slots = state.slots.values();
        let slot = slots.find(|slot| slot.owner.claim == id)?;
        let session = slot.established.clone()?;
        slot.owner.inbox.post(match ending {
            Ending::Drop => Message::Dropped,
            Ending::Ask => Message::AskedToLogOut,
        });
        Some(session)
    }

    /// Waits until session `id` is gone, its nexus included, at most for `patience`. Returns whether
    /// it is.
    pub fn wait_until_gone(&self, id: u64, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            let is_there = |slot: &super::Slot| slot.owner.claim == id;
            if !state.slots.values().any(is_there) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .gone
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
