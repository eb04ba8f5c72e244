//! A library whose gateway does not run, for verbs that work on its files.

use std::path::PathBuf;

use tape_library::OfflineLibrary;

use super::Global;
use crate::config::{Config, LibraryName};
use crate::gateway::libraries;
use crate::gateway::lock::DataLock;

/// A library that nobody else has, until this is dropped.
pub(super) struct Offline {
    pub(super) name: LibraryName,
    pub(super) directory: PathBuf,
    _lock: DataLock,
}

impl Offline {
    /// Takes the library that is meant: it must be there, and there must be no doubt.
    pub(super) fn take(global: &Global, config: &Config) -> anyhow::Result<Self> {
        let name = which(global, config)?;
        let directory = libraries::directory(&config.data, &name);
        // Before the lock, which would make the directory.
        anyhow::ensure!(
            OfflineLibrary::exists(&directory),
            "{}: there is no library here; name the data directory with --data DIR, or make one with \
             `capstan serve`",
            directory.display()
        );
        let lock = DataLock::take(&config.data)?;
        Ok(Self {
            name,
            directory,
            _lock: lock,
        })
    }
}

fn which(global: &Global, config: &Config) -> anyhow::Result<LibraryName> {
    let others = libraries::on_disk(&config.data);
    match &global.library {
        Some(library) => Ok(library.clone()),
        None if others.is_empty() => Ok(LibraryName::main()),
        None => {
            let others: Vec<_> = others.iter().map(LibraryName::as_str).collect();
            anyhow::bail!(
                "there are several libraries: main, {}\nsay which one with --library NAME",
                others.join(", ")
            )
        }
    }
}
