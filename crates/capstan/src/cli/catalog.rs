//! `capstan catalog`: repair while no gateway runs.

use clap::Subcommand;
use tape_library::Library;

use super::Global;
use super::offline::Offline;
use super::show::{count, say};
use crate::config::Overrides;

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
        let offline = Offline::take(global, &config)?;
        let report = Library::rebuild(&offline.directory)?;
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
