//! Keys for encryption at rest. Only their names go over the wire.

use serde::{Deserialize, Serialize};

use crate::config::LibraryName;

/// `GET /api/v1/keys`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// The keys that the gateway has, that for new tapes first.
    pub keys: Vec<Key>,
    /// Keys that tapes need and the gateway does not have.
    pub missing: Vec<Key>,
    /// Tapes that have a key, or one that cannot be read.
    pub tapes: Vec<TapeKey>,
    /// Tapes without a key: in clear, or blank.
    pub tapes_without: u32,
}

/// A key-encryption key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its public name.
    pub id: String,
    /// Where it comes from; none when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How many tapes it opens.
    pub tapes: u32,
}

/// The key of a tape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeKey {
    /// The library.
    pub library: LibraryName,
    /// The tape.
    pub barcode: String,
    /// Which keys open its own; more than one only while it is being rewritten.
    pub key_ids: Vec<String>,
    /// Why its key cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// `POST /api/v1/tapes/{barcode}/rewrap`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrapped {
    /// Whether it was under another key before.
    pub changed: bool,
}
