//! `capstan catalog`: repair while no gateway runs.

use clap::Subcommand;
use tape_library::Library;

use super::Global;
use super::show::{count, say};
use crate::config::{LibraryName, Overrides};
use crate::gateway::libraries;
use crate::gateway::lock::DataLock;

/// `capstan catalog`
#[derive(Debug, Subcommand)]
pub enum Catalog {
    /// Restore the catalogue from the cartridges' own files; refuses while a gateway runs
    Rebuild,
}

impl Catalog {
    /// Rebuilds and prints.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let Self::Rebuild = self;
        let config = global.load(Overrides::default())?.config;
        let others = libraries::on_disk(&config.data);
        let library = match &global.library {
            Some(library) => library.clone(),
            None if others.is_empty() => LibraryName::main(),
            None => anyhow::bail!(
                "there are several libraries: main, {}\nsay which one with --library NAME",
                others
                    .iter()
                    .map(LibraryName::as_str)
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        let directory = libraries::directory(&config.data, &library);
        // Before the lock, which would make the directory.
        anyhow::ensure!(
            Library::exists(&directory),
            "{}: there is no library here; name the data directory with --data DIR",
            directory.display()
        );
        let _lock = DataLock::take(&config.data)?;
        let report = Library::rebuild(&directory)?;
        for skipped in &report.skipped {
            say(format!(
                "left out {}: {}",
                skipped.path.display(),
                skipped.reason
            ))?;
        }
        for tape in report.found.iter().filter(|tape| tape.element.is_none()) {
            say(format!("{}: no slot is free for it", tape.barcode))?;
        }
        say(format!("{} found", count(report.found.len(), "tape")))
    }
}
