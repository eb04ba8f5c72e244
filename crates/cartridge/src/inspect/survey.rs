//! The first look: label, memory, and the headers of all segments.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::chain::{Candidate, Link, replay};
use super::checkpoint::{Checkpoint, agree};
use super::finding::{Finding, Severity};
use super::frame::OpenKeys;
use super::identity::Identity;
use super::seen::{Seen, headers_damaged};
use super::segment::Segment;
use super::summary::{FooterChain, SegmentState, SegmentSummary};
use super::{Inspection, Keys};
use crate::chain::{Chain, Row};
use crate::encryption::{CartridgeKey, KeyFile, KeyRing};
use crate::error::Error;
use crate::format::SegmentHeader;
use crate::label::read_label;
use crate::memory::{Memory, MemoryState};
use crate::store::{Listing, SegmentName, SegmentStore};

impl Inspection {
    /// Looks into the cartridge in `store`: reads label, memory, and the headers of its segments. Sealed
    /// blocks are opened with those of `keys` that fit.
    pub fn open(store: Box<dyn SegmentStore>, keys: &Keys) -> Result<Self, Error> {
        let mut findings = Vec::new();
        let label = match read_label(&*store) {
            Ok(label) => Some(label),
            Err(error) => {
                findings.push(of_label(&error));
                None
            }
        };
        let listing = store.list();
        let Listing {
            mut published,
            unpublished,
        } = listing.map_err(|source| Error::io("directory: read", source))?;
        published.sort_unstable();
        findings.extend(unpublished.iter().map(|name| {
            let reason = "a segment was being created; it goes at the next load";
            Finding::new(Severity::Note, name, reason)
        }));
        let mut seen = Vec::new();
        for name in published {
            seen.push(Seen::read(&*store, name, &mut findings));
        }
        let identity = Identity::choose(label.as_ref(), &seen);
        let (memory, memory_state) = memory_of(&*store, identity.cartridge, &mut findings);
        let mut inspection = Self {
            store,
            keys: OpenKeys {
                host: keys.host.clone(),
                ..OpenKeys::default()
            },
            label,
            memory,
            memory_state,
            segments: Vec::new(),
            partitions: Vec::new(),
            findings,
        };
        inspection.build_chains(seen, &identity, &keys.ring);
        Ok(inspection)
    }

    fn build_chains(&mut self, seen: Vec<Seen>, identity: &Identity, ring: &KeyRing) {
        let mut partitions: Vec<Vec<Candidate>> = Vec::new();
        partitions.resize_with(identity.partitions, Vec::new);
        let mut states = BTreeMap::new();
        let checkpoint = Checkpoint::read(
            &*self.store,
            identity.cartridge,
            identity.epoch,
            &mut self.findings,
        );
        let mut unknown_from = vec![u32::MAX; identity.partitions];
        for seen in seen {
            let Seen {
                mut summary,
                header,
                mut header_lost,
            } = seen;
            let recorded = checkpoint.header(summary.name);
            let foreign = summary.state == SegmentState::Foreign;
            if header_lost {
                let finding = headers_damaged(summary.name, recorded.is_some(), header.is_some());
                self.findings.push(finding);
            }
            if let Some(recorded) = recorded.filter(|_| header_lost) {
                summary.is_told(recorded);
            }
            let header = match (header, recorded) {
                (Some(header), Some(recorded)) if !header_lost => {
                    self.compare(recorded, &header);
                    Some(header)
                }
                (_, Some(recorded)) if !foreign => {
                    header_lost = false;
                    Some(recorded.clone())
                }
                (header, _) => header,
            };
            if let Some(mut header) = header {
                if header_lost {
                    (header.cartridge, header.epoch) = (identity.cartridge, identity.epoch);
                }
                summary.state = self.place(&header, identity);
                if summary.state == SegmentState::Live {
                    let partition = usize::from(header.name.partition);
                    if recorded.is_none() {
                        unknown_from[partition] = unknown_from[partition].min(header.name.number);
                    }
                    partitions[partition].push(Candidate {
                        header,
                        header_lost,
                        present: true,
                    });
                }
            }
            states.insert(summary.name, summary);
        }
        for (number, (candidates, unknown_from)) in
            (0..).zip(partitions.iter_mut().zip(unknown_from))
        {
            let lost = checkpoint.live.iter().filter(|header| {
                header.name.partition == number
                    && header.name.number < unknown_from
                    && !states.contains_key(&header.name)
            });
            add_lost(candidates, lost);
        }
        for candidates in partitions {
            let mut links = replay(candidates, &mut self.findings);
            if let Some(last) = links.last_mut() {
                last.known_end = checkpoint.end(last.name);
            }
            self.partitions.push(links);
        }
        let links = self.partitions.iter().flatten();
        self.keys.all_sealed = links.clone().any(|link| link.at_rest.is_some());
        self.keys.own = self.open_keys(identity.cartridge, ring);
        self.count_up_to_lost_headers();
        self.compare_footers(&mut states);
        let live: Vec<SegmentName> = self.partitions.iter().flatten().map(|it| it.name).collect();
        self.segments = states.into_values().collect();
        for summary in &mut self.segments {
            if summary.state == SegmentState::Live && !live.contains(&summary.name) {
                summary.state = SegmentState::CutOff;
            }
        }
    }

