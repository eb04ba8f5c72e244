//! The full feature phase (RFC 7143 §4.2 and §11).
//!
//! A PDU comes in two steps: its header decides where its data goes ([`Session::begin`]), and with
//! the last byte it takes effect ([`Session::finish`]). One file per kind of PDU.

mod command;
mod data_in;
mod data_out;
mod logout;
mod management;
mod nop;
mod order;
mod reject;
mod task;
mod text;

use core::time::Duration;
use std::collections::VecDeque;

use scsi::TaskTag;

use crate::connection::core::Core;
use crate::event::{CloseReason, LoginRequested};
use crate::login::{Established, Negotiated, SessionKind};
use crate::receive::DataDigest;
use crate::wire::{Header, Opcode, RESERVED_TAG, RejectReason};

use management::Management;
use order::OrderQueue;
use task::Tasks;
use text::Exchange;

/// A connection in full feature phase.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) login: LoginRequested,
    pub(crate) negotiated: Negotiated,
    tasks: Tasks,
    /// What waits for an earlier CmdSN.
    order: OrderQueue,
    /// Tasks in order whose turn to be executed has not come.
    waiting: VecDeque<TaskTag>,
    /// Tasks whose Data-In is being sent, in the order in which they ended.
    responding: VecDeque<TaskTag>,
    /// The sum of [`task::Task::held`].
    held: u64,
    /// Task tags that ended without the initiator's doing: their late data is no error.
    recent: RecentTags,
    management: Management,
    exchange: Option<Exchange>,
    next_transfer_tag: u32,
    incoming: Incoming,
    /// The data segment of a PDU that is not SCSI data.
    scratch: Vec<u8>,
    heard: Duration,
    ping: Option<nop::Ping>,
    /// Until when the initiator has to log out, once it was asked.
    logout_by: Option<Duration>,
}

/// The PDU that is being received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Incoming {
    /// A command with its immediate data.
    Command(TaskTag),
    /// Data-Out for a task.
    DataOut(TaskTag),
    /// Anything else that means something; its data goes to the scratch buffer.
    Control,
    /// A PDU without effect.
    Ignored,
    /// A PDU that is rejected once it has gone by.
    Rejected(RejectReason),
}

/// Where the data segment of the current PDU goes.
#[derive(Debug)]
pub(crate) enum Destination<'a> {
    /// To this place; the segment begins at the given offset.
    Buffer(&'a mut Vec<u8>, usize),
    /// Nowhere.
    Nowhere,
}

impl Session {
    pub(crate) fn new(established: Established, now: Duration) -> Self {
        Self {
            login: established.login,
            negotiated: established.negotiated,
            tasks: Tasks::default(),
            order: OrderQueue::default(),
            waiting: VecDeque::new(),
            responding: VecDeque::new(),
            held: 0,
            recent: RecentTags::default(),
            management: Management::default(),
            exchange: None,
            next_transfer_tag: 1,
            incoming: Incoming::Ignored,
            scratch: Vec::new(),
            heard: now,
            ping: None,
            logout_by: None,
        }
    }

    pub(crate) fn tasks_in_flight(&self) -> usize {
        self.tasks.len()
    }

    fn is_discovery(&self) -> bool {
        self.login.kind == SessionKind::Discovery
    }

    /// Takes a header and decides where its data goes.
    pub(crate) fn begin(&mut self, header: &Header, additional: &[u8], core: &mut Core) {
        if header.data_length() > self.negotiated.max_recv_data_segment_length as usize {
            // R9: what follows cannot be told from an attack on our memory or patience.
            core.close(CloseReason::ProtocolError(
                "a data segment over MaxRecvDataSegmentLength",
            ));
            return;
        }
        self.incoming = match header.opcode() {
            Some(Opcode::ScsiCommand | Opcode::DataOut) if self.is_discovery() => {
                Incoming::Rejected(RejectReason::ProtocolError) // X6
            }
            Some(Opcode::ScsiCommand) => self.begin_command(header, additional, core),
            Some(Opcode::DataOut) => self.begin_data_out(header),
            Some(
                Opcode::NopOut
                | Opcode::TaskManagementRequest
                | Opcode::TextRequest
                | Opcode::LogoutRequest,
            ) => Incoming::Control,
            Some(Opcode::Snack) => Incoming::Rejected(RejectReason::SnackReject), // O5
            Some(_) => Incoming::Rejected(RejectReason::ProtocolError), // O6 and target opcodes
            None => Incoming::Rejected(RejectReason::CommandNotSupported), // O3
        };
    }

