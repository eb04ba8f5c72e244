//! The whole connection against a model initiator and a model environment.
//!
//! The input chooses what happens: what a legal initiator sends and how its bytes are split, when the
//! environment answers and in which order, how time passes, and where somebody breaks the rules. Each
//! PDU of the target is judged by [`Checker`]. As long as nobody has broken a rule, every command is
//! handed over once, in order, with the data that was sent, and answered once, with the data, status
//! and residual that are right; and when everybody has done their part, nothing is left over.

mod environment;
mod hostile;
mod initiator;

use std::time::Duration;

use iscsi::{CloseReason, Limits, MemoryPool, Offer};

use crate::checker::{Checker, Keys, Peer};
use crate::rig::{Choices, FIRST_CMD_SN, Line, STRAIGHT, accept, login_header, names, text_of};
use crate::wire::Digests;

use environment::Environment;
use initiator::{Initiator, Turn};

/// Runs the target.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let mut world = World::new(&mut choices);
    let mut acts = 0;
    while !choices.is_empty() && acts < ACTS_MAX && world.closed().is_none() {
        world.act(&mut choices);
        acts += 1;
    }
    world.settle();
    let pool = world.limits.memory.clone();
    assert!(pool.reserved_bytes() <= pool.max_bytes());
    drop(world);
    assert_eq!(
        pool.reserved_bytes(),
        0,
        "a session that is gone holds memory"
    );
}

/// How much happens in one run.
const ACTS_MAX: usize = 400;

/// The most commands that may be in flight.
const WINDOW: u32 = 16;

/// How many immediate commands may be in flight besides.
const IMMEDIATE: u32 = 4;

/// Everything.
struct World {
    line: Line,
    checker: Checker,
    initiator: Initiator,
    environment: Environment,
    /// Whether the initiator reads what comes.
    reading: bool,
    /// Whether PDUs still begin where the target thinks.
    framed: bool,
    window_max: u32,
    /// Nobody has changed the window, and memory never was too short for all of it.
    window_is_as_it_was: bool,
    /// What to do to the next PDU.
    mutation: Option<hostile::Mutation>,
    limits: Limits,
    /// What the session reserved when it began.
    reserved: u64,
}

