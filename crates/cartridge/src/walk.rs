//! Reading a segment that has no trailer: frame by frame, telling a torn tail from damage
//! (docs/cartridge-format.md, "Recovery").

use std::io;

use uuid::Uuid;

use crate::format::{
    EntryKind, FRAME_ALIGN_BYTES, FRAME_HEADER_BYTES, FRAMES_OFFSET, FrameHeader, FrameKind,
    IndexEntry, frame_stride,
};
use crate::index;
use crate::store::SegmentFile;

/// What was found in a segment.
#[derive(Debug)]
pub(crate) struct Walk {
    /// The frames that count, in order, with damage between them.
    pub(crate) entries: Vec<IndexEntry>,
    /// Where the last frame that counts ends.
    pub(crate) end_offset: u64,
    /// Bytes after that which are not zero: the torn tail.
    pub(crate) discarded_bytes: u64,
    /// True when bytes that had been on stable storage are damaged.
    pub(crate) damaged: bool,
}

/// A frame whose header is good.
struct Found {
    offset: u64,
    header: FrameHeader,
    /// False when the body is damaged.
    body: bool,
}

/// Where the next frame should be and what it should count.
#[derive(Clone, Copy)]
struct Expected {
    offset: u64,
    sequence: u32,
    object: u64,
    marks: u64,
}

/// Walks the frames of `segment`, whose first object is `first_object`.
pub(crate) fn walk(file: &dyn SegmentFile, segment: Uuid, first_object: u64) -> io::Result<Walk> {
    let mut scanner = Scanner::new(file, segment)?;
    let found = scanner.all_frames(first_object)?;
    // The proof of what had been durable lies in the frames written after it.
    let durable = found.iter().map(|found| found.header.durable_upto);
    let durable = durable.max().unwrap_or(0);
    let mut walk = Walk {
        entries: Vec::new(),
        end_offset: FRAMES_OFFSET,
        discarded_bytes: 0,
        damaged: false,
    };
    let mut expected = Expected::first(first_object);
    for frame in &found {
        let gap = frame.offset != expected.offset;
        if gap || !frame.body {
            if expected.offset >= durable {
                break;
            }
            walk.damaged = true;
        }
        if gap {
            walk.push_damage(expected, &frame.header);
        }
        walk.push(frame);
        expected = Expected::after(frame);
    }
    // All proof lies at or after what it proves, so the frames that count reach beyond `durable`.
    walk.end_offset = expected.offset;
    let end = scanner.end_of_data(walk.end_offset)?;
    walk.discarded_bytes = end - walk.end_offset;
    Ok(walk)
}

impl Walk {
    /// Adds damage from what was expected up to the frame with `header`.
    fn push_damage(&mut self, expected: Expected, header: &FrameHeader) {
        let object_count = header.first_object - expected.object;
        if object_count > 0 {
            let marks = u64::from(header.marks_before) - expected.marks;
            let damage = index::damage(expected.object, object_count, expected.marks, marks);
            self.entries.push(damage);
        }
    }

    fn push(&mut self, frame: &Found) {
        let header = &frame.header;
        let (kind, marks) = match header.kind {
            FrameKind::Pad => return,
            FrameKind::Data => (EntryKind::Data, 0),
            FrameKind::Filemarks => (EntryKind::Filemarks, header.object_count.into()),
        };
        self.entries.push(IndexEntry {
            kind,
            first_object: header.first_object,
            object_count: header.object_count.into(),
            marks_before: header.marks_before.into(),
            marks,
            offset: frame.offset,
            body_length: header.body_length,
            seal_length: header.seal_length,
            plain_length: header.plain_length,
            codec: header.codec,
            equal_lengths: header.block_length.is_some(),
        });
    }
}

impl Expected {
    fn first(object: u64) -> Self {
        Self {
            offset: FRAMES_OFFSET,
            sequence: 0,
            object,
            marks: 0,
        }
    }

    fn after(frame: &Found) -> Self {
        let header = &frame.header;
        let marks = match header.kind {
            FrameKind::Filemarks => header.object_count,
            FrameKind::Data | FrameKind::Pad => 0,
        };
        Self {
            offset: frame.offset + frame_stride(header.body_length.into()),
            sequence: header.sequence.wrapping_add(1),
            object: header.first_object + u64::from(header.object_count),
            marks: u64::from(header.marks_before) + u64::from(marks),
        }
    }

