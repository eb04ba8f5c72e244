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

mod completion;
mod device_server;
mod dispatch;
mod loss;
mod management;
mod primary;
pub(crate) mod reservation;
mod task_set;
#[cfg(test)]
mod tests;
pub mod trace;
mod worker;

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use scsi::command::Execution;
use scsi::{AdditionalSense, Command, Lun, NexusId, Response, SenseKey, Status, TaskTag};

use crate::error::Error;
use crate::unit_attention::UnitAttentions;
pub(crate) use completion::Attachment;
pub use completion::{ClearedBy, CompletionSink};
pub use device_server::DeviceServer;
pub use management::ManagementResponse;
pub(crate) use primary::InformationStore;
use primary::Primary;
pub(crate) use reservation::ReservationStore;
use reservation::Reservations;
pub use reservation::{Holder, Reservation, ReservationKind};
use task_set::{Job, Task, TaskSet};
use trace::{Began, Trace, TraceExcerpt};

/// The most commands that wait in one unit, over all nexuses.
pub const TASKS_WAITING_MAX: usize = 256;

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

    /// Lets the device prepare for the next command, on the caller's thread, unless there is something to
    /// do. Does not wait.
    pub(crate) fn use_idle_time(&self) {
        if !self.shared.lock().is_idle() {
            return;
        }
        let device = &self.shared.device;
        if catch_unwind(AssertUnwindSafe(|| device.use_idle_time())).is_err() {
            tracing::error!(
                unit = self.shared.name,
                "preparing for a command ended in a bug of ours"
            );
        }
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
}

/// Where a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thread {
    /// On the thread of the transport, which must not wait.
    Callers,
    /// On the unit's own.
    Worker,
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
