//! From a frame as it lies on the disk to its blocks: checked, decrypted, decompressed.

use bytes::Bytes;

use crate::codec::{Codec, Decoder};
use crate::encryption::{FrameKey, FramePlace, OpenError, TAG_BYTES};
use crate::format::{FRAME_HEADER_BYTES, FrameHeader, FrameKind, IndexEntry, in_memory};
use crate::store::SegmentName;

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
    pub(super) fn block(&self, object: u64) -> Option<Bytes> {
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

/// A frame of blocks whose checksums are good.
pub(super) struct Frame<'a> {
    pub(super) header: FrameHeader,
    header_bytes: &'a [u8; FRAME_HEADER_BYTES],
    pub(super) body: Bytes,
}

/// Why a frame cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameFault {
    Damaged(&'static str),
    KeyMissing,
    OtherKey,
    NotAuthentic,
}

impl<'a> Frame<'a> {
    /// Checks a frame; `bytes` holds its header and its body.
    pub(super) fn check(
        bytes: &'a Bytes,
        name: SegmentName,
        entry: &IndexEntry,
    ) -> Result<Self, FrameFault> {
        let damaged = FrameFault::Damaged;
        let header_bytes = bytes.first_chunk().ok_or(damaged("file too short"))?;
        let header = FrameHeader::parse(header_bytes, name.uuid, entry.offset)
            .ok_or(damaged("damaged frame header"))?;
        let body = bytes.slice(FRAME_HEADER_BYTES..);
        if header.kind != FrameKind::Data
            || header.first_object != entry.first_object
            || header.body_length as usize != body.len()
            || header.seal_length != entry.seal_length
        {
            return Err(damaged("frame and index disagree"));
        }
        if crc_fast::crc32_iscsi(&body) != header.body_checksum {
            return Err(damaged("checksum mismatch"));
        }
        Ok(Self {
            header,
            header_bytes,
            body,
        })
    }

    /// Returns the preamble of a sealed frame, and `None` when there is none.
    pub(super) fn preamble(&self) -> Option<&[u8]> {
        let length = usize::from(self.header.seal_length).checked_sub(TAG_BYTES)?;
        self.body.get(..length)
    }

    /// Decrypts the body of a sealed frame.
    pub(super) fn open(&self, key: &FrameKey) -> Result<Bytes, FrameFault> {
        let preamble = self.preamble();
        let preamble = preamble.ok_or(FrameFault::Damaged("no preamble"))?;
        let place = FramePlace {
            sequence: self.header.sequence,
            header: self.header_bytes,
        };
        let opened = key.open(place, preamble, &self.body[preamble.len()..]);
        opened.map_err(|error| match error {
            OpenError::OtherKey => FrameFault::OtherKey,
            OpenError::NotAuthentic => FrameFault::NotAuthentic,
        })
    }

    /// Decompresses the blocks behind their table.
    pub(super) fn decode(
        &self,
        entry: &IndexEntry,
        body: &Bytes,
        decoder: &mut Decoder,
    ) -> Result<DecodedFrame, FrameFault> {
        let damaged = FrameFault::Damaged;
        let header = &self.header;
        let table_length = header.table_length() as usize;
        let stored = body.slice(table_length..);
        let plain_length = header.plain_length as usize;
        let plain = if header.codec == Codec::Stored {
            stored
        } else {
            let decoded = decoder.decode(header.codec, &stored, plain_length);
            Bytes::from(decoded.map_err(|_| damaged("cannot be decompressed"))?)
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
            return Err(damaged("blocks and frame disagree"));
        }
        Ok(DecodedFrame {
            first_object: entry.first_object,
            end_object: entry.end_object(),
            lengths,
            plain,
        })
    }
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
