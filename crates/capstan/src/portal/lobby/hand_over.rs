//! From the lobby to a thread of its own.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::epoll::EventFlags;

use super::table::GuestId;
use super::turn::Host;
use crate::portal::connection::Connection;

impl Host {
    /// Lets a login that is done go to its session, if there may be one more.
    pub(super) fn leave(&mut self, id: GuestId) {
        let Some(guest) = self.table.get_mut(id) else {
            return;
        };
        match self.shared.admission.place() {
            Ok(place) => guest.connection.take(place),
            Err(refused) => {
                guest.connection.refuse_session(&refused.to_string());
                self.turn(id, EventFlags::empty()); // to say so
                return;
            }
        }
        let Some(connection) = self.dismiss(id) else {
            return;
        };
        if let Err((mut connection, error)) = hand_over(connection) {
            connection.refuse_session(&format!("no thread for it: {error}"));
            connection.turn_in_lobby(false);
            connection.close_politely();
        }
    }
}

/// Gives a session its thread. Everything goes with it: what the core has received and not handled,
/// what it has not sent, the claim on the session, the inbox with its messages. When there is no
/// thread to be had, the connection comes back.
fn hand_over(connection: Box<Connection>) -> Result<(), (Box<Connection>, io::Error)> {
    let name = format!("iscsi {}", connection.peer());
    let hands = Arc::new(Hands(Mutex::new(Some(connection))));
    let theirs = Arc::clone(&hands);
    let spawned = std::thread::Builder::new()
        .name(name)
        .stack_size(STACK_SIZE_BYTES)
        .spawn(move || {
            if let Some(connection) = theirs.take() {
                connection.run();
            }
        });
    match spawned {
        Ok(_) => Ok(()),
        // A thread that did not begin has taken nothing.
        Err(error) => hands
            .take()
            .map_or(Ok(()), |connection| Err((connection, error))),
    }
}

/// Holds the connection while it is not sure whether the thread begins.
struct Hands(Mutex<Option<Box<Connection>>>);

impl Hands {
    fn take(&self) -> Option<Box<Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Inline commands run on this stack, decompression too.
const STACK_SIZE_BYTES: usize = 1 << 20;
