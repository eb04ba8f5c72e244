//! Measures the gateway against its peers and the limits of the machine, interleaved, in one run.
//!
//! A run is a list of steps (`plan`); each starts a contestant afresh, or nobody for a limit, and does
//! one kind of thing to it (`measure`, `limit`). What was measured goes to a journal, step by step, and
//! in the end into a report that says of each target whether it is reached. See README.md for how to
//! read what comes out.

mod cell;
mod contestant;
mod cpus;
mod data;
mod extent;
mod in_flight;
mod journal;
mod limit;
mod liveness;
mod machine;
mod measure;
mod null;
mod plan;
mod report;
mod run;
mod server;
mod session;
mod statistics;
mod subject;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use extent::{Extent, Options};
use report::Report;
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

/// What to do instead.
#[derive(Subcommand)]
enum Role {
    /// Serve drives whose cartridges keep nothing, until killed. The benchmark starts this itself.
    ServeNull {
        /// Where to listen.
        address: SocketAddr,
        /// How many drives.
        drives: u16,
    },
    /// Write the tables of a report anew from its JSON.
    Report {
        /// The path without ".json".
        path: PathBuf,
    },
}

fn main() -> Result<()> {
    let CommandLine { options, role } = CommandLine::parse();
    match role {
        Some(Role::ServeNull { address, drives }) => return null::serve(address, drives),
        Some(Role::Report { path }) => {
            let json = std::fs::read_to_string(path.with_added_extension("json"))?;
            return write(&path, "md", Report::parse(&json)?.markdown());
        }
        None => {}
    }
    if options.list {
        for step in plan::steps(&Extent::new(&options), &options.only) {
            println!("{step}");
        }
        return Ok(());
    }
    let report = Run::new(&options)?.finish()?;
    print!("{}", report.markdown());
    if let Some(path) = &options.output {
        write(path, "md", report.markdown())?;
        write(path, "json", report.json()?)?;
    }
    for who in &report.circumstances.left_out {
        eprintln!("LEFT OUT: {who}");
    }
    Ok(())
}

fn write(path: &Path, extension: &str, text: String) -> Result<()> {
    let path = path.with_added_extension(extension);
    std::fs::write(&path, text).with_context(|| path.display().to_string())
}
