//! Reading blocks and filemarks.

use bytes::Bytes;

use super::Cartridge;
use crate::codec::{Codec, Decoder};
use crate::error::Error;
use crate::format::{EntryKind, FRAME_HEADER_BYTES, FrameHeader, FrameKind, IndexEntry, in_memory};
use crate::index;
use crate::store::SegmentName;

/// What lies at the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// A block; the position is now after it.
    Block(Bytes),
    /// A filemark; the position is now after it.
    Filemark,
    /// Nothing; the position has not changed.
    EndOfData,
}

/// The frame that was decoded last. Blocks are slices of it.
pub(super) struct DecodedFrame {
    first_object: u64,
    /// Objects from here on were cut off.
    end_object: u64,
    lengths: Lengths,
    plain: Bytes,
}

enum Lengths {
    /// All blocks are this long.
    Equal(u32),
    /// Where each block ends.
    Ends(Vec<u32>),
}

impl DecodedFrame {
    /// Returns the block that is the object `object`; `None` when it is in another frame.
    fn block(&self, object: u64) -> Option<Bytes> {
        if object >= self.end_object {
            return None;
        }
        let index = object.checked_sub(self.first_object)?;
        let (from, to) = (self.plain_length_of(index), self.plain_length_of(index + 1));
        (from < to).then(|| self.plain.slice(in_memory(from)..in_memory(to)))
    }

    /// Returns how long the first `count` blocks are together, or as many as there are.
    pub(super) fn plain_length_of(&self, count: u64) -> u64 {
        let end = self.plain.len() as u64;
        let Some(last) = count.checked_sub(1) else {
            return 0;
        };
        match &self.lengths {
            Lengths::Equal(length) => count.saturating_mul((*length).into()).min(end),
            Lengths::Ends(ends) => usize::try_from(last)
                .ok()
                .and_then(|last| ends.get(last))
                .map_or(end, |end| u64::from(*end)),
        }
    }
}

impl Cartridge {
    /// Reads what lies at the position and moves past it. Synchronizes first. When it fails the
    /// position has not changed, and spacing past the object works.
    pub fn read_block(&mut self) -> Result<Read, Error> {
        self.synchronize()?;
        let object = self.cursor.object;
        if let Some(block) = self.frame.as_ref().and_then(|frame| frame.block(object)) {
            self.cursor.object += 1;
            self.work.read_bytes += block.len() as u64;
            return Ok(Read::Block(block));
        }
        let Some(row) = self.chain.row_of_object(object) else {
            return Ok(Read::EndOfData);
        };
        let entry = index::entry_of_object(self.entries(row)?, object).copied();
        let entry = entry.expect("the index of a row covers all its objects");
        match entry.kind {
            EntryKind::Filemarks => {
                self.cursor.object += 1;
                self.cursor.marks += 1;
                Ok(Read::Filemark)
            }
            EntryKind::Damaged => Err(self.damaged(row, &entry, "lost with its segment")),
            EntryKind::Data => {
                let frame = self.load_frame(row, &entry)?;
                let Some(block) = frame.block(object) else {
                    return Err(self.damaged(row, &entry, "frame and index disagree"));
                };
                self.frame = Some(frame);
                self.count_frame(&entry);
                self.cursor.object += 1;
                self.work.read_bytes += block.len() as u64;
                Ok(Read::Block(block))
            }
        }
    }

    /// Returns whether [`Cartridge::read_block`] would return without waiting for the disk; what it
    /// takes to say yes is in memory afterwards.
    pub fn is_ready_to_read(&mut self) -> bool {
        let object = self.cursor.object;
        if !self.is_synchronized() {
            return false;
        }
        if self
            .frame
            .as_ref()
            .is_some_and(|frame| frame.block(object).is_some())
        {
            return true;
        }
        let Some(row) = self.chain.row_of_object(object) else {
            return true; // end of data
        };
        let Some((file, entries)) = self.open_segment(row) else {
            return false;
        };
        let Some(entry) = index::entry_of_object(entries, object).copied() else {
            return true;
        };
        let (EntryKind::Data, Some(file)) = (entry.kind, file) else {
            return true;
        };
        let mut bytes = vec![0; FRAME_HEADER_BYTES + entry.body_length as usize];
        let Ok(Some(filled)) = file.read_at_once(&mut bytes, entry.offset) else {
            return false;
        };
        let name = self.chain.rows()[row].name;
        let whole = (filled == bytes.len()).then(|| Bytes::from(bytes));
        // Whatever is wrong with it, reading it again will tell.
        let frame =
            whole.and_then(|bytes| parse_frame(&mut self.decoder, &bytes, name, &entry).ok());
        let ready = frame.is_some();
        if ready {
            self.count_frame(&entry);
        }
        self.frame = frame.or(self.frame.take());
        ready
    }

