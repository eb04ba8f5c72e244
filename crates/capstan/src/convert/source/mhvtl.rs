//! A cartridge of mhvtl: finds its files, whatever its format.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tape_formats::mhvtl::{
    MEMORY_BYTES_MAX, Memory, PARTITIONS_MAX, Partition, SingleFile, content_of, filemark_count,
};

use super::{PartitionSource, open, read_small};

/// A cartridge.
pub struct MhvtlTape {
    /// Its memory; of the oldest single files nobody knows where it has what.
    pub memory: Option<Memory>,
    /// Its partitions.
    pub partitions: Vec<PartitionSource>,
}

/// Returns whether there is a cartridge at `path`, as far as names tell.
pub fn is_mhvtl_tape(path: &Path) -> bool {
    path.is_file() || path.join("indx").exists() || path.join("indx.0").exists()
}

impl MhvtlTape {
    /// Opens the cartridge at `path`, a directory or a single file.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        if path.is_file() {
            return Self::single_file(path);
        }
        let memory = memory(path)?;
        let mut partitions = Vec::new();
        if memory.tape_format == 6 {
            for number in 0..PARTITIONS_MAX {
                let name = |kind: &str| format!("{kind}.{number}");
                if number > 0 && !path.join(name("indx")).exists() {
                    break;
                }
                let names = [name("indx"), name("data"), name("meta")];
                let mut partition = partition(path, names, false)?;
                partition.capacity_bytes = memory.partition_bytes[usize::from(number)];
                partitions.push(partition);
            }
        } else {
            let names = ["indx", "data", "meta"].map(str::to_owned);
            partitions.push(partition(path, names, memory.tape_format <= 3)?);
        }
        if let [only] = &mut *partitions {
            only.capacity_bytes = memory.capacity_bytes;
        }
        Ok(Self {
            memory: Some(memory),
            partitions,
        })
    }

    fn single_file(path: &Path) -> anyhow::Result<Self> {
        let (file, bytes) = open(path)?;
        let reader = SingleFile::new(file).with_context(|| path.display().to_string())?;
        let capacity_bytes = u64::from(reader.capacity_mb()) << 20;
        Ok(Self {
            memory: reader.memory().cloned(),
            partitions: vec![PartitionSource {
                reader: Box::new(reader),
                file_bytes: bytes,
                // There is no index to look into: what zlib makes of data is a few times smaller.
                content_bytes: bytes.saturating_mul(ZLIB_RATIO),
                capacity_bytes,
            }],
        })
    }
}

/// A generous guess at how much more there is in a file than its length.
const ZLIB_RATIO: u64 = 16;

fn memory(path: &Path) -> anyhow::Result<Memory> {
    let mam = path.join("mam");
    let failed = || path.display().to_string();
    if !mam.exists() && !path.join("indx.0").exists() {
        // Format 3: in front of the map of filemarks, which may be long.
        let meta = read_small(&path.join("meta"), META_BYTES_MAX)?;
        return Memory::parse_packed(&meta)
            .with_context(|| path.join("meta").display().to_string());
    }
    let bytes = read_small(&mam, MEMORY_BYTES_MAX)?;
    match Memory::tape_format(&bytes) {
        Some(3..=4) => Memory::parse_packed(&bytes).with_context(|| mam.display().to_string()),
        Some(_) => {
            let own = read_small(&path.join("mhvtl_data"), MEMORY_BYTES_MAX)?;
            Memory::parse(&bytes, &own).with_context(failed)
        }
        // It says what is wrong with it.
        None => Memory::parse(&bytes, &[]).with_context(failed),
    }
}

/// Four bytes for each filemark: more of them than a cartridge of mhvtl can hold.
const META_BYTES_MAX: u64 = 1 << 32;

fn partition(
    path: &Path,
    names: [String; 3],
    memory_is_in_meta: bool,
) -> anyhow::Result<PartitionSource> {
    let [index, data, meta] = names.map(|name| path.join(name));
    let filemarks = read_small(&meta, META_BYTES_MAX)
        .ok()
        .and_then(|meta| filemark_count(&meta, memory_is_in_meta));
    let (bytes, filemark_count) = content_of(open(&index)?.0);
    let (index_file, _) = open(&index)?;
    let (data_file, file_bytes) = open(&data)?;
    let name = |path: &PathBuf| path.display().to_string();
    let names = [name(&index), name(&data)];
    Ok(PartitionSource {
        reader: Box::new(Partition::new(index_file, data_file, names, filemarks)),
        file_bytes,
        content_bytes: bytes.saturating_add(filemark_count * FILEMARK_BYTES),
        capacity_bytes: 0,
    })
}

/// What a filemark counts against the capacity.
const FILEMARK_BYTES: u64 = cartridge::limits::FILEMARK_CHARGE_BYTES;
