//! What all lanes of the process hold together.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits::PIPELINE_PROCESS_BYTES_MAX;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// Returns how many bytes of blocks were appended and wait to be compressed or written, over all cartridges
/// of the process; at most [`PIPELINE_PROCESS_BYTES_MAX`] and a block for each cartridge.
pub fn write_behind_bytes() -> usize {
    HELD.load(Ordering::Relaxed)
}

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
