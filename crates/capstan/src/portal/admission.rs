//! How many connections there may be, and who of them is still at the door.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::inbox::{Inbox, Message};

/// Counts connections and knows the inbox of each.
pub struct Admission {
    connections_max: usize,
    state: Mutex<State>,
    /// Signalled when a connection went.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    next: u64,
    inboxes: HashMap<u64, Arc<Inbox>>,
    half_open: usize,
    half_open_from: HashMap<IpAddr, usize>,
    shutting_down: bool,
}

/// Why a connection is closed as soon as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// All places are taken.
    #[error("there are as many connections as iscsi.connections_max allows")]
    Full,
    /// Too many are logging in.
    #[error("{HALF_OPEN_MAX} connections have not logged in")]
    TooManyLogins,
    /// Too many from this address are logging in.
    #[error("{HALF_OPEN_PER_SOURCE_MAX} connections from this address have not logged in")]
    TooManyLoginsFromSource,
    /// We are going.
    #[error("the gateway is shutting down")]
    ShuttingDown,
}

/// A place for one connection. Its drop gives the place back.
pub struct Permit {
    admission: Arc<Admission>,
    id: u64,
    /// While the login lasts.
    half_open_from: Option<IpAddr>,
}

impl Admission {
    /// Returns an admission with this many places.
    pub fn new(connections_max: usize) -> Arc<Self> {
        Arc::new(Self {
            connections_max,
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// Takes a place for a connection from `source` whose inbox is `inbox`.
    pub fn admit(self: &Arc<Self>, source: IpAddr, inbox: &Arc<Inbox>) -> Result<Permit, Refused> {
        let source = source.to_canonical();
        let mut state = self.lock();
        let from_source = state.half_open_from.get(&source).copied().unwrap_or(0);
        match () {
            () if state.shutting_down => return Err(Refused::ShuttingDown),
            () if state.inboxes.len() >= self.connections_max => return Err(Refused::Full),
            () if from_source >= HALF_OPEN_PER_SOURCE_MAX => {
                return Err(Refused::TooManyLoginsFromSource);
            }
            () if state.half_open >= HALF_OPEN_MAX => return Err(Refused::TooManyLogins),
            () => {}
        }
        let id = state.next;
        state.next += 1;
        state.inboxes.insert(id, Arc::clone(inbox));
        state.half_open += 1;
        *state.half_open_from.entry(source).or_default() += 1;
        Ok(Permit {
            admission: Arc::clone(self),
            id,
            half_open_from: Some(source),
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

impl State {
    fn no_longer_half_open(&mut self, source: IpAddr) {
        self.half_open -= 1;
        if let Some(count) = self.half_open_from.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.half_open_from.remove(&source);
            }
        }
    }
}

impl Permit {
    /// The login is done: the place at the door is free again.
    pub fn logged_in(&mut self) {
        if let Some(source) = self.half_open_from.take() {
            self.admission.lock().no_longer_half_open(source);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.admission.lock();
        if let Some(source) = self.half_open_from.take() {
            state.no_longer_half_open(source);
        }
        state.inboxes.remove(&self.id);
        drop(state);
        self.admission.changed.notify_all();
    }
}

/// Connections that have not logged in, from everywhere: each is a thread that waits.
pub const HALF_OPEN_MAX: usize = 128;
/// Of those from one address: a host logs in to a changer and some dozens of drives at once.
pub const HALF_OPEN_PER_SOURCE_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn admit(admission: &Arc<Admission>, source: IpAddr) -> Result<Permit, Refused> {
        admission.admit(source, &Inbox::new().unwrap())
    }

    #[test]
    fn one_source_cannot_take_every_place_at_the_door() {
        let admission = Admission::new(1000);
        let mut permits: Vec<Permit> = (0..HALF_OPEN_PER_SOURCE_MAX)
            .map(|_| admit(&admission, HOST).ok().unwrap())
            .collect();
        assert_eq!(
            admit(&admission, HOST).err(),
            Some(Refused::TooManyLoginsFromSource)
        );
        let mapped = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(
            admit(&admission, mapped).err(),
            Some(Refused::TooManyLoginsFromSource)
        );
        assert!(admit(&admission, "192.0.2.2".parse().unwrap()).is_ok());
        permits[0].logged_in();
        assert!(admit(&admission, HOST).is_ok(), "a login makes room");
        permits.clear();
        assert_eq!(admission.wait_until_empty(Duration::ZERO), 0);
        assert!(admission.lock().half_open_from.is_empty());
    }

    #[test]
    fn all_places_together_are_bounded() {
        let admission = Admission::new(1);
        let mut first = admit(&admission, HOST).ok().unwrap();
        first.logged_in();
        assert_eq!(admit(&admission, HOST).err(), Some(Refused::Full));
        drop(first);
        assert!(admit(&admission, HOST).is_ok());
    }

    #[test]
    fn shut_down_tells_everybody_and_lets_nobody_in() {
        let admission = Admission::new(10);
        let inbox = Inbox::new().unwrap();
        let permit = admission.admit(HOST, &inbox).ok().unwrap();
        admission.shut_down();
        assert!(matches!(inbox.take().as_slice(), [Message::ShutDown]));
        assert_eq!(admit(&admission, HOST).err(), Some(Refused::ShuttingDown));
        assert_eq!(admission.wait_until_empty(Duration::from_millis(1)), 1);
        drop(permit);
        assert_eq!(admission.wait_until_empty(Duration::ZERO), 0);
    }
}
