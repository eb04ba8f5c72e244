//! What a live segment holds, and whether its parts agree.

use std::ops::Range;

use super::chain::Link;
use super::finding::{Finding, Severity};
use super::frame::{FrameReader, OpenKeys, cannot_read};
use crate::cartridge::Footer;
use crate::format::{
    EntryKind, FRAME_ALIGN, FRAME_HEADER_BYTES, FRAMES_OFFSET, FrameHeader, FrameKind, IndexEntry,
    TRAILER_BYTES, Trailer, frame_stride,
};
use crate::index::{self, Bounds};
use crate::store::{SegmentFile, SegmentStore};
use crate::walk::walk;

/// A live segment, open.
pub(super) struct Segment {
    pub(super) link: Link,
    /// `None` when the file is missing or cannot be opened.
    pub(super) file: Option<Box<dyn SegmentFile>>,
    /// Why it cannot be read.
    failure: Option<String>,
    /// Whether the segment behind it names it as the one before.
    is_followed: bool,
    /// Its live objects, all of them: what cannot be read is damage.
    pub(super) entries: Vec<IndexEntry>,
    /// Frames that hold only what was cut off.
    pub(super) cut_off: Vec<IndexEntry>,
    /// Where frames and padding end.
    pub(super) data_end: u64,
    pub(super) length: u64,
    pub(super) trailer: Option<Trailer>,
    pub(super) reader: FrameReader,
    /// What opening it has found.
    pub(super) findings: Vec<Finding>,
}

impl Segment {
    /// Opens the segment of `link`; `next` is the one after it.
    pub(super) fn open(
        store: &dyn SegmentStore,
        link: &Link,
        next: Option<&Link>,
        keys: &OpenKeys,
    ) -> Self {
        let mut segment = Self {
            link: link.clone(),
            file: None,
            failure: None,
            is_followed: next.is_none_or(|next| next.previous == link.name.uuid),
            entries: Vec::new(),
            cut_off: Vec::new(),
            data_end: FRAMES_OFFSET,
            length: 0,
            trailer: None,
            reader: FrameReader::new(link, keys),
            findings: Vec::new(),
        };
        if link.present
            && let Err(reason) = segment.read_entries(store, next.is_none())
        {
            segment.find(Severity::Lost, reason.as_str(), None);
            segment.failure = Some(reason);
        }
        segment.fit(next);
        segment
    }

    fn find(&mut self, severity: Severity, reason: impl Into<String>, bytes: Option<Range<u64>>) {
        let mut finding = Finding::new(severity, self.link.name, reason);
        finding.bytes = bytes;
        self.findings.push(finding);
    }

    /// Returns why there is nothing to read where `entry` should lie.
    pub(super) fn absence(&self, entry: &IndexEntry) -> String {
        let is_end = self.entries.last() == Some(entry);
        if let Some(failure) = &self.failure {
            failure.clone()
        } else if !self.link.present {
            "the file is missing".to_owned()
        } else if is_end && !self.is_followed {
            "in a segment behind this one that is missing".to_owned()
        } else {
            "not there".to_owned()
        }
    }

    fn read_entries(&mut self, store: &dyn SegmentStore, is_last: bool) -> Result<(), String> {
        let (name, first_object) = (self.link.name, self.link.first.objects);
        let file = store.open_segment(name).map_err(cannot_read)?;
        self.length = file.length().map_err(cannot_read)?;
        let footer = Footer::read(&*file, name).map_err(cannot_read)?;
        let proved = footer.as_ref().map_or(Ok(()), |footer| {
            footer.check(&*file, name, self.reader.own())
        });
        if proved.is_err() {
            let reason = "the header or the footer is not what was sealed";
            self.find(Severity::Lost, reason, None);
        }
        let footer =
            footer.filter(|footer| proved.is_ok() && footer.trailer.first_object == first_object);
        let index = footer.as_ref().and_then(Footer::entries);
        let trailer = footer.map(|footer| footer.trailer);
        match (&trailer, index) {
            (Some(trailer), Some(entries)) => {
                self.data_end = trailer.data_end;
                self.entries = entries;
            }
            (trailer, _) => {
                let walked = walk(&*file, name.uuid, first_object).map_err(cannot_read)?;
                self.data_end = walked.end_offset;
                self.entries = walked.entries;
                let behind = self.data_end..self.data_end + walked.discarded_bytes;
                if let Some(trailer) = trailer {
                    let bytes = trailer.data_end..self.length - TRAILER_BYTES as u64;
                    let reason = "the index is damaged";
                    self.find(Severity::Repairable, reason, Some(bytes));
                } else if walked.discarded_bytes > 0 {
                    self.tell_of_tail(behind, is_last);
                }
            }
        }
        if let Some(trailer) = &trailer {
            self.compare_counts(&trailer.clone());
        }
        (self.trailer, self.file) = (trailer, Some(file));
        Ok(())
    }

    /// There is no trailer, and something behind the frames. A sealed file has no reserve: a file that
    /// ends with zeros was never sealed.
    fn tell_of_tail(&mut self, behind: Range<u64>, is_last: bool) {
        if !is_last {
            let reason = "no footer, and no frames: the file was cut short, or is damaged there";
            self.find(Severity::Repairable, reason, Some(behind));
        } else if behind.end + TRAILER_BYTES as u64 > self.length {
            let reason = "the footer is damaged, or a torn tail was never acknowledged";
            self.find(Severity::Repairable, reason, Some(behind));
        } else {
            let reason = "a torn tail: none of it was acknowledged; it goes at the next load";
            self.find(Severity::Note, reason, Some(behind));
        }
    }

