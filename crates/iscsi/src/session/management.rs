//! Task management (RFC 7143 §4.2.3.3, §11.5, §11.6, and RFC 7144).
//!
//! ABORT TASK of a task that waits for data or for its turn is settled here and at once: an initiator
//! that aborts a write does not send the rest of it. Everything else is the environment's, which alone
//! knows the logical units; until it answers, the affected tasks stand still. No task that a function
//! has ended is ever answered (T6). Queries affect no task; the environment is asked only about what
//! it knows better, so that a command that waits for its data is found too.

use bytes::Bytes;
use scsi::{Lun, TaskManagementFunction, TaskTag};

use super::Session;
use super::order::Pending;
use super::task::{Stage, Task};
use crate::connection::core::Core;
use crate::event::{
    CloseReason, Event, ManagementOutcome, ManagementTag, SessionFate, TaskManagement,
};
use crate::login::LEVEL_OF_RFC_7144;
use crate::wire::{
    Header, RESERVED_TAG, RejectReason, SerialNumber, TaskManagementRequest, TaskManagementResponse,
};

/// Requests that the environment has not answered.
#[derive(Debug, Default)]
pub(super) struct Management {
    requests: Vec<Request>,
    serial: u64,
}

#[derive(Debug)]
struct Request {
    tag: ManagementTag,
    task_tag: u32,
    sessions: SessionFate,
}

impl Management {
    pub(super) fn uses(&self, itt: u32) -> bool {
        self.requests.iter().any(|request| request.task_tag == itt)
    }
}

/// Function codes (RFC 7143 §11.5.1).
const ABORT_TASK: u8 = 1;
const ABORT_TASK_SET: u8 = 2;
const CLEAR_TASK_SET: u8 = 4;
const LOGICAL_UNIT_RESET: u8 = 5;
const TARGET_WARM_RESET: u8 = 6;
const TARGET_COLD_RESET: u8 = 7;
const TASK_REASSIGN: u8 = 8;
/// Function codes of RFC 7144. Both sides have to speak its protocol level; else they are unknown.
const QUERY_TASK: u8 = 9;
const QUERY_TASK_SET: u8 = 10;
const I_T_NEXUS_RESET: u8 = 11;
const QUERY_ASYNCHRONOUS_EVENT: u8 = 12;

impl Session {
    /// Takes a request, which has its turn unless it is immediate.
    pub(super) fn receive_management(&mut self, header: &Header, core: &mut Core) {
        let Ok(request) = TaskManagementRequest::parse(header) else {
            return;
        };
        if self.is_discovery() {
            Self::reject(RejectReason::ProtocolError, header, core); // X6
        } else if request.task_tag == RESERVED_TAG {
            Self::reject(RejectReason::InvalidPduField, header, core);
        } else if request.immediate {
            self.manage(header, core);
        } else {
            self.enqueue(request.cmd_sn, header, Vec::new(), core);
        }
    }

