//! The chain file: a checkpoint of segment headers, so that loading need not read them all.
//!
//! ```text
//! 0        head, 256 bytes
//! 256      rows, 160 bytes each, in the order of the segments' names
//! ...      CRC of the rows, 4 bytes, ends the file
//! ```

use uuid::Uuid;

use super::fields::{Fields, Layout};
use super::segment_header::{FEATURES_KNOWN, cipher, features, sealing};
use super::{FORMAT_MAJOR, FORMAT_MINOR};
use crate::chain::{Dead, Row, Totals};
use crate::limits::{COUNT_MAX, PARTITIONS_MAX};
use crate::store::SegmentName;

const MAGIC: [u8; 8] = *b"CAPCHAIN";
/// The length of the head.
pub(crate) const CHAIN_HEAD_BYTES: usize = 256;
const CRC_OFFSET: usize = 252;
/// Where the fields of the first partition begin, and how long those of each are.
const PARTITIONS_OFFSET: usize = 56;
const PARTITION_BYTES: usize = 40;
/// The length of a row.
pub(crate) const CHAIN_ROW_BYTES: usize = 160;
/// The segment had been cut off; of it only its name, epoch and first object are told.
const FLAG_DEAD: u8 = 1;

const _: () = assert!(PARTITIONS_OFFSET + PARTITIONS_MAX * PARTITION_BYTES <= CRC_OFFSET);

/// What the head of a chain file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChainHead {
    pub(crate) cartridge: Uuid,
    /// How many times the cartridge had been formatted.
    pub(crate) epoch: u64,
    pub(crate) rows: u32,
    /// The CRC of the rows, so that head and rows are of one file; 0 where it is not told.
    pub(crate) rows_checksum: u32,
    pub(crate) written_unix_ms: u64,
    pub(crate) partitions: [ChainPartition; PARTITIONS_MAX],
}

/// What the head says of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChainPartition {
    /// How many of its segments were live.
    pub(crate) live: u32,
    /// What lay before the end of data; on stable storage.
    pub(crate) end: Totals,
}

/// A row of a chain file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChainRow {
    /// A segment that was live, and its epoch.
    Live(Row, u64),
    Dead(Dead),
    /// One whose header must be read: it uses what this version does not know.
    Unknown(SegmentName),
}

impl ChainHead {
    /// Returns the head's bytes.
    pub(crate) fn emit(&self) -> [u8; CHAIN_HEAD_BYTES] {
        let mut layout = Layout::<CHAIN_HEAD_BYTES>::new();
        layout
            .set(0, &MAGIC)
            .u16(8, FORMAT_MAJOR)
            .u16(10, FORMAT_MINOR)
            .u16(12, length_u16(CHAIN_HEAD_BYTES))
            .u16(14, length_u16(CHAIN_ROW_BYTES))
            .uuid(16, self.cartridge)
            .u64(32, self.epoch)
            .u32(40, self.rows)
            .u32(44, self.rows_checksum)
            .u64(48, self.written_unix_ms);
        for (at, partition) in (PARTITIONS_OFFSET..)
            .step_by(PARTITION_BYTES)
            .zip(&self.partitions)
        {
            layout.u32(at, partition.live);
            set_totals(&mut layout, at + 8, &partition.end);
        }
        let checksum = crc_fast::crc32_iscsi(&layout.0[..CRC_OFFSET]);
        layout.u32(CRC_OFFSET, checksum);
        layout.0
    }

    /// Reads a head. `None` when it is damaged, or of a version that is not known.
    pub(crate) fn parse(bytes: &[u8; CHAIN_HEAD_BYTES]) -> Option<Self> {
        let fields = Fields(bytes);
        let known = fields.bytes(0) == MAGIC
            && fields.u32(CRC_OFFSET) == crc_fast::crc32_iscsi(&bytes[..CRC_OFFSET])
            && fields.u16(8) == FORMAT_MAJOR
            && fields.u16(12) == length_u16(CHAIN_HEAD_BYTES)
            && fields.u16(14) == length_u16(CHAIN_ROW_BYTES);
        if !known {
            return None;
        }
        let mut partitions = [ChainPartition::default(); PARTITIONS_MAX];
        for (at, partition) in (PARTITIONS_OFFSET..)
            .step_by(PARTITION_BYTES)
            .zip(&mut partitions)
        {
            partition.live = fields.u32(at);
            partition.end = totals(fields, at + 8)?;
        }
        Some(Self {
            cartridge: fields.uuid(16),
            epoch: fields.u64(32),
            rows: fields.u32(40),
            rows_checksum: fields.u32(44),
            written_unix_ms: fields.u64(48),
            partitions,
        })
    }
}

impl ChainHead {
    /// Returns whether rows of this CRC are those that the head was written with.
    pub(crate) fn goes_with(&self, rows_checksum: u32) -> bool {
        self.rows_checksum == 0 || self.rows_checksum == rows_checksum
    }
}

impl ChainRow {
    /// Returns the segment's name.
    pub(crate) fn name(&self) -> SegmentName {
        match self {
            Self::Live(row, _) => row.name,
            Self::Dead(dead) => dead.name,
            Self::Unknown(name) => *name,
        }
    }