impl World {
    fn new(choices: &mut Choices<'_>) -> Self {
        let flags = choices.byte();
        let sizes = choices.byte();
        let memory = choices.byte();
        let yes_no = |bit: u8| if flags & bit == 0 { "No" } else { "Yes" };
        let digest = |bit: u8| if flags & bit == 0 { "None" } else { "CRC32C" };
        let discovery = flags & 0xe0 == 0xe0;
        let pick = |list: [&'static str; 4], shift: u8| list[usize::from(sizes >> shift & 3)];
        let burst = pick(["512", "4096", "65536", "16776192"], 0);
        let first = pick(["512", "1024", "4096", "65536"], 2);
        let theirs = pick(["512", "1502", "4096", "65536"], 4);
        // The whole process is short of memory, or the session may hold little of it.
        let (pool, session) = [(64, 64), (36, 64), (64, 2), (36, 3)][usize::from(memory & 3)];
        let limits = Limits {
            command_window: WINDOW,
            immediate_commands_max: IMMEDIATE,
            data_out_max: 1 << 20,
            memory: MemoryPool::new(pool << 20),
            session_memory_max: session << 20,
            output_pdus_max: 256,
            output_bytes_max: 256 << 10,
            ..Limits::default()
        };
        let offer = Offer {
            max_recv_data_segment_length: [512, 1023, 8192, 1 << 20][usize::from(sizes >> 6)],
            ..Offer::default()
        };
        let mut line = Line::new(offer, limits.clone());
        let mut pairs = names(discovery);
        pairs.extend([
            ("HeaderDigest", digest(1)),
            ("DataDigest", digest(2)),
            ("MaxRecvDataSegmentLength", theirs),
        ]);
        if !discovery {
            pairs.extend([
                ("InitialR2T", yes_no(4)),
                ("ImmediateData", yes_no(8)),
                ("MaxBurstLength", burst),
                ("FirstBurstLength", first),
                ("MaxOutstandingR2T", if flags & 16 == 0 { "1" } else { "3" }),
            ]);
        }
        if memory & 4 != 0 && !discovery {
            pairs.push(("iSCSIProtocolLevel", "2"));
        }
        line.send(login_header(STRAIGHT), &text_of(&pairs), accept);
        let responses = line.drain();
        let negotiated = *line.connection.negotiated().expect("the login succeeds");
        line.set_digests(Digests {
            header: negotiated.header_digest,
            data: negotiated.data_digest,
        });
        let keys = Keys {
            max_burst_length: negotiated.max_burst_length,
            max_recv_data_segment_length: negotiated.max_send_data_segment_length,
            max_outstanding_r2t: negotiated.max_outstanding_r2t,
        };
        Self {
            line,
            checker: Checker::new(keys, &responses[0]),
            initiator: Initiator::new(FIRST_CMD_SN, negotiated, discovery),
            environment: Environment::default(),
            reading: true,
            framed: true,
            window_max: WINDOW,
            window_is_as_it_was: (pool, session) == (64, 64),
            mutation: None,
            reserved: limits.memory.reserved_bytes(),
            limits,
        }
    }

    fn closed(&self) -> Option<CloseReason> {
        self.environment.closed
    }

    fn is_legal(&self) -> bool {
        self.checker.peer == Peer::Legal
    }

    /// One thing happens.
    fn act(&mut self, choices: &mut Choices<'_>) {
        match choices.byte() % 32 {
            0..=2 => self.no_data(choices),
            3..=7 => self.write(choices),
            8..=11 => self.read(choices),
            12..=16 => self.send_data(usize::from(choices.byte())),
            17 => self.nop(choices),
            18 => self.manage(choices),
            19 => self.text(),
            20 => self.log_out(choices),
            21 | 22 => self.complete(choices),
            23 => self.manage_done(choices),
            24 => self.environment_acts(choices),
            25 => self.wait(Duration::from_millis(u64::from(choices.short()))),
            26 => {
                let step = usize::from(choices.byte()) + 1;
                self.line.step = if choices.byte() & 1 == 1 {
                    step
                } else {
                    usize::MAX
                };
            }
            27 => self.read_some(choices),
            28 => self.flush_deferred(),
            29 => self.mutate_next(choices),
            30 => self.raw_pdu(choices),
            _ => self.raw_bytes(choices),
        }
        self.after();
    }

    /// Answers the questions that are always answered, reads what came, and checks the bounds.
    fn after(&mut self) {
        self.take_events();
        if self.reading {
            self.read_all();
        }
        let tasks = self.line.connection.tasks_in_flight();
        assert!(
            tasks <= (self.window_max + IMMEDIATE) as usize,
            "{tasks} tasks"
        );
    }

    /// Reads everything that the target has sent.
    fn read_all(&mut self) {
        let pdus = self.line.take(usize::MAX);
        self.check_output(&pdus);
        for pdu in pdus {
            self.hear(&pdu);
        }
    }

    /// What waits for a peer that does not read is bounded; Data-In is made as it is sent.
    fn check_output(&self, pdus: &[crate::wire::Pdu]) {
        let other = pdus.iter().filter(|pdu| pdu.opcode() != 0x25);
        let count = other.clone().count();
        let bytes: usize = other.map(|pdu| 48 + pdu.data.len()).sum();
        let prepared = 64 + (self.window_max + IMMEDIATE) as usize;
        assert!(
            count <= self.limits.output_pdus_max + prepared + 1,
            "{count} PDUs"
        );
        let segment = 1 << 20;
        assert!(bytes <= self.limits.output_bytes_max + (4 << 20) + segment);
    }

    /// Everybody does what is left to do; then nothing may be left.
    fn settle(&mut self) {
        if !self.is_legal() {
            // No more than: no answer to anything does any harm.
            self.environment.answer_all(&mut self.line.connection);
            self.line.step = usize::MAX;
            self.reading = true;
            self.after();
            return;
        }
        self.line.step = usize::MAX;
        self.reading = true;
        self.flush_deferred();
        for _ in 0..ROUNDS_MAX {
            if self.closed().is_some() || self.initiator.is_idle() {
                break;
            }
            self.after();
            while self.initiator.has_data() && self.closed().is_none() {
                self.send_data(0);
                self.after();
            }
            self.environment.answer_all(&mut self.line.connection);
            self.after();
        }
        if self.initiator.asked_to_leave && self.closed().is_none() {
            self.leave(Turn::Immediate);
        }
        self.after();
        if self.closed().is_some() {
            return;
        }
        assert!(self.initiator.is_idle(), "left over: {:?}", self.initiator);
        assert!(self.checker.unanswered().is_empty());
        assert_eq!(self.line.connection.tasks_in_flight(), 0);
        if self.window_is_as_it_was {
            // While memory is plenty a session keeps what its window once needed, immediate commands
            // and whole pages included.
            let unit = self
                .line
                .connection
                .negotiated()
                .unwrap()
                .first_burst_length;
            let kept = u64::from(IMMEDIATE) * u64::from(unit.next_multiple_of(4096));
            let reserved = self.limits.memory.reserved_bytes();
            assert!(
                reserved <= self.reserved + kept,
                "memory for nothing: {reserved}"
            );
        }
        let room = self
            .checker
            .max_cmd_sn()
            .wrapping_sub(self.initiator.cmd_sn);
        assert!(room < 1 << 31, "N8: the window stays closed");
    }
}

/// How often everybody may have something left to do: each round ends something.
const ROUNDS_MAX: usize = 2000;
