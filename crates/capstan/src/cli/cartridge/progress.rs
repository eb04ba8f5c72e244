//! How far it is, told by several threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::convert::progress::Progress as Line;

/// A line on standard error that is written over as bytes are done; nothing without a terminal. It goes
/// away when it is dropped.
pub(super) struct Progress {
    done_bytes: AtomicU64,
    line: Mutex<Option<Line>>,
}

impl Progress {
    /// `phase` is what is done with `name`.
    pub(super) fn new(name: &str, phase: &'static str, total_bytes: u64) -> Self {
        Self {
            done_bytes: AtomicU64::new(0),
            line: Mutex::new(Some(Line::new(name, phase, total_bytes))),
        }
    }

    /// So many bytes more are done.
    pub(super) fn add(&self, bytes: u64) {
        let done = self.done_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        // Who finds it locked leaves it to the other.
        if let Ok(mut line) = self.line.try_lock()
            && let Some(line) = &mut *line
        {
            line.at(done);
        }
    }

    /// Takes the line away for good.
    pub(super) fn finish(&self) {
        if let Ok(mut line) = self.line.lock() {
            *line = None;
        }
    }
}
