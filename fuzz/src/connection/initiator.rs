//! The model initiator: it keeps to the rules, and knows what it may expect.

use std::collections::{BTreeMap, VecDeque};

use iscsi::{CloseReason, CommandReceived, Negotiated};
use scsi::{Lun, TaskTag};

use super::environment::{READ, WRITE, device, pattern};
use super::{World, environment};
use crate::checker::{Answer, Checker, Command, Peer, Said, is_before};
use crate::rig::{Choices, pairs_of, text_of};
use crate::wire::{Header, Pdu, put_u32};

/// What the initiator knows.
#[derive(Debug)]
pub(super) struct Initiator {
    pub(super) cmd_sn: u32,
    pub(super) next_tag: u32,
    pub(super) last_transfer_tag: u32,
    negotiated: Negotiated,
    discovery: bool,
    tasks: BTreeMap<u32, Task>,
    /// PDUs that are sent after later ones, with the tasks that they begin.
    deferred: Vec<(Header, Vec<u8>)>,
    management: BTreeMap<u32, Function>,
    nops: BTreeMap<u32, Vec<u8>>,
    text: Option<(u32, Vec<u8>)>,
    /// The CmdSN of the last command that was executed, for each logical unit.
    executed: [Option<u32>; 4],
    pub(super) asked_to_leave: bool,
    pub(super) told_to_leave: bool,
    left: bool,
    cold_reset: bool,
}

/// A command.
#[derive(Debug)]
struct Task {
    lun: u8,
    read: bool,
    write: bool,
    cdb: [u8; 16],
    cmd_sn: u32,
    immediate: bool,
    expected: u32,
    sent: bool,
    delivered: Option<TaskTag>,
    sequences: VecDeque<Sequence>,
}

/// Data-Out to be sent.
#[derive(Clone, Copy, Debug)]
struct Sequence {
    transfer_tag: u32,
    offset: u32,
    end: u32,
    data_sn: u32,
}

/// Task management that is not answered.
#[derive(Clone, Copy, Debug)]
struct Function {
    code: u8,
    lun: u8,
    referenced: u32,
}

impl Initiator {
    pub(super) fn new(cmd_sn: u32, negotiated: Negotiated, discovery: bool) -> Self {
        Self {
            cmd_sn,
            next_tag: 1,
            last_transfer_tag: 1,
            negotiated,
            discovery,
            tasks: BTreeMap::new(),
            deferred: Vec::new(),
            management: BTreeMap::new(),
            nops: BTreeMap::new(),
            text: None,
            executed: [None; 4],
            asked_to_leave: false,
            told_to_leave: false,
            left: false,
            cold_reset: false,
        }
    }

