//! From a command to its response: the rules that come before every device's own.

use std::panic::{AssertUnwindSafe, catch_unwind};

use scsi::command::{CommandSpec, UnitAttention};
use scsi::spc::report_supported_operation_codes::ReportSupportedOperationCodes;
use scsi::spc::report_supported_task_management_functions::{
    ReportSupportedTaskManagementFunctions, TaskManagementFunctions,
};
use scsi::spc::request_sense::RequestSense;
use scsi::{AdditionalSense, Cdb, Command, NexusId, Response, Sense, SenseKey, Status};

use super::task_set::Task;
use super::{ClearedBy, Primary, Shared, Thread};
use crate::inject::CommandFault;
use crate::nexus::ItNexus;

/// REQUEST SENSE (SPC-5 §6.41).
const REQUEST_SENSE: u8 = 0x03;
const RESERVE_6: u8 = 0x16;
const RELEASE_6: u8 = 0x17;
const RESERVE_10: u8 = 0x56;
const RELEASE_10: u8 = 0x57;
const PERSISTENT_RESERVE_IN: u8 = 0x5e;
const PERSISTENT_RESERVE_OUT: u8 = 0x5f;
/// Service actions of PERSISTENT RESERVE OUT.
const PREEMPT: u8 = 0x04;
const PREEMPT_AND_ABORT: u8 = 0x05;
const RECEIVE_DIAGNOSTIC_RESULTS: u8 = 0x1c;
const SEND_DIAGNOSTIC: u8 = 0x1d;
const WRITE_BUFFER: u8 = 0x3b;
const READ_BUFFER: u8 = 0x3c;
const MAINTENANCE_IN: u8 = 0xa3;
const MAINTENANCE_OUT: u8 = 0xa4;

impl Shared {
    /// Runs a command. A panic of the device, which would be a bug of ours, becomes a HARDWARE
    /// ERROR, so that it costs one command and not the daemon.
    pub(super) fn run(&self, task: &Task, thread: Thread) -> Response {
        let mut response = self.run_guarded(task, thread);
        if let Some(sense) = &mut response.sense {
            sense.format = self.device.sense_format();
            self.primary.failed(&task.command.cdb, *sense);
        }
        response
    }

    fn run_guarded(&self, task: &Task, thread: Thread) -> Response {
        catch_unwind(AssertUnwindSafe(|| self.dispatch(task, thread))).unwrap_or_else(|_| {
            tracing::error!(
                unit = self.name,
                cdb = ?task.command.cdb,
                "a command ended in a bug of ours"
            );
            let failure = AdditionalSense::INTERNAL_TARGET_FAILURE;
            Response::check(Sense::new(SenseKey::HardwareError, failure))
        })
    }

    fn dispatch(&self, task: &Task, thread: Thread) -> Response {
        self.device.catch_up();
        let Some(spec) = task.spec else {
            return self.device.commands().refusal(&task.command.cdb).into();
        };
        if let Err(sense) = spec.check_reserved(&task.command.cdb) {
            return sense.into();
        }
        let nexus = &task.attachment.nexus;
        if spec.operation_code == REQUEST_SENSE {
            return self.request_sense(nexus.id, &task.command.cdb);
        }
        let cdb = &task.command.cdb;
        let conflict = self.reservations.conflicts(nexus, spec, cdb);
        if spec.unit_attention == UnitAttention::Report
            && let Some(attention) = self.attention(nexus.id, conflict)
        {
            return Response::check(Sense::new(SenseKey::UnitAttention, attention));
        }
        if conflict {
            return Response::status(Status::ReservationConflict);
        }
        if let Some(response) = self.meet_fault(spec, task, thread) {
            return response;
        }
        match (spec.operation_code, spec.service_action) {
            (RESERVE_6 | RESERVE_10, _) => {
                let response = self.reservations.reserve(nexus);
                self.tell_holders(false);
                response
            }
            (RELEASE_6 | RELEASE_10, _) => {
                let response = self.reservations.release(nexus);
                self.tell_holders(false);
                response
            }
            (PERSISTENT_RESERVE_IN, _) => self.reservations.persistent_reserve_in(cdb),
            (PERSISTENT_RESERVE_OUT, _) => self.persistent_reserve_out(nexus, &task.command),
            (RECEIVE_DIAGNOSTIC_RESULTS, _) => Primary::receive_diagnostic_results(cdb),
            (SEND_DIAGNOSTIC, _) => {
                self.primary
                    .send_diagnostic(nexus.id, &*self.device, &task.command)
            }
            (WRITE_BUFFER, _) => self.primary.write_buffer(nexus.id, &task.command),
            (READ_BUFFER, _) => self.primary.read_buffer(nexus.id, cdb),
            (MAINTENANCE_IN, Some(0x05)) => self.primary.report_identifying_information(cdb),
            (MAINTENANCE_IN, Some(0x0a)) => Primary::report_target_port_groups(nexus, cdb),
            (MAINTENANCE_IN, Some(0x0c)) => self.supported_operation_codes(cdb),
            (MAINTENANCE_IN, Some(0x0d)) => supported_task_management_functions(cdb),
            (MAINTENANCE_IN, Some(0x0f)) => self.primary.report_timestamp(cdb),
            (MAINTENANCE_OUT, Some(0x06)) => self
                .primary
                .set_identifying_information(nexus.id, &task.command),
            (MAINTENANCE_OUT, Some(0x0f)) => self.primary.set_timestamp(nexus.id, &task.command),
            _ => self.execute(nexus, task, thread),
        }
    }

