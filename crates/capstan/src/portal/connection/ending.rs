//! The end of a connection: who is told, in which order, and what the log says.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use iscsi::{CloseReason, LoginRequested};

use super::super::socket;
use super::Connection;
use super::login::Establishing;

/// Whether a person should look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Orderly {
    /// This is how it should be.
    Yes,
    /// Somebody or something failed.
    No,
}

impl Connection {
    pub(super) fn closed(&mut self, reason: CloseReason) {
        // Now and not with the last byte: somebody may wait for the session.
        self.establishing = Establishing::Not;
        self.nexus = None;
        self.place = None;
        self.claim = None;
        self.flush_until = Some(Instant::now() + FLUSH_TIMEOUT);
        let why = match (reason, self.refusal.take()) {
            (CloseReason::Requested, Some(why)) => why,
            (reason, _) => describe(reason).to_owned(),
        };
        let orderly = match reason {
            CloseReason::LoggedOut | CloseReason::LoginRefused | CloseReason::Requested => {
                Orderly::Yes
            }
            _ => Orderly::No,
        };
        match reason {
            CloseReason::LoginRefused => {} // told with its status
            _ if self.login.is_none() => self.log_lost(&why),
            _ => self.log_end(&why, orderly),
        }
    }

    /// The connection went without a word of the core.
    pub(super) fn log_lost(&mut self, why: &str) {
        if self.login.is_none() && self.has_spoken() {
            self.login_unfinished(why);
        } else {
            self.log_end(why, Orderly::Yes);
        }
    }

    /// Whether anything that looks like a login has come. Who only looks whether the port is open has
    /// not failed to log in.
    fn has_spoken(&self) -> bool {
        self.requests > 0
    }

    pub(super) fn log_end(&self, why: &str, orderly: Orderly) {
        let (session, peer) = (self.session, self.peer);
        let Some(LoginRequested {
            initiator,
            target: Some(target),
            ..
        }) = &self.login
        else {
            tracing::debug!(%peer, why, "connection closed");
            return;
        };
        match orderly {
            Orderly::Yes => tracing::info!(session, initiator, target, %peer, why, "logout"),
            Orderly::No => tracing::warn!(session, initiator, target, %peer, why, "session lost"),
        }
    }

    /// Closes so that the peer gets the last of what we said: with unread bytes in the socket the
    /// system would send a reset, which overtakes.
    pub fn close_politely(self) {
        if self.socket.shutdown(Shutdown::Write).is_err() {
            return; // the peer was faster
        }
        let mut scratch = [0; 16 << 10];
        for _ in 0..LAST_RECEIVES {
            match socket::receive(&self.socket, &mut scratch) {
                Ok(socket::Moved::Bytes(_)) => {}
                Ok(socket::Moved::WouldBlock | socket::Moved::End) | Err(_) => return,
            }
        }
    }
}

fn describe(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::LoggedOut => "the initiator logged out",
        CloseReason::LoginRefused => "login refused",
        CloseReason::LoginTimeout => "the login took too long",
        CloseReason::PingTimeout => "the initiator does not answer",
        CloseReason::LogoutTimeout => "the initiator did not log out when asked to",
        CloseReason::HeaderDigestError => "header digest mismatch",
        CloseReason::ProtocolError(what) => what,
        CloseReason::NotReading => "the initiator sends and does not read",
        CloseReason::Stalled => {
            "the initiator stands still and holds memory that others wait for (iscsi.memory_max)"
        }
        CloseReason::TargetReset => "target cold reset",
        CloseReason::Requested => "closed by the gateway",
    }
}

/// How much of what nobody will read is taken before a close: 128 KiB, more than any login.
const LAST_RECEIVES: usize = 8;
/// How long the last output of a closed connection is worth waiting for.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
