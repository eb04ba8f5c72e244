//! The initiator's commands and their data.

use bytes::Bytes;
use scsi::{Lun, Status};

use super::{Initiator, InitiatorEvent, Tolerance};
use crate::wire::{
    DataIn, DataOut, Header, RESERVED_TAG, ReadyToTransfer, Residual, ScsiCommand, ScsiResponse,
    SerialNumber,
};

/// What a command transfers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataTransfer {
    /// Nothing.
    None,
    /// At most so many bytes come in.
    In(u32),
    /// These bytes go out.
    Out(Bytes),
    /// These bytes can go out, although so many are announced.
    Announce(u32, Bytes),
}

/// A command that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The tag that [`Initiator::command`] returned.
    pub task_tag: u32,
    /// The status byte.
    pub status: u8,
    /// Sense data, when there is some.
    pub sense: Vec<u8>,
    /// What came in.
    pub data: Vec<u8>,
    /// What was missing or left over.
    pub residual: Residual,
    /// How many Data-In PDUs or R2Ts were seen.
    pub data_pdus: u32,
}

/// A command that is not sent.
#[derive(Debug)]
pub(super) struct Queued {
    task: InitiatorTask,
    cdb: [u8; 16],
}

/// A command in flight.
#[derive(Debug)]
pub(super) struct InitiatorTask {
    pub(super) itt: u32,
    pub(super) cmd_sn: SerialNumber,
    pub(super) lun: [u8; 8],
    expected: u32,
    read: bool,
    data_out: Option<Bytes>,
    /// May be longer than what has come in: a recycled buffer keeps its length, so that it need not
    /// be cleared again.
    pub(super) data_in: Vec<u8>,
    pub(super) segment_start: usize,
    /// How much of it has come in, with the segment that is being received.
    data_in_length: usize,
    /// DataSN of Data-In or R2TSN of R2Ts.
    next_sn: SerialNumber,
    /// Bytes of Data-In since the last F.
    burst: u32,
    /// Up to where the target has asked for data.
    asked_to: u32,
}

impl InitiatorTask {
    /// Returns whether more Data-In can come.
    pub(super) fn lacks_data_in(&self) -> bool {
        self.read && self.data_in_length < self.expected as usize
    }

    /// Returns where the rest of the Data-In begins, and how much of it, at most `length`, there is a
    /// place for now.
    pub(super) fn rest_of_data_in(&mut self, length: usize) -> (usize, usize) {
        let start = self.data_in_length;
        let length = length.min(self.expected as usize - start);
        if self.data_in.len() < start + length {
            self.data_in.resize(start + length, 0);
        }
        (start, length)
    }
}

/// How many buffers wait for new commands.
const SPARE_BUFFERS_MAX: usize = 8;

impl Initiator {
    /// Sends a command, as soon as the window lets it, and returns its tag.
    pub fn command(&mut self, lun: Lun, cdb: &[u8], data: DataTransfer) -> u32 {
        let itt = self.task_tag();
        let (expected, read, data_out) = match data {
            DataTransfer::None => (0, false, None),
            DataTransfer::In(length) => (length, true, None),
            DataTransfer::Out(bytes) => {
                let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                (length, false, Some(bytes))
            }
            DataTransfer::Announce(length, bytes) => (length, false, Some(bytes)),
        };
        let task = InitiatorTask {
            itt,
            cmd_sn: SerialNumber(0), // known when it is sent
            lun: lun.to_bytes(),
            expected,
            read,
            data_out,
            data_in: if read {
                self.spare.pop().unwrap_or_default()
            } else {
                Vec::new()
            },
            segment_start: 0,
            data_in_length: 0,
            next_sn: SerialNumber(0),
            burst: 0,
            asked_to: 0,
        };
        let mut bytes = [0; 16];
        bytes[..cdb.len()].copy_from_slice(cdb);
        self.queued.push_back(Queued { task, cdb: bytes });
        self.send_queued();
        itt
    }

    /// Gives the buffer of a [`Finished::data`] back, for a command to come: measuring a target, one
    /// does not want to measure how the client clears its memory.
    pub fn recycle(&mut self, data: Vec<u8>) {
        if data.capacity() > 0 && self.spare.len() < SPARE_BUFFERS_MAX {
            self.spare.push(data);
        }
    }

