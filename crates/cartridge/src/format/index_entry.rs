//! An index entry: where a frame is and what it counts.

use super::fields::{Fields, Layout};
use super::{FRAME_ALIGN, INDEX_ENTRY_BYTES};
use crate::codec::Codec;
use crate::encryption::AT_REST_SEAL_BYTES;
use crate::limits::{COUNT_MAX, FILEMARK_CHARGE_BYTES};

const FLAG_EQUAL_LENGTHS: u8 = 1;
/// The unit in which the length of a seal is stored.
const SEAL_UNIT_BYTES: u16 = 8;

/// What the objects of an entry are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// The blocks of one frame.
    Data,
    /// The filemarks of one frame.
    Filemarks,
    /// Objects that cannot be read. Only in memory: damage is found, not recorded.
    Damaged,
}

/// An entry of a segment's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) kind: EntryKind,
    pub(crate) first_object: u64,
    pub(crate) object_count: u64,
    /// Filemarks of this segment before this entry.
    pub(crate) marks_before: u64,
    /// Filemarks in this entry.
    pub(crate) marks: u64,
    /// Where the frame's header is.
    pub(crate) offset: u64,
    pub(crate) body_length: u32,
    /// How much longer the body is for being sealed; 0 when it is not.
    pub(crate) seal_length: u16,
    pub(crate) plain_length: u32,
    pub(crate) codec: Codec,
    pub(crate) equal_lengths: bool,
}

impl IndexEntry {
    /// Returns whether it was sealed under a key of a host.
    pub(crate) fn is_under_host_key(&self) -> bool {
        self.seal_length > AT_REST_SEAL_BYTES
    }

    /// Returns the number after the last object.
    pub(crate) fn end_object(&self) -> u64 {
        self.first_object + self.object_count
    }

    /// Returns the filemarks of this segment up to the end of this entry.
    pub(crate) fn end_marks(&self) -> u64 {
        self.marks_before + self.marks
    }

    /// Returns where the next frame begins.
    pub(crate) fn end_offset(&self) -> u64 {
        self.offset + super::frame_stride(self.body_length.into())
    }

    /// Returns what this entry counts against the capacity.
    pub(crate) fn charged_bytes(&self) -> u64 {
        match self.kind {
            EntryKind::Data => {
                let table = if self.equal_lengths {
                    0
                } else {
                    4 * self.object_count
                };
                u64::from(self.body_length).saturating_sub(table + u64::from(self.seal_length))
            }
            EntryKind::Filemarks => self.marks * FILEMARK_CHARGE_BYTES,
            EntryKind::Damaged => 0,
        }
    }

    /// Returns the filemarks of this segment before the object `object` of this entry. In damage
    /// nobody knows where the filemarks were; they count as the last objects of it.
    pub(crate) fn marks_before_object(&self, object: u64) -> u64 {
        let index = object - self.first_object;
        self.marks_before + index.saturating_sub(self.object_count - self.marks)
    }

    /// Returns the object that is the filemark `mark` of this segment, which lies in this entry.
    pub(crate) fn object_of_mark(&self, mark: u64) -> u64 {
        self.end_object() - (self.end_marks() - mark)
    }

    /// Returns the entry's bytes.
    pub(crate) fn emit(&self) -> [u8; INDEX_ENTRY_BYTES] {
        let mut layout = Layout::<INDEX_ENTRY_BYTES>::new();
        let narrow = |value: u64| u32::try_from(value).expect("a segment counts in 32 bits");
        let kind = match self.kind {
            EntryKind::Data => 1,
            EntryKind::Filemarks => 2,
            EntryKind::Damaged => unreachable!("a damaged segment is never sealed"),
        };
        let seal_units = u8::try_from(self.seal_length / SEAL_UNIT_BYTES)
            .expect("no seal is longer than SEAL_BYTES_MAX");
        layout
            .u64(0, self.first_object)
            .u32(8, narrow(self.offset / FRAME_ALIGN))
            .u32(12, self.body_length)
            .u32(16, self.plain_length)
            .u32(20, narrow(self.object_count))
            .u32(24, narrow(self.marks_before))
            .u8(28, kind)
            .u8(29, self.codec as u8)
            .u8(
                30,
                if self.equal_lengths {
                    FLAG_EQUAL_LENGTHS
                } else {
                    0
                },
            )
            .u8(31, seal_units);
        layout.0
    }

    /// Reads an entry. `None` when it cannot be one.
    pub(crate) fn parse(bytes: &[u8; INDEX_ENTRY_BYTES]) -> Option<Self> {
        let fields = Fields(bytes);
        let object_count = u64::from(fields.u32(20));
        let (kind, marks) = match fields.u8(28) {
            1 => (EntryKind::Data, 0),
            2 => (EntryKind::Filemarks, object_count),
            _ => return None,
        };
        let entry = Self {
            kind,
            first_object: fields.u64(0),
            object_count,
            marks_before: fields.u32(24).into(),
            marks,
            offset: u64::from(fields.u32(8)) * FRAME_ALIGN,
            body_length: fields.u32(12),
            seal_length: u16::from(fields.u8(31)) * SEAL_UNIT_BYTES,
            plain_length: fields.u32(16),
            codec: Codec::from_number(fields.u8(29))?,
            equal_lengths: fields.u8(30) & FLAG_EQUAL_LENGTHS != 0,
        };
        (object_count > 0 && entry.first_object <= COUNT_MAX).then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: EntryKind, object_count: u64, marks: u64) -> IndexEntry {
        IndexEntry {
            kind,
            first_object: 100,
            object_count,
            marks_before: 7,
            marks,
            offset: 8192,
            body_length: 30,
            seal_length: 0,
            plain_length: 40,
            codec: Codec::Lz4,
            equal_lengths: false,
        }
    }

    #[test]
    fn what_was_written_is_read() {
        for entry in [
            entry(EntryKind::Data, 3, 0),
            entry(EntryKind::Filemarks, 3, 3),
            IndexEntry {
                seal_length: 424,
                ..entry(EntryKind::Data, 3, 0)
            },
        ] {
            assert_eq!(IndexEntry::parse(&entry.emit()), Some(entry));
        }
    }

    #[test]
    fn marks_are_found_by_arithmetic() {
        let run = entry(EntryKind::Filemarks, 5, 5);
        assert_eq!(run.marks_before_object(102), 9);
        assert_eq!(run.object_of_mark(9), 102);
        let blocks = entry(EntryKind::Data, 5, 0);
        assert_eq!(blocks.marks_before_object(104), 7);
        let damaged = entry(EntryKind::Damaged, 5, 2);
        assert_eq!(damaged.marks_before_object(102), 7);
        assert_eq!(damaged.marks_before_object(103), 7);
        assert_eq!(damaged.marks_before_object(104), 8);
        assert_eq!(damaged.object_of_mark(7), 103);
    }

    #[test]
    fn tables_and_seals_are_not_charged() {
        let sealed = IndexEntry {
            body_length: 300,
            seal_length: 56,
            ..entry(EntryKind::Data, 3, 0)
        };
        assert_eq!(sealed.charged_bytes(), 300 - 12 - 56);
        assert_eq!(entry(EntryKind::Data, 3, 0).charged_bytes(), 30 - 12);
        assert_eq!(entry(EntryKind::Filemarks, 3, 3).charged_bytes(), 3 * 64);
    }
}
