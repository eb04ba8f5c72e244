//! What the initiator says and hears beside commands.

use bytes::Bytes;
use scsi::Lun;

use super::command::{InitiatorTask, sense_of};
use super::{Initiator, InitiatorEvent};
use crate::wire::text::{self, TextWriter};
use crate::wire::{
    AsyncMessage, Header, LogoutRequest, LogoutResponse, NopIn, NopOut, RESERVED_TAG, Reject,
    SerialNumber, TaskManagementRequest, TaskManagementResponse, TextRequest, TextResponse,
};

/// A Text exchange that has not ended.
#[derive(Debug)]
pub(super) struct TextExchange {
    task_tag: u32,
    answer: Vec<u8>,
    pdus: u32,
}

/// A task management request that is not answered.
#[derive(Debug)]
pub(super) struct Managing {
    task_tag: u32,
    function: u8,
    lun: [u8; 8],
    referenced: u32,
    /// The CmdSN of the first command after it.
    before: SerialNumber,
}

/// The response to a function that did what it was asked to do (RFC 7143 §11.6.1).
const COMPLETE: u8 = 0;

impl Managing {
    /// Returns whether the function, when it is complete, has ended this task (RFC 7143 §11.5.1 and
    /// RFC 7144).
    fn ends(&self, task: &InitiatorTask) -> bool {
        let earlier = task.cmd_sn.is_before(self.before);
        match self.function {
            1 => task.itt == self.referenced,
            2 | 4 | 5 => earlier && task.lun == self.lun,
            6 | 7 | 11 => earlier,
            _ => false,
        }
    }
}

impl Initiator {
    /// Asks whether the target lives, and returns the tag.
    pub fn nop(&mut self, data: &[u8]) -> u32 {
        let task_tag = self.task_tag();
        let nop = NopOut {
            immediate: true,
            lun: [0; 8],
            task_tag,
            transfer_tag: RESERVED_TAG,
            cmd_sn: self.cmd_sn,
            expected_stat_sn: self.expected_stat_sn,
        };
        self.output.push(nop.emit(), Bytes::copy_from_slice(data));
        task_tag
    }

    /// Sends text, and returns the tag.
    pub fn text(&mut self, pairs: &[(&str, &str)]) -> u32 {
        let task_tag = self.task_tag();
        let mut text = TextWriter::new();
        for (key, value) in pairs {
            text.pair(key, value);
        }
        self.texts.push(TextExchange {
            task_tag,
            answer: Vec::new(),
            pdus: 0,
        });
        self.send_text(task_tag, [0; 8], RESERVED_TAG, text.into_bytes());
        task_tag
    }

    fn send_text(&mut self, task_tag: u32, lun: [u8; 8], transfer_tag: u32, data: Vec<u8>) {
        let request = TextRequest {
            immediate: true,
            is_final: true,
            continues: false,
            lun,
            task_tag,
            transfer_tag,
            cmd_sn: self.cmd_sn,
            expected_stat_sn: self.expected_stat_sn,
        };
        self.output.push(request.emit(), Bytes::from(data));
    }

    /// Sends a task management request, and returns its tag. `referenced` is the tag of the task
    /// and its CmdSN.
    pub fn manage(
        &mut self,
        function: u8,
        lun: Lun,
        referenced: Option<(u32, SerialNumber)>,
    ) -> u32 {
        let task_tag = self.task_tag();
        let (referenced_task_tag, referenced_cmd_sn) =
            referenced.unwrap_or((RESERVED_TAG, SerialNumber(0)));
        let request = TaskManagementRequest {
            immediate: true,
            function,
            lun: lun.to_bytes(),
            task_tag,
            referenced_task_tag,
            cmd_sn: self.cmd_sn,
            expected_stat_sn: self.expected_stat_sn,
            referenced_cmd_sn,
            expected_data_sn: SerialNumber(0),
        };
        self.output.push(request.emit(), Bytes::new());
        self.managing.push(Managing {
            task_tag,
            function,
            lun: lun.to_bytes(),
            referenced: referenced_task_tag,
            before: self.cmd_sn,
        });
        task_tag
    }

    /// Logs out.
    pub fn log_out(&mut self, reason: u8) -> u32 {
        let task_tag = self.task_tag();
        let request = LogoutRequest {
            immediate: true,
            reason,
            task_tag,
            cid: self.params.cid,
            cmd_sn: self.cmd_sn,
            expected_stat_sn: self.expected_stat_sn,
        };
        self.output.push(request.emit(), Bytes::new());
        task_tag
    }

