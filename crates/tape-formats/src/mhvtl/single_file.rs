//! Single files: what mhvtl kept until the end of 2009.
//!
//! ```text
//! file: a header of type 14 (its size: capacity in MB), the memory, then header, data, header, data, …
//!       The last header is of type 5 and names itself as the next.
//!
//! header, 48 bytes, or 512 since May 2009    header in the sources until 2026, 512 bytes
//!  0  u32  type                              0  u64  offset of the header before
//!  4  u32  size of the block                 8  u64  of this one
//!  8  u32  bytes that it takes              16  u64  of the next
//! 12  u32  flags, in 512 bytes              24       the entry as in an index, but without the
//! 16  u64  number                                    checksum: what follows stands four bytes earlier
//! 24  u64  offsets of the header before,
//!     this one (32), and the next (40)
//! 52  u32  lengths of key, U-KAD, A-KAD (52, 56, 60)
//! 64       key, U-KAD, A-KAD (64, 96, 128), 32 bytes each
//! ```
//!
//! How long a header of the first kind is, the offset of the next one tells. There was one way to
//! compress, zlib.

use std::io::{Read, Seek};

use super::entry::{ENTRY_BYTES, Entry, EntryKind};
use crate::input::{Input, u32_le, u64_le};
use crate::{Block, Error, Item, TapeReader};

/// The part of a header that every kind has.
const SHORT_BYTES: usize = 48;
/// How much of a header with keys is looked at.
const LONG_BYTES: usize = 160;
/// A header of the second kind.
const LINKED_BYTES: usize = 512;
const LINKED_ENTRY_AT: usize = 24;
const CRC_AT: usize = 20;
const KEYS_AT: usize = 24;
const BEGINNING_OF_TAPE: u32 = 14;

/// Which kind of header a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// 48 or 512 bytes, the type first.
    First,
    /// 512 bytes, the offsets first.
    Linked,
}

/// A header, with what follows it.
#[derive(Debug)]
struct Header {
    entry: Entry,
    next: u64,
    data_at: u64,
}

/// Reads a single file.
#[derive(Debug)]
pub struct SingleFile<R> {
    input: Input<R>,
    layout: Layout,
    next: u64,
    capacity_mb: u32,
    has_ended: bool,
}

impl<R: Read + Seek> SingleFile<R> {
    /// Reads the first header.
    pub fn new(reader: R) -> Result<Self, Error> {
        let mut input = Input::new(reader);
        let mut first = [0; SHORT_BYTES];
        input.fill_all(&mut first, "a header")?;
        let layout = if u32_le(&first, 0) == BEGINNING_OF_TAPE {
            Layout::First
        } else if u32_le(&first, LINKED_ENTRY_AT) == BEGINNING_OF_TAPE {
            Layout::Linked
        } else {
            let reason = "not a cartridge of mhvtl: no beginning of tape";
            return Err(Error::damaged(0, reason));
        };
        let header = layout.read(&mut input, 0)?;
        Ok(Self {
            input,
            layout,
            next: forward(0, header.next)?,
            capacity_mb: header.entry.size,
            has_ended: false,
        })
    }

    /// Returns the capacity that it was made with, in units of 2^20 bytes.
    pub fn capacity_mb(&self) -> u32 {
        self.capacity_mb
    }

    fn next(&mut self) -> Result<Option<Item>, Error> {
        loop {
            let offset = self.next;
            let Header {
                entry,
                next,
                data_at,
            } = self.layout.read(&mut self.input, offset)?;
            if entry.kind == EntryKind::EndOfData {
                return Ok(None);
            }
            self.next = forward(offset, next)?;
            match entry.kind {
                EntryKind::Filemark => return Ok(Some(Item::Filemark)),
                EntryKind::Block => {
                    self.input.seek(data_at)?;
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
}

/// Offsets only ever grow, so no chain of headers is a circle.
fn forward(from: u64, to: u64) -> Result<u64, Error> {
    if to >= from + SHORT_BYTES as u64 {
        Ok(to)
    } else {
        let reason = format!("the next header is said to be at {to}");
        Err(Error::damaged(from, reason))
    }
}

impl Layout {
    /// Reads the header at `offset`.
    fn read<R: Read + Seek>(self, input: &mut Input<R>, offset: u64) -> Result<Header, Error> {
        input.seek(offset)?;
        let mut bytes = [0; LINKED_BYTES];
        let (here_at, next_at) = match self {
            Self::First => {
                input.fill_all(&mut bytes[..SHORT_BYTES], "a header")?;
                (32, 40)
            }
            Self::Linked => {
                input.fill_all(&mut bytes, "a header")?;
                (8, 16)
            }
        };
        let here = u64_le(&bytes, here_at);
        if here != offset {
            let reason = format!("a header that belongs at {here}");
            return Err(Error::damaged(offset, reason));
        }
        let next = u64_le(&bytes, next_at);
        let mut data_at = offset + LINKED_BYTES as u64;
        let mut entry = [0; ENTRY_BYTES];
        match self {
            Self::First => {
                let stored = u64::from(u32_le(&bytes, 8));
                data_at = next.saturating_sub(stored);
                if data_at.saturating_sub(offset) >= LONG_BYTES as u64 {
                    input.fill_all(&mut bytes[SHORT_BYTES..LONG_BYTES], "a header")?;
                }
                first_entry(&mut entry, &bytes);
            }
            Self::Linked => {
                let old = &bytes[LINKED_ENTRY_AT..];
                entry[..CRC_AT].copy_from_slice(&old[..CRC_AT]);
                entry[KEYS_AT..].copy_from_slice(&old[CRC_AT..ENTRY_BYTES - 4]);
            }
        }
        let entry = Entry::parse(&entry).map_err(|reason| Error::damaged(offset, reason))?;
        let is_block = entry.kind == EntryKind::Block;
        if is_block && (data_at < offset + SHORT_BYTES as u64 || data_at > next) {
            let reason = format!("the next header is said to be at {next}");
            return Err(Error::damaged(offset, reason));
        }
        Ok(Header {
            entry,
            next,
            data_at,
        })
    }
}

/// Brings the fields of a header of the first kind into the order of an index.
fn first_entry(entry: &mut [u8; ENTRY_BYTES], header: &[u8]) {
    let fields = [(0, 0), (4, 12), (8, 16), (12, 4), (16, 8)];
    for (to, from) in fields {
        entry[to..to + 4].copy_from_slice(&header[from..from + 4]);
    }
    if entry[12..16] != entry[16..20] {
        entry[4] |= 1; // the oldest have no flags: what takes fewer bytes is compressed
    }
    entry[KEYS_AT..KEYS_AT + 12].copy_from_slice(&header[52..64]);
    entry[40..].copy_from_slice(&header[64..160]);
}

impl<R: Read + Seek> TapeReader for SingleFile<R> {
    fn next_item(&mut self) -> Result<Option<Item>, Error> {
        if self.has_ended {
            return Ok(None);
        }
        let item = self.next();
        self.has_ended = !matches!(item, Ok(Some(_)));
        item
    }

    fn bytes_read(&self) -> u64 {
        self.input.offset()
    }
}
