//! Single files: what mhvtl kept until the end of 2009, formats 1 and 2.
//!
//! ```text
//! file: a header for the beginning of tape (its size: capacity in MB), the memory, then header, data, header,
//!       data, …  The last header is of type 5 and names itself as the next.
//!
//! early: to 0.15, formats 1 and 2            first: 0.16, format 2         linked: in the sources until 2026
//! 44 or 48 bytes                             512 bytes                     512 bytes
//!  0  u32  type                              as early with 48, and          0  u64  offset of the one before
//!  4  u32  size of the block                 12  u32  flags                 8  u64  of this one
//!  8  u32  bytes that it takes               52  u32  lengths of key,      16  u64  of the next
//! 12       nothing, in 48 bytes                  U-KAD, A-KAD              24       the entry as in an index
//! 16  u64  number                                (52, 56, 60)                       without the checksum: what
//! 24  u64  offsets of the header before,     64       key, U-KAD, A-KAD             follows stands four bytes
//!     this one (32), and the next (40)           (64, 96, 128), 32 each             earlier
//!
//! types   early: 1 block, 2 block by zlib, 4 beginning of tape; others: 11 block, 14 beginning of tape;
//!         all: 3 filemark, 5 end of data, 8 nothing
//! ```
//!
//! 44 bytes is what compilers for 32 bits made of the same structure: without the four that are nothing. There
//! the low half of the first header's `next` stands at 36, where the others have the high half of a zero. The last
//! releases that wrote single files, 0.16-11 among them, called it format 3 already.

use std::io::{Read, Seek};

use super::entry::{ENTRY_BYTES, Entry, EntryKind};
use super::memory::Memory;
use super::packed;
use crate::input::{Input, forward, u32_le, u64_le};
use crate::{Block, Error, Item, TapeReader};

/// As much as it takes to tell the kinds of headers apart: the shortest one.
const EARLY_32_BYTES: usize = 44;
const EARLY_64_BYTES: usize = 48;
const LONG_BYTES: usize = 512;
/// Where the high half of this header's own offset stands, or the low half of the next one's.
const TELLING_AT: usize = 36;
const LINKED_ENTRY_AT: usize = 24;
const CRC_AT: usize = 20;
const KEYS_AT: usize = 24;
const BEGINNING_OF_TAPE: u32 = 14;
const EARLY_BEGINNING_OF_TAPE: u32 = 4;
const BLOCK: u32 = 11;
const FLAG_ZLIB: u32 = 1;

/// Which kind of header a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// The type first, of 44 bytes.
    Early32,
    /// The type first, of 48 bytes.
    Early64,
    /// The same with flags and keys, of 512 bytes.
    First,
    /// 512 bytes, the offsets first.
    Linked,
}

/// A header.
#[derive(Debug)]
struct Header {
    entry: Entry,
    next: u64,
}

/// Reads a single file.
#[derive(Debug)]
pub struct SingleFile<R> {
    input: Input<R>,
    layout: Layout,
    next: u64,
    capacity_mb: u32,
    memory: Option<Memory>,
    has_ended: bool,
}

impl<R: Read + Seek> SingleFile<R> {
    /// Reads the first header and the memory.
    pub fn new(reader: R) -> Result<Self, Error> {
        let mut input = Input::new(reader);
        let mut first = [0; EARLY_32_BYTES];
        input.fill_all(&mut first, "a header")?;
        let layout = if u32_le(&first, 0) == BEGINNING_OF_TAPE {
            Layout::First
        } else if u32_le(&first, LINKED_ENTRY_AT) == BEGINNING_OF_TAPE {
            Layout::Linked
        } else if u32_le(&first, 0) != EARLY_BEGINNING_OF_TAPE {
            let reason = "not a cartridge of mhvtl: no beginning of tape";
            return Err(Error::damaged(0, reason));
        } else if u32_le(&first, TELLING_AT) == 0 {
            Layout::Early64
        } else {
            Layout::Early32
        };
        let header = layout.read(&mut input, 0)?;
        let bytes = layout.header_bytes();
        let next = forward(0, header.next, bytes)?;
        let memory_bytes = usize::try_from(next).map_or(0, |next| next - bytes);
        let shape = match layout {
            Layout::Early32 | Layout::Early64 => packed::Shape::early(memory_bytes),
            Layout::First => packed::Shape::aligned(memory_bytes),
            Layout::Linked => None,
        };
        let memory = match shape {
            Some(shape) => {
                input.seek(bytes as u64)?;
                let bytes = input.take(memory_bytes, "the memory")?;
                packed::parse_as(&bytes, shape)
            }
            None => None,
        };
        Ok(Self {
            input,
            layout,
            next,
            capacity_mb: header.entry.size,
            memory,
            has_ended: false,
        })
    }

