//! From appended blocks to bytes in the segment's file, behind the back of who appended.
//!
//! # Purpose
//! Whoever appends to a tape must wait neither for a processor that compresses nor for a disk that is
//! slow for a moment: it may be the thread that answers a host's pings. It only puts a [`FrameJob`] into
//! the [`Lane`] of its segment.
//!
//! ```text
//!  append ──► lane: job 7, job 6, job 5 ─┬─► worker: compress, seal, checksum ─┐
//!                                        ├─► worker: compress, seal, checksum ─┤
//!                                        └─► the lane's thread does the first  ┴─► in order: place, write
//! ```
//!
//! Each lane has a thread, which writes. When the next frame to be written is still to be compressed the
//! thread does that itself: with one block at a time there is one hand-over and no more, and there is
//! progress even without a worker. What waits behind it is for the [workers](crate::workers) that all
//! cartridges share. A frame that is not compressed is not worth a worker's while.
//!
//! # Ordering
//! What a frame is called, its number in the segment above all, is known when it is put in, so that frames
//! are sealed in any order. Where it lies is known only when those before it are compressed: the lane's
//! thread says so, one frame after the other, and writes them in this order.
//!
//! # Limits
//! A lane takes [`PIPELINE_FRAMES_MAX`] frames and [`PIPELINE_BYTES_MAX`], all lanes together
//! [`PIPELINE_PROCESS_BYTES_MAX`]. A frame that is longer than all the room goes alone, and a lane with
//! nothing in it always takes one, so that nobody waits for another drive.
//!
//! # Cancellation
//! Dropping a lane drops what waits; nobody waits for a worker.
//!
//! # Crash
//! What is on its way is lost like everything that was not synchronized. After a write that failed, or a
//! job that ended in a bug of ours, the lane takes no more: what is behind it is dropped and every later
//! call fails as it did, so that a gap can never be taken for data.
//!
//! # Determinism
//! With [`Writing::AtOnce`] everything happens in the caller's call. What is on the tape, and how it
//! answers, never depends on which of the two it is, nor on timing.
//!
//! [`PIPELINE_FRAMES_MAX`]: crate::limits::PIPELINE_FRAMES_MAX
//! [`PIPELINE_BYTES_MAX`]: crate::limits::PIPELINE_BYTES_MAX
//! [`PIPELINE_PROCESS_BYTES_MAX`]: crate::limits::PIPELINE_PROCESS_BYTES_MAX

mod job;
mod lane;
mod share;
#[cfg(test)]
mod tests;

pub(crate) use job::{Content, FrameJob, Sealing};
pub(crate) use lane::{Lane, Placed};
pub use share::write_behind_bytes;

/// When what was appended is compressed, sealed and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writing {
    /// In the call that appends. The same steps then do the same to the store, one after the other.
    #[default]
    AtOnce,
    /// On threads of the pipeline, after that call has returned.
    Behind,
}
