//! The bytes of a segment file (docs/cartridge-format.md is the law; change it first).
//!
//! ```text
//! 0        segment header, 4096 bytes
//! 4096     the same header again
//! 8192     frames, each a 64-byte header and a body, padded to 8 bytes
//! data_end index, 32 bytes per frame          (only when sealed)
//! ...      trailer, 256 bytes, ends the file  (only when sealed)
//! ```

mod chain_file;
mod fields;
mod frame_header;
mod index_entry;
mod segment_header;
mod trailer;

pub(crate) use chain_file::{
    CHAIN_HEAD_BYTES, CHAIN_ROW_BYTES, ChainHead, ChainPartition, ChainRow,
};
pub(crate) use fields::{in_memory, round_up};
pub(crate) use frame_header::{FrameHeader, FrameKind};
pub(crate) use index_entry::{EntryKind, IndexEntry};
pub(crate) use segment_header::{
    AtRest, HeaderFault, SEGMENT_SALT_BYTES, SegmentHeader, takes_host_blocks,
};
pub(crate) use trailer::{SealReason, Trailer};

/// The length of a segment header.
pub(crate) const HEADER_BYTES: usize = 4096;
/// Where the frames begin.
pub(crate) const FRAMES_OFFSET: u64 = 2 * HEADER_BYTES as u64;
/// The length of a frame header.
pub(crate) const FRAME_HEADER_BYTES: usize = 64;
/// Frames begin at multiples of this.
pub(crate) const FRAME_ALIGN_BYTES: usize = 8;
pub(crate) const FRAME_ALIGN: u64 = FRAME_ALIGN_BYTES as u64;
/// A synchronized file ends at a multiple of this, so that no durable page is written again.
pub(crate) const SYNC_ALIGN_BYTES: usize = 4096;
pub(crate) const SYNC_ALIGN: u64 = SYNC_ALIGN_BYTES as u64;
/// The length of an index entry.
pub(crate) const INDEX_ENTRY_BYTES: usize = 32;
/// The length of the trailer.
pub(crate) const TRAILER_BYTES: usize = 256;

/// The version that is written, and the highest that is read.
pub(crate) const FORMAT_MAJOR: u16 = 1;
pub(crate) const FORMAT_MINOR: u16 = 0;

/// Returns what a frame with a body of `body_length` bytes takes in the file.
pub(crate) const fn frame_stride(body_length: u64) -> u64 {
    FRAME_HEADER_BYTES as u64 + round_up(body_length, FRAME_ALIGN)
}

const _: () = {
    assert!(FRAMES_OFFSET.is_multiple_of(SYNC_ALIGN));
    assert!(SYNC_ALIGN.is_multiple_of(FRAME_ALIGN));
    assert!(FRAME_HEADER_BYTES.is_multiple_of(FRAME_ALIGN_BYTES));
    // Offsets are stored in units of FRAME_ALIGN in 32 bits.
    assert!(crate::limits::SEGMENT_BYTES_MAX / FRAME_ALIGN <= u32::MAX as u64);
};
