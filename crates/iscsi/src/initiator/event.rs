//! What an initiator has to tell.

use super::Finished;
use crate::wire::Header;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InitiatorEvent {
    /// The session began.
    LoggedIn {
        /// All keys that the target sent.
        keys: Vec<(String, String)>,
        /// The session's handle.
        tsih: u16,
    },
    /// The login was refused.
    LoginFailed {
        /// Status class and detail.
        status: u16,
        /// The keys of the refusal: TargetAddress of a redirection.
        keys: Vec<(String, String)>,
    },
    /// A command ended.
    Finished(Finished),
    /// A NOP-In that answers one of ours.
    NopIn {
        /// The tag of the NOP-Out.
        task_tag: u32,
        /// The echoed data.
        data: Vec<u8>,
    },
    /// A NOP-In without a task tag. One that wants an answer has got it already.
    Pinged {
        /// Whether it wanted an answer.
        wants_answer: bool,
    },
    /// A Text exchange ended with these keys.
    Text {
        /// The tag of the request.
        task_tag: u32,
        /// The target's pairs.
        keys: Vec<(String, String)>,
        /// In how many PDUs they came.
        pdus: u32,
    },
    /// Task management ended.
    ManagementDone {
        /// The tag of the request.
        task_tag: u32,
        /// The response code.
        response: u8,
        /// The additional response information (RFC 7144).
        additional: [u8; 3],
    },
    /// The target answered a logout.
    LogoutDone {
        /// The response code.
        response: u8,
    },
    /// The target rejected one of our PDUs.
    Rejected {
        /// The reason.
        reason: u8,
        /// The header that it did not like.
        header: Header,
    },
    /// An asynchronous message.
    Async {
        /// AsyncEvent.
        event: u8,
        /// Parameter3.
        parameter3: u16,
        /// Sense data, for a SCSI event.
        sense: Vec<u8>,
    },
    /// The target broke the protocol. The initiator does nothing any more.
    Failed(&'static str),
}
