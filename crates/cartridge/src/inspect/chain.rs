//! The chain of a partition, from whatever headers there are. Loading refuses where it would have to
//! guess; this goes on, tells of it, and leaves out what may have been cut off.

use uuid::Uuid;

use super::finding::{Finding, Severity};
use crate::chain::Totals;
use crate::format::{AtRest, SEGMENT_SALT_BYTES, SegmentHeader};
use crate::store::SegmentName;

/// A live segment.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) name: SegmentName,
    pub(super) cartridge: Uuid,
    /// The live segment before it, as its header says.
    pub(super) previous: Uuid,
    pub(super) first: Totals,
    /// What the file holds from here on was cut off by a segment that is lost.
    pub(super) valid_until: u64,
    /// False for what was lost with its file.
    pub(super) present: bool,
    /// How far it went at least, when it is the last one and the chain file knows.
    pub(super) known_end: Option<Totals>,
    pub(super) salt: Option<[u8; SEGMENT_SALT_BYTES]>,
    /// `Some` when every frame but pads is sealed.
    pub(super) at_rest: Option<AtRest>,
    /// Both copies of the header are damaged; all that is known is the first object.
    pub(super) header_lost: bool,
    generation: u64,
}

/// A segment that may be live.
pub(super) struct Candidate {
    pub(super) header: SegmentHeader,
    /// The header was made up from what is left of the file.
    pub(super) header_lost: bool,
    /// False when only the chain file knows of it.
    pub(super) present: bool,
}

/// Replays the headers of one partition. Returns the live segments, in order.
pub(super) fn replay(mut candidates: Vec<Candidate>, findings: &mut Vec<Finding>) -> Vec<Link> {
    candidates.sort_by_key(|candidate| candidate.header.name.number);
    let mut live: Vec<Candidate> = Vec::new();
    let mut number = None;
    for candidate in candidates.into_iter().rev() {
        let header = &candidate.header;
        let last = live.last().map(|live| &live.header);
        // Loading refuses that, whichever of the two counts.
        if number.replace(header.name.number) == Some(header.name.number) {
            let finding = lost(header.name, "another segment has the same number");
            findings.push(finding);
        }
        if last.is_some_and(|last| last.name.number == header.name.number) {
            continue;
        }
        if last.is_none_or(|last| header.first_object < last.first_object) {
            live.push(candidate);
        } else if candidate.present {
            let reason = "was cut off; its file goes at the next load";
            findings.push(Finding::new(Severity::Note, header.name, reason));
        }
    }
    let mut links = Vec::with_capacity(live.len());
    for candidate in live.into_iter().rev() {
        append(&mut links, candidate, findings);
    }
    links
}

fn append(links: &mut Vec<Link>, candidate: Candidate, findings: &mut Vec<Finding>) {
    let Candidate {
        header,
        header_lost,
        present,
    } = candidate;
    if !header_lost && !follows(links.last(), &header) {
        let reason = "counts fewer than the segments before it, or does not follow them";
        findings.push(lost(header.name, reason));
        return;
    }
    let last = links.last();
    let before = last.map_or(Uuid::nil(), |link| link.name.uuid);
    if !present {
        let reason = "is missing; the chain file knows of it";
        findings.push(lost(header.name, reason));
    }
    // What cuts off what is not known of a header that is made up; it stays where its number puts it.
    if !header_lost && header.previous != before {
        let reason = format!("segment {} before it is missing", header.previous);
        findings.push(lost(header.name, reason));
        let cuts = last.map_or(0, |last| header.generation.saturating_sub(last.generation));
        if cuts > 1 && !last.is_some_and(|last| last.header_lost) {
            let reason =
                "what the missing segment cut off is not known: nothing before this one is trusted";
            findings.push(lost(header.name, reason));
            links.clear();
        } else if cuts == 1 {
            cut(links, header.generation_first_object);
        }
    }
    if links.is_empty() && header.first_object > 0 {
        links.push(Link {
            name: SegmentName {
                partition: header.name.partition,
                number: 0,
                uuid: header.previous,
            },
            cartridge: header.cartridge,
            previous: Uuid::nil(),
            first: Totals::default(),
            valid_until: 0,
            present: false,
            known_end: None,
            salt: None,
            at_rest: None,
            header_lost: false,
            generation: 0,
        });
    }
    links.push(Link {
        name: header.name,
        cartridge: header.cartridge,
        previous: header.previous,
        first: header.first(),
        valid_until: u64::MAX,
        present,
        known_end: None,
        salt: header.salt,
        at_rest: header.at_rest,
        header_lost,
        generation: header.generation,
    });
}

/// What older segments hold from `limit` on was cut off.
fn cut(links: &mut Vec<Link>, limit: u64) {
    while links.last().is_some_and(|link| link.first.objects >= limit) {
        links.pop();
    }
    if let Some(link) = links.last_mut() {
        link.valid_until = link.valid_until.min(limit);
    }
}

fn follows(last: Option<&Link>, header: &SegmentHeader) -> bool {
    let Some(last) = last else {
        return !header.previous.is_nil() || header.first_object == 0;
    };
    if last.header_lost {
        return true;
    }
    let marks = header.first_mark.checked_sub(last.first.marks);
    let counts = marks.is_some_and(|marks| marks <= header.first_object - last.first.objects);
    counts && !header.previous.is_nil() && header.generation >= last.generation
}

fn lost(name: SegmentName, reason: impl Into<String>) -> Finding {
    Finding::new(Severity::Lost, name, reason)
}
