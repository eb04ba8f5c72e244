//! Encryption of blocks under a key of the host (docs/cartridge-format.md, "Encryption").
//!
//! # Guarantees
//! - A key is held in memory alone, in types that wipe it when they go and that print nothing of it.
//! - No pair of key and nonce is used twice: a frame key belongs to one segment, in which frames are
//!   counted ([`seal`]).
//! - What was sealed is served only when its tag is good for the place where it lies.

mod kek;
mod key;
mod key_file;
mod preamble;
mod seal;

pub use kek::{Derivation, KeyEncryptionKey, KeyId, KeyRing};
pub use key::{Decryption, Encryption, EncryptionKey, KeyAssociatedData};
pub(crate) use key_file::CartridgeKey;
pub use key_file::{KeyFile, rewrap_key};
pub use preamble::BlockEncryption;
pub(crate) use preamble::{
    AT_REST_SEAL_BYTES, KEY_CHECK_BYTES, Preamble, SEAL_BYTES_MAX, SEAL_BYTES_MIN, TAG_BYTES,
};
#[cfg(test)]
pub(crate) use seal::recorded;
pub(crate) use seal::{FrameKey, FramePlace, OpenError, SegmentKeys};
