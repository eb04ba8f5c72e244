//! The trailer: the last bytes of a sealed segment.

use uuid::Uuid;

use super::fields::{Fields, Layout};
use super::{FORMAT_MAJOR, FORMAT_MINOR, FRAMES_OFFSET, INDEX_ENTRY_BYTES, TRAILER_BYTES};
use crate::encryption::TAG_BYTES;
use crate::limits::{COUNT_MAX, SEGMENT_BYTES_MAX};

const MAGIC: [u8; 8] = *b"CAPFOOT1";
const CRC_OFFSET: usize = 252;
const TAG_OFFSET: usize = 172;
const BEFORE_OFFSET: usize = 196;
/// Set when the checksum at `BEFORE_OFFSET` means something.
const BEFORE_KNOWN: u8 = 1;

/// Why a segment was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum SealReason {
    /// It is as large as a segment gets.
    Full = 1,
    /// The cartridge was unloaded.
    Unload = 2,
    /// The next write went elsewhere.
    Cut = 3,
    /// It was found unsealed when the cartridge was loaded.
    Recovered = 4,
}

impl SealReason {
    /// Returns it in words.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Unload => "unload",
            Self::Cut => "the next write went elsewhere",
            Self::Recovered => "recovered",
        }
    }
}

/// A trailer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) cartridge: Uuid,
    pub(crate) segment: Uuid,
    pub(crate) generation: u64,
    pub(crate) number: u32,
    pub(crate) partition: u8,
    pub(crate) reason: SealReason,
    pub(crate) entry_count: u32,
    pub(crate) first_object: u64,
    pub(crate) object_count: u64,
    pub(crate) mark_count: u64,
    pub(crate) host_bytes: u64,
    pub(crate) charged_bytes: u64,
    /// Where the frames end and the index begins.
    pub(crate) data_end: u64,
    pub(crate) index_checksum: u32,
    pub(crate) sealed_unix_ms: u64,
    /// Zeros, or what proves header, index and trailer to who has the cartridge's key.
    pub(crate) tag: [u8; TAG_BYTES],
    /// The checksum of the trailer of the live segment before this one, when that was known to be sealed.
    pub(crate) before: Option<u32>,
    /// Its own checksum, as it was read; emitting makes it anew.
    pub(crate) checksum: u32,
}

impl Trailer {
    /// Returns the length of the index in bytes.
    pub(crate) fn index_length(&self) -> usize {
        self.entry_count as usize * INDEX_ENTRY_BYTES
    }

    /// Returns the parts of a trailer's bytes that its tag proves: all but the tag and the checksum.
    pub(crate) fn proved(bytes: &[u8; TRAILER_BYTES]) -> [&[u8]; 2] {
        [
            &bytes[..TAG_OFFSET],
            &bytes[TAG_OFFSET + TAG_BYTES..CRC_OFFSET],
        ]
    }

    /// Returns the checksum in the trailer's `bytes`. All 256 of them have the same one, whatever they say.
    pub(crate) fn checksum_in(bytes: &[u8; TRAILER_BYTES]) -> u32 {
        Fields(bytes).u32(CRC_OFFSET)
    }

    /// Returns the trailer's bytes.
    pub(crate) fn emit(&self) -> [u8; TRAILER_BYTES] {
        let mut layout = Layout::<TRAILER_BYTES>::new();
        layout
            .set(0, &MAGIC)
            .u16(8, FORMAT_MAJOR)
            .u16(10, FORMAT_MINOR)
            .u32(12, self.number)
            .uuid(16, self.cartridge)
            .uuid(32, self.segment)
            .u64(48, self.generation)
            .u8(56, self.partition)
            .u8(57, self.reason as u8)
            .u32(60, self.entry_count)
            .u64(64, self.first_object)
            .u64(72, self.object_count)
            .u64(80, self.mark_count)
            .u64(88, self.host_bytes)
            .u64(96, self.charged_bytes)
            .u64(104, self.data_end)
            .u32(112, self.index_checksum)
            // 116: upper index, 132: CRC-64 and 140: BLAKE3 of the data; not used yet.
            .set(TAG_OFFSET, &self.tag)
            .u64(188, self.sealed_unix_ms)
            .u32(BEFORE_OFFSET, self.before.unwrap_or(0))
            .u8(BEFORE_OFFSET + 4, self.before.map_or(0, |_| BEFORE_KNOWN));
        let checksum = crc_fast::crc32_iscsi(&layout.0[..CRC_OFFSET]);
        layout.u32(CRC_OFFSET, checksum);
        layout.0
    }

