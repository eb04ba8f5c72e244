//! The clock, the lines, and what happens next.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fuzz::tap::Tap;
use iscsi::initiator::{Initiator, InitiatorParams};
use iscsi::{
    CloseReason, Connection, ConnectionParams, Limits, ManagementOutcome, ManagementTag,
    MemoryPool, Offer,
};
use scsi::TaskTag;

use super::library::Library;
use super::link::Pipe;
use super::random::Random;
use super::session::Session;
use crate::rig::{TARGET, random, scatter};

/// Whether a run is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Story {
    Silent,
    Told,
}

/// What happens at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A session does something.
    Act(usize),
    /// Bytes arrive at the target of a line.
    Up(usize),
    /// Bytes arrive at the initiator of a line.
    Down(usize),
    /// A deadline of a connection.
    Tick(usize),
    /// The device ends a command.
    Complete(usize, TaskTag),
    /// The environment answers task management.
    Managed(usize, ManagementTag, ManagementOutcome),
    /// A line breaks.
    Cut(usize),
    /// The target learns that its peer is gone.
    Reset(usize),
}

/// One TCP connection with what is at its ends.
pub(super) struct Line {
    pub(super) connection: Connection,
    pub(super) initiator: Initiator,
    tap: Tap,
    up: Pipe,
    down: Pipe,
    /// Nothing passes any more.
    pub(super) is_cut: bool,
    pub(super) in_session: bool,
    /// The target's side is over.
    pub(super) is_over: bool,
    pub(super) reason: Option<CloseReason>,
    deadline: Option<Duration>,
}

pub(super) struct World {
    pub(super) random: Random,
    pub(super) now: Duration,
    queue: BTreeMap<(Duration, u64), What>,
    serial: u64,
    pub(super) lines: Vec<Line>,
    pub(super) sessions: Vec<Session>,
    pub(super) library: Library,
    limits: Limits,
    /// Lines for whose commands there is memory again.
    woken: Arc<Mutex<Vec<usize>>>,
    /// How often a line may still break.
    cuts_left: u32,
    story: Story,
    /// A digest of all that happened.
    digest: u64,
}

/// What a run may take, in events and in its own time: more means that something never ends.
const EVENTS_MAX: u64 = 3_000_000;
const TIME_MAX: Duration = Duration::from_hours(2);

/// How long the system takes to find out that a peer is gone that said nothing.
const GONE_AFTER_MAX_US: u64 = 40_000_000;

impl World {
    pub(super) fn new(seed: u64, story: Story) -> Self {
        let mut random = Random::new(seed);
        let sessions = 1 + random.below(4) as usize;
        let limits = Limits {
            command_window: random.one_of(&[1, 4, 32]),
            memory: MemoryPool::new(random.one_of(&[64 << 20, 256 << 20])),
            session_memory_max: random.one_of(&[2 << 20, 64 << 20]),
            ..Limits::default()
        };
        let cuts_left = random.below(6) as u32;
        let mut world = Self {
            random,
            now: Duration::from_secs(1000),
            queue: BTreeMap::new(),
            serial: 0,
            lines: Vec::new(),
            sessions: Vec::new(),
            library: Library::default(),
            limits,
            woken: Arc::default(),
            cuts_left,
            story,
            digest: seed,
        };
        for index in 0..sessions {
            // Two sessions of one host differ in the ISID, two hosts in the name.
            let session = Session::new(index, &mut world.random);
            world.sessions.push(session);
            world.at(world.now, What::Act(index));
        }
        world
    }

    pub(super) fn tell(&self, what: impl FnOnce() -> String) {
        if self.story == Story::Told {
            eprintln!("{:12.6} {}", self.now.as_secs_f64(), what());
        }
    }

    pub(super) fn at(&mut self, time: Duration, what: What) {
        self.serial += 1;
        self.queue.insert((time, self.serial), what);
    }