    /// Returns whether it waits for nothing.
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty()
            && self.management.is_empty()
            && self.nops.is_empty()
            && self.text.is_none()
            && self.deferred.is_empty()
    }

    /// Returns whether there is Data-Out to be sent.
    pub(super) fn has_data(&self) -> bool {
        self.tasks.values().any(|task| !task.sequences.is_empty())
    }

    fn take_tag(&mut self) -> u32 {
        self.next_tag += 1;
        self.next_tag - 1
    }

    /// N3, B3: a command is handed over once, whole, and in its turn.
    pub(super) fn check_delivery(&mut self, command: &CommandReceived) {
        let cdb = command.command.cdb.as_bytes();
        let itt = u32::from_be_bytes(cdb[12..16].try_into().unwrap());
        let task = self.tasks.get_mut(&itt).expect("a command that was sent");
        assert_eq!(*cdb, task.cdb);
        assert_eq!(command.lun, Some(Lun::new(u16::from(task.lun))));
        assert!(task.sent && task.delivered.is_none(), "once");
        task.delivered = Some(command.task);
        let length = if task.write { task.expected } else { 0 };
        let expected = pattern(itt, 0, length as usize);
        assert!(
            command.command.data_out == expected,
            "other data of {task:?}"
        );
        if task.immediate {
            return;
        }
        let (cmd_sn, lun) = (task.cmd_sn, usize::from(task.lun));
        let last = self.executed[lun].replace(cmd_sn);
        assert!(last.is_none_or(|last| is_before(last, cmd_sn)), "N3");
        for (header, _) in &self.deferred {
            let missing = crate::wire::u32_at(header, 24);
            assert!(!is_before(missing, cmd_sn), "N3: {missing:#x} has not come");
        }
    }

    /// The connection is over: was there a reason?
    pub(super) fn check_end(&self, reason: CloseReason, reading: bool) {
        let allowed = match reason {
            CloseReason::LoggedOut => self.left,
            CloseReason::LogoutTimeout => self.asked_to_leave,
            CloseReason::Requested => self.told_to_leave,
            CloseReason::TargetReset => self.cold_reset,
            CloseReason::PingTimeout | CloseReason::NotReading => !reading,
            _ => false,
        };
        assert!(allowed, "closed without a reason: {reason:?}");
    }

    /// The environment has ended commands for others' sake: nobody answers them.
    pub(super) fn lose(&mut self, is_lost: impl Fn(u32, TaskTag) -> bool, checker: &mut Checker) {
        self.tasks.retain(|itt, task| {
            let lost = task.delivered.is_some_and(|tag| is_lost(*itt, tag));
            if lost {
                checker.forget(*itt);
            }
            !lost
        });
    }

    /// The same for those that it has not got yet.
    pub(super) fn lose_waiting(&mut self, lun: Option<Lun>, checker: &mut Checker) {
        self.tasks.retain(|itt, task| {
            let hit = lun.is_none_or(|lun| lun.number() == u16::from(task.lun));
            let lost = task.sent && task.delivered.is_none() && hit;
            if lost {
                checker.forget(*itt);
            }
            !lost
        });
    }

    /// A function is complete: the commands that it ends are gone (T6).
    fn end(&mut self, tag: u32, function: Function, checker: &mut Checker) {
        self.tasks.retain(|itt, task| {
            let ended = *itt < tag
                && match function.code {
                    1 => *itt == function.referenced,
                    2 | 4 | 5 => task.lun == function.lun,
                    6 | 7 | 11 => true,
                    _ => false,
                };
            if ended {
                checker.forget(*itt);
            }
            !ended
        });
    }
}

impl World {
    /// Returns whether another numbered request may be sent.
    fn may_send(&self) -> bool {
        let window = self.checker.max_cmd_sn();
        !is_before(window, self.initiator.cmd_sn)
            && self.initiator.tasks.len() < 64
            && !self.initiator.asked_to_leave
    }

    /// Puts tag and CmdSN into a request, and sends it now or later.
    fn request(&mut self, mut header: Header, data: Vec<u8>, tag: u32, when: Turn) {
        put_u32(&mut header, 16, tag);
        put_u32(&mut header, 24, self.initiator.cmd_sn);
        if when == Turn::Immediate {
            header[0] |= 0x40;
        } else {
            self.initiator.cmd_sn = self.initiator.cmd_sn.wrapping_add(1);
        }
        if when == Turn::Later {
            self.initiator.deferred.push((header, data));
        } else {
            self.send_request(header, &data);
        }
    }

    fn send_request(&mut self, header: Header, data: &[u8]) {
        let tag = crate::wire::u32_at(&header, 16);
        if let Some(task) = self.initiator.tasks.get_mut(&tag) {
            task.sent = true;
            let asked_to = match task.sequences.front() {
                Some(unsolicited) => unsolicited.end,
                None => data.len() as u32,
            };
            self.checker.watch(
                tag,
                Command {
                    lun: [0, task.lun, 0, 0, 0, 0, 0, 0],
                    read: task.read,
                    write: task.write,
                    expected: task.expected,
                    asked_to,
                },
            );
        }
        self.send(header, data);
    }

