//! Commands, task management and discovery: from the core to the target and back.

use iscsi::{CommandReceived, ManagementOutcome, SessionFate, TaskManagement, WhichTargets};
use scsi::{Lun, Response, TaskTag};
use tape_library::{ClearedBy, ManagementResponse};

use super::super::discovery::{self, Asker};
use super::Connection;

impl Connection {
    pub(super) fn command(&mut self, received: CommandReceived) {
        let CommandReceived {
            task,
            lun,
            command,
            attribute: _,
        } = received;
        let Some(nexus) = &self.nexus else {
            // The core lets no command through in a discovery session.
            self.core.abandon(task);
            return;
        };
        self.traffic.command(command.data_out.len());
        self.commanded = lun;
        if let Some(response) = nexus.submit(task, lun, command) {
            // What the unit's worker ended before goes first, so that answers come in the order in which
            // commands ran: a host with several READs on their way takes blocks as they come.
            self.read_inbox();
            self.complete(task, response);
        }
    }

    pub(super) fn complete(&mut self, task: TaskTag, response: Response) {
        self.traffic.answer(response.data_in.len());
        self.answered_data |= !response.data_in.is_empty();
        self.core.complete(task, response);
    }

    pub(super) fn manage(&mut self, request: &TaskManagement) {
        let outcome = match &self.nexus {
            None => ManagementOutcome::Rejected,
            Some(nexus) => match nexus.manage(request.lun, request.function) {
                ManagementResponse::FunctionComplete => ManagementOutcome::FunctionComplete,
                ManagementResponse::FunctionSucceeded(event) => {
                    ManagementOutcome::FunctionSucceeded(event)
                }
                ManagementResponse::TaskDoesNotExist => ManagementOutcome::TaskDoesNotExist,
                ManagementResponse::LunDoesNotExist => ManagementOutcome::LunDoesNotExist,
                ManagementResponse::NotSupported => ManagementOutcome::NotSupported,
            },
        };
        tracing::info!(
            peer = %self.peer,
            initiator = self.login.as_ref().map(|login| login.initiator.as_str()),
            function = ?request.function,
            ?outcome,
            "task management"
        );
        // Commands that were aborted are told to the core before the function's response.
        self.read_inbox();
        self.core.management_done(request.tag, outcome);
        if request.sessions == SessionFate::Close
            && let Some((target, claim)) = self.login.as_ref().zip(self.claim.as_ref())
            && let Some(target) = &target.target
        {
            self.shared.sessions.reset_target(target, claim);
        }
    }

    /// Another initiator has cleared the unit's task set or reset it: what has not got there yet ends
    /// too, without an answer (T6).
    pub(super) fn cleared(&mut self, lun: Lun, by: ClearedBy) {
        let ended = self.core.end_waiting(Some(lun));
        if ended > 0
            && by == ClearedBy::ClearTaskSet
            && let Some(nexus) = &self.nexus
        {
            nexus.lost_commands(lun);
        }
    }

    pub(super) fn send_targets(&mut self, which: &WhichTargets) {
        let login = self.login.as_ref();
        let asker = Asker {
            initiator: login.map_or("", |login| &login.initiator),
            peer: self.peer,
            local: self.local,
            own: login.and_then(|login| login.target.as_deref()),
        };
        let targets = discovery::targets(&self.shared, asker, which);
        self.core.send_targets(&targets);
    }
}
