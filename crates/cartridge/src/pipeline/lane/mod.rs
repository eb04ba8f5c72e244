//! The lane of one segment: jobs go in, are made in any order, and are placed and written in theirs.
//!
//! [`Lane`] is the owner's end of it, `shared` what its thread and the workers do, `state` what all of
//! them know.

mod shared;
mod state;

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use uuid::Uuid;

use self::shared::Shared;
use self::state::{Slot, Stage, State};
use super::job::FrameJob;
use super::{Writing, share};
use crate::codec::Codec;
use crate::format::IndexEntry;
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
            state: Mutex::new(State::beginning_at(end)),
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
