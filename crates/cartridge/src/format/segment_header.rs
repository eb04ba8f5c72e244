//! The segment header: who wrote this file, for which cartridge, and where in it.

use uuid::Uuid;

use super::fields::{Fields, Layout};
use super::{FORMAT_MAJOR, FORMAT_MINOR, HEADER_BYTES};
use crate::encryption::KEY_CHECK_BYTES;
use crate::limits::{BARCODE_BYTES_MAX, COUNT_MAX, PARTITIONS_MAX};
use crate::store::SegmentName;

/// CR-LF shows a transfer in text mode.
const MAGIC: [u8; 8] = *b"CAPSEG\r\n";
const END_MAGIC: [u8; 4] = *b"SEGH";
const CRC_OFFSET: usize = 4088;
const HEADER_LENGTH: u32 = 4096;
/// log2 of [`super::FRAME_ALIGN`].
const FRAME_ALIGN_LOG2: u8 = 3;

/// Incompatible feature: the header has an epoch, and its partition need not be 0.
const FEATURE_EPOCH: u32 = 1;
/// Incompatible feature: every frame but pads is sealed, and the cipher says so, too.
const FEATURE_AT_REST: u32 = 2;
/// Incompatible features of which this version knows what they mean.
pub(super) const FEATURES_KNOWN: u32 = FEATURE_EPOCH | FEATURE_AT_REST;
/// The length of the salt from which the keys of a segment follow.
pub(crate) const SEGMENT_SALT_BYTES: usize = 32;
/// Cipher: frames may be sealed with AES-256-GCM under keys of a host.
const CIPHER_HOST: u8 = 1;
/// Cipher: all frames but pads are sealed with AES-256-GCM, under keys of a host or the cartridge's own.
const CIPHER_AT_REST: u8 = 2;

const _: () = assert!(HEADER_LENGTH as usize == HEADER_BYTES);

/// A segment header. Both copies in the file are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) cartridge: Uuid,
    pub(crate) name: SegmentName,
    /// How many times the cartridge had been formatted.
    pub(crate) epoch: u64,
    /// The segment that comes before this one in the chain; nil for the first.
    pub(crate) previous: Uuid,
    /// +1 each time something was cut off.
    pub(crate) generation: u64,
    /// Where this generation began: what older generations hold from there on is cut off.
    pub(crate) generation_first_object: u64,
    pub(crate) first_object: u64,
    pub(crate) first_mark: u64,
    pub(crate) first_host_byte: u64,
    pub(crate) first_charged_byte: u64,
    pub(crate) created_unix_ms: u64,
    pub(crate) capacity_bytes: u64,
    /// `Some` when there may be sealed frames.
    pub(crate) salt: Option<[u8; SEGMENT_SALT_BYTES]>,
    /// `Some`, with a salt, when all frames but pads are sealed.
    pub(crate) at_rest: Option<AtRest>,
    /// At most [`BARCODE_BYTES_MAX`] bytes; makes a lost file readable by a person.
    pub(crate) barcode: String,
}

/// A segment in which every frame but pads is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AtRest {
    /// Tells whether a key is that of the cartridge.
    pub(crate) key_check: [u8; KEY_CHECK_BYTES],
    /// Frames may be sealed under keys of a host, too.
    pub(crate) host_blocks: bool,
}

/// Why a segment header cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// Not a header, or a damaged one.
    Damaged,
    /// A good header of a newer format; says what is not known.
    Unsupported(String),
}

impl SegmentHeader {
    /// Returns what takes the place of a header of which nothing is left: only where the segment begins
    /// is known.
    pub(crate) fn made_up(name: SegmentName, first_object: u64, generation: u64) -> Self {
        Self {
            cartridge: Uuid::nil(),
            name,
            epoch: 0,
            previous: Uuid::nil(),
            generation,
            generation_first_object: 0,
            first_object,
            first_mark: 0,
            first_host_byte: 0,
            first_charged_byte: 0,
            created_unix_ms: 0,
            capacity_bytes: 0,
            salt: None,
            at_rest: None,
            barcode: String::new(),
        }
    }

