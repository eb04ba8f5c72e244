//! From a frame as it lies on the disk to its blocks: checked, decrypted, decompressed.

use std::io;
use std::ops::Range;

use bytes::Bytes;

use crate::buffer::Buffer;
use crate::codec::{Codec, Decoder};
use crate::encryption::{FrameKey, FramePlace, OpenError, TAG_BYTES};
use crate::format::{FRAME_HEADER_BYTES, FrameHeader, FrameKind, IndexEntry, in_memory};
use crate::limits::READ_PIECE_BYTES;
use crate::store::{SegmentFile, SegmentName};

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

/// A frame of blocks whose checksums are good, as it lies on the disk.
pub(super) struct Frame {
    header: FrameHeader,
    /// The header and the body.
    bytes: Buffer,
}

/// Why a frame cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameFault {
    Damaged(&'static str),
    KeyMissing,
    /// The cartridge's own key is not there.
    Locked,
    OtherKey,
    NotAuthentic,
}

/// Whether to wait for a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    Waits,
    /// What is not in memory is not read.
    None,
}

/// Why there is no frame.
#[derive(Debug)]
pub(super) enum NotFetched {
    /// Somebody without patience would have to wait.
    Later,
    Io(io::Error),
    Fault(FrameFault),
}

impl Frame {
    /// Reads the frame of `entry` from the file of the segment `name` and checks it. The checksum is
    /// made piece by piece, while the processor still has what was read near.
    pub(super) fn fetch(
        file: &dyn SegmentFile,
        name: SegmentName,
        entry: &IndexEntry,
        patience: Patience,
    ) -> Result<Self, NotFetched> {
        let mut bytes = Buffer::take(FRAME_HEADER_BYTES + entry.body_length as usize);
        let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
        let (mut at, mut covered) = (0, FRAME_HEADER_BYTES);
        while at < bytes.as_slice().len() {
            let piece = bytes.as_mut_slice();
            // The header comes with the first piece, so that a round length makes no crumb.
            let end = piece.len().min(covered + READ_PIECE_BYTES);
            let piece = &mut piece[at..end];
            let offset = entry.offset + at as u64;
            let filled = match patience {
                Patience::Waits => file.read_at(piece, offset).map(Some),
                Patience::None => file.read_at_once(piece, offset),
            };
            let filled = filled.map_err(NotFetched::Io)?.ok_or(NotFetched::Later)?;
            if filled < piece.len() {
                return Err(NotFetched::Fault(FrameFault::Damaged("file too short")));
            }
            digest.update(&piece[covered - at..]);
            (at, covered) = (end, end);
        }
        let body_checksum = u32::try_from(digest.finalize()).expect("a CRC-32 has 32 bits");
        Self::check(bytes, body_checksum, name, entry).map_err(NotFetched::Fault)
    }

    fn check(
        bytes: Buffer,
        body_checksum: u32,
        name: SegmentName,
        entry: &IndexEntry,
    ) -> Result<Self, FrameFault> {
        let damaged = FrameFault::Damaged;
        let header = &bytes.as_slice()[..FRAME_HEADER_BYTES];
        let header = FrameHeader::parse(header, name.uuid, entry.offset)
            .ok_or(damaged("damaged frame header"))?;
        if header.kind != FrameKind::Data
            || header.first_object != entry.first_object
            || header.body_length != entry.body_length
            || header.seal_length != entry.seal_length
        {
            return Err(damaged("frame and index disagree"));
        }
        if body_checksum != header.body_checksum {
            return Err(damaged("checksum mismatch"));
        }
        Ok(Self { header, bytes })
    }

    /// Returns the preamble of a sealed frame, and `None` when there is none.
    pub(super) fn preamble(&self) -> Option<&[u8]> {
        let length = usize::from(self.header.seal_length).checked_sub(TAG_BYTES)?;
        self.bytes.as_slice()[FRAME_HEADER_BYTES..].get(..length)
    }

    /// Decrypts the body of a sealed frame where it lies, and returns where in `bytes` it is.
    fn open(&mut self, key: &FrameKey) -> Result<Range<usize>, FrameFault> {
        let preamble = self.preamble().map(<[u8]>::len);
        let preamble_length = preamble.ok_or(FrameFault::Damaged("no preamble"))?;
        let (header, body) = self.bytes.as_mut_slice().split_at_mut(FRAME_HEADER_BYTES);
        let header = header.first_chunk().expect("split at its length");
        let (preamble, sealed) = body.split_at_mut(preamble_length);
        let place = FramePlace {
            sequence: self.header.sequence,
            header,
        };
        let opened = key.open_in_place(place, preamble, sealed);
        let length = opened.map_err(|error| match error {
            OpenError::OtherKey => FrameFault::OtherKey,
            OpenError::NotAuthentic => FrameFault::NotAuthentic,
        })?;
        let start = FRAME_HEADER_BYTES + preamble_length;
        Ok(start..start + length)
    }

    /// Decrypts the frame of `entry` with `key`, if it is sealed, and decompresses the blocks behind
    /// their table. What was stored as it is stays where it was read.
    pub(super) fn decode(
        mut self,
        entry: &IndexEntry,
        key: Option<&FrameKey>,
        decoder: &mut Decoder,
    ) -> Result<DecodedFrame, FrameFault> {
        let damaged = FrameFault::Damaged;
        let body = match (self.header.seal_length, key) {
            (0, _) => FRAME_HEADER_BYTES..self.bytes.as_slice().len(),
            (_, Some(key)) => self.open(key)?,
            (_, None) => return Err(FrameFault::KeyMissing),
        };
        let Self { header, bytes } = self;
        let stored = body.start + header.table_length() as usize..body.end;
        let plain_length = header.plain_length as usize;
        let lengths = match header.block_length {
            Some(length) => Lengths::Equal(length),
            None => Lengths::Ends(ends(&bytes.as_slice()[body.start..stored.start])),
        };
        let sum = match &lengths {
            Lengths::Equal(_) => plain_length as u64,
            Lengths::Ends(ends) => ends.last().copied().unwrap_or(0).into(),
        };
        let plain = if header.codec == Codec::Stored {
            bytes.freeze(stored)
        } else {
            let mut plain = Buffer::take(plain_length);
            decoder
                .decode(
                    header.codec,
                    &bytes.as_slice()[stored],
                    plain.as_mut_slice(),
                )
                .map_err(|_| damaged("cannot be decompressed"))?;
            plain.freeze(0..plain_length)
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
