//! What is known of the frames in a lane.

use std::collections::VecDeque;
use std::io;

use super::super::job::{FrameJob, Made};
use super::super::share;
use super::Placed;
use crate::limits::{PIPELINE_BYTES_MAX, PIPELINE_FRAMES_MAX};

pub(super) struct State {
    /// The frames that nobody writes yet; the first has the number `first`.
    pub(super) slots: VecDeque<Slot>,
    pub(super) first: u32,
    /// The bytes that frames hold on to, those that are being written included.
    pub(super) bytes: usize,
    /// Frames that are being written.
    pub(super) writing: usize,
    pub(super) placed: Vec<Placed>,
    /// Where the next frame goes.
    pub(super) end: u64,
    pub(super) durable: u64,
    pub(super) failure: Option<io::Error>,
    pub(super) closed: bool,
    /// Who waits for a signal, so that none is given for nothing.
    pub(super) thread_waits: bool,
    pub(super) owner_waits: bool,
}

pub(super) struct Slot {
    pub(super) stage: Stage,
    pub(super) footprint: usize,
}

pub(super) enum Stage {
    Waits(Box<FrameJob>),
    InWork,
    Ready(Box<Made>),
}

impl State {
    /// Returns that of a lane whose first frame goes to `end`; what is before is durable.
    pub(super) fn beginning_at(end: u64) -> Self {
        Self {
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
        }
    }

    pub(super) fn next_number(&self) -> u32 {
        self.first + u32::try_from(self.slots.len()).expect("at most PIPELINE_FRAMES_MAX")
    }

    pub(super) fn is_idle(&self) -> bool {
        self.slots.is_empty() && self.writing == 0
    }

    pub(super) fn has_room(&self, frames: usize, bytes: usize) -> bool {
        let with = self.slots.len() + self.writing + frames;
        with == 1
            || (with <= PIPELINE_FRAMES_MAX
                && self.bytes + bytes <= PIPELINE_BYTES_MAX
                && share::has_room(bytes))
    }

    /// Fails as the write did that failed, if one has.
    pub(super) fn check(&self) -> io::Result<()> {
        let Some(failure) = &self.failure else {
            return Ok(());
        };
        Err(match failure.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(failure.kind(), failure.to_string()),
        })
    }

    pub(super) fn fail(&mut self, error: io::Error) {
        self.failure.get_or_insert(error);
        self.drop_waiting();
    }

    pub(super) fn drop_waiting(&mut self) {
        let bytes: usize = self.slots.iter().map(|slot| slot.footprint).sum();
        self.first = self.next_number();
        self.slots.clear();
        self.give_back(bytes);
    }

    pub(super) fn give_back(&mut self, bytes: usize) {
        self.bytes -= bytes;
        share::release(bytes);
    }

    /// Takes the job of slot `index`.
    pub(super) fn begin(&mut self, index: usize) -> Option<Box<FrameJob>> {
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
