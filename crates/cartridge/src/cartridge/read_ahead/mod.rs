//! Frames that a sequential reader will want next, read before it asks.
//!
//! # Purpose
//! Between two READs of a host nothing would happen: reading the next frame, checking it, decrypting and
//! decompressing it can be done by then. Who reads two frames in a row gets the next ones ahead: a thread of
//! the cartridge's own reads and checks them, in order, and the [workers](crate::workers) decrypt and
//! decompress them.
//!
//! # Guarantees
//! What a reader sees is the same with and without. A frame counts only when segment, place and index entry
//! are those that the reader looks for, and no byte of a segment is ever written again. What goes wrong
//! ahead is forgotten: the reader reads that frame again when it gets there, and is told what it finds.
//!
//! # Ordering
//! Frames are planned, and handed out, in the order of the index, across filemarks and segments. Whatever
//! is not the next one empties the window, and so do a motion, an append before the end of data, another
//! key, another partition, and an error. Reading after a motion begins with a frame alone: a LOCATE and
//! a READ read one frame.
//!
//! # Limits
//! [`READ_AHEAD_BYTES_MAX`] for each cartridge, [`crate::limits::READ_AHEAD_PROCESS_BYTES_MAX`] for the process; frames
//! count as stored and, if compressed, also as they will be. The window begins with one frame and doubles
//! with each that was wanted. Memory is held until the frame is taken or forgotten; one that is under way
//! when it is forgotten, until it has come.
//!
//! # Cancellation
//! Nobody waits for what is forgotten, except who lets go of the cartridge: for the one read under way.

mod fetcher;
mod order;
mod window;

use std::io;
use std::sync::Arc;

use rustix::thread::sched_getaffinity;

use super::decode::Patience;
use crate::codec::Decoder;
use crate::format::IndexEntry;
use crate::limits::{READ_AHEAD_BYTES_MAX, READ_AHEAD_FRAMES_MAX};
use crate::settings::ReadAhead;
use crate::store::{SegmentFile, SegmentName};

use fetcher::Fetcher;
pub use order::read_ahead_bytes;
pub(super) use order::{Order, SharedFile};
pub(super) use window::Taken;
use window::Window;

/// The frames ahead of one cartridge's reader.
pub(super) struct Ahead {
    mode: ReadAhead,
    /// The object after the last one that was read in order.
    expected: Option<u64>,
    /// There are processors for other threads.
    threads_help: bool,
    /// How many frames may wait: 0 until two were read in a row.
    frames_max: usize,
    /// Where the next frame to be planned begins.
    planned_until: u64,
    /// The segment of the last frame that was planned.
    file: Option<(SegmentName, SharedFile)>,
    window: Arc<Window>,
    /// The thread, once there was something to read.
    fetcher: Option<Fetcher>,
}

impl Ahead {
    pub(super) fn new(mode: ReadAhead) -> Self {
        Self {
            mode,
            expected: None,
            threads_help: false,
            frames_max: 0,
            planned_until: 0,
            file: None,
            window: Arc::default(),
            fetcher: None,
        }
    }

    /// Forgets everything: the reader goes elsewhere, or what it will find is not what it was.
    pub(super) fn stop(&mut self) {
        if self.expected.take().is_some() {
            self.frames_max = 0;
            self.file = None;
            self.window.clear();
        }
    }

    /// A filemark was read.
    pub(super) fn passed_filemark(&mut self, object: u64) {
        if self.expected == Some(object) {
            self.expected = Some(object + 1);
        }
    }

    /// Takes the frame of `entry` if it was read ahead.
    pub(super) fn take(
        &mut self,
        segment: SegmentName,
        entry: &IndexEntry,
        patience: Patience,
        decoder: &mut Decoder,
    ) -> Taken {
        if self.frames_max == 0 {
            return Taken::Nothing;
        }
        let taken = self.window.take(segment, entry, patience, decoder);
        if matches!(taken, Taken::Later) {
            self.wake_thread();
        }
        taken
    }

    /// The frame of `entry` was read and is what the reader reads next. Returns from which object on to
    /// plan, if there is anything to be planned.
    pub(super) fn arrived(&mut self, entry: &IndexEntry) -> Option<u64> {
        if self.mode == ReadAhead::Off {
            return None;
        }
        let in_order = self.expected == Some(entry.first_object);
        self.expected = Some(entry.end_object());
        if !in_order {
            self.frames_max = 0;
            self.file = None;
            self.window.clear();
            return None;
        }
        if self.frames_max == 0 {
            self.threads_help = has_several_processors();
        }
        let waiting = self.window.frames();
        if waiting == 0 {
            self.planned_until = entry.end_object();
        }
        self.frames_max = (2 * self.frames_max).clamp(1, READ_AHEAD_FRAMES_MAX);
        // By halves, so that nobody is woken for each frame.
        let wanted = waiting <= self.frames_max / 2;
        let room = self.window.bytes() <= READ_AHEAD_BYTES_MAX / 2;
        (wanted && room).then_some(self.planned_until)
    }

    /// Everything before `object` is planned or is nothing to be planned.
    pub(super) fn planned_until(&mut self, object: u64) {
        self.planned_until = object;
    }

    /// Returns the file of `segment`, opened with `open` unless it was the last one, too.
    pub(super) fn file(
        &mut self,
        segment: SegmentName,
        open: impl FnOnce() -> io::Result<Box<dyn SegmentFile>>,
    ) -> io::Result<SharedFile> {
        if let Some((name, file)) = &self.file
            && *name == segment
        {
            return Ok(SharedFile::clone(file));
        }
        let file = order::shared(open()?);
        self.file = Some((segment, SharedFile::clone(&file)));
        Ok(file)
    }

    /// Returns whether another frame of `entry` may be planned.
    pub(super) fn has_room(&self, entry: &IndexEntry) -> bool {
        self.window.frames() < self.frames_max
            && self.window.bytes() + order::cost(entry) <= READ_AHEAD_BYTES_MAX
    }

    /// Plans `order`.
    pub(super) fn plan(&mut self, order: Order) {
        self.window.plan(order);
    }

    /// Has read what was planned, by whom it suits.
    pub(super) fn begin(&mut self) {
        match self.mode {
            ReadAhead::Off => {}
            ReadAhead::Inline => self.window.read_all(),
            ReadAhead::Threads => self.wake_thread(),
        }
    }

    /// Brings the next frame in this call if nobody else does; does not wait for the disk.
    pub(super) fn use_idle_time(&mut self, decoder: &mut Decoder) {
        if self.frames_max > 0 && self.mode == ReadAhead::Threads {
            self.window.bring_first(decoder);
            self.wake_thread();
        }
    }

    fn wake_thread(&mut self) {
        if !self.window.wants_thread(self.threads_help) {
            return;
        }
        if self.fetcher.is_some() {
            self.window.wake();
            return;
        }
        match Fetcher::start(&self.window) {
            Ok(fetcher) => self.fetcher = Some(fetcher),
            Err(error) => {
                tracing::warn!(%error, "cannot start a thread to read ahead");
                self.stop();
                self.mode = ReadAhead::Off;
            }
        }
    }
}

/// Returns whether this thread could run on several processors.
fn has_several_processors() -> bool {
    sched_getaffinity(None).is_ok_and(|processors| processors.count() > 1)
}
