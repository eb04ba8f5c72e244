//! Who is connected, and how many sessions there may be.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::inbox::{Inbox, Message};

/// Counts sessions and knows the inbox of every connection.
pub struct Admission {
    sessions_max: usize,
    state: Mutex<State>,
    /// Signalled when a connection went.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    next: u64,
    inboxes: HashMap<u64, Arc<Inbox>>,
    sessions: usize,
    shutting_down: bool,
}

/// Why somebody has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// All places for sessions are taken.
    #[error("there are as many sessions as iscsi.connections_max allows")]
    Full,
    /// We are going.
    #[error("the gateway is shutting down")]
    ShuttingDown,
}

/// A connection is here. Its drop says that it is not.
pub struct Permit {
    admission: Arc<Admission>,
    id: u64,
}

/// A place for one session. Its drop gives the place back.
pub struct Place {
    admission: Arc<Admission>,
}

impl Admission {
    /// Returns an admission for this many sessions.
    pub fn new(sessions_max: usize) -> Arc<Self> {
        Arc::new(Self {
            sessions_max,
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// Returns how many sessions there may be.
    pub fn sessions_max(&self) -> usize {
        self.sessions_max
    }

    /// Lets a connection in whose inbox is `inbox`.
    pub fn admit(self: &Arc<Self>, inbox: &Arc<Inbox>) -> Result<Permit, Refused> {
        let mut state = self.lock();
        if state.shutting_down {
            return Err(Refused::ShuttingDown);
        }
        let id = state.next;
        state.next += 1;
        state.inboxes.insert(id, Arc::clone(inbox));
        Ok(Permit {
            admission: Arc::clone(self),
            id,
        })
    }

    /// Takes a place for a session.
    pub fn place(self: &Arc<Self>) -> Result<Place, Refused> {
        let mut state = self.lock();
        if state.sessions >= self.sessions_max {
            return Err(Refused::Full);
        }
        state.sessions += 1;
        Ok(Place {
            admission: Arc::clone(self),
        })
    }

    /// Lets nobody in any more, and tells everybody to go.
    pub fn shut_down(&self) {
        let mut state = self.lock();
        state.shutting_down = true;
        for inbox in state.inboxes.values() {
            inbox.post(Message::ShutDown);
        }
    }

    /// Waits until nobody is left, at most for `patience`. Returns how many are left.
    pub fn wait_until_empty(&self, patience: Duration) -> usize {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if state.inboxes.is_empty() || left.is_zero() {
                return state.inboxes.len();
            }
            let (guard, _) = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
            state = guard;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.lock().inboxes.remove(&self.id);
        self.admission.changed.notify_all();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.lock().sessions -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_bounded_and_their_places_come_back() {
        let admission = Admission::new(1);
        let first = admission.place().ok().unwrap();
        assert_eq!(admission.place().err(), Some(Refused::Full));
        drop(first);
        assert!(admission.place().is_ok());
    }

    #[test]
    fn shut_down_tells_everybody_and_lets_nobody_in() {
        let admission = Admission::new(10);
        let inbox = Inbox::new().unwrap();
        let permit = admission.admit(&inbox).ok().unwrap();
        admission.shut_down();
        assert!(matches!(inbox.take().as_slice(), [Message::ShutDown]));
        let late = admission.admit(&Inbox::new().unwrap());
        assert_eq!(late.err(), Some(Refused::ShuttingDown));
        assert_eq!(admission.wait_until_empty(Duration::from_millis(1)), 1);
        drop(permit);
        assert_eq!(admission.wait_until_empty(Duration::ZERO), 0);
    }
}
