//! The frame header: what the next body holds, and proof that it belongs here.

use uuid::Uuid;

use super::fields::{Fields, Layout};
use super::{FRAME_ALIGN, FRAME_HEADER_BYTES};
use crate::codec::Codec;
use crate::encryption::{AT_REST_SEAL_BYTES, SEAL_BYTES_MAX, SEAL_BYTES_MIN};
use crate::limits::{BLOCK_BYTES_MAX, COUNT_MAX, FRAME_BLOCKS_MAX, FRAME_BODY_BYTES_MAX};

const MAGIC: [u8; 4] = *b"CPFR";
const CRC_OFFSET: usize = 60;
/// All blocks are `block_length` long and there is no table.
const FLAG_EQUAL_LENGTHS: u8 = 1;
/// AES-256-GCM under a key of a host.
const CIPHER_HOST: u8 = 1;
/// AES-256-GCM under the cartridge's own key.
const CIPHER_AT_REST: u8 = 2;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FrameKind {
    /// Blocks.
    Data = 1,
    /// A run of filemarks, without a body.
    Filemarks = 2,
    /// Zeros up to the next page.
    Pad = 3,
}

/// A frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    pub(crate) codec: Codec,
    /// Counts all frames of the segment, pads too, from 0.
    pub(crate) sequence: u32,
    pub(crate) object_count: u32,
    pub(crate) first_object: u64,
    pub(crate) plain_length: u32,
    /// How much longer the body is for being sealed; 0 when it is not.
    pub(crate) seal_length: u16,
    /// What follows the header: the table, then the blocks as the codec left them.
    pub(crate) body_length: u32,
    /// `Some` when all blocks have this length; else the body begins with a table.
    pub(crate) block_length: Option<u32>,
    /// The file was on stable storage up to here when this frame was written.
    pub(crate) durable_upto: u64,
    /// Filemarks of this segment before this frame.
    pub(crate) marks_before: u32,
    pub(crate) body_checksum: u32,
}

impl FrameHeader {
    /// Returns the length of the table at the beginning of the body.
    pub(crate) fn table_length(&self) -> u32 {
        match (self.kind, self.block_length) {
            (FrameKind::Data, None) => 4 * self.object_count,
            _ => 0,
        }
    }

    /// Returns the header's bytes for `offset` of the file of `segment`.
    pub(crate) fn emit(&self, segment: Uuid, offset: u64) -> [u8; FRAME_HEADER_BYTES] {
        debug_assert!(self.is_consistent(), "{self:?}");
        let mut layout = Layout::<FRAME_HEADER_BYTES>::new();
        let durable_upto = u32::try_from(self.durable_upto / FRAME_ALIGN)
            .expect("segments are shorter than SEGMENT_BYTES_MAX");
        layout
            .set(0, &MAGIC)
            .u8(4, self.kind as u8)
            .u8(5, self.codec as u8)
            .u8(6, self.cipher())
            .u8(
                7,
                if self.block_length.is_some() {
                    FLAG_EQUAL_LENGTHS
                } else {
                    0
                },
            )
            .u32(8, self.sequence)
            .u32(12, self.object_count)
            .u64(16, self.first_object)
            .u32(24, self.plain_length)
            .u32(28, self.body_length)
            .u32(32, self.table_length())
            .u32(36, self.block_length.unwrap_or(0))
            .u32(40, durable_upto)
            .set(44, &tag(segment))
            .u32(48, self.marks_before)
            .u16(52, self.seal_length)
            .u32(56, self.body_checksum);
        let checksum = checksum(&layout.0, segment, offset);
        layout.u32(CRC_OFFSET, checksum);
        layout.0
    }

    /// Reads the header at `offset` of the file of `segment`. `None` when there is none: the
    /// checksum also covers the segment and the offset, so a frame is good only where it was
    /// written.
    pub(crate) fn parse(bytes: &[u8], segment: Uuid, offset: u64) -> Option<Self> {
        let bytes: &[u8; FRAME_HEADER_BYTES] = bytes.try_into().ok()?;
        let fields = Fields(bytes);
        if fields.bytes(0) != MAGIC
            || fields.bytes(44) != tag(segment)
            || fields.u32(CRC_OFFSET) != checksum(bytes, segment, offset)
        {
            return None;
        }
        let kind = match fields.u8(4) {
            1 => FrameKind::Data,
            2 => FrameKind::Filemarks,
            3 => FrameKind::Pad,
            _ => return None,
        };
        let equal_lengths = fields.u8(7) & FLAG_EQUAL_LENGTHS != 0;
        let header = Self {
            kind,
            codec: Codec::from_number(fields.u8(5))?,
            sequence: fields.u32(8),
            object_count: fields.u32(12),
            first_object: fields.u64(16),
            plain_length: fields.u32(24),
            seal_length: fields.u16(52),
            body_length: fields.u32(28),
            block_length: equal_lengths.then_some(fields.u32(36)),
            durable_upto: u64::from(fields.u32(40)) * FRAME_ALIGN,
            marks_before: fields.u32(48),
            body_checksum: fields.u32(56),
        };
        let whole = fields.u8(6) == header.cipher()
            && header.is_consistent()
            && fields.u32(32) == header.table_length()
            && header.first_object <= COUNT_MAX;
        whole.then_some(header)
    }

    /// The length of the seal tells which it is.
    fn cipher(&self) -> u8 {
        match self.seal_length {
            0 => 0,
            AT_REST_SEAL_BYTES => CIPHER_AT_REST,
            _ => CIPHER_HOST,
        }
    }