    /// Runs until everything has ended, and returns a digest of the story.
    pub(super) fn run(mut self) -> u64 {
        let end = self.now + TIME_MAX;
        let mut events = 0;
        while let Some(((time, _), what)) = self.queue.pop_first() {
            events += 1;
            assert!(
                events < EVENTS_MAX && time < end,
                "liveness: it does not end"
            );
            self.now = time;
            self.happen(what);
            self.digest = (self.digest ^ time.as_nanos() as u64).wrapping_mul(0x100_0000_01b3);
            self.wake();
        }
        for session in &self.sessions {
            session.check_end();
        }
        for (index, line) in self.lines.iter().enumerate() {
            assert!(line.is_over, "liveness: line {index} stays");
        }
        self.compare_blocks();
        let pool = self.limits.memory.clone();
        self.lines.clear();
        assert_eq!(pool.reserved_bytes(), 0, "memory of sessions that are gone");
        self.digest
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Act(session) => self.act(session),
            What::Up(line) => self.arrive_up(line),
            What::Down(line) => self.arrive_down(line),
            What::Tick(line) => {
                if self.lines[line].deadline == Some(self.now) && !self.lines[line].is_over {
                    self.lines[line].deadline = None;
                    self.lines[line].connection.tick(self.now);
                    let next = self.lines[line].connection.next_deadline();
                    assert!(
                        next.is_none_or(|next| next > self.now),
                        "a deadline in the past"
                    );
                    self.pump(line);
                }
            }
            What::Complete(line, task) => self.complete(line, task),
            What::Managed(line, tag, outcome) => {
                self.lines[line].connection.management_done(tag, outcome);
                self.pump(line);
            }
            What::Cut(line) => self.cut(line),
            What::Reset(line) => self.reset(line),
        }
    }

    /// Opens a line, with a first login request on its way.
    pub(super) fn connect(&mut self, params: InitiatorParams) -> usize {
        let index = self.lines.len();
        let mut connection = Connection::new(ConnectionParams {
            limits: self.limits.clone(),
            offer: Offer::default(),
            now: self.now,
            random: random(index as u8),
        });
        let woken = Arc::clone(&self.woken);
        connection.set_memory_waker(move || woken.lock().unwrap().push(index));
        self.lines.push(Line {
            connection,
            initiator: Initiator::new(params),
            tap: Tap::default(),
            up: Pipe::new(&mut self.random),
            down: Pipe::new(&mut self.random),
            is_cut: false,
            in_session: false,
            is_over: false,
            reason: None,
            deadline: None,
        });
        if self.cuts_left > 0 && self.random.in_thousand(600) {
            self.cuts_left -= 1;
            let delay = self.random.micros(100, 3_000_000);
            self.after(delay, What::Cut(index));
        }
        self.pump(index);
        index
    }

    /// Moves bytes into the pipes, as far as there is room.
    pub(super) fn pump(&mut self, index: usize) {
        self.answer(index);
        let line = &mut self.lines[index];
        while line.initiator.has_output() && (line.up.room() > 0 || line.is_cut) {
            let room = line.up.room();
            let all = line.initiator.transmit().flatten().copied();
            let bytes: Vec<u8> = all
                .take(if line.is_cut { usize::MAX } else { room })
                .collect();
            line.initiator.sent(bytes.len());
            if !line.is_cut {
                for at in line.up.send(&bytes, self.now, &mut self.random) {
                    self.serial += 1;
                    self.queue.insert((at, self.serial), What::Up(index));
                }
            }
        }
        // What the target sends into a line that is cut fills its socket buffer and stays there.
        while line.connection.has_output() && line.down.room() > 0 && !line.is_cut {
            let room = line.down.room();
            let bytes: Vec<u8> = line
                .connection
                .transmit()
                .flatten()
                .copied()
                .take(room)
                .collect();
            line.connection.sent(bytes.len());
            line.tap.leaves(&bytes, line.connection.negotiated());
            for at in line.down.send(&bytes, self.now, &mut self.random) {
                self.serial += 1;
                self.queue.insert((at, self.serial), What::Down(index));
            }
        }
        self.answer(index);
        let line = &mut self.lines[index];
        let deadline = line.connection.next_deadline();
        if deadline != line.deadline {
            line.deadline = deadline;
            if let Some(deadline) = deadline {
                self.at(deadline, What::Tick(index));
            }
        }
    }

    fn arrive_up(&mut self, index: usize) {
        let bytes = self.lines[index].up.receive(self.now);
        if bytes.is_empty() || self.lines[index].is_over {
            return;
        }
        self.lines[index].tap.arrives(&bytes);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let line = &mut self.lines[index];
            let count = scatter(rest, line.connection.want_ahead());
            line.connection.received(count, self.now);
            rest = &rest[count..];
            self.answer(index);
            while self.lines[index].connection.advance(self.now) {
                self.answer(index);
            }
        }
        self.pump(index);
    }

    fn arrive_down(&mut self, index: usize) {
        let line = &mut self.lines[index];
        let bytes = line.down.receive(self.now);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let count = scatter(rest, line.initiator.want_ahead());
            line.initiator.received(count);
            rest = &rest[count..];
        }
        self.hear(index);
        self.pump(index);
    }

    /// The line breaks: what is on its way is lost, and each side learns of it on its own.
    fn cut(&mut self, index: usize) {
        self.tell(|| format!("line {index} breaks"));
        let line = &mut self.lines[index];
        line.is_cut = true;
        line.up.cut();
        line.down.cut();
        let learns_after = if self.random.in_thousand(500) {
            self.random.micros(1, 1000)
        } else {
            self.random.micros(1_000_000, GONE_AFTER_MAX_US)
        };
        self.after(learns_after, What::Reset(index));
        if self.random.in_thousand(500) {
            self.lose_line(index); // the initiator learns at once; else by its own patience
        }
    }

    /// The initiator's side closes the line. What it has sent still arrives, perhaps after the first
    /// bytes of its next connection, and then the end.
    pub(super) fn hang_up(&mut self, index: usize) {
        if !self.lines[index].is_cut {
            self.tell(|| format!("line {index} is given up"));
            let line = &mut self.lines[index];
            line.is_cut = true;
            line.down.cut();
            let last = line.up.last_arrival().max(self.now);
            let delay = self.random.micros(1, 3000);
            self.at(last + delay, What::Reset(index));
        }
    }

    /// The target learns that its peer is gone.
    fn reset(&mut self, index: usize) {
        if !self.lines[index].is_over {
            self.tell(|| format!("line {index} is reset"));
            self.library.end(index);
            self.lines[index].connection.close();
            self.answer(index);
        }
    }

    /// Returns whether nothing is on its way to the initiator.
    pub(super) fn is_quiet(&self, index: usize) -> bool {
        self.lines[index].down.is_empty()
    }

    /// Goes on where there is memory again.
    fn wake(&mut self) {
        let woken = std::mem::take(&mut *self.woken.lock().unwrap());
        for line in woken {
            self.lines[line].connection.memory_available();
            self.pump(line);
        }
    }

    pub(super) fn params(&self, session: usize) -> InitiatorParams {
        let it = &self.sessions[session];
        let mut params = InitiatorParams::new(&it.name, Some(TARGET), random(session as u8));
        params.isid = it.isid;
        params.first_cmd_sn = iscsi::wire::SerialNumber(0xffff_fff0);
        let keys = it.keys.iter();
        params.keys = keys
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        params
    }
}
