//! One connection from its first byte to its last: the public face of the crate.

mod ahead;
mod answers;
pub(crate) mod core;

use ::core::time::Duration;
use std::collections::VecDeque;

use self::ahead::Ahead;
use self::core::{Core, Numbers};
use crate::buffer::GROWTH_STEP;
use crate::event::{CloseReason, Event};
use crate::limits::{Limits, Offer};
use crate::login::{Login, Negotiated};
use crate::memory::{MemoryMeter, TRANSFER_BYTES_MAX, Waker};
use crate::random::RandomSource;
use crate::receive::{Part, Progress, Receiver};
use crate::session::{Destination, Session};
use crate::transmit::Transmitter;

/// What a connection is made of.
pub struct ConnectionParams {
    /// What it may use.
    pub limits: Limits,
    /// What it offers its initiator.
    pub offer: Offer,
    /// The time; all times count from the same arbitrary start.
    pub now: Duration,
    /// Unpredictable bytes.
    pub random: Box<dyn RandomSource>,
}

/// The target's side of a connection. The crate's documentation draws the calling loop.
pub struct Connection {
    core: Core,
    receiver: Receiver,
    phase: Phase,
    pdus_received: u64,
    /// The text of a login request.
    scratch: Vec<u8>,
    /// Where bytes go that nobody wants.
    sink: Vec<u8>,
    ahead: Ahead,
    meter: MemoryMeter,
    memory_waker: Option<Waker>,
}

enum Phase {
    Login(Box<Login>),
    FullFeature(Box<Session>),
}

/// How many unwanted bytes are taken at once.
const SINK_LENGTH: usize = 64 << 10;

/// The most commands, immediate ones included, that fit the table of tasks.
const WINDOW_MAX: u32 = 192;

/// See [`WINDOW_MAX`].
const IMMEDIATE_MAX: u32 = 32;

impl Connection {
    /// Returns a connection on which nothing has been said.
    pub fn new(params: ConnectionParams) -> Self {
        let mut limits = params.limits;
        limits.command_window = limits.command_window.clamp(1, WINDOW_MAX);
        limits.data_out_max = limits.data_out_max.min(TRANSFER_BYTES_MAX);
        limits.immediate_commands_max = limits.immediate_commands_max.clamp(2, IMMEDIATE_MAX);
        Self {
            core: Core {
                limits,
                offer: params.offer,
                now: params.now,
                random: params.random,
                output: Transmitter::new(),
                events: VecDeque::new(),
                numbers: Numbers::default(),
                closed: false,
            },
            receiver: Receiver::new(),
            phase: Phase::Login(Box::new(Login::new(params.now))),
            pdus_received: 0,
            scratch: Vec::new(),
            sink: Vec::new(),
            ahead: Ahead::default(),
            meter: MemoryMeter::default(),
            memory_waker: None,
        }
    }

    /// Returns where the next received bytes go: never empty, and exactly as long as what belongs
    /// together, so that payloads land in their final place.
    pub fn want(&mut self) -> &mut [u8] {
        self.all_is_certain();
        if self.core.closed {
            return grown(&mut self.sink, 0, SINK_LENGTH);
        }
        let Part::Data { filled, length } = self.receiver.part() else {
            return self.receiver.space();
        };
        let step = (length - filled).min(GROWTH_STEP);
        match destination(&mut self.phase, &mut self.scratch) {
            Destination::Task(buffer, start) => buffer.space(start + filled, length - filled),
            Destination::Scratch(buffer) => grown(buffer, filled, step),
            Destination::Nowhere => grown(&mut self.sink, 0, step.min(SINK_LENGTH)),
        }
    }

    /// Takes note that the first `count` bytes of [`Connection::want`] or of
    /// [`Connection::want_ahead`] were received.
    ///
    /// # Panics
    /// When `count` is more than was wanted.
    pub fn received(&mut self, count: usize, now: Duration) {
        self.core.now = now;
        let certain = self.certain(count);
        self.take(certain);
        if count > certain {
            self.take_ahead(count - certain);
        }
    }

    /// Takes `count` bytes in their place; returns whether a PDU ended with them.
    fn take(&mut self, count: usize) -> bool {
        let now = self.core.now;
        if self.core.closed || count == 0 {
            return false;
        }
        if let Phase::FullFeature(session) = &mut self.phase {
            session.hear(now);
        }
        match self.receiver.part() {
            Part::Header => match self.receiver.header_received(count) {
                Progress::Partial => return false,
                Progress::Header => self.begin(),
                Progress::BadHeaderDigest => self.core.close(CloseReason::HeaderDigestError),
            },
            Part::Data { filled, .. } => {
                if let Phase::FullFeature(session) = &mut self.phase {
                    session.data_received(count);
                }
                let bytes = match destination(&mut self.phase, &mut self.scratch) {
                    Destination::Task(buffer, start) => buffer.receive(start + filled, count),
                    Destination::Scratch(buffer) => &buffer[filled..][..count],
                    // Shorter only when the task went away since `want`.
                    Destination::Nowhere => self.sink.get(..count).unwrap_or_default(),
                };
                self.receiver.data_received(bytes, count);
            }
            Part::Trailer => self.receiver.trailer_received(count),
        }
        self.finish()
    }

