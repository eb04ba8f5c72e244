//! Reading everything, once, in order.

use std::ops::{ControlFlow, Range};

use super::Inspection;
use super::finding::{Finding, Severity};
use super::frame::Blocks;
use super::objects::damage;
use super::segment::Segment;
use super::summary::FrameSummary;
use super::tally::Tally;
use crate::format::{EntryKind, FRAME_HEADER_BYTES, FRAMES_OFFSET, IndexEntry, frame_stride};

/// What reading everything has found.
#[derive(Clone, Debug, Default)]
pub struct Verification {
    /// What each partition holds.
    pub partitions: Vec<PartitionReport>,
    /// Everything that is not as it should be, also what was known before.
    pub findings: Vec<Finding>,
}

/// What a partition holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionReport {
    /// Blocks and filemarks, lost ones too.
    pub objects: u64,
    /// Blocks that were read.
    pub blocks: u64,
    /// Blocks that are whole; without their key nothing more is known of them.
    pub sealed_blocks: u64,
    /// Filemarks.
    pub filemarks: u64,
    /// Bytes of the host in blocks that are good.
    pub host_bytes: u64,
    /// Blocks that are lost.
    pub lost_blocks: u64,
    /// Tape files: what lies between filemarks, and what lies behind the last one.
    pub files: u64,
}

impl Verification {
    /// Returns the worst that was found; `None` when there is nothing to tell.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Returns whether anything is damaged.
    pub fn is_damaged(&self) -> bool {
        self.worst() > Some(Severity::Note)
    }
}

impl Inspection {
    /// Reads everything and compares everything: headers, frames, padding, footers. `progress` is told of
    /// bytes of [`Inspection::length_bytes`] as they are done.
    pub fn verify(&self, mut progress: impl FnMut(u64)) -> Verification {
        let done = self.try_verify(|bytes| {
            progress(bytes);
            ControlFlow::Continue(())
        });
        done.continue_value().unwrap_or_default()
    }

    /// The same until `progress` breaks.
    pub fn try_verify(
        &self,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> ControlFlow<(), Verification> {
        let mut verification = Verification {
            partitions: Vec::new(),
            findings: self.findings.clone(),
        };
        for partition in 0..self.partitions() {
            let mut check = Check {
                report: PartitionReport::default(),
                tally: Tally::new(partition),
                findings: &mut verification.findings,
                progress: &mut progress,
            };
            let mut number = 0;
            while let Some(mut segment) = self.open_segment(partition, number) {
                check.segment(&mut segment)?;
                number += 1;
            }
            let mut report = check.report;
            let ends_with_mark = check.tally.ends_with_filemark();
            report.files = report.filemarks + u64::from(report.objects > 0 && !ends_with_mark);
            verification.partitions.push(report);
        }
        ControlFlow::Continue(verification)
    }

    /// Returns the frames of a segment file, up to the first place where there is none.
    pub fn frames(&self, number: usize) -> Vec<FrameSummary> {
        let mut frames = Vec::new();
        let Some(segment) = self.segments.get(number) else {
            return frames;
        };
        let Ok(file) = self.store.open_segment(segment.name) else {
            return frames;
        };
        let mut offset = FRAMES_OFFSET;
        let mut bytes = [0; FRAME_HEADER_BYTES];
        while file
            .read_at(&mut bytes, offset)
            .is_ok_and(|filled| filled == bytes.len())
            && let Some(frame) = FrameSummary::parse(&bytes, segment.name.uuid, offset)
        {
            offset += frame_stride(frame.body_length.into());
            frames.push(frame);
        }
        frames
    }
}

/// A partition being checked.
struct Check<'a> {
    report: PartitionReport,
    tally: Tally,
    findings: &'a mut Vec<Finding>,
    progress: &'a mut dyn FnMut(u64) -> ControlFlow<()>,
}

