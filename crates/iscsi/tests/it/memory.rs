//! B2, B3, B5: what peers can make us hold. Many sessions on one small pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::rig::*;
use iscsi::memory::{
    COMMAND_BYTES_MAX, POOL_BYTES_MIN, SESSION_BYTES_MAX, SESSION_GUARANTEED_BYTES, WINDOW_FLOOR,
};
use iscsi::{CloseReason, Limits, MemoryPool, Offer};
use proptest::prelude::*;

const MIB: u32 = 1 << 20;

/// Keys as open-iscsi offers them, with segments that need few steps.
const KEYS: [(&str, &str); 5] = [
    ("InitialR2T", "No"),
    ("ImmediateData", "Yes"),
    ("FirstBurstLength", "262144"),
    ("MaxBurstLength", "16776192"),
    ("MaxRecvDataSegmentLength", "1048576"),
];

/// A session, whether it was woken, and what it needs for the next step.
struct Session {
    target: Target,
    woken: Arc<AtomicBool>,
    index: u32,
}

impl Session {
    fn begin(pool: &MemoryPool) -> Self {
        let mut session = Self::connect(pool);
        log_in_by_hand(&mut session.target, &KEYS);
        session
    }

    fn connect(pool: &MemoryPool) -> Self {
        let limits = Limits {
            memory: pool.clone(),
            ..Limits::default()
        };
        let mut target = Target::new(Offer::default(), limits);
        let woken = Arc::new(AtomicBool::new(false));
        target.connection.set_memory_waker({
            let woken = Arc::clone(&woken);
            move || woken.store(true, Ordering::Relaxed)
        });
        Self {
            target,
            woken,
            index: 0,
        }
    }

    /// Sends a command; returns its number, which is its tag too.
    fn read(&mut self, length: u32) -> u32 {
        self.read_up_to(length, length)
    }

    /// Reads `length` bytes, and says that it has room for `expected`.
    fn read_up_to(&mut self, length: u32, expected: u32) -> u32 {
        let index = self.next();
        let command = iscsi::wire::ScsiCommand {
            expected_length: expected,
            ..read_command(index, index, length)
        };
        self.target.feed(&bytes_of(command.emit(), &[]));
        index
    }

    /// Announces a write without immediate data.
    fn write(&mut self, length: u32) -> u32 {
        let index = self.next();
        self.target
            .feed(&bytes_of(write_command(index, index, length).emit(), &[]));
        index
    }

    fn next(&mut self) -> u32 {
        self.index += 1;
        self.index - 1
    }

    fn reserved(&self) -> u64 {
        self.target.connection.memory_meter().reserved_bytes()
    }

    /// Goes on if it was woken.
    fn wake(&mut self) {
        if self.woken.swap(false, Ordering::Relaxed) {
            self.target.connection.memory_available();
            self.target.answer();
        }
    }
}

/// Returns the first R2T for a task: transfer tag, offset, length.
fn r2t(pdus: &[Pdu], task: u32) -> Option<(u32, u32, u32)> {
    let pdu = pdus
        .iter()
        .find(|pdu| pdu.opcode() == 0x31 && pdu.u32(16) == task)?;
    Some((pdu.u32(20), pdu.u32(40), pdu.u32(44)))
}

/// Sends the answer to an R2T in segments of 1 MiB.
fn answer_r2t(session: &mut Session, task: u32, (tag, offset, length): (u32, u32, u32)) {
    let data = vec![7; MIB as usize];
    for (data_sn, at) in (0..length).step_by(MIB as usize).enumerate() {
        let piece = MIB.min(length - at);
        let pdu = iscsi::wire::DataOut {
            is_final: at + piece == length,
            lun: [0; 8],
            task_tag: task,
            transfer_tag: tag,
            expected_stat_sn: iscsi::wire::SerialNumber(0),
            data_sn: iscsi::wire::SerialNumber(data_sn as u32),
            buffer_offset: offset + at,
        };
        let bytes = bytes_of(pdu.emit(), &data[..piece as usize]);
        session.target.feed(&bytes);
    }
}

fn opcodes(pdus: &[Pdu]) -> Vec<u8> {
    pdus.iter().map(Pdu::opcode).collect()
}

