//! A session of an initiator port: what it does, what it knows of its blocks, and how it begins again
//! when its connection is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use iscsi::CloseReason;
use iscsi::initiator::{DataTransfer, Finished, InitiatorEvent};
use scsi::Lun;

use super::library::{READ, WRITE};
use super::random::Random;
use super::world::{What, World};

pub(super) struct Session {
    pub(super) name: String,
    pub(super) isid: [u8; 6],
    pub(super) keys: Vec<(&'static str, &'static str)>,
    line: Option<usize>,
    opened: Duration,
    logged_in: bool,
    leaving: bool,
    /// How much it still wants to do.
    left_to_do: u32,
    in_flight: BTreeMap<u32, Act>,
    /// Task management that is not answered, and what it ends.
    managing: BTreeMap<u32, Ends>,
    nops: BTreeMap<u32, (Duration, usize)>,
    /// Every write to a block, in order.
    blocks: BTreeMap<(u16, u16), Vec<Write>>,
    serial: u32,
}

/// A command in flight.
struct Act {
    lun: u16,
    since: Duration,
    kind: Kind,
}

enum Kind {
    Nothing,
    /// Of the block, with this place in its history.
    Write(u16, usize),
    /// Of the block, after so many writes.
    Read(u16, usize),
}

/// What task management ends.
enum Ends {
    Task(u32),
    Tasks(Vec<u32>),
}

/// One write of a block.
struct Write {
    serial: u32,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It was answered, or will be: it acts before whatever comes after it.
    Certain,
    /// It was aborted, or its session ended.
    Uncertain,
}

const IN_FLIGHT_MAX: usize = 8;
/// How long a command or a NOP may take before the session begins again.
const PATIENCE: Duration = Duration::from_mins(1);
const LOGIN_PATIENCE: Duration = Duration::from_secs(30);
const READ_LENGTH: u32 = 70_000;

