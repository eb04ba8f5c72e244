//! A new catalogue from the cartridges' own labels, after the old one was lost.
//!
//! What is on the cartridges is untouched, and the gateway keeps its identity. What only the
//! catalogue knew is lost: where the cartridges were. They are put into the slots in the order of
//! their barcodes, then into the import/export elements; what finds no room is in no element.
//!
//! # Crash
//! The new catalogue is made beside the old one, which is then kept as `catalog.sqlite.old`, or
//! `catalog.sqlite.old.2` and so on: no copy replaces another.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cartridge::{Label, LocalStore, SegmentStore as _, read_label};
use scsi::ElementAddress;
use scsi::smc::ElementType;
use uuid::Uuid;

use crate::element::Layout;
use crate::error::Error;
use crate::gateway::{Gateway, cartridges_directory, sync_directory};
use crate::inventory::{CartridgeRecord, CartridgeState, Inventory};

/// What a rebuild found.
#[derive(Debug, PartialEq, Eq)]
pub struct RebuildReport {
    /// The cartridges that are in the new catalogue, ordered by barcode.
    pub found: Vec<CartridgeRecord>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
}

/// A directory that was not taken for a cartridge.
#[derive(Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The directory.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl super::Library {
    /// Makes a new catalogue from the labels of the cartridges below `data`. The library must not be
    /// open. Durable when it returns.
    pub fn rebuild(data: &Path) -> Result<RebuildReport, Error> {
        let gateway = Gateway::read(data)?;
        let layout = gateway.machine.layout()?;
        let mut skipped = Vec::new();
        let mut labels = read_labels(&cartridges_directory(data), &mut skipped)?;
        labels.sort_by(|one, other| one.order().cmp(&other.order()));
        skip_duplicates(&mut labels, &mut skipped);
        let found = place(labels.into_iter().map(|found| found.label), &layout);

        let path = Inventory::path(data);
        let new = data.join("catalog.sqlite.new");
        remove_if_there(&new)?;
        let mut inventory = Inventory::create(&new, &gateway, &layout)?;
        inventory.insert(&found)?;
        inventory.close()?;
        set_aside(data, &path)?;
        fs::rename(&new, &path).map_err(Error::io(&path))?;
        sync_directory(data)?;
        let (cartridges, left_out) = (found.len(), skipped.len());
        tracing::info!(cartridges, left_out, "catalogue rebuilt");
        Ok(RebuildReport { found, skipped })
    }
}

/// A cartridge's directory.
struct Found {
    path: PathBuf,
    label: Label,
    /// Nothing was ever written to it.
    blank: bool,
}

impl Found {
    /// By barcode. Of several with one barcode the first one keeps it: one that holds data before one
    /// that a creation left behind when it was interrupted, then the oldest.
    fn order(&self) -> (&str, bool, u64) {
        (&self.label.barcode, self.blank, self.label.created_unix_ms)
    }
}

fn read_labels(directory: &Path, skipped: &mut Vec<Skipped>) -> Result<Vec<Found>, Error> {
    let mut labels = Vec::new();
    for entry in fs::read_dir(directory).map_err(Error::io(directory))? {
        let path = entry.map_err(Error::io(directory))?.path();
        match read(&path) {
            Ok((label, blank)) => labels.push(Found { path, label, blank }),
            Err(reason) => skipped.push(Skipped { path, reason }),
        }
    }
    Ok(labels)
}

/// Returns the label, and whether the cartridge is blank.
fn read(path: &Path) -> Result<(Label, bool), String> {
    let name = path.file_name().and_then(|name| name.to_str());
    let uuid = name.and_then(|name| Uuid::parse_str(name).ok());
    let uuid = uuid.ok_or("the name is not a cartridge's identifier")?;
    let store = LocalStore::new(path);
    let label = read_label(&store).map_err(|error| error.to_string())?;
    if label.uuid != uuid {
        return Err(format!("the label is that of cartridge {}", label.uuid));
    }
    let segments = store.segments().map_err(|error| error.to_string())?;
    Ok((label, segments.is_empty()))
}

/// Of several cartridges with one barcode the first keeps it.
fn skip_duplicates(labels: &mut Vec<Found>, skipped: &mut Vec<Skipped>) {
    let mut seen = HashSet::new();
    labels.retain(|Found { path, label, blank }| {
        let first = seen.insert(label.barcode.clone());
        if !first {
            let barcode = &label.barcode;
            skipped.push(Skipped {
                path: path.clone(),
                reason: if *blank {
                    format!("is blank, and barcode {barcode} is on another cartridge too")
                } else {
                    format!("barcode {barcode} is on an older cartridge too")
                },
            });
        }
        first
    });
}

fn place(labels: impl Iterator<Item = Label>, layout: &Layout) -> Vec<CartridgeRecord> {
    let slots = layout.range(ElementType::Storage);
    let ports = layout.range(ElementType::ImportExport);
    let mut elements = slots.chain(ports).map(ElementAddress);
    labels
        .map(|label| CartridgeRecord {
            uuid: label.uuid,
            barcode: label.barcode,
            media: label.media,
            capacity_bytes: label.capacity_bytes,
            created_unix_ms: label.created_unix_ms,
            element: elements.next(),
            source: None,
            state: CartridgeState::Present,
            write_protected: label.write_protected,
            archive_intent: None,
        })
        .collect()
}

/// Renames the old catalogue, and removes what belongs to it: a log left beside the new one would be
/// taken for its own. The old log goes along, so that nothing is lost to whoever looks into it.
fn set_aside(data: &Path, path: &Path) -> Result<(), Error> {
    let old = free_name(data);
    for suffix in ["", "-wal"] {
        let kept = with_suffix(&old, suffix);
        let from = with_suffix(path, suffix);
        if from.exists() {
            fs::rename(&from, &kept).map_err(Error::io(&from))?;
        }
    }
    remove_if_there(&with_suffix(path, "-shm"))
}

/// Returns the first of `catalog.sqlite.old`, `catalog.sqlite.old.2` and so on that is not there: the
/// oldest one may be the only record of where the cartridges were.
fn free_name(data: &Path) -> PathBuf {
    let numbered = (2_u32..).map(|number| format!("catalog.sqlite.old.{number}"));
    let mut names = std::iter::once("catalog.sqlite.old".to_owned())
        .chain(numbered)
        .map(|name| data.join(name));
    let is_free = |name: &PathBuf| {
        let parts = ["", "-wal"].map(|suffix| with_suffix(name, suffix));
        !parts.iter().any(|part| part.exists())
    };
    names
        .find(is_free)
        .expect("a directory does not hold every name there is")
}

/// Removes a catalogue with everything that belongs to it.
pub(super) fn remove_catalogue(data: &Path) -> Result<(), Error> {
    let path = Inventory::path(data);
    for suffix in ["", "-wal", "-shm"] {
        remove_if_there(&with_suffix(&path, suffix))?;
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