    /// Returns true when `header` can be that of the next frame, or of a later one.
    fn allows(&self, header: &FrameHeader, offset: u64) -> bool {
        if offset == self.offset {
            header.sequence == self.sequence
                && header.first_object == self.object
                && u64::from(header.marks_before) == self.marks
        } else {
            header.sequence >= self.sequence
                && header.first_object >= self.object
                && u64::from(header.marks_before) >= self.marks
        }
    }
}

/// Finds frames in a file.
struct Scanner<'a> {
    file: &'a dyn SegmentFile,
    segment: Uuid,
    length: u64,
    window: Vec<u8>,
}

impl<'a> Scanner<'a> {
    /// How much is searched at a time.
    const WINDOW_BYTES: usize = 1 << 20;

    fn new(file: &'a dyn SegmentFile, segment: Uuid) -> io::Result<Self> {
        Ok(Self {
            length: file.length()?,
            file,
            segment,
            window: Vec::new(),
        })
    }

    /// Returns every frame with a good header, also those after damage.
    fn all_frames(&mut self, first_object: u64) -> io::Result<Vec<Found>> {
        let mut all = Vec::new();
        let mut expected = Expected::first(first_object);
        while let Some(found) = self.next_frame(expected)? {
            expected = Expected::after(&found);
            all.push(found);
        }
        Ok(all)
    }

    /// Returns the frame at the expected offset, or else the next one behind it.
    fn next_frame(&mut self, expected: Expected) -> io::Result<Option<Found>> {
        let mut header = [0; FRAME_HEADER_BYTES];
        if self.file.read_at(&mut header, expected.offset)? < header.len() {
            return Ok(None);
        }
        match self.accept(&header, expected.offset, expected) {
            Some(header) => self.with_body(header, expected.offset).map(Some),
            None => self.search(expected),
        }
    }

    /// Searches for the next good header behind the expected offset.
    fn search(&mut self, expected: Expected) -> io::Result<Option<Found>> {
        let mut start = expected.offset;
        loop {
            let filled = self.fill(start)?;
            if filled < FRAME_HEADER_BYTES {
                return Ok(None);
            }
            let last = filled - FRAME_HEADER_BYTES;
            let mut found = None;
            for at in (0..=last).step_by(FRAME_ALIGN_BYTES) {
                let bytes = &self.window[at..at + FRAME_HEADER_BYTES];
                // Most of what is searched is zeros.
                if bytes[0] == 0 {
                    continue;
                }
                let offset = start + at as u64;
                if let Some(header) = self.accept(bytes, offset, expected) {
                    found = Some((header, offset));
                    break;
                }
            }
            if let Some((header, offset)) = found {
                return self.with_body(header, offset).map(Some);
            }
            if filled < Self::WINDOW_BYTES {
                return Ok(None);
            }
            start += (last + FRAME_ALIGN_BYTES) as u64;
        }
    }

    fn accept(&self, bytes: &[u8], offset: u64, expected: Expected) -> Option<FrameHeader> {
        let header = FrameHeader::parse(bytes, self.segment, offset)?;
        let inside = offset + frame_stride(header.body_length.into()) <= self.length;
        (inside && expected.allows(&header, offset)).then_some(header)
    }

    /// Reads the body and compares its checksum.
    fn with_body(&mut self, header: FrameHeader, offset: u64) -> io::Result<Found> {
        let length = header.body_length as usize;
        self.window.resize(length.max(Self::WINDOW_BYTES), 0);
        let body = &mut self.window[..length];
        let filled = self
            .file
            .read_at(body, offset + FRAME_HEADER_BYTES as u64)?;
        let good = filled == length && crc_fast::crc32_iscsi(body) == header.body_checksum;
        Ok(Found {
            offset,
            header,
            body: good,
        })
    }

    fn fill(&mut self, offset: u64) -> io::Result<usize> {
        self.window.resize(Self::WINDOW_BYTES, 0);
        self.file.read_at(&mut self.window, offset)
    }

    /// Returns where the last byte that is not zero ends, at least `from`.
    fn end_of_data(&mut self, from: u64) -> io::Result<u64> {
        let mut start = from;
        let mut end = from;
        loop {
            let filled = self.fill(start)?;
            if let Some(last) = self.window[..filled].iter().rposition(|byte| *byte != 0) {
                end = start + last as u64 + 1;
            }
            if filled < Self::WINDOW_BYTES {
                return Ok(end);
            }
            start += filled as u64;
        }
    }
}