    /// Returns the bytes of the row of a live segment of `epoch`.
    pub(crate) fn emit_live(row: &Row, epoch: u64) -> [u8; CHAIN_ROW_BYTES] {
        let mut layout = named(row.name, epoch);
        layout
            .u8(38, cipher(row.salt.as_ref(), row.at_rest))
            .u32(40, features(epoch, row.at_rest))
            .uuid(16, row.previous)
            .u64(56, row.generation)
            .u64(64, row.generation_first_object);
        set_totals(&mut layout, 72, &row.first);
        if let Some(salt) = &row.salt {
            layout.set(104, salt);
        }
        if let Some(at_rest) = &row.at_rest {
            layout.set(136, &at_rest.key_check);
        }
        layout.0
    }

    /// Returns the bytes of the row of a dead segment.
    pub(crate) fn emit_dead(dead: &Dead) -> [u8; CHAIN_ROW_BYTES] {
        let mut layout = named(dead.name, dead.epoch);
        layout.u8(37, FLAG_DEAD).u64(72, dead.first_object);
        layout.0
    }

    /// Reads a row. `None` when it cannot be one.
    pub(crate) fn parse(bytes: &[u8; CHAIN_ROW_BYTES]) -> Option<Self> {
        let fields = Fields(bytes);
        let name = SegmentName {
            partition: fields.u8(36),
            number: fields.u32(32),
            uuid: fields.uuid(0),
        };
        let (epoch, first) = (fields.u64(48), totals(fields, 72)?);
        if name.number == u32::MAX || fields.u64(56) == u64::MAX {
            return None; // as in a segment header
        }
        if fields.u8(37) & FLAG_DEAD != 0 {
            return Some(Self::Dead(Dead {
                name,
                epoch,
                first_object: first.objects,
            }));
        }
        let features = fields.u32(40);
        let sealing = sealing(
            features,
            fields.u8(38),
            fields.bytes(104),
            fields.bytes(136),
        );
        // Of features that only forbid appending none is known.
        let known = features & !FEATURES_KNOWN == 0 && fields.u32(44) == 0;
        let Some((salt, at_rest)) = sealing.filter(|_| known) else {
            return Some(Self::Unknown(name));
        };
        let row = Row {
            name,
            previous: fields.uuid(16),
            generation: fields.u64(56),
            generation_first_object: fields.u64(64),
            first,
            valid_until: u64::MAX,
            present: true,
            salt,
            at_rest,
        };
        Some(Self::Live(row, epoch))
    }
}

fn named(name: SegmentName, epoch: u64) -> Layout<CHAIN_ROW_BYTES> {
    let mut layout = Layout::<CHAIN_ROW_BYTES>::new();
    layout
        .uuid(0, name.uuid)
        .u32(32, name.number)
        .u8(36, name.partition)
        .u64(48, epoch);
    layout
}

fn set_totals<const N: usize>(layout: &mut Layout<N>, at: usize, totals: &Totals) {
    layout
        .u64(at, totals.objects)
        .u64(at + 8, totals.marks)
        .u64(at + 16, totals.host_bytes)
        .u64(at + 24, totals.charged_bytes);
}

/// As in a segment header: sums must not overflow, whatever made them.
fn totals(fields: Fields<'_>, at: usize) -> Option<Totals> {
    let totals = Totals {
        objects: fields.u64(at),
        marks: fields.u64(at + 8),
        host_bytes: fields.u64(at + 16),
        charged_bytes: fields.u64(at + 24),
    };
    let believed = [totals.objects, totals.host_bytes, totals.charged_bytes]
        .iter()
        .all(|count| *count <= COUNT_MAX);
    (believed && totals.marks <= totals.objects).then_some(totals)
}

const fn length_u16(length: usize) -> u16 {
    #[allow(clippy::cast_possible_truncation)] // the two lengths are constants, 256 and 160
    {
        length as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::segment_header::tests::header;

    fn head() -> ChainHead {
        let mut head = ChainHead {
            cartridge: Uuid::from_u128(1),
            epoch: 2,
            rows: 3,
            rows_checksum: 9,
            written_unix_ms: 4,
            partitions: [ChainPartition::default(); PARTITIONS_MAX],
        };
        head.partitions[3] = ChainPartition {
            live: 5,
            end: Totals {
                objects: 6,
                marks: 5,
                host_bytes: 7,
                charged_bytes: 8,
            },
        };
        head
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(ChainHead::parse(&head().emit()), Some(head()));
        for salt in [None, Some([7; 32])] {
            let row = Row {
                salt,
                ..Row::of(&header())
            };
            let bytes = ChainRow::emit_live(&row, 9);
            assert_eq!(ChainRow::parse(&bytes), Some(ChainRow::Live(row, 9)));
        }
        let dead = Row::of(&header()).dead(3);
        let bytes = ChainRow::emit_dead(&dead);
        assert_eq!(ChainRow::parse(&bytes), Some(ChainRow::Dead(dead)));
    }

    #[test]
    fn any_flipped_bit_of_the_head_is_found() {
        let good = head().emit();
        for bit in 0..CHAIN_HEAD_BYTES * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(ChainHead::parse(&bytes), None);
        }
    }

    #[test]
    fn the_header_is_read_of_a_segment_with_features_that_are_not_known() {
        let row = Row::of(&header());
        for at in [38, 40, 44] {
            let mut bytes = ChainRow::emit_live(&row, 0);
            bytes[at] = 0x80;
            assert_eq!(ChainRow::parse(&bytes), Some(ChainRow::Unknown(row.name)));
        }
    }
}
