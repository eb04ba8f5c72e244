//! The full feature phase (RFC 7143 §4.2 and §11).
//!
//! A PDU comes in two steps: its header decides where its data goes ([`Session::begin`]), and with
//! the last byte it takes effect ([`Session::finish`]). One file per kind of PDU.

mod async_message;
mod command;
mod data_in;
mod data_out;
mod logout;
mod management;
mod memory;
mod nop;
mod order;
mod recent;
mod reject;
mod stall;
mod task;
mod text;

use core::time::Duration;
use std::collections::VecDeque;

use scsi::TaskTag;

use crate::buffer::Buffer;
use crate::connection::core::Core;
use crate::event::{CloseReason, LoginRequested};
use crate::login::{Established, Negotiated, SessionKind};
use crate::memory::Share;
use crate::receive::DataDigest;
use crate::wire::{Header, Opcode, RESERVED_TAG, RejectReason};

pub(crate) use memory::session_memory;

use management::Management;
use order::OrderQueue;
use recent::RecentTags;
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
    /// What it has reserved.
    share: Share,
    /// How much unsolicited data may come with a command.
    unsolicited_max: u32,
    /// The sum of [`task::Task::allotted`].
    allotted: u64,
    /// Data that went either way, in bytes.
    moved: u64,
    watch: Option<stall::Watch>,
    /// Task tags that ended without the initiator's doing: their late data is no error.
    recent: RecentTags,
    management: Management,
    exchange: Option<Exchange>,
    next_transfer_tag: u32,
    incoming: Incoming,
    /// What came with the last command, if the next may be like it.
    guess: Option<Guess>,
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
    /// Anything else that means something; so much data of it goes to the scratch buffer, none when
    /// its kind has none.
    Control(usize),
    /// A PDU without effect.
    Ignored,
    /// A PDU that is rejected once it has gone by.
    Rejected(RejectReason),
}

impl Incoming {
    /// Returns how much the scratch buffer holds in the end.
    fn kept(self) -> usize {
        match self {
            Self::Control(length) => length,
            _ => 0,
        }
    }
}

/// Where the data segment of the current PDU goes.
#[derive(Debug)]
pub(crate) enum Destination<'a> {
    /// To the data of a task, in which the segment begins at the given offset.
    Task(&'a mut Buffer, usize),
    /// To this scratch buffer, from its beginning.
    Scratch(&'a mut Vec<u8>),
    /// Nowhere.
    Nowhere,
}

/// What comes with the next command if it is like the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guess {
    /// How much data in the same PDU.
    pub(crate) immediate: usize,
    /// How much data in all.
    pub(crate) expected: usize,
}

impl Session {
    pub(crate) fn new(established: Established, share: Share, now: Duration) -> Self {
        let Established { login, negotiated } = established;
        Self {
            unsolicited_max: memory::unsolicited_max(login.kind, &negotiated),
            login,
            negotiated,
            share,
            allotted: 0,
            moved: 0,
            watch: None,
            tasks: Tasks::default(),
            order: OrderQueue::default(),
            waiting: VecDeque::new(),
            responding: VecDeque::new(),
            recent: RecentTags::default(),
            management: Management::default(),
            exchange: None,
            next_transfer_tag: 1,
            incoming: Incoming::Ignored,
            guess: None,
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
            Some(Opcode::NopOut | Opcode::TextRequest) => self.begin_control(header, core),
            Some(Opcode::TaskManagementRequest | Opcode::LogoutRequest) => Incoming::Control(0),
            Some(Opcode::Snack) => Incoming::Rejected(RejectReason::SnackReject), // O5
            Some(_) => Incoming::Rejected(RejectReason::ProtocolError), // O6 and target opcodes
            None => Incoming::Rejected(RejectReason::CommandNotSupported), // O3
        };
    }

    /// Takes the header of a request with data of its own, if there is memory for it.
    fn begin_control(&mut self, header: &Header, core: &Core) -> Incoming {
        let length = header.data_length();
        if length == 0 || self.reserve_control(length, core) {
            Incoming::Control(length)
        } else {
            Incoming::Rejected(RejectReason::LongOperationReject)
        }
    }

    /// Returns what may come with the next command; nothing while data for another is on its way.
    pub(crate) fn guess(&self) -> Option<Guess> {
        self.guess
            .filter(|_| !self.tasks.iter().any(task::Task::lacks_data))
    }

    /// Returns where the data segment of the current PDU goes.
    pub(crate) fn destination(&mut self) -> Destination<'_> {
        match self.incoming {
            Incoming::Command(tag) | Incoming::DataOut(tag) => match self.tasks.get(tag) {
                Some(task) if task.failure.is_none() => {
                    let start = task.segment_start;
                    Destination::Task(&mut task.data, start)
                }
                _ => Destination::Nowhere,
            },
            Incoming::Control(1..) => Destination::Scratch(&mut self.scratch),
            Incoming::Control(0) | Incoming::Ignored | Incoming::Rejected(_) => {
                Destination::Nowhere
            }
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
            Incoming::Control(_) if digest == DataDigest::Bad => {
                // RFC 7143 §7.8: discarded; its CmdSN, if it has one, counts as never received.
                Self::reject(RejectReason::DataDigestError, header, core);
            }
            Incoming::Control(_) => self.finish_control(header, scratch, core),
        }
        self.settle(core);
    }

    /// Does what any change may have made possible.
    pub(crate) fn settle(&mut self, core: &mut Core) {
        if core.closed {
            return; // nothing begins any more
        }
        loop {
            self.admit(core);
            if !self.deliver(core) {
                break;
            }
        }
        self.solicit(core);
        self.open_window(core);
        self.check_output(core);
        self.watch(core);
        self.share.settle();
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
    fn forget(&mut self, tag: TaskTag, core: &mut Core) {
        if let Some(task) = self.tasks.remove(tag) {
            self.release(&task, core);
            self.waiting.retain(|waiting| *waiting != tag);
            self.responding.retain(|responding| *responding != tag);
            self.recent.push(task.itt);
        }
    }
}