    /// Sends what waits for the window, while it is open.
    pub(super) fn send_queued(&mut self) {
        while self.login.is_none() && !self.failed && self.window_is_open() {
            let Some(queued) = self.queued.pop_front() else {
                return;
            };
            self.send_command(queued);
        }
    }

    fn send_command(&mut self, Queued { mut task, cdb }: Queued) {
        let keys = &self.parameters;
        let all = task.data_out.clone().unwrap_or_default();
        let available = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let unsolicited = keys.first_burst_length.min(available);
        let immediate = if keys.immediate_data {
            unsolicited.min(self.segment_max())
        } else {
            0
        };
        let more = !keys.initial_r2t && immediate < unsolicited;
        task.asked_to = if more { unsolicited } else { immediate };
        task.cmd_sn = self.cmd_sn.take();
        let command = ScsiCommand {
            immediate: false,
            is_final: !more,
            read: task.read,
            write: task.data_out.is_some(),
            attribute: 1,
            lun: task.lun,
            task_tag: task.itt,
            expected_length: task.expected,
            cmd_sn: task.cmd_sn,
            expected_stat_sn: self.expected_stat_sn,
            cdb,
        };
        self.output
            .push(command.emit(), all.slice(..immediate as usize));
        if more {
            self.send_data_out(
                task.itt,
                task.lun,
                RESERVED_TAG,
                &all,
                immediate..unsolicited,
            );
        }
        self.tasks.push(task);
    }

    /// Returns how long a segment of ours may be.
    fn segment_max(&self) -> u32 {
        let theirs = self.parameters.max_send_data_segment_length;
        theirs.min(self.params.send_segment_max)
    }

    /// Sends one sequence of Data-Out.
    fn send_data_out(
        &mut self,
        itt: u32,
        lun: [u8; 8],
        transfer_tag: u32,
        data: &Bytes,
        range: std::ops::Range<u32>,
    ) {
        let mut data_sn = SerialNumber(0);
        let mut offset = range.start;
        while offset < range.end {
            let length = (range.end - offset).min(self.segment_max());
            let end = offset + length;
            let pdu = DataOut {
                is_final: end == range.end,
                lun,
                task_tag: itt,
                transfer_tag,
                expected_stat_sn: self.expected_stat_sn,
                data_sn: data_sn.take(),
                buffer_offset: offset,
            };
            self.output
                .push(pdu.emit(), data.slice(offset as usize..end as usize));
            offset = end;
        }
    }

    pub(super) fn receive_r2t(&mut self, header: &Header) {
        let Ok(r2t) = ReadyToTransfer::parse(header) else {
            return self.fail("malformed R2T");
        };
        self.count_window(r2t.counters);
        if r2t.counters.stat_sn != self.expected_stat_sn {
            self.fail("StatSN of an R2T is not the next one");
        }
        let burst_max = self.parameters.max_burst_length;
        let Some(task) = self.tasks.iter_mut().find(|t| t.itt == r2t.task_tag) else {
            return; // aborted by us
        };
        let Some(data) = task.data_out.clone() else {
            return self.fail("an R2T for a command without Data-Out");
        };
        let in_order = r2t.r2t_sn == task.next_sn.take() && r2t.buffer_offset == task.asked_to;
        let length_is_right = (1..=burst_max).contains(&r2t.desired_length);
        let end = u64::from(r2t.buffer_offset) + u64::from(r2t.desired_length);
        if !in_order || !length_is_right || r2t.transfer_tag == RESERVED_TAG {
            return self.fail("R2TSN, offset, length or tag of an R2T is wrong");
        }
        if end > u64::from(task.expected) {
            return self.fail("an R2T asks for more than was announced");
        }
        if r2t.lun != task.lun {
            return self.fail("an R2T has another LUN");
        }
        #[allow(clippy::cast_possible_truncation)] // checked against a u32
        let end = end as u32;
        task.asked_to = end;
        if end as usize > data.len() {
            return; // announced, and not there: the test's own affair
        }
        let (itt, lun) = (task.itt, task.lun);
        self.send_data_out(itt, lun, r2t.transfer_tag, &data, r2t.buffer_offset..end);
    }

