//! The keys that cartridges on the disk need, whether a gateway runs or not.

use std::fs;
use std::path::{Path, PathBuf};

use cartridge::{KeyFile, KeyRing, LocalStore};
use uuid::Uuid;

use super::passphrase;
use crate::config::LibraryName;
use crate::gateway::libraries;

/// What keys the cartridges of a gateway need, beside those that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InUse {
    /// None is encrypted at rest, as far as anybody can tell.
    Nothing,
    /// Some are, and a key that is there opens one of them.
    Known,
    /// Some are, and none of the keys that are there opens any. Which they need; nothing when that cannot be
    /// told.
    Unknown(Vec<String>),
}

impl InUse {
    /// Looks at the cartridges of all libraries below `data`, as far as it takes. A key file that is damaged
    /// tells of encryption as well.
    pub fn below(data: &Path, keys: &KeyRing) -> Self {
        let mut needed = Vec::new();
        let mut is_any = keys.keys().is_empty() && passphrase::was_used(data);
        for file in key_files(data) {
            is_any = true;
            let Ok(file) = file else {
                continue;
            };
            for id in file.key_ids() {
                if keys.find(id).is_some() {
                    return Self::Known;
                }
                let id = id.to_string();
                if !needed.contains(&id) {
                    needed.push(id);
                }
            }
            if keys.keys().is_empty() {
                break; // one is enough to know
            }
        }
        if is_any {
            Self::Unknown(needed)
        } else {
            Self::Nothing
        }
    }
}

/// Reads the key files of all cartridges of all libraries below `data`: of those that are encrypted at rest.
pub fn key_files(data: &Path) -> impl Iterator<Item = Result<KeyFile, cartridge::Error>> {
    let others = libraries::on_disk(data).into_iter();
    let libraries = [LibraryName::main()].into_iter().chain(others);
    let directories: Vec<_> = libraries
        .map(|name| libraries::directory(data, &name))
        .collect();
    directories
        .into_iter()
        .flat_map(|library| cartridges(&library))
        .filter_map(|(directory, uuid)| {
            KeyFile::read(&LocalStore::new(&directory), uuid).transpose()
        })
}

fn cartridges(library: &Path) -> Vec<(PathBuf, Uuid)> {
    let entries = fs::read_dir(library.join("cartridges"));
    let entries = entries.into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| {
        let uuid = entry.file_name().to_str()?.parse().ok()?;
        Some((entry.path(), uuid))
    });
    named.collect()
}