    pub(super) fn receive_nop_in(&mut self, header: &Header, data: Vec<u8>) {
        let Ok(nop) = NopIn::parse(header) else {
            return self.fail("malformed NOP-In");
        };
        if nop.task_tag != RESERVED_TAG {
            self.count_status(nop.counters);
            let task_tag = nop.task_tag;
            self.events
                .push_back(InitiatorEvent::NopIn { task_tag, data });
            return;
        }
        self.count_window(nop.counters);
        if !data.is_empty() {
            return self.fail("a ping with data");
        }
        let wants_answer = nop.transfer_tag != RESERVED_TAG;
        if wants_answer {
            let answer = NopOut {
                immediate: true,
                lun: nop.lun,
                task_tag: RESERVED_TAG,
                transfer_tag: nop.transfer_tag,
                cmd_sn: self.cmd_sn,
                expected_stat_sn: self.expected_stat_sn,
            };
            self.output.push(answer.emit(), Bytes::new());
        }
        self.events
            .push_back(InitiatorEvent::Pinged { wants_answer });
    }

    pub(super) fn receive_text(&mut self, header: &Header, data: &[u8]) {
        let Ok(response) = TextResponse::parse(header) else {
            return self.fail("malformed Text Response");
        };
        self.count_status(response.counters);
        let Some(index) = self
            .texts
            .iter()
            .position(|exchange| exchange.task_tag == response.task_tag)
        else {
            return self.fail("a text response to no request");
        };
        let exchange = &mut self.texts[index];
        exchange.answer.extend_from_slice(data);
        exchange.pdus += 1;
        if !response.is_final {
            let (tag, lun) = (response.task_tag, response.lun);
            self.send_text(tag, lun, response.transfer_tag, Vec::new());
            return;
        }
        let exchange = self.texts.remove(index);
        let Ok(pairs) = text::parse(&exchange.answer) else {
            return self.fail("malformed text");
        };
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        self.events.push_back(InitiatorEvent::Text {
            task_tag: exchange.task_tag,
            keys: pairs.iter().map(owned).collect(),
            pdus: exchange.pdus,
        });
    }

    pub(super) fn receive_management(&mut self, header: &Header) {
        let Ok(response) = TaskManagementResponse::parse(header) else {
            return self.fail("malformed task management response");
        };
        self.count_status(response.counters);
        let Some(index) = self
            .managing
            .iter()
            .position(|request| request.task_tag == response.task_tag)
        else {
            return self.fail("a task management response to no request");
        };
        let request = self.managing.swap_remove(index);
        if response.response == COMPLETE {
            // Whatever comes for them after this is the target's fault (RFC 7143 §4.2.3.3).
            self.forget_where(|task| request.ends(task));
        }
        self.events.push_back(InitiatorEvent::ManagementDone {
            task_tag: response.task_tag,
            response: response.response,
            additional: response.additional,
        });
    }

    pub(super) fn receive_logout(&mut self, header: &Header) {
        let Ok(response) = LogoutResponse::parse(header) else {
            return self.fail("malformed Logout Response");
        };
        self.count_status(response.counters);
        self.events.push_back(InitiatorEvent::LogoutDone {
            response: response.response,
        });
    }

    pub(super) fn receive_reject(&mut self, header: &Header, data: &[u8]) {
        let Ok(reject) = Reject::parse(header) else {
            return self.fail("malformed Reject");
        };
        self.count_status(reject.counters);
        let Ok(bytes) = data.try_into() else {
            return self.fail("a Reject without the header of the PDU");
        };
        self.events.push_back(InitiatorEvent::Rejected {
            reason: reject.reason,
            header: Header(bytes),
        });
    }

    pub(super) fn receive_async(&mut self, header: &Header, data: &[u8]) {
        let Ok(message) = AsyncMessage::parse(header) else {
            return self.fail("malformed asynchronous message");
        };
        self.count_status(message.counters);
        let Some(sense) = sense_of(data) else {
            return self.fail("SenseLength goes beyond the segment");
        };
        self.events.push_back(InitiatorEvent::Async {
            event: message.event,
            parameter3: message.parameter3,
            sense,
        });
    }
}
