//! The segments that are open for reading, with their indexes.

use std::io;

use super::Cartridge;
use super::footer::Footer;
use crate::chain::Row;
use crate::encryption::{AT_REST_SEAL_BYTES, FrameKey, FramePlace};
use crate::error::Error;
use crate::format::{
    EntryKind, FRAME_HEADER_BYTES, FrameHeader, HEADER_BYTES, HeaderFault, IndexEntry,
    SegmentHeader, TRAILER_BYTES, Trailer,
};
use crate::index;
use crate::limits::{SEGMENTS_OPEN_BYTES_MAX, SEGMENTS_OPEN_MAX};
use crate::store::{SegmentFile, SegmentName, SegmentStore};
use crate::walk::walk;

/// The segments used last, the latest at the end.
#[derive(Default)]
pub(super) struct SegmentCache {
    open: Vec<OpenSegment>,
}

struct OpenSegment {
    name: SegmentName,
    /// `None` when the file is missing.
    file: Option<Box<dyn SegmentFile>>,
    entries: Vec<IndexEntry>,
}

impl SegmentCache {
    /// Closes all: the chain has changed.
    pub(super) fn forget_all(&mut self) {
        self.open.clear();
    }

    /// Makes the segment `name` the latest; returns false when it is not open.
    fn promote(&mut self, name: SegmentName) -> bool {
        let Some(at) = self.open.iter().rposition(|open| open.name == name) else {
            return false;
        };
        self.open[at..].rotate_left(1);
        true
    }

    fn insert(&mut self, segment: OpenSegment) {
        self.open.push(segment);
        // The one in use stays, however large.
        while self.open.len() > 1
            && (self.open.len() > SEGMENTS_OPEN_MAX || self.bytes() > SEGMENTS_OPEN_BYTES_MAX)
        {
            self.open.remove(0);
        }
    }

    /// Returns what the indexes take in memory.
    fn bytes(&self) -> usize {
        let capacities = self.open.iter().map(|open| open.entries.capacity());
        capacities.sum::<usize>() * size_of::<IndexEntry>()
    }
}

impl Cartridge {
    /// Returns the index of row `row`.
    pub(super) fn entries(&mut self, row: usize) -> Result<&[IndexEntry], Error> {
        Ok(self.segment(row)?.1)
    }

    /// Returns the file of row `row`, unless it is missing, and its index.
    pub(super) fn segment(
        &mut self,
        row: usize,
    ) -> Result<(Option<&dyn SegmentFile>, &[IndexEntry]), Error> {
        let name = self.chain.rows()[row].name;
        let written = self
            .writer
            .as_ref()
            .is_some_and(|writer| writer.header().name == name);
        if !written && !self.segments.promote(name) {
            let segment = self.open_for_reading(row)?;
            self.segments.insert(segment);
        }
        match &self.writer {
            Some(writer) if written => Ok((Some(writer.file()), writer.entries())),
            _ => {
                let open = self.segments.open.last();
                let open = open.expect("promoted or inserted above");
                Ok((open.file.as_deref(), &open.entries))
            }
        }
    }

    /// The same when nothing has to be opened for it.
    pub(super) fn open_segment(
        &self,
        row: usize,
    ) -> Option<(Option<&dyn SegmentFile>, &[IndexEntry])> {
        let name = self.chain.rows()[row].name;
        if let Some(writer) = self.writer.as_ref().filter(|it| it.header().name == name) {
            return Some((Some(writer.file()), writer.entries()));
        }
        let open = self.segments.open.iter().rfind(|open| open.name == name)?;
        Some((open.file.as_deref(), &open.entries))
    }

