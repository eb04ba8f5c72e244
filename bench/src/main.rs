//! Measures the gateway against its peers and the limits of the machine, interleaved, in one run.
//!
//! Each round does, for each block size: the limits, then every contestant in turn. A contestant is
//! started afresh, its drive is written up to a filemark, rewound and read back. The order of the
//! contestants moves on by one from round to round, so that nobody always follows the same neighbour.
//! See README.md for how to read what comes out.

mod contestant;
mod cpus;
mod in_flight;
mod laps;
mod limit;
mod liveness;
mod machine;
mod null;
mod report;
mod run;
mod server;
mod session;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use contestant::Peer;
use run::Run;

/// Measures the gateway, other targets, and the machine's limits.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct CommandLine {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What to be instead.
#[derive(Subcommand)]
enum Role {
    /// Serve drives whose cartridges keep nothing, until killed. The benchmark starts this itself.
    ServeNull {
        /// Where to listen.
        address: SocketAddr,
        /// How many drives.
        drives: u16,
    },
}

/// What is measured.
#[derive(Args)]
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
    /// How much is written and read for each block size with one command at a time.
    #[arg(long, default_value_t = 128, value_name = "MIB")]
    amount: u64,
    /// Block sizes in KiB; tgt takes no more than 1024.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "64,256,1024",
        value_name = "KIB"
    )]
    blocks: Vec<u64>,
    /// How many commands at a time, besides one; 1 leaves this out.
    #[arg(long, default_value_t = 4)]
    depth: u64,
    /// How many of our drives at once, besides one, each with half the amount; 1 leaves this out.
    #[arg(long, default_value_t = 4)]
    drives: u16,
    /// How many TEST UNIT READY are timed in each round; 0 leaves this out.
    #[arg(long, default_value_t = 4000)]
    round_trips: u64,
    /// Leave out the gateway with null cartridges.
    #[arg(long)]
    no_null: bool,
    /// How our drives compress: none, lz4, zstd or lzo; peers never do. Nothing leaves us out.
    #[arg(long, value_delimiter = ',', num_args = 0.., default_value = "none,zstd")]
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
    /// Let client and target share CPUs while there is one session, too.
    #[arg(long)]
    unpinned: bool,
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
    let CommandLine { options, role } = CommandLine::parse();
    if let Some(Role::ServeNull { address, drives }) = role {
        return null::serve(address, drives);
    }
    let mut run = Run::new(&options)?;
    for round in 1..=options.rounds {
        run.round(round)?;
    }
    if options.liveness > 0 {
        run.liveness()?;
    }
    let report = run.report();
    print!("{}", report.markdown());
    if let Some(path) = &options.output {
        let write = |extension: &str, text: String| {
            let path = path.with_added_extension(extension);
            std::fs::write(&path, text).with_context(|| path.display().to_string())
        };
        write("md", report.markdown())?;
        write("json", report.json()?)?;
    }
    for who in &report.circumstances.left_out {
        eprintln!("LEFT OUT: {who}");
    }
    Ok(())
}
