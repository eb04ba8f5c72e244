//! What was counted about a tape or a drive, and what a drive complains of.

use serde::{Deserialize, Serialize};

/// What the memory of a tape says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeLife {
    /// How often it was loaded.
    pub loads: u64,
    /// How often it was formatted.
    pub formats: u64,
    /// Bytes that hosts have written, before compression.
    pub written_bytes: u64,
    /// The same after compression.
    pub stored_bytes: u64,
    /// Bytes that hosts have read.
    pub read_bytes: u64,
    /// Reads and writes that have failed for good.
    pub errors: u64,
    /// The drives that it was in, the last one first: vendor and serial number.
    pub drives: Vec<String>,
    /// The application that has left its name on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// What applications have left in its memory, all together.
    pub attributes: u32,
}

/// What a drive has done since the gateway was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriveLife {
    /// How often a tape was loaded.
    pub loads: u64,
    /// Bytes that hosts have written, before compression.
    pub written_bytes: u64,
    /// The same after compression.
    pub stored_bytes: u64,
    /// Bytes that hosts have read.
    pub read_bytes: u64,
    /// Reads and writes that have failed for good.
    pub errors: u64,
}

/// A TapeAlert flag that is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its number, 1 to 64.
    pub flag: u8,
    /// Its name in the standard.
    pub name: String,
    /// `information`, `warning` or `critical`.
    pub severity: String,
    /// What it tells.
    pub text: String,
}
