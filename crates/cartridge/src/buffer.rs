//! Buffers for frames: gathered, compressed or sealed into, read or decompressed into.
//!
//! # Purpose
//! Their memory goes round (see [`buffers`]): what is written, and what a host is sent, are slices of them,
//! and when the last slice is gone it goes back to the shelf.
//!
//! # Guarantees
//! What a buffer held before is never seen: what is handed out is what was asked of it by length, and whoever
//! took it has filled all of that or drops it.

use std::ops::Range;

use buffers::Piece;
use bytes::Bytes;

/// A buffer that belongs to who took it.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// What lies behind `length` is left over from before.
    bytes: Piece,
    length: usize,
}

impl Buffer {
    /// Returns a buffer of `length` bytes. They hold anything.
    pub(crate) fn take(length: usize) -> Self {
        Self {
            // Twice as long is still better than new.
            bytes: Piece::take_up_to_twice(length),
            length,
        }
    }

    /// Returns an empty buffer that takes `capacity` bytes, and often a few more.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            length: 0,
            ..Self::take(capacity)
        }
    }

    /// Returns how many bytes can be added.
    pub(crate) fn spare_capacity(&self) -> usize {
        self.bytes.len() - self.length
    }

    /// Adds `bytes`, for which there must be room.
    pub(crate) fn extend_from_slice(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.bytes[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }

    /// Keeps only the first `length` bytes.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Returns how much memory a buffer of `length` bytes takes if it is a new one.
    pub(crate) fn footprint(length: usize) -> usize {
        buffers::rounded(length)
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

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: usize = buffers::STEP_BYTES;

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
        for length in [0, 1, STEP / 2 - 1, STEP / 2, buffers::SPARE_LENGTH_MAX + 1] {
            let mut buffer = Buffer::take(length);
            buffer.as_mut_slice().fill(7);
            assert_eq!(buffer.freeze(0..length), vec![7; length]);
        }
    }
}