    /// Sends what was held back.
    pub(super) fn flush_deferred(&mut self) {
        while let Some((header, data)) = self.initiator.deferred.pop() {
            if self.closed().is_some() {
                return;
            }
            self.send_request(header, &data);
        }
    }

    fn turn(&mut self, choice: u8) -> Option<Turn> {
        let immediate = self
            .initiator
            .tasks
            .values()
            .filter(|t| t.immediate)
            .count();
        match choice >> 4 {
            0 if immediate < 2 && !self.initiator.asked_to_leave => Some(Turn::Immediate),
            1 if self.may_send() && self.initiator.deferred.len() < 8 => Some(Turn::Later),
            _ if self.may_send() => Some(Turn::Now),
            _ => None,
        }
    }

    /// Begins a command.
    fn command(
        &mut self,
        turn: Turn,
        (read, write): (bool, bool),
        (code, variant, lun): (u8, u8, u8),
        (expected, device_length): (u32, u32),
        (immediate, unsolicited): (u32, Option<u32>),
    ) {
        let tag = self.initiator.take_tag();
        let [_, high, middle, low] = device_length.to_be_bytes();
        let mut cdb = [0; 16];
        cdb[..5].copy_from_slice(&[code, variant, high, middle, low]);
        cdb[12..].copy_from_slice(&tag.to_be_bytes());
        let mut header: Header = [0; 48];
        header[0] = 0x01;
        header[1] =
            u8::from(unsolicited.is_none()) << 7 | u8::from(read) << 6 | u8::from(write) << 5 | 1;
        header[9] = lun;
        put_u32(&mut header, 20, expected);
        header[32..].copy_from_slice(&cdb);
        let data = pattern(tag, 0, expected as usize);
        let data = data[..immediate as usize].to_vec();
        let task = Task {
            lun,
            read,
            write,
            cdb,
            cmd_sn: self.initiator.cmd_sn,
            immediate: turn == Turn::Immediate,
            expected,
            sent: false,
            delivered: None,
            sequences: unsolicited
                .map(|end| Sequence {
                    transfer_tag: u32::MAX,
                    offset: immediate,
                    end,
                    data_sn: 0,
                })
                .into_iter()
                .collect(),
        };
        self.initiator.tasks.insert(tag, task);
        self.request(header, data, tag, turn);
    }

    /// A command for which nothing is expected. The device may have data all the same (D3).
    pub(super) fn no_data(&mut self, choices: &mut Choices<'_>) {
        let (choice, kind) = (choices.byte(), choices.byte());
        let Some(turn) = self.turn(choice).filter(|_| !self.initiator.discovery) else {
            return;
        };
        let code = [0, READ, WRITE, 0][usize::from(kind & 3)];
        let length = if code == 0 { 0 } else { u32::from(kind) * 9 };
        let what = (code, kind >> 6, choice & 3);
        self.command(turn, (false, false), what, (0, length), (0, None));
    }

    /// A read of as much as the device has, or more, or less.
    pub(super) fn read(&mut self, choices: &mut Choices<'_>) {
        let (choice, kind) = (choices.byte(), choices.byte());
        let length = length(choices);
        let Some(turn) = self.turn(choice).filter(|_| !self.initiator.discovery) else {
            return;
        };
        let device_length = match kind & 0x30 {
            0x10 => length / 2,
            0x20 => length * 2 + 1,
            _ => length,
        };
        let what = (READ, kind & 3, choice & 3);
        self.command(
            turn,
            (true, false),
            what,
            (length, device_length),
            (0, None),
        );
    }