    /// The frame of `entry` was read for a host.
    fn count_frame(&mut self, entry: &IndexEntry) {
        self.work.frames_read += 1;
        self.work.fetched_bytes += entry.charged_bytes();
    }

    /// Reads and decodes the frame of `entry`.
    pub(super) fn load_frame(
        &mut self,
        row: usize,
        entry: &IndexEntry,
    ) -> Result<DecodedFrame, Error> {
        let name = self.chain.rows()[row].name;
        let (file, _) = self.segment(row)?;
        let mut bytes = vec![0; FRAME_HEADER_BYTES + entry.body_length as usize];
        let filled = match file {
            Some(file) => file
                .read_at(&mut bytes, entry.offset)
                .map_err(|source| Error::io(format!("segment {name}: read"), source))?,
            None => 0,
        };
        let whole = filled == bytes.len();
        let frame = whole.then(|| parse_frame(&mut self.decoder, &Bytes::from(bytes), name, entry));
        match frame.unwrap_or(Err("file too short")) {
            Ok(frame) => Ok(frame),
            Err(reason) => Err(self.damaged(row, entry, reason)),
        }
    }

    fn damaged(&self, row: usize, entry: &IndexEntry, reason: &str) -> Error {
        let name = self.chain.rows()[row].name;
        Error::Damaged {
            first_object: entry.first_object,
            last_object: entry.end_object() - 1,
            reason: format!("segment {name}: {reason} at {}", entry.offset),
        }
    }
}

/// Checks and decodes a frame; `bytes` holds its header and its body.
fn parse_frame(
    decoder: &mut Decoder,
    bytes: &Bytes,
    name: SegmentName,
    entry: &IndexEntry,
) -> Result<DecodedFrame, &'static str> {
    let header = FrameHeader::parse(&bytes[..FRAME_HEADER_BYTES], name.uuid, entry.offset)
        .ok_or("damaged frame header")?;
    let body = bytes.slice(FRAME_HEADER_BYTES..);
    if header.kind != FrameKind::Data
        || header.first_object != entry.first_object
        || header.body_length as usize != body.len()
    {
        return Err("frame and index disagree");
    }
    if crc_fast::crc32_iscsi(&body) != header.body_checksum {
        return Err("checksum mismatch");
    }
    let table_length = header.table_length() as usize;
    let stored = body.slice(table_length..);
    let plain_length = header.plain_length as usize;
    let plain = if header.codec == Codec::Stored {
        stored
    } else {
        let decoded = decoder.decode(header.codec, &stored, plain_length);
        Bytes::from(decoded.map_err(|_| "cannot be decompressed")?)
    };
    let lengths = match header.block_length {
        Some(length) => Lengths::Equal(length),
        None => Lengths::Ends(ends(&body[..table_length])),
    };
    let sum = match &lengths {
        Lengths::Equal(_) => plain_length as u64,
        Lengths::Ends(ends) => ends.last().copied().unwrap_or(0).into(),
    };
    if plain.len() != plain_length || sum != plain_length as u64 {
        return Err("blocks and frame disagree");
    }
    Ok(DecodedFrame {
        first_object: entry.first_object,
        end_object: entry.end_object(),
        lengths,
        plain,
    })
}

/// Returns where each block ends, from a table of lengths.
fn ends(table: &[u8]) -> Vec<u32> {
    let (lengths, _) = table.as_chunks::<4>();
    let ends = lengths.iter().scan(0u32, |end, length| {
        *end = end.saturating_add(u32::from_le_bytes(*length));
        Some(*end)
    });
    ends.collect()
}
