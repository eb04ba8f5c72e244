//! The order of commands: CmdSN, the window, and what waits for an earlier number (RFC 7143 §4.2.2).

use scsi::TaskTag;

use super::Session;
use super::task::Stage;
use crate::connection::core::Core;
use crate::event::{CommandReceived, Event};
use crate::wire::{Header, NopIn, Opcode, RESERVED_TAG, RejectReason, SerialNumber};

/// A request whose turn has not come.
#[derive(Debug)]
pub(super) enum Pending {
    /// A task of the table. When it is gone by its turn, the number is all that is left of it.
    Command(TaskTag),
    /// Any other PDU with its data.
    Control(Header, Vec<u8>),
    /// A number that was used up by an abort.
    Nothing,
}

/// What has arrived ahead of its turn. Never more than the window holds.
#[derive(Debug, Default)]
pub(super) struct OrderQueue {
    ahead: Vec<(SerialNumber, Pending)>,
}

impl OrderQueue {
    fn contains(&self, cmd_sn: SerialNumber) -> bool {
        self.ahead.iter().any(|(number, _)| *number == cmd_sn)
    }

    fn take(&mut self, cmd_sn: SerialNumber) -> Option<Pending> {
        let index = self
            .ahead
            .iter()
            .position(|(number, _)| *number == cmd_sn)?;
        Some(self.ahead.swap_remove(index).1)
    }

    /// Returns how many requests wait.
    pub(super) fn len(&self) -> usize {
        self.ahead.len()
    }

    /// Returns how much data of requests other than commands waits.
    pub(super) fn held(&self) -> usize {
        let data = self.ahead.iter().map(|(_, pending)| match pending {
            Pending::Control(_, data) => data.len(),
            Pending::Command(_) | Pending::Nothing => 0,
        });
        data.sum()
    }

    /// Returns whether `length` bytes of data more may wait here.
    fn has_room(&self, length: usize) -> bool {
        self.held() + length <= WAITING_DATA_MAX
    }
}

/// The most data of requests other than commands that waits for an earlier CmdSN, in bytes.
const WAITING_DATA_MAX: usize = 1 << 20;

impl Session {
    /// Takes a request other than a command, in its turn. What has no room to wait is rejected, and
    /// its number stays free.
    pub(super) fn enqueue(
        &mut self,
        cmd_sn: SerialNumber,
        header: &Header,
        data: Vec<u8>,
        core: &mut Core,
    ) {
        if !self.is_new(cmd_sn, core) {
            return;
        }
        if cmd_sn != core.numbers.expected_cmd_sn && !self.order.has_room(data.len()) {
            Self::reject(RejectReason::LongOperationReject, header, core);
            return;
        }
        self.sequence(cmd_sn, Pending::Control(*header, data), core);
    }

    /// Returns whether a request with this CmdSN is new and inside the window; others are ignored
    /// (N2, N7).
    pub(super) fn is_new(&self, cmd_sn: SerialNumber, core: &Core) -> bool {
        core.numbers.in_window(cmd_sn) && !self.order.contains(cmd_sn)
    }

    /// Takes a new request into the order: acts on it, and on all that waited for it, when its turn
    /// has come (N3).
    pub(super) fn sequence(&mut self, cmd_sn: SerialNumber, pending: Pending, core: &mut Core) {
        self.order.ahead.push((cmd_sn, pending));
        while !core.closed
            && let Some(next) = self.order.take(core.numbers.expected_cmd_sn)
        {
            core.numbers.expected_cmd_sn = core.numbers.expected_cmd_sn.next();
            match next {
                Pending::Command(tag) => self.reach(tag),
                Pending::Control(header, data) => self.act(&header, data, core),
                Pending::Nothing => (),
            }
        }
        self.reserve_window(core);
    }

    /// The task's turn has come.
    pub(super) fn reach(&mut self, tag: TaskTag) {
        if let Some(task) = self.tasks.get(tag) {
            task.reached = true;
            self.waiting.push_back(tag);
        }
    }

    /// Hands commands to the environment: whole ones, in order for each logical unit. A later
    /// command never overtakes one that still waits for data or for memory: on a tape the order is
    /// the content. Returns whether one ended here, so that others may have room.
    pub(super) fn deliver(&mut self, core: &mut Core) -> bool {
        let mut index = 0;
        let mut ended = false;
        while let Some(&tag) = self.waiting.get(index) {
            if self.is_blocked(index) {
                index += 1;
                continue;
            }
            self.waiting.remove(index);
            ended |= self.hand_over(tag, core);
        }
        ended
    }

    /// Returns whether the task at `index` lacks data or memory, is being aborted, or has to wait for
    /// one before it.
    fn is_blocked(&mut self, index: usize) -> bool {
        let Some(task) = self.tasks.get(self.waiting[index]) else {
            return false;
        };
        if task.is_receiving() || !task.granted || !task.aborted_by.is_empty() {
            return true;
        }
        if task.immediate {
            return false;
        }
        let lun = task.lun_field;
        let earlier = (0..index).map(|i| self.waiting[i]);
        earlier
            .into_iter()
            .any(|tag| self.tasks.get(tag).is_some_and(|t| t.lun_field == lun))
    }

    /// Hands a command over, or answers it when it has failed; returns whether it did that.
    fn hand_over(&mut self, tag: TaskTag, core: &mut Core) -> bool {
        let Some(task) = self.tasks.get(tag) else {
            return false;
        };
        if let Some(sense) = task.failure {
            task.stage = Stage::Executing;
            let itt = task.itt;
            self.recent.push(itt); // an initiator in disorder may go on sending
            self.complete(tag, scsi::Response::check(sense), core);
            return true;
        }
        task.stage = Stage::Executing;
        let received = CommandReceived {
            task: tag,
            lun: task.lun,
            command: scsi::Command {
                cdb: task.cdb,
                data_out: std::mem::take(&mut task.data).into(),
            },
            attribute: task.attribute,
        };
        core.events.push_back(Event::Command(received));
        false
    }

    /// Opens the window by the room that there is, and tells an initiator that believes it to be
    /// closed (N8).
    pub(super) fn open_window(&mut self, core: &mut Core) {
        self.make_room(None, core);
        if core.numbers.opened_unnoticed() && !core.closed {
            let notice = NopIn {
                lun: [0; 8],
                task_tag: RESERVED_TAG,
                transfer_tag: RESERVED_TAG,
                counters: core.numbers.without_status(),
            };
            core.output.push(notice.emit(), bytes::Bytes::new());
        }
    }

    /// Acts on a request that is not a SCSI command, in its turn.
    pub(super) fn act(&mut self, header: &Header, data: Vec<u8>, core: &mut Core) {
        match header.opcode() {
            Some(Opcode::NopOut) => self.answer_nop_out(header, data, core),
            Some(Opcode::TaskManagementRequest) => self.manage(header, core),
            Some(Opcode::TextRequest) => self.answer_text(header, &data, core),
            Some(Opcode::LogoutRequest) => self.log_out(header, core),
            _ => (),
        }
    }
}
