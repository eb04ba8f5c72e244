//! `capstan export`: copies of tapes for other programs.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tape_library::OfflineLibrary;

use super::Global;
use super::at_rest::AtRest;
use super::import::verdict;
use super::offline::Offline;
use super::show::Format;
use crate::convert::brake::Brake;
use crate::convert::export::{ExportFormat, ExportOptions, export};
use crate::convert::report::text;
use crate::gateway::libraries;

/// `capstan export`
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Write SIMH tape images: BARCODE.tap
    #[command(after_long_help = EXAMPLES)]
    Simh(Tapes),
    /// Write plain files: a directory BARCODE with a file for each file of the tape, and a manifest
    #[command(after_long_help = EXAMPLES)]
    Files(Tapes),
}

/// What is exported.
#[derive(Debug, Args)]
pub struct Tapes {
    /// The barcodes
    #[arg(required = true)]
    barcodes: Vec<String>,
    /// The directory to write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// The partition, of a tape that has several
    #[arg(long, value_name = "N", default_value_t = 0)]
    partition: u8,
    /// Leave out what is damaged
    #[arg(long)]
    keep_going: bool,
    /// Keys.
    #[command(flatten)]
    at_rest: AtRest,
    /// How to print.
    #[command(flatten)]
    format: Format,
}

impl Export {
    /// Exports and prints.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let (format, tapes) = match self {
            Self::Simh(tapes) => (ExportFormat::Simh, tapes),
            Self::Files(tapes) => (ExportFormat::Files, tapes),
        };
        let config = tapes.at_rest.load(global)?.config;
        let offline = Offline::take(global, &config)?;
        let library = OfflineLibrary::open(&offline.directory)?;
        let settings = libraries::cartridge_settings(&config)?;
        let options = ExportOptions {
            format,
            output: tapes.output,
            partition: tapes.partition,
            keep_going: tapes.keep_going,
        };
        let brake = Brake::on_signals()?;
        let barcodes = tapes.barcodes.iter();
        let reports: Vec<_> = barcodes
            .map(|barcode| export(&library, &settings, &options, barcode, &brake))
            .collect();
        library.close()?;
        tapes.format.print(&reports, |reports| text(reports))?;
        verdict(&reports, &brake)
    }
}

const EXAMPLES: &str = "\
The gateway of the data directory must not run. What is there already is never replaced; what was written was read
again and found to be the same. Blocks that a host has encrypted cannot be exported.

Examples:
  capstan --data /srv/tapes export simh CAP001L5 CAP002L5 --output /mnt/usb
  capstan --data /srv/tapes export files CAP001L5";
