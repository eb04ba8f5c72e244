//! The lane of one segment: jobs go in, are made in any order, and are placed and written in theirs.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use uuid::Uuid;

use super::job::{FrameJob, Made};
use super::{Writing, share};
use crate::codec::Codec;
use crate::format::{
    EntryKind, FRAME_HEADER_BYTES, FrameKind, IndexEntry, frame_stride, in_memory,
};
use crate::limits::{PIPELINE_BYTES_MAX, PIPELINE_FRAMES_MAX, PIPELINE_WRITE_FRAMES_MAX};
use crate::store::SegmentFile;
use crate::workers;

/// The way of frames into one segment's file.
pub(crate) struct Lane {
    pub(super) shared: Arc<Shared>,
    /// `None` when everything is done at once.
    thread: Option<JoinHandle<()>>,
}

/// A frame that was written.
pub(crate) struct Placed {
    pub(crate) entry: IndexEntry,
    /// The codec that was tried on its blocks.
    pub(crate) tried: Option<Codec>,
}

/// What the owner of the lane, its thread and the workers share.
pub(super) struct Shared {
    segment: Uuid,
    file: Arc<dyn SegmentFile>,
    state: Mutex<State>,
    /// Signalled to the lane's thread.
    work: Condvar,
    /// Signalled to the owner.
    progress: Condvar,
}

struct State {
    /// The frames that nobody writes yet; the first has the number `first`.
    slots: VecDeque<Slot>,
    first: u32,
    /// The bytes that frames hold on to, those that are being written included.
    bytes: usize,
    /// Frames that are being written.
    writing: usize,
    placed: Vec<Placed>,
    /// Where the next frame goes.
    end: u64,
    durable: u64,
    failure: Option<io::Error>,
    closed: bool,
    /// Who waits for a signal, so that none is given for nothing.
    thread_waits: bool,
    owner_waits: bool,
}

struct Slot {
    stage: Stage,
    footprint: usize,
}

enum Stage {
    Waits(Box<FrameJob>),
    InWork,
    Ready(Box<Made>),
}

impl Lane {
    /// Returns the lane of frames that go into `file` from `end` on; what is before is durable.
    pub(crate) fn new(
        writing: Writing,
        segment: Uuid,
        file: Arc<dyn SegmentFile>,
        end: u64,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            segment,
            file,
            state: Mutex::new(State {
                slots: VecDeque::new(),
                first: 0,
                bytes: 0,
                writing: 0,
                placed: Vec::new(),
                end,
                durable: end,
                failure: None,
                closed: false,
                thread_waits: false,
                owner_waits: false,
            }),
            work: Condvar::new(),
            progress: Condvar::new(),
        });
        let thread = match writing {
            Writing::AtOnce => None,
            Writing::Behind => {
                let shared = Arc::clone(&shared);
                let thread = thread::Builder::new().name("segment-writer".to_owned());
                Some(thread.spawn(move || shared.write_until_closed())?)
            }
        };
        Ok(Self { shared, thread })
    }

    /// Returns whether so many frames, of `bytes` together, would be taken without waiting.
    pub(crate) fn takes_at_once(&self, frames: usize, bytes: usize) -> bool {
        self.shared.lock().has_room(frames, bytes)
    }

    /// Waits until a frame of `bytes` is taken without waiting.
    pub(crate) fn wait_for_room(&self, bytes: usize) {
        drop(self.shared.wait_until(|state| state.has_room(1, bytes)));
    }

    /// Waits until a frame more than `placed` is written, or all are.
    pub(crate) fn wait_for_progress(&self) {
        let done = |state: &State| !state.placed.is_empty() || state.is_idle();
        drop(self.shared.wait_until(done));
    }

    /// Waits until everything is written, or something failed.
    pub(crate) fn settle(&self) {
        drop(self.shared.wait_until(State::is_idle));
    }

    /// Returns what was written since the last call.
    pub(crate) fn take_placed(&self) -> Vec<Placed> {
        let mut state = self.shared.lock();
        if state.placed.is_empty() {
            return Vec::new();
        }
        std::mem::take(&mut state.placed)
    }

    /// Fails as what has failed before, if anything has.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.shared.lock().check()
    }

    /// Takes a frame, which has the number after that of the last one. Not durable.
    pub(crate) fn put(&self, job: FrameJob) -> io::Result<()> {
        let footprint = job.footprint();
        let heavy = job.is_heavy();
        if self.thread.is_none() {
            self.shared.lock().check()?;
            let made = job.run();
            self.shared.lock().first = made.sequence + 1;
            return self.shared.write(&[made]);
        }
        let mut state = self.shared.lock();
        state.check()?;
        debug_assert_eq!(job.sequence, state.next_number());
        state.bytes += footprint;
        share::hold(footprint);
        state.slots.push_back(Slot {
            stage: Stage::Waits(Box::new(job)),
            footprint,
        });
        let (alone, wake) = (state.slots.len() == 1, state.thread_waits);
        state.thread_waits &= !alone;
        drop(state);
        if wake && alone {
            self.shared.work.notify_one();
        } else if heavy && workers::can_help() {
            let shared = Arc::clone(&self.shared);
            workers::run(move |_| shared.make_one());
        }
        Ok(())
    }

    /// Writes a frame in the caller's call, after all others.
    pub(crate) fn put_now(&self, made: FrameJob) -> io::Result<()> {
        self.settle();
        self.check()?;
        let made = made.run();
        self.shared.lock().first = made.sequence + 1;
        self.shared.write(&[made])
    }

    /// Everything that was written is durable.
    pub(crate) fn note_durable(&self) {
        let mut state = self.shared.lock();
        state.durable = state.end;
    }
}

