//! Data-Out and R2T (RFC 7143 §4.2.5, §11.7, §11.8).
//!
//! Data comes in order (DataPDUInOrder and DataSequenceInOrder are Yes), so a task's data grows at
//! its end, and an offset is right exactly when it is the length so far. A segment is checked before
//! one byte of it is placed. A fault fails the task, never the connection; the status follows when
//! the last PDU has come that the initiator had to send (R10).

use scsi::{Sense, TaskTag};

use super::command::{crc_error, incorrect_amount, unexpected_data};
use super::task::{Burst, Direction, Task};
use super::{Incoming, Session};
use crate::connection::core::Core;
use crate::receive::DataDigest;
use crate::wire::{DataOut, Header, RESERVED_TAG, ReadyToTransfer, RejectReason, SerialNumber};

impl Session {
    /// Takes the header of a Data-Out. The LUN field is not looked at: Windows leaves it empty (R8).
    pub(super) fn begin_data_out(&mut self, header: &Header) -> Incoming {
        let Ok(pdu) = DataOut::parse(header) else {
            return Incoming::Rejected(RejectReason::InvalidPduField);
        };
        let Some(task) = self.tasks.find(pdu.task_tag) else {
            // R7. A task that ended while its data was on its way is no fault of the initiator's.
            return if self.recent.contains(pdu.task_tag) {
                Incoming::Ignored
            } else {
                Incoming::Rejected(RejectReason::InvalidPduField)
            };
        };
        if task.failure.is_some() && !task.is_receiving() {
            return Incoming::Ignored;
        }
        if !task.is_receiving() {
            return Incoming::Rejected(RejectReason::InvalidPduField);
        }
        #[allow(clippy::cast_possible_truncation)] // 24 bits
        let length = header.data_length() as u32;
        let verdict = if pdu.transfer_tag == RESERVED_TAG {
            check_unsolicited(task, &pdu, length)
        } else {
            match check_solicited(task, &pdu, length) {
                Some(verdict) => verdict,
                None => return Incoming::Rejected(RejectReason::InvalidPduField),
            }
        };
        match verdict {
            Ok(()) => task.segment_start = task.data.len(),
            Err(sense) => task.fail(sense),
        }
        Incoming::DataOut(task.tag)
    }

    /// Takes note that a Data-Out is there.
    pub(super) fn finish_data_out(
        &mut self,
        tag: TaskTag,
        header: &Header,
        digest: DataDigest,
        core: &mut Core,
    ) {
        if digest == DataDigest::Bad {
            Self::reject(RejectReason::DataDigestError, header, core); // G3
        }
        let (Some(task), Ok(pdu)) = (self.tasks.get(tag), DataOut::parse(header)) else {
            return;
        };
        if digest == DataDigest::Bad {
            task.fail(crc_error());
        }
        if pdu.is_final {
            if pdu.transfer_tag == RESERVED_TAG {
                task.unsolicited = None;
            } else {
                task.bursts
                    .retain(|burst| burst.transfer_tag != pdu.transfer_tag);
            }
        }
        self.data_came(tag);
    }

    /// Asks for data wherever it may be asked for.
    pub(super) fn solicit(&mut self, core: &mut Core) {
        for index in 0..self.waiting.len() {
            let tag = self.waiting[index];
            while self.may_solicit(tag) {
                self.send_r2t(tag, core);
            }
        }
    }

    fn may_solicit(&mut self, tag: TaskTag) -> bool {
        let bursts_max = self.negotiated.max_outstanding_r2t as usize;
        let Some(task) = self.tasks.get(tag) else {
            return false;
        };
        task.is_receiving()
            && task.direction == Direction::Write
            && task.failure.is_none()
            && task.aborted_by.is_empty()
            && task.unsolicited.is_none()
            && task.solicited_to < task.expected
            && task.bursts.len() < bursts_max
            && task.granted
    }

    fn send_r2t(&mut self, tag: TaskTag, core: &mut Core) {
        let transfer_tag = self.transfer_tag();
        let burst_max = self.negotiated.max_burst_length;
        let Some(task) = self.tasks.get(tag) else {
            return;
        };
        let offset = task.solicited_to;
        let length = (task.expected - offset).min(burst_max);
        task.solicited_to += length;
        task.bursts.push(Burst {
            transfer_tag,
            offset,
            length,
            received: 0,
            data_sn: SerialNumber(0),
        });
        let r2t = ReadyToTransfer {
            lun: task.lun_field,
            task_tag: task.itt,
            transfer_tag,
            counters: core.numbers.without_status(),
            r2t_sn: task.r2t_sn.take(),
            buffer_offset: offset,
            desired_length: length,
        };
        core.output.push(r2t.emit(), bytes::Bytes::new());
    }
}

/// Checks an unsolicited segment (R3 to R5).
fn check_unsolicited(task: &mut Task, pdu: &DataOut, length: u32) -> Result<(), Sense> {
    let at = task.data.len();
    let Some(unsolicited) = &mut task.unsolicited else {
        return Err(unexpected_data());
    };
    let data_sn = unsolicited.data_sn.take();
    let end = u64::from(pdu.buffer_offset) + u64::from(length);
    if end > u64::from(unsolicited.end) {
        return Err(unexpected_data());
    }
    if pdu.data_sn != data_sn || pdu.buffer_offset as usize != at {
        return Err(incorrect_amount());
    }
    if pdu.is_final && end != u64::from(unsolicited.end) {
        return Err(incorrect_amount());
    }
    Ok(())
}

/// Checks a segment against its R2T (R6); `None` for a transfer tag that the task does not have.
fn check_solicited(task: &mut Task, pdu: &DataOut, length: u32) -> Option<Result<(), Sense>> {
    let failed = task.failure.is_some();
    let at = task.data.len();
    let index = task
        .bursts
        .iter()
        .position(|burst| burst.transfer_tag == pdu.transfer_tag)?;
    let burst = &mut task.bursts[index];
    if failed {
        return Some(Ok(())); // swallowed whatever it says
    }
    let in_order = index == 0 && pdu.data_sn == burst.data_sn.take();
    let in_place = pdu.buffer_offset as usize == at
        && u64::from(pdu.buffer_offset) == u64::from(burst.offset) + u64::from(burst.received);
    let fits = length <= burst.length - burst.received;
    if !in_order || !in_place || !fits {
        return Some(Err(incorrect_amount()));
    }
    burst.received += length;
    // The last PDU of a burst, and no other, has F (RFC 7143 §11.7.1).
    if pdu.is_final != (burst.received == burst.length) {
        if !pdu.is_final {
            // Everything was sent: there is no later PDU to wait for.
            task.bursts.remove(index);
        }
        return Some(Err(incorrect_amount()));
    }
    Some(Ok(()))
}
