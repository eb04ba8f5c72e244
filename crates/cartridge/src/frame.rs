//! Frames on their way to the disk: blocks are gathered, sealed, and then only placed.
//!
//! # Ordering
//! A [`FrameBuilder`] gathers blocks in the caller's call; [`SealedFrame::blocks`] compresses and
//! checksums and [`SealedFrame::encrypted`] seals, which is bound to the frame's number in the segment,
//! without knowing where it will lie; [`crate::pipeline`] does these two, and gives it its place.
//!
//! # Limits
//! A builder holds at most `frame_size_bytes` of small blocks, or one larger block.

use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;

use crate::buffer::Buffer;
use crate::codec::{Codec, Encoder};
use crate::encryption::{
    AT_REST_SEAL_BYTES, Encryption, FrameKey, FramePlace, Preamble, TAG_BYTES,
};
use crate::format::{FRAME_HEADER_BYTES, FrameHeader, FrameKind, SYNC_ALIGN_BYTES};
use crate::limits::FRAME_BLOCKS_MAX;

/// Gathers blocks until they fill a frame.
pub(crate) struct FrameBuilder {
    size_max: usize,
    /// The codec of the held blocks.
    codec: Codec,
    /// How the held blocks are to be encrypted.
    encryption: Option<Arc<Encryption>>,
    lengths: Vec<u32>,
    payload: Payload,
}

/// The bytes of blocks.
pub(crate) enum Payload {
    /// Somebody else's too, and kept without a copy: no block, or one.
    Shared(Bytes),
    /// Gathered or compressed.
    Own(Buffer),
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Own(bytes) => bytes.as_slice(),
        }
    }
}

impl Payload {
    /// Returns `table` and the payload in a buffer with room for a tag: without a copy where there is one
    /// already.
    fn into_buffer(self, table: &[u8]) -> Buffer {
        match self {
            Self::Own(bytes) if table.is_empty() && bytes.spare_capacity() >= TAG_BYTES => bytes,
            payload => {
                let length = table.len() + payload.len();
                let mut bytes = Buffer::with_capacity(length + TAG_BYTES);
                bytes.extend_from_slice(table);
                bytes.extend_from_slice(&payload);
                bytes
            }
        }
    }
}

/// The blocks of one frame.
pub(crate) struct PlainFrame {
    codec: Codec,
    pub(crate) encryption: Option<Arc<Encryption>>,
    lengths: Vec<u32>,
    payload: Payload,
}

impl FrameBuilder {
    /// Returns an empty builder for frames of `size_max` bytes.
    pub(crate) fn new(size_max: usize) -> Self {
        Self {
            size_max,
            codec: Codec::Stored,
            encryption: None,
            lengths: Vec::new(),
            payload: Payload::Shared(Bytes::new()),
        }
    }

    /// Returns how many blocks are held.
    pub(crate) fn block_count(&self) -> u64 {
        self.lengths.len() as u64
    }

    /// Returns how many bytes the held blocks have together.
    pub(crate) fn plain_length(&self) -> usize {
        self.payload.len()
    }

    /// Returns how the held blocks are to be encrypted.
    pub(crate) fn encryption(&self) -> Option<&Encryption> {
        self.encryption.as_deref()
    }

    /// Returns true when a block of `length` bytes for `codec` and `encryption` can join the held ones.
    pub(crate) fn has_room(
        &self,
        length: usize,
        codec: Codec,
        encryption: Option<&Arc<Encryption>>,
    ) -> bool {
        self.lengths.is_empty()
            || (codec == self.codec
                && encryption == self.encryption.as_ref()
                && self.plain_length() + length <= self.size_max
                && self.lengths.len() < FRAME_BLOCKS_MAX as usize)
    }

    /// Returns true when no block can join any more.
    pub(crate) fn is_full(&self) -> bool {
        !self.has_room(1, self.codec, self.encryption.as_ref())
    }

    /// Adds a block, for which there is room.
    pub(crate) fn push(
        &mut self,
        block: Bytes,
        codec: Codec,
        encryption: Option<&Arc<Encryption>>,
    ) {
        debug_assert!(self.has_room(block.len(), codec, encryption));
        self.codec = codec;
        if self.lengths.is_empty() {
            self.encryption = encryption.cloned();
        }
        self.lengths.push(length_u32(block.len()));
        if self.lengths.len() == 1 {
            self.payload = Payload::Shared(block);
            return;
        }
        if let Payload::Shared(first) = &self.payload {
            let mut blocks = Buffer::with_capacity(self.size_max + TAG_BYTES);
            blocks.extend_from_slice(first);
            self.payload = Payload::Own(blocks);
        }
        if let Payload::Own(blocks) = &mut self.payload {
            blocks.extend_from_slice(&block);
        }
    }