#[test]
fn a_login_that_finds_no_memory_is_refused_with_0302() {
    let pool = MemoryPool::new(POOL_BYTES_MIN);
    let mut sessions = Vec::new();
    let failed = loop {
        let mut session = Session::connect(&pool);
        let request = login_request(
            iscsi::wire::Stage::LoginOperationalNegotiation,
            Some(iscsi::wire::Stage::FullFeaturePhase),
        );
        let mut pairs = NAMES.to_vec();
        pairs.extend_from_slice(&KEYS);
        let (response, _) = exchange(&mut session.target, request, &pairs);
        if status(&response) != 0 {
            assert_eq!(status(&response), 0x0302);
            break session.target.failed.take().unwrap();
        }
        sessions.push(session);
        assert!(sessions.len() < 1000, "somebody has to be refused");
    };
    assert!(
        failed
            .reason
            .starts_with("the memory for sessions is used up")
    );
    assert!(sessions.len() >= 12);
    assert!(pool.reserved_bytes() <= pool.max_bytes());
    sessions.pop();
    Session::begin(&pool); // there is room again
    sessions.clear();
    assert_eq!(pool.reserved_bytes(), 0, "everything is given back");
}

#[test]
fn reads_wait_until_there_is_memory_for_their_answers() {
    let pool = MemoryPool::new(1 << 30);
    let mut session = Session::begin(&pool);
    session.target.hold = true;
    for _ in 0..8 {
        session.read(16 * MIB - 4);
    }
    // Windows take 8 MiB of 64: three answers of 16 MiB fit.
    assert_eq!(session.target.held.len(), 3);
    assert!(session.reserved() <= SESSION_BYTES_MAX);
    // The answers wait for a peer that does not read, and hold what they held.
    for held in std::mem::take(&mut session.target.held) {
        session.target.execute(held);
    }
    assert!(session.target.held.is_empty(), "nothing has gone yet");
    assert!(session.reserved() > 48 << 20);
    // It reads: one goes after the other.
    session.target.pdus();
    session.target.answer();
    assert_eq!(session.target.held.len(), 3);
}

#[test]
fn an_answer_that_is_short_needs_little() {
    let pool = MemoryPool::new(1 << 30);
    let mut session = Session::begin(&pool);
    let idle = session.reserved();
    // INQUIRY with a length out of this world: 10 bytes come.
    session.target.hold = true;
    let index = session.next();
    let mut absurd = read_command(index, index, 10);
    absurd.expected_length = u32::MAX;
    session.target.feed(&bytes_of(absurd.emit(), &[]));
    assert!(session.reserved() > idle + (30 << 20));
    let held = session.target.held.remove(0);
    session.target.execute(held);
    assert_eq!(session.reserved(), idle);
    session.target.pdus();
    assert_eq!(session.reserved(), idle);
}

#[test]
fn an_aborted_answer_counts_until_it_has_gone() {
    let pool = MemoryPool::new(1 << 30);
    let mut session = Session::begin(&pool);
    let task = session.read(16 * MIB - 4);
    session.target.connection.transmit().count(); // some of it is prepared
    let before = session.reserved();
    let abort = iscsi::wire::TaskManagementRequest {
        immediate: true,
        function: 1,
        lun: [0; 8],
        task_tag: 0x900,
        referenced_task_tag: task,
        cmd_sn: cmd_sn(1),
        expected_stat_sn: iscsi::wire::SerialNumber(0),
        referenced_cmd_sn: cmd_sn(0),
        expected_data_sn: iscsi::wire::SerialNumber(0),
    };
    session.target.feed(&bytes_of(abort.emit(), &[]));
    assert_eq!(session.target.connection.tasks_in_flight(), 0);
    assert!(
        session.reserved() >= before,
        "slices of it are on their way"
    );
    session.target.pdus();
    assert!(session.reserved() < before - (14 << 20));
}

