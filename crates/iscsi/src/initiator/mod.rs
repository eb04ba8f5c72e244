//! A small initiator without I/O, for tests and for measuring.
//!
//! It shares the codec and the framing with the target and nothing else: it has its own idea of
//! login, sequencing and data transfer, and it checks what the target sends. A target that breaks a
//! rule gets [`InitiatorEvent::Failed`] with the rule.

mod ahead;
mod command;
mod control;
mod event;
mod login;
mod parameters;

use std::collections::VecDeque;

use crate::receive::{DataDigest, Part, Progress, Receiver};
use crate::transmit::Transmitter;
use crate::wire::{Counters, Header, Opcode, RESERVED_TAG, Residual, SerialNumber};

use command::{InitiatorTask, Queued};
use login::LoginState;

pub use command::{DataTransfer, Finished};
pub use event::InitiatorEvent;
pub use parameters::{InitiatorChap, InitiatorParams, Parameters, Tolerance};

/// The initiator's side of a connection. Bytes move as in [`Connection`](crate::Connection).
pub struct Initiator {
    params: InitiatorParams,
    /// What both sides agreed on.
    parameters: Parameters,
    receiver: Receiver,
    output: Transmitter,
    events: VecDeque<InitiatorEvent>,
    login: Option<LoginState>,
    failed: bool,
    cmd_sn: SerialNumber,
    max_cmd_sn: SerialNumber,
    expected_stat_sn: SerialNumber,
    next_task_tag: u32,
    tasks: Vec<InitiatorTask>,
    /// Commands that wait for the window.
    queued: VecDeque<Queued>,
    texts: Vec<control::TextExchange>,
    managing: Vec<control::Managing>,
    scratch: Vec<u8>,
    /// Buffers for Data-In; see [`Initiator::recycle`].
    spare: Vec<Vec<u8>>,
    incoming: Option<u32>,
    guess: Option<ahead::Guess>,
}

impl Initiator {
    /// Returns an initiator whose first login request waits to be sent.
    pub fn new(params: InitiatorParams) -> Self {
        let cmd_sn = params.first_cmd_sn;
        let mut initiator = Self {
            parameters: Parameters::default(),
            receiver: Receiver::new(),
            output: Transmitter::new(),
            events: VecDeque::new(),
            login: Some(LoginState::new(&params)),
            failed: false,
            cmd_sn,
            max_cmd_sn: cmd_sn,
            expected_stat_sn: params.first_stat_sn,
            next_task_tag: 1,
            tasks: Vec::new(),
            queued: VecDeque::new(),
            texts: Vec::new(),
            managing: Vec::new(),
            scratch: Vec::new(),
            spare: Vec::new(),
            incoming: None,
            guess: None,
            params,
        };
        initiator.begin_login();
        initiator
    }

    /// Returns what was negotiated.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns where the next received bytes go; never empty.
    pub fn want(&mut self) -> &mut [u8] {
        self.guess = None;
        let Part::Data { filled, length } = self.receiver.part() else {
            return self.receiver.space();
        };
        let itt = self.incoming;
        let task = self.tasks.iter_mut().find(|task| Some(task.itt) == itt);
        let (buffer, start) = match task {
            Some(task) => (&mut task.data_in, task.segment_start),
            None => (&mut self.scratch, 0),
        };
        if buffer.len() < start + length {
            buffer.resize(start + length, 0);
        }
        &mut buffer[start + filled..start + length]
    }

    /// Takes note that the first `count` bytes of [`Initiator::want`] or [`Initiator::want_ahead`] were
    /// received.
    ///
    /// # Panics
    /// When `count` is more than was wanted.
    pub fn received(&mut self, count: usize) {
        match self.guess.take() {
            Some(guess) => self.received_ahead(guess, count),
            None => self.take(count),
        }
    }

    fn take(&mut self, count: usize) {
        if self.failed || count == 0 {
            return;
        }
        match self.receiver.part() {
            Part::Header => match self.receiver.header_received(count) {
                Progress::Partial => return,
                Progress::Header => {
                    self.begin();
                    self.receiver.begin_data();
                }
                Progress::BadHeaderDigest => self.fail("header digest does not match"),
            },
            Part::Data { filled, .. } => {
                let itt = self.incoming;
                let bytes = match self.tasks.iter().find(|task| Some(task.itt) == itt) {
                    Some(task) => &task.data_in[task.segment_start + filled..][..count],
                    None => &self.scratch[filled..][..count],
                };
                self.receiver.data_received(bytes, count);
            }
            Part::Trailer => self.receiver.trailer_received(count),
        }
        let header = self.receiver.header();
        match self.receiver.finish() {
            Some(DataDigest::Good) => self.finish(&header),
            Some(DataDigest::Bad) => self.fail("data digest does not match"),
            None => (),
        }
    }

