//! Memory for tape blocks, used again and again.
//!
//! # Purpose
//! New memory of the size of a tape block costs more than to move the block: the system clears each page of
//! it when it is touched first. So it goes round: a [`Piece`] that is dropped waits on a shelf until somebody
//! [takes](Piece::take) one of its size. There is one shelf for the whole process: what an initiator sent on one
//! connection becomes room for what is read from a cartridge.
//!
//! # Guarantees
//! A piece begins at the border of a page and lies in pages of its own: what is beyond the shelf goes back to
//! the system at once, whatever else was allocated meanwhile. None about what a piece holds: whoever takes one
//! shows others only what it has filled.
//!
//! # Limits
//! [`SPARE_BYTES_MAX`] on the shelf, in pieces whose length is a multiple of [`STEP_BYTES`] and at most
//! [`SPARE_LENGTH_MAX`]. The oldest go first.

use std::ops::{Deref, DerefMut, RangeInclusive};
use std::sync::{Mutex, MutexGuard, PoisonError};

use memmap2::MmapMut;

/// How much memory waits on the shelf. It only has to bridge the time between one block and the next, on all
/// drives together; what is being used does not count.
pub const SPARE_BYTES_MAX: usize = 16 << 20;

/// The longest piece that is kept: longer ones are rare, and few of them would fill the shelf.
pub const SPARE_LENGTH_MAX: usize = 4 << 20;

/// Pieces come in multiples of this many bytes. What is shorter than half of it does without the shelf and
/// without pages of its own: for that the allocator is fast.
pub const STEP_BYTES: usize = 64 << 10;

/// Returns how long a new piece for `length` bytes is.
pub const fn rounded(length: usize) -> usize {
    if length < STEP_BYTES / 2 {
        length
    } else {
        length.next_multiple_of(STEP_BYTES)
    }
}

/// Returns how many bytes lie on the shelf.
pub fn spare_bytes() -> usize {
    lock(&SHELF).bytes
}

/// Memory that belongs to who took it. Its pages are the system's until they are touched.
#[derive(Debug, Default)]
pub struct Piece(Memory);

#[derive(Debug)]
enum Memory {
    Heap(Vec<u8>),
    Pages(MmapMut),
}

impl Piece {
    /// Returns a piece of [`rounded`]`(length)` bytes, which hold anything.
    pub fn take(length: usize) -> Self {
        let length = rounded(length);
        Self::among(length..=length)
    }

    /// Returns a piece of [`rounded`]`(length)` bytes or, if there is only a longer one, of at most twice as
    /// many. They hold anything.
    pub fn take_up_to_twice(length: usize) -> Self {
        let length = rounded(length);
        Self::among(length..=2 * length)
    }

    fn among(lengths: RangeInclusive<usize>) -> Self {
        let length = *lengths.start();
        if length < STEP_BYTES {
            return Self(Memory::Heap(vec![0; length]));
        }
        let spare = match length {
            0..=SPARE_LENGTH_MAX => lock(&SHELF).take(&lengths),
            _ => None,
        };
        Self(match spare {
            Some(pages) => Memory::Pages(pages),
            // Without memory for pages there is none for the heap, and the process ends as it does then.
            None => MmapMut::map_anon(length)
                .map_or_else(|_| Memory::Heap(vec![0; length]), Memory::Pages),
        })
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::Heap(Vec::new())
    }
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Heap(bytes) => bytes,
            Memory::Pages(bytes) => bytes,
        }
    }
}

impl DerefMut for Piece {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Memory::Heap(bytes) => bytes,
            Memory::Pages(bytes) => bytes,
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if let Memory::Pages(pages) = std::mem::take(&mut self.0)
            && pages.len() <= SPARE_LENGTH_MAX
        {
            let out = lock(&SHELF).give(pages);
            drop(out); // without the lock
        }
    }
}

/// The shelf of the process. An allocator in small: no result depends on it.
static SHELF: Mutex<Shelf> = Mutex::new(Shelf {
    pieces: Vec::new(),
    bytes: 0,
});

fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    // The shelf is whole between any two statements that could panic.
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Shelf {
    /// The one that came last is the last: its memory is nearest to the processor.
    pieces: Vec<MmapMut>,
    bytes: usize,
}

impl Shelf {
    fn take(&mut self, lengths: &RangeInclusive<usize>) -> Option<MmapMut> {
        let fits = |piece: &MmapMut| lengths.contains(&piece.len());
        let index = self.pieces.iter().rposition(fits)?;
        let piece = self.pieces.remove(index);
        self.bytes -= piece.len();
        Some(piece)
    }

    /// Returns those for which there is no more room.
    fn give(&mut self, piece: MmapMut) -> Vec<MmapMut> {
        self.bytes += piece.len();
        self.pieces.push(piece);
        let mut too_many = 0;
        while self.bytes > SPARE_BYTES_MAX {
            self.bytes -= self.pieces[too_many].len();
            too_many += 1;
        }
        self.pieces.drain(..too_many).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> Shelf {
        Shelf {
            pieces: Vec::new(),
            bytes: 0,
        }
    }

    fn pages(length: usize, first: u8) -> MmapMut {
        let mut pages = MmapMut::map_anon(length).unwrap();
        pages[0] = first;
        pages
    }

    #[test]
    fn the_shelf_is_bounded_and_the_oldest_go_first() {
        let mut shelf = shelf();
        let mut gone = 0;
        for number in 0..100_u8 {
            for oldest in shelf.give(pages(1 << 20, number)) {
                assert_eq!(oldest[0], gone);
                gone += 1;
            }
            assert!(shelf.bytes <= SPARE_BYTES_MAX);
        }
        assert_eq!((shelf.bytes, shelf.pieces.len()), (SPARE_BYTES_MAX, 16));
        assert_eq!(gone, 84);
        let long = pages(SPARE_LENGTH_MAX, 0);
        assert_eq!(shelf.give(long).len(), 4, "it makes room for itself");
        assert_eq!(shelf.bytes, SPARE_BYTES_MAX);
    }

    #[test]
    fn what_came_last_goes_first_if_it_fits() {
        let mut shelf = shelf();
        for number in 0..3 {
            shelf.give(pages(STEP_BYTES, number));
            shelf.give(pages(3 * STEP_BYTES, 10 + number));
        }
        let mut take = |lengths| shelf.take(&lengths).map(|piece| piece[0]);
        assert_eq!(take(2 * STEP_BYTES..=2 * STEP_BYTES), None);
        assert_eq!(take(3 * STEP_BYTES + 1..=usize::MAX), None);
        assert_eq!(take(2 * STEP_BYTES..=4 * STEP_BYTES), Some(12));
        for number in [2, 1, 0] {
            assert_eq!(take(STEP_BYTES..=STEP_BYTES), Some(number));
        }
        assert_eq!(take(STEP_BYTES..=STEP_BYTES), None);
    }

    /// The shelf of the process: pieces of a length that no other test has.
    #[test]
    fn memory_goes_round() {
        let length = 37 * STEP_BYTES;
        let mut piece = Piece::take(length - 1);
        assert_eq!(piece.len(), length);
        piece[length - 1] = 7;
        let address = piece.as_ptr();
        drop(piece);
        assert!(spare_bytes() >= length);
        let again = Piece::take_up_to_twice(20 * STEP_BYTES);
        assert_eq!((again.as_ptr(), again[length - 1]), (address, 7));
        assert_ne!(Piece::take(length).as_ptr(), address, "in use");
    }

    #[test]
    fn short_pieces_are_exact_and_long_ones_begin_with_a_page() {
        for length in [0, 1, STEP_BYTES / 2 - 1] {
            assert_eq!(Piece::take(length).len(), length);
        }
        for length in [STEP_BYTES / 2, SPARE_LENGTH_MAX + 1] {
            let piece = Piece::take(length);
            assert_eq!(piece.len(), rounded(length));
            assert!(piece.as_ptr().addr().is_multiple_of(4096));
            assert!(piece.iter().all(|&byte| byte == 0), "nobody had it before");
        }
        assert_eq!(rounded(STEP_BYTES + 1), 2 * STEP_BYTES);
    }
}