    /// Returns where the data segment of the current PDU goes.
    pub(crate) fn destination(&mut self) -> Destination<'_> {
        match self.incoming {
            Incoming::Command(tag) | Incoming::DataOut(tag) => match self.tasks.get(tag) {
                Some(task) if task.failure.is_none() => {
                    let start = task.segment_start;
                    Destination::Buffer(&mut task.data, start)
                }
                _ => Destination::Nowhere,
            },
            Incoming::Control => Destination::Buffer(&mut self.scratch, 0),
            Incoming::Ignored | Incoming::Rejected(_) => Destination::Nowhere,
        }
    }

    /// Takes note that the current PDU is complete.
    pub(crate) fn finish(&mut self, header: &Header, digest: DataDigest, core: &mut Core) {
        let scratch = std::mem::take(&mut self.scratch);
        match std::mem::replace(&mut self.incoming, Incoming::Ignored) {
            Incoming::Command(tag) => self.finish_command(tag, header, digest, core),
            Incoming::DataOut(tag) => self.finish_data_out(tag, header, digest, core),
            Incoming::Ignored => (),
            Incoming::Rejected(reason) => Self::reject(reason, header, core),
            Incoming::Control if digest == DataDigest::Bad => {
                // RFC 7143 §7.8: discarded; its CmdSN, if it has one, counts as never received.
                Self::reject(RejectReason::DataDigestError, header, core);
            }
            Incoming::Control => self.finish_control(header, scratch, core),
        }
        self.settle(core);
    }

    /// Does what any change may have made possible.
    pub(crate) fn settle(&mut self, core: &mut Core) {
        self.deliver(core);
        self.solicit(core);
        self.open_window(core);
        Self::check_output(core);
    }

    fn finish_control(&mut self, header: &Header, data: Vec<u8>, core: &mut Core) {
        match header.opcode() {
            Some(Opcode::NopOut) => self.receive_nop_out(header, data, core),
            Some(Opcode::TaskManagementRequest) => {
                self.receive_management(header, core);
            }
            Some(Opcode::TextRequest) => self.receive_text(header, data, core),
            Some(Opcode::LogoutRequest) => self.receive_logout(header, core),
            _ => (),
        }
    }

    /// Returns a transfer tag that was never used on this connection.
    fn transfer_tag(&mut self) -> u32 {
        let tag = self.next_transfer_tag;
        self.next_transfer_tag = match tag.wrapping_add(1) {
            RESERVED_TAG => 1,
            next => next,
        };
        tag
    }

    /// Ends a task without a word. Its data, should more come, is no error.
    fn forget(&mut self, tag: TaskTag) {
        if let Some(task) = self.tasks.remove(tag) {
            self.held -= task.held;
            self.waiting.retain(|waiting| *waiting != tag);
            self.responding.retain(|responding| *responding != tag);
            self.recent.push(task.itt);
        }
    }

    /// A peer that sends and never reads must not fill our memory with answers.
    fn check_output(core: &mut Core) {
        if core.output.pdus() > core.limits.output_pdus_max + data_in::PREPARED_PDUS
            || core.output.bytes() > core.limits.output_bytes_max + data_in::PREPARED_BYTES * 2
        {
            core.close(CloseReason::NotReading);
        }
    }
}

/// The last few task tags that ended while data for them may be on its way.
#[derive(Debug, Default)]
struct RecentTags {
    tags: VecDeque<u32>,
}

/// A window of commands and as many again.
const RECENT_TAGS_MAX: usize = 64;

impl RecentTags {
    fn push(&mut self, itt: u32) {
        if self.tags.len() == RECENT_TAGS_MAX {
            self.tags.pop_front();
        }
        self.tags.push_back(itt);
    }

    fn contains(&self, itt: u32) -> bool {
        self.tags.contains(&itt)
    }
}
