//! What a logical unit tells the transport of a nexus.

use std::sync::Arc;

use scsi::{Lun, Response, TaskTag};

use crate::nexus::ItNexus;

/// Where the responses of a nexus go. Implementations post into an inbox and return at once.
pub trait CompletionSink: Send + Sync {
    /// The command ended on the worker.
    fn complete(&self, task: TaskTag, response: Response);

    /// The command was ended by task management, its own nexus's or another's, and will never be
    /// completed (SAM-5 §5.6 with TAS=0). Told before [`Nexus::manage`](crate::Nexus::manage)
    /// returns; not told for commands that end with their nexus.
    fn aborted(&self, task: TaskTag);

    /// Another nexus has cleared the task set, reset the unit, or preempted this one: commands for `lun` that the transport
    /// has begun to receive and not yet submitted are ended too, without a word. Told before
    /// [`Nexus::manage`](crate::Nexus::manage) returns to the other, or before its command ends.
    fn cleared(&self, lun: Lun, by: ClearedBy);

    /// The logical units of the target are others than before (SPC-5 §6.39).
    fn units_changed(&self);
}

/// What ended the commands of a nexus from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearedBy {
    /// CLEAR TASK SET. Whoever had submitted a command has got a unit attention for it; who has lost
    /// others only gets it with [`Nexus::lost_commands`](crate::Nexus::lost_commands).
    ClearTaskSet,
    /// A reset, of which every nexus is told.
    Reset,
    /// PREEMPT AND ABORT, of which those who were preempted are told.
    PreemptAndAbort,
}

/// A nexus with the sink of its responses.
pub(crate) struct Attachment {
    pub(crate) nexus: ItNexus,
    pub(crate) sink: Arc<dyn CompletionSink>,
}