    /// Acts on a request in its turn.
    pub(super) fn manage(&mut self, header: &Header, core: &mut Core) {
        let Ok(request) = TaskManagementRequest::parse(header) else {
            return;
        };
        if self.tag_in_use(request.task_tag) {
            Self::reject(RejectReason::TaskInProgress, header, core);
            return;
        }
        if self.management.requests.len() >= core.limits.immediate_commands_max as usize {
            Self::reject(RejectReason::TooManyImmediateCommands, header, core);
            return;
        }
        let lun = Lun::parse(request.lun);
        let of_unit = |function| match lun {
            Some(lun) => Ok((Some(lun), function, SessionFate::Keep)),
            None => Err(ManagementOutcome::LunDoesNotExist), // T3
        };
        let of_target = |function, sessions| Ok((None, function, sessions));
        let has_rfc_7144 = self.negotiated.protocol_level >= LEVEL_OF_RFC_7144;
        let what = match request.function {
            ABORT_TASK => self.abort_task(&request, core),
            ABORT_TASK_SET => of_unit(TaskManagementFunction::AbortTaskSet),
            CLEAR_TASK_SET => of_unit(TaskManagementFunction::ClearTaskSet),
            LOGICAL_UNIT_RESET => of_unit(TaskManagementFunction::LogicalUnitReset),
            TARGET_WARM_RESET => of_target(TaskManagementFunction::TargetReset, SessionFate::Keep),
            TARGET_COLD_RESET => {
                of_target(TaskManagementFunction::TargetColdReset, SessionFate::Close)
            }
            TASK_REASSIGN => Err(ManagementOutcome::ReassignmentNotSupported),
            QUERY_TASK if has_rfc_7144 => self.query_task(&request, lun),
            QUERY_TASK_SET if has_rfc_7144 => self.query_task_set(lun),
            I_T_NEXUS_RESET if has_rfc_7144 => {
                of_target(TaskManagementFunction::ItNexusReset, SessionFate::Keep)
            }
            QUERY_ASYNCHRONOUS_EVENT if has_rfc_7144 => {
                of_unit(TaskManagementFunction::QueryAsynchronousEvent)
            }
            // CLEAR ACA too: we never establish an ACA.
            _ => Err(ManagementOutcome::NotSupported),
        };
        match what {
            Ok((lun, function, sessions)) => {
                let tag = self.pass_on(request.task_tag, lun, function, sessions, core);
                self.mark_affected(tag, &request, lun, function);
            }
            Err(outcome) => respond(request.task_tag, outcome, core),
        }
    }

    /// ABORT TASK (RFC 7143 §11.5.1): what is to be done at the device server, or the
    /// outcome when it ends here (T1).
    fn abort_task(&mut self, request: &TaskManagementRequest, core: &mut Core) -> Verdict {
        let Some(task) = self.tasks.find(request.referenced_task_tag) else {
            return Err(self.abort_unknown(request, core));
        };
        let (tag, lun) = (task.tag, task.lun);
        if matches!(task.stage, Stage::Executing) {
            let function = TaskManagementFunction::AbortTask(tag);
            return Ok((lun, function, SessionFate::Keep));
        }
        self.forget(tag, core);
        Err(ManagementOutcome::FunctionComplete)
    }

    /// The task is not there: it has ended, or its command was lost or never sent. In the window its
    /// number is taken as used, so that nothing waits for it (RFC 7143 §11.5.1).
    fn abort_unknown(
        &mut self,
        request: &TaskManagementRequest,
        core: &mut Core,
    ) -> ManagementOutcome {
        let cmd_sn = request.referenced_cmd_sn;
        if !self.is_new(cmd_sn, core) || !cmd_sn.is_before(request.cmd_sn) {
            return ManagementOutcome::TaskDoesNotExist;
        }
        self.recent.push(request.referenced_task_tag);
        self.sequence(cmd_sn, Pending::Nothing, core);
        ManagementOutcome::FunctionComplete
    }

    /// QUERY TASK (SAM-5 §7.8): whether the command is there. DECIDED: one that is not there is
    /// answered 0, as SAM-5 has it, not 1.
    fn query_task(&mut self, request: &TaskManagementRequest, lun: Option<Lun>) -> Verdict {
        if lun.is_none() {
            return Err(ManagementOutcome::LunDoesNotExist);
        }
        let named = self.tasks.find(request.referenced_task_tag);
        let tag = match named.filter(|task| task.lun == lun) {
            Some(task) if matches!(task.stage, Stage::Executing) => Some(task.tag),
            Some(_) => return Err(ManagementOutcome::FunctionSucceeded(None)),
            None => None,
        };
        let function = TaskManagementFunction::QueryTask(tag);
        Ok((lun, function, SessionFate::Keep))
    }

    /// QUERY TASK SET (SAM-5 §7.9): whether any command of this session is there.
    fn query_task_set(&self, lun: Option<Lun>) -> Verdict {
        if lun.is_none() {
            return Err(ManagementOutcome::LunDoesNotExist);
        }
        let here = |task: &Task| task.lun == lun && !matches!(task.stage, Stage::Executing);
        if self.tasks.iter().any(here) {
            return Err(ManagementOutcome::FunctionSucceeded(None));
        }
        Ok((lun, TaskManagementFunction::QueryTaskSet, SessionFate::Keep))
    }

