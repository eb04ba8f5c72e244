//! Buffers for Data-Out, used again and again.
//!
//! # Purpose
//! A new buffer of the size of a tape block costs more than to receive the block: the system clears
//! each page of it, and we clear it once more, because no byte may be seen that was not received. So
//! buffers go round: from a command to the device that keeps the data for a while, and when the last
//! reference is gone back to a few spare ones, which all connections of the process share.
//!
//! # Guarantees
//! What a buffer held before is never seen: [`Buffer::len`] counts only what was received into it for
//! its command, and nobody gets more than that.
//!
//! # Limits
//! [`SPARE_BYTES_MAX`] in spare buffers of at most [`SPARE_LENGTH_MAX`]; what is beyond goes back to
//! the system. A buffer is taken only for a command that would have got one of the same size, rounded
//! up to [`STEP`]: a small command never ties up a large buffer.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// How much memory waits in spare buffers, in bytes, over all connections of the process.
const SPARE_BYTES_MAX: usize = 32 << 20;

/// The longest buffer that is kept: longer ones are rare, and few of them would fill the room.
const SPARE_LENGTH_MAX: usize = 4 << 20;

/// Buffers come in multiples of this many bytes, and commands with less than half of it do without:
/// for those the allocator is fast.
const STEP: usize = 64 << 10;

/// How far a new buffer grows ahead of its bytes: memory is taken as data arrives.
pub(crate) const GROWTH_STEP: usize = 256 << 10;

/// The data of a command as it arrives.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Longer than what was received: the rest is zeros or was received for another command.
    bytes: Vec<u8>,
    received: usize,
}

impl Buffer {
    /// Returns how much was received.
    pub(crate) fn len(&self) -> usize {
        self.received
    }

    /// Makes room for `additional` bytes. What is new is address space; memory comes with the data.
    pub(crate) fn reserve_exact(&mut self, additional: usize) {
        if self.bytes.capacity() == 0 && additional >= STEP / 2 {
            let length = additional.next_multiple_of(STEP);
            self.bytes = take_spare(length).unwrap_or_else(|| Vec::with_capacity(length));
        }
        let used = self.bytes.len().max(self.received);
        self.bytes
            .reserve_exact((self.received + additional).saturating_sub(used));
    }

    /// Returns the place for the next of `length` bytes from `start` on, which is at most how much was
    /// received: for all of them if there is memory, else as far as memory is taken ahead of data.
    pub(crate) fn space(&mut self, start: usize, length: usize) -> &mut [u8] {
        let mut end = start + length;
        let there = self.bytes.len();
        if there < end {
            end = end.min(there.max(start + GROWTH_STEP));
            self.bytes.resize(end.max(there), 0);
        }
        &mut self.bytes[start..end]
    }

    /// Returns how long it can be without another allocation.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
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

impl Drop for Buffer {
    fn drop(&mut self) {
        let capacity = self.bytes.capacity();
        if capacity.is_multiple_of(STEP) && (STEP..=SPARE_LENGTH_MAX).contains(&capacity) {
            SPARE.give(std::mem::take(&mut self.bytes));
        }
    }
}

fn take_spare(length: usize) -> Option<Vec<u8>> {
    (length <= SPARE_LENGTH_MAX)
        .then(|| SPARE.take(length))
        .flatten()
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
    fn take(&self, capacity: usize) -> Option<Vec<u8>> {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |buffer: &Vec<u8>| buffer.capacity() == capacity;
        let index = shelf.buffers.iter().rposition(fits)?;
        shelf.bytes -= capacity;
        Some(shelf.buffers.remove(index))
    }

    fn give(&self, buffer: Vec<u8>) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = Vec::new(); // freed without the lock
        while shelf.bytes + buffer.capacity() > SPARE_BYTES_MAX && !shelf.buffers.is_empty() {
            let oldest = shelf.buffers.remove(0);
            shelf.bytes -= oldest.capacity();
            out.push(oldest);
        }
        shelf.bytes += buffer.capacity();
        shelf.buffers.push(buffer);
        drop(shelf);
    }
}

#[cfg(test)]
mod tests {
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
        let length = 11 * STEP;
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
        let length = 13 * STEP - 5;
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
        for length in [1, STEP / 2 - 1, SPARE_LENGTH_MAX + 1] {
            let buffer = filled(length, 7);
            assert_eq!(buffer.as_ref(), vec![7; length]);
        }
        let mut buffer = filled(9, 1);
        buffer.reserve_exact(STEP);
        buffer.space(9, STEP).fill(2);
        buffer.receive(9, STEP);
        assert_eq!(buffer.len(), 9 + STEP);
        assert_eq!(buffer.as_ref()[8..10], [1, 2]);
    }

    #[test]
    fn a_new_buffer_takes_memory_as_data_arrives() {
        let length = 3 * GROWTH_STEP;
        let mut buffer = Buffer::default();
        assert_eq!(buffer.space(0, length).len(), GROWTH_STEP);
        buffer.receive(0, 10);
        assert_eq!(buffer.space(10, length - 10).len(), GROWTH_STEP);
        assert_eq!(buffer.bytes.len(), GROWTH_STEP + 10);
    }

    #[test]
    fn spare_buffers_are_bounded() {
        let spare = Spare(Mutex::new(Shelf {
            buffers: Vec::new(),
            bytes: 0,
        }));
        for _ in 0..100 {
            spare.give(Vec::with_capacity(1 << 20));
        }
        let shelf = spare.0.lock().unwrap();
        assert_eq!(shelf.bytes, SPARE_BYTES_MAX);
        assert_eq!(shelf.buffers.len(), 32);
    }
}
