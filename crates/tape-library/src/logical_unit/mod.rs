//! A logical unit: its task set, its worker, and the dispatch of commands (SAM-5 §4.8, §8).
//!
//! # Purpose
//! Stands between the target's ports and a [`DeviceServer`], so that a device server is written as
//! if it were alone: it never runs two commands at once, never sees a reserved bit, and never thinks
//! of unit attentions, of reservations or of aborts.
//!
//! # Ordering
//! Commands run one at a time, in the order of their submission, whichever nexus they come from.
//! One that the table calls [`Execution::Inline`] runs on the caller's thread when the unit is idle
//! and the device need not wait for it; everything else, and everything that arrives while something
//! runs or waits, goes to the worker.
//!
//! # Limits
//! [`TASKS_WAITING_MAX`] commands may wait; the next one is answered TASK SET FULL.
//!
//! # Cancellation
//! Task management never waits for a running command. A command that has not started is removed. One
//! that runs is detached: it runs to its end, and its response is dropped. Aborted commands are
//! never completed; their sinks hear [`CompletionSink::aborted`]. What a device must do for a reset
//! or a lost nexus waits in the queue like a command, before everything that comes later.

mod dispatch;
mod loss;
mod primary;
pub(crate) mod reservation;
mod task_set;
#[cfg(test)]
mod tests;
pub mod trace;
mod worker;

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use scsi::command::{CommandTable, Execution};
use scsi::{
    AdditionalSense, AsynchronousEvent, Command, Lun, NexusId, Response, Sense, SenseFormat,
    SenseKey, Status, TaskManagementFunction, TaskTag,
};

use crate::error::Error;
use crate::inject::Injector;
use crate::nexus::{ItNexus, NexusName};
use crate::unit_attention::UnitAttentions;
pub(crate) use primary::InformationStore;
use primary::Primary;
pub(crate) use reservation::ReservationStore;
use reservation::Reservations;
pub use reservation::{Holder, Reservation, ReservationKind};
use task_set::{Job, Task, TaskId, TaskSet};
use trace::{Began, TapePosition, Trace, TraceExcerpt};

/// The most commands that wait in one unit, over all nexuses.
pub const TASKS_WAITING_MAX: usize = 256;

/// A device: a changer or a drive.
pub trait DeviceServer: Send + Sync {
    /// Returns the commands that it has.
    fn commands(&self) -> CommandTable;

    /// Runs a command to its end.
    ///
    /// Calls for one unit never overlap, neither with each other nor with
    /// [`DeviceServer::nexus_lost`] and [`DeviceServer::reset`]. The command stands in the table,
    /// has no reserved bit set, and neither a unit attention nor a reservation is in its way. Commands
    /// that are alike for all devices never come here: REPORT LUNS, REQUEST SENSE, reservations, and
    /// reports about the commands themselves.
    fn execute(&self, nexus: &ItNexus, command: &Command) -> Response;

    /// The command that runs was aborted and nobody waits for its response: what would take long may
    /// end before it is done. May come when the command has just begun or just ended. Does not wait.
    fn give_up(&self) {}

    /// Returns whether `command`, which the table calls [`Execution::Inline`], would end without
    /// waiting for a disk or for somebody else who has the device. Does not wait itself.
    fn ends_at_once(&self, _command: &Command) -> bool {
        true
    }

    /// Tests itself (SEND DIAGNOSTIC, SPC-5 §6.42). May wait for a disk.
    fn self_test(&self) -> Result<(), Sense> {
        Ok(())
    }

    /// Returns the format of the sense data that go out with CHECK CONDITION (`D_SENSE` of the control
    /// mode page). Does not wait.
    fn sense_format(&self) -> SenseFormat {
        SenseFormat::Fixed
    }

    /// Takes the error of a command that had ended GOOD, for REQUEST SENSE, which comes before every
    /// other command that would be told (SPC-5 §4.4.7).
    fn take_deferred(&self) -> Option<Sense> {
        None
    }