#[test]
fn the_window_closes_to_two_when_memory_is_short_and_opens_again() {
    let pool = MemoryPool::new(POOL_BYTES_MIN);
    let mut crowd: Vec<Session> = (0..4).map(|_| Session::begin(&pool)).collect();
    let mut session = Session::begin(&pool);
    // Windows of 8 MiB are more than a quarter of what is left.
    let index = session.next();
    let ready = bytes_of(command(index, index, &TEST_UNIT_READY).emit(), &[]);
    session.target.feed(&ready);
    let told = |pdu: &Pdu| pdu.u32(32).wrapping_sub(pdu.u32(28)).wrapping_add(1);
    assert_eq!(told(&session.target.pdus()[0]), WINDOW_FLOOR);
    crowd.clear();
    drop(session);
    let pool = MemoryPool::new(1 << 30);
    let mut session = Session::begin(&pool);
    let ready = bytes_of(command(0, 0, &TEST_UNIT_READY).emit(), &[]);
    session.target.feed(&ready);
    assert_eq!(told(&session.target.pdus()[0]), 32);
}

#[test]
fn long_blocks_take_turns_and_short_ones_never_wait() {
    let pool = MemoryPool::new(POOL_BYTES_MIN);
    let mut long: Vec<Session> = (0..3).map(|_| Session::begin(&pool)).collect();
    let mut short = Session::begin(&pool);
    let tasks: Vec<u32> = long.iter_mut().map(|it| it.write(24 * MIB)).collect();
    let asked = |session: &mut Session, task| r2t(&session.target.pdus(), task);
    let first = asked(&mut long[0], tasks[0]).unwrap();
    assert_eq!(asked(&mut long[1], tasks[1]), None);
    assert_eq!(asked(&mut long[2], tasks[2]), None);
    assert_eq!(pool.sessions_waiting(), 2);
    for _ in 0..10 {
        short.read(MIB);
        assert_eq!(*opcodes(&short.target.pdus()).last().unwrap(), 0x25);
        let task = short.write(MIB);
        let wanted = r2t(&short.target.pdus(), task).unwrap();
        answer_r2t(&mut short, task, wanted);
        assert_eq!(short.target.pdus()[0].byte(3), 0, "written");
    }
    // The first gets all its bursts and ends; the second is woken.
    let mut next = Some(first);
    let mut bursts = 0;
    while let Some(burst) = next {
        answer_r2t(&mut long[0], tasks[0], burst);
        bursts += 1;
        let pdus = long[0].target.pdus();
        next = r2t(&pdus, tasks[0]);
    }
    assert!(bursts >= 1);
    assert!(long[1].woken.load(Ordering::Relaxed));
    assert!(!long[2].woken.load(Ordering::Relaxed));
    long[1].wake();
    assert!(asked(&mut long[1], tasks[1]).is_some());
    // The second goes, with all that it holds.
    long.remove(1);
    long[1].wake();
    assert!(asked(&mut long[1], tasks[2]).is_some());
}

#[test]
fn who_holds_what_others_wait_for_and_does_not_move_is_ended() {
    let pool = MemoryPool::new(POOL_BYTES_MIN);
    let stall = Limits::default().stall_timeout;
    let mut writer = Session::begin(&pool);
    writer.write(32 * MIB);
    writer.target.pdus();
    // Nobody waits: it may take its time.
    for _ in 0..10 {
        writer.target.wait(stall * 9 / 10);
        writer.target.feed(&bytes_of(nop_out(0x77).emit(), &[]));
        writer.target.pdus();
    }
    assert_eq!(writer.target.closed, None);
    let mut reader = Session::begin(&pool);
    reader.read_up_to(16 * MIB - 4, 32 * MIB);
    assert!(reader.target.executed.is_empty());
    let deadline = writer.target.connection.next_deadline().unwrap();
    writer
        .target
        .wait(deadline.saturating_sub(writer.target.now));
    assert_eq!(writer.target.closed, Some(CloseReason::Stalled));
    drop(writer);
    reader.wake();
    assert_eq!(reader.target.executed.len(), 1);
    // It does not take what it has asked for, and again somebody waits.
    let mut third = Session::begin(&pool);
    third.write(24 * MIB);
    assert!(r2t(&third.target.pdus(), 0).is_some());
    let mut fourth = Session::begin(&pool);
    fourth.write(24 * MIB);
    assert!(fourth.target.pdus().is_empty());
    reader.target.wait(stall);
    assert_eq!(reader.target.closed, Some(CloseReason::Stalled));
    drop(reader);
    fourth.wake();
    assert!(r2t(&fourth.target.pdus(), 0).is_some());
}

