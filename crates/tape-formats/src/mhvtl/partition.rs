//! A partition: `indx` says what there is, `data` has it.
//!
//! ```text
//! indx: 512 bytes for each block and filemark, in order
//!   0  u64  where in data
//!   8       the entry: see `entry`
//! 144  u32  partition
//! meta: u32 number of filemarks, padded to 512 bytes; then u32 for each: the number of its entry.
//!       Format 3 has the memory, 1024 bytes, before it.
//! ```

use std::io::{Read, Seek};

use super::entry::{Entry, EntryKind};
use crate::input::{Input, u32_le, u64_le};
use crate::{Block, Error, Item, TapeReader};

const RECORD_BYTES: usize = 512;
const ENTRY_AT: usize = 8;

/// Reads a partition.
#[derive(Debug)]
pub struct Partition<I, D> {
    index: Input<I>,
    data: Input<D>,
    /// Names for errors.
    names: [String; 2],
    next: u32,
    filemarks: u64,
    filemarks_in_meta: Option<u64>,
    has_ended: bool,
    /// Whether that was the end of the tape, and not an error.
    is_whole: bool,
}

impl<I: Read, D: Read + Seek> Partition<I, D> {
    /// Returns a reader that stands at the beginning. `names` are those of the two files, for errors;
    /// `filemarks_in_meta` is what [`filemark_count`] found in the third. Reads in small pieces: give it
    /// buffered readers.
    pub fn new(index: I, data: D, names: [String; 2], filemarks_in_meta: Option<u64>) -> Self {
        Self {
            index: Input::new(index),
            data: Input::new(data),
            names,
            next: 0,
            filemarks: 0,
            filemarks_in_meta,
            has_ended: false,
            is_whole: false,
        }
    }

    fn block(&mut self, entry: &Entry, at: u64) -> Result<Vec<u8>, Error> {
        self.data.seek(at)?;
        let stored = self.data.take(entry.stored as usize, "a block")?;
        entry
            .unpack(stored)
            .map_err(|reason| Error::damaged(at, reason))
    }
}

impl<I: Read, D: Read + Seek> TapeReader for Partition<I, D> {
    fn read_item(&mut self) -> Result<Option<Item>, Error> {
        loop {
            let offset = self.index.offset();
            let mut record = [0; RECORD_BYTES];
            let is_there = self.index.fill(&mut record, "an entry");
            if !is_there.map_err(|error| error.of(&self.names[0]))? {
                self.is_whole = true;
                return Ok(None);
            }
            let parsed = Entry::parse(&record[ENTRY_AT..]).and_then(|entry| {
                if entry.number == self.next {
                    Ok(entry)
                } else {
                    Err(format!(
                        "entry {} bears the number {}",
                        self.next, entry.number
                    ))
                }
            });
            let entry =
                parsed.map_err(|reason| Error::damaged(offset, reason).of(&self.names[0]))?;
            self.next = self.next.saturating_add(1);
            match entry.kind {
                EntryKind::Block => {
                    let bytes = self.block(&entry, u64_le(&record, 0));
                    return Ok(Some(Item::Block(Block {
                        bytes: bytes.map_err(|error| error.of(&self.names[1]))?,
                        is_bad: false,
                        key: entry.key,
                    })));
                }
                EntryKind::Filemark => {
                    self.filemarks += 1;
                    return Ok(Some(Item::Filemark));
                }
                EntryKind::EndOfData => {
                    self.is_whole = true;
                    return Ok(None);
                }
                EntryKind::Nothing => {}
                EntryKind::BeginningOfTape => {
                    let reason = "a beginning of tape in the middle";
                    return Err(Error::damaged(offset, reason).of(&self.names[0]));
                }
            }
        }
    }

    fn has_ended(&mut self) -> &mut bool {
        &mut self.has_ended
    }

    fn bytes_read(&self) -> u64 {
        self.data.offset()
    }

    fn remarks(&self) -> Vec<String> {
        match self.filemarks_in_meta {
            Some(count) if self.is_whole && count != self.filemarks => vec![format!(
                "{} filemarks, but the file meta has {count}: mhvtl would not load it",
                self.filemarks
            )],
            _ => Vec::new(),
        }
    }
}

/// Returns how many bytes the blocks have of which an index tells, and how many filemarks there are; an index
/// that is damaged is read up to there.
pub fn content_of(index: impl Read) -> (u64, u64) {
    let mut input = Input::new(index);
    let mut record = [0; RECORD_BYTES];
    let (mut bytes, mut filemarks) = (0_u64, 0);
    while let Ok(true) = input.fill(&mut record, "an entry") {
        match Entry::parse(&record[ENTRY_AT..]) {
            Ok(entry) if entry.kind == EntryKind::Block => bytes += u64::from(entry.size),
            Ok(entry) if entry.kind == EntryKind::Filemark => filemarks += 1,
            Ok(entry) if entry.kind == EntryKind::Nothing => {}
            Ok(_) | Err(_) => break,
        }
    }
    (bytes, filemarks)
}

/// Returns how many filemarks `meta` tells of; `None` when it is too short to tell. In format 3
/// `after_memory` is true.
pub fn filemark_count(meta: &[u8], after_memory: bool) -> Option<u64> {
    let at = if after_memory {
        super::packed::PACKED_BYTES
    } else {
        0
    };
    let header = meta.get(at..at + RECORD_BYTES)?;
    Some(u32_le(header, 0).into())
}