    fn pass_on(
        &mut self,
        task_tag: u32,
        lun: Option<Lun>,
        function: TaskManagementFunction,
        sessions: SessionFate,
        core: &mut Core,
    ) -> ManagementTag {
        self.management.serial += 1;
        let tag = ManagementTag(self.management.serial);
        self.management.requests.push(Request {
            tag,
            task_tag,
            sessions,
        });
        core.events.push_back(Event::TaskManagement(TaskManagement {
            tag,
            lun,
            function,
            sessions,
        }));
        tag
    }

    /// Marks the affected tasks: they neither ask for data nor start until the environment has
    /// answered, and are gone when it says that the function is complete.
    fn mark_affected(
        &mut self,
        by: ManagementTag,
        request: &TaskManagementRequest,
        lun: Option<Lun>,
        function: TaskManagementFunction,
    ) {
        for task in self.tasks.iter_mut() {
            if is_affected(task, lun, function, request.cmd_sn) {
                task.aborted_by.push(by);
            }
        }
    }

    /// Takes the environment's answer.
    pub(crate) fn management_done(
        &mut self,
        tag: ManagementTag,
        outcome: ManagementOutcome,
        core: &mut Core,
    ) {
        let requests = &mut self.management.requests;
        let Some(index) = requests.iter().position(|request| request.tag == tag) else {
            return;
        };
        let request = requests.swap_remove(index);
        let marked = |task: &&Task| task.aborted_by.contains(&tag);
        let tasks: Vec<TaskTag> = self.tasks.iter().filter(marked).map(|t| t.tag).collect();
        for task in tasks {
            if outcome == ManagementOutcome::FunctionComplete {
                self.forget(task, core);
            } else if let Some(task) = self.tasks.get(task) {
                task.aborted_by.retain(|by| *by != tag);
            }
        }
        self.make_room(None, core);
        respond(request.task_tag, outcome, core);
        let complete = outcome == ManagementOutcome::FunctionComplete;
        if complete && request.sessions == SessionFate::Close {
            core.close(CloseReason::TargetReset);
        }
        self.settle(core);
    }

    /// Ends every task that has not been handed over, of one logical unit or of all: somebody else
    /// has reset it. Returns how many there were.
    pub(crate) fn end_waiting(&mut self, lun: Option<Lun>, core: &mut Core) -> usize {
        let hit = |task: &&Task| !task.is_delivered() && (lun.is_none() || task.lun == lun);
        let tags: Vec<TaskTag> = self.tasks.iter().filter(hit).map(|t| t.tag).collect();
        for tag in &tags {
            self.forget(*tag, core);
        }
        self.settle(core);
        tags.len()
    }
}

/// What the environment has to do, or the outcome when there is nothing left to do.
type Verdict = Result<(Option<Lun>, TaskManagementFunction, SessionFate), ManagementOutcome>;

/// Returns whether a function ends this task. Commands that the initiator sent after the request
/// are not meant (RFC 7143 §4.2.3.3 step a).
fn is_affected(
    task: &Task,
    lun: Option<Lun>,
    function: TaskManagementFunction,
    cmd_sn: SerialNumber,
) -> bool {
    if let TaskManagementFunction::AbortTask(tag) = function {
        return task.tag == tag;
    }
    if function.is_query() {
        return false;
    }
    let before = task.immediate || task.cmd_sn.is_before(cmd_sn);
    let at_unit = lun.is_none() || task.lun == lun;
    before && at_unit
}

fn respond(task_tag: u32, outcome: ManagementOutcome, core: &mut Core) {
    let response = TaskManagementResponse {
        response: outcome.code(),
        additional: outcome.additional(),
        task_tag,
        counters: core.numbers.with_status(),
    };
    core.output.push(response.emit(), Bytes::new());
}
