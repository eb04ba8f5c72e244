//! What the disk and its page cache allow: a new file is written and read back, without any network.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::fs::OFlags;

use super::aligned::{Aligned, PIECE_BYTES};
use crate::data::Pool;

/// Whether a file goes through the page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caching {
    /// It does.
    Buffered,
    /// It does not (`O_DIRECT`); some file systems refuse that.
    Direct,
}

/// Whether the end of a write waits until all is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It does, by fdatasync.
    Synced,
    /// It does not.
    Unsynced,
}

/// Creates an empty file at `path` for writing and reading.
pub(crate) fn create(path: &Path, caching: Caching) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    if caching == Caching::Direct {
        let flags = OFlags::DIRECT.bits().cast_signed();
        options.custom_flags(flags);
    }
    options.open(path)
}

/// Writes and reads `pieces` times [`PIECE_BYTES`] at `path`, and returns how long each took. Direct
/// reads come from the disk, others from memory.
pub(crate) fn write_and_read(
    path: &Path,
    pool: &Pool,
    pieces: u64,
    caching: Caching,
    durability: Durability,
) -> Result<[Duration; 2]> {
    let mut file = create(path, caching)?;
    let sources = sources(pool);
    let start = Instant::now();
    for (_, source) in (0..pieces).zip(sources.iter().cycle()) {
        file.write_all(source.bytes())?;
    }
    if durability == Durability::Synced {
        file.sync_data()?;
    }
    let written = start.elapsed();

    file.rewind()?;
    let mut inward = Aligned::new();
    let start = Instant::now();
    for _ in 0..pieces {
        file.read_exact(inward.bytes_mut())?;
    }
    let read = start.elapsed();
    drop(file);
    std::fs::remove_file(path)?;
    Ok([written, read])
}

/// Returns pieces of the pool at aligned places, more than caches hold.
fn sources(pool: &Pool) -> Vec<Aligned> {
    let chunks = pool.all().chunks(PIECE_BYTES);
    chunks
        .map(|chunk| {
            let mut aligned = Aligned::new();
            aligned.bytes_mut()[..chunk.len()].copy_from_slice(chunk);
            aligned
        })
        .collect()
}
