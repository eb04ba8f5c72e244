//! The lobby: everybody who has connected and is not a session yet, on one thread.
//!
//! # Purpose
//! One thread waits with epoll for all listening sockets and all connections that are logging in. None
//! of them makes it wait: sockets do not block, and a login that lacks only the session that it
//! replaces waits for a message. A normal session gets a thread of its own when everything but its
//! last login response is done; discovery sessions stay here for all their life.
//!
//! ```text
//!            accept            turn, turn, …                  hand-over
//! listening ───────► HalfOpen ──────────────► Speaks ──┬────► thread of the session ─► last response
//!                        │                       │     │
//!                        │                     Waits ◄─┘ until the old session has gone
//!                        ▼                       ▼
//!                     Leaves: refused, too late, displaced, discovery done
//! ```
//!
//! # Guarantees
//! - No login waits for another one. A turn of a guest is at most
//!   [`RECEIVES_PER_GUEST`](super::connection::RECEIVES_PER_GUEST) receives and what they cause, and the system hands out those that are ready in rotation, so that one that
//!   always has something to say does not come twice before the others.
//! - Somebody who connects is refused only while every login that could make room makes progress.
//! - A panic while a guest has its turn costs this guest alone.
//!
//! # Who has to go
//! There are [`Places::total`] places, and each [`Source`] (an IPv4 address, an IPv6 /64) may have
//! [`Places::per_source`] of them. Somebody who finds no place takes that of another:
//!
//! - A login *makes progress* as long as a complete request of it came within [`STALE_AFTER`],
//!   or it waits for us. It is never sent away.
//! - A source at its own limit makes room itself.
//! - With all places taken, the source that has most makes room, where all sources up to
//!   [`FAIR_SHARE`] places count alike; and nobody makes room for a source that has more than its
//!   own. So half-open connections displace each other.
//! - Within a source (or among such alike) go first those that are over and have output left, then
//!   those that never sent a complete request and are stale, then those that spoke and are stale,
//!   then those that have only just connected; the longest silent of each first.
//! - When none of this finds anybody, the newcomer is closed.
//!
//! To keep one other host out, somebody needs as many places as there are, all with complete login
//! requests once per second, from at least four sources.
//!
//! # Limits
//! Logins: places as above, `iscsi.login_timeout_seconds` for each, 64 KiB of text and 256 requests
//! (the core), so at most some 200 KiB of memory. Discovery sessions: places as above, and
//! [`DISCOVERY_IDLE_MAX`](super::DISCOVERY_IDLE_MAX) without a request; some 400 KiB. Sessions:
//! `iscsi.connections_max`, judged when the login is otherwise done, so that a host whose old session
//! is about to go is not refused; refused with 0302.
//!
//! # Running out of descriptors
//! The places leave descriptors to sessions and cartridges (`descriptors`). When accept fails
//! for want of them nevertheless, the least missed guests go (`accept::FREED_ON_SHORTAGE`), and accepting
//! pauses (`accept::PAUSE`): who connects meanwhile waits in the system's queue.
//!
//! # Shut-down
//! Doors are closed first; guests hear of it through their inboxes like sessions do: logins end, and
//! discovery sessions are asked to log out.

mod accept;
mod hand_over;
mod source;
mod table;
mod turn;

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, eventfd};

pub use self::source::Source;
pub use self::table::{FAIR_SHARE, Places, STALE_AFTER, Standing};

use self::turn::Host;
use super::{Shared, descriptors};

/// The lobby's thread.
pub struct Lobby {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

impl Lobby {
    /// Starts accepting on `sockets`, which do not block.
    pub fn open(sockets: Vec<TcpListener>, shared: Arc<Shared>) -> io::Result<Self> {
        let places = descriptors::places(shared.admission.sessions_max());
        Self::with_places(sockets, shared, places)
    }

    /// Starts accepting with this many places.
    pub fn with_places(
        sockets: Vec<TcpListener>,
        shared: Arc<Shared>,
        places: Places,
    ) -> io::Result<Self> {
        let bell = Arc::new(Bell {
            wish: AtomicU8::new(Wish::Serve as u8),
            wake: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
        });
        let host = Host::new(sockets, shared, Arc::clone(&bell), places)?;
        let thread = std::thread::Builder::new()
            .name("lobby".to_owned())
            .spawn(move || host.run())?;
        Ok(Self {
            bell,
            thread: Some(thread),
        })
    }

    /// Accepts nobody any more. Those who are inside stay, as long as they are not told to go.
    pub fn close_doors(&self) {
        self.bell.ring(Wish::CloseDoors);
    }
}

impl Drop for Lobby {
    /// Closes doors and connections; sessions that have their own thread stay.
    fn drop(&mut self) {
        self.bell.ring(Wish::End);
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the lobby ended in a bug");
        }
    }
}

/// What the lobby's owner wants; it only ever wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Wish {
    Serve = 0,
    CloseDoors = 1,
    End = 2,
}

/// How the owner calls.
struct Bell {
    wish: AtomicU8,
    wake: OwnedFd,
}

impl Bell {
    fn ring(&self, wish: Wish) {
        self.wish.fetch_max(wish as u8, Ordering::SeqCst);
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes()); // cannot overflow
    }

    fn wish(&self) -> Wish {
        let _ = rustix::io::read(&self.wake, &mut [0; 8]); // only would-block is possible
        match self.wish.load(Ordering::SeqCst) {
            0 => Wish::Serve,
            1 => Wish::CloseDoors,
            _ => Wish::End,
        }
    }
}
