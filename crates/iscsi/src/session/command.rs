//! SCSI Command (RFC 7143 §11.3): a task is made when the header is there, so that its data can go
//! straight into the task's buffer.

use scsi::{AdditionalSense, Cdb, Lun, Sense, SenseKey, TaskTag};

use super::order::Pending;
use super::task::{Direction, Stage, Task, Unsolicited};
use super::{Guess, Incoming, Session};
use crate::buffer::Buffer;
use crate::connection::core::Core;
use crate::event::TaskAttribute;
use crate::receive::DataDigest;
use crate::wire::{Header, RESERVED_TAG, RejectReason, ScsiCommand, SerialNumber, ahs};

/// RFC 7143 §11.4.7.2: the senses for faults of the data transfer.
const UNEXPECTED_DATA: Sense = aborted(AdditionalSense::UNEXPECTED_UNSOLICITED_DATA);
const INCORRECT_AMOUNT: Sense = aborted(AdditionalSense::NOT_ENOUGH_UNSOLICITED_DATA);
const CRC_ERROR: Sense = aborted(AdditionalSense::PROTOCOL_SERVICE_CRC_ERROR);

/// An initiator tries an aborted command again.
const NO_ROOM: Sense = aborted(AdditionalSense::INSUFFICIENT_RESOURCES);

const fn aborted(additional: AdditionalSense) -> Sense {
    Sense::new(SenseKey::AbortedCommand, additional)
}

/// Data that nobody asked for, or more than allowed.
pub(super) const fn unexpected_data() -> Sense {
    UNEXPECTED_DATA
}

/// Data in the wrong place, or not as much as announced.
pub(super) const fn incorrect_amount() -> Sense {
    INCORRECT_AMOUNT
}

/// Data that was damaged on its way.
pub(super) const fn crc_error() -> Sense {
    CRC_ERROR
}

impl Session {
    /// Takes the header of a command.
    pub(super) fn begin_command(
        &mut self,
        header: &Header,
        additional: &[u8],
        core: &mut Core,
    ) -> Incoming {
        let Ok(command) = ScsiCommand::parse(header) else {
            return Incoming::Rejected(RejectReason::InvalidPduField);
        };
        if !command.immediate && !self.is_new(command.cmd_sn, core) {
            self.recent.push(command.task_tag);
            return Incoming::Ignored;
        }
        if command.task_tag == RESERVED_TAG {
            return Incoming::Rejected(RejectReason::InvalidPduField);
        }
        if self.tag_in_use(command.task_tag) {
            return Incoming::Rejected(RejectReason::TaskInProgress); // N9
        }
        let immediate = self.tasks.iter().filter(|task| task.immediate).count();
        if command.immediate && immediate >= core.limits.immediate_commands_max as usize {
            return Incoming::Rejected(RejectReason::TooManyImmediateCommands);
        }
        let direction = direction(&command);
        let (failure, allotted) =
            if command.immediate && !self.reserve_immediate(direction, command.expected_length) {
                // RFC 7143 §4.2.2.1: one immediate command is always accepted (N4). Its data goes by.
                (Some(NO_ROOM), 0)
            } else {
                (
                    self.check_command(&command, header.data_length(), additional, core),
                    self.allotment(direction, command.expected_length),
                )
            };
        let Some(tag) = self.tasks.insert(|tag| new_task(tag, &command, allotted)) else {
            self.reserve_window(core);
            return Incoming::Rejected(RejectReason::LongOperationReject);
        };
        self.allotted += allotted;
        self.guess = guess(&command, header.data_length()).filter(|_| failure.is_none());
        self.expect_data(tag, &command, header.data_length());
        if let (Some(task), Some(sense)) = (self.tasks.get(tag), failure) {
            task.fail(sense);
        }
        if command.immediate {
            self.reach(tag);
        } else {
            self.sequence(command.cmd_sn, Pending::Command(tag), core);
        }
        // With F=1 only the data of this very PDU is on its way, so the rest can be asked for while
        // it comes in: a round trip less.
        self.admit(core);
        self.solicit(core);
        Incoming::Command(tag)
    }

    /// Returns what is wrong with a command whose header can be parsed.
    fn check_command(
        &self,
        command: &ScsiCommand,
        immediate_length: usize,
        additional: &[u8],
        core: &Core,
    ) -> Option<Sense> {
        let keys = &self.negotiated;
        let invalid = Some(Sense::invalid_field_in_cdb(0));
        if command.read && command.write {
            return invalid; // none of our commands is bidirectional
        }
        for segment in ahs::segments(additional) {
            match segment {
                // A CDB of more than 16 bytes, or a second length: nothing that we have.
                Ok(ahs::AdditionalHeader {
                    kind: ahs::EXTENDED_CDB | ahs::BIDIRECTIONAL_READ_LENGTH,
                    ..
                })
                | Err(_) => return invalid,
                Ok(_) => (),
            }
        }
        let expected = if command.write {
            command.expected_length
        } else {
            0
        };
        if immediate_length > 0 {
            let over_first_burst = immediate_length > keys.first_burst_length as usize;
            if !command.write || !keys.immediate_data || over_first_burst {
                return Some(UNEXPECTED_DATA); // R3
            }
            if immediate_length > expected as usize {
                return Some(INCORRECT_AMOUNT);
            }
        }
        if command.write && !command.is_final {
            if keys.initial_r2t {
                return Some(UNEXPECTED_DATA); // R4
            }
            if immediate_length >= unsolicited_end(keys.first_burst_length, expected) as usize {
                return Some(INCORRECT_AMOUNT); // there is nothing left that could follow
            }
        }
        (expected > core.limits.data_out_max).then_some(Sense::invalid_field_in_cdb(0))
    }

