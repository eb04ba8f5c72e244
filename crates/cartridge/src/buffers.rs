//! Buffers for frames that are read, used again and again.
//!
//! # Purpose
//! A new buffer of the size of a frame costs more than to read the frame: the system clears each page of
//! it when it is touched first. So buffers go round: they are read or decompressed into, what a host is
//! sent are slices of them, and when the last slice is gone they come back to a few spare ones, which all
//! cartridges of the process share.
//!
//! # Guarantees
//! What a buffer held before is never seen: [`Buffer::freeze`] hands out what was asked of it by length,
//! and whoever took it has filled all of that or drops it.
//!
//! # Limits
//! [`BUFFERS_SPARE_BYTES_MAX`] in spare buffers of at most [`BUFFER_SPARE_LENGTH_MAX`]; what is beyond
//! goes back to the system.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::limits::{BUFFER_SPARE_LENGTH_MAX, BUFFERS_SPARE_BYTES_MAX};

/// Buffers come in multiples of this many bytes. What is shorter than half of it does without going
/// round: for that the allocator is fast.
const STEP: usize = 64 << 10;

/// A buffer that belongs to who took it.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// As long as its capacity: all of it was cleared once, and what lies behind `length` is left over
    /// from before.
    bytes: Vec<u8>,
    length: usize,
}

impl Buffer {
    /// Returns a buffer of `length` bytes. They hold anything.
    pub(crate) fn take(length: usize) -> Self {
        let rounded = Self::footprint(length);
        let bytes = if rounded == length && length < STEP {
            vec![0; length]
        } else {
            SPARE.take(rounded).unwrap_or_else(|| vec![0; rounded])
        };
        Self { bytes, length }
    }

    /// Returns how much memory a buffer of `length` bytes takes if it is a new one.
    pub(crate) fn footprint(length: usize) -> usize {
        if length < STEP / 2 {
            length
        } else {
            length.next_multiple_of(STEP)
        }
    }

    /// Returns its bytes.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Returns its bytes, to be filled.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }

    /// Returns the bytes of `range`. The buffer comes back when the last of them is dropped.
    pub(crate) fn freeze(self, range: Range<usize>) -> Bytes {
        debug_assert!(range.end <= self.length);
        if range.is_empty() {
            return Bytes::new();
        }
        Bytes::from_owner(self).slice(range)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let length = self.bytes.len();
        if length.is_multiple_of(STEP) && (STEP..=BUFFER_SPARE_LENGTH_MAX).contains(&length) {
            SPARE.give(std::mem::take(&mut self.bytes));
        }
    }
}

/// The spare buffers of the process. An allocator in small: no result depends on it.
static SPARE: Spare = Spare(Mutex::new(Shelf {
    buffers: Vec::new(),
    bytes: 0,
}));

struct Spare(Mutex<Shelf>);

struct Shelf {
    /// The one that came last is the one whose memory is nearest to the processor.
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

impl Spare {
    /// Returns the buffer that came last of those with room for `length` bytes, unless most of it would
    /// be for nothing.
    fn take(&self, length: usize) -> Option<Vec<u8>> {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |buffer: &Vec<u8>| (length..=2 * length).contains(&buffer.len());
        let index = shelf.buffers.iter().rposition(fits)?;
        let buffer = shelf.buffers.remove(index);
        shelf.bytes -= buffer.len();
        Some(buffer)
    }

    fn give(&self, buffer: Vec<u8>) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = Vec::new(); // freed without the lock
        while shelf.bytes + buffer.len() > BUFFERS_SPARE_BYTES_MAX && !shelf.buffers.is_empty() {
            let oldest = shelf.buffers.remove(0);
            shelf.bytes -= oldest.len();
            out.push(oldest);
        }
        shelf.bytes += buffer.len();
        shelf.buffers.push(buffer);
        drop(shelf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_buffer_held_before_is_never_seen() {
        // An odd size, so that no other test of this process has one.
        let length = 11 * STEP;
        let mut buffer = Buffer::take(length);
        buffer.as_mut_slice().fill(0xaa);
        drop(buffer.freeze(0..length));
        let mut again = Buffer::take(length - 10);
        assert_eq!(again.as_slice().len(), length - 10);
        again.as_mut_slice()[..8].copy_from_slice(b"not much");
        assert_eq!(&again.freeze(0..3)[..], b"not");
    }

    #[test]
    fn memory_goes_round_when_the_last_slice_is_gone() {
        let length = 37 * STEP;
        let first = Buffer::take(length).freeze(0..length - 5);
        let address = first.as_ptr();
        let slice = first.slice(1..2);
        drop(first);
        let other = Buffer::take(length);
        assert_ne!(other.as_slice().as_ptr(), address, "in use");
        drop(slice);
        assert_eq!(Buffer::take(length).as_slice().as_ptr(), address);
    }

    #[test]
    fn small_and_huge_buffers_are_exact_in_length() {
        for length in [0, 1, STEP / 2 - 1, STEP / 2, BUFFER_SPARE_LENGTH_MAX + 1] {
            let mut buffer = Buffer::take(length);
            buffer.as_mut_slice().fill(7);
            assert_eq!(buffer.freeze(0..length), vec![7; length]);
        }
    }

    #[test]
    fn spare_buffers_are_bounded_and_never_much_too_long() {
        let spare = Spare(Mutex::new(Shelf {
            buffers: Vec::new(),
            bytes: 0,
        }));
        for _ in 0..100 {
            spare.give(vec![0; 1 << 20]);
        }
        assert_eq!(spare.0.lock().unwrap().bytes, BUFFERS_SPARE_BYTES_MAX);
        assert!(spare.take((1 << 20) + 1).is_none());
        assert!(spare.take((1 << 19) - 1).is_none());
        assert!(spare.take(1 << 19).is_some());
        let shelf = spare.0.lock().unwrap();
        assert_eq!(shelf.bytes, BUFFERS_SPARE_BYTES_MAX - (1 << 20));
    }
}
