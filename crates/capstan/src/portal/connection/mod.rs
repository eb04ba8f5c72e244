//! One connection: the loop between socket, inbox and the sans-IO core.
//!
//! A connection begins in the [lobby](super::lobby), which gives it turns (`guest`); with its session it
//! gets a thread, which runs [`Connection::run`].
//!
//! - `login`, `commands`, `ending`: what becomes of the core's events.

mod commands;
mod ending;
mod guest;
mod login;

use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use iscsi::{ConnectionParams, Event, LoginRequested};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use scsi::{AdditionalSense, Lun, Sense, SenseKey};
use tape_library::Nexus;

pub use self::guest::{RECEIVES_PER_TURN as RECEIVES_PER_GUEST, Stay};

use self::ending::Orderly;
use self::guest::CLOSED_BY_PEER;
use self::login::Establishing;
use super::admission::{Permit, Place};
use super::inbox::{Inbox, Message};
use super::sessions::Claim;
use super::traffic::Traffic;
use super::{Shared, socket};

/// A connection and everything that ends with it.
///
/// The order of the fields is the order of their drops: the nexus is gone, and the place free, before
/// the claim lets the next session in, and the permit is given back last.
pub struct Connection {
    core: iscsi::Connection,
    nexus: Option<Nexus>,
    /// Since it is a session.
    place: Option<Place>,
    claim: Option<Claim>,
    socket: TcpStream,
    inbox: Arc<Inbox>,
    shared: Arc<Shared>,
    peer: SocketAddr,
    local: SocketAddr,
    started: Instant,
    /// What the session has done.
    traffic: Arc<Traffic>,
    /// The number of the session, since it is one.
    session: Option<u64>,
    /// Who logged in, since it did.
    login: Option<LoginRequested>,
    /// Who it says that it is, since it said so.
    initiator: Option<String>,
    /// How many requests have come while it was in the lobby, and when the last of them.
    requests: u64,
    last_request: Duration,
    establishing: Establishing,
    /// The unit of the last command.
    commanded: Option<Lun>,
    /// A unit has answered with data since there was last nothing to do.
    answered_data: bool,
    /// Why we refused, for the log.
    refusal: Option<String>,
    /// Since the core said that it is over: until when the rest of the output is worth sending.
    flush_until: Option<Instant>,
    _permit: Permit,
}

impl Connection {
    /// Returns the connection for an accepted socket.
    pub fn new(
        socket: TcpStream,
        peer: SocketAddr,
        shared: Arc<Shared>,
        inbox: Arc<Inbox>,
        permit: Permit,
    ) -> io::Result<Self> {
        let local = canonical(socket.local_addr()?);
        let peer = canonical(peer);
        let mut core = iscsi::Connection::new(ConnectionParams {
            limits: shared.limits.clone(),
            offer: iscsi::Offer::default(),
            random: Box::new(fill_from_the_system),
            now: Duration::ZERO,
        });
        core.set_memory_waker({
            let inbox = Arc::clone(&inbox);
            move || inbox.post(Message::MemoryAvailable)
        });
        Ok(Self {
            core,
            nexus: None,
            place: None,
            claim: None,
            socket,
            inbox,
            shared,
            peer,
            local,
            started: Instant::now(),
            traffic: Arc::default(),
            session: None,
            login: None,
            initiator: None,
            requests: 0,
            last_request: Duration::ZERO,
            establishing: Establishing::Not,
            commanded: None,
            answered_data: false,
            refusal: None,
            flush_until: None,
            _permit: permit,
        })
    }

    /// Returns where it comes from.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Serves a session from its last login response until the connection is over.
    pub fn run(mut self) {
        let result = self.begin().and_then(|()| self.serve());
        if self.flush_until.is_none() {
            match result {
                Ok(()) => self.log_end(CLOSED_BY_PEER, Orderly::Yes),
                Err(error) => self.log_end(&error.to_string(), Orderly::No),
            }
        }
        self.close_politely();
    }

    /// Finishes the login. Its response goes first; what the initiator sent behind its last request is
    /// still in the socket.
    fn begin(&mut self) -> io::Result<()> {
        self.establish();
        self.handle_events();
        self.send()
    }

    fn serve(&mut self) -> io::Result<()> {
        loop {
            let more = match self.flush_until {
                None => self.receive()?,
                Some(_) => More::Perhaps,
            };
            if more == More::Never {
                return Ok(());
            }
            // After receiving, so that what the peer has said in time counts as said in time; before
            // the inbox, because the core counts new deadlines from the time that it knows.
            self.core.tick(self.now());
            self.read_inbox();
            self.handle_events();
            self.traffic.in_flight(self.core.tasks_in_flight());
            self.send()?;
            if let Some(deadline) = self.flush_until
                && (!self.core.has_output() || Instant::now() >= deadline)
            {
                return Ok(());
            }
            if more != More::Surely {
                self.use_idle_time();
                self.wait()?;
            }
        }
    }

