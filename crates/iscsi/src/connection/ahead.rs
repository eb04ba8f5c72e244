//! Receiving ahead: a guess where the bytes behind the next header belong.
//!
//! # Purpose
//! A tape client writes block after block of one length, each with its command. To receive the header,
//! look at it, and then receive the data takes two system calls for each block. While a header is
//! awaited after a WRITE, the bytes behind it may therefore go into a buffer like the last command's.
//! When the guess was right, the buffer becomes the command's, and nothing was copied.
//!
//! # Guarantees
//! A guess decides nothing: what came ahead is taken through the same steps as if it had come
//! later, one PDU at a time. What is not the data of the command waits here until
//! [`Connection::advance`] takes it.
//!
//! # Limits
//! At most as much as came with the last command, so at most FirstBurstLength, and only until what was
//! received is dealt with: a connection that waits for its peer holds nothing here.

use core::time::Duration;

use super::{Connection, Phase};
use crate::buffer::Buffer;
use crate::receive::Part;
use crate::session::{Destination, Guess};

/// What was received ahead.
#[derive(Default)]
pub(super) struct Ahead {
    /// Where the bytes go that are guessed about.
    buffer: Buffer,
    /// How many bytes were wanted in front of those.
    certain: Option<usize>,
    /// Bytes that were received and not taken.
    carried: Vec<u8>,
    /// How many of them were taken all the same.
    taken: usize,
}

impl Connection {
    /// Returns where the next received bytes go, as [`Connection::want`] does, and a place for what may
    /// follow, often an empty one: for a vectored read that takes in a command with its data at once.
    /// Tell [`Connection::received`] the sum. Not while [`Connection::advance`] has something to do.
    pub fn want_ahead(&mut self) -> [&mut [u8]; 2] {
        debug_assert!(!self.received_ahead(), "advance goes first");
        let Some(guess) = self.guess() else {
            return [self.want(), &mut []];
        };
        let Self {
            receiver, ahead, ..
        } = self;
        if ahead.buffer.capacity() < guess.expected {
            ahead.buffer = Buffer::default();
            ahead.buffer.reserve_exact(guess.expected);
        }
        let certain = receiver.space();
        ahead.certain = Some(certain.len());
        [certain, ahead.buffer.space(0, guess.immediate)]
    }

    fn guess(&self) -> Option<Guess> {
        match &self.phase {
            Phase::FullFeature(session) if !self.core.closed && self.receiver.expects_header() => {
                session.guess()
            }
            _ => None,
        }
    }

    /// Returns whether [`Connection::advance`] has something to do.
    pub fn received_ahead(&self) -> bool {
        self.ahead.taken < self.ahead.carried.len()
    }

    /// Takes what was received ahead, at most to the end of a PDU; returns whether there was something.
    /// Events are as new as after [`Connection::received`].
    pub fn advance(&mut self, now: Duration) -> bool {
        if !self.received_ahead() {
            return false;
        }
        self.core.now = now;
        let carried = std::mem::take(&mut self.ahead.carried);
        let mut rest = &carried[self.ahead.taken..];
        let mut ended = false;
        while !ended && !rest.is_empty() && !self.core.closed {
            let space = self.want();
            let count = space.len().min(rest.len());
            space[..count].copy_from_slice(&rest[..count]);
            rest = &rest[count..];
            ended = self.take(count);
        }
        self.ahead.taken = carried.len() - rest.len();
        if !rest.is_empty() && !self.core.closed {
            self.ahead.carried = carried;
        } else {
            self.ahead.taken = 0;
        }
        true
    }

    /// Nothing is guessed about the bytes that are wanted next.
    pub(super) fn all_is_certain(&mut self) {
        self.ahead.certain = None;
    }

    /// Returns how many bytes of `count` were wanted for certain.
    pub(super) fn certain(&mut self, count: usize) -> usize {
        self.ahead.certain.take().map_or(count, |it| it.min(count))
    }

    /// Takes note of `count` bytes that were received ahead.
    pub(super) fn take_ahead(&mut self, count: usize) {
        let Self {
            ahead,
            phase,
            scratch,
            ..
        } = self;
        let mut fits = 0;
        if let Part::Data { filled: 0, length } = self.receiver.part()
            && let Destination::Task(data, 0) = super::destination(phase, scratch)
            && data.len() == 0
            && data.capacity() <= ahead.buffer.capacity()
        {
            fits = length.min(count);
            ahead
                .carried
                .extend_from_slice(ahead.buffer.ahead(fits, count));
            std::mem::swap(data, &mut ahead.buffer);
        } else {
            ahead
                .carried
                .extend_from_slice(ahead.buffer.ahead(0, count));
        }
        ahead.buffer = Buffer::default();
        if fits > 0 {
            self.take(fits);
        }
    }

    /// Lets go of a buffer that nothing was received into.
    pub(super) fn forget_guess(&mut self) {
        self.ahead.buffer = Buffer::default();
    }
}