    pub(super) fn begin_data_in(&mut self, header: &Header) {
        let Ok(pdu) = DataIn::parse(header) else {
            return self.fail("malformed Data-In");
        };
        let Some(task) = self.tasks.iter_mut().find(|t| t.itt == pdu.task_tag) else {
            return; // aborted by us; to the scratch buffer
        };
        let length = header.data_length();
        let at = task.data_in_length;
        if pdu.data_sn != task.next_sn || pdu.buffer_offset as usize != at {
            return self.fail("DataSN or offset of a Data-In is wrong");
        }
        if !task.read || at + length > task.expected as usize {
            return self.fail("Data-In beyond what was expected");
        }
        task.segment_start = at;
        task.data_in_length = at + length;
        self.incoming = Some(task.itt);
    }

    pub(super) fn receive_data_in(&mut self, header: &Header) {
        let Ok(pdu) = DataIn::parse(header) else {
            return self.fail("malformed Data-In");
        };
        self.count_window(pdu.counters);
        if pdu.has_status {
            self.count_status(pdu.counters);
        }
        let burst_max = self.parameters.max_burst_length;
        let Some(index) = self.tasks.iter().position(|t| t.itt == pdu.task_tag) else {
            return;
        };
        let task = &mut self.tasks[index];
        task.next_sn = task.next_sn.next();
        #[allow(clippy::cast_possible_truncation)] // 24 bits
        let length = header.data_length() as u32;
        task.burst += length;
        let whole_words = length.is_multiple_of(4);
        if task.burst > burst_max && self.params.tolerance == Tolerance::Strict {
            return self.fail("a Data-In sequence is longer than MaxBurstLength");
        }
        if !pdu.is_final && !whole_words {
            return self.fail("a Data-In that is not the last has odd length");
        }
        if pdu.is_final {
            task.burst = 0;
        }
        if pdu.has_status && (!pdu.is_final || pdu.status != Status::Good.code()) {
            return self.fail("status in a Data-In that cannot carry it");
        }
        if pdu.transfer_tag != RESERVED_TAG || pdu.acknowledge {
            return self.fail("Data-In asks for an acknowledgement");
        }
        if pdu.has_status {
            let task = self.tasks.remove(index);
            self.finished(task, pdu.status, Vec::new(), pdu.residual);
        }
    }

    pub(super) fn receive_response(&mut self, header: &Header, data: &[u8]) {
        let Ok(pdu) = ScsiResponse::parse(header) else {
            return self.fail("malformed SCSI Response");
        };
        self.count_status(pdu.counters);
        let Some(index) = self.tasks.iter().position(|t| t.itt == pdu.task_tag) else {
            return self.fail("a response to no command");
        };
        let task = self.tasks.remove(index);
        if task.burst != 0 {
            return self.fail("the last Data-In sequence has no end");
        }
        let data_in = if task.read {
            task.next_sn
        } else {
            SerialNumber(0)
        };
        let counts_r2ts = self.params.tolerance == Tolerance::OfHabits
            && !task.read
            && pdu.expected_data_sn == task.next_sn;
        if pdu.expected_data_sn != data_in && !counts_r2ts {
            return self.fail("ExpDataSN is not the number of Data-In PDUs");
        }
        let Some(sense) = sense_of(data) else {
            return self.fail("SenseLength goes beyond the segment");
        };
        self.finished(task, pdu.status, sense, pdu.residual);
    }

    fn finished(
        &mut self,
        mut task: InitiatorTask,
        status: u8,
        sense: Vec<u8>,
        residual: Residual,
    ) {
        task.data_in.truncate(task.data_in_length);
        self.events.push_back(InitiatorEvent::Finished(Finished {
            task_tag: task.itt,
            status,
            sense,
            data: task.data_in,
            residual,
            data_pdus: task.next_sn.0,
        }));
    }

    /// Forgets commands: they were aborted.
    pub(super) fn forget_where(&mut self, is_aborted: impl Fn(&InitiatorTask) -> bool) {
        self.tasks.retain(|task| !is_aborted(task));
    }

    /// Returns the CmdSN of a command in flight, for a task management request that names it.
    pub fn cmd_sn_of(&self, task_tag: u32) -> Option<SerialNumber> {
        let task = self.tasks.iter().find(|task| task.itt == task_tag)?;
        Some(task.cmd_sn)
    }
}

/// Returns the sense data of a data segment (RFC 7143 §11.4.7), empty when there are none; `None`
/// when their length is wrong.
pub(super) fn sense_of(data: &[u8]) -> Option<Vec<u8>> {
    let [high, low, sense @ ..] = data else {
        return Some(Vec::new());
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    Some(sense.get(..length)?.to_vec())
}