impl Check<'_> {
    fn segment(&mut self, segment: &mut Segment) -> ControlFlow<()> {
        self.tally.begin_segment(segment.link.first);
        // That a file cannot be opened has been told.
        segment.findings.retain(|it| !self.findings.contains(it));
        self.findings.append(&mut segment.findings);
        let mut done = 0;
        let mut place = Walked {
            offset: FRAMES_OFFSET,
            sequence: Some(0),
        };
        for entry in segment.entries.clone() {
            self.entry(segment, &entry, &mut place);
            let upto = place.offset.min(segment.length);
            (self.progress)(upto - done)?;
            done = upto;
        }
        for entry in segment.cut_off.clone() {
            self.between(segment, &entry, &mut place);
            if let Some(file) = &segment.file
                && entry.kind != EntryKind::Damaged
                && let Err(reason) = segment.reader.read(&**file, &entry)
            {
                let text = format!("{reason}, in what was cut off");
                let finding = Finding::new(Severity::Repairable, segment.link.name, text);
                self.findings
                    .push(finding.at(entry.offset..entry.end_offset()));
            }
        }
        let rest = place.offset..segment.data_end;
        self.gap(segment, rest, &mut place);
        (self.progress)(segment.length.saturating_sub(done))
    }

    /// Live objects.
    fn entry(&mut self, segment: &mut Segment, entry: &IndexEntry, place: &mut Walked) {
        let where_ = self.tally.place(entry);
        self.tally.pass(entry);
        self.report.objects += entry.object_count;
        self.report.filemarks += entry.marks;
        let read = match (&segment.file, entry.kind) {
            (_, EntryKind::Damaged) | (None, _) => Err(segment.absence(entry)),
            (Some(file), _) => segment.reader.read(&**file, entry),
        };
        match read {
            Ok(opened) => match opened.blocks {
                Blocks::Sealed(_) => {
                    self.report.sealed_blocks += entry.object_count - entry.marks;
                    self.report.host_bytes += u64::from(entry.plain_length);
                }
                Blocks::Plain(blocks) => {
                    let live = usize::try_from(entry.object_count).unwrap_or(usize::MAX);
                    let live = &blocks[..live.min(blocks.len())];
                    self.report.blocks += live.len() as u64;
                    let bytes: usize = live.iter().map(bytes::Bytes::len).sum();
                    self.report.host_bytes += bytes as u64;
                }
            },
            Err(reason) => {
                // A run of filemarks that is damaged is counted by the frames around it.
                let lost = entry.object_count - entry.marks;
                self.report.lost_blocks += lost;
                let mut finding = damage(segment, entry, where_, reason);
                if lost == 0 && entry.kind != EntryKind::Damaged {
                    finding.severity = Severity::Repairable;
                }
                self.findings.push(finding);
            }
        }
        if entry.kind != EntryKind::Damaged {
            self.between(segment, entry, place);
        }
    }

    /// Checks what lies between the frame before and that of `entry`, and the padding behind it.
    fn between(&mut self, segment: &Segment, entry: &IndexEntry, place: &mut Walked) {
        if segment.file.is_none() {
            return;
        }
        self.gap(segment, place.offset..entry.offset, place);
        match segment.check_alignment(entry) {
            Ok(None) => {}
            Ok(Some(bytes)) => self.padding(segment, bytes),
            Err(reason) => self.unreadable(segment, reason, entry.offset..entry.end_offset()),
        }
        // A damaged header has been told of.
        let found = segment.sequence_at(entry.offset);
        if let (Some(found), Some(due)) = (found, place.sequence)
            && found != due
        {
            let reason = format!("frame {found} where frame {due} should be");
            let finding = Finding::new(Severity::Repairable, segment.link.name, reason);
            self.findings
                .push(finding.at(entry.offset..entry.end_offset()));
        }
        place.sequence = found.or(place.sequence).map(|it| it.wrapping_add(1));
        place.offset = entry.end_offset();
    }

    fn gap(&mut self, segment: &Segment, gap: Range<u64>, place: &mut Walked) {
        let mut bad = Vec::new();
        let checked = segment.check_gap(gap.clone(), &mut place.sequence, &mut bad);
        for bytes in bad {
            self.padding(segment, bytes);
        }
        if let Err(reason) = checked {
            self.unreadable(segment, reason, gap);
        }
    }

    fn padding(&mut self, segment: &Segment, bytes: Range<u64>) {
        let reason = "neither a frame nor good padding";
        let finding = Finding::new(Severity::Repairable, segment.link.name, reason);
        self.findings.push(finding.at(bytes));
    }

    fn unreadable(&mut self, segment: &Segment, reason: String, bytes: Range<u64>) {
        let finding = Finding::new(Severity::Repairable, segment.link.name, reason);
        self.findings.push(finding.at(bytes));
    }
}

/// How far a segment was walked.
struct Walked {
    offset: u64,
    /// Of the next frame; `None` when damage makes that unknown.
    sequence: Option<u32>,
}