#[test]
fn who_moves_or_waits_for_the_device_is_not_ended() {
    let pool = MemoryPool::new(POOL_BYTES_MIN);
    let stall = Limits::default().stall_timeout;
    let mut slow = Session::begin(&pool);
    slow.target.hold = true;
    let task = slow.write(16 * MIB);
    let (tag, _, length) = r2t(&slow.target.pdus(), task).unwrap();
    assert_eq!(length, 16_776_192);
    let mut waiting = Session::begin(&pool);
    waiting.read(32 * MIB);
    let data = vec![7; MIB as usize];
    let mut data_sn = 0;
    let mut offset = 0;
    while offset + 2 * MIB < length {
        for _ in 0..2 {
            let pdu = iscsi::wire::DataOut {
                is_final: false,
                lun: [0; 8],
                task_tag: task,
                transfer_tag: tag,
                expected_stat_sn: iscsi::wire::SerialNumber(0),
                data_sn: iscsi::wire::SerialNumber(data_sn),
                buffer_offset: offset,
            };
            slow.target.feed(&bytes_of(pdu.emit(), &data));
            offset += MIB;
            data_sn += 1;
        }
        slow.target.wait(stall);
        assert_eq!(slow.target.closed, None, "at {offset}");
    }
    // A drive that takes its time is nobody's fault.
    let mut busy = Session::begin(&MemoryPool::new(POOL_BYTES_MIN));
    busy.target.hold = true;
    busy.read(32 * MIB);
    assert_eq!(busy.target.held.len(), 1);
    busy.target.wait(stall * 10);
    assert_eq!(busy.target.closed, None);
}

#[test]
fn nops_beyond_what_a_session_owns_are_rejected_when_memory_is_short() {
    let pool = MemoryPool::new(POOL_BYTES_MIN);
    let mut holder = Session::begin(&pool);
    holder.write(32 * MIB);
    holder.target.pdus();
    let mut peer = Session::begin(&pool);
    let small = pattern(100_000, 1);
    for _ in 0..2 {
        peer.target.feed(&bytes_of(nop_out(0x77).emit(), &small));
    }
    peer.target.feed(&bytes_of(nop_out(0x78).emit(), &small));
    assert_eq!(opcodes(&peer.target.pdus()), [0x20, 0x20, 0x3f]);
    peer.target.feed(&bytes_of(nop_out(0x77).emit(), &small));
    assert_eq!(opcodes(&peer.target.pdus()), [0x20], "there is room again");
}

/// A task that stands still until the environment has judged its abort lets none behind it take the
/// memory that it needs itself.
#[test]
fn what_stands_still_keeps_its_turn() {
    let pool = MemoryPool::new(POOL_BYTES_MIN);
    let mut holder = Session::begin(&pool);
    holder.write(32 * MIB);
    let mut session = Session::begin(&pool);
    session.target.hold_management = true;
    session.target.outcome = iscsi::ManagementOutcome::TaskDoesNotExist;
    let first = session.write(24 * MIB);
    let reset = iscsi::wire::TaskManagementRequest {
        immediate: true,
        function: 5, // LOGICAL UNIT RESET
        lun: [0; 8],
        task_tag: 0x900,
        referenced_task_tag: u32::MAX,
        cmd_sn: cmd_sn(1),
        expected_stat_sn: iscsi::wire::SerialNumber(0),
        referenced_cmd_sn: cmd_sn(0),
        expected_data_sn: iscsi::wire::SerialNumber(0),
    };
    session.target.feed(&bytes_of(reset.emit(), &[]));
    let second = session.write(MIB);
    assert!(
        session.target.pdus().is_empty(),
        "it would hold the first up"
    );
    drop(holder);
    session.wake();
    let request = session.target.managed.remove(0);
    session
        .target
        .connection
        .management_done(request.tag, session.target.outcome);
    session.target.answer();
    let pdus = session.target.pdus();
    assert!(r2t(&pdus, first).is_some());
    assert!(r2t(&pdus, second).is_some());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Read(u32),
    Write(u32),
    Immediate(u32),
    AnswerR2t(usize),
    HalfAnswer(usize),
    Nop(usize),
    Execute,
    Take(usize),
    Abort(u32),
    Wait(u64),
    Ahead(u32),
    Replace,
}