    /// Returns true when the lengths fit each other and the limits, so that a reader may allocate.
    fn is_consistent(&self) -> bool {
        let body_length = self.body_length as usize;
        let seal_length = usize::from(self.seal_length);
        let by_host = (SEAL_BYTES_MIN..=SEAL_BYTES_MAX).contains(&seal_length)
            && seal_length.is_multiple_of(super::FRAME_ALIGN_BYTES);
        let sealed = match self.kind {
            FrameKind::Data => by_host || self.seal_length == AT_REST_SEAL_BYTES,
            FrameKind::Filemarks => self.seal_length == AT_REST_SEAL_BYTES,
            FrameKind::Pad => false,
        };
        if seal_length > 0 && !sealed {
            return false;
        }
        match self.kind {
            FrameKind::Data => {
                let counted = (1..=FRAME_BLOCKS_MAX).contains(&self.object_count);
                // An empty block does not exist, so the table cannot promise more blocks than bytes.
                let plain = (self.object_count as usize..=BLOCK_BYTES_MAX)
                    .contains(&(self.plain_length as usize));
                let equal = self.block_length.is_none_or(|length| {
                    u64::from(length) * u64::from(self.object_count) == u64::from(self.plain_length)
                });
                counted
                    && plain
                    && equal
                    && body_length <= FRAME_BODY_BYTES_MAX
                    && body_length >= self.table_length() as usize + seal_length
            }
            FrameKind::Filemarks => self.object_count > 0 && body_length == seal_length,
            FrameKind::Pad => self.object_count == 0 && body_length < 2 * super::SYNC_ALIGN_BYTES,
        }
    }
}

/// The first four bytes of the segment's id: tells stale bytes of other files at a glance.
fn tag(segment: Uuid) -> [u8; 4] {
    let [a, b, c, d, ..] = *segment.as_bytes();
    [a, b, c, d]
}

fn checksum(header: &[u8; FRAME_HEADER_BYTES], segment: Uuid, offset: u64) -> u32 {
    let mut covered = [0; CRC_OFFSET + 16 + 8];
    covered[..CRC_OFFSET].copy_from_slice(&header[..CRC_OFFSET]);
    covered[CRC_OFFSET..CRC_OFFSET + 16].copy_from_slice(segment.as_bytes());
    covered[CRC_OFFSET + 16..].copy_from_slice(&offset.to_le_bytes());
    crc_fast::crc32_iscsi(&covered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEGMENT: Uuid = Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);

    fn header() -> FrameHeader {
        FrameHeader {
            kind: FrameKind::Data,
            codec: Codec::Zstd,
            sequence: 1,
            object_count: 2,
            first_object: 3,
            plain_length: 400,
            seal_length: 0,
            body_length: 50,
            block_length: None,
            durable_upto: 8192,
            marks_before: 6,
            body_checksum: 7,
        }
    }

    #[test]
    fn what_was_written_is_read_but_only_in_its_place() {
        for header in [
            header(),
            FrameHeader {
                block_length: Some(200),
                ..header()
            },
            FrameHeader {
                seal_length: 40,
                ..header()
            },
            FrameHeader {
                seal_length: 16,
                ..header()
            },
            FrameHeader {
                kind: FrameKind::Filemarks,
                plain_length: 0,
                seal_length: 16,
                body_length: 16,
                ..header()
            },
        ] {
            let bytes = header.emit(SEGMENT, 8192);
            assert_eq!(FrameHeader::parse(&bytes, SEGMENT, 8192), Some(header));
            assert_eq!(FrameHeader::parse(&bytes, SEGMENT, 8200), None);
            assert_eq!(FrameHeader::parse(&bytes, Uuid::from_u128(1), 8192), None);
        }
    }

    #[test]
    fn a_seal_has_a_length_that_seals_have() {
        for (at, value) in [(52, 0), (52, 41), (52, 32), (53, 2), (6, 0), (6, 2), (4, 3)] {
            let mut bytes = FrameHeader {
                seal_length: 40,
                ..header()
            }
            .emit(SEGMENT, 8192);
            bytes[at] = value;
            let checksum = checksum(&bytes, SEGMENT, 8192);
            bytes[CRC_OFFSET..].copy_from_slice(&checksum.to_le_bytes());
            assert_eq!(FrameHeader::parse(&bytes, SEGMENT, 8192), None, "{at}");
        }
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let good = header().emit(SEGMENT, 8192);
        for bit in 0..FRAME_HEADER_BYTES * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::parse(&bytes, SEGMENT, 8192), None);
        }
    }

    proptest! {
        /// Random fields under a good checksum: what is accepted is within the limits.
        #[test]
        fn lengths_are_bounded_whatever_the_bytes(mut bytes in any::<[u8; 32]>(), kind in 0u8..6) {
            let mut header = [0; FRAME_HEADER_BYTES];
            bytes[0] = kind;
            header[4..36].copy_from_slice(&bytes);
            header[..4].copy_from_slice(&MAGIC);
            header[44..48].copy_from_slice(&tag(SEGMENT));
            let checksum = checksum(&header, SEGMENT, 8192);
            header[CRC_OFFSET..].copy_from_slice(&checksum.to_le_bytes());
            if let Some(header) = FrameHeader::parse(&header, SEGMENT, 8192) {
                prop_assert!(header.body_length as usize <= FRAME_BODY_BYTES_MAX);
                prop_assert!(header.is_consistent());
            }
        }
    }
}
