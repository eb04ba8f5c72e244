//! Accepting: one thread for each address.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

use super::connection::Connection;
use super::inbox::Inbox;
use super::{Shared, socket};

/// A listening thread. It ends when this is dropped.
pub struct Listener {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Starts accepting.
    pub fn start(listener: TcpListener, shared: Arc<Shared>) -> io::Result<Self> {
        let stop = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let address = listener.local_addr()?;
        let thread = std::thread::Builder::new()
            .name(format!("portal {address}"))
            .spawn({
                let stop = Arc::clone(&stop);
                move || accept_until(&stop, &listener, &shared)
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Listener {
    /// Stops accepting; the socket is closed when this returns.
    fn drop(&mut self) {
        let _ = rustix::io::write(&self.stop, &1u64.to_ne_bytes()); // cannot overflow
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("a listening thread ended in a bug");
        }
    }
}

fn accept_until(stop: &OwnedFd, listener: &TcpListener, shared: &Arc<Shared>) {
    let mut complaints = Complaints::default();
    loop {
        let mut ready = [
            PollFd::new(stop, PollFlags::IN),
            PollFd::new(listener, PollFlags::IN),
        ];
        if let Err(errno) = poll(&mut ready, None)
            && errno != rustix::io::Errno::INTR
        {
            tracing::error!("cannot wait for connections: {errno}");
            return;
        }
        if !ready[0].revents().is_empty() {
            return;
        }
        match listener.accept() {
            Ok((stream, peer)) => {
                if let Err(error) = open(stream, peer, shared) {
                    complaints.add(peer, &error);
                }
            }
            Err(error) if is_the_peers_affair(error.kind()) => {}
            Err(error) => {
                // Most likely we are out of file descriptors: those that end will free some.
                tracing::warn!("cannot accept a connection: {error}");
                std::thread::sleep(PAUSE_AFTER_FAILURE);
            }
        }
    }
}

fn open(stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) -> io::Result<()> {
    let inbox = Inbox::new()?;
    let permit = match shared.admission.admit(peer.ip(), &inbox) {
        Ok(permit) => permit,
        Err(reason) => return Err(io::Error::other(reason)),
    };
    socket::tune(&stream)?;
    let connection = Connection::new(stream, peer, Arc::clone(shared), inbox, permit)?;
    std::thread::Builder::new()
        .name(format!("iscsi {peer}"))
        .stack_size(STACK_SIZE_BYTES)
        .spawn(move || connection.run())
        .map(drop)
}

/// Connections that were not served, told at most once per [`COMPLAINT_INTERVAL`]: whoever knocks a
/// thousand times per second must not fill the log too.
#[derive(Default)]
struct Complaints {
    last: Option<Instant>,
    untold: u64,
}

impl Complaints {
    fn add(&mut self, peer: SocketAddr, error: &io::Error) {
        if self
            .last
            .is_some_and(|last| last.elapsed() < COMPLAINT_INTERVAL)
        {
            self.untold += 1;
            return;
        }
        tracing::warn!(%peer, not_told_before = self.untold, "connection refused: {error}");
        self.last = Some(Instant::now());
        self.untold = 0;
    }
}

/// The peer was gone before we looked.
fn is_the_peers_affair(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
    )
}

const COMPLAINT_INTERVAL: Duration = Duration::from_mins(1);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
/// Inline commands run on this stack, decompression too.
const STACK_SIZE_BYTES: usize = 1 << 20;
