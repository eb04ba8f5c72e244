//! Data-In and SCSI Response (RFC 7143 §11.4, §11.7).
//!
//! Data-In PDUs are made when the way out has room, not when the command ends: a NOP that arrives
//! meanwhile is answered between them, and a peer that does not read costs us no headers.

use bytes::Bytes;
use scsi::{Response, Status, TaskTag};

use super::Session;
use super::task::{Direction, Outgoing, Stage};
use crate::connection::core::Core;
use crate::memory::{DATA_IN_SLACK_BYTES, Lane};
use crate::wire::{DataIn, RESERVED_TAG, Residual, ScsiResponse, SerialNumber, sense_segment};

/// How much is prepared for sending before the rest of the Data-In waits, in bytes and in PDUs.
pub(super) const PREPARED_BYTES: usize = 2 << 20;
pub(super) const PREPARED_PDUS: usize = 64;

impl Session {
    /// Takes the device server's answer. Answers to tasks that are gone are dropped.
    pub(crate) fn complete(&mut self, tag: TaskTag, response: Response, core: &mut Core) {
        let Some(task) = self.tasks.get(tag) else {
            return;
        };
        if !matches!(task.stage, Stage::Executing) {
            return;
        }
        let (length, residual) = transfer(task.direction, task.expected, &response);
        let data = cut(response.data_in, length as usize);
        // The answer may be shorter than what there was room for.
        let needed = match length {
            0 => 0,
            length => u64::from(length) + DATA_IN_SLACK_BYTES,
        };
        let surplus = task.held.saturating_sub(needed);
        task.held -= surplus;
        self.share.give(Lane::Data, surplus);
        task.stage = Stage::Responding(Outgoing {
            data,
            offset: 0,
            data_sn: SerialNumber(0),
            status: response.status,
            sense: response.sense,
            residual,
        });
        if length == 0 {
            self.respond(tag, core);
        } else {
            self.responding.push_back(tag);
            self.prepare(core);
        }
    }

    /// Ends a task that will not be answered.
    pub(crate) fn abandon(&mut self, tag: TaskTag, core: &mut Core) {
        let executing = |task: &mut super::task::Task| matches!(task.stage, Stage::Executing);
        if self.tasks.get(tag).is_some_and(executing) {
            self.forget(tag, core);
            self.settle(core);
        }
    }

    /// Returns whether there is Data-In that is not prepared yet.
    pub(crate) fn has_output(&self) -> bool {
        !self.responding.is_empty()
    }

    /// Makes Data-In PDUs while there is room on the way out.
    pub(crate) fn prepare(&mut self, core: &mut Core) {
        while core.output.pdus() < PREPARED_PDUS && core.output.bytes() < PREPARED_BYTES {
            let Some(&tag) = self.responding.front() else {
                return;
            };
            if self.send_data_in(tag, core) == Remaining::Nothing {
                self.responding.pop_front();
                self.end(tag, core);
            }
        }
    }

    /// Sends the next segment of a response, and the status when it was the last.
    fn send_data_in(&mut self, tag: TaskTag, core: &mut Core) -> Remaining {
        let segment_max = whole_words(self.negotiated.max_send_data_segment_length);
        let burst_max = whole_words(self.negotiated.max_burst_length);
        let Some((_, outgoing)) = self.outgoing(tag) else {
            return Remaining::Nothing;
        };
        #[allow(clippy::cast_possible_truncation)] // cut at the expected length, a u32
        let total = outgoing.data.len() as u32;
        let offset = outgoing.offset;
        let to_burst_end = burst_max - offset % burst_max;
        let length = segment_max.min(to_burst_end).min(total - offset);
        let end = offset + length;
        let last = end == total;
        // GOOD travels with the last data (RFC 7143 §11.7.3); anything that has sense does not (D4).
        let has_status = last && outgoing.status == Status::Good;
        if has_status {
            self.make_room(Some(tag), core);
        }
        let Some((task, outgoing)) = self.outgoing(tag) else {
            return Remaining::Nothing;
        };
        let pdu = DataIn {
            is_final: last || end.is_multiple_of(burst_max),
            acknowledge: false,
            has_status,
            status: 0,
            lun: [0; 8],
            task_tag: task,
            transfer_tag: RESERVED_TAG,
            counters: if has_status {
                core.numbers.with_status()
            } else {
                let mut counters = core.numbers.without_status();
                counters.stat_sn = SerialNumber(0); // reserved without S
                counters
            },
            data_sn: outgoing.data_sn.take(),
            buffer_offset: offset,
            residual: if has_status {
                outgoing.residual
            } else {
                Residual::None
            },
        };
        let payload = outgoing.data.slice(offset as usize..end as usize);
        outgoing.offset = end;
        core.output.push_slice(pdu.emit(), payload);
        if last && !has_status {
            self.respond(tag, core);
        }
        if last {
            Remaining::Nothing
        } else {
            Remaining::More
        }
    }

