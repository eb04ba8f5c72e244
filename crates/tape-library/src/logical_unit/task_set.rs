//! The task set: what runs in a unit and what waits (SAM-5 §8.3).

use std::collections::VecDeque;
use std::sync::Arc;

use scsi::command::CommandSpec;
use scsi::{Command, Lun, NexusId, TaskTag};

use super::Attachment;

/// A command in the task set.
pub(super) struct Task {
    pub(super) attachment: Arc<Attachment>,
    pub(super) tag: TaskTag,
    pub(super) command: Command,
    /// The command's row in the table; `None` for one that the device does not have.
    pub(super) spec: Option<&'static CommandSpec>,
}

/// What the worker does.
pub(super) enum Job {
    /// A command.
    Task(Task),
    /// The device's part in the loss of a nexus.
    NexusLost(NexusId),
    /// The device's part in a reset.
    Reset,
}

/// The state of a unit.
#[derive(Default)]
pub(super) struct TaskSet {
    waiting: VecDeque<Job>,
    running: Running,
    stopping: bool,
    /// The nexuses, each with its name for the unit. Few: a walk over them is fast.
    attached: Vec<(Lun, Arc<Attachment>)>,
    /// How many threads wait until the unit is idle.
    pub(super) waiters_for_idle: u32,
    /// How many threads wait until the unit has done its part in the loss of a nexus.
    pub(super) waiters_for_loss: u32,
}

#[derive(Default)]
enum Running {
    #[default]
    Nothing,
    /// A command whose response is wanted.
    Task(Arc<Attachment>, TaskTag),
    /// A command that was aborted, or a job of the device's own.
    Detached,
    /// The device's part in the loss of a nexus.
    NexusLost(NexusId),
}

/// Names a command for those who choose which to abort.
pub(super) struct TaskId<'a> {
    attachment: &'a Attachment,
    pub(super) tag: TaskTag,
}

impl TaskId<'_> {
    pub(super) fn nexus(&self) -> NexusId {
        self.attachment.nexus.id
    }
}

