//! A segment file at the first look: its header, or what can be made up for it.

use super::finding::{Finding, Severity};
use super::frame::cannot_read;
use super::summary::{SegmentState, SegmentSummary};
use crate::cartridge::read_trailer;
use crate::format::{
    FRAME_HEADER_BYTES, FRAMES_OFFSET, FrameHeader, HEADER_BYTES, HeaderFault, SegmentHeader,
    Trailer,
};
use crate::store::{SegmentFile, SegmentName, SegmentStore};

/// A segment file as it was seen first.
pub(super) struct Seen {
    pub(super) summary: SegmentSummary,
    /// The header, or what can be made up for it.
    pub(super) header: Option<SegmentHeader>,
    pub(super) header_lost: bool,
}

impl Seen {
    pub(super) fn read(
        store: &dyn SegmentStore,
        name: SegmentName,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let nothing = |reason: String, findings: &mut Vec<Finding>| {
            findings.push(Finding::new(Severity::Lost, name, reason));
            Self {
                summary: SegmentSummary::new(name, 0, [false; 2], None, None),
                header: None,
                header_lost: false,
            }
        };
        let file = match store.open_segment(name) {
            Ok(file) => file,
            Err(error) => return nothing(cannot_read(error), findings),
        };
        let copies = [0, 1].map(|copy| read_copy(&*file, copy));
        let good = [0, 1].map(|copy: usize| copies[copy].is_ok());
        let trailer = read_trailer(&*file, name).ok().flatten();
        let length = file.length().unwrap_or(0);
        let [one, two] = copies;
        let mut header = match (one, two) {
            (Ok(header), _) | (Err(HeaderFault::Damaged), Ok(header)) => Some(header),
            (Err(HeaderFault::Unsupported(found)), _)
            | (_, Err(HeaderFault::Unsupported(found))) => {
                return nothing(format!("{found} is not supported"), findings);
            }
            _ => None,
        };
        for copy in [0, 1] {
            if header.is_some() && !good[copy] {
                let start = (copy * HEADER_BYTES) as u64;
                let reason = format!("copy {} of the header is damaged", copy + 1);
                let finding = Finding::new(Severity::Repairable, name, reason);
                findings.push(finding.at(start..start + HEADER_BYTES as u64));
            }
        }
        if let Some(other) = header.as_ref().filter(|header| header.name != name) {
            let reason = format!(
                "its header says that it is {}: rename it, unless a file of that name is good",
                other.name
            );
            findings.push(Finding::new(Severity::Repairable, name, reason));
            let mut summary = SegmentSummary::new(name, length, good, None, None);
            summary.state = SegmentState::Foreign;
            return Self {
                summary,
                header: None,
                header_lost: false,
            };
        }
        let header_lost = header.is_none();
        if header_lost {
            header = made_up(&*file, name, trailer.as_ref());
        }
        Self {
            summary: SegmentSummary::new(name, length, good, header.as_ref(), trailer.as_ref()),
            header,
            header_lost,
        }
    }
}

fn read_copy(file: &dyn SegmentFile, copy: u64) -> Result<SegmentHeader, HeaderFault> {
    let mut bytes = [0; HEADER_BYTES];
    let read = file.read_at(&mut bytes, copy * HEADER_BYTES as u64);
    read.map_err(|_| HeaderFault::Damaged)?;
    SegmentHeader::parse(&bytes)
}

/// Returns a header for a file that has none, if its trailer or first frame tells where it begins.
fn made_up(
    file: &dyn SegmentFile,
    name: SegmentName,
    trailer: Option<&Trailer>,
) -> Option<SegmentHeader> {
    let first_frame = || {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        file.read_at(&mut bytes, FRAMES_OFFSET).ok()?;
        let header = FrameHeader::parse(&bytes, name.uuid, FRAMES_OFFSET)?;
        (header.sequence == 0).then_some(header.first_object)
    };
    let first_object = trailer.map(|it| it.first_object).or_else(first_frame)?;
    Some(SegmentHeader::made_up(
        name,
        first_object,
        trailer.map_or(0, |it| it.generation),
    ))
}

/// Tells that no copy of the header is good, and what tells of the segment instead.
pub(super) fn headers_damaged(name: SegmentName, recorded: bool, has_frames: bool) -> Finding {
    let (severity, reason) = match (recorded, has_frames) {
        (true, _) => (
            Severity::Repairable,
            "both copies of the header are damaged; the chain file knows what they said",
        ),
        (false, true) => (
            Severity::Lost,
            "both copies of the header are damaged; frames tell what it holds",
        ),
        (false, false) => (
            Severity::Lost,
            "header and frames are damaged: what it held and cut off is not known",
        ),
    };
    Finding::new(severity, name, reason).at(0..FRAMES_OFFSET)
}
