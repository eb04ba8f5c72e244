//! Threads for work on frames that needs nothing but a processor.
//!
//! # Purpose
//! Compressing and decompressing take longer than to move the bytes, and frames do not depend on each other:
//! so several are worked on at once, by one set of threads for all cartridges of the process, as many as
//! there are processors. Sealing and opening go along with it; alone they are not worth a hand-over.
//!
//! # Guarantees
//! A job that panics, which would be a bug of ours, ends alone. Whoever waits for it has to notice: by what
//! the job's captured values do when they are dropped.
//!
//! # Ordering
//! Jobs begin in the order in which they come and end in any. Who needs an order keeps it.
//!
//! # Limits
//! [`FRAME_WORKERS_MAX`] threads. Jobs hold memory, and who brings them has to bound that: the queue does
//! not. No job may wait for a disk or for another job.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::codec::Decoder;
use crate::limits::FRAME_WORKERS_MAX;

/// What a worker keeps from job to job because it is dear to make.
#[derive(Default)]
pub(crate) struct Tools {
    pub(crate) decoder: Decoder,
}

type Job = Box<dyn FnOnce(&mut Tools) + Send>;

/// The workers of the process.
static WORKERS: Workers = Workers {
    queue: Mutex::new(Queue {
        jobs: VecDeque::new(),
        started: 0,
        idle: 0,
    }),
    changed: Condvar::new(),
};

struct Workers {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    jobs: VecDeque<Job>,
    /// Threads that there are.
    started: usize,
    /// Threads that wait for a job.
    idle: usize,
}

/// Has `job` run by a worker. Returns at once.
pub(crate) fn run(job: impl FnOnce(&mut Tools) + Send + 'static) {
    let mut queue = WORKERS.lock();
    queue.jobs.push_back(Box::new(job));
    if queue.idle < queue.jobs.len() && queue.started < threads_max() {
        let name = format!("frames-{}", queue.started);
        match thread::Builder::new().name(name).spawn(|| WORKERS.work()) {
            Ok(_) => queue.started += 1,
            Err(error) if queue.started > 0 => {
                tracing::debug!(%error, "cannot start another thread for frames");
            }
            Err(error) => {
                // Nobody else will ever do it.
                tracing::warn!(%error, "cannot start a thread for frames");
                let jobs = std::mem::take(&mut queue.jobs);
                drop(queue);
                let mut tools = Tools::default();
                for job in jobs {
                    guarded(job, &mut tools);
                }
                return;
            }
        }
    }
    let sleeping = queue.idle > 0;
    drop(queue);
    if sleeping {
        WORKERS.changed.notify_one();
    }
}

/// Returns whether a worker would run beside who brings a job: on a single processor the two could only take
/// turns.
pub(crate) fn can_help() -> bool {
    threads_max() > 1
}

fn threads_max() -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    processors.min(FRAME_WORKERS_MAX)
}

fn guarded(job: Job, tools: &mut Tools) {
    if catch_unwind(AssertUnwindSafe(|| job(tools))).is_err() {
        tracing::error!("work on a frame ended in a bug of ours");
        *tools = Tools::default();
    }
}

impl Workers {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No job runs under the lock, so nothing can panic half way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread.
    fn work(&self) {
        let mut tools = Tools::default();
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                guarded(job, &mut tools);
                queue = self.lock();
            } else {
                queue.idle += 1;
                let woken = self.changed.wait(queue);
                queue = woken.unwrap_or_else(PoisonError::into_inner);
                queue.idle -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn every_job_is_done_once_and_one_that_panics_ends_alone() {
        let (done, ended) = channel();
        for number in 0..100 {
            let done = done.clone();
            run(move |_| {
                assert_ne!(number, 50, "this one is a bug");
                done.send(number).unwrap();
            });
        }
        drop(done);
        let mut numbers: Vec<u32> = ended.iter().collect();
        numbers.sort_unstable();
        let expected: Vec<u32> = (0..100).filter(|number| *number != 50).collect();
        assert_eq!(numbers, expected);
    }
}