/// What a write with this number writes.
fn content(serial: u32) -> Bytes {
    let mut random = Random::new(u64::from(serial));
    let length = 4 + match random.below(4) {
        0 => random.below(16),
        1 => 4090 + random.below(12),
        _ => random.below(60_000),
    } as usize;
    let mut bytes = serial.to_be_bytes().to_vec();
    while bytes.len() < length {
        bytes.extend(random.next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

impl Session {
    pub(super) fn new(index: usize, random: &mut Random) -> Self {
        let digest = |random: &mut Random| random.one_of(&["None", "CRC32C"]);
        let yes_no = |random: &mut Random| random.one_of(&["Yes", "No"]);
        Self {
            name: format!("iqn.2026-11.io.example:host{}", index / 2),
            isid: [0x80, 0, 0, 0, 0, index as u8],
            keys: vec![
                ("HeaderDigest", digest(random)),
                ("DataDigest", digest(random)),
                ("InitialR2T", yes_no(random)),
                ("ImmediateData", yes_no(random)),
                (
                    "MaxRecvDataSegmentLength",
                    random.one_of(&["1024", "8192", "262144"]),
                ),
                (
                    "MaxBurstLength",
                    random.one_of(&["4096", "65536", "16776192"]),
                ),
                (
                    "FirstBurstLength",
                    random.one_of(&["512", "4096", "262144"]),
                ),
                ("MaxOutstandingR2T", random.one_of(&["1", "4"])),
            ],
            line: None,
            opened: Duration::ZERO,
            logged_in: false,
            leaving: false,
            left_to_do: 10 + random.below(30) as u32,
            in_flight: BTreeMap::new(),
            managing: BTreeMap::new(),
            nops: BTreeMap::new(),
            blocks: BTreeMap::new(),
            serial: index as u32 * 1_000_000,
        }
    }

    pub(super) fn check_end(&self) {
        assert_eq!(
            self.left_to_do, 0,
            "liveness: {} has not done all",
            self.name
        );
        assert!(self.in_flight.is_empty() && self.managing.is_empty());
    }

    /// Whether something has taken too long.
    fn is_impatient(&self, now: Duration) -> bool {
        let commands = self.in_flight.values().map(|act| act.since);
        let nops = self.nops.values().map(|(since, _)| *since);
        let waits = commands.chain(nops).min();
        waits.is_some_and(|since| now > since + PATIENCE)
            || (!self.logged_in && now > self.opened + LOGIN_PATIENCE)
            || (self.leaving && now > self.opened + PATIENCE)
    }

    /// Nobody will say what became of these.
    fn lose(&mut self, tasks: impl IntoIterator<Item = u32>) {
        for task in tasks {
            let Some(act) = self.in_flight.remove(&task) else {
                continue;
            };
            if let Kind::Write(block, place) = act.kind {
                self.blocks.get_mut(&(act.lun, block)).unwrap()[place].fate = Fate::Uncertain;
            }
        }
    }

    /// Somebody has reset a unit: what is in flight to it may never act, and nobody will say so.
    pub(super) fn doubt(&mut self, lun: Option<Lun>) {
        for act in self.in_flight.values() {
            let hit = lun.is_none_or(|lun| lun.number() == act.lun);
            if let (true, Kind::Write(block, place)) = (hit, &act.kind) {
                self.blocks.get_mut(&(act.lun, *block)).unwrap()[*place].fate = Fate::Uncertain;
            }
        }
    }

    /// Sees that a block holds what it may hold after the first `count` writes.
    fn check_block(&self, lun: u16, block: u16, count: usize, data: &[u8]) {
        let writes = self
            .blocks
            .get(&(lun, block))
            .map_or(&[][..], Vec::as_slice);
        for write in writes[..count].iter().rev() {
            if data == content(write.serial) {
                return;
            }
            let head = &data[..data.len().min(4)];
            assert!(
                write.fate == Fate::Uncertain,
                "{} block {block} of unit {lun}: {} bytes of {head:02x?} and not write {:#x}",
                self.name,
                data.len(),
                write.serial,
            );
        }
        assert!(data.is_empty(), "nobody wrote this");
    }
}

impl World {
    /// One thing that a session does, and the time of the next.
    pub(super) fn act(&mut self, index: usize) {
        let now = self.now;
        let session = &mut self.sessions[index];
        match session.line {
            None if session.left_to_do == 0 => return,
            None => self.log_in(index),
            Some(_) if session.is_impatient(now) => {
                self.tell(|| format!("session {index} has no patience left"));
                self.begin_again(index);
            }
            Some(line) if session.logged_in && !session.leaving => self.do_something(index, line),
            Some(_) => (),
        }
        let delay = match self.sessions[index].left_to_do {
            0 => self.random.micros(100_000, 5_000_000),
            _ => self.random.micros(10, 20_000),
        };
        self.after(delay, What::Act(index));
    }

    fn log_in(&mut self, index: usize) {
        let params = self.params(index);
        let line = self.connect(params);
        self.tell(|| format!("session {index} logs in on line {line}"));
        let session = &mut self.sessions[index];
        session.line = Some(line);
        session.opened = self.now;
        session.logged_in = false;
        session.leaving = false;
    }

    /// The connection is given up; the next act logs in again.
    fn begin_again(&mut self, index: usize) {
        let session = &mut self.sessions[index];
        let line = session.line.take();
        session.managing.clear();
        session.nops.clear();
        let tasks: Vec<u32> = session.in_flight.keys().copied().collect();
        session.lose(tasks);
        if let Some(line) = line {
            self.hang_up(line);
        }
    }

    /// The initiator of a line learns that it is gone.
    pub(super) fn lose_line(&mut self, line: usize) {
        let owner = self.sessions.iter().position(|it| it.line == Some(line));
        if let Some(index) = owner {
            self.begin_again(index);
        }
    }

    fn do_something(&mut self, index: usize, line: usize) {
        let session = &mut self.sessions[index];
        if session.left_to_do == 0 {
            if session.in_flight.is_empty() && session.managing.is_empty() {
                self.leave(index, line);
            }
            return;
        }
        let open = self.lines[line].initiator.window_is_open();
        let room = session.in_flight.len() < IN_FLIGHT_MAX && open;
        match self.random.below(100) {
            0..45 if room => self.write(index, line),
            45..80 if room => self.read(index, line),
            80..85 if room => self.command(index, line, &[0; 6], DataTransfer::None, Kind::Nothing),
            85..92 => self.nop(index, line),
            92..95 => self.abort(index, line),
            95 if self.random.in_thousand(300) => self.reset_unit(index, line),
            96 if self.random.in_thousand(300) => self.leave(index, line),
            97 if self.random.in_thousand(300) => self.begin_again(index),
            _ => (),
        }
    }

    fn command(&mut self, index: usize, line: usize, cdb: &[u8], data: DataTransfer, kind: Kind) {
        let lun = self.random.below(3) as u16;
        self.command_to(lun, index, line, cdb, data, kind);
    }

    fn command_to(
        &mut self,
        lun: u16,
        index: usize,
        line: usize,
        cdb: &[u8],
        data: DataTransfer,
        kind: Kind,
    ) {
        let task = self.lines[line].initiator.command(Lun::new(lun), cdb, data);
        let since = self.now;
        let session = &mut self.sessions[index];
        session.left_to_do -= 1;
        session.in_flight.insert(task, Act { lun, since, kind });
        self.pump(line);
    }

    /// Returns one of the session's own blocks.
    fn any_block(&mut self, index: usize) -> (u16, u16) {
        let lun = self.random.below(3) as u16;
        (lun, index as u16 * 16 + self.random.below(3) as u16)
    }

    fn write(&mut self, index: usize, line: usize) {
        let (lun, block) = self.any_block(index);
        let session = &mut self.sessions[index];
        session.serial += 1;
        let serial = session.serial;
        let writes = session.blocks.entry((lun, block)).or_default();
        writes.push(Write {
            serial,
            fate: Fate::Certain,
        });
        let kind = Kind::Write(block, writes.len() - 1);
        let [high, low] = block.to_be_bytes();
        let cdb = [WRITE, 0, high, low, 0, 0];
        let data = DataTransfer::Out(content(serial));
        self.command_to(lun, index, line, &cdb, data, kind);
    }

    fn read(&mut self, index: usize, line: usize) {
        let (lun, block) = self.any_block(index);
        let count = self.sessions[index]
            .blocks
            .get(&(lun, block))
            .map_or(0, Vec::len);
        let [high, low] = block.to_be_bytes();
        let cdb = [READ, 0, high, low, 0, 0];
        let data = DataTransfer::In(READ_LENGTH);
        self.command_to(lun, index, line, &cdb, data, Kind::Read(block, count));
    }

    fn nop(&mut self, index: usize, line: usize) {
        let length = self.random.below(700) as usize;
        let task = self.lines[line].initiator.nop(&vec![7; length]);
        self.sessions[index].nops.insert(task, (self.now, length));
        self.pump(line);
    }

    fn abort(&mut self, index: usize, line: usize) {
        let session = &mut self.sessions[index];
        let choices: Vec<u32> = session.in_flight.keys().copied().collect();
        if choices.is_empty() || !session.managing.is_empty() {
            return;
        }
        let task = self.random.one_of(&choices);
        let lun = Lun::new(session.in_flight[&task].lun);
        let initiator = &mut self.lines[line].initiator;
        let Some(cmd_sn) = initiator.cmd_sn_of(task) else {
            return;
        };
        let tag = initiator.manage(1, lun, Some((task, cmd_sn)));
        session.managing.insert(tag, Ends::Task(task));
        self.pump(line);
    }

    fn reset_unit(&mut self, index: usize, line: usize) {
        let session = &mut self.sessions[index];
        if !session.managing.is_empty() {
            return;
        }
        let lun = self.random.below(3) as u16;
        self.tell(|| format!("session {index} resets unit {lun}"));
        let session = &mut self.sessions[index];
        let tag = self.lines[line].initiator.manage(5, Lun::new(lun), None);
        let here = session.in_flight.iter().filter(|(_, act)| act.lun == lun);
        let tasks = here.map(|(task, _)| *task).collect();
        session.managing.insert(tag, Ends::Tasks(tasks));
        self.pump(line);
    }

    fn leave(&mut self, index: usize, line: usize) {
        self.tell(|| format!("session {index} logs out"));
        let session = &mut self.sessions[index];
        session.leaving = true;
        session.opened = self.now;
        self.lines[line].initiator.log_out(0);
        self.pump(line);
    }

    /// Takes what the initiator of a line has to tell.
    pub(super) fn hear(&mut self, line: usize) {
        let owner = self.sessions.iter().position(|it| it.line == Some(line));
        while let Some(event) = self.lines[line].initiator.next_event() {
            if let InitiatorEvent::Failed(rule) = event {
                panic!("line {line}: {rule}");
            }
            let Some(index) = owner.filter(|index| self.sessions[*index].line == Some(line)) else {
                continue;
            };
            self.hear_event(index, line, event);
        }
        // The target has said its last word.
        let over = self.lines[line].is_over && !self.lines[line].connection.has_output();
        if let Some(index) = owner.filter(|_| over && self.is_quiet(line))
            && self.sessions[index].line == Some(line)
        {
            self.begin_again(index);
        }
    }

    fn hear_event(&mut self, index: usize, line: usize, event: InitiatorEvent) {
        let session = &mut self.sessions[index];
        match event {
            InitiatorEvent::LoggedIn { .. } => session.logged_in = true,
            InitiatorEvent::Finished(finished) => self.finish(index, &finished),
            InitiatorEvent::NopIn { task_tag, data } => {
                let sent = session.nops.remove(&task_tag).map(|(_, length)| length);
                assert_eq!(sent, Some(data.len()), "an echo");
            }
            InitiatorEvent::ManagementDone {
                task_tag, response, ..
            } => match session.managing.remove(&task_tag) {
                Some(Ends::Task(task)) if response == 0 => session.lose([task]),
                Some(Ends::Tasks(tasks)) => {
                    assert_eq!(response, 0);
                    session.lose(tasks);
                }
                Some(Ends::Task(_)) => assert_eq!(response, 1, "the task has ended"),
                None => panic!("an answer to no request"),
            },
            InitiatorEvent::LogoutDone { response } => {
                assert_eq!(response, 0);
                assert_eq!(self.lines[line].reason, Some(CloseReason::LoggedOut));
                let session = &mut self.sessions[index];
                let tasks: Vec<u32> = session.in_flight.keys().copied().collect();
                session.lose(tasks);
                session.managing.clear();
                session.nops.clear();
                session.line = None;
            }
            InitiatorEvent::Pinged { .. } => (),
            other => panic!("{other:?}"),
        }
    }

    fn finish(&mut self, index: usize, finished: &Finished) {
        let session = &mut self.sessions[index];
        let act = session.in_flight.remove(&finished.task_tag);
        let act = act.expect("a command ends once");
        assert_eq!(finished.status, 0);
        match act.kind {
            Kind::Nothing => (),
            Kind::Read(block, count) => {
                session.check_block(act.lun, block, count, &finished.data);
            }
            Kind::Write(block, place) => {
                let writes = session.blocks.get_mut(&(act.lun, block)).unwrap();
                writes[place].fate = Fate::Certain;
            }
        }
    }

    /// What is in the library in the end is what was written.
    pub(super) fn compare_blocks(&self) {
        for session in &self.sessions {
            for ((lun, block), writes) in &session.blocks {
                let data = self.library.blocks.get(&(*lun, *block));
                let data = data.cloned().unwrap_or_default();
                session.check_block(*lun, *block, writes.len(), &data);
            }
        }
    }
}
