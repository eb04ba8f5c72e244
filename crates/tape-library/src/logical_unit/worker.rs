//! The unit's thread: runs what may wait for a disk or a robot, in order.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};

use super::task_set::Job;
use super::{Shared, Thread};

pub(super) fn spawn(shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(shared.name.clone())
        .spawn(move || {
            while let Some(job) = shared.next_job() {
                shared.work(job);
            }
        })
}

impl Shared {
    /// Waits for the next job and marks it as running; `None` when the unit stops.
    fn next_job(&self) -> Option<Job> {
        let mut tasks = self.lock();
        loop {
            if tasks.is_stopping() {
                return None;
            }
            if let Some(job) = tasks.begin_next() {
                return Some(job);
            }
            tasks = self
                .changed
                .wait(tasks)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self, job: Job) {
        match job {
            Job::Task(task) => {
                let began = self.began();
                let response = self.run(&task, Thread::Worker);
                let sink = &task.attachment.sink;
                self.end_task(&task, &began, response, |response| {
                    sink.complete(task.tag, response);
                });
            }
            Job::NexusLost(nexus) => self.guarded(|| {
                self.reservations.released_by(nexus);
                self.device.nexus_lost(nexus);
                self.tell_holders(false);
            }),
            Job::Reset => self.guarded(|| {
                // Once more: a RESERVE that ran when the reset came has ended only now.
                self.reservations.reset();
                self.device.reset();
                self.tell_holders(false);
            }),
        }
    }

    /// Runs the device's part of a job; a panic costs this job and not the worker.
    fn guarded(&self, job: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!(unit = self.name, "a reset ended in a bug of ours");
        }
        self.end_job();
    }
}