    /// Receives and handles until there is an answer or the socket has no more, but at most so much
    /// that other business does not wait for ever.
    ///
    /// Answers go first: a tape client sends its next command when it has got the last one's status,
    /// so looking for more before that is a system call that finds nothing. When there is more after
    /// all, [`Connection::wait`] returns at once.
    fn receive(&mut self) -> io::Result<More> {
        // What waits for a peer that does not read is no reason to stop reading.
        let blocked = self.core.has_output();
        for _ in 0..RECEIVES_PER_TURN {
            if self.inbox.is_urgent() {
                self.core.tick(self.now());
                self.read_inbox();
            }
            if !self.core.received_ahead() || !self.core.advance(self.now()) {
                match socket::receive_ahead(&self.socket, self.core.want_ahead())? {
                    socket::Moved::Bytes(count) => self.core.received(count, self.now()),
                    socket::Moved::WouldBlock => return Ok(More::Perhaps),
                    socket::Moved::End => return Ok(More::Never),
                }
            }
            self.handle_events();
            let answers = self.core.has_output() && !blocked;
            if answers || self.flush_until.is_some() {
                return Ok(if self.core.received_ahead() {
                    More::Surely
                } else {
                    More::Perhaps
                });
            }
        }
        Ok(More::Surely)
    }

    fn send(&mut self) -> io::Result<()> {
        while self.core.has_output() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let mut count = 0;
            for (slice, bytes) in slices.iter_mut().zip(self.core.transmit()) {
                *slice = IoSlice::new(bytes);
                count += 1;
            }
            match socket::send(&self.socket, &slices[..count])? {
                socket::Moved::Bytes(count) => {
                    self.core.sent(count);
                    // What has gone made room: for a command that waited, say.
                    self.handle_events();
                }
                socket::Moved::WouldBlock => break,
                socket::Moved::End => return Err(io::ErrorKind::WriteZero.into()),
            }
        }
        Ok(())
    }

    /// Data have gone out, and while the initiator takes them there is nothing to do here but to get the
    /// next ones ready. What a tape client sends meanwhile would have to wait for that anyway.
    fn use_idle_time(&mut self) {
        if std::mem::take(&mut self.answered_data)
            && let Some(nexus) = &self.nexus
        {
            nexus.use_idle_time(self.commanded);
        }
    }

    /// Sleeps until the socket, the inbox or the clock has something.
    fn wait(&self) -> io::Result<()> {
        let mut interest = PollFlags::empty();
        if self.flush_until.is_none() {
            interest |= PollFlags::IN;
        }
        if self.core.has_output() {
            interest |= PollFlags::OUT;
        }
        let now = self.now();
        let flush_until = self
            .flush_until
            .map(|deadline| deadline.duration_since(self.started));
        let deadline = [self.core.next_deadline(), flush_until]
            .into_iter()
            .flatten()
            .min();
        let timeout = deadline.map(|deadline| timespec(deadline.saturating_sub(now)));
        let mut ready = [
            PollFd::new(&self.socket, interest),
            PollFd::new(&*self.inbox, PollFlags::IN),
        ];
        match poll(&mut ready, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn read_inbox(&mut self) {
        for message in self.inbox.take() {
            match message {
                Message::Completed(task, response) => self.complete(task, response),
                Message::Aborted(task) => self.core.abandon(task),
                Message::Cleared(lun, by) => self.cleared(lun, by),
                Message::UnitsChanged => {
                    let changed = AdditionalSense::REPORTED_LUNS_DATA_CHANGED;
                    let sense = Sense::new(SenseKey::UnitAttention, changed);
                    self.core.report_event(sense);
                }
                Message::SessionFree => self.session_is_free(),
                Message::Replaced => {
                    self.refusal = Some("replaced by a newer login".to_owned());
                    self.core.close();
                }
                Message::Dropped => {
                    self.refusal = Some("dropped by the administrator".to_owned());
                    self.core.close();
                }
                Message::AskedToLogOut => self.core.request_logout(),
                Message::ShutDown if self.login.is_some() => self.core.request_logout(),
                Message::ShutDown | Message::TargetReset => self.core.close(),
                Message::MemoryAvailable => self.core.memory_available(),
            }
        }
    }

    fn handle_events(&mut self) {
        while let Some(event) = self.core.next_event() {
            match event {
                Event::Command(command) => self.command(command),
                Event::LoginRequested(request) => {
                    let decision = self.decide(&request);
                    self.core.login_decision(decision);
                }
                Event::EstablishSession(session) => self.claim(session),
                Event::LoggedIn(logged_in) => self.logged_in(*logged_in),
                Event::LoginFailed(failed) => self.login_failed(&failed),
                Event::SendTargets(which) => self.send_targets(&which),
                Event::TaskManagement(request) => self.manage(&request),
                Event::Closed(reason) => self.closed(reason),
            }
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(peer = %self.peer, "the connection ended in a bug");
        }
    }
}

/// Whether the socket has more to receive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    /// There was more when we stopped.
    Surely,
    /// Only waiting tells.
    Perhaps,
    /// The peer has closed.
    Never,
}

/// An IPv4 address in an IPv6 socket is an IPv4 address.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Returns a time to wait that has surely passed when the wait is over.
pub fn timespec(duration: Duration) -> Timespec {
    // Rounded up by a millisecond, so that the deadline has passed when we wake.
    let duration = duration + Duration::from_millis(1);
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

/// CHAP challenges come from here (RFC 7143 §9.2.1).
fn fill_from_the_system(bytes: &mut [u8]) {
    // Without randomness every challenge could be foretold; there is nothing sensible to do but end.
    getrandom::fill(bytes).expect("the system has randomness once it has booted");
}

/// How many slices go out with one system call.
const SLICES_MAX: usize = 64;
/// How many receives before we look at answers and other business again.
const RECEIVES_PER_TURN: usize = 64;
