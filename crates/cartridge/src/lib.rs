//! A tape cartridge on disk that survives `kill -9`.
//!
//! # Purpose
//! A cartridge is a run of blocks and filemarks that grows at its end. It lives in a directory of
//! its own: a small text file, `label`, and append-only segment files. This crate writes, reads,
//! positions, cuts and recovers it. It knows no SCSI, no sockets and no clouds. The threads that it starts
//! are those of its pipeline ([`Writing`]), those that read ahead, and the workers that all cartridges share. `docs/cartridge-format.md` is the law for every byte on disk.
//!
//! # Guarantees
//! - What [`Cartridge::synchronize`] acknowledged survives `kill -9` and loss of power.
//! - After a crash the content is a prefix of what was written, at least up to the last acknowledged
//!   synchronize. What was cut off by an overwrite or an erase never comes back.
//! - Blocks that are encrypted lie on the disk under the host's key alone, which is never there.
//! - Every byte is covered by a checksum. Damage is an error where it lies, never wrong data, and
//!   what lies around it stays readable.
//!
//! # Limits
//! Each has a name: see [`Settings`] and [`limits`].
//!
//! - [`Cartridge`]: one loaded cartridge.
//! - [`SegmentStore`]: where its files are: [`LocalStore`] on a file system, [`MemoryStore`], and
//!   [`LyingStore`], which loses whatever a file system may lose.
//! - [`Encryption`] and [`Decryption`]: keys for writing and for reading.
//! - [`Label`]: what is written on it; [`read_label`] reads one without loading the cartridge.
//! - [`inspect`]: looking into a cartridge's files without loading it, whatever is left of them.
//! - [`Memory`]: attributes of applications, and what was counted over its life.

mod buffer;
mod cartridge;
mod chain;
mod codec;
mod encryption;
mod error;
mod format;
mod frame;
mod index;
pub mod inspect;
mod label;
pub mod limits;
mod memory;
mod pipeline;
mod sealed_line;
mod settings;
mod store;
mod walk;
mod workers;
mod writer;

pub use cartridge::{
    Appended, Cartridge, DamagedRange, Located, NextBlock, Position, Read, RecoveryReport, Spaced,
    Stop, Usage, crypto_erase, has_encrypted_blocks, read_ahead_bytes,
};
pub use codec::{Codec, CodecAlone};
pub use encryption::{
    BlockEncryption, Decryption, Derivation, Encryption, EncryptionKey, KeyAssociatedData,
    KeyEncryptionKey, KeyFile, KeyId, KeyRing, rewrap_key,
};
pub use error::{Error, Remedy};
pub use label::{CartridgeSpec, Form, Label, Layout, read_label};
pub use memory::{Attribute, Attributes, DriveName, Memory, MemoryState, Work};
pub use pipeline::{Writing, write_behind_bytes};
pub use settings::{Environment, ReadAhead, SeededEnvironment, Settings, SystemEnvironment};
pub use store::{
    Fault, Listing, LocalStore, LyingStore, MemoryStore, SegmentFile, SegmentName, SegmentStore,
};

// Lengths and offsets on disk are u32 and u64; `usize` holds them all.
const _: () = assert!(usize::BITS >= 64);
