//! What is done for a cartridge while it is used and that nobody waits for: files of segments that were cut
//! off are removed, and the chain file is written now and then.
//!
//! # Purpose
//! Removing a file of 256 MiB takes a while, and a full cartridge that is rewritten leaves tens of thousands
//! of them. A thread removes them with pauses, so that the disk has time for the host.
//!
//! # Ordering
//! One job at a time, in any order: files that are dead stay dead, and the chain file only repeats headers.
//!
//! # Cancellation
//! Dropping it waits for the job under way. What is left is for the next load: nothing depends on it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::chain::Dead;
use crate::limits::{DEAD_REMOVAL_PAUSE_MIN, DEAD_REMOVAL_PAUSES};
use crate::store::SegmentStore;

/// A thread and what waits for it.
pub(super) struct Background {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    jobs: Mutex<Jobs>,
    changed: Condvar,
}

#[derive(Default)]
struct Jobs {
    dead: Vec<Dead>,
    chain_file: Option<Vec<u8>>,
    closed: bool,
}

enum Job {
    Remove(Dead),
    WriteChain(Vec<u8>),
}

impl Background {
    /// Starts the thread, which works on `store`; `None` when it cannot be had.
    pub(super) fn start(store: Box<dyn SegmentStore>, barcode: String) -> Option<Self> {
        let shared = Arc::new(Shared::default());
        let thread = thread::Builder::new().name("tidy".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.work(store, &barcode)
        });
        let thread = thread
            .inspect_err(|error| tracing::warn!(%error, "cannot start a thread for tidying"))
            .ok()?;
        Some(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Lets files be removed some time.
    pub(super) fn remove(&self, dead: Vec<Dead>) {
        self.shared.jobs().dead.extend(dead);
        self.shared.changed.notify_all();
    }

    /// Lets the chain file be replaced some time.
    pub(super) fn write_chain(&self, bytes: Vec<u8>) {
        self.shared.jobs().chain_file = Some(bytes);
        self.shared.changed.notify_all();
    }

    /// Returns the files that still wait.
    pub(super) fn dead(&self) -> Vec<Dead> {
        self.shared.jobs().dead.clone()
    }

    /// Takes up to `count` of the files that wait: the caller removes them.
    pub(super) fn take(&self, count: usize) -> Vec<Dead> {
        let mut jobs = self.shared.jobs();
        let from = jobs.dead.len().saturating_sub(count);
        jobs.dead.split_off(from)
    }

    /// Ends the thread and returns the files that it did not get at.
    pub(super) fn stop(self) -> Vec<Dead> {
        let shared = Arc::clone(&self.shared);
        drop(self);
        let mut jobs = shared.jobs();
        std::mem::take(&mut jobs.dead)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.shared.jobs().closed = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a thread for tidying ended in a bug");
        }
    }
}

impl Shared {
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        // The jobs are whole between any two statements that could panic.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread.
    fn work(&self, mut store: Box<dyn SegmentStore>, barcode: &str) {
        while let Some(job) = self.next() {
            let begun = Instant::now();
            match job {
                Job::WriteChain(bytes) => {
                    if let Err(error) = store.replace_chain(&bytes) {
                        tracing::warn!(barcode, %error, "cannot write the chain file");
                    }
                }
                Job::Remove(dead) => {
                    if let Err(error) = store.remove_segment(dead.name) {
                        tracing::warn!(barcode, segment = %dead.name, %error,
                            "cannot remove a segment that was cut off");
                    }
                }
            }
            let pause = (begun.elapsed() * DEAD_REMOVAL_PAUSES).max(DEAD_REMOVAL_PAUSE_MIN);
            let open = |jobs: &mut Jobs| !jobs.closed;
            let paused = self.changed.wait_timeout_while(self.jobs(), pause, open);
            drop(paused);
        }
    }

    fn next(&self) -> Option<Job> {
        let idle =
            |jobs: &mut Jobs| !jobs.closed && jobs.dead.is_empty() && jobs.chain_file.is_none();
        let jobs = self.changed.wait_while(self.jobs(), idle);
        let mut jobs = jobs.unwrap_or_else(PoisonError::into_inner);
        if jobs.closed {
            return None;
        }
        let chain_file = jobs.chain_file.take().map(Job::WriteChain);
        chain_file.or_else(|| jobs.dead.pop().map(Job::Remove))
    }
}
