//! Looking into a cartridge's files without loading it, whatever is left of them.
//!
//! # Purpose
//! Loading refuses a cartridge that it would have to guess about, and seals torn tails. An [`Inspection`]
//! changes nothing and refuses nothing: a damaged label, lost segments, damaged headers, footers that
//! disagree with frames each become a [`Finding`], and what can be read is read around them.
//!
//! # Guarantees
//! - Read-only.
//! - No byte is served that its checksums do not cover, and none that was cut off. Where a lost
//!   segment makes it unknown what was cut off, what may have been is left out.
//! - Every damaged byte of a live segment is found and told by file and offset; damage to frames also by
//!   object, tape file and block.
//!
//! # Limits
//! Memory: a row for each segment, the index of one, and one frame.

mod chain;
mod checkpoint;
mod finding;
mod frame;
mod identity;
mod objects;
mod recover;
mod seen;
mod segment;
mod summary;
mod survey;
mod tally;
mod verify;

pub use finding::{Finding, Place, Severity};
pub use objects::{ObjectKind, Objects, SealedBlock, TapeObject};
pub use recover::{Recovered, RecoveredPartition};
pub use summary::{FooterChain, FrameSummary, SealSummary, SegmentState, SegmentSummary};
pub use verify::{PartitionReport, Verification};

use self::chain::Link;
use self::frame::OpenKeys;
use self::segment::Segment;
use crate::encryption::{EncryptionKey, KeyRing};
use crate::label::Label;
use crate::memory::{Memory, MemoryState};
use crate::store::SegmentStore;

/// What opens sealed blocks. Without a key they are checked as far as that goes.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// Keys that hosts have set.
    pub host: Vec<EncryptionKey>,
    /// Key-encryption keys, for what is encrypted at rest.
    pub ring: KeyRing,
}

/// A cartridge's files, looked into.
pub struct Inspection {
    store: Box<dyn SegmentStore>,
    keys: OpenKeys,
    label: Option<Label>,
    memory: Option<Memory>,
    memory_state: MemoryState,
    segments: Vec<SegmentSummary>,
    partitions: Vec<Vec<Link>>,
    findings: Vec<Finding>,
}

impl Inspection {
    /// Returns the label, if it is good.
    pub fn label(&self) -> Option<&Label> {
        self.label.as_ref()
    }

    /// Returns what is in the memory, if it is good.
    pub fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// Returns what was found of the memory.
    pub fn memory_state(&self) -> &MemoryState {
        &self.memory_state
    }

    /// Returns every segment file, by name.
    pub fn segments(&self) -> &[SegmentSummary] {
        &self.segments
    }

    /// Returns how many partitions there are: as many as the label says, or else as the segments need.
    pub fn partitions(&self) -> u8 {
        u8::try_from(self.partitions.len()).unwrap_or(u8::MAX)
    }

    /// Returns what label, memory and headers have told. [`Inspection::verify`] finds the rest.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns how many bytes [`Inspection::verify`] reads.
    pub fn length_bytes(&self) -> u64 {
        let live = self.segments.iter();
        let live = live.filter(|segment| segment.state == SegmentState::Live);
        live.map(|segment| segment.length_bytes).sum()
    }

    /// Opens the live segment `number` of a partition, counted from 0.
    fn open_segment(&self, partition: u8, number: usize) -> Option<Segment> {
        let links = self.partitions.get(usize::from(partition))?;
        let link = links.get(number)?;
        let next = links.get(number + 1);
        Some(Segment::open(&*self.store, link, next, &self.keys))
    }
}