    /// Opens the cartridge's own keys.
    fn open_keys(&mut self, cartridge: Uuid, ring: &KeyRing) -> Vec<CartridgeKey> {
        let (severity, reason) = match KeyFile::read(&*self.store, cartridge) {
            Ok(Some(file)) => match file.open(ring) {
                Ok(keys) => return keys,
                Err(error @ Error::KeyEncryptionKeyMissing { .. }) => (Severity::Note, error),
                Err(error) => (Severity::Lost, error),
            },
            Ok(None) if !self.keys.all_sealed => return Vec::new(),
            Ok(None) => {
                let reason = "not found: no block can ever be read without it";
                self.findings
                    .push(Finding::new(Severity::Lost, "key", reason));
                return Vec::new();
            }
            Err(error) if self.keys.all_sealed => (Severity::Lost, error),
            Err(error) => (Severity::Repairable, error),
        };
        let text = reason.to_string();
        let reason = text.strip_prefix("key: ").unwrap_or(&text);
        self.findings.push(Finding::new(severity, "key", reason));
        Vec::new()
    }

    /// Compares what the chain file says of a segment with what its header says.
    fn compare(&mut self, recorded: &SegmentHeader, header: &SegmentHeader) {
        if !agree(recorded, header) {
            let reason = format!("disagrees with the header of {}", header.name);
            let finding = Finding::new(Severity::Repairable, "chain", reason);
            self.findings.push(finding);
        }
    }

    /// Tells whether a segment with `header` belongs to the cartridge.
    fn place(&mut self, header: &SegmentHeader, identity: &Identity) -> SegmentState {
        let reason = if header.cartridge != identity.cartridge {
            "belongs to another cartridge"
        } else if header.epoch > identity.epoch {
            "was written after a format that the label does not know"
        } else if header.epoch < identity.epoch {
            let reason = "is from before the last format; its file goes at the next load";
            let note = Finding::new(Severity::Note, header.name, reason);
            self.findings.push(note);
            return SegmentState::CutOff;
        } else if usize::from(header.name.partition) >= identity.partitions {
            "is of a partition that the label does not have"
        } else {
            return SegmentState::Live;
        };
        let finding = Finding::new(Severity::Repairable, header.name, reason);
        self.findings.push(finding);
        SegmentState::Foreign
    }

    /// Compares what each trailer says of the one before it with what is there.
    fn compare_footers(&mut self, states: &mut BTreeMap<SegmentName, SegmentSummary>) {
        for links in &self.partitions {
            let mut before: Option<(SegmentName, Option<u32>)> = None;
            for link in links {
                let mut summary = states.get_mut(&link.name);
                let seal = summary.as_ref().and_then(|it| it.seal.clone());
                let found = before.filter(|(name, _)| name.uuid == link.previous);
                if let (Some(summary), Some(told)) =
                    (&mut summary, seal.as_ref().and_then(|it| it.before))
                {
                    summary.footer_chain = match found {
                        Some((_, Some(found))) if found == told => FooterChain::Fits,
                        Some((name, Some(_))) => {
                            let reason = format!(
                                "was sealed behind another footer of segment {name}: one of the two files is \
                                 not the one that was written, or was sealed again"
                            );
                            let finding = Finding::new(Severity::Repairable, link.name, reason);
                            self.findings.push(finding);
                            FooterChain::Differs
                        }
                        _ => FooterChain::Absent,
                    };
                }
                before = Some((link.name, seal.map(|it| it.checksum)));
            }
        }
    }

    /// What lies before a segment whose header is lost follows from the segment before it.
    fn count_up_to_lost_headers(&mut self) {
        for links in &mut self.partitions {
            for number in 1..links.len() {
                if !links[number].header_lost {
                    continue;
                }
                let before: &Link = &links[number - 1];
                let next = Some(&links[number]);
                let segment = Segment::open(&*self.store, before, next, &self.keys);
                let mut totals = before.first;
                for entry in &segment.entries {
                    totals.host_bytes += u64::from(entry.plain_length);
                }
                // Before the lost header nobody has counted the filemarks but this index.
                let own = segment.entries.iter().filter(|entry| entry.offset > 0);
                totals.marks += own.map(|entry| entry.marks).sum::<u64>();
                totals.objects = links[number].first.objects;
                links[number].first = totals;
            }
        }
    }
}

/// Adds segments of which nothing but the chain file tells. When they do not fit the others they do not
/// count.
fn add_lost<'a>(candidates: &mut Vec<Candidate>, lost: impl Iterator<Item = &'a SegmentHeader>) {
    let known = candidates.len();
    candidates.extend(lost.map(|header| Candidate {
        header: header.clone(),
        header_lost: false,
        present: false,
    }));
    let rows = candidates.iter().map(|it| Row::of(&it.header));
    if candidates.len() > known && Chain::replay(rows.collect()).is_err() {
        candidates.truncate(known);
    }
}

fn of_label(error: &Error) -> Finding {
    let text = error.to_string();
    let reason = text.strip_prefix("label: ").unwrap_or(&text);
    Finding::new(Severity::Repairable, "label", reason)
}

fn memory_of(
    store: &dyn SegmentStore,
    cartridge: Uuid,
    findings: &mut Vec<Finding>,
) -> (Option<Memory>, MemoryState) {
    let found = match store.read_memory() {
        Ok(Some(text)) => Memory::parse(&text, cartridge),
        Ok(None) => return (None, MemoryState::New),
        Err(error) => Err(error.to_string()),
    };
    match found {
        Ok(Some(memory)) => (Some(memory), MemoryState::Good),
        Ok(None) => (None, MemoryState::New),
        Err(reason) => {
            let text = format!("{reason}; a new one takes its place at the next load");
            findings.push(Finding::new(Severity::Repairable, "memory", text));
            (None, MemoryState::Lost { reason })
        }
    }
}
