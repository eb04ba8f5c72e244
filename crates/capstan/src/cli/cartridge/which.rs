//! Which cartridges are meant, and that nobody writes to them meanwhile.
//!
//! A cartridge below a data directory is taken together with the lock on that directory, so that no gateway
//! starts meanwhile. Where a gateway runs it is asked: a tape in a drive is refused, for what is read of it
//! may be half written; others may be read.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use cartridge::{LocalStore, read_label};

use tape_library::ElementName;

use crate::api::types::{Place, Tape};
use crate::cli::Global;
use crate::cli::client::Client;
use crate::config::{LibraryName, Overrides};
use crate::gateway::libraries;
use crate::gateway::lock::DataLock;

/// The directories of cartridges, and what keeps others away from them.
pub(super) struct Chosen {
    pub(super) directories: Vec<PathBuf>,
    _locks: Vec<DataLock>,
}

impl Chosen {
    /// Finds cartridges by barcode or by the path of their directory; with `all` every one of the
    /// library.
    pub(super) fn find(global: &Global, names: &[String], all: bool) -> anyhow::Result<Self> {
        let mut directories = Vec::new();
        let mut datas: Vec<(PathBuf, LibraryName)> = Vec::new();
        let mut own: Option<Vec<(PathBuf, Option<String>)>> = None;
        let library = global.library.clone().unwrap_or_else(LibraryName::main);
        let mut list = |own: &mut Option<Vec<_>>| -> anyhow::Result<()> {
            if own.is_none() {
                let data = data_directory(global)?;
                let folder = libraries::directory(&data, &library).join("cartridges");
                *own = Some(cartridges_below(&folder)?);
                datas.push((data, library.clone()));
            }
            Ok(())
        };
        for name in names {
            let path = Path::new(name);
            if path.is_dir() {
                directories.push(path.to_owned());
                continue;
            }
            list(&mut own)?;
            let known = own.iter().flatten();
            let mut found = known.filter(|(_, barcode)| barcode.as_deref() == Some(name));
            let Some((directory, _)) = found.next() else {
                bail!(
                    "{name}: neither a directory nor the barcode of a cartridge of library {library} whose label is good"
                );
            };
            ensure!(
                found.next().is_none(),
                "{name}: several cartridges have this barcode; name the directory"
            );
            directories.push(directory.clone());
        }
        if all {
            list(&mut own)?;
            directories.extend(own.into_iter().flatten().map(|(directory, _)| directory));
        }
        for directory in &directories {
            if let Some(place) = below_data(directory)
                && !datas.contains(&place)
            {
                datas.push(place);
            }
        }
        let (locks, in_drives) = keep_away(&datas)?;
        for (uuid, barcode) in in_drives {
            let before = directories.len();
            directories.retain(|directory| !directory.ends_with(&uuid));
            let meant = directories.len() < before;
            let refusal = format!("{barcode}: is in a drive of a running gateway");
            ensure!(!meant || all, "{refusal}; unload it first");
            if meant {
                eprintln!("capstan: {refusal}: left out");
            }
        }
        Ok(Self {
            directories,
            _locks: locks,
        })
    }
}

fn data_directory(global: &Global) -> anyhow::Result<PathBuf> {
    if let Some(data) = &global.data {
        return Ok(data.clone());
    }
    Ok(global.load(Overrides::default())?.config.data)
}

/// The cartridges in a folder, with their barcodes where the label is good, in order.
fn cartridges_below(folder: &Path) -> anyhow::Result<Vec<(PathBuf, Option<String>)>> {
    let entries = std::fs::read_dir(folder).with_context(|| {
        format!(
            "there is no library at {}; name the data directory with --data DIR",
            folder.display()
        )
    })?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            let label = read_label(&LocalStore::new(&path)).ok();
            found.push((path, label.map(|label| label.barcode)));
        }
    }
    found.sort_by(|one, other| (&one.1, &one.0).cmp(&(&other.1, &other.0)));
    Ok(found)
}

/// Returns the data directory and the library that `directory` lies in, if that is so.
fn below_data(directory: &Path) -> Option<(PathBuf, LibraryName)> {
    let directory = directory.canonicalize().ok()?;
    let folder = directory.parent()?;
    let root = folder.parent().filter(|_| folder.ends_with("cartridges"))?;
    if root.join("lock").exists() {
        return Some((root.to_owned(), LibraryName::main()));
    }
    let name = root.file_name()?.to_str()?.parse().ok()?;
    let data = root.parent()?.parent()?;
    data.join("lock").exists().then(|| (data.to_owned(), name))
}

/// Uuid and barcode of each tape in a drive.
type InDrives = Vec<(String, String)>;

/// Takes the locks of `datas`; where a gateway runs, asks it which tapes are in drives.
fn keep_away(datas: &[(PathBuf, LibraryName)]) -> anyhow::Result<(Vec<DataLock>, InDrives)> {
    let (mut locks, mut in_drives) = (Vec::new(), Vec::new());
    let mut locked: Vec<&Path> = Vec::new();
    for (data, library) in datas {
        let client = Client::new(data).about(Some(library.clone()));
        if client.daemon_answers() {
            let tapes: Vec<Tape> = client.get("/api/v1/tapes")?;
            let moving = |tape: &Tape| matches!(tape.place, Some(Place(ElementName::Drive(_))));
            let tapes = tapes.into_iter().filter(moving);
            in_drives.extend(tapes.map(|tape| (tape.uuid, tape.barcode)));
        } else if !locked.contains(&data.as_path()) {
            locks.push(DataLock::take(data)?);
            locked.push(data);
        }
    }
    Ok((locks, in_drives))
}
