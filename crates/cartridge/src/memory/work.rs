//! What is done with a cartridge, in numbers.

use serde::{Deserialize, Serialize};

/// What was written and read, and what failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Work {
    /// Bytes of blocks that were appended.
    pub written_bytes: u64,
    /// The same as they were stored, after compression.
    pub stored_bytes: u64,
    /// Frames that were written: runs of filemarks and pads do not count.
    pub frames_written: u64,
    /// Bytes of blocks that were read.
    pub read_bytes: u64,
    /// The same as they were stored; a frame that is decoded counts as a whole.
    pub fetched_bytes: u64,
    /// Frames that were decoded.
    pub frames_read: u64,
    /// Writes that failed for good.
    pub write_errors: u64,
    /// Reads that failed for good.
    pub read_errors: u64,
}

impl Work {
    /// Returns what was done since `earlier`.
    #[must_use]
    pub const fn minus(self, earlier: Self) -> Self {
        Self {
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
            stored_bytes: self.stored_bytes.saturating_sub(earlier.stored_bytes),
            frames_written: self.frames_written.saturating_sub(earlier.frames_written),
            read_bytes: self.read_bytes.saturating_sub(earlier.read_bytes),
            fetched_bytes: self.fetched_bytes.saturating_sub(earlier.fetched_bytes),
            frames_read: self.frames_read.saturating_sub(earlier.frames_read),
            write_errors: self.write_errors.saturating_sub(earlier.write_errors),
            read_errors: self.read_errors.saturating_sub(earlier.read_errors),
        }
    }

    /// Returns the sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            written_bytes: self.written_bytes.saturating_add(other.written_bytes),
            stored_bytes: self.stored_bytes.saturating_add(other.stored_bytes),
            frames_written: self.frames_written.saturating_add(other.frames_written),
            read_bytes: self.read_bytes.saturating_add(other.read_bytes),
            fetched_bytes: self.fetched_bytes.saturating_add(other.fetched_bytes),
            frames_read: self.frames_read.saturating_add(other.frames_read),
            write_errors: self.write_errors.saturating_add(other.write_errors),
            read_errors: self.read_errors.saturating_add(other.read_errors),
        }
    }
}