    /// Returns the header's bytes.
    pub(crate) fn emit(&self) -> [u8; HEADER_BYTES] {
        debug_assert!(self.barcode.len() <= BARCODE_BYTES_MAX);
        let mut layout = Layout::<HEADER_BYTES>::new();
        layout
            .set(0, &MAGIC)
            .u16(8, FORMAT_MAJOR)
            .u16(10, FORMAT_MINOR)
            .u32(12, features(self.epoch, self.at_rest))
            // 16: features that forbid appending. None yet.
            .u32(20, HEADER_LENGTH)
            .uuid(24, self.cartridge)
            .uuid(40, self.name.uuid)
            .uuid(56, self.previous)
            .u64(72, self.generation)
            // 80: writer epoch, for several gateways on one shelf.
            .u32(88, self.name.number)
            .u8(92, self.name.partition)
            .u8(93, cipher(self.salt.as_ref(), self.at_rest))
            .u8(94, FRAME_ALIGN_LOG2)
            .u64(96, self.first_object)
            .u64(104, self.first_mark)
            .u64(112, self.first_host_byte)
            .u64(120, self.first_charged_byte)
            .u64(128, self.generation_first_object)
            .u64(136, self.created_unix_ms)
            .u64(144, self.capacity_bytes)
            .set(152, self.barcode.as_bytes())
            .u64(272, self.epoch);
        if let Some(salt) = &self.salt {
            layout.set(240, salt);
        }
        if let Some(at_rest) = &self.at_rest {
            layout.set(184, &at_rest.key_check);
        }
        let checksum = crc_fast::crc32_iscsi(&layout.0[..CRC_OFFSET]);
        layout.u32(CRC_OFFSET, checksum).set(4092, &END_MAGIC);
        layout.0
    }

    /// Returns whether there may be frames that are sealed under keys of a host.
    pub(crate) fn takes_host_blocks(&self) -> bool {
        takes_host_blocks(self.salt.as_ref(), self.at_rest)
    }

    /// Reads a header.
    pub(crate) fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, HeaderFault> {
        let fields = Fields(bytes);
        if fields.bytes(0) != MAGIC
            || fields.bytes(4092) != END_MAGIC
            || fields.u32(CRC_OFFSET) != crc_fast::crc32_iscsi(&bytes[..CRC_OFFSET])
        {
            return Err(HeaderFault::Damaged);
        }
        let unsupported =
            |what: &str, found: u64| Err(HeaderFault::Unsupported(format!("{what} {found}")));
        if fields.u16(8) != FORMAT_MAJOR {
            return unsupported("format", fields.u16(8).into());
        }
        let features = fields.u32(12);
        if features & !FEATURES_KNOWN != 0 {
            return unsupported("incompatible features", features.into());
        }
        if fields.u32(16) != 0 {
            return unsupported("read-only features", fields.u32(16).into());
        }
        let has_epoch = features & FEATURE_EPOCH != 0;
        let partitions = if has_epoch { PARTITIONS_MAX } else { 1 };
        if usize::from(fields.u8(92)) >= partitions {
            return unsupported("partition", fields.u8(92).into());
        }
        if fields.u8(94) != FRAME_ALIGN_LOG2 {
            return unsupported("alignment", fields.u8(94).into());
        }
        let sealing = sealing(
            features,
            fields.u8(93),
            fields.bytes(240),
            fields.bytes(184),
        );
        let Some((salt, at_rest)) = sealing else {
            return unsupported("cipher", fields.u8(93).into());
        };
        // Written by us the counts are small; whatever else made them, sums must not overflow.
        let counts = [96, 104, 112, 120].map(|at| fields.u64(at));
        let [first_object, first_mark, ..] = counts;
        if counts.iter().any(|count| *count > COUNT_MAX)
            || first_mark > first_object
            || fields.u64(72) == u64::MAX
            || fields.u32(88) == u32::MAX
        {
            return Err(HeaderFault::Damaged);
        }
        let barcode: [u8; BARCODE_BYTES_MAX] = fields.bytes(152);
        Ok(Self {
            cartridge: fields.uuid(24),
            name: SegmentName {
                partition: fields.u8(92),
                number: fields.u32(88),
                uuid: fields.uuid(40),
            },
            epoch: if has_epoch { fields.u64(272) } else { 0 },
            previous: fields.uuid(56),
            generation: fields.u64(72),
            generation_first_object: fields.u64(128),
            first_object: fields.u64(96),
            first_mark: fields.u64(104),
            first_host_byte: fields.u64(112),
            first_charged_byte: fields.u64(120),
            created_unix_ms: fields.u64(136),
            capacity_bytes: fields.u64(144),
            salt,
            at_rest,
            barcode: text_of(&barcode),
        })
    }
}

/// Returns the barcode in a header, which we write in printable ASCII. What else somebody may have put there
/// becomes question marks, as many as there were bytes: it is shown, and written, in the same room.
fn text_of(barcode: &[u8]) -> String {
    let length = barcode.iter().rposition(|byte| *byte != 0);
    let bytes = barcode.iter().take(length.map_or(0, |last| last + 1));
    let printable = bytes.map(|byte| match byte {
        b'!'..=b'~' => char::from(*byte),
        _ => '?',
    });
    printable.collect()
}

/// Returns the incompatible features of a segment.
pub(super) fn features(epoch: u64, at_rest: Option<AtRest>) -> u32 {
    let epoch = if epoch > 0 { FEATURE_EPOCH } else { 0 };
    epoch | at_rest.map_or(0, |_| FEATURE_AT_REST)
}