    /// Sets the task up for the data that is to come.
    fn expect_data(&mut self, tag: TaskTag, command: &ScsiCommand, immediate_length: usize) {
        let first_burst = self.negotiated.first_burst_length;
        let initial_r2t = self.negotiated.initial_r2t;
        let Some(task) = self.tasks.get(tag) else {
            return;
        };
        if !command.write {
            return;
        }
        let end = unsolicited_end(first_burst, command.expected_length);
        #[allow(clippy::cast_possible_truncation)] // a data segment has at most 2^24 bytes
        let immediate_length = immediate_length as u32;
        task.solicited_to = immediate_length.min(command.expected_length);
        // A failed command waits for what the initiator will send all the same (R10), unless it
        // has nothing left to send.
        if !command.is_final && !initial_r2t && immediate_length < end {
            task.unsolicited = Some(Unsolicited {
                end,
                data_sn: SerialNumber(0),
            });
            task.solicited_to = end;
        }
    }

    /// Takes note that a command is there with its immediate data.
    pub(super) fn finish_command(
        &mut self,
        tag: TaskTag,
        header: &Header,
        digest: DataDigest,
        core: &mut Core,
    ) {
        if digest == DataDigest::Bad {
            Self::reject(RejectReason::DataDigestError, header, core);
        }
        let Some(task) = self.tasks.get(tag) else {
            return;
        };
        if digest == DataDigest::Bad {
            // The header is sound and its CmdSN is taken: at ErrorRecoveryLevel 0 nobody would fill
            // the gap that forgetting it would leave, and all later commands would wait.
            task.fail(CRC_ERROR);
        }
        self.data_came(tag);
    }

    /// Moves a task on when no more data is due.
    pub(super) fn data_came(&mut self, tag: TaskTag) {
        let Some(task) = self.tasks.get(tag) else {
            return;
        };
        let under_way = task.unsolicited.is_some() || !task.bursts.is_empty();
        let complete = task.failure.is_some()
            || task.direction != Direction::Write
            || task.data.len() >= task.expected as usize;
        if task.is_receiving() && complete && !under_way {
            task.stage = Stage::Ready;
        }
    }

    /// Returns whether the initiator uses this tag for a task or for task management.
    pub(super) fn tag_in_use(&mut self, itt: u32) -> bool {
        self.tasks.find(itt).is_some() || self.management.uses(itt)
    }
}

/// The longest command that is guessed about: longer ones spend their time otherwise.
const GUESS_BYTES_MAX: u32 = 4 << 20;

/// What follows if the next command is like this one.
fn guess(command: &ScsiCommand, immediate: usize) -> Option<Guess> {
    let usual = immediate > 0 && command.expected_length <= GUESS_BYTES_MAX;
    (command.write && command.is_final && usual).then_some(Guess {
        immediate,
        expected: command.expected_length as usize,
    })
}

/// Which way the initiator expects data to go.
const fn direction(command: &ScsiCommand) -> Direction {
    match (command.read, command.write) {
        (_, true) => Direction::Write,
        (true, false) => Direction::Read,
        (false, false) => Direction::None,
    }
}

fn new_task(tag: TaskTag, command: &ScsiCommand, allotted: u64) -> Task {
    Task {
        tag,
        itt: command.task_tag,
        lun_field: command.lun,
        lun: Lun::parse(command.lun),
        cmd_sn: command.cmd_sn,
        immediate: command.immediate,
        attribute: attribute(command.attribute),
        cdb: Cdb::new(&command.cdb),
        expected: command.expected_length,
        direction: direction(command),
        stage: Stage::Receiving,
        reached: false,
        failure: None,
        data: Buffer::default(),
        segment_start: 0,
        allotted,
        granted: false,
        held: 0,
        unsolicited: None,
        bursts: Vec::new(),
        solicited_to: 0,
        r2t_sn: SerialNumber(0),
        aborted_by: Vec::new(),
    }
}

/// Up to where unsolicited data goes (RFC 7143 §11.3.4: as much as allowed, or none).
const fn unsolicited_end(first_burst: u32, expected: u32) -> u32 {
    if first_burst < expected {
        first_burst
    } else {
        expected
    }
}

/// RFC 7143 §11.3.1, table "task attributes". Reserved codes are taken for untagged.
const fn attribute(code: u8) -> TaskAttribute {
    match code {
        1 => TaskAttribute::Simple,
        2 => TaskAttribute::Ordered,
        3 => TaskAttribute::HeadOfQueue,
        4 => TaskAttribute::Aca,
        _ => TaskAttribute::Untagged,
    }
}