    /// Returns the nexuses that prevent the removal of the medium. Does not wait.
    fn preventing_removal(&self) -> Vec<NexusId> {
        Vec::new()
    }

    /// Brings the device to what it is by now: time has gone by. Runs before every command; costs
    /// nothing when nothing goes on.
    fn catch_up(&self) {}

    /// Takes how long the mechanics need before the command that has just run may be answered.
    fn owes(&self) -> Duration {
        Duration::ZERO
    }

    /// Returns what REQUEST SENSE tells when there is nothing else (SPC-5 §6.41): what goes on.
    fn condition(&self) -> Option<Sense> {
        None
    }

    /// Returns the faults that the device has to meet.
    fn injector(&self) -> Option<&Injector> {
        None
    }

    /// Returns the barcode of the cartridge in the device, for faults. Does not wait.
    fn cartridge(&self) -> Option<String> {
        None
    }

    /// Returns where the tape stands, for the trace; `None` without one. Does not wait.
    fn position(&self) -> Option<TapePosition> {
        None
    }

    /// Drops what `nexus` alone held, such as its prevention of medium removal (SAM-5 §6.3.4).
    fn nexus_lost(&self, nexus: NexusId);

    /// The nexuses `holders` hold a reservation now; `preempted` when another's PERSISTENT RESERVE OUT
    /// has taken it from somebody. Told after commands and events that may change it, also when they have
    /// not.
    fn reservation_changed(&self, _holders: Vec<NexusName>, _preempted: bool) {}

    /// Does a logical unit reset (SAM-5 §6.3.3). The unit aborts the tasks and establishes the unit
    /// attention itself.
    fn reset(&self);
}

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

/// A logical unit with its worker thread. The last owner's drop stops the worker and waits until the
/// command that runs has ended; commands that wait are dropped.
pub struct LogicalUnit {
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
}

/// What the callers' threads and the worker share.
struct Shared {
    name: String,
    device: Arc<dyn DeviceServer>,
    attentions: Arc<UnitAttentions>,
    reservations: Reservations,
    primary: Primary,
    tasks: Mutex<TaskSet>,
    trace: Trace,
    /// Signalled when the worker may have something to do, and when the unit may be idle.
    changed: Condvar,
}

