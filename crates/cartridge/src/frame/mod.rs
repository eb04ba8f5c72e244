//! Frames on their way to the disk: blocks are gathered, sealed, and then only placed.
//!
//! # Ordering
//! A [`FrameBuilder`] gathers blocks in the caller's call; [`SealedFrame::blocks`] compresses and
//! checksums and [`SealedFrame::encrypted`] seals, which is bound to the frame's number in the segment,
//! without knowing where it will lie; [`crate::pipeline`] does these two, and gives it its place.
//!
//! # Limits
//! A builder holds at most `frame_size_bytes` of small blocks, or one larger block.

mod payload;
mod plain;
mod sealed;

pub(crate) use plain::{FrameBuilder, PlainFrame};
pub(crate) use sealed::SealedFrame;

fn length_u32(length: usize) -> u32 {
    u32::try_from(length).expect("blocks and frames are shorter than 16 MiB")
}