    /// A header is there: what follows?
    fn begin(&mut self) {
        let header = self.receiver.header();
        match &mut self.phase {
            Phase::Login(login) => {
                if !login.admits(&header) {
                    let reason =
                        CloseReason::ProtocolError("a PDU that does not belong to a login");
                    self.core.close(reason);
                    return;
                }
            }
            Phase::FullFeature(session) => {
                session.begin(&header, self.receiver.additional(), &mut self.core);
            }
        }
        self.receiver.begin_data();
    }

    /// Is the PDU complete? Then it takes effect.
    fn finish(&mut self) -> bool {
        if self.core.closed {
            return false;
        }
        let header = self.receiver.header();
        let Some(digest) = self.receiver.finish() else {
            return false;
        };
        self.pdus_received += 1;
        match &mut self.phase {
            Phase::Login(login) => {
                let data = std::mem::take(&mut self.scratch);
                login.receive(&header, &data, &mut self.core);
            }
            Phase::FullFeature(session) => session.finish(&header, digest, &mut self.core),
        }
        true
    }

    /// Returns what happened, oldest first.
    pub fn next_event(&mut self) -> Option<Event> {
        self.core.events.pop_front()
    }

    /// Returns whether there is something to send.
    pub fn has_output(&self) -> bool {
        let unprepared = match &self.phase {
            Phase::FullFeature(session) => session.has_output() && !self.core.closed,
            Phase::Login(_) => false,
        };
        unprepared || self.core.output.bytes() > 0
    }

    /// Returns what to send next: up to 96 slices for one vectored write, none empty. Call it again
    /// after [`Connection::sent`] as long as [`Connection::has_output`].
    pub fn transmit(&mut self) -> impl Iterator<Item = &[u8]> {
        self.in_session(Session::prepare);
        self.core.output.slices()
    }

    /// Takes note that the first `count` bytes of [`Connection::transmit`] were sent. What has gone
    /// makes room, so that there may be events.
    ///
    /// # Panics
    /// When `count` is more than there was.
    pub fn sent(&mut self, count: usize) {
        self.core.output.sent(count);
        self.in_session(|session, core| session.sent(count, core));
    }

    /// Does what time demands: ends logins that take too long, asks silent initiators whether they
    /// live, gives up on those that do not answer.
    pub fn tick(&mut self, now: Duration) {
        self.core.now = now;
        self.forget_guess();
        if self.core.closed {
            return;
        }
        match &mut self.phase {
            Phase::Login(login) => {
                if now >= login.started.saturating_add(self.core.limits.login_timeout) {
                    self.core.close(CloseReason::LoginTimeout);
                }
            }
            Phase::FullFeature(session) => session.tick(&mut self.core),
        }
    }

    /// Returns when [`Connection::tick`] has something to do; `None` when only bytes or answers can
    /// change anything.
    pub fn next_deadline(&self) -> Option<Duration> {
        if self.core.closed {
            return None;
        }
        match &self.phase {
            Phase::Login(login) => login.started.checked_add(self.core.limits.login_timeout),
            Phase::FullFeature(session) => session.deadline(&self.core),
        }
    }

    /// Returns what was negotiated, once the session has begun.
    pub fn negotiated(&self) -> Option<&Negotiated> {
        match &self.phase {
            Phase::FullFeature(session) => Some(&session.negotiated),
            Phase::Login(_) => None,
        }
    }

    /// Returns how many PDUs have come, whole. Who sends byte by byte makes progress only so.
    pub fn pdus_received(&self) -> u64 {
        self.pdus_received
    }

    /// Returns how many tasks are in flight.
    pub fn tasks_in_flight(&self) -> usize {
        match &self.phase {
            Phase::FullFeature(session) => session.tasks_in_flight(),
            Phase::Login(_) => 0,
        }
    }

    /// Lets `waker` be called when there is memory for a command that waits; then call
    /// [`Connection::memory_available`]. It is called from any thread and must return at once. Say it
    /// before the login ends.
    pub fn set_memory_waker(&mut self, waker: impl Fn() + Send + Sync + 'static) {
        self.memory_waker = Some(std::sync::Arc::new(waker));
    }

    /// Returns what reads from anywhere how much memory the session has reserved.
    pub fn memory_meter(&self) -> MemoryMeter {
        self.meter.clone()
    }

    fn in_session(&mut self, act: impl FnOnce(&mut Session, &mut Core)) {
        if let (Phase::FullFeature(session), false) = (&mut self.phase, self.core.closed) {
            act(session, &mut self.core);
        }
    }
}

fn destination<'a>(phase: &'a mut Phase, scratch: &'a mut Vec<u8>) -> Destination<'a> {
    match phase {
        Phase::Login(_) => Destination::Scratch(scratch),
        Phase::FullFeature(session) => session.destination(),
    }
}

/// Returns `length` bytes of `buffer` from `start`, which is at most its length.
fn grown(buffer: &mut Vec<u8>, start: usize, length: usize) -> &mut [u8] {
    if buffer.len() < start + length {
        buffer.resize(start + length, 0);
    }
    &mut buffer[start..start + length]
}
