//! What a drive does besides streaming: going to places, counting filemarks, small files, loading.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;

use super::latencies;
use crate::cell::{Cell, Figure, Measure, Subject, Work};
use crate::contestant::Running;
use crate::data::Pool;
use crate::session::Session;
use crate::statistics::as_float;

/// How long the blocks are among which places are sought.
const PLACE_BYTES: usize = 1024;

/// How many of them are written with one command.
const PLACES_AT_ONCE: u64 = 512;

/// How many places are sought.
const SOUGHT: usize = 500;

/// How long the block of a small file is, in KiB.
const SMALL_FILE_KIB: u64 = 64;

/// How often many filemarks are passed.
const PASSES: usize = 5;

/// The drive that is measured, whose it is, and what is written to it.
pub(crate) struct Motion<'a> {
    drive: &'a mut Session,
    subject: Subject,
    pool: &'a Pool,
}

impl<'a> Motion<'a> {
    /// The first drive of `running` will do.
    pub(crate) fn new(running: &'a mut Running, subject: Subject, pool: &'a Pool) -> Self {
        Self {
            drive: &mut running.drives[0],
            subject,
            pool,
        }
    }
}

/// Writes `blocks` blocks, and goes to random ones of them and reads.
pub(crate) fn places(motion: Motion<'_>, blocks: u32) -> Result<Vec<Figure>> {
    let Motion {
        drive,
        subject,
        pool,
    } = motion;
    drive.set_block_length(PLACE_BYTES)?;
    let mut written = 0;
    while written < u64::from(blocks) {
        let count = PLACES_AT_ONCE.min(u64::from(blocks) - written);
        drive.write_fixed(count, numbered(pool, written, count))?;
        written += count;
    }
    drive.write_filemark()?;
    let mut samples = Vec::new();
    for _ in 0..SOUGHT {
        let mut random = [0; 4];
        getrandom::fill(&mut random)?;
        let number = u32::from_le_bytes(random) % blocks;
        let start = Instant::now();
        drive.locate(number)?;
        let block = drive.read_fixed(u32::try_from(PLACE_BYTES)?)?;
        samples.push(start.elapsed());
        let expected = u64::from(number).to_be_bytes();
        ensure!(block.starts_with(&expected), "block {number} is another");
    }
    drive.set_block_length(0)?;
    let cell = Cell::new(subject, Work::LocateRead, 1);
    Ok(latencies(cell, &samples))
}

/// Returns `count` blocks from number `first` on, each of which begins with its number.
fn numbered(pool: &Pool, first: u64, count: u64) -> Bytes {
    let mut data = Vec::new();
    for number in first..first + count {
        data.extend_from_slice(&number.to_be_bytes());
        data.extend_from_slice(&pool.block(number, PLACE_BYTES - 8));
    }
    data.into()
}

/// Writes `count` files of one block, and passes all their filemarks from the beginning.
pub(crate) fn filemarks(motion: Motion<'_>, count: u64) -> Result<Vec<Figure>> {
    let Motion {
        drive,
        subject,
        pool,
    } = motion;
    for number in 0..count {
        drive.write_blocks(512, 1, 1, |_| pool.block(number, 512))?;
        drive.write_filemark_immediately()?;
    }
    let mut samples = Vec::new();
    for _ in 0..PASSES {
        drive.rewind()?;
        let start = Instant::now();
        drive.space_filemarks(count)?;
        samples.push(start.elapsed());
    }
    // That was all of them.
    let beyond = drive.space_filemarks(1);
    ensure!(
        beyond.is_err(),
        "there are more filemarks than were written"
    );
    let cell = Cell::new(subject, Work::SpaceFilemarks, 0);
    Ok(latencies(cell, &samples))
}

/// Writes `count` files of one block, each with a filemark that makes it durable.
pub(crate) fn small_files(motion: Motion<'_>, count: u64) -> Result<Vec<Figure>> {
    let Motion {
        drive,
        subject,
        pool,
    } = motion;
    let length = usize::try_from(SMALL_FILE_KIB << 10)?;
    let cell = Cell::new(subject, Work::SmallFiles, SMALL_FILE_KIB);
    repeat(drive, cell, count, |drive, number| {
        drive.write_blocks(length, 1, 1, |_| pool.block(number, length))?;
        drive.write_filemark()
    })
}

/// Takes a cartridge with a few files out of the drive and puts it back, `count` times.
pub(crate) fn loads(motion: Motion<'_>, count: u64) -> Result<Vec<Figure>> {
    let Motion {
        drive,
        subject,
        pool,
    } = motion;
    for number in 0..10 {
        drive.write_blocks(65536, 4, 1, |_| pool.block(number, 65536))?;
        drive.write_filemark()?;
    }
    let cell = Cell::new(subject, Work::UnloadLoad, 0);
    let figures = repeat(drive, cell, count, |drive, _| {
        drive.unload_and_load()?;
        drive.wait_until_ready()
    })?;
    drive.space_filemarks(10).context("after so many loads")?;
    Ok(figures)
}

/// Does `work` `count` times, and returns how often in a second and how long each took.
fn repeat(
    drive: &mut Session,
    cell: Cell,
    count: u64,
    mut work: impl FnMut(&mut Session, u64) -> Result<()>,
) -> Result<Vec<Figure>> {
    let mut samples = Vec::new();
    let start = Instant::now();
    for number in 0..count {
        let one = Instant::now();
        work(drive, number)?;
        samples.push(one.elapsed());
    }
    let value = as_float(count) / start.elapsed().as_secs_f64();
    let mut figures = latencies(cell, &samples);
    figures.push(Figure {
        cell,
        measure: Measure::PerSecond,
        value,
    });
    Ok(figures)
}