    /// A write with as much immediate and unsolicited data as the keys allow, or less.
    pub(super) fn write(&mut self, choices: &mut Choices<'_>) {
        let (choice, kind) = (choices.byte(), choices.byte());
        let length = length(choices);
        let Some(turn) = self.turn(choice).filter(|_| !self.initiator.discovery) else {
            return;
        };
        let keys = self.initiator.negotiated;
        let unasked = length.min(keys.first_burst_length);
        let mut immediate = 0;
        if keys.immediate_data {
            let most = unasked.min(keys.max_recv_data_segment_length);
            immediate = match kind >> 6 {
                0 | 1 => most,
                2 => most / 2,
                _ => 0,
            };
        }
        let more = !keys.initial_r2t && immediate < unasked && kind & 0x08 == 0;
        // What follows a command cannot come before it.
        let turn = if more && turn == Turn::Later {
            Turn::Now
        } else {
            turn
        };
        let device_length = match kind & 0x30 {
            0x10 => length / 2,
            0x20 => length + 7,
            _ => length,
        };
        let what = (WRITE, kind & 3, choice & 3);
        let unsolicited = more.then_some(unasked);
        self.command(
            turn,
            (false, true),
            what,
            (length, device_length),
            (immediate, unsolicited),
        );
    }

    /// Sends one PDU of Data-Out: of any command, in order for each of them.
    pub(super) fn send_data(&mut self, choice: usize) {
        let ready: Vec<u32> = self
            .initiator
            .tasks
            .iter()
            .filter(|(_, task)| task.sent && !task.sequences.is_empty())
            .map(|(tag, _)| *tag)
            .collect();
        if ready.is_empty() {
            return;
        }
        let tag = ready[choice % ready.len()];
        let segment = self.initiator.negotiated.max_recv_data_segment_length;
        let Some(task) = self.initiator.tasks.get_mut(&tag) else {
            return;
        };
        let sequence = &mut task.sequences[0];
        let most = (sequence.end - sequence.offset).min(segment);
        let length = match choice >> 4 {
            14 => most / 3,
            15 if sequence.data_sn < 8 => 0, // R2
            _ => most,
        };
        let (offset, end) = (sequence.offset, sequence.offset + length);
        let is_final = end == sequence.end;
        let mut header: Header = [0; 48];
        header[0] = 0x05;
        header[1] = u8::from(is_final) << 7;
        header[9] = task.lun;
        put_u32(&mut header, 16, tag);
        put_u32(&mut header, 20, sequence.transfer_tag);
        put_u32(&mut header, 36, sequence.data_sn);
        put_u32(&mut header, 40, offset);
        let data = pattern(tag, 0, task.expected as usize);
        let solicited = sequence.transfer_tag != u32::MAX;
        sequence.data_sn += 1;
        sequence.offset = end;
        if is_final {
            task.sequences.pop_front();
            if solicited {
                self.checker.burst_sent(tag);
            }
        }
        self.send(header, &data[offset as usize..end as usize]);
    }

    /// A NOP-Out, numbered or not.
    pub(super) fn nop(&mut self, choices: &mut Choices<'_>) {
        let choice = choices.byte();
        let length = u32::from(choices.short()) % 6000;
        let Some(turn) = self.turn(choice) else {
            return;
        };
        let keys = self.initiator.negotiated;
        let length = length.min(keys.max_recv_data_segment_length) as usize;
        let tag = self.initiator.take_tag();
        let data = pattern(tag, 0x55, length);
        let echo = length.min(keys.max_send_data_segment_length as usize);
        self.initiator.nops.insert(tag, data[..echo].to_vec());
        let mut header: Header = [0; 48];
        header[1] = 0x80;
        header[20..24].fill(0xff);
        self.request(header, data, tag, turn);
    }