impl LogicalUnit {
    /// Starts a unit for `device`. `attentions` are the unit's; the device may share them. `name`
    /// goes into the worker's name and the log.
    pub fn start(
        name: &str,
        device: Arc<dyn DeviceServer>,
        attentions: Arc<UnitAttentions>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            device,
            reservations: Reservations::new(Arc::clone(&attentions)),
            primary: Primary::new(Arc::clone(&attentions)),
            attentions,
            tasks: Mutex::new(TaskSet::default()),
            trace: Trace::default(),
            changed: Condvar::new(),
        });
        let worker = worker::spawn(Arc::clone(&shared))?;
        Ok(Self {
            shared,
            worker: Some(worker),
        })
    }

    /// Returns the unit's attentions.
    pub fn attentions(&self) -> &UnitAttentions {
        &self.shared.attentions
    }

    /// Returns who has reserved the unit; if nobody has, who is registered. Does not wait.
    pub fn reservation(&self) -> Option<Reservation> {
        self.shared.reservations.status()
    }

    /// Takes every reservation of the unit away, for an administrator whose initiator has gone
    /// without a word, and every registration. Who had one is told RESERVATIONS PREEMPTED by a unit
    /// attention. Durable when it returns; with an error nothing is taken.
    pub fn clear_reservations(&self) -> Result<(), Error> {
        self.shared.reservations.clear()?;
        self.shared.tell_holders(false);
        Ok(())
    }

    /// Restores the persistent reservations that survived the last restart, and keeps those that are
    /// to survive the next one in `store`.
    pub(crate) fn keep_reservations_in(
        &self,
        store: Arc<dyn ReservationStore>,
    ) -> Result<(), Error> {
        self.shared.reservations.keep_in(store)?;
        self.shared.tell_holders(false);
        if let Some(reservation) = self.reservation() {
            let holders = reservation.holders.len();
            let (unit, kind) = (&self.shared.name, reservation.kind);
            tracing::info!(unit, %kind, holders, "a reservation survived the restart");
        }
        Ok(())
    }

    /// Returns the commands after number `after` that have ended, at most `count` and the newest
    /// ones: see [`trace`]. Does not wait.
    pub fn trace(&self, after: u64, count: usize) -> TraceExcerpt {
        self.shared.trace.excerpt(after, count)
    }

    /// Restores what people call the unit, and keeps it in `store` from now on.
    pub(crate) fn keep_information_in(
        &self,
        store: Arc<dyn InformationStore>,
    ) -> Result<(), Error> {
        self.shared.primary.keep_information_in(store)
    }

    /// Returns the nexuses that prevent the removal of the medium. Does not wait.
    pub fn preventing_removal(&self) -> Vec<NexusId> {
        self.shared.device.preventing_removal()
    }

    /// Waits until nothing runs or waits. For tests and for a shut-down after the ports have closed.
    pub fn wait_until_idle(&self) {
        let mut tasks = self.shared.lock();
        tasks.waiters_for_idle += 1;
        while !tasks.is_idle() {
            tasks = self
                .shared
                .changed
                .wait(tasks)
                .unwrap_or_else(PoisonError::into_inner);
        }
        tasks.waiters_for_idle -= 1;
    }

    /// A nexus begins; it calls the unit `lun`.
    pub(crate) fn attach(&self, lun: Lun, attachment: &Arc<Attachment>) {
        let nexus = &attachment.nexus;
        self.shared.attentions.attach(nexus.id, &nexus.initiator);
        self.shared.reservations.attach(nexus);
        self.shared.lock().attach(lun, Arc::clone(attachment));
    }

    /// A nexus is lost: its commands are aborted without a word (SAM-5 §6.3.4).
    pub(crate) fn detach(&self, nexus: NexusId) {
        self.shared.attentions.detach(nexus);
        self.shared.reservations.nexus_lost(nexus);
        self.shared.primary.nexus_lost(nexus);
        let mut tasks = self.shared.lock();
        tasks.detach(nexus);
        tasks.remove_where(|task| task.nexus() == nexus);
        self.shared.give_up_unwanted(&tasks);
        tasks.push_once(Job::NexusLost(nexus));
        drop(tasks);
        self.shared.changed.notify_all();
    }

    /// The unit is no longer there for `nexus`: the command that runs ends as if nothing had happened,
    /// those that wait are refused, and what the nexus held is dropped.
    pub(crate) fn withdraw(&self, nexus: NexusId) {
        self.shared.attentions.detach(nexus);
        self.shared.reservations.nexus_lost(nexus);
        self.shared.primary.nexus_lost(nexus);
        let mut tasks = self.shared.lock();
        tasks.detach(nexus);
        let refused = tasks.remove_waiting(|task| task.nexus() == nexus);
        tasks.push_once(Job::NexusLost(nexus));
        drop(tasks);
        self.shared.changed.notify_all();
        for (attachment, tag) in refused {
            let absent = AdditionalSense::LOGICAL_UNIT_NOT_SUPPORTED;
            let response = Response::illegal_request(absent);
            attachment.sink.complete(tag, response);
        }
    }

    /// The nexus has lost commands to another's CLEAR TASK SET.
    pub(crate) fn lost_commands(&self, nexus: NexusId) {
        let cleared = AdditionalSense::COMMANDS_CLEARED_BY_ANOTHER_INITIATOR;
        self.shared.attentions.establish_for(nexus, cleared);
    }

    /// Runs or queues a command. `Some` when it ended on this thread; with `None` the sink hears of
    /// it.
    pub(crate) fn submit(
        &self,
        attachment: &Arc<Attachment>,
        tag: TaskTag,
        command: Command,
    ) -> Option<Response> {
        let spec = self.shared.device.commands().find(&command.cdb);
        let task = Task {
            attachment: Arc::clone(attachment),
            tag,
            command,
            spec,
        };
        let inline = spec.is_none_or(|spec| spec.execution == Execution::Inline);
        let mut tasks = self.shared.lock();
        if tasks.attached(attachment.nexus.id).is_none() {
            // The unit was taken out of the target, or the nexus is gone.
            let absent = AdditionalSense::LOGICAL_UNIT_NOT_SUPPORTED;
            return Some(Response::illegal_request(absent));
        }
        if inline
            && tasks.is_idle()
            && self.shared.device.ends_at_once(&task.command)
            && !self.shared.is_slowed()
        {
            tasks.begin(&task);
            drop(tasks);
            let began = self.shared.began();
            let response = self.shared.run(&task, Thread::Callers);
            let mut wanted = None;
            self.shared.end_task(&task, &began, response, |response| {
                wanted = Some(response);
            });
            return wanted;
        }
        if tasks.waiting() >= TASKS_WAITING_MAX {
            return Some(Response::status(Status::TaskSetFull));
        }
        tasks.push(Job::Task(task));
        drop(tasks);
        self.shared.changed.notify_all();
        None
    }

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

