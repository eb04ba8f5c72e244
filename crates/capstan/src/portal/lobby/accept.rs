//! The listening sockets: accepting, and what to do when there are no descriptors for it.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, EventFlags};
use rustix::io::Errno;

use super::source::Source;
use super::table::GuestId;
use super::turn::{Host, door_data};
use crate::portal::connection::Connection;
use crate::portal::inbox::Inbox;
use crate::portal::refusals::{Refusal, What};
use crate::portal::socket;

/// The listening sockets.
pub(super) struct Doors {
    sockets: Vec<TcpListener>,
    /// Nobody is accepted until then.
    shut_until: Option<Instant>,
}

/// What came of an attempt to accept.
pub(super) enum Accepted {
    /// Somebody is here.
    Guest(TcpStream, SocketAddr),
    /// Somebody was here and has gone.
    Gone,
    /// Nobody waits.
    Nobody,
    /// Somebody waits, and we cannot take it.
    Shortage(io::Error),
}

impl Doors {
    pub(super) fn new(sockets: Vec<TcpListener>) -> Self {
        Self {
            sockets,
            shut_until: None,
        }
    }

    /// Accepts somebody at a door.
    pub(super) fn accept(&self, door: usize) -> Accepted {
        let Some(socket) = self.sockets.get(door) else {
            return Accepted::Nobody;
        };
        match socket.accept() {
            Ok((stream, peer)) => Accepted::Guest(stream, peer),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Accepted::Nobody,
            Err(error) if is_the_peers_affair(&error) => Accepted::Gone,
            Err(error) => Accepted::Shortage(error),
        }
    }

    /// Lets nobody in for [`PAUSE`].
    pub(super) fn pause(&mut self, now: Instant) {
        self.shut_until = Some(now + PAUSE);
    }

    /// Returns when a pause ends, while there is one.
    pub(super) fn shut_until(&self) -> Option<Instant> {
        self.shut_until
    }

    /// Ends a pause that is over; returns whether there was one.
    pub(super) fn reopen(&mut self, now: Instant) -> bool {
        let is_over = self.shut_until.is_some_and(|until| until <= now);
        if is_over {
            self.shut_until = None;
        }
        is_over
    }

    /// Closes all of them for good.
    pub(super) fn close(&mut self) {
        self.sockets.clear();
        self.shut_until = None;
    }

    /// Returns the sockets with their numbers.
    pub(super) fn sockets(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        let sockets = self.sockets.iter();
        sockets
            .enumerate()
            .map(|(door, socket)| (door, socket.as_fd()))
    }
}

impl Host {
    /// Lets in who waits at a door, but not more at once than is good for those who are inside.
    pub(super) fn accept(&mut self, door: usize) {
        for _ in 0..ACCEPTS_PER_TURN {
            match self.doors.accept(door) {
                Accepted::Guest(stream, peer) => {
                    if let Err(error) = self.receive(stream, peer) {
                        self.shortage(&error);
                        return;
                    }
                }
                Accepted::Gone => {}
                Accepted::Nobody => return,
                Accepted::Shortage(error) => {
                    self.shortage(&error);
                    return;
                }
            }
        }
    }

    /// Gives somebody who has just come a place.
    fn receive(&mut self, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        let source = Source::of(peer.ip());
        match self.table.room_for(source, Instant::now()) {
            Ok(None) => {}
            Ok(Some(victim)) => self.displace(victim, "it made room for another connection"),
            Err(no_room) => {
                self.turn_away(peer, no_room.to_string());
                return Ok(());
            }
        }
        let inbox = Inbox::new()?;
        let permit = match self.shared.admission.admit(&inbox) {
            Ok(permit) => permit,
            Err(refused) => {
                self.turn_away(peer, refused.to_string());
                return Ok(());
            }
        };
        let shared = Arc::clone(&self.shared);
        // Whoever is gone already is no shortage of ours.
        let connection = socket::tune(&stream)
            .and_then(|()| Connection::new(stream, peer, shared, inbox, permit));
        let Ok(connection) = connection else {
            return Ok(());
        };
        self.seat(source, connection)
    }

    fn turn_away(&self, peer: SocketAddr, reason: String) {
        self.shared.refusals.tell(Refusal {
            what: What::TurnedAway,
            peer,
            initiator: None,
            reason,
        });
    }

    fn displace(&mut self, victim: GuestId, reason: &str) {
        if let Some(mut connection) = self.dismiss(victim) {
            connection.displaced(reason);
        }
    }

    /// Gives descriptors back and takes none for a while. Sessions and cartridges come first.
    fn shortage(&mut self, error: &io::Error) {
        let now = Instant::now();
        let reason = format!("it made room, because we cannot accept connections: {error}");
        for _ in 0..FREED_ON_SHORTAGE {
            let Some(victim) = self.table.least_missed(now) else {
                break;
            };
            self.displace(victim, &reason);
        }
        tracing::debug!("accepting pauses: {error}");
        self.doors.pause(now);
        self.watch_doors(EventFlags::empty());
    }

    pub(super) fn watch_doors(&self, interest: EventFlags) {
        for (door, socket) in self.doors.sockets() {
            if let Err(errno) = epoll::modify(&self.epoll, socket, door_data(door), interest) {
                tracing::error!("cannot watch a listening socket: {errno}");
            }
        }
    }
}

/// The peer was gone before we looked; accept(2): "treat them like EAGAIN by retrying".
fn is_the_peers_affair(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    errno.is_some_and(|errno| {
        matches!(
            errno,
            Errno::CONNABORTED
                | Errno::INTR
                | Errno::NETDOWN
                | Errno::PROTO
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::NONET
                | Errno::HOSTUNREACH
                | Errno::OPNOTSUPP
                | Errno::NETUNREACH
        )
    })
}

/// For how long nobody is accepted when there are no descriptors.
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// How many guests go then, so that sessions and cartridges find descriptors.
pub(super) const FREED_ON_SHORTAGE: usize = 16;
/// How many connections are taken from one door before those who are inside have another turn.
const ACCEPTS_PER_TURN: usize = 64;
