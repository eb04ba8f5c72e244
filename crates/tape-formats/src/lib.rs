//! Tapes as other programs keep them: SIMH, tgt, mhvtl, and plain files with a manifest.
//!
//! # Purpose
//! Everything here turns bytes that somebody else has written into [`Item`]s, blocks and filemarks in
//! their order, or items into such bytes. The crate is given readers and writers; it opens no file, knows
//! no cartridge of ours and no library, so that whatever a foreign file says, all that can come out of it
//! is items and an error. The layouts stand beside the code that reads them.
//!
//! # Guarantees
//! - What a length field says is checked against a limit before memory is taken for it.
//! - An error tells the offset in the file where it was found. What came before it was good.
//! - No input makes a reader panic or go round for ever.
//!
//! # Limits
//! [`BLOCK_BYTES_MAX`], [`manifest::MANIFEST_BYTES_MAX`], [`mhvtl::MEMORY_BYTES_MAX`].
//!
//! - [`simh`]: `.tap` images, read and written.
//! - [`tgt`]: tape images of the Linux SCSI target framework, read.
//! - [`mhvtl`]: cartridges in all its formats, read, and its configuration.
//! - [`manifest`]: what goes with plain files.

mod error;
mod input;
mod item;
pub mod manifest;
pub mod mhvtl;
pub mod simh;
pub mod tgt;

pub use error::Error;
pub use item::{Block, Item, Key, TapeReader};

/// The longest block: what three bytes of transfer length can say (SSC-5 §8.1).
pub const BLOCK_BYTES_MAX: u32 = (1 << 24) - 1;

// Lengths and offsets in files are u32 and u64; `usize` holds them all.
const _: () = assert!(usize::BITS >= 64);
