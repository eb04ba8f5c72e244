//! Frames as they are stored: compressed, sealed, checksummed.

use bytes::Bytes;

use super::length_u32;
use super::payload::Payload;
use super::plain::PlainFrame;
use crate::codec::{Codec, Encoder};
use crate::encryption::{FrameKey, FramePlace, TAG_BYTES};
use crate::format::{FRAME_HEADER_BYTES, FrameHeader, FrameKind, SYNC_ALIGN_BYTES};

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

#[cfg(test)]
mod tests {
    use super::super::FrameBuilder;
    use super::*;

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
}