fn any_step() -> impl Strategy<Value = (usize, Step)> {
    let length = || prop_oneof![0..600_000_u32, Just(MIB), Just(16 * MIB - 4), 0..=u32::MAX];
    let step = prop_oneof![
        3 => length().prop_map(Step::Read),
        3 => length().prop_map(Step::Write),
        1 => length().prop_map(Step::Immediate),
        3 => (0_usize..8).prop_map(Step::AnswerR2t),
        1 => (0_usize..8).prop_map(Step::HalfAnswer),
        1 => (0_usize..300_000).prop_map(Step::Nop),
        4 => Just(Step::Execute),
        4 => (0_usize..3_000_000).prop_map(Step::Take),
        1 => (0_u32..40).prop_map(Step::Abort),
        1 => (0_u64..25).prop_map(Step::Wait),
        1 => (1_u32..40).prop_map(Step::Ahead),
        1 => Just(Step::Replace),
    ];
    (0_usize..SESSIONS, step)
}

const SESSIONS: usize = 5;

/// One session's side of a random story.
struct Actor {
    session: Session,
    /// R2Ts that are not answered.
    asked: Vec<(u32, u32, u32, u32)>,
    /// Bytes that were taken and do not make a PDU yet.
    taken: Vec<u8>,
}

impl Actor {
    fn new(pool: &MemoryPool) -> Self {
        let mut session = Session::begin(pool);
        session.target.hold = true;
        Self {
            session,
            asked: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// Takes at most `max` bytes of what the target sends, and notes its R2Ts.
    fn take(&mut self, max: usize) {
        let connection = &mut self.session.target.connection;
        let bytes = connection.transmit().flatten().copied().take(max);
        let before = self.taken.len();
        self.taken.extend(bytes);
        connection.sent(self.taken.len() - before);
        self.session.target.answer();
        let mut at = 0;
        while self.taken.len() >= at + 48 {
            let header = iscsi::wire::Header(self.taken[at..at + 48].try_into().unwrap());
            let length = header.data_length();
            let end = at + 48 + length + iscsi::wire::padding(length);
            if self.taken.len() < end {
                break;
            }
            if header.0[0] & 0x3f == 0x31 {
                let pdu = Pdu {
                    header,
                    data: Vec::new(),
                };
                self.asked
                    .push((pdu.u32(16), pdu.u32(20), pdu.u32(40), pdu.u32(44)));
            }
            at = end;
        }
        self.taken.drain(..at);
    }

    fn act(&mut self, step: Step, pool: &MemoryPool) {
        let session = &mut self.session;
        match step {
            Step::Read(length) => {
                session.read_up_to(length.min(600_000), length);
            }
            Step::Write(length) => {
                session.write(length);
            }
            Step::Immediate(length) => {
                let mut command = write_command(length | 1 << 31, 0, length);
                command.immediate = true;
                command.cmd_sn = cmd_sn(session.index);
                session.target.feed(&bytes_of(command.emit(), &[]));
            }
            Step::AnswerR2t(which) if !self.asked.is_empty() => {
                let (task, tag, offset, length) = self.asked.remove(which % self.asked.len());
                answer_r2t(session, task, (tag, offset, length));
            }
            Step::HalfAnswer(which) if !self.asked.is_empty() => {
                let (task, tag, offset, length) = self.asked.remove(which % self.asked.len());
                answer_r2t(session, task, (tag, offset, length / 2));
            }
            Step::AnswerR2t(_) | Step::HalfAnswer(_) => {}
            Step::Nop(length) => {
                let nop = bytes_of(nop_out(0x7000_0000).emit(), &vec![1; length]);
                session.target.feed(&nop);
            }
            Step::Execute => {
                if !session.target.held.is_empty() {
                    let held = session.target.held.remove(0);
                    session.target.execute(held);
                }
            }
            Step::Take(max) => self.take(max),
            Step::Abort(back) => {
                let abort = iscsi::wire::TaskManagementRequest {
                    immediate: true,
                    function: 1,
                    lun: [0; 8],
                    task_tag: 0x6000_0000 | back,
                    referenced_task_tag: session.index.wrapping_sub(back),
                    cmd_sn: cmd_sn(session.index),
                    expected_stat_sn: iscsi::wire::SerialNumber(0),
                    referenced_cmd_sn: cmd_sn(session.index.wrapping_sub(back)),
                    expected_data_sn: iscsi::wire::SerialNumber(0),
                };
                session.target.feed(&bytes_of(abort.emit(), &[]));
            }
            Step::Wait(seconds) => session.target.wait(Duration::from_secs(seconds)),
            Step::Ahead(by) => {
                let index = session.index + by;
                let write = write_command(0x5000_0000 | index, index, 300_000);
                session.target.feed(&bytes_of(write.emit(), &[]));
            }
            Step::Replace => *self = Self::new(pool),
        }
    }
}

/// Carries a session to its end: everything is executed, asked for and taken.
fn finish(actor: &mut Actor) {
    for _ in 0..10_000 {
        actor.session.wake();
        actor.act(Step::Execute, &MemoryPool::new(0));
        actor.take(usize::MAX);
        let Some((task, tag, offset, length)) = actor.asked.pop() else {
            if actor.session.target.held.is_empty() && !actor.session.target.connection.has_output()
            {
                return;
            }
            continue;
        };
        answer_r2t(&mut actor.session, task, (tag, offset, length));
    }
    panic!("a session never ends what it does");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    /// Over any traffic of any sessions: reserved never exceeds the pool, nor a session its own
    /// limit; a fresh session writes a block of the guaranteed length through whatever the others do;
    /// when they are gone a block of any length goes, and in the end everything is given back.
    #[test]
    fn any_traffic_stays_within_the_pool_and_starves_nobody(
        steps in prop::collection::vec(any_step(), 1..150),
    ) {
        let pool = MemoryPool::new(POOL_BYTES_MIN);
        let mut actors: Vec<Actor> = (0..SESSIONS).map(|_| Actor::new(&pool)).collect();
        for (which, step) in steps {
            if let Step::Replace = step {
                // The old one's place may be needed for the new one.
                let fresh = Actor::new(&MemoryPool::new(POOL_BYTES_MIN));
                actors[which] = fresh;
            }
            actors[which].act(step, &pool);
            for actor in &mut actors {
                actor.session.wake();
                prop_assert!(actor.session.reserved() <= SESSION_BYTES_MAX + 4096 * 3);
            }
            prop_assert!(pool.reserved_bytes() <= pool.max_bytes(), "{pool:?}");
        }
        let mut fresh = Session::begin(&pool);
        let task = fresh.write(MIB);
        let wanted = r2t(&fresh.target.pdus(), task);
        prop_assert!(wanted.is_some(), "{pool:?}");
        answer_r2t(&mut fresh, task, wanted.unwrap());
        prop_assert_eq!(fresh.target.executed.len(), 1);
        // Only one is left: whatever it has begun comes to its end.
        let mut last = actors.pop().unwrap();
        actors.clear();
        drop(fresh);
        finish(&mut last);
        prop_assert_eq!(pool.sessions_waiting(), 0);
        drop(last);
        prop_assert_eq!(pool.reserved_bytes(), 0);
    }
}

#[test]
fn the_figures_that_the_documents_name() {
    assert_eq!(SESSION_GUARANTEED_BYTES, 2 << 20);
    assert_eq!(SESSION_BYTES_MAX, 64 << 20);
    assert_eq!(COMMAND_BYTES_MAX, (32 << 20) + (256 << 10));
    // Everything that one session can hold at once, one command of any length included.
    let limits = Limits::default();
    let window = u64::from(limits.command_window + limits.immediate_commands_max);
    let unsolicited = window * u64::from(Offer::default().first_burst_length);
    let answers = limits.output_bytes_max as u64 + (4 << 20) + (3 << 20);
    assert!(unsolicited + answers + COMMAND_BYTES_MAX <= SESSION_BYTES_MAX);
}
