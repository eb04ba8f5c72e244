//! The lobby's thread: it waits, and gives everybody who is ready a turn.

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;

use super::accept::Doors;
use super::source::Source;
use super::table::{GuestId, Places, Table};
use super::{Bell, Wish};
use crate::portal::Shared;
use crate::portal::connection::{Connection, Stay, timespec};

/// Who runs the lobby.
pub(super) struct Host {
    pub(super) epoll: OwnedFd,
    bell: Arc<Bell>,
    pub(super) doors: Doors,
    pub(super) table: Table<Guest>,
    deadlines: BTreeSet<(Instant, GuestId)>,
    pub(super) shared: Arc<Shared>,
}

/// A connection with what the lobby has arranged for it.
pub(super) struct Guest {
    pub(super) connection: Box<Connection>,
    /// What epoll watches its socket for.
    interest: EventFlags,
    deadline: Option<Instant>,
}

impl Host {
    pub(super) fn new(
        sockets: Vec<TcpListener>,
        shared: Arc<Shared>,
        bell: Arc<Bell>,
        places: Places,
    ) -> io::Result<Self> {
        let host = Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            bell,
            doors: Doors::new(sockets),
            table: Table::new(places),
            deadlines: BTreeSet::new(),
            shared,
        };
        epoll::add(&host.epoll, &host.bell.wake, BELL, EventFlags::IN)?;
        for (door, socket) in host.doors.sockets() {
            epoll::add(&host.epoll, socket, door_data(door), EventFlags::IN)?;
        }
        Ok(host)
    }

    /// Serves until the owner wants the end.
    pub(super) fn run(mut self) {
        let mut ready = Vec::with_capacity(READY_PER_TURN);
        loop {
            if let Err(error) = self.wait(&mut ready) {
                tracing::error!("the lobby cannot wait, nobody can log in any more: {error}");
                break;
            }
            match self.bell.wish() {
                Wish::Serve => {}
                Wish::CloseDoors => self.doors.close(),
                Wish::End => break,
            }
            let mut doors = Vec::new();
            for event in ready.drain(..) {
                match event.data.u64() {
                    data if data == BELL.u64() => {}
                    data if data & DOOR != 0 => doors.push((data & !DOOR) as usize),
                    data => self.turn(GuestId(data), event.flags),
                }
            }
            self.keep_deadlines();
            // Guests first: places that they leave need not be taken from others.
            for door in doors {
                self.accept(door);
            }
        }
        self.shared.refusals.close();
    }

    /// Waits until somebody is ready or a deadline has come.
    fn wait(&self, ready: &mut Vec<epoll::Event>) -> io::Result<()> {
        let first = self.deadlines.first().map(|(deadline, _)| *deadline);
        let due = [first, self.doors.shut_until(), self.shared.refusals.due()];
        let timeout = due.into_iter().flatten().min().map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            timespec(left)
        });
        let ready = rustix::buffer::spare_capacity(ready);
        match epoll::wait(&self.epoll, ready, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Gives a guest its turn.
    pub(super) fn turn(&mut self, id: GuestId, flags: EventFlags) {
        let Some(guest) = self.table.get_mut(id) else {
            return; // it went in this very turn
        };
        let hung_up = flags.intersects(EventFlags::HUP | EventFlags::RDHUP | EventFlags::ERR);
        let peer = guest.connection.peer();
        let connection = &mut guest.connection;
        let stay = catch_unwind(AssertUnwindSafe(|| connection.turn_in_lobby(hung_up)));
        match stay {
            Ok(Stay::Here) => self.arrange(id),
            Ok(Stay::Session) => self.leave(id),
            Ok(Stay::Nowhere) => {
                if let Some(connection) = self.dismiss(id) {
                    connection.close_politely();
                }
            }
            Err(_) => {
                tracing::error!(%peer, "the login ended in a bug");
                self.dismiss(id);
            }
        }
    }

    /// Takes note of what a guest waits for after its turn.
    fn arrange(&mut self, id: GuestId) {
        let Some(guest) = self.table.get_mut(id) else {
            return;
        };
        let connection = &guest.connection;
        let interest = connection.interest();
        if interest != guest.interest {
            if let Err(errno) = epoll::modify(&self.epoll, connection, guest_data(id), interest) {
                tracing::error!(peer = %connection.peer(), "cannot watch a connection: {errno}");
            }
            guest.interest = interest;
        }
        let deadline = connection.deadline();
        let standing = connection.standing();
        if deadline != guest.deadline {
            if let Some(before) = std::mem::replace(&mut guest.deadline, deadline) {
                self.deadlines.remove(&(before, id));
            }
            if let Some(deadline) = deadline {
                self.deadlines.insert((deadline, id));
            }
        }
        self.table.set_standing(id, standing);
    }

    /// Gives a connection a place and watches it.
    pub(super) fn seat(&mut self, source: Source, connection: Connection) -> io::Result<()> {
        let (interest, deadline) = (connection.interest(), connection.deadline());
        let standing = connection.standing();
        let guest = Guest {
            connection: Box::new(connection),
            interest,
            deadline,
        };
        let id = self.table.seat(source, standing, guest);
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, id));
        }
        let Some(guest) = self.table.get_mut(id) else {
            return Ok(());
        };
        let connection = &*guest.connection;
        let watched =
            epoll::add(&self.epoll, connection, guest_data(id), interest).and_then(|()| {
                let inbox = connection.inbox();
                epoll::add(&self.epoll, inbox, guest_data(id), EventFlags::IN)
            });
        if let Err(errno) = watched {
            self.dismiss(id);
            return Err(errno.into());
        }
        Ok(())
    }

    /// Takes a guest out of the lobby.
    pub(super) fn dismiss(&mut self, id: GuestId) -> Option<Box<Connection>> {
        let Guest {
            connection,
            deadline,
            ..
        } = self.table.remove(id)?;
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, id));
        }
        // What epoll does not know any more it need not forget.
        let _ = epoll::delete(&self.epoll, &*connection);
        let _ = epoll::delete(&self.epoll, connection.inbox());
        Some(connection)
    }

    /// Does what time demands.
    fn keep_deadlines(&mut self) {
        let now = Instant::now();
        let due: Vec<GuestId> = self
            .deadlines
            .iter()
            .take_while(|(deadline, _)| *deadline <= now)
            .map(|(_, id)| *id)
            .collect();
        for id in due {
            self.turn(id, EventFlags::empty());
        }
        if self.doors.reopen(now) {
            self.watch_doors(EventFlags::IN);
        }
        self.shared.refusals.tell_counts(now);
    }
}

/// What epoll says when it is the bell.
const BELL: EventData = EventData::new_u64(u64::MAX);
/// The bit that tells doors from guests.
const DOOR: u64 = 1 << 63;

pub(super) fn door_data(door: usize) -> EventData {
    EventData::new_u64(DOOR | door as u64)
}

pub(super) fn guest_data(id: GuestId) -> EventData {
    EventData::new_u64(id.0)
}

/// How many ready descriptors are taken at a time. When there are more, the system hands out the
/// others next time (epoll_wait(2): "round robin"), so nobody is forgotten.
const READY_PER_TURN: usize = 256;