    /// Task management, at once. What was held back goes first: it is older.
    pub(super) fn manage(&mut self, choices: &mut Choices<'_>) {
        let (choice, which) = (choices.byte(), choices.byte());
        if self.initiator.management.len() >= 2 || self.initiator.discovery {
            return;
        }
        self.flush_deferred();
        let code = [1, 1, 1, 2, 4, 5, 5, 6, 3, 8, 9, 10, 11, 12, 0x7f, 7][usize::from(choice >> 4)];
        let lun = choice & 3;
        let referenced = self
            .initiator
            .next_tag
            .saturating_sub(u32::from(which % 20) + 1);
        let task = self.initiator.tasks.get(&referenced);
        let lun = task.map_or(lun, |task| task.lun);
        let referenced_cmd_sn = task.map_or(0, |task| task.cmd_sn);
        let tag = self.initiator.take_tag();
        let mut header: Header = [0; 48];
        header[0] = 0x02;
        header[1] = 0x80 | code;
        header[9] = lun;
        let has_task = matches!(code, 1 | 9);
        let reference = if has_task { referenced } else { u32::MAX };
        put_u32(&mut header, 20, reference);
        put_u32(
            &mut header,
            32,
            if code == 1 { referenced_cmd_sn } else { 0 },
        );
        self.initiator.cold_reset |= code == 7;
        let function = Function {
            code,
            lun,
            referenced,
        };
        self.initiator.management.insert(tag, function);
        self.request(header, Vec::new(), tag, Turn::Immediate);
    }

    /// SendTargets.
    pub(super) fn text(&mut self) {
        if self.initiator.text.is_some() {
            return;
        }
        let tag = self.initiator.take_tag();
        self.initiator.text = Some((tag, Vec::new()));
        let value = if self.initiator.discovery { "All" } else { "" };
        self.send_text(tag, u32::MAX, text_of(&[("SendTargets", value)]));
    }

    fn send_text(&mut self, tag: u32, transfer_tag: u32, data: Vec<u8>) {
        let mut header: Header = [0; 48];
        header[0] = 0x04;
        header[1] = 0x80;
        put_u32(&mut header, 20, transfer_tag);
        self.request(header, data, tag, Turn::Immediate);
    }

    /// Logs out; rarely, because that is the end.
    pub(super) fn log_out(&mut self, choices: &mut Choices<'_>) {
        match choices.byte() {
            0xf0.. => self.leave(Turn::Immediate),
            0xe0.. if self.may_send() => self.leave(Turn::Now),
            _ => (),
        }
    }

    pub(super) fn leave(&mut self, turn: Turn) {
        self.initiator.left = true;
        let tag = self.initiator.take_tag();
        let mut header: Header = [0; 48];
        header[0] = 0x06;
        header[1] = 0x80;
        self.request(header, Vec::new(), tag, turn);
    }

    /// Reads some bytes, and reads everything from now on, or nothing.
    pub(super) fn read_some(&mut self, choices: &mut Choices<'_>) {
        let choice = choices.byte();
        if choice & 1 == 0 {
            self.reading = true;
        } else {
            self.reading = false;
            let pdus = self.line.take(usize::from(choice) * 16);
            for pdu in pdus {
                self.hear(&pdu);
            }
        }
    }

    /// Takes a PDU of the target.
    pub(super) fn hear(&mut self, pdu: &Pdu) {
        let said = self.checker.receive(pdu);
        let legal = self.is_legal();
        match said {
            Said::Answer(answer) if legal => self.check_answer(&answer),
            Said::Answer(answer) => {
                self.initiator.tasks.remove(&answer.task);
            }
            Said::Data | Said::Async(_) | Said::Ping(None) => (),
            Said::ReadyToTransfer {
                task,
                transfer_tag,
                offset,
                length,
            } => self.take_r2t(task, transfer_tag, offset, length),
            Said::Echo(tag, data) => {
                let sent = self.initiator.nops.remove(&tag);
                assert!(!legal || sent == Some(data), "P1: another echo");
            }
            Said::Ping(Some(transfer_tag)) => {
                let mut header: Header = [0; 48];
                header[0] = 0x40;
                header[1] = 0x80;
                header[16..20].fill(0xff);
                put_u32(&mut header, 20, transfer_tag);
                put_u32(&mut header, 24, self.initiator.cmd_sn);
                self.send(header, &[]);
            }
            Said::Managed(tag, response) => {
                let function = self.initiator.management.remove(&tag);
                assert!(!legal || function.is_some(), "an answer to no request");
                if let (Some(function), 0) = (function, response) {
                    self.initiator.end(tag, function, &mut self.checker);
                }
            }
            Said::Text {
                task,
                transfer_tag,
                data,
            } => self.take_text(task, transfer_tag, &data),
            Said::LoggedOut(response) => assert!(!legal || response == 0),
            Said::Reject(reason) => {
                assert!(!legal, "reject {reason:#x}: {:02x?}", pdu.data);
            }
        }
    }