/// Where a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thread {
    /// On the thread of the transport, which must not wait.
    Callers,
    /// On the unit's own.
    Worker,
}

/// Whether there was anything to abort.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aborted {
    Something,
    Nothing,
}

impl fmt::Debug for LogicalUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogicalUnit")
            .field(&self.shared.name)
            .finish()
    }
}

impl Drop for LogicalUnit {
    fn drop(&mut self) {
        self.shared.lock().stop();
        self.shared.changed.notify_all();
        if let Some(worker) = self.worker.take()
            && worker.join().is_err()
        {
            tracing::error!(unit = self.shared.name, "the unit's worker had panicked");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, TaskSet> {
        // The task set is whole between any two statements that could panic.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether a fault may hold up a command.
    fn is_slowed(&self) -> bool {
        let injector = self.device.injector();
        injector.is_some_and(|injector| {
            injector.is_armed() && injector.slows(self.device.cartridge().as_deref())
        })
    }

    /// Holds up the command that runs; returns whether it is still wanted afterwards. Ends early when
    /// the command is aborted or the unit stops.
    fn hold_up(&self, wait: Duration) -> bool {
        let end = Instant::now() + wait;
        let mut tasks = self.lock();
        while tasks.is_wanted() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            let waited = self.changed.wait_timeout(tasks, left);
            (tasks, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        false
    }

    /// Lets the device end a command that was aborted. Before the task set is let go: no other command
    /// can have begun.
    fn give_up_unwanted(&self, tasks: &TaskSet) {
        if tasks.runs_unwanted() {
            self.device.give_up();
        }
    }

    /// Notes what the trace has to know of a command that is about to run.
    fn began(&self) -> Began {
        Began::now(&*self.device)
    }

    /// Ends the command that runs and has its response delivered, if it is still wanted, before
    /// anybody can learn that the command has ended: who asks for it finds it in the task set or
    /// answered.
    fn end_task(
        &self,
        task: &Task,
        began: &Began,
        response: Response,
        deliver: impl FnOnce(Response),
    ) {
        let after = self.device.position();
        let mut tasks = self.lock();
        let wanted = tasks.end();
        self.trace.note(task, began, &response, after, wanted);
        if wanted {
            deliver(response);
        } else if let Some(sense) = response.sense
            && sense.key == SenseKey::UnitAttention
        {
            // It was aborted, and must not take along what its initiator has to be told.
            let nexus = task.attachment.nexus.id;
            self.attentions.establish_for(nexus, sense.additional);
        }
        self.ended(tasks);
    }

    /// Ends a job of the device's own.
    fn end_job(&self) {
        let mut tasks = self.lock();
        tasks.end();
        self.ended(tasks);
    }

    fn ended(&self, tasks: MutexGuard<'_, TaskSet>) {
        // With one command at a time nobody waits, and the worker's sleep costs nothing.
        let anybody = tasks.anybody_waits();
        drop(tasks);
        if anybody {
            self.changed.notify_all();
        }
    }
}
