//! The objects of a partition one after the other, with damage in their place.

use bytes::Bytes;

use super::Inspection;
use super::finding::Finding;
use super::finding::{Place, Severity};
use super::frame::Blocks;
use super::segment::Segment;
use super::tally::Tally;
use crate::chain::LOST_NUMBER;
use crate::codec::Codec;
use crate::encryption::{Encryption, KeyAssociatedData};
use crate::format::{EntryKind, IndexEntry};

/// An object of a tape, or what is left of some.
#[derive(Clone, Debug)]
pub struct TapeObject {
    /// Its number.
    pub number: u64,
    /// The filemarks before it.
    pub file: u64,
    /// What it is.
    pub kind: ObjectKind,
}

/// What lies at a place.
#[derive(Clone, Debug)]
pub enum ObjectKind {
    /// A block.
    Block {
        /// Its bytes.
        bytes: Bytes,
        /// How it was compressed.
        codec: Codec,
        /// How it was encrypted.
        encryption: Option<Box<Encryption>>,
    },
    /// A block that is whole and encrypted under a key that was not given.
    Sealed(SealedBlock),
    /// A filemark.
    Filemark,
    /// Blocks that cannot be read, as many as `place` says; filemarks among them follow one by one.
    Damage(Box<Finding>),
}

/// A block that could not be decrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBlock {
    /// What the host told with its key.
    pub data: KeyAssociatedData,
}

/// The objects of a partition. Made by [`Inspection::objects`].
pub struct Objects<'a> {
    inspection: &'a Inspection,
    partition: u8,
    /// The next segment, and the one that is being read with the next of its entries.
    next_segment: usize,
    segment: Option<(Segment, usize)>,
    tally: Tally,
    /// Objects of the current entry, the next one last.
    waiting: Vec<TapeObject>,
    /// Filemarks still to come, from this object on.
    marks: std::ops::Range<u64>,
    /// The file of the next filemark.
    file: u64,
}

impl Inspection {
    /// Returns the objects of a partition from its beginning on.
    pub fn objects(&self, partition: u8) -> Objects<'_> {
        Objects {
            inspection: self,
            partition,
            next_segment: 0,
            segment: None,
            tally: Tally::new(partition),
            waiting: Vec::new(),
            marks: 0..0,
            file: 0,
        }
    }
}

impl Iterator for Objects<'_> {
    type Item = TapeObject;

    fn next(&mut self) -> Option<TapeObject> {
        loop {
            if let Some(object) = self.waiting.pop() {
                return Some(object);
            }
            if let Some(number) = self.marks.next() {
                let file = self.file;
                self.file += 1;
                return Some(TapeObject {
                    number,
                    file,
                    kind: ObjectKind::Filemark,
                });
            }
            self.next_entry()?;
        }
    }
}

impl Objects<'_> {
    /// Goes on to the next entry; `None` at the end of data.
    fn next_entry(&mut self) -> Option<()> {
        loop {
            if let Some((segment, number)) = &mut self.segment
                && let Some(entry) = segment.entries.get(*number).copied()
            {
                *number += 1;
                self.enter(&entry);
                return Some(());
            }
            let segment = self
                .inspection
                .open_segment(self.partition, self.next_segment)?;
            self.next_segment += 1;
            self.tally.begin_segment(segment.link.first);
            self.segment = Some((segment, 0));
        }
    }

    fn enter(&mut self, entry: &IndexEntry) {
        let place = self.tally.place(entry);
        self.file = self.tally.marks;
        self.tally.pass(entry);
        self.marks = entry.end_object() - entry.marks..entry.end_object();
        if entry.kind == EntryKind::Filemarks || entry.marks == entry.object_count {
            return;
        }
        let Some((segment, _)) = &mut self.segment else {
            return;
        };
        let read = match (&segment.file, entry.kind) {
            (Some(file), EntryKind::Data) => segment.reader.read(&**file, entry),
            _ => Err(segment.absence(entry)),
        };
        let objects = entry.first_object..entry.end_object() - entry.marks;
        let object = |number, kind| TapeObject {
            number,
            file: place.file,
            kind,
        };
        match read {
            Err(reason) => {
                let finding = damage(segment, entry, place.clone(), reason);
                self.waiting = vec![object(
                    entry.first_object,
                    ObjectKind::Damage(finding.into()),
                )];
            }
            Ok(opened) => match opened.blocks {
                Blocks::Sealed(sealed) => {
                    let data = sealed.preamble.data;
                    let kind = || ObjectKind::Sealed(SealedBlock { data: data.clone() });
                    self.waiting = objects.map(|number| object(number, kind())).collect();
                }
                Blocks::Plain(blocks) => {
                    let encryption = opened.sealed_with.map(|(key, preamble)| {
                        Box::new(Encryption {
                            key,
                            data: preamble.data,
                            forbid_raw_reading: preamble.forbid_raw_reading,
                        })
                    });
                    let codec = entry.codec;
                    let kinds = blocks.into_iter().map(|bytes| ObjectKind::Block {
                        bytes,
                        codec,
                        encryption: encryption.clone(),
                    });
                    self.waiting = objects
                        .zip(kinds)
                        .map(|(number, kind)| object(number, kind))
                        .collect();
                }
            },
        }
        self.waiting.reverse();
    }
}

/// Returns the finding that the objects of `entry` are lost.
pub(super) fn damage(
    segment: &Segment,
    entry: &IndexEntry,
    place: Place,
    reason: String,
) -> Finding {
    let name = segment.link.name;
    let file = match name.number {
        // Nobody knows its number: so it is found in a copy.
        LOST_NUMBER => format!("{}-*-{}.seg", name.partition, name.uuid),
        _ => name.to_string(),
    };
    let mut finding = Finding::new(Severity::Lost, file, reason);
    if entry.kind != EntryKind::Damaged {
        finding = finding.at(entry.offset..entry.end_offset());
    }
    finding.concerning(Some(place))
}
