//! The threads of the process that compress and seal, and what all lanes hold together.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;

use super::lane::Shared;
use crate::limits::{PIPELINE_PROCESS_BYTES_MAX, PIPELINE_WORKERS_MAX};

/// What is on its way from appending to the disk, over all cartridges of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PipelineUse {
    /// Threads that compress and seal for everybody, beside the one that each loaded and written
    /// cartridge has.
    pub workers: usize,
    /// Bytes of blocks.
    pub bytes: usize,
    /// How many there may be.
    pub bytes_max: usize,
}

/// Returns what is on its way over all cartridges of the process.
pub fn pipeline_use() -> PipelineUse {
    PipelineUse {
        workers: POOL.get().map_or_else(worker_count, |pool| pool.workers),
        bytes: HELD.load(Ordering::Relaxed),
        bytes_max: PIPELINE_PROCESS_BYTES_MAX,
    }
}

static HELD: AtomicUsize = AtomicUsize::new(0);

/// Returns whether `bytes` more find room. It is no promise: lanes ask at the same time, each for one frame.
pub(super) fn has_room(bytes: usize) -> bool {
    HELD.load(Ordering::Relaxed) + bytes <= PIPELINE_PROCESS_BYTES_MAX
}

pub(super) fn hold(bytes: usize) {
    HELD.fetch_add(bytes, Ordering::Relaxed);
}

pub(super) fn release(bytes: usize) {
    HELD.fetch_sub(bytes, Ordering::Relaxed);
}

static POOL: OnceLock<Pool> = OnceLock::new();

struct Pool {
    workers: usize,
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    /// Lanes with something to do, once for each frame.
    lanes: Mutex<VecDeque<Arc<Shared>>>,
    offered: Condvar,
}

/// Asks a worker to make the next frame of `lane` that nobody makes yet.
pub(super) fn offer(lane: &Arc<Shared>) {
    let pool = POOL.get_or_init(Pool::start);
    if pool.workers == 0 {
        return;
    }
    let mut lanes = pool
        .queue
        .lanes
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    lanes.push_back(Arc::clone(lane));
    drop(lanes);
    pool.queue.offered.notify_one();
}

impl Pool {
    fn start() -> Self {
        let queue = Arc::new(Queue::default());
        let mut workers = 0;
        for number in 0..worker_count() {
            let queue = Arc::clone(&queue);
            let thread = thread::Builder::new().name(format!("frame-worker-{number}"));
            match thread.spawn(move || queue.work()) {
                Ok(_) => workers += 1,
                // The lanes' own threads do it all, then.
                Err(error) => tracing::warn!(%error, "cannot start a thread that compresses"),
            }
        }
        Self { workers, queue }
    }
}

/// On a single processor a worker could only take turns with the lane's own thread.
fn worker_count() -> usize {
    match thread::available_parallelism().map_or(1, usize::from) {
        1 => 0,
        processors => processors.min(PIPELINE_WORKERS_MAX),
    }
}

impl Queue {
    fn work(&self) {
        loop {
            let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            let lanes = self.offered.wait_while(lanes, |lanes| lanes.is_empty());
            let lane = lanes.unwrap_or_else(PoisonError::into_inner).pop_front();
            if let Some(lane) = lane {
                lane.make_one();
            }
        }
    }
}