/// Returns the cipher of a segment.
pub(super) fn cipher(salt: Option<&[u8; SEGMENT_SALT_BYTES]>, at_rest: Option<AtRest>) -> u8 {
    debug_assert!(at_rest.is_none() || salt.is_some());
    match (salt, at_rest) {
        (None, _) => 0,
        (Some(_), None) => CIPHER_HOST,
        (Some(_), Some(at_rest)) if at_rest.host_blocks => CIPHER_HOST | CIPHER_AT_REST,
        (Some(_), Some(_)) => CIPHER_AT_REST,
    }
}

/// How the frames of a segment may be sealed.
type Sealing = (Option<[u8; SEGMENT_SALT_BYTES]>, Option<AtRest>);

/// Returns how the frames of a segment may be sealed; `None` when that is not known.
pub(super) fn sealing(
    features: u32,
    cipher: u8,
    salt: [u8; SEGMENT_SALT_BYTES],
    key_check: [u8; KEY_CHECK_BYTES],
) -> Option<Sealing> {
    let at_rest = (features & FEATURE_AT_REST != 0).then_some(AtRest {
        key_check,
        host_blocks: cipher & CIPHER_HOST != 0,
    });
    match (cipher, at_rest) {
        (0, None) => Some((None, None)),
        (CIPHER_HOST, None) | (CIPHER_AT_REST..=3, Some(_)) => Some((Some(salt), at_rest)),
        _ => None,
    }
}

/// Returns whether a segment with these may hold frames that are sealed under keys of a host.
pub(crate) fn takes_host_blocks(
    salt: Option<&[u8; SEGMENT_SALT_BYTES]>,
    at_rest: Option<AtRest>,
) -> bool {
    salt.is_some() && at_rest.is_none_or(|at_rest| at_rest.host_blocks)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A header for tests.
    pub(crate) fn header() -> SegmentHeader {
        SegmentHeader {
            cartridge: Uuid::from_u128(1),
            name: SegmentName {
                partition: 0,
                number: 3,
                uuid: Uuid::from_u128(2),
            },
            epoch: 0,
            previous: Uuid::from_u128(4),
            generation: 5,
            generation_first_object: 6,
            first_object: 7,
            first_mark: 7,
            first_host_byte: 9,
            first_charged_byte: 10,
            created_unix_ms: 11,
            capacity_bytes: 12,
            salt: None,
            at_rest: None,
            barcode: "CAP001L5".to_owned(),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let salt = Some([9; SEGMENT_SALT_BYTES]);
        for header in [header(), SegmentHeader { salt, ..header() }] {
            assert_eq!(SegmentHeader::parse(&header.emit()), Ok(header));
        }
        for host_blocks in [false, true] {
            let at_rest = Some(AtRest {
                key_check: [8; KEY_CHECK_BYTES],
                host_blocks,
            });
            let header = SegmentHeader {
                salt,
                at_rest,
                ..header()
            };
            assert_eq!(header.takes_host_blocks(), host_blocks);
            assert_eq!(SegmentHeader::parse(&header.emit()), Ok(header));
        }
        let mut formatted = header();
        (formatted.epoch, formatted.name.partition) = (8, 3);
        assert_eq!(SegmentHeader::parse(&formatted.emit()), Ok(formatted));
    }

    /// As text such bytes would have been longer than the field, and have run over those behind it.
    #[test]
    fn a_barcode_that_is_no_text_keeps_to_its_field() {
        let mut bytes = header().emit();
        bytes[152..184].copy_from_slice(&[0xb0; 32]);
        bytes[154] = b'A';
        let checksum = crc_fast::crc32_iscsi(&bytes[..CRC_OFFSET]);
        bytes[CRC_OFFSET..CRC_OFFSET + 4].copy_from_slice(&checksum.to_le_bytes());
        let read = SegmentHeader::parse(&bytes).unwrap();
        assert_eq!(read.barcode, format!("??A{}", "?".repeat(29)));
        assert_eq!(SegmentHeader::parse(&read.emit()), Ok(read));
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let good = header().emit();
        for bit in 0..HEADER_BYTES * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::parse(&bytes), Err(HeaderFault::Damaged));
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (at, found) in [
            (8, "format 5"),
            (12, "incompatible features 4"),
            (16, "read-only features 4"),
            (92, "partition 4"),
            (93, "cipher 4"),
        ] {
            let mut bytes = header().emit();
            bytes[at] += 4;
            let checksum = crc_fast::crc32_iscsi(&bytes[..CRC_OFFSET]);
            bytes[CRC_OFFSET..CRC_OFFSET + 4].copy_from_slice(&checksum.to_le_bytes());
            let fault = HeaderFault::Unsupported(found.to_owned());
            assert_eq!(SegmentHeader::parse(&bytes), Err(fault));
        }
    }
}
