//! How a cartridge is written, and where its time and ids come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::codec::Codec;
use crate::encryption::KeyRing;
use crate::error::Error;
use crate::limits;
use crate::pipeline::Writing;

/// How a loaded cartridge is written and read. What is on it does not tell of it.
#[derive(Clone)]
pub struct Settings {
    /// A segment is closed and the next begun when it would grow over this. Default 256 MiB.
    pub segment_size_bytes: u32,
    /// Small blocks share a frame up to this many bytes. Default 256 KiB.
    pub frame_size_bytes: u32,
    /// Disk space is reserved in steps of this many bytes. Default 16 MiB.
    pub reserve_step_bytes: u32,
    /// The chain file is written again after so many new segments. Default 256.
    pub chain_interval_segments: u32,
    /// How new frames are compressed. Default zstd, level 1.
    pub codec: Codec,
    /// What opens the keys of encrypted cartridges; new ones are encrypted when there is any. Default none.
    pub keys: KeyRing,
    /// Who reads ahead of a sequential reader. Default threads.
    pub read_ahead: ReadAhead,
    /// When what was appended is compressed and written. Default at once, in the caller's call.
    pub writing: Writing,
    /// Where the time and new ids come from.
    pub environment: Arc<dyn Environment>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_size_bytes: 256 << 20,
            frame_size_bytes: 256 << 10,
            reserve_step_bytes: 16 << 20,
            chain_interval_segments: limits::CHAIN_FILE_INTERVAL_SEGMENTS,
            codec: Codec::default(),
            keys: KeyRing::default(),
            read_ahead: ReadAhead::default(),
            writing: Writing::default(),
            environment: Arc::new(SystemEnvironment),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("segment_size_bytes", &self.segment_size_bytes)
            .field("frame_size_bytes", &self.frame_size_bytes)
            .field("reserve_step_bytes", &self.reserve_step_bytes)
            .field("chain_interval_segments", &self.chain_interval_segments)
            .field("codec", &self.codec)
            .field("keys", &self.keys)
            .field("read_ahead", &self.read_ahead)
            .field("writing", &self.writing)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// The smallest segment: two headers and a little. Only tests come near it.
    const SEGMENT_SIZE_BYTES_MIN: u32 = 16 << 10;
    /// The largest segment that we begin: what one object of a store takes comfortably.
    const SEGMENT_SIZE_BYTES_MAX: u32 = 1 << 30;

    /// Returns an error that names the first value that is out of range.
    pub fn check(&self) -> Result<(), Error> {
        let ranges = [
            (
                "segment_size_bytes",
                self.segment_size_bytes,
                Self::SEGMENT_SIZE_BYTES_MIN,
                Self::SEGMENT_SIZE_BYTES_MAX,
            ),
            (
                "frame_size_bytes",
                self.frame_size_bytes,
                1,
                limits::FRAME_SIZE_BYTES_MAX,
            ),
            ("reserve_step_bytes", self.reserve_step_bytes, 4096, 1 << 30),
            (
                "chain_interval_segments",
                self.chain_interval_segments,
                1,
                u32::MAX,
            ),
        ];
        for (field, value, min, max) in ranges {
            if !(min..=max).contains(&value) {
                let reason = format!("{value}, allowed are {min} to {max}");
                return Err(Error::InvalidSetting { field, reason });
            }
        }
        Ok(())
    }
}

/// Who reads frames ahead of a sequential reader. What is read is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadAhead {
    /// Nobody.
    Off,
    /// The reader itself, in the call that reads: it saves nothing, and always does the same.
    Inline,
    /// Threads.
    #[default]
    Threads,
}

/// Where the time and new ids come from, so that a test can replay a failure.
pub trait Environment: Send + Sync {
    /// Returns milliseconds since 1970.
    fn now_unix_ms(&self) -> u64;
    /// Returns an id that nobody else has.
    fn new_uuid(&self) -> Uuid;
}

/// The clock and the random numbers of the machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn now_unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
    }

    fn new_uuid(&self) -> Uuid {
        Uuid::new_v4()
    }
}

/// A clock that ticks once per look and ids that follow from a seed.
#[derive(Debug)]
pub struct SeededEnvironment {
    seed: u64,
    drawn: AtomicU64,
}

impl SeededEnvironment {
    /// Returns the environment that follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }

    /// SplitMix64: every state gives another number, so ids of one seed never repeat.
    fn number(&self) -> u64 {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed) + 1;
        let mut z = self
            .seed
            .wrapping_add(drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Environment for SeededEnvironment {
    fn now_unix_ms(&self) -> u64 {
        1_800_000_000_000 + self.drawn.fetch_add(1, Ordering::Relaxed)
    }

    fn new_uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(
            (u128::from(self.number()) << 64 | u128::from(self.number())).to_le_bytes(),
        )
        .into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_allowed_and_nonsense_is_named() {
        Settings::default().check().unwrap();
        let settings = Settings {
            frame_size_bytes: 0,
            ..Settings::default()
        };
        let message = settings.check().unwrap_err().to_string();
        assert_eq!(
            message,
            "setting frame_size_bytes: 0, allowed are 1 to 1048576"
        );
    }

    #[test]
    fn a_seed_gives_the_same_ids_and_never_one_twice() {
        let (a, b) = (SeededEnvironment::new(7), SeededEnvironment::new(7));
        let ids: Vec<Uuid> = (0..100).map(|_| a.new_uuid()).collect();
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(*id, b.new_uuid());
            assert!(!ids[..n].contains(id));
        }
    }
}