    /// Returns what happened, oldest first.
    pub fn next_event(&mut self) -> Option<InitiatorEvent> {
        self.events.pop_front()
    }

    /// Returns whether there is something to send.
    pub fn has_output(&self) -> bool {
        self.output.bytes() > 0
    }

    /// Returns what to send next.
    pub fn transmit(&self) -> impl Iterator<Item = &[u8]> {
        self.output.slices()
    }

    /// Takes note that the first `count` bytes of [`Initiator::transmit`] were sent.
    ///
    /// # Panics
    /// When `count` is more than there was.
    pub fn sent(&mut self, count: usize) {
        self.output.sent(count);
    }

    fn begin(&mut self) {
        self.incoming = None;
        let header = self.receiver.header();
        if header.data_length() > self.parameters.max_recv_data_segment_length as usize {
            self.fail("a data segment is longer than we declared");
        } else if header.ahs_length() > 0 {
            self.fail("a target sends no additional headers");
        } else if header.opcode() == Some(Opcode::DataIn) {
            self.begin_data_in(&header);
        }
    }

    fn finish(&mut self, header: &Header) {
        if self.failed {
            return;
        }
        let data = std::mem::take(&mut self.scratch);
        if self.login.is_some() {
            self.receive_login(header, &data);
            return;
        }
        match header.opcode() {
            Some(Opcode::DataIn) => self.receive_data_in(header),
            Some(Opcode::ScsiResponse) => self.receive_response(header, &data),
            Some(Opcode::ReadyToTransfer) => self.receive_r2t(header),
            Some(Opcode::NopIn) => self.receive_nop_in(header, data),
            Some(Opcode::TextResponse) => self.receive_text(header, &data),
            Some(Opcode::TaskManagementResponse) => self.receive_management(header),
            Some(Opcode::LogoutResponse) => self.receive_logout(header),
            Some(Opcode::Reject) => self.receive_reject(header, &data),
            Some(Opcode::AsyncMessage) => self.receive_async(header, &data),
            _ => self.fail("a PDU that no target sends here"),
        }
        self.send_queued();
    }

    /// Takes the numbers of a PDU with status: StatSN has to be the next one.
    fn count_status(&mut self, counters: Counters) {
        if counters.stat_sn != self.expected_stat_sn {
            self.fail("StatSN is not the next one");
        }
        self.expected_stat_sn = counters.stat_sn.next();
        self.count_window(counters);
    }

    /// Takes the window of any PDU: MaxCmdSN never goes back.
    fn count_window(&mut self, counters: Counters) {
        let closed = counters.expected_cmd_sn.add(u32::MAX);
        if counters.max_cmd_sn.is_before(closed) {
            self.fail("MaxCmdSN is below ExpCmdSN - 1");
        }
        if counters.max_cmd_sn.is_before(self.max_cmd_sn) {
            self.fail("MaxCmdSN went back");
        }
        self.max_cmd_sn = counters.max_cmd_sn;
    }

    /// Returns whether the target accepts another command.
    pub fn window_is_open(&self) -> bool {
        !self.cmd_sn.is_after(self.max_cmd_sn)
    }

    fn task_tag(&mut self) -> u32 {
        let tag = self.next_task_tag;
        self.next_task_tag = match tag.wrapping_add(1) {
            RESERVED_TAG => 1,
            next => next,
        };
        tag
    }

    fn fail(&mut self, reason: &'static str) {
        if !self.failed {
            self.failed = true;
            self.events.push_back(InitiatorEvent::Failed(reason));
        }
    }
}

/// Returns the residual as a signed number: negative for an overflow.
pub fn signed_residual(residual: Residual) -> i64 {
    match residual {
        Residual::None => 0,
        Residual::Underflow(count) => i64::from(count),
        Residual::Overflow(count) => -i64::from(count),
    }
}
