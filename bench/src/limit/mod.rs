//! What the machine allows: its network, its disk, and one core of it, each alone.

mod aligned;
mod behind;
mod codecs;
mod exchange;
mod file;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cell::{Cell, Compression, Data, Figure, Measure, Placement, Subject, Work};
use crate::cpus::Cpus;
use crate::data::Pool;
use crate::statistics::as_float;

pub(crate) use exchange::{Exchange, Way};
use file::{Caching, Durability};

/// Measures exchanges of `bytes` in blocks of `kib`, for both ways, without and with a file in
/// `directory`.
pub(crate) fn exchanges(
    directory: &Path,
    pool: &Pool,
    kib: u64,
    bytes: u64,
    cpus: &Cpus,
) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let length = usize::try_from(kib << 10)?;
    let path = directory.join("exchange");
    for placement in [Placement::Apart, Placement::Free] {
        cpus.free_this_thread()?;
        for (subject, work, way) in [
            (Subject::Exchange, Work::Write, Way::Out),
            (
                Subject::ExchangeToFile,
                Work::Write,
                Way::OutToFile(path.clone()),
            ),
            (Subject::Exchange, Work::Read, Way::In),
        ] {
            let count = bytes.div_ceil(kib << 10);
            let mut exchange = Exchange::start(way, length, cpus, placement)?;
            let start = Instant::now();
            for number in 0..count {
                match work {
                    Work::Write => exchange.turn(&pool.block(number, length))?,
                    _ => exchange.turn(&[])?,
                }
            }
            exchange.finish()?;
            let cell = Cell {
                placement,
                ..Cell::new(subject, work, kib)
            };
            figures.push(rate(cell, count * (kib << 10), start.elapsed()));
        }
    }
    cpus.free_this_thread()?;
    std::fs::remove_file(&path)?;
    Ok(figures)
}

/// Measures files of `mib` in `directory`: through the page cache with and without a sync, and past it.
pub(crate) fn files(directory: &Path, pool: &Pool, mib: u64) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let path = directory.join("limit");
    for (subject, caching, durability) in [
        (Subject::PageCache, Caching::Buffered, Durability::Unsynced),
        (Subject::DurableFile, Caching::Buffered, Durability::Synced),
        (Subject::DirectFile, Caching::Direct, Durability::Synced),
    ] {
        let times = match file::write_and_read(&path, pool, mib, caching, durability) {
            Ok(times) => times,
            // Not every file system can do without its page cache.
            Err(_) if caching == Caching::Direct => continue,
            Err(error) => return Err(error),
        };
        for (work, elapsed) in [Work::Write, Work::Read].into_iter().zip(times) {
            // What is read after a sync comes from the page cache as well: it is said once.
            if work == Work::Write || subject != Subject::DurableFile {
                figures.push(rate(Cell::new(subject, work, 1024), mib << 20, elapsed));
            }
        }
    }
    Ok(figures)
}

/// Measures `codecs` on `data`; the cipher and the checksum, to which all data are alike, on
/// incompressible ones.
pub(crate) fn codecs(codecs: &[Compression], data: Data, pool: &Pool) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut add = |subject, work, passed: codecs::Passed| {
        let cell = Cell {
            data,
            ..Cell::new(subject, work, 256)
        };
        // Nothing of it may have shrunk, and then there is nothing to decompress.
        if passed.bytes > 0 {
            figures.push(rate(cell, passed.bytes, passed.elapsed));
        }
    };
    for &compression in codecs {
        if compression != Compression::None {
            let [encoding, decoding] = codecs::compress(compression, pool)?;
            add(Subject::Codec(compression), Work::Encode, encoding);
            add(Subject::Codec(compression), Work::Decode, decoding);
        }
    }
    if data == Data::Incompressible {
        let [encoding, decoding] = codecs::encrypt(pool)?;
        add(Subject::Aes, Work::Encode, encoding);
        add(Subject::Aes, Work::Decode, decoding);
        add(Subject::Crc, Work::Encode, codecs::checksum(pool));
    }
    Ok(figures)
}

fn rate(cell: Cell, bytes: u64, elapsed: Duration) -> Figure {
    Figure {
        cell,
        measure: Measure::MegabytesPerSecond,
        value: as_float(bytes) / elapsed.as_secs_f64() / 1e6,
    }
}