    /// Takes the held blocks; `None` when there are none.
    pub(crate) fn take(&mut self) -> Option<PlainFrame> {
        if self.lengths.is_empty() {
            return None;
        }
        let payload = std::mem::replace(&mut self.payload, Payload::Shared(Bytes::new()));
        Some(PlainFrame {
            codec: self.codec,
            encryption: self.encryption.take(),
            lengths: std::mem::take(&mut self.lengths),
            payload,
        })
    }
}

impl PlainFrame {
    /// Returns the codec that is to be tried.
    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// Returns how many bytes the blocks have together.
    pub(crate) fn plain_length(&self) -> usize {
        self.payload.len()
    }

    /// Returns how many blocks there are.
    pub(crate) fn block_count(&self) -> u32 {
        length_u32(self.lengths.len())
    }

    /// Stores the blocks as they are.
    pub(crate) fn store(&mut self) {
        self.codec = Codec::Stored;
    }

    /// Returns how much memory they take.
    pub(crate) fn footprint(&self) -> usize {
        self.payload.len() + 4 * self.lengths.len()
    }

    /// Returns how long the body of their frame is at most.
    pub(crate) fn body_length_max(&self) -> u64 {
        let own = AT_REST_SEAL_BYTES.into();
        let seal = self.encryption.as_deref().map_or(own, Preamble::seal_bytes);
        (self.footprint() + seal) as u64
    }
}

/// A frame that lacks only its place.
pub(crate) struct SealedFrame {
    pub(crate) kind: FrameKind,
    pub(crate) codec: Codec,
    pub(crate) object_count: u32,
    pub(crate) plain_length: u32,
    pub(crate) block_length: Option<u32>,
    /// How much longer the body is for being encrypted; 0 when it is not.
    pub(crate) seal_length: u16,
    /// What lies before the payload: the lengths of the blocks unless they are equal, or the preamble of
    /// an encrypted frame.
    pub(crate) table: Bytes,
    pub(crate) payload: Payload,
    pub(crate) body_checksum: u32,
}

impl SealedFrame {
    /// Compresses and checksums the blocks of `plain`.
    pub(crate) fn blocks(plain: PlainFrame, encoder: &mut Encoder) -> Self {
        let PlainFrame {
            codec,
            lengths,
            payload,
            encryption,
        } = plain;
        let equal = lengths.windows(2).all(|pair| pair[0] == pair[1]);
        let mut table = Vec::new();
        if !equal {
            table.extend(lengths.iter().flat_map(|length| length.to_le_bytes()));
        }
        let plain_length = length_u32(payload.len());
        let (codec, payload) = match encoder.encode(codec, &payload) {
            Some(encoded) => (codec, Payload::Own(encoded)),
            None => (Codec::Stored, payload),
        };
        Self {
            kind: FrameKind::Data,
            codec,
            object_count: length_u32(lengths.len()),
            plain_length,
            block_length: equal.then(|| lengths.first().copied().unwrap_or(0)),
            seal_length: 0,
            body_checksum: match encryption {
                None => body_checksum(&table, &payload),
                Some(_) => 0, // nobody will store these bytes
            },
            table: table.into(),
            payload,
        }
    }

    /// Encrypts table and payload behind `preamble`, for the place that `header` gives to a frame whose
    /// body has a certain length.
    pub(crate) fn encrypted(
        self,
        key: &FrameKey,
        preamble: Vec<u8>,
        sequence: u32,
        header: impl FnOnce(&Self, usize) -> [u8; FRAME_HEADER_BYTES],
    ) -> Self {
        let seal_length = preamble.len() + TAG_BYTES;
        let frame = Self {
            seal_length: u16::try_from(seal_length).expect("no longer than SEAL_BYTES_MAX"),
            ..self
        };
        let header = &header(&frame, frame.body_length() + seal_length);
        let place = FramePlace { sequence, header };
        let mut body = frame.payload.into_buffer(&frame.table);
        key.seal(place, &preamble, &mut body);
        Self {
            body_checksum: body_checksum(&preamble, body.as_slice()),
            table: preamble.into(),
            payload: Payload::Own(body),
            ..frame
        }
    }

    /// Returns a run of `count` filemarks, at least one.
    pub(crate) fn filemarks(count: u32) -> Self {
        Self::bare(FrameKind::Filemarks, count, Bytes::new())
    }

    /// Returns a pad with a body of `length` zeros.
    pub(crate) fn pad(length: usize) -> Self {
        static ZEROS: [u8; 2 * SYNC_ALIGN_BYTES] = [0; 2 * SYNC_ALIGN_BYTES];
        Self::bare(FrameKind::Pad, 0, Bytes::from_static(&ZEROS[..length]))
    }

