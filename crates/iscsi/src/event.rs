//! What a connection asks of its environment, and what the environment answers.

use std::net::SocketAddr;

use scsi::{AsynchronousEvent, Command, Lun, TaskTag};

mod login;

pub use login::{
    Authentication, EstablishSession, LoggedIn, LoginDecision, LoginFailed, LoginRequested,
    LoginStatus, LoginTerms, Permanence,
};

/// What happened on a connection. Take them all after each call that may cause some.
#[derive(Debug)]
pub enum Event {
    /// An initiator wants to log in. Answer with
    /// [`Connection::login_decision`](crate::Connection::login_decision), now or later.
    LoginRequested(LoginRequested),
    /// Authentication and negotiation are done; only the final response is missing. End the session
    /// that this one replaces, if there is one, then answer with
    /// [`Connection::session_established`](crate::Connection::session_established) or
    /// [`Connection::session_refused`](crate::Connection::session_refused).
    EstablishSession(EstablishSession),
    /// The final login response is on its way.
    LoggedIn(Box<LoggedIn>),
    /// The login was refused, by you or by the core. [`Event::Closed`] follows. For the log: the
    /// initiator is not told more than the status.
    LoginFailed(LoginFailed),
    /// The initiator asks which targets there are. Answer with
    /// [`Connection::send_targets`](crate::Connection::send_targets).
    SendTargets(WhichTargets),
    /// A whole command, with all its data, in the order of CmdSN for each logical unit. Answer with
    /// [`Connection::complete`](crate::Connection::complete), or with
    /// [`Connection::abandon`](crate::Connection::abandon) when the task ended without a response.
    Command(CommandReceived),
    /// Task management at the device server is asked for. The affected tasks, those included that
    /// still wait for data, stand still until the answer and are gone with
    /// [`ManagementOutcome::FunctionComplete`]. Answer with
    /// [`Connection::management_done`](crate::Connection::management_done).
    TaskManagement(TaskManagement),
    /// The connection is over. Send what [`Connection::transmit`](crate::Connection::transmit)
    /// still has, for as long as you care, then close the socket. Nothing follows.
    Closed(CloseReason),
}

/// Which targets an initiator asks for (RFC 7143 appendix C).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichTargets {
    /// All that it may log in to.
    All,
    /// The one with this name, if it may log in to it.
    Named(String),
    /// The one to which this session belongs.
    Own,
}

/// One target for the answer to SendTargets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRecord {
    /// TargetName.
    pub name: String,
    /// The values of TargetAddress in order, see [`target_address`].
    pub addresses: Vec<String>,
}

/// Returns the value of TargetAddress for a socket address (RFC 7143 §13.8): IPv6 addresses in
/// brackets and without a zone, which would mean nothing to the initiator.
pub fn target_address(address: SocketAddr, portal_group_tag: u16) -> String {
    match address {
        SocketAddr::V4(v4) => format!("{v4},{portal_group_tag}"),
        SocketAddr::V6(v6) => format!("[{}]:{},{portal_group_tag}", v6.ip(), v6.port()),
    }
}

/// A command for the device server.
#[derive(Debug)]
pub struct CommandReceived {
    /// Names the command on this connection until it is answered; never used twice.
    pub task: TaskTag,
    /// The logical unit; `None` when the field names none that could exist.
    pub lun: Option<Lun>,
    /// The descriptor block and the data.
    pub command: Command,
    /// How it wants to be queued.
    pub attribute: TaskAttribute,
}

/// Task attributes (RFC 7143 §11.3.1, SAM-5 §8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskAttribute {
    /// Untagged: iSCSI's 0, treated as simple.
    Untagged,
    /// Simple.
    Simple,
    /// Ordered.
    Ordered,
    /// Head of queue.
    HeadOfQueue,
    /// ACA, which we never establish.
    Aca,
}

/// Names a task management request until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ManagementTag(pub u64);

/// Task management for the device server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskManagement {
    /// For the answer.
    pub tag: ManagementTag,
    /// The logical unit; `None` for functions of the whole target.
    pub lun: Option<Lun>,
    /// What to do.
    pub function: scsi::TaskManagementFunction,
    /// Whether the target's sessions have to end, this one after its response.
    pub sessions: SessionFate,
}

/// What becomes of a target's sessions when it is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionFate {
    /// They go on.
    Keep,
    /// They end: TARGET COLD RESET (RFC 7143 §11.5.1).
    Close,
}

/// What came of task management (RFC 7143 §11.6.1, RFC 7144).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagementOutcome {
    /// Done: the affected commands are never answered. For a query: no.
    FunctionComplete,
    /// There is no such task.
    TaskDoesNotExist,
    /// There is no such logical unit.
    LunDoesNotExist,
    /// Tasks cannot move to another connection at ErrorRecoveryLevel 0.
    ReassignmentNotSupported,
    /// We do not have this function.
    NotSupported,
    /// Not for this initiator.
    AuthorizationFailed,
    /// For a query: yes; for QUERY ASYNCHRONOUS EVENT with what waits.
    FunctionSucceeded(Option<AsynchronousEvent>),
    /// Refused.
    Rejected,
}

impl ManagementOutcome {
    /// Returns the response code.
    pub const fn code(self) -> u8 {
        match self {
            Self::FunctionComplete => 0,
            Self::TaskDoesNotExist => 1,
            Self::LunDoesNotExist => 2,
            Self::ReassignmentNotSupported => 4,
            Self::NotSupported => 5,
            Self::AuthorizationFailed => 6,
            Self::FunctionSucceeded(_) => 7,
            Self::Rejected => 255,
        }
    }

    /// Returns the additional response information; zeros where there is none.
    pub const fn additional(self) -> [u8; 3] {
        match self {
            Self::FunctionSucceeded(Some(event)) => event.to_bytes(),
            _ => [0; 3],
        }
    }
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The initiator logged out.
    LoggedOut,
    /// The login was refused.
    LoginRefused,
    /// The login took too long.
    LoginTimeout,
    /// The initiator did not answer our ping.
    PingTimeout,
    /// The initiator was asked to log out and did not.
    LogoutTimeout,
    /// A header digest does not match: the length of what follows cannot be trusted (RFC 7143
    /// §7.8).
    HeaderDigestError,
    /// The initiator broke the protocol in a way that leaves no common ground.
    ProtocolError(&'static str),
    /// The initiator sends and does not read.
    NotReading,
    /// The initiator neither sends what it was asked for nor takes what it asked for, while others
    /// wait for the memory.
    Stalled,
    /// TARGET COLD RESET.
    TargetReset,
    /// You said so.
    Requested,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_brackets_and_no_zone() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(
            target_address(address("192.0.2.1:3260"), 1),
            "192.0.2.1:3260,1"
        );
        assert_eq!(
            target_address(address("[2001:db8::1]:3260"), 1),
            "[2001:db8::1]:3260,1"
        );
        let mut zoned = std::net::SocketAddrV6::new("fe80::1".parse().unwrap(), 3260, 0, 3);
        zoned.set_scope_id(3);
        assert_eq!(target_address(SocketAddr::V6(zoned), 7), "[fe80::1]:3260,7");
    }
}
