//! Buffers for Data-Out.
//!
//! # Purpose
//! Their memory goes round (see [`buffers`]): from a command to the device that keeps the data for a while,
//! and when the last reference is gone back to the shelf.
//!
//! # Guarantees
//! What a buffer held before is never seen: [`Buffer::len`] counts only what was received into it for
//! its command, and nobody gets more than that.
//!
//! # Limits
//! A buffer is taken only for a command that would have got one of the same size, rounded up to
//! [`buffers::STEP_BYTES`]: a small command never ties up a large buffer.

use buffers::Piece;
use bytes::Bytes;

/// How far a buffer for which nobody reserved room grows ahead of its bytes: memory is taken as data arrives.
pub(crate) const GROWTH_STEP: usize = 256 << 10;

/// The data of a command as it arrives.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Longer than what was received: the rest is zeros or was received for another command.
    bytes: Piece,
    received: usize,
}

impl Buffer {
    /// Returns how much was received.
    pub(crate) fn len(&self) -> usize {
        self.received
    }

    /// Makes room for `additional` bytes. What is new is address space; memory comes with the data.
    pub(crate) fn reserve_exact(&mut self, additional: usize) {
        let wanted = self.received + additional;
        if self.bytes.len() < wanted {
            let mut bytes = Piece::take(wanted);
            bytes[..self.received].copy_from_slice(&self.bytes[..self.received]);
            self.bytes = bytes;
        }
    }

    /// Returns the place for the next of `length` bytes from `start` on, which is at most how much was
    /// received: for all of them if there is room, else as far as memory is taken ahead of data.
    pub(crate) fn space(&mut self, start: usize, length: usize) -> &mut [u8] {
        let mut end = start + length;
        let there = self.bytes.len();
        if there < end {
            end = end.min(there.max(start + GROWTH_STEP));
            self.reserve_exact(end - self.received);
        }
        &mut self.bytes[start..end]
    }

    /// Returns how long it can be without another allocation.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Returns bytes that lie in [`Buffer::space`] without having been received.
    pub(crate) fn ahead(&self, from: usize, to: usize) -> &[u8] {
        &self.bytes[from..to]
    }

    /// Takes note that `count` bytes from `start` on were received into [`Buffer::space`], and
    /// returns them.
    pub(crate) fn receive(&mut self, start: usize, count: usize) -> &[u8] {
        debug_assert!(start <= self.received, "data comes in order");
        self.received = self.received.max(start + count);
        &self.bytes[start..start + count]
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.received]
    }
}

impl From<Buffer> for Bytes {
    /// The buffer goes back when the last of the bytes is dropped.
    fn from(buffer: Buffer) -> Self {
        if buffer.received == 0 {
            return Self::new();
        }
        Self::from_owner(buffer)
    }
}

#[cfg(test)]
mod tests {
    use buffers::STEP_BYTES;

    use super::*;

    fn filled(length: usize, with: u8) -> Buffer {
        let mut buffer = Buffer::default();
        buffer.reserve_exact(length);
        while buffer.len() < length {
            let start = buffer.len();
            let space = buffer.space(start, length - start);
            space.fill(with);
            let count = space.len();
            assert_eq!(buffer.receive(start, count), vec![with; count]);
        }
        buffer
    }

    #[test]
    fn what_a_buffer_held_before_is_never_seen() {
        // An odd size, so that no other test of this process has one.
        let length = 11 * STEP_BYTES;
        drop(Bytes::from(filled(length, 0xaa)));
        let mut again = Buffer::default();
        again.reserve_exact(length);
        assert_eq!(again.len(), 0);
        assert!(again.as_ref().is_empty());
        again.space(0, 8).copy_from_slice(b"not much");
        again.receive(0, 3);
        assert_eq!(&Bytes::from(again)[..], b"not");
    }

    #[test]
    fn memory_goes_round() {
        let length = 13 * STEP_BYTES - 5;
        let first = Bytes::from(filled(length, 1));
        let address = first.as_ptr();
        let slice = first.slice(1..2);
        drop(first);
        assert_ne!(filled(length, 2).as_ref().as_ptr(), address, "in use");
        drop(slice);
        assert_eq!(filled(length, 2).as_ref().as_ptr(), address);
    }

    #[test]
    fn small_and_huge_commands_do_without() {
        for length in [1, STEP_BYTES / 2 - 1, buffers::SPARE_LENGTH_MAX + 1] {
            let buffer = filled(length, 7);
            assert_eq!(buffer.as_ref(), vec![7; length]);
        }
        let mut buffer = filled(9, 1);
        buffer.reserve_exact(STEP_BYTES);
        buffer.space(9, STEP_BYTES).fill(2);
        buffer.receive(9, STEP_BYTES);
        assert_eq!(buffer.len(), 9 + STEP_BYTES);
        assert_eq!(buffer.as_ref()[8..10], [1, 2]);
    }

    #[test]
    fn a_new_buffer_takes_memory_as_data_arrives() {
        let length = 3 * GROWTH_STEP;
        let mut buffer = Buffer::default();
        assert_eq!(buffer.space(0, length).len(), GROWTH_STEP);
        buffer.receive(0, 10);
        assert_eq!(buffer.space(10, length - 10).len(), GROWTH_STEP);
        assert_eq!(buffer.bytes.len(), buffers::rounded(GROWTH_STEP + 10));
    }
}
