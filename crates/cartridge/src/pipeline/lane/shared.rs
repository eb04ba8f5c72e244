//! What the lane's thread and the workers do.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::super::job::{FrameJob, Made};
use super::Placed;
use super::state::{Slot, Stage, State};
use crate::format::{
    EntryKind, FRAME_HEADER_BYTES, FrameKind, IndexEntry, frame_stride, in_memory,
};
use crate::limits::PIPELINE_WRITE_FRAMES_MAX;
use crate::store::SegmentFile;

/// What the owner of the lane, its thread and the workers share.
pub(in super::super) struct Shared {
    pub(super) segment: Uuid,
    pub(super) file: Arc<dyn SegmentFile>,
    pub(super) state: Mutex<State>,
    /// Signalled to the lane's thread.
    pub(super) work: Condvar,
    /// Signalled to the owner.
    pub(super) progress: Condvar,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait_until(&self, done: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
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
    pub(super) fn make_one(&self) {
        let mut state = self.lock();
        let waits = |slot: &Slot| matches!(slot.stage, Stage::Waits(_));
        let index = state.slots.iter().position(waits);
        if let Some(job) = index.and_then(|index| state.begin(index)) {
            drop(state);
            self.make(*job);
        }
    }

    pub(super) fn make(&self, job: FrameJob) {
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

    pub(super) fn tell_owner(&self, mut state: MutexGuard<'_, State>) {
        let waits = std::mem::take(&mut state.owner_waits);
        drop(state);
        if waits {
            self.progress.notify_one();
        }
    }

    /// The lane's thread.
    pub(super) fn write_until_closed(&self) {
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
    pub(super) fn write_ready(&self, mut state: MutexGuard<'_, State>) {
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
    pub(super) fn write(&self, frames: &[Made]) -> io::Result<()> {
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