    fn take_r2t(&mut self, task: u32, transfer_tag: u32, offset: u32, length: u32) {
        self.initiator.last_transfer_tag = transfer_tag;
        let end = offset.saturating_add(length);
        if let Some(task) = self.initiator.tasks.get_mut(&task)
            && end <= task.expected
        {
            task.sequences.push_back(Sequence {
                transfer_tag,
                offset,
                end,
                data_sn: 0,
            });
        }
    }

    fn take_text(&mut self, tag: u32, transfer_tag: Option<u32>, data: &[u8]) {
        let Some((_, text)) = self
            .initiator
            .text
            .as_mut()
            .filter(|(mine, _)| *mine == tag)
        else {
            assert!(!self.is_legal(), "text for nobody");
            return;
        };
        text.extend_from_slice(data);
        if let Some(transfer_tag) = transfer_tag {
            self.send_text(tag, transfer_tag, Vec::new());
            return;
        }
        let text = self
            .initiator
            .text
            .take()
            .map_or(Vec::new(), |(_, text)| text);
        if self.is_legal() {
            let targets = environment::targets();
            let mut expected = vec![("TargetName".to_owned(), targets[0].name.clone())];
            let addresses = targets[0].addresses.iter();
            expected.extend(addresses.map(|one| ("TargetAddress".to_owned(), one.clone())));
            assert_eq!(pairs_of(&text), expected);
        }
    }

    /// U1 to U3, and the data.
    fn check_answer(&mut self, answer: &Answer) {
        let task = self.initiator.tasks.remove(&answer.task);
        let task = task.expect("an answer to a command");
        if task.delivered.is_none() {
            // Only a session that may hold little has no room for an immediate command's data.
            assert!(task.immediate && task.write && !self.window_is_as_it_was);
            assert_eq!((answer.status, answer.data.len()), (2, 0));
            return;
        }
        let response = device(&task.cdb);
        assert_eq!(answer.status, response.status.code());
        let has = response.data_in.len().cast_signed() as i64;
        let (expected, wanted) = match (task.read, task.write) {
            (true, _) => (i64::from(task.expected), has),
            (_, true) => (
                i64::from(task.expected),
                i64::from(response.data_out_length),
            ),
            _ => (0, has.max(i64::from(response.data_out_length))),
        };
        assert_eq!(answer.residual, expected - wanted, "residual of {task:?}");
        let sent = if task.read {
            response.data_in.len().min(task.expected as usize)
        } else {
            0
        };
        assert!(
            answer.data == response.data_in[..sent],
            "other data came in"
        );
        assert_eq!(self.checker.peer, Peer::Legal);
    }
}

/// When a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// With its number.
    Now,
    /// With its number, after later ones.
    Later,
    /// Without a number.
    Immediate,
}

/// Short ones, long ones, and those at the edges of bursts and segments.
fn length(choices: &mut Choices<'_>) -> u32 {
    let number = u32::from(choices.short());
    match number & 7 {
        0 => (number >> 3) % 64,
        1 => (512 << (number >> 3 & 7)) + (number >> 6 & 3) - 1,
        2 => number,
        3 => 0,
        _ => (number >> 3) % 4096,
    }
}