impl TaskSet {
    /// Returns whether nothing runs and nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.running, Running::Nothing) && self.waiting.is_empty()
    }

    /// Returns whether the end of what runs concerns another thread.
    pub(super) fn anybody_waits(&self) -> bool {
        !self.waiting.is_empty()
            || self.stopping
            || self.waiters_for_idle + self.waiters_for_loss > 0
    }

    /// Returns whether the device's part in the loss of `nexus` runs or waits.
    pub(super) fn is_losing(&self, nexus: NexusId) -> bool {
        matches!(self.running, Running::NexusLost(lost) if lost == nexus)
            || self
                .waiting
                .iter()
                .any(|job| matches!(job, Job::NexusLost(lost) if *lost == nexus))
    }

    /// Returns how many commands and jobs wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns whether somebody waits for the end of the command that runs.
    pub(super) fn is_wanted(&self) -> bool {
        !self.stopping && matches!(self.running, Running::Task(..))
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Takes a nexus in: from now on it may submit commands.
    pub(super) fn attach(&mut self, lun: Lun, attachment: Arc<Attachment>) {
        self.attached.push((lun, attachment));
    }

    /// Lets a nexus go. Its commands are the caller's affair.
    pub(super) fn detach(&mut self, nexus: NexusId) {
        self.attached
            .retain(|(_, attachment)| attachment.nexus.id != nexus);
    }

    /// Returns the attachment of a nexus.
    pub(super) fn attached(&self, nexus: NexusId) -> Option<&Arc<Attachment>> {
        let mut all = self.attached.iter().map(|(_, attachment)| attachment);
        all.find(|attachment| attachment.nexus.id == nexus)
    }

    /// Returns a nexus with its number for the unit.
    pub(super) fn attachment(&self, nexus: NexusId) -> Option<(Lun, Arc<Attachment>)> {
        let mut all = self.attached.iter();
        all.find(|(_, attachment)| attachment.nexus.id == nexus)
            .cloned()
    }

    /// Returns all nexuses but `nexus`.
    pub(super) fn others(&self, nexus: NexusId) -> Vec<(Lun, Arc<Attachment>)> {
        let mut others = self.attached.clone();
        others.retain(|(_, attachment)| attachment.nexus.id != nexus);
        others
    }

    /// Drops everything that waits; the worker leaves when it sees it.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        self.waiting.clear();
    }

    /// Queues a job.
    pub(super) fn push(&mut self, job: Job) {
        if !self.stopping {
            self.waiting.push_back(job);
        }
    }

    /// Queues the device's part in a reset or in the loss of a nexus, unless the same waits already:
    /// however many an initiator sends while a command runs, the queue does not grow. The commands
    /// concerned have to be gone, so that none of them is between the two.
    pub(super) fn push_once(&mut self, job: Job) {
        let is_same = |waiting: &Job| match (waiting, &job) {
            (Job::Reset, Job::Reset) => true,
            (Job::NexusLost(one), Job::NexusLost(other)) => one == other,
            _ => false,
        };
        if !self.waiting.iter().any(is_same) {
            self.push(job);
        }
    }

    /// Returns whether a command that `chosen` takes runs or waits.
    pub(super) fn contains(&self, chosen: impl Fn(&TaskId<'_>) -> bool) -> bool {
        let is_chosen = |attachment: &Attachment, tag: TaskTag| chosen(&TaskId { attachment, tag });
        let runs =
            matches!(&self.running, Running::Task(attachment, tag) if is_chosen(attachment, *tag));
        runs || self.waiting.iter().any(|job| match job {
            Job::Task(task) => is_chosen(&task.attachment, task.tag),
            Job::NexusLost(_) | Job::Reset => false,
        })
    }

    /// Takes the next job and marks it as running, when nothing else runs.
    pub(super) fn begin_next(&mut self) -> Option<Job> {
        if !matches!(self.running, Running::Nothing) {
            return None;
        }
        let job = self.waiting.pop_front()?;
        match &job {
            Job::Task(task) => self.begin(task),
            Job::NexusLost(nexus) => self.running = Running::NexusLost(*nexus),
            Job::Reset => self.running = Running::Detached,
        }
        Some(job)
    }

    /// Marks `task` as running.
    pub(super) fn begin(&mut self, task: &Task) {
        debug_assert!(
            matches!(self.running, Running::Nothing),
            "one command at a time"
        );
        self.running = Running::Task(Arc::clone(&task.attachment), task.tag);
    }

    /// Marks the end of what runs; returns whether its response is still wanted.
    pub(super) fn end(&mut self) -> bool {
        let ended = std::mem::take(&mut self.running);
        matches!(ended, Running::Task(..))
    }

    /// Returns whether something runs that nobody waits for.
    pub(super) fn runs_unwanted(&self) -> bool {
        matches!(self.running, Running::Detached)
    }

    /// Removes the waiting commands that `chosen` takes, detaches the running one if it is chosen,
    /// and returns them in their order.
    pub(super) fn remove_where(
        &mut self,
        chosen: impl Fn(&TaskId<'_>) -> bool,
    ) -> Vec<(Arc<Attachment>, TaskTag)> {
        let mut removed = Vec::new();
        if let Running::Task(attachment, tag) = &self.running
            && chosen(&TaskId {
                attachment,
                tag: *tag,
            })
        {
            removed.push((Arc::clone(attachment), *tag));
            self.running = Running::Detached;
        }
        removed.extend(self.remove_waiting(chosen));
        removed
    }

    /// Removes the waiting commands that `chosen` takes and returns them in their order.
    pub(super) fn remove_waiting(
        &mut self,
        chosen: impl Fn(&TaskId<'_>) -> bool,
    ) -> Vec<(Arc<Attachment>, TaskTag)> {
        let mut removed = Vec::new();
        let is_chosen = |attachment: &Attachment, tag: TaskTag| chosen(&TaskId { attachment, tag });
        self.waiting.retain(|job| match job {
            Job::Task(task) if is_chosen(&task.attachment, task.tag) => {
                removed.push((Arc::clone(&task.attachment), task.tag));
                false
            }
            _ => true,
        });
        removed
    }
}