    fn execute(&self, nexus: &ItNexus, task: &Task, thread: Thread) -> Response {
        let response = self.device.execute(nexus, &task.command);
        if thread == Thread::Worker {
            let owed = self.device.owes();
            if !owed.is_zero() {
                self.hold_up(owed);
            }
        }
        response
    }

    /// Meets a fault on order; `None` when the command is to be run.
    fn meet_fault(&self, spec: &CommandSpec, task: &Task, thread: Thread) -> Option<Response> {
        let injector = self.device.injector().filter(|it| it.is_armed())?;
        let cartridge = self.device.cartridge();
        let waits = thread == Thread::Worker;
        match injector.command(spec, cartridge.as_deref(), waits)? {
            CommandFault::Sense(sense) => {
                // What came was taken, as far as the transport is concerned.
                let length = u32::try_from(task.command.data_out.len()).unwrap_or(u32::MAX);
                Some(Response::check(sense).with_data_out_length(length))
            }
            // Aborted meanwhile, it has not begun: nobody gets this answer.
            CommandFault::Slow(wait) if !self.hold_up(wait) => Some(Response::status(Status::Busy)),
            CommandFault::Slow(_) => None,
        }
    }

    fn persistent_reserve_out(&self, nexus: &ItNexus, command: &Command) -> Response {
        let (response, preempted) = self.reservations.persistent_reserve_out(nexus, command);
        if !preempted.is_empty() {
            self.abort_all_of(&preempted);
        }
        let preempts = matches!(command.cdb.service_action(), PREEMPT | PREEMPT_AND_ABORT);
        self.tell_holders(preempts);
        response
    }

    /// Tells the device who holds a reservation now.
    pub(super) fn tell_holders(&self, preempted: bool) {
        let holders = self.reservations.holders();
        self.device.reservation_changed(holders, preempted);
    }

    /// Ends the commands of preempted nexuses, none of which runs now, and those that their transports
    /// still receive, before the response goes out (SPC-5 §5.14.11.5).
    fn abort_all_of(&self, preempted: &[NexusId]) {
        let mut tasks = self.lock();
        let aborted = tasks.remove_where(|task| preempted.contains(&task.nexus()));
        let attached: Vec<_> = preempted
            .iter()
            .filter_map(|nexus| tasks.attachment(*nexus))
            .collect();
        drop(tasks);
        for (attachment, tag) in aborted {
            attachment.sink.aborted(tag);
        }
        for (lun, attachment) in attached {
            attachment.sink.cleared(lun, ClearedBy::PreemptAndAbort);
        }
    }

    fn supported_operation_codes(&self, cdb: &Cdb) -> Response {
        let command = match ReportSupportedOperationCodes::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        match command.parameter_data(self.device.commands()) {
            Ok(data) => Response::allocated(data, command.allocation_length as usize),
            Err(sense) => sense.into(),
        }
    }

    /// Takes the unit attention that goes before a command. SAM-5 §5.3.3: of what could be told, a
    /// reset or the loss of the nexus comes first, a reservation conflict next, any other attention
    /// last.
    fn attention(&self, nexus: NexusId, conflict: bool) -> Option<AdditionalSense> {
        if conflict {
            self.attentions.take_reset(nexus)
        } else {
            self.attentions.take(nexus)
        }
    }

    /// Returns the first unit attention as parameter data and clears it (SPC-5 §6.41), else an error
    /// of an earlier command that nobody has been told yet, else NO SENSE: sense data go out with each
    /// CHECK CONDITION, so nothing else is kept for later.
    fn request_sense(&self, nexus: NexusId, cdb: &Cdb) -> Response {
        let command = RequestSense::parse(cdb);
        let sense = match self.attentions.take(nexus) {
            Some(attention) => Sense::new(SenseKey::UnitAttention, attention),
            None => self
                .device
                .take_deferred()
                .or_else(|| self.device.condition())
                .unwrap_or(Sense::new(SenseKey::NoSense, AdditionalSense::NONE)),
        };
        let data = sense.in_format(command.format).to_bytes();
        Response::allocated(data, usize::from(command.allocation_length))
    }
}

/// The functions of [`LogicalUnit::manage`](super::LogicalUnit::manage).
const FUNCTIONS: TaskManagementFunctions = TaskManagementFunctions::all(&[
    TaskManagementFunctions::ABORT_TASK,
    TaskManagementFunctions::ABORT_TASK_SET,
    TaskManagementFunctions::CLEAR_TASK_SET,
    TaskManagementFunctions::LOGICAL_UNIT_RESET,
    TaskManagementFunctions::TARGET_RESET,
    TaskManagementFunctions::IT_NEXUS_RESET,
    TaskManagementFunctions::QUERY_TASK,
    TaskManagementFunctions::QUERY_TASK_SET,
    TaskManagementFunctions::QUERY_ASYNCHRONOUS_EVENT,
    // Reported to everybody, although iSCSI offers them only from iSCSIProtocolLevel 2 on: the unit
    // has them, whatever its transport does.
    TaskManagementFunctions::QUERY_TASK,
    TaskManagementFunctions::QUERY_TASK_SET,
    TaskManagementFunctions::QUERY_ASYNCHRONOUS_EVENT,
    TaskManagementFunctions::IT_NEXUS_RESET,
]);

fn supported_task_management_functions(cdb: &Cdb) -> Response {
    match ReportSupportedTaskManagementFunctions::parse(cdb) {
        Ok(command) => {
            let data = command.parameter_data(FUNCTIONS);
            Response::allocated(data, command.allocation_length as usize)
        }
        Err(sense) => sense.into(),
    }
}
