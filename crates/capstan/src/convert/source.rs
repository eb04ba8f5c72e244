//! Opens what shall be imported.

mod files;
mod mhvtl;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tape_formats::manifest::TapeFile;
use tape_formats::{TapeReader, simh, tgt};

pub use files::FilesReader;
pub use mhvtl::{MhvtlTape, is_mhvtl_tape};

/// A partition to be read.
pub struct PartitionSource {
    /// The reader.
    pub reader: Box<dyn TapeReader>,
    /// How many bytes of files there are to read.
    pub file_bytes: u64,
    /// How many bytes there are on it, at most.
    pub content_bytes: u64,
    /// The capacity that it had; 0 when that is not known.
    pub capacity_bytes: u64,
}

impl PartitionSource {
    fn of_file(reader: Box<dyn TapeReader>, file_bytes: u64) -> Self {
        Self {
            reader,
            file_bytes,
            content_bytes: file_bytes,
            capacity_bytes: 0,
        }
    }
}

/// Opens a SIMH image.
pub fn simh_image(path: &Path) -> anyhow::Result<PartitionSource> {
    let (file, bytes) = open(path)?;
    let reader = simh::Reader::new(file);
    Ok(PartitionSource::of_file(Box::new(reader), bytes))
}

/// Opens an image of tgt.
pub fn tgt_image(path: &Path) -> anyhow::Result<PartitionSource> {
    let (file, bytes) = open(path)?;
    let reader = tgt::Reader::new(file).with_context(|| path.display().to_string())?;
    let capacity_bytes = u64::from(reader.capacity_mb()) << 20;
    Ok(PartitionSource {
        capacity_bytes,
        ..PartitionSource::of_file(Box::new(reader), bytes)
    })
}

/// Opens plain files, each of which becomes a file of the tape, cut into blocks of `block_bytes`.
pub fn plain_files(paths: &[PathBuf], block_bytes: u32) -> anyhow::Result<PartitionSource> {
    let mut bytes = 0;
    for path in paths {
        let (_, length) = open(path)?;
        bytes += length;
    }
    let reader = FilesReader::cut(paths, block_bytes);
    Ok(PartitionSource::of_file(Box::new(reader), bytes))
}

/// Opens what `capstan export files` wrote. Returns the barcode that it had, too.
pub fn exported_files(directory: &Path) -> anyhow::Result<(String, PartitionSource)> {
    let (reader, manifest) = FilesReader::open(directory)?;
    let bytes = manifest.files.iter().filter_map(TapeFile::bytes).sum();
    let source = PartitionSource::of_file(Box::new(reader), bytes);
    Ok((manifest.barcode, source))
}

/// Opens a file to be read in order, and returns its length.
fn open(path: &Path) -> anyhow::Result<(BufReader<File>, u64)> {
    let failed = || path.display().to_string();
    let file = File::open(path).with_context(failed)?;
    let metadata = file.metadata().with_context(failed)?;
    anyhow::ensure!(!metadata.is_dir(), "{}: is a directory", path.display());
    Ok((BufReader::with_capacity(BUFFER_BYTES, file), metadata.len()))
}

/// Reads a small file whole; one that is larger than `bytes_max` is refused.
fn read_small(path: &Path, bytes_max: u64) -> anyhow::Result<Vec<u8>> {
    let (file, length) = open(path)?;
    anyhow::ensure!(
        length <= bytes_max,
        "{}: {length} bytes, {bytes_max} are expected at most",
        path.display()
    );
    let mut bytes = Vec::new();
    file.take(bytes_max)
        .read_to_end(&mut bytes)
        .with_context(|| path.display().to_string())?;
    Ok(bytes)
}

/// How much is read ahead.
const BUFFER_BYTES: usize = 1 << 20;
