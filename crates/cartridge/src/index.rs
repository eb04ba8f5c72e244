//! Searching the index of one segment.

use crate::format::{EntryKind, FRAMES_OFFSET, IndexEntry};
use crate::limits::FRAME_BODY_BYTES_MAX;

/// Returns the entry that holds `object`.
pub(crate) fn entry_of_object(entries: &[IndexEntry], object: u64) -> Option<&IndexEntry> {
    let after = entries.partition_point(|entry| entry.first_object <= object);
    let entry = &entries[after.checked_sub(1)?];
    (object < entry.end_object()).then_some(entry)
}

/// Returns how many filemarks of the segment lie before `object`.
pub(crate) fn marks_before_object(entries: &[IndexEntry], object: u64) -> u64 {
    let after = entries.partition_point(|entry| entry.first_object <= object);
    match after.checked_sub(1).map(|at| &entries[at]) {
        None => 0,
        Some(entry) if object >= entry.end_object() => entry.end_marks(),
        Some(entry) => entry.marks_before_object(object),
    }
}

/// Returns which object is the filemark `mark` of the segment.
pub(crate) fn object_of_mark(entries: &[IndexEntry], mark: u64) -> Option<u64> {
    let at = entries.partition_point(|entry| entry.end_marks() <= mark);
    Some(entries.get(at)?.object_of_mark(mark))
}

/// Returns true when `entries` follow each other without a gap, from `first_object` on, in frames
/// that end at or before `data_end`.
pub(crate) fn is_continuous(entries: &[IndexEntry], first_object: u64, data_end: u64) -> bool {
    let (mut object, mut marks, mut offset) = (first_object, 0, FRAMES_OFFSET);
    for entry in entries {
        let follows = entry.first_object == object
            && entry.marks_before == marks
            && entry.offset >= offset
            && entry.end_offset() <= data_end
            && entry.body_length as usize <= FRAME_BODY_BYTES_MAX;
        if !follows {
            return false;
        }
        (object, marks, offset) = (entry.end_object(), entry.end_marks(), entry.end_offset());
    }
    true
}

/// What the chain knows about a segment without its index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) first_object: u64,
    /// Objects from here on are not this segment's, whatever the file holds.
    pub(crate) valid_until: u64,
    /// Where the next segment begins.
    pub(crate) end_object: u64,
    /// Filemarks between `first_object` and `end_object`.
    pub(crate) marks: u64,
}

/// Makes `entries` cover exactly `bounds`: what was cut off goes, and what is not there is damage.
pub(crate) fn fit(entries: &mut Vec<IndexEntry>, bounds: Bounds) {
    let limit = bounds.valid_until.min(bounds.end_object);
    entries.retain(|entry| entry.first_object < limit);
    if let Some(last) = entries.last_mut()
        && last.end_object() > limit
    {
        let count = limit - last.first_object;
        last.marks = match last.kind {
            EntryKind::Data => 0,
            EntryKind::Filemarks => count,
            EntryKind::Damaged => last.marks.saturating_sub(last.object_count - count),
        };
        last.object_count = count;
    }
    let (first_object, marks_before) = entries.last().map_or((bounds.first_object, 0), |last| {
        (last.end_object(), last.end_marks())
    });
    if first_object < bounds.end_object {
        let object_count = bounds.end_object - first_object;
        let marks = bounds.marks.saturating_sub(marks_before);
        entries.push(damage(first_object, object_count, marks_before, marks));
    }
}

/// Returns an entry for objects that cannot be read.
pub(crate) fn damage(
    first_object: u64,
    object_count: u64,
    marks_before: u64,
    marks: u64,
) -> IndexEntry {
    IndexEntry {
        kind: EntryKind::Damaged,
        first_object,
        object_count,
        marks_before,
        marks: marks.min(object_count),
        offset: 0,
        body_length: 0,
        seal_length: 0,
        plain_length: 0,
        codec: crate::codec::Codec::Stored,
        equal_lengths: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;

    /// Objects 10 to 12 are blocks, 13 to 15 filemarks, 16 and 17 blocks, 18 a filemark.
    fn entries() -> Vec<IndexEntry> {
        let mut entries: Vec<IndexEntry> = Vec::new();
        for (kind, object_count) in [
            (EntryKind::Data, 3),
            (EntryKind::Filemarks, 3),
            (EntryKind::Data, 2),
            (EntryKind::Filemarks, 1),
        ] {
            let last = entries.last();
            entries.push(IndexEntry {
                kind,
                first_object: last.map_or(10, IndexEntry::end_object),
                object_count,
                marks_before: last.map_or(0, IndexEntry::end_marks),
                marks: if kind == EntryKind::Filemarks {
                    object_count
                } else {
                    0
                },
                offset: 8192,
                body_length: 0,
                seal_length: 0,
                plain_length: 0,
                codec: Codec::Stored,
                equal_lengths: true,
            });
        }
        entries
    }

    const MARKS: [u64; 4] = [13, 14, 15, 18];

    #[test]
    fn searches_agree_with_counting() {
        let entries = entries();
        for object in 10..=20 {
            let count = MARKS.iter().filter(|mark| **mark < object).count() as u64;
            assert_eq!(marks_before_object(&entries, object), count, "{object}");
            let entry = entry_of_object(&entries, object);
            assert_eq!(entry.is_some(), object < 19, "{object}");
        }
        assert!(entry_of_object(&entries, 9).is_none());
        for (mark, object) in MARKS.iter().enumerate() {
            assert_eq!(object_of_mark(&entries, mark as u64), Some(*object));
        }
        assert_eq!(object_of_mark(&entries, 4), None);
    }

    #[test]
    fn what_was_cut_off_goes_and_what_is_missing_is_damage() {
        for limit in 11..19 {
            let marks = MARKS.iter().filter(|mark| **mark < limit).count() as u64;
            let mut cut = entries();
            let bounds = Bounds {
                first_object: 10,
                valid_until: u64::MAX,
                end_object: limit,
                marks,
            };
            fit(&mut cut, bounds);
            let last = cut.last().unwrap();
            assert_eq!((last.end_object(), last.end_marks()), (limit, marks));
            assert_ne!(last.kind, EntryKind::Damaged);

            let mut gap = entries();
            let bounds = Bounds {
                valid_until: limit,
                end_object: 30,
                marks: 9,
                ..bounds
            };
            fit(&mut gap, bounds);
            let last = gap.last().unwrap();
            assert_eq!((last.kind, last.first_object), (EntryKind::Damaged, limit));
            assert_eq!((last.end_object(), last.end_marks()), (30, 9));
        }
    }
}