    fn compare_counts(&mut self, trailer: &Trailer) {
        let entries = &self.entries;
        let end = entries.last();
        let objects = end.map_or(0, |end| end.end_object() - self.link.first.objects);
        let marks = end.map_or(0, IndexEntry::end_marks);
        let host_bytes: u64 = entries.iter().map(|it| u64::from(it.plain_length)).sum();
        let charged: u64 = entries.iter().map(IndexEntry::charged_bytes).sum();
        let found = (objects, marks, host_bytes, charged);
        let damaged = entries.iter().any(|entry| entry.kind == EntryKind::Damaged);
        let told = (
            trailer.object_count,
            trailer.mark_count,
            trailer.host_bytes,
            trailer.charged_bytes,
        );
        if found != told && !damaged {
            let reason = format!("the trailer counts {told:?}, the frames {found:?}");
            self.find(Severity::Repairable, reason, None);
        }
    }

    /// Makes the entries cover what is live.
    fn fit(&mut self, next: Option<&Link>) {
        let first = self.link.first;
        let (end_object, marks) = match (next, &self.trailer, self.entries.last()) {
            (Some(next), _, _) => (
                next.first.objects,
                next.first.marks.saturating_sub(first.marks),
            ),
            (None, Some(trailer), _) => (first.objects + trailer.object_count, trailer.mark_count),
            (None, None, Some(last)) => (last.end_object(), last.end_marks()),
            (None, None, None) => (first.objects, 0),
        };
        // The chain file may know that more was durable than is found: that is no torn tail.
        let known = self
            .link
            .known_end
            .filter(|known| next.is_none() && known.objects > end_object);
        let (end_object, marks) = known.map_or((end_object, marks), |known| {
            (known.objects, known.marks.saturating_sub(first.marks))
        });
        let limit = self.link.valid_until.min(end_object);
        let cut_off = self.entries.iter().filter(|it| it.first_object >= limit);
        self.cut_off = cut_off.copied().collect();
        let bounds = Bounds {
            first_object: first.objects,
            valid_until: self.link.valid_until,
            end_object,
            marks,
        };
        index::fit(&mut self.entries, bounds);
    }

    /// Checks what lies between frames of blocks and filemarks: padding only, and zeros where frames
    /// are aligned. `sequence` is that of the next frame, unless nobody knows. Adds what is neither to
    /// `bad`.
    pub(super) fn check_gap(
        &self,
        gap: Range<u64>,
        sequence: &mut Option<u32>,
        bad: &mut Vec<Range<u64>>,
    ) -> Result<(), String> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let mut offset = gap.start;
        while offset < gap.end {
            let mut header = [0; FRAME_HEADER_BYTES];
            let left = usize::try_from(gap.end - offset).unwrap_or(usize::MAX);
            let part = left.min(header.len());
            file.read_at(&mut header[..part], offset)
                .map_err(cannot_read)?;
            let pad = FrameHeader::parse(&header, self.link.name.uuid, offset)
                .filter(|header| header.kind == FrameKind::Pad)
                .filter(|header| sequence.is_none_or(|due| due == header.sequence));
            let Some(pad) = pad else {
                // A recovered segment has its index on a page of its own, behind zeros.
                if !self.is_zero(offset..gap.end)? {
                    bad.push(offset..gap.end);
                    *sequence = None;
                }
                return Ok(());
            };
            *sequence = Some(pad.sequence.wrapping_add(1));
            let body = offset + FRAME_HEADER_BYTES as u64;
            let mut bytes = vec![0; pad.body_length as usize];
            let filled = file.read_at(&mut bytes, body).map_err(cannot_read)?;
            let end = offset + frame_stride(pad.body_length.into());
            if filled < bytes.len() || crc_fast::crc32_iscsi(&bytes) != pad.body_checksum {
                bad.push(body..end);
            }
            offset = end;
        }
        Ok(())
    }

    /// Checks that the bytes between the end of a frame's body and the next multiple of 8 are zeros.
    pub(super) fn check_alignment(&self, entry: &IndexEntry) -> Result<Option<Range<u64>>, String> {
        let body_end = entry.offset + FRAME_HEADER_BYTES as u64 + u64::from(entry.body_length);
        let end = body_end.next_multiple_of(FRAME_ALIGN);
        Ok((!self.is_zero(body_end..end)?).then_some(body_end..end))
    }

    fn is_zero(&self, bytes: Range<u64>) -> Result<bool, String> {
        let Some(file) = &self.file else {
            return Ok(true);
        };
        let mut buffer = [0; 4096];
        let mut offset = bytes.start;
        while offset < bytes.end {
            let part = usize::try_from(bytes.end - offset).unwrap_or(usize::MAX);
            let part = &mut buffer[..part.min(4096)];
            let filled = file.read_at(part, offset).map_err(cannot_read)?;
            if part[..filled].iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            if filled < part.len() {
                return Ok(true);
            }
            offset += filled as u64;
        }
        Ok(true)
    }

    /// Returns the sequence of the frame at `offset`.
    pub(super) fn sequence_at(&self, offset: u64) -> Option<u32> {
        let mut header = [0; FRAME_HEADER_BYTES];
        self.file.as_ref()?.read_at(&mut header, offset).ok()?;
        let header = FrameHeader::parse(&header, self.link.name.uuid, offset)?;
        Some(header.sequence)
    }
}
