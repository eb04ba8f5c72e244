//! Measures the gateway against its peers and the limits of the machine, interleaved, in one run.
//!
//! Each round does, for each block size: the limits, then every contestant in turn. A contestant is
//! started afresh, its drive is written up to a filemark, rewound and read back, one command at a
//! time. The order of the contestants moves on by one from round to round, so that nobody always
//! follows the same neighbour. See README.md for how to read what comes out.

mod contestant;
mod in_flight;
mod laps;
mod limit;
mod liveness;
mod machine;
mod report;
mod server;
mod session;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::Parser;

use contestant::{Contestant, Peer, Setup};
use laps::Timing;
use limit::Way;
use machine::Machine;
use report::{Cell, Circumstances, Kind, Report, Subject};

/// Measures the gateway, other targets, and the machine's limits.
#[derive(Parser)]
struct Options {
    /// The gateway's binary.
    #[arg(long, default_value = "target/release/capstan")]
    capstan: PathBuf,
    /// Where everybody keeps data while measured; the default is the temporary directory.
    #[arg(long)]
    directory: Option<PathBuf>,
    /// How often everything is measured.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How much is written and read for each block size.
    #[arg(long, default_value_t = 256, value_name = "MIB")]
    amount: u64,
    /// Block sizes in KiB; tgt takes no more than 1024.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "64,256,1024",
        value_name = "KIB"
    )]
    blocks: Vec<u64>,
    /// How our drives compress: none, lz4, zstd or lzo. Peers never do.
    #[arg(long, value_delimiter = ',', default_value = "none,zstd")]
    compression: Vec<String>,
    /// Whom to measure as well; nobody when no name follows.
    #[arg(
        long,
        value_delimiter = ',',
        num_args = 0..,
        default_value = "tgt,tgt-tuned,istgt"
    )]
    peers: Vec<Peer>,
    /// How often NOP and ABORT TASK are timed in each state of a busy gateway; 0 leaves that out.
    #[arg(long, default_value_t = 1000, value_name = "SAMPLES")]
    liveness: usize,
    /// How much of each block is random, in percent; the rest is zeros.
    #[arg(long, default_value_t = 50)]
    random: usize,
    /// Which source this is, for the report.
    #[arg(long)]
    revision: Option<String>,
    /// Write the report to this path with ".md" and ".json" added, too.
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let mut run = Run::new(&options);
    for round in 1..=options.rounds {
        let load = machine::load_average();
        run.report.circumstances.load_averages.push(load);
        for &kib in &options.blocks {
            eprintln!("round {round} of {}: {kib} KiB", options.rounds);
            run.measure(round, kib)?;
        }
        run.contestants.rotate_left(1);
    }
    if options.liveness > 0 {
        run.report.latencies = liveness::measure(&run.setup, options.liveness)?;
    }
    print!("{}", run.report.markdown());
    if let Some(path) = &options.output {
        let write = |extension: &str, text: String| {
            let path = path.with_added_extension(extension);
            std::fs::write(&path, text).with_context(|| path.display().to_string())
        };
        write("md", run.report.markdown())?;
        write("json", run.report.json()?)?;
    }
    for who in &run.report.circumstances.left_out {
        eprintln!("LEFT OUT: {who}");
    }
    Ok(())
}

/// A run under way.
struct Run<'a> {
    options: &'a Options,
    setup: Setup,
    /// Those that are still in, in the order of the next round.
    contestants: Vec<Contestant>,
    report: Report,
}

impl<'a> Run<'a> {
    fn new(options: &'a Options) -> Self {
        let setup = Setup {
            capstan: options.capstan.clone(),
            directory: options.directory.clone().unwrap_or_else(std::env::temp_dir),
        };
        let ours = options.compression.iter().cloned();
        let peers = options.peers.iter().copied();
        let contestants: Vec<Contestant> = ours
            .map(|compression| Contestant::Capstan { compression })
            .chain(peers.map(Contestant::Peer))
            .collect();
        let mut versions: Vec<String> = contestants
            .iter()
            .filter_map(|contestant| contestant.version(&setup))
            .collect();
        versions.dedup();
        let report = Report::new(Circumstances {
            revision: options.revision.clone(),
            machine: Machine::this(),
            versions,
            random_percent: options.random,
            amount_mib: options.amount,
            load_averages: Vec::new(),
            left_out: Vec::new(),
        });
        Self {
            options,
            setup,
            contestants,
            report,
        }
    }

    /// Measures one block size once: limits and contestants.
    fn measure(&mut self, round: u32, kib: u64) -> Result<()> {
        let block = pattern(kib << 10, self.options.random)?;
        let count = (self.options.amount << 10) / kib;
        let cell = |way| Cell {
            round,
            way,
            kib,
            bytes: count * block.len() as u64,
        };
        let exchange = Subject::new(Kind::Exchange, "exchange");
        for way in Way::ALL {
            let timing = limit::exchange(way, block.len(), count)?;
            self.report.add(cell(way), &exchange, &timing, None);
        }
        let page_cache = Subject::new(Kind::PageCache, "page cache");
        let timings = limit::page_cache(&self.setup.directory, &block, count)?;
        for (way, timing) in Way::ALL.into_iter().zip(timings) {
            self.report.add(cell(way), &page_cache, &timing, None);
        }

        for contestant in self.contestants.clone() {
            let subject = Subject::new(contestant.kind(), &contestant.name());
            match self.contest(&contestant, &block, count) {
                Ok(figures) => {
                    for (way, (timing, cpu)) in Way::ALL.into_iter().zip(figures) {
                        self.report.add(cell(way), &subject, &timing, Some(cpu));
                    }
                }
                Err(error) if subject.kind == Kind::Peer => {
                    let why = format!("{}, from round {round}, {kib} KiB: {error:#}", subject.name);
                    eprintln!("LEFT OUT: {why}");
                    self.report.circumstances.left_out.push(why);
                    self.contestants.retain(|other| *other != contestant);
                }
                Err(error) => bail!("{}: {error:#}", subject.name),
            }
        }
        Ok(())
    }

    /// Has `contestant` write and read; returns time and CPU seconds of each.
    fn contest(
        &self,
        contestant: &Contestant,
        block: &Bytes,
        count: u64,
    ) -> Result<[(Timing, f64); 2]> {
        let mut running = contestant.start(&self.setup)?;
        let drive = &mut running.drive;
        let write = running
            .server
            .timed(|| drive.write_file(block, count))
            .context("write")?;
        drive.rewind()?;
        let read = running
            .server
            .timed(|| drive.read_file(block, count))
            .context("read")?;
        Ok([write, read])
    }
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