    /// Returns the initiator's tag and what is left to send of a task that is being answered.
    fn outgoing(&mut self, tag: TaskTag) -> Option<(u32, &mut Outgoing)> {
        let task = self.tasks.get(tag)?;
        match &mut task.stage {
            Stage::Responding(outgoing) => Some((task.itt, outgoing)),
            _ => None,
        }
    }

    /// Sends the SCSI Response of a task and ends it.
    fn respond(&mut self, tag: TaskTag, core: &mut Core) {
        self.make_room(Some(tag), core);
        let Some(task) = self.tasks.get(tag) else {
            return;
        };
        let Stage::Responding(outgoing) = &task.stage else {
            return;
        };
        let pdu = ScsiResponse {
            response: COMPLETED_AT_TARGET,
            status: outgoing.status.code(),
            task_tag: task.itt,
            counters: core.numbers.with_status(),
            // §11.4.8: how many Data-In PDUs were sent. RFC 3720 §10.4.8 counted R2Ts as well.
            expected_data_sn: outgoing.data_sn,
            residual: outgoing.residual,
        };
        let payload = outgoing
            .sense
            .as_ref()
            .map_or_else(Bytes::new, sense_segment);
        core.output.push(pdu.emit(), payload);
        self.end(tag, core);
    }

    /// Removes a task whose status is on its way.
    fn end(&mut self, tag: TaskTag, core: &mut Core) {
        if let Some(task) = self.tasks.remove(tag) {
            self.release(&task, core);
        }
    }
}

/// Cuts an answer to what the initiator takes. A slice would keep all of it in memory, for as long as
/// the initiator likes.
fn cut(data: Bytes, length: usize) -> Bytes {
    if data.len() > length {
        Bytes::copy_from_slice(&data[..length])
    } else {
        data
    }
}

/// Whether a response has more Data-In to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remaining {
    More,
    Nothing,
}

/// The response code of every command that got an answer from a device server (§11.4.3).
const COMPLETED_AT_TARGET: u8 = 0;

/// All segments but the last are whole words (D1).
const fn whole_words(length: u32) -> u32 {
    length & !3
}

/// Returns how much Data-In goes out and what is missing or left over (RFC 7143 §11.4.5, U1 to U3).
pub(super) fn transfer(
    direction: Direction,
    expected: u32,
    response: &Response,
) -> (u32, Residual) {
    let data_in = u32::try_from(response.data_in.len()).unwrap_or(u32::MAX);
    match direction {
        Direction::Read => (data_in.min(expected), residual(data_in, expected)),
        Direction::Write => (0, residual(response.data_out_length, expected)),
        // Nothing was expected, whatever the length field says.
        Direction::None => (0, residual(data_in.max(response.data_out_length), 0)),
    }
}

const fn residual(wanted: u32, expected: u32) -> Residual {
    if wanted > expected {
        Residual::Overflow(wanted - expected)
    } else if wanted < expected {
        Residual::Underflow(expected - wanted)
    } else {
        Residual::None
    }
}
