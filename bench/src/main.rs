//! Measures a gateway against the limits of the machine, interleaved, in one run.
//!
//! Each round does, for each block size: the ideal exchange over loopback both ways, then a drive of
//! a freshly started `capstan serve` written up to a filemark, rewound and read back, one command at
//! a time. The report gives MB/s, the ratio to the exchange of the same round, and the gateway's CPU
//! seconds per GB, each as minimum, median and maximum over the rounds.

mod gateway;
mod limit;
mod report;
mod session;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use clap::Parser;

use gateway::Gateway;
use limit::Way;
use report::{Cell, Report};

/// Measures the gateway and the machine's limits.
#[derive(Parser)]
struct Options {
    /// The gateway's binary.
    #[arg(long, default_value = "target/release/capstan")]
    capstan: PathBuf,
    /// Where the gateway keeps its data while it is measured; the default is the temporary directory.
    #[arg(long)]
    directory: Option<PathBuf>,
    /// How often everything is measured.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How much is written and read for each block size.
    #[arg(long, default_value_t = 256, value_name = "MIB")]
    amount: u64,
    /// Block sizes in KiB.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "64,256,1024",
        value_name = "KIB"
    )]
    blocks: Vec<u64>,
    /// How the drives compress: none, lz4, zstd or lzo.
    #[arg(long, default_value = "zstd")]
    compression: String,
    /// How much of each block is random, in percent; the rest is zeros.
    #[arg(long, default_value_t = 50)]
    random: usize,
    /// Write the figures here as JSON, too.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let mut report = Report::new(&options.compression, options.random, options.amount);
    for round in 1..=options.rounds {
        for &kib in &options.blocks {
            eprintln!("round {round} of {}: {kib} KiB", options.rounds);
            measure(&options, kib, &mut report)?;
        }
    }
    print!("{}", report.markdown());
    if let Some(path) = &options.json {
        std::fs::write(path, report.json()?)?;
    }
    Ok(())
}

/// Measures one block size once: limits and gateway.
fn measure(options: &Options, kib: u64, report: &mut Report) -> Result<()> {
    let block = pattern(kib << 10, options.random)?;
    let count = (options.amount << 10) / kib;
    let bytes = count * block.len() as u64;
    let ideal_write = limit::exchange(Way::Write, block.len(), count)?;
    let ideal_read = limit::exchange(Way::Read, block.len(), count)?;

    let gateway = Gateway::start(
        &options.capstan,
        options.directory.as_deref(),
        &options.compression,
    )?;
    let mut drive = gateway.loaded_drive()?;
    let (write, write_cpu) = gateway.timed(|| drive.write_file(&block, count))?;
    drive.rewind()?;
    let (read, read_cpu) = gateway.timed(|| drive.read_file(&block, count))?;

    let cell = |way, elapsed: Duration, ideal: Duration, cpu| Cell {
        way,
        kib,
        bytes,
        elapsed,
        ideal,
        cpu,
    };
    report.add(&cell(Way::Write, write, ideal_write, write_cpu));
    report.add(&cell(Way::Read, read, ideal_read, read_cpu));
    Ok(())
}

/// Returns a block whose first part is random and whose rest is zeros, alternating every KiB, so that
/// compressors find what they find in half-compressible data.
fn pattern(length: u64, random_percent: usize) -> Result<Bytes> {
    let mut block = vec![0; usize::try_from(length)?];
    for chunk in block.chunks_mut(1024) {
        let random = chunk.len() * random_percent.min(100) / 100;
        getrandom::fill(&mut chunk[..random])?;
    }
    Ok(block.into())
}