    fn bare(kind: FrameKind, object_count: u32, payload: Bytes) -> Self {
        Self {
            kind,
            codec: Codec::Stored,
            object_count,
            plain_length: 0,
            block_length: None,
            seal_length: 0,
            table: Bytes::new(),
            body_checksum: body_checksum(&[], &payload),
            payload: Payload::Shared(payload),
        }
    }

    /// Returns the header for a body of `body_length` bytes.
    pub(crate) fn header(
        &self,
        body_length: usize,
        sequence: u32,
        first_object: u64,
        marks_before: u32,
        durable_upto: u64,
    ) -> FrameHeader {
        FrameHeader {
            kind: self.kind,
            codec: self.codec,
            sequence,
            object_count: self.object_count,
            first_object,
            plain_length: self.plain_length,
            seal_length: self.seal_length,
            body_length: length_u32(body_length),
            block_length: self.block_length,
            durable_upto,
            marks_before,
            body_checksum: self.body_checksum,
        }
    }

    /// Returns the length of the body.
    pub(crate) fn body_length(&self) -> usize {
        self.table.len() + self.payload.len()
    }
}

/// The checksum of a body that lies in two pieces.
fn body_checksum(table: &[u8], payload: &[u8]) -> u32 {
    if table.is_empty() {
        return crc_fast::crc32_iscsi(payload);
    }
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    digest.update(table);
    digest.update(payload);
    u32::try_from(digest.finalize()).expect("a CRC-32 has 32 bits")
}

fn length_u32(length: usize) -> u32 {
    u32::try_from(length).expect("blocks and frames are shorter than 16 MiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encryption::{EncryptionKey, KeyAssociatedData};

    #[test]
    fn equal_blocks_need_no_table() {
        let mut builder = FrameBuilder::new(100);
        for _ in 0..3 {
            builder.push(Bytes::from_static(b"0123456789"), Codec::Stored, None);
        }
        let frame = builder.take().unwrap();
        let sealed = SealedFrame::blocks(frame, &mut Encoder::default());
        assert_eq!((sealed.block_length, sealed.table.len()), (Some(10), 0));
        assert_eq!(sealed.payload.len(), 30);
        assert!(builder.take().is_none());
    }

    #[test]
    fn unequal_blocks_bring_their_lengths() {
        let mut builder = FrameBuilder::new(100);
        builder.push(Bytes::from_static(b"0123456789"), Codec::Stored, None);
        builder.push(Bytes::from_static(b"012"), Codec::Stored, None);
        let frame = builder.take().unwrap();
        let sealed = SealedFrame::blocks(frame, &mut Encoder::default());
        assert_eq!(sealed.block_length, None);
        assert_eq!(sealed.table[..], [10, 0, 0, 0, 3, 0, 0, 0]);
        let body = [&sealed.table[..], &sealed.payload[..]].concat();
        assert_eq!(sealed.body_checksum, crc_fast::crc32_iscsi(&body));
    }

    #[test]
    fn blocks_for_another_codec_have_a_frame_of_their_own() {
        let mut builder = FrameBuilder::new(100);
        builder.push(Bytes::from_static(b"0123456789"), Codec::Zstd, None);
        assert!(builder.has_room(10, Codec::Zstd, None));
        assert!(!builder.has_room(10, Codec::Lz4, None));
    }

    #[test]
    fn blocks_under_another_key_have_a_frame_of_their_own() {
        let encryption = |byte, told: &[u8]| {
            Some(Arc::new(Encryption {
                key: EncryptionKey::new(&[byte; 32]),
                data: KeyAssociatedData {
                    unauthenticated: told.to_vec(),
                    ..KeyAssociatedData::default()
                },
                forbid_raw_reading: false,
            }))
        };
        let mut builder = FrameBuilder::new(100);
        let first = encryption(1, b"a");
        builder.push(Bytes::from_static(b"01"), Codec::Zstd, first.as_ref());
        let room =
            |other: Option<Arc<Encryption>>| builder.has_room(1, Codec::Zstd, other.as_ref());
        assert!(room(encryption(1, b"a")));
        assert!(!room(encryption(2, b"a")));
        assert!(!room(encryption(1, b"b")));
        assert!(!room(None));
    }

    #[test]
    fn a_large_block_has_its_own_frame_and_small_ones_are_counted() {
        let mut builder = FrameBuilder::new(100);
        builder.push(Bytes::from(vec![1; 5000]), Codec::Zstd, None);
        assert!(builder.is_full());
        builder.take();
        let mut builder = FrameBuilder::new(usize::MAX);
        for _ in 0..FRAME_BLOCKS_MAX {
            assert!(builder.has_room(1, Codec::Stored, None));
            builder.lengths.push(1);
        }
        assert!(!builder.has_room(1, Codec::Stored, None));
    }
}
