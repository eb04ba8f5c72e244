//! What the files say of themselves, for people.

use uuid::Uuid;

use crate::codec::Codec;
use crate::format::{FRAME_HEADER_BYTES, FrameHeader, FrameKind, SegmentHeader, Trailer};
use crate::store::SegmentName;

/// Whether a segment file counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentState {
    /// It holds objects of the cartridge.
    Live,
    /// What it holds was cut off, or lay on the cartridge before it was formatted.
    CutOff,
    /// It belongs elsewhere, or contradicts the other segments.
    Foreign,
    /// Neither header nor frames tell what it holds.
    Unreadable,
}

/// A segment file.
#[derive(Clone, Debug)]
pub struct SegmentSummary {
    /// Its name.
    pub name: SegmentName,
    /// Its length.
    pub length_bytes: u64,
    /// Whether it counts.
    pub state: SegmentState,
    /// Which of the two copies of its header are good.
    pub header_copies: [bool; 2],
    /// How often something had been cut off before.
    pub generation: u64,
    /// How often the cartridge had been formatted before.
    pub epoch: u64,
    /// The segment before it.
    pub previous: Option<Uuid>,
    /// What lies before it: objects.
    pub first_object: u64,
    /// What lies before it: filemarks.
    pub first_filemark: u64,
    /// What lies before it: bytes of the host.
    pub first_host_byte: u64,
    /// When it was begun, in milliseconds since 1970.
    pub created_unix_ms: u64,
    /// What is written on the cartridge, as the header repeats it.
    pub barcode: String,
    /// The capacity of the cartridge, as the header repeats it.
    pub capacity_bytes: u64,
    /// Whether it may hold encrypted blocks.
    pub encrypted: bool,
    /// Its trailer; `None` when it was never sealed, or the trailer is damaged.
    pub seal: Option<SealSummary>,
    /// Whether its trailer names that of the segment before it.
    pub footer_chain: FooterChain,
}

/// Whether the trailer of a segment names the one of the live segment before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FooterChain {
    /// It does not say: there was none before it, or none that was known to be sealed.
    #[default]
    Untold,
    /// It says, and the trailer that it names is not there.
    Absent,
    /// It names the one that is there.
    Fits,
    /// It names another one: one of the two files was replaced, or sealed again.
    Differs,
}

/// What a trailer says.
#[derive(Clone, Debug)]
pub struct SealSummary {
    /// Why it was sealed.
    pub reason: &'static str,
    /// Objects in it.
    pub objects: u64,
    /// Filemarks in it.
    pub filemarks: u64,
    /// Bytes of the host in it.
    pub host_bytes: u64,
    /// What it counts against the capacity.
    pub charged_bytes: u64,
    /// Where the index begins.
    pub index_at: u64,
    /// Entries of the index.
    pub entries: u32,
    /// When it was sealed, in milliseconds since 1970.
    pub sealed_unix_ms: u64,
    /// The checksum of the trailer.
    pub checksum: u32,
    /// What it says of the checksum of the trailer of the live segment before it.
    pub before: Option<u32>,
}

/// A frame, as its header describes it.
#[derive(Clone, Debug)]
pub struct FrameSummary {
    /// Where it lies in the file.
    pub offset: u64,
    /// `blocks`, `filemarks` or `pad`.
    pub kind: &'static str,
    /// Its number in the segment.
    pub sequence: u32,
    /// The number of its first object, or of the next one behind a pad.
    pub first_object: u64,
    /// How many objects it holds.
    pub objects: u32,
    /// How its blocks are compressed.
    pub codec: Codec,
    /// Bytes of the host.
    pub plain_length: u32,
    /// Bytes in the file, behind the header.
    pub body_length: u32,
    /// How much of that is a seal; 0 when it is not encrypted.
    pub seal_length: u16,
    /// The length of all its blocks, when it is one.
    pub block_length: Option<u32>,
    /// The file was durable up to here when it was written.
    pub durable_upto: u64,
    /// Filemarks of the segment before it.
    pub filemarks_before: u32,
}

impl SegmentSummary {
    pub(super) fn new(
        name: SegmentName,
        length_bytes: u64,
        header_copies: [bool; 2],
        header: Option<&SegmentHeader>,
        trailer: Option<&Trailer>,
    ) -> Self {
        let count = |field: fn(&SegmentHeader) -> u64| header.map_or(0, field);
        Self {
            name,
            length_bytes,
            state: SegmentState::Unreadable,
            header_copies,
            generation: count(|header| header.generation),
            epoch: count(|header| header.epoch),
            previous: header
                .map(|header| header.previous)
                .filter(|uuid| !uuid.is_nil()),
            first_object: count(|header| header.first_object),
            first_filemark: count(|header| header.first_mark),
            first_host_byte: count(|header| header.first_host_byte),
            created_unix_ms: count(|header| header.created_unix_ms),
            barcode: header.map_or_else(String::new, |header| header.barcode.clone()),
            capacity_bytes: count(|header| header.capacity_bytes),
            encrypted: header.is_some_and(|header| header.salt.is_some()),
            seal: trailer.map(SealSummary::new),
            footer_chain: FooterChain::Untold,
        }
    }
}

impl SegmentSummary {
    /// Takes over what its header said from the chain file.
    pub(super) fn is_told(&mut self, recorded: &SegmentHeader) {
        let Self {
            name,
            length_bytes,
            header_copies,
            ..
        } = *self;
        *self = Self {
            seal: self.seal.take(),
            state: self.state,
            ..Self::new(name, length_bytes, header_copies, Some(recorded), None)
        };
    }
}

impl SealSummary {
    fn new(trailer: &Trailer) -> Self {
        Self {
            reason: trailer.reason.text(),
            objects: trailer.object_count,
            filemarks: trailer.mark_count,
            host_bytes: trailer.host_bytes,
            charged_bytes: trailer.charged_bytes,
            index_at: trailer.data_end,
            entries: trailer.entry_count,
            sealed_unix_ms: trailer.sealed_unix_ms,
            checksum: trailer.checksum,
            before: trailer.before,
        }
    }
}

impl FrameSummary {
    pub(super) fn parse(
        bytes: &[u8; FRAME_HEADER_BYTES],
        segment: Uuid,
        offset: u64,
    ) -> Option<Self> {
        let header = FrameHeader::parse(bytes, segment, offset)?;
        Some(Self {
            offset,
            kind: match header.kind {
                FrameKind::Data => "blocks",
                FrameKind::Filemarks => "filemarks",
                FrameKind::Pad => "pad",
            },
            sequence: header.sequence,
            first_object: header.first_object,
            objects: header.object_count,
            codec: header.codec,
            plain_length: header.plain_length,
            body_length: header.body_length,
            seal_length: header.seal_length,
            block_length: header.block_length,
            durable_upto: header.durable_upto,
            filemarks_before: header.marks_before,
        })
    }
}
