//! The command line: `capstan serve`, and verbs that ask a running gateway.

pub mod at_rest;
pub mod cartridge;
pub mod catalog;
pub mod changer;
pub mod client;
pub mod config;
pub mod documents;
pub mod drive;
pub mod export;
pub mod fault;
pub mod import;
pub mod key;
mod log;
mod offline;
pub mod profile;
pub mod reservation;
pub mod serve;
pub mod session;
pub mod show;
pub mod status;
pub mod table;
pub mod tape;
pub mod trace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::client::Client;
use crate::config::load::Loaded;
use crate::config::{ConfigError, LibraryName, Overrides, load};
use crate::convert::brake::Halt;

/// A self-hosted tape gateway: a media changer and tape drives over iSCSI, cartridges on disk.
#[derive(Debug, Parser)]
#[command(name = "capstan", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What all verbs understand.
    #[command(flatten)]
    pub global: Global,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What all verbs understand.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The data directory: which gateway is meant [default: ./capstan-data]
    #[arg(long, global = true, value_name = "DIR", env = "CAPSTAN_DATA")]
    pub data: Option<PathBuf>,
    /// The configuration file; none is read without this
    #[arg(long, global = true, value_name = "FILE", env = "CAPSTAN_CONFIG")]
    pub config: Option<PathBuf>,
    /// The library of the gateway that is meant, where there are several
    #[arg(long, global = true, value_name = "NAME")]
    pub library: Option<LibraryName>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the gateway in the foreground until SIGTERM or Ctrl-C
    Serve(serve::Serve),
    /// Show portals, sessions, drives, slots and storage of a running gateway
    Status(status::Status),
    /// Create, list, show and delete tapes
    #[command(subcommand)]
    Tape(tape::Tape),
    /// List the changer's elements, move tapes between them, open the import/export station
    #[command(subcommand)]
    Changer(changer::Changer),
    /// List, load and unload drives
    #[command(subcommand)]
    Drive(drive::Drive),
    /// List, show and drop the sessions of initiators
    #[command(subcommand)]
    Session(session::Session),
    /// List who has reserved which device, and take reservations away
    #[command(subcommand)]
    Reservation(reservation::Reservation),
    /// Order faults, to see what backup software makes of them
    #[command(subcommand)]
    Fault(fault::Fault),
    /// Show the last commands that a device was sent, and what became of them
    Trace(trace::Trace),
    /// Check the files of cartridges, look into them, rescue what is on damaged ones
    #[command(subcommand)]
    Cartridge(cartridge::Cartridge),
    /// Make keys for encryption at rest, list them, move tapes to a new one
    #[command(subcommand)]
    Key(key::Key),
    /// Repair the catalogue
    #[command(subcommand)]
    Catalog(catalog::Catalog),
    /// Import tapes of mhvtl, tgt and SIMH, and plain files, while no gateway runs
    #[command(subcommand)]
    Import(import::Import),
    /// Export tapes to SIMH images or plain files, while no gateway runs
    #[command(subcommand)]
    Export(export::Export),
    /// List, show and check the models that drives and changers can be
    #[command(subcommand)]
    Profile(profile::Profile),
    /// Show or check the configuration
    #[command(subcommand)]
    Config(config::Config),
    /// Print completions for a shell
    ///
    /// For bash: capstan completions bash > /usr/share/bash-completion/completions/capstan
    Completions(documents::Completions),
    /// Write the manual pages
    Man(documents::Man),
}

/// Runs the verb, tells a person what goes wrong, and returns the exit status.
pub fn run(cli: Cli) -> ExitCode {
    run_verb(cli.verb, &cli.global).unwrap_or_else(|error| {
        complain(&error);
        of_signal(&error).unwrap_or(ExitCode::FAILURE)
    })
}

/// What a shell says of a program that a signal has ended.
fn of_signal(error: &anyhow::Error) -> Option<ExitCode> {
    match error.downcast_ref() {
        Some(Halt::Interrupted { signal }) => {
            Some(u8::try_from(128 + signal).map_or(ExitCode::FAILURE, ExitCode::from))
        }
        _ => None,
    }
}

fn run_verb(verb: Verb, global: &Global) -> anyhow::Result<ExitCode> {
    let done = match verb {
        Verb::Cartridge(verb) => return Ok(verb.run(global)),
        Verb::Serve(verb) => verb.run(global),
        Verb::Status(verb) => verb.run(&global.library()?),
        Verb::Tape(verb) => verb.run(&global.library()?),
        Verb::Changer(verb) => verb.run(&global.library()?),
        Verb::Drive(verb) => verb.run(&global.library()?),
        Verb::Session(verb) => verb.run(&global.client()?),
        Verb::Reservation(verb) => verb.run(&global.library()?),
        Verb::Fault(verb) => verb.run(&global.library()?),
        Verb::Trace(verb) => verb.run(&global.library()?),
        Verb::Key(verb) => verb.run(global),
        Verb::Catalog(verb) => verb.run(global),
        Verb::Import(verb) => verb.run(global),
        Verb::Export(verb) => verb.run(global),
        Verb::Profile(verb) => verb.run(global),
        Verb::Config(verb) => verb.run(global),
        Verb::Completions(verb) => verb.run(),
        Verb::Man(verb) => verb.run(),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Tells a person what went wrong.
fn complain(error: &anyhow::Error) {
    eprintln!("capstan: {}", with_causes(error));
}

/// Returns the error with its causes, each once: some errors tell their cause themselves, because in
/// the log they stand alone.
pub(crate) fn with_causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

impl Global {
    /// Returns the configuration with `overrides`, to which the data directory is added.
    pub fn load(&self, overrides: Overrides) -> Result<Loaded, ConfigError> {
        let overrides = Overrides {
            data: self.data.clone(),
            ..overrides
        };
        load(self.config.as_deref(), overrides)
    }

    /// Returns a client of the library that is meant.
    fn library(&self) -> anyhow::Result<Client> {
        Ok(self.client()?.about(self.library.clone()))
    }

    /// Returns a client of the gateway that is meant.
    ///
    /// With `--data` the configuration file is not needed, and a verb works although only the
    /// daemon may read the secrets that the file names.
    fn client(&self) -> anyhow::Result<Client> {
        if let Some(data) = &self.data {
            return Ok(Client::new(data));
        }
        Ok(Client::new(&self.load(Overrides::default())?.config.data))
    }
}

const EXAMPLES: &str = "\
Examples:
  capstan serve                            data in ./capstan-data, portal on 127.0.0.1:3260
  capstan serve --data /srv/tapes --listen 0.0.0.0 --listen [::]
  capstan status
  capstan tape create --count 5 --prefix CAP --media LTO-5
  capstan changer move slot:3 drive:1
  capstan drive load 0 CAP001L5
  capstan session list
  capstan --data /srv/tapes drive unload 0
  capstan --library east tape list
  capstan --data /srv/tapes import mhvtl /etc/mhvtl --dry-run
  capstan --data /srv/tapes export simh CAP001L5 --output /mnt/usb";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let disk = std::io::Error::other("disk on fire");
        let error = anyhow::Error::new(disk).context("cannot open x");
        assert_eq!(with_causes(&error), "cannot open x: disk on fire");
        let again = error.context("label: cannot open x: disk on fire");
        assert_eq!(with_causes(&again), "label: cannot open x: disk on fire");
    }
}
