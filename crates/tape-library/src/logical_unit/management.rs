//! Task management (SAM-5 §7). No function waits for a running command.

use scsi::{AdditionalSense, AsynchronousEvent, NexusId, TaskManagementFunction};

use super::task_set::{Job, TaskId, TaskSet};
use super::{ClearedBy, LogicalUnit};

/// What became of a task management request (SAM-5 §7, RFC 7143 §11.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagementResponse {
    /// Done; also when there was nothing to abort. For a query: no.
    FunctionComplete,
    /// For a query: yes; for QUERY ASYNCHRONOUS EVENT with what waits.
    FunctionSucceeded(Option<AsynchronousEvent>),
    /// ABORT TASK for a command that has ended or was never there.
    TaskDoesNotExist,
    /// No such logical unit in this target.
    LunDoesNotExist,
    /// We do not have the function.
    NotSupported,
}

impl LogicalUnit {
    /// Does a task management function for `nexus`, without waiting for a running command.
    pub(crate) fn manage(
        &self,
        nexus: NexusId,
        function: TaskManagementFunction,
    ) -> ManagementResponse {
        let attentions = &self.shared.attentions;
        match function {
            TaskManagementFunction::AbortTask(tag) => {
                let chosen = |task: &TaskId<'_>| task.nexus() == nexus && task.tag == tag;
                if self.abort_where(chosen, |_, _| {}) == Aborted::Nothing {
                    return ManagementResponse::TaskDoesNotExist;
                }
            }
            TaskManagementFunction::AbortTaskSet => {
                self.abort_where(|task| task.nexus() == nexus, |_, _| {});
            }
            TaskManagementFunction::ClearTaskSet => {
                // SAM-5 §7.5 and §5.6.2: others learn it by a unit attention, with TAS=0.
                let cleared = AdditionalSense::COMMANDS_CLEARED_BY_ANOTHER_INITIATOR;
                self.abort_where(
                    |_| true,
                    |_, nexuses| {
                        for other in nexuses.iter().filter(|other| **other != nexus) {
                            attentions.establish_for(*other, cleared);
                        }
                    },
                );
                self.tell_others(nexus, ClearedBy::ClearTaskSet);
            }
            // SAM-5 §6.3.3: every nexus is told, the one that asked for it too.
            TaskManagementFunction::LogicalUnitReset | TaskManagementFunction::TargetReset => {
                let reset = AdditionalSense::BUS_DEVICE_RESET_OCCURRED;
                self.reset(nexus, || attentions.establish(reset));
            }
            TaskManagementFunction::TargetColdReset => {
                self.reset(nexus, || {
                    self.shared.reservations.switched_on();
                    self.shared.primary.switched_on();
                    attentions.switched_on();
                });
            }
            TaskManagementFunction::ItNexusReset => {
                let lost = AdditionalSense::IT_NEXUS_LOSS_OCCURRED;
                self.abort_where(
                    |task| task.nexus() == nexus,
                    |tasks, _| {
                        self.shared.reservations.released_by(nexus);
                        self.shared.primary.nexus_lost(nexus);
                        tasks.push_once(Job::NexusLost(nexus));
                        attentions.establish_for(nexus, lost);
                    },
                );
            }
            TaskManagementFunction::QueryTask(tag) => {
                return self.query(|task| task.nexus() == nexus && Some(task.tag) == tag);
            }
            TaskManagementFunction::QueryTaskSet => {
                return self.query(|task| task.nexus() == nexus);
            }
            TaskManagementFunction::QueryAsynchronousEvent => {
                if let Some(event) = attentions.pending(nexus) {
                    return ManagementResponse::FunctionSucceeded(Some(event));
                }
            }
        }
        ManagementResponse::FunctionComplete
    }

    /// SAM-5 §6.3.3: aborts everything, and `tell`s the nexuses.
    fn reset(&self, by: NexusId, tell: impl FnOnce()) {
        self.abort_where(
            |_| true,
            |tasks, _| {
                self.shared.reservations.reset();
                self.shared.primary.reset();
                tasks.push_once(Job::Reset);
                tell();
            },
        );
        self.tell_others(by, ClearedBy::Reset);
    }

    /// Tells every nexus but `nexus` what the latter has done.
    fn tell_others(&self, nexus: NexusId, what: ClearedBy) {
        let others = self.shared.lock().others(nexus);
        for (lun, attachment) in others {
            attachment.sink.cleared(lun, what);
        }
    }

    fn query(&self, chosen: impl Fn(&TaskId<'_>) -> bool) -> ManagementResponse {
        if self.shared.lock().contains(chosen) {
            ManagementResponse::FunctionSucceeded(None)
        } else {
            ManagementResponse::FunctionComplete
        }
    }

    /// Aborts the commands that `chosen` takes and tells their sinks. `then` is called, with the
    /// nexuses whose they were, before any other command can begin.
    fn abort_where(
        &self,
        chosen: impl Fn(&TaskId<'_>) -> bool,
        then: impl FnOnce(&mut TaskSet, &[NexusId]),
    ) -> Aborted {
        let mut tasks = self.shared.lock();
        let aborted = tasks.remove_where(chosen);
        self.shared.give_up_unwanted(&tasks);
        let nexuses: Vec<NexusId> = aborted.iter().map(|(it, _)| it.nexus.id).collect();
        then(&mut tasks, &nexuses);
        drop(tasks);
        self.shared.changed.notify_all();
        for (attachment, tag) in &aborted {
            attachment.sink.aborted(*tag);
        }
        if aborted.is_empty() {
            Aborted::Nothing
        } else {
            Aborted::Something
        }
    }
}

/// Whether there was anything to abort.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aborted {
    Something,
    Nothing,
}