    fn open_for_reading(&mut self, row: usize) -> Result<OpenSegment, Error> {
        let bounds = self.chain.bounds(row);
        let key = self.own_key(row);
        let row = &self.chain.rows()[row];
        let name = row.name;
        let failed = |source| Error::io(format!("segment {name}: read"), source);
        let file = match self.store.open_segment(name) {
            Ok(file) if row.present => Some(file),
            Ok(_) => None,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let mut entries = match &file {
            Some(file) => index_of(&**file, name, bounds.first_object, key.as_deref())?,
            None => Vec::new(),
        };
        index::fit(&mut entries, bounds);
        Ok(OpenSegment {
            name,
            file,
            entries,
        })
    }
}

/// Returns the index of a segment: from its footer, or by walking its frames.
fn index_of(
    file: &dyn SegmentFile,
    name: SegmentName,
    first_object: u64,
    key: Option<&FrameKey>,
) -> Result<Vec<IndexEntry>, Error> {
    let failed = |source| Error::io(format!("segment {name}: read"), source);
    if let Some(footer) = Footer::read(file, name).map_err(failed)? {
        footer.check(file, name, key)?;
        if footer.trailer.first_object == first_object
            && let Some(entries) = footer.entries()
        {
            return Ok(entries);
        }
    }
    let walked = walk(file, name.uuid, first_object).map_err(failed)?;
    let mut entries = walked.entries;
    refuse_forged_filemarks(file, name, &mut entries, key).map_err(failed)?;
    Ok(entries)
}

/// Takes filemarks for damage that are not what was sealed with `key`. Returns whether there were any.
/// Only where frames were walked: an index is proved as a whole.
pub(super) fn refuse_forged_filemarks(
    file: &dyn SegmentFile,
    name: SegmentName,
    entries: &mut [IndexEntry],
    key: Option<&FrameKey>,
) -> io::Result<bool> {
    let Some(key) = key else {
        return Ok(false);
    };
    let mut forged = false;
    let marks = entries.iter_mut();
    for entry in marks.filter(|entry| entry.kind == EntryKind::Filemarks) {
        let mut frame = [0; FRAME_HEADER_BYTES + AT_REST_SEAL_BYTES as usize];
        let whole = file.read_at(&mut frame, entry.offset)? == frame.len();
        let (header, body) = frame.split_at_mut(FRAME_HEADER_BYTES);
        let header: &[u8; FRAME_HEADER_BYTES] = (&*header).try_into().expect("split at its length");
        let sequence = FrameHeader::parse(header, name.uuid, entry.offset).map(|it| it.sequence);
        let opened = sequence.filter(|_| whole).map(|sequence| {
            let place = FramePlace { sequence, header };
            key.open_in_place(place, &[], body)
        });
        if !matches!(opened, Some(Ok(0))) {
            entry.kind = EntryKind::Damaged;
            forged = true;
        }
    }
    Ok(forged)
}

/// Reads the header: the first good one of its two copies.
pub(super) fn read_header(
    file: &dyn SegmentFile,
) -> io::Result<Result<SegmentHeader, HeaderFault>> {
    let mut fault = HeaderFault::Damaged;
    for copy in 0..2 {
        let mut bytes = [0; HEADER_BYTES];
        file.read_at(&mut bytes, copy * HEADER_BYTES as u64)?;
        match SegmentHeader::parse(&bytes) {
            Ok(header) => return Ok(Ok(header)),
            Err(HeaderFault::Damaged) => {}
            Err(unsupported) => fault = unsupported,
        }
    }
    Ok(Err(fault))
}

/// Returns the checksum of the trailer of the segment before the last of `rows`, if that is there and sealed.
/// Where it cannot be read it is not known: nothing depends on it but a later check.
pub(super) fn checksum_before(store: &dyn SegmentStore, rows: &[Row]) -> Option<u32> {
    let [.., before, last] = rows else {
        return None;
    };
    if last.previous != before.name.uuid || !before.present {
        return None;
    }
    let file = store.open_segment(before.name).ok()?;
    let trailer = read_trailer(&*file, before.name).ok()??;
    (trailer.first_object == before.first.objects).then_some(trailer.checksum)
}

/// Reads the trailer of the segment `name`; `None` when it is not sealed.
pub(crate) fn read_trailer(
    file: &dyn SegmentFile,
    name: SegmentName,
) -> io::Result<Option<Trailer>> {
    let length = file.length()?;
    let mut bytes = [0; TRAILER_BYTES];
    let Some(offset) = length.checked_sub(TRAILER_BYTES as u64) else {
        return Ok(None);
    };
    if file.read_at(&mut bytes, offset)? < bytes.len() {
        return Ok(None);
    }
    Ok(Trailer::parse(&bytes, length).filter(|trailer| trailer.segment == name.uuid))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const MIB: usize = 1 << 20;

    fn segment(number: u32, index_bytes: usize) -> OpenSegment {
        let entries = Vec::with_capacity(index_bytes / size_of::<IndexEntry>());
        OpenSegment {
            name: name(number),
            file: None,
            entries,
        }
    }

    fn name(number: u32) -> SegmentName {
        SegmentName {
            partition: 0,
            number,
            uuid: Uuid::from_u128(number.into()),
        }
    }

    fn numbers(cache: &SegmentCache) -> Vec<u32> {
        cache.open.iter().map(|open| open.name.number).collect()
    }

    #[test]
    fn small_indexes_are_kept_by_number() {
        let mut cache = SegmentCache::default();
        for number in 1..20 {
            cache.insert(segment(number, 1000));
            let first = (number + 1).saturating_sub(8).max(1);
            assert_eq!(numbers(&cache), (first..=number).collect::<Vec<_>>());
        }
        assert!(cache.bytes() <= 8 * 1000);
    }

    #[test]
    fn large_indexes_go_by_their_bytes_the_oldest_first() {
        assert_eq!(SEGMENTS_OPEN_BYTES_MAX, 16 * MIB);
        let mut cache = SegmentCache::default();
        for number in 1..=3 {
            cache.insert(segment(number, 5 * MIB));
        }
        assert_eq!(numbers(&cache), [1, 2, 3]);
        assert!(cache.promote(name(1)));
        cache.insert(segment(4, 5 * MIB));
        assert_eq!(numbers(&cache), [3, 1, 4]);
        assert!(!cache.promote(name(2)));
        // As many as it takes.
        cache.insert(segment(5, 11 * MIB));
        assert_eq!(numbers(&cache), [4, 5]);
        cache.insert(segment(6, MIB / 2));
        assert_eq!(numbers(&cache), [5, 6]);
        assert!(cache.bytes() <= SEGMENTS_OPEN_BYTES_MAX);
    }

    #[test]
    fn the_index_in_use_stays_however_large() {
        let mut cache = SegmentCache::default();
        for number in 1..=5 {
            cache.insert(segment(number, MIB));
        }
        cache.insert(segment(6, 40 * MIB));
        assert_eq!(numbers(&cache), [6]);
        assert!(cache.promote(name(6)));
        // It is not in use any more.
        cache.insert(segment(7, 1000));
        assert_eq!(numbers(&cache), [7]);
        cache.insert(segment(8, SEGMENTS_OPEN_BYTES_MAX));
        assert_eq!(numbers(&cache), [8]);
    }
}