impl Drop for Lane {
    /// What nobody synchronized is not owed to anybody.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        state.drop_waiting();
        drop(state);
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a segment's thread ended in a bug");
        }
    }
}

impl State {
    fn next_number(&self) -> u32 {
        self.first + u32::try_from(self.slots.len()).expect("at most PIPELINE_FRAMES_MAX")
    }

    fn is_idle(&self) -> bool {
        self.slots.is_empty() && self.writing == 0
    }

    fn has_room(&self, frames: usize, bytes: usize) -> bool {
        let with = self.slots.len() + self.writing + frames;
        with == 1
            || (with <= PIPELINE_FRAMES_MAX
                && self.bytes + bytes <= PIPELINE_BYTES_MAX
                && share::has_room(bytes))
    }

    /// Fails as the write did that failed, if one has.
    fn check(&self) -> io::Result<()> {
        let Some(failure) = &self.failure else {
            return Ok(());
        };
        Err(match failure.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(failure.kind(), failure.to_string()),
        })
    }

    fn fail(&mut self, error: io::Error) {
        self.failure.get_or_insert(error);
        self.drop_waiting();
    }

    fn drop_waiting(&mut self) {
        let bytes: usize = self.slots.iter().map(|slot| slot.footprint).sum();
        self.first = self.next_number();
        self.slots.clear();
        self.give_back(bytes);
    }

    fn give_back(&mut self, bytes: usize) {
        self.bytes -= bytes;
        share::release(bytes);
    }

    /// Takes the job of slot `index`.
    fn begin(&mut self, index: usize) -> Option<Box<FrameJob>> {
        let stage = &mut self.slots.get_mut(index)?.stage;
        match std::mem::replace(stage, Stage::InWork) {
            Stage::Waits(job) => Some(job),
            other => {
                *stage = other;
                None
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until(&self, done: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while !done(&state) {
            state.owner_waits = true;
            let waited = self.progress.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state.owner_waits = false;
        state
    }

    /// A worker's part: makes the first frame that nobody makes yet.
    fn make_one(&self) {
        let mut state = self.lock();
        let waits = |slot: &Slot| matches!(slot.stage, Stage::Waits(_));
        let index = state.slots.iter().position(waits);
        if let Some(job) = index.and_then(|index| state.begin(index)) {
            drop(state);
            self.make(*job);
        }
    }

    fn make(&self, job: FrameJob) {
        let sequence = job.sequence;
        let made = catch_unwind(AssertUnwindSafe(|| job.run()));
        let mut state = self.lock();
        let Ok(made) = made else {
            tracing::error!("compressing or sealing a frame ended in a bug");
            state.fail(io::Error::other("a frame could not be made"));
            self.tell_owner(state);
            return;
        };
        // What failed or was dropped meanwhile has no slot any more.
        let index = sequence
            .checked_sub(state.first)
            .map(|index| index as usize);
        let Some(slot) = index.and_then(|index| state.slots.get_mut(index)) else {
            return;
        };
        slot.stage = Stage::Ready(Box::new(made));
        if index == Some(0) && std::mem::take(&mut state.thread_waits) {
            drop(state);
            self.work.notify_one();
        }
    }

    fn tell_owner(&self, mut state: MutexGuard<'_, State>) {
        let waits = std::mem::take(&mut state.owner_waits);
        drop(state);
        if waits {
            self.progress.notify_one();
        }
    }

    /// The lane's thread.
    fn write_until_closed(&self) {
        loop {
            let mut state = self.lock();
            let first_waits = loop {
                if state.closed {
                    return;
                }
                match state.slots.front().map(|slot| &slot.stage) {
                    Some(Stage::Waits(_)) => break true,
                    Some(Stage::Ready(_)) => break false,
                    Some(Stage::InWork) | None => {}
                }
                state.thread_waits = true;
                let waited = self.work.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                state.thread_waits = false;
            };
            if first_waits {
                let job = state.begin(0);
                drop(state);
                if let Some(job) = job {
                    self.make(*job);
                }
            } else {
                self.write_ready(state);
            }
        }
    }

    /// Writes the frames at the front that are ready.
    fn write_ready(&self, mut state: MutexGuard<'_, State>) {
        let mut frames = Vec::new();
        let mut bytes = 0;
        while frames.len() < PIPELINE_WRITE_FRAMES_MAX
            && matches!(
                state.slots.front().map(|it| &it.stage),
                Some(Stage::Ready(_))
            )
        {
            let slot = state.slots.pop_front();
            if let Some(Slot {
                stage: Stage::Ready(made),
                footprint,
            }) = slot
            {
                frames.push(*made);
                bytes += footprint;
                state.first += 1;
            }
        }
        state.writing = frames.len();
        drop(state);
        // What a file of ours does not bear must not leave the owner waiting.
        let written = catch_unwind(AssertUnwindSafe(|| self.write(&frames)));
        drop(frames);
        let mut state = self.lock();
        state.writing = 0;
        state.give_back(bytes);
        if written.is_err() {
            state.fail(io::Error::other("a frame could not be written"));
        }
        self.tell_owner(state);
    }

    /// Gives `frames` their places and writes them by one call.
    fn write(&self, frames: &[Made]) -> io::Result<()> {
        static ZEROS: [u8; 8] = [0; 8];
        let (begin, durable) = {
            let state = self.lock();
            (state.end, state.durable)
        };
        let mut end = begin;
        let mut headers = Vec::with_capacity(frames.len());
        let mut placed = Vec::with_capacity(frames.len());
        for made in frames {
            headers.push(made.header(durable).emit(self.segment, end));
            placed.extend(made.placed(end));
            end += frame_stride(made.frame.body_length() as u64);
        }
        let mut parts: Vec<&[u8]> = Vec::with_capacity(4 * frames.len());
        for (made, header) in frames.iter().zip(&headers) {
            let length = made.frame.body_length();
            let pad = in_memory(frame_stride(length as u64)) - FRAME_HEADER_BYTES - length;
            parts.extend([
                &header[..],
                &made.frame.table,
                &made.frame.payload,
                &ZEROS[..pad],
            ]);
        }
        let written = self.file.write_at(&parts, begin);
        let mut state = self.lock();
        if let Err(error) = written {
            state.fail(error);
            return state.check();
        }
        state.end = end;
        state.placed.extend(placed);
        Ok(())
    }
}

impl Made {
    /// Returns its index entry for `offset`; `None` for a pad.
    fn placed(&self, offset: u64) -> Option<Placed> {
        let header = self.header(0);
        let (kind, marks) = match header.kind {
            FrameKind::Pad => return None,
            FrameKind::Filemarks => (EntryKind::Filemarks, u64::from(header.object_count)),
            FrameKind::Data => (EntryKind::Data, 0),
        };
        Some(Placed {
            tried: self.tried,
            entry: IndexEntry {
                kind,
                first_object: header.first_object,
                object_count: header.object_count.into(),
                marks_before: header.marks_before.into(),
                marks,
                offset,
                body_length: header.body_length,
                seal_length: header.seal_length,
                plain_length: header.plain_length,
                codec: header.codec,
                equal_lengths: header.block_length.is_some(),
            },
        })
    }
}
