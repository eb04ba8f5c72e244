//! Counting along: in which file and at which byte of the host one is.

use super::finding::Place;
use crate::chain::Totals;
use crate::format::{EntryKind, IndexEntry};

/// What lies before a place of a partition.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    partition: u8,
    pub(super) objects: u64,
    pub(super) marks: u64,
    /// `None` once something of unknown length was passed.
    host_bytes: Option<u64>,
    /// The first object of the current file.
    file_start: Option<u64>,
}

impl Tally {
    pub(super) fn new(partition: u8) -> Self {
        Self {
            partition,
            objects: 0,
            marks: 0,
            host_bytes: Some(0),
            file_start: Some(0),
        }
    }

    /// A segment begins: its header says how many bytes there are before, whatever was damaged.
    pub(super) fn begin_segment(&mut self, first: Totals) {
        if first.marks != self.marks {
            self.file_start = None;
        }
        self.objects = first.objects;
        self.marks = first.marks;
        self.host_bytes = Some(first.host_bytes);
    }

    /// Returns where the objects of `entry` are, which come next.
    pub(super) fn place(&self, entry: &IndexEntry) -> Place {
        let length = match entry.kind {
            EntryKind::Data => Some(u64::from(entry.plain_length)),
            EntryKind::Filemarks => Some(0),
            EntryKind::Damaged => None,
        };
        let start = self.host_bytes;
        Place {
            partition: self.partition,
            objects: entry.first_object..=entry.end_object().saturating_sub(1),
            filemarks: entry.marks,
            file: self.marks,
            block: self
                .file_start
                .map(|start| self.objects.saturating_sub(start)),
            host_bytes: start
                .zip(length)
                .map(|(start, length)| start..start + length),
        }
    }

    /// Returns whether the last object was a filemark, as far as that is known.
    pub(super) fn ends_with_filemark(&self) -> bool {
        self.file_start == Some(self.objects)
    }

    /// Goes past `entry`.
    pub(super) fn pass(&mut self, entry: &IndexEntry) {
        self.objects = entry.end_object();
        self.marks += entry.marks;
        match entry.kind {
            EntryKind::Data => {
                let length = u64::from(entry.plain_length);
                self.host_bytes = self.host_bytes.map(|bytes| bytes + length);
            }
            EntryKind::Filemarks => self.file_start = Some(self.objects),
            EntryKind::Damaged => {
                self.host_bytes = None;
                if entry.marks > 0 {
                    // The filemarks count as the last objects of the gap.
                    self.file_start = Some(self.objects);
                }
            }
        }
    }
}