    /// Reads the trailer that ends a file of `file_length` bytes. `None` when there is none.
    pub(crate) fn parse(bytes: &[u8; TRAILER_BYTES], file_length: u64) -> Option<Self> {
        let fields = Fields(bytes);
        if fields.bytes(0) != MAGIC
            || fields.u32(CRC_OFFSET) != crc_fast::crc32_iscsi(&bytes[..CRC_OFFSET])
            || fields.u16(8) != FORMAT_MAJOR
        {
            return None;
        }
        let reason = match fields.u8(57) {
            1 => SealReason::Full,
            2 => SealReason::Unload,
            3 => SealReason::Cut,
            4 => SealReason::Recovered,
            _ => return None,
        };
        let trailer = Self {
            cartridge: fields.uuid(16),
            segment: fields.uuid(32),
            generation: fields.u64(48),
            number: fields.u32(12),
            partition: fields.u8(56),
            reason,
            entry_count: fields.u32(60),
            first_object: fields.u64(64),
            object_count: fields.u64(72),
            mark_count: fields.u64(80),
            host_bytes: fields.u64(88),
            charged_bytes: fields.u64(96),
            data_end: fields.u64(104),
            index_checksum: fields.u32(112),
            sealed_unix_ms: fields.u64(188),
            tag: fields.bytes(TAG_OFFSET),
            before: (fields.u8(BEFORE_OFFSET + 4) & BEFORE_KNOWN != 0)
                .then(|| fields.u32(BEFORE_OFFSET)),
            checksum: fields.u32(CRC_OFFSET),
        };
        let counts = [
            trailer.first_object,
            trailer.object_count,
            trailer.host_bytes,
            trailer.charged_bytes,
        ];
        if counts.iter().any(|count| *count > COUNT_MAX)
            || trailer.mark_count > trailer.object_count
        {
            return None;
        }
        let length = (trailer.data_end <= SEGMENT_BYTES_MAX && trailer.data_end >= FRAMES_OFFSET)
            .then(|| trailer.data_end + (trailer.index_length() + TRAILER_BYTES) as u64);
        (length == Some(file_length)).then_some(trailer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailer() -> Trailer {
        Trailer {
            cartridge: Uuid::from_u128(1),
            segment: Uuid::from_u128(2),
            generation: 3,
            number: 4,
            partition: 3,
            reason: SealReason::Cut,
            entry_count: 5,
            first_object: 6,
            object_count: 7,
            mark_count: 5,
            host_bytes: 9,
            charged_bytes: 10,
            data_end: 12288,
            index_checksum: 11,
            sealed_unix_ms: 12,
            tag: [13; TAG_BYTES],
            before: Some(14),
            checksum: 0,
        }
    }

    #[test]
    fn what_was_written_is_read_at_the_end_of_the_file_only() {
        let length = 12288 + 5 * 32 + 256;
        for before in [Some(14), Some(0), None] {
            let trailer = Trailer {
                before,
                ..trailer()
            };
            let bytes = trailer.emit();
            let checksum = Trailer::checksum_in(&bytes);
            let read = Trailer {
                checksum,
                ..trailer
            };
            assert_eq!(Trailer::parse(&bytes, length), Some(read));
            assert_eq!(Trailer::parse(&bytes, length + 1), None);
        }
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let good = trailer().emit();
        for bit in 0..TRAILER_BYTES * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Trailer::parse(&bytes, 12288 + 5 * 32 + 256), None);
        }
    }
}