    /// Returns the capacity that it was made with, in units of 2^20 bytes.
    pub fn capacity_mb(&self) -> u32 {
        self.capacity_mb
    }

    /// Returns its memory; none when nobody knows how that was laid out.
    pub fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }
}

impl Layout {
    const fn header_bytes(self) -> usize {
        match self {
            Self::Early32 => EARLY_32_BYTES,
            Self::Early64 => EARLY_64_BYTES,
            Self::First | Self::Linked => LONG_BYTES,
        }
    }

    /// Returns where a header has its own offset and that of the next.
    const fn offsets_at(self) -> (usize, usize) {
        match self {
            Self::Early32 => (28, 36),
            Self::Early64 | Self::First => (32, 40),
            Self::Linked => (8, 16),
        }
    }

    /// Reads the header at `offset`.
    fn read<R: Read + Seek>(self, input: &mut Input<R>, offset: u64) -> Result<Header, Error> {
        input.seek(offset)?;
        let mut bytes = [0; LONG_BYTES];
        let bytes = &mut bytes[..self.header_bytes()];
        input.fill_all(bytes, "a header")?;
        let (here_at, next_at) = self.offsets_at();
        let here = u64_le(bytes, here_at);
        if here != offset {
            let reason = format!("a header that belongs at {here}");
            return Err(Error::damaged(offset, reason));
        }
        let next = u64_le(bytes, next_at);
        let entry = Entry::parse(&self.entry(bytes));
        let entry = entry.map_err(|reason| Error::damaged(offset, reason))?;
        let end = offset + bytes.len() as u64 + u64::from(entry.stored);
        if entry.kind == EntryKind::Block && end > next {
            let reason = format!("the next header is said to be at {next}");
            return Err(Error::damaged(offset, reason));
        }
        Ok(Header { entry, next })
    }

    /// Brings the fields of a header into the order of an index.
    fn entry(self, header: &[u8]) -> [u8; ENTRY_BYTES] {
        let mut entry = [0; ENTRY_BYTES];
        if self == Self::Linked {
            let old = &header[LINKED_ENTRY_AT..];
            entry[..CRC_AT].copy_from_slice(&old[..CRC_AT]);
            entry[KEYS_AT..].copy_from_slice(&old[CRC_AT..ENTRY_BYTES - 4]);
            return entry;
        }
        let (kind, flags, number_at) = match (self, u32_le(header, 0)) {
            (Self::First, kind) => (kind, u32_le(header, 12), 16),
            (early, kind) => {
                let (kind, flags) = match kind {
                    1 => (BLOCK, 0),
                    2 => (BLOCK, FLAG_ZLIB),
                    EARLY_BEGINNING_OF_TAPE => (BEGINNING_OF_TAPE, 0),
                    // What later types mean these have never meant.
                    BLOCK | BEGINNING_OF_TAPE => (0, 0),
                    other => (other, 0),
                };
                (kind, flags, if early == Self::Early32 { 12 } else { 16 })
            }
        };
        entry[..4].copy_from_slice(&kind.to_le_bytes());
        entry[4..8].copy_from_slice(&flags.to_le_bytes());
        for (to, from) in [(8, number_at), (12, 4), (16, 8)] {
            entry[to..to + 4].copy_from_slice(&header[from..from + 4]);
        }
        if self == Self::First {
            entry[KEYS_AT..KEYS_AT + 12].copy_from_slice(&header[52..64]);
            entry[40..].copy_from_slice(&header[64..160]);
        }
        entry
    }
}

impl<R: Read + Seek> TapeReader for SingleFile<R> {
    fn read_item(&mut self) -> Result<Option<Item>, Error> {
        loop {
            let offset = self.next;
            let Header { entry, next } = self.layout.read(&mut self.input, offset)?;
            if entry.kind == EntryKind::EndOfData {
                return Ok(None);
            }
            self.next = forward(offset, next, self.layout.header_bytes())?;
            match entry.kind {
                EntryKind::Filemark => return Ok(Some(Item::Filemark)),
                EntryKind::Block => {
                    let data_at = offset + self.layout.header_bytes() as u64;
                    let stored = self.input.take(entry.stored as usize, "a block")?;
                    let bytes = entry
                        .unpack(stored)
                        .map_err(|reason| Error::damaged(data_at, reason))?;
                    return Ok(Some(Item::Block(Block {
                        bytes,
                        is_bad: false,
                        key: entry.key,
                    })));
                }
                EntryKind::Nothing => {}
                EntryKind::BeginningOfTape | EntryKind::EndOfData => {
                    let reason = "a beginning of tape in the middle";
                    return Err(Error::damaged(offset, reason));
                }
            }
        }
    }

    fn has_ended(&mut self) -> &mut bool {
        &mut self.has_ended
    }

    fn bytes_read(&self) -> u64 {
        self.input.offset()
    }
}
