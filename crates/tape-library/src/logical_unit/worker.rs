//! The unit's thread: runs what may wait for a disk or a robot, in order.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};

use bytes::BytesMut;
use scsi::Command;
use zeroize::Zeroize as _;

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

/// Wipes the data of a command that brings a key, unless somebody else still has them. Returns what is
/// left of them.
fn wiped(command: Command) -> Option<BytesMut> {
    if command.cdb.operation_code() != SECURITY_PROTOCOL_OUT {
        return None;
    }
    let mut data = command.data_out.try_into_mut().ok()?;
    data.as_mut().zeroize();
    Some(data)
}

/// It runs on the worker only.
const SECURITY_PROTOCOL_OUT: u8 = 0xb5;

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
                drop(wiped(task.command));
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

#[cfg(test)]
mod tests {
    use super::*;
    use scsi::Cdb;

    #[test]
    fn of_a_command_that_brought_a_key_nothing_is_left() {
        let command = |operation_code| Command {
            cdb: Cdb::new(&[operation_code, 0x20]),
            data_out: BytesMut::from(&[0x6b; 61][..]).into(),
        };
        assert_eq!(wiped(command(0xb5)).as_deref(), Some(&[0; 61][..]));
        assert_eq!(wiped(command(0x15)), None);
        let shared = command(0xb5);
        let _other = shared.data_out.clone();
        assert_eq!(wiped(shared), None);
    }
}
