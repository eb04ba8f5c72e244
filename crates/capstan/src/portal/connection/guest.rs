//! A connection in the lobby: short turns until it is a session, or over.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Instant;

use iscsi::{LoginStatus, SessionKind};
use rustix::event::epoll::EventFlags;

use super::login::Establishing;
use super::{Connection, socket};
use crate::portal::admission::Place;
use crate::portal::inbox::Inbox;
use crate::portal::lobby::Standing;

/// Where a connection belongs after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// In the lobby.
    Here,
    /// With a thread of its own: the login lacks only its last response.
    Session,
    /// Nowhere: it is over.
    Nowhere,
}

impl Connection {
    /// Receives a little, does what it causes, and sends. `hung_up` says that the peer sends no more.
    pub fn turn_in_lobby(&mut self, hung_up: bool) -> Stay {
        match self.try_turn(hung_up) {
            Ok(stay) => stay,
            Err(error) => {
                if self.flush_until.is_none() {
                    self.log_lost(&error.to_string());
                }
                Stay::Nowhere
            }
        }
    }

    fn try_turn(&mut self, hung_up: bool) -> io::Result<Stay> {
        if hung_up && !self.listens() {
            // It cannot get what we still have for it, or will not be there when its session is free.
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        self.receive_in_lobby()?;
        // In the order of `serve`, for the same reasons.
        self.core.tick(self.now());
        if self.is_idle_discovery() {
            self.refusal = Some("the discovery session was idle".to_owned());
            self.core.close();
        }
        self.read_inbox();
        self.handle_events();
        if matches!(self.establishing, Establishing::Free(_)) {
            return Ok(Stay::Session);
        }
        self.send()?;
        let is_over = self
            .flush_until
            .is_some_and(|deadline| !self.core.has_output() || Instant::now() >= deadline);
        Ok(if is_over { Stay::Nowhere } else { Stay::Here })
    }

    fn receive_in_lobby(&mut self) -> io::Result<()> {
        let blocked = self.core.has_output();
        for _ in 0..RECEIVES_PER_TURN {
            if !self.listens() {
                break;
            }
            match socket::receive(&self.socket, self.core.want())? {
                socket::Moved::Bytes(count) => {
                    let now = self.now();
                    self.core.received(count, now);
                    if self.core.pdus_received() > self.requests {
                        self.requests = self.core.pdus_received();
                        self.last_request = now;
                    }
                    self.handle_events();
                    if self.core.has_output() && !blocked {
                        break;
                    }
                }
                socket::Moved::WouldBlock => break,
                socket::Moved::End => return Err(io::Error::other(CLOSED_BY_PEER)),
            }
        }
        Ok(())
    }

    /// Whether what the peer says now is for us. What comes behind the last login request is for the
    /// session, and waits in the socket.
    fn listens(&self) -> bool {
        self.flush_until.is_none() && matches!(self.establishing, Establishing::Not)
    }

    fn is_idle_discovery(&self) -> bool {
        self.is_discovery() && self.now() >= self.last_request + self.shared.discovery_idle_max
    }

    fn is_discovery(&self) -> bool {
        let login = self.login.as_ref();
        login.is_some_and(|login| login.kind == SessionKind::Discovery)
    }

    /// Gives it a place among the sessions.
    pub fn take(&mut self, place: Place) {
        self.place = Some(place);
    }

    /// Refuses a login that is otherwise done: there is no room for its session.
    pub fn refuse_session(&mut self, reason: &str) {
        self.refusal = Some(reason.to_owned());
        self.establishing = Establishing::Not;
        self.core.session_refused(LoginStatus::OutOfResources);
    }

    /// It has to go, for another.
    pub fn displaced(&mut self, reason: &str) {
        if self.flush_until.is_none() {
            self.log_displaced(reason);
        }
    }

    /// Returns what to wait for.
    pub fn interest(&self) -> EventFlags {
        let mut interest = EventFlags::empty();
        if self.listens() {
            interest |= EventFlags::IN;
        } else if self.flush_until.is_none() {
            interest |= EventFlags::RDHUP;
        }
        if self.core.has_output() {
            interest |= EventFlags::OUT;
        }
        interest
    }

    /// Returns until when to wait at most.
    pub fn deadline(&self) -> Option<Instant> {
        let core = self.core.next_deadline();
        let idle = self
            .is_discovery()
            .then(|| self.last_request + self.shared.discovery_idle_max);
        let of_core = [core, idle].into_iter().flatten().min();
        let of_core = of_core.map(|deadline| self.started + deadline);
        [of_core, self.flush_until].into_iter().flatten().min()
    }

    /// Returns how its login goes.
    pub fn standing(&self) -> Standing {
        let since = self.started + self.last_request;
        match &self.establishing {
            _ if self.flush_until.is_some() => Standing::Leaves,
            Establishing::Waits(_) | Establishing::Free(_) => Standing::Waits,
            Establishing::Not if self.requests == 0 => Standing::HalfOpen { since },
            Establishing::Not => Standing::Speaks { since },
        }
    }

    /// Returns its inbox, to wait for.
    pub fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }
}

impl AsFd for Connection {
    /// The socket.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// How many receives make a turn: two requests with text, or a few without.
pub const RECEIVES_PER_TURN: usize = 8;
/// What the log says of a peer that goes without a word.
pub(super) const CLOSED_BY_PEER: &str = "the initiator closed without logging out";
