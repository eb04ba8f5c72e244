//! One frame to be read ahead, and the memory that it takes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::decode::{DecodedFrame, Frame, NotFetched, Patience};
use crate::buffer::Buffer;
use crate::codec::{Codec, Decoder};
use crate::encryption::FrameKey;
use crate::format::{FRAME_HEADER_BYTES, IndexEntry};
use crate::limits::READ_AHEAD_PROCESS_BYTES_MAX;
use crate::store::{SegmentFile, SegmentName};

/// A file of which several orders tell.
pub(in super::super) type SharedFile = Arc<Mutex<Box<dyn SegmentFile>>>;

/// Which frame is to be read, and all it takes to do so.
pub(in super::super) struct Order {
    pub(super) segment: SegmentName,
    pub(super) entry: IndexEntry,
    file: SharedFile,
    /// For a sealed frame.
    key: Option<Arc<FrameKey>>,
    pub(super) memory: Reservation,
}

impl Order {
    /// Returns an order; `None` when there is no memory for it.
    pub(in super::super) fn new(
        segment: SegmentName,
        entry: IndexEntry,
        file: SharedFile,
        key: Option<Arc<FrameKey>>,
    ) -> Option<Self> {
        Some(Self {
            segment,
            entry,
            file,
            key,
            memory: Reservation::take(cost(&entry))?,
        })
    }

    /// Reads and checks the frame.
    pub(super) fn fetch(&self, patience: Patience) -> Result<Frame, NotFetched> {
        let file: MutexGuard<'_, Box<dyn SegmentFile>> =
            self.file.lock().unwrap_or_else(PoisonError::into_inner);
        Frame::fetch(&**file, self.segment, &self.entry, patience)
    }

    /// Decrypts and decompresses the frame that was fetched; `None` when that fails.
    pub(super) fn decode(&self, frame: Frame, decoder: &mut Decoder) -> Option<DecodedFrame> {
        frame.decode(&self.entry, self.key.as_deref(), decoder).ok()
    }

    /// Returns whether decoding takes so long that another thread is worth its while. Decrypting alone
    /// takes a fraction of what it takes to read the frame.
    pub(super) fn is_work(&self) -> bool {
        self.entry.codec != Codec::Stored
    }
}

/// Returns the file for orders.
pub(super) fn shared(file: Box<dyn SegmentFile>) -> SharedFile {
    Arc::new(Mutex::new(file))
}

/// Returns how much memory the frame of `entry` takes at most on its way.
pub(super) fn cost(entry: &IndexEntry) -> usize {
    let stored = Buffer::footprint(FRAME_HEADER_BYTES + entry.body_length as usize);
    match entry.codec {
        Codec::Stored => stored,
        _ => stored + Buffer::footprint(entry.plain_length as usize),
    }
}

/// Memory of the process's share, given back with the value.
pub(super) struct Reservation {
    pub(super) bytes: usize,
}

/// What all cartridges of the process hold ahead.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Returns how many bytes all cartridges of the process hold for frames that nobody has asked for yet;
/// at most [`READ_AHEAD_PROCESS_BYTES_MAX`].
pub fn read_ahead_bytes() -> usize {
    HELD.load(Ordering::Relaxed)
}

impl Reservation {
    fn take(bytes: usize) -> Option<Self> {
        let fits = |held: usize| {
            let with = held + bytes;
            (with <= READ_AHEAD_PROCESS_BYTES_MAX).then_some(with)
        };
        // A counter and nothing else: no other memory is seen through it.
        let taken = HELD.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        taken.ok().map(|_| Self { bytes })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        HELD.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
