//! A library that nobody serves: for whoever brings cartridges into it, or takes copies out.
//!
//! # Crash
//! A cartridge that is brought in is made below `importing` and moved to its place when it is whole. Its
//! identifier is then among those whose files are to be removed, until the catalogue has the cartridge:
//! whenever it ends, the next who opens the library, in whatever way, finds the whole cartridge or
//! removes what there is of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cartridge::{Environment, LocalStore, SegmentStore as _};
use scsi::ElementAddress;
use uuid::Uuid;

use super::new_tapes;
use super::new_tapes::check_barcode;
use crate::element::Layout;
use crate::error::Error;
use crate::gateway::{Gateway, cartridges_directory, sync_directory};
use crate::inventory::{CartridgeRecord, CartridgeState, Inventory};
use crate::profile::Media;

/// A library that nobody serves. The caller sees to it that nobody else has it open.
#[derive(Debug)]
pub struct OfflineLibrary {
    data: PathBuf,
    gateway: Gateway,
    layout: Layout,
    inventory: Inventory,
}

/// What a cartridge that is brought in is.
#[derive(Clone, Debug)]
pub struct IncomingSpec {
    /// Its barcode.
    pub barcode: String,
    /// The kind of medium.
    pub media: &'static Media,
    /// Its native capacity.
    pub capacity_bytes: u64,
    /// Where it goes, if that is free; else to the first free slot.
    pub element: Option<ElementAddress>,
}

/// A cartridge on its way in. Dropping it removes its files.
#[derive(Debug)]
pub struct Incoming {
    record: CartridgeRecord,
    directory: PathBuf,
    is_taken: bool,
}

impl OfflineLibrary {
    /// Returns whether there is a library below `data`.
    pub fn exists(data: &Path) -> bool {
        Gateway::exists(data)
    }

    /// Opens the library below `data`, and removes what was left by whoever was interrupted.
    pub fn open(data: &Path) -> Result<Self, Error> {
        let gateway = Gateway::read(data)?;
        let layout = gateway.machine.layout()?;
        let mut inventory = Inventory::open(&Inventory::path(data), &gateway)?;
        remove_leftovers(data)?;
        for uuid in inventory.deletions()? {
            remove_cartridge_files(data, uuid)?;
            inventory.finish_deletion(uuid)?;
        }
        Ok(Self {
            data: data.to_owned(),
            gateway,
            layout,
            inventory,
        })
    }

    /// Returns what the machine is.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Returns which elements there are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns all cartridges, ordered by barcode.
    pub fn cartridges(&self) -> Result<Vec<CartridgeRecord>, Error> {
        self.inventory.cartridges()
    }

    /// Returns the cartridge that bears `barcode`.
    pub fn cartridge(&self, barcode: &str) -> Result<CartridgeRecord, Error> {
        let mut records = self.cartridges()?.into_iter();
        records
            .find(|record| record.barcode == barcode)
            .ok_or_else(|| Error::NoSuchCartridge {
                barcode: barcode.to_owned(),
            })
    }

    /// Returns the directory with the files of a cartridge.
    pub fn directory(&self, cartridge: Uuid) -> PathBuf {
        cartridges_directory(&self.data).join(cartridge.to_string())
    }

    /// Makes a blank cartridge that is not in the library yet.
    pub fn begin(
        &self,
        spec: IncomingSpec,
        environment: &dyn Environment,
    ) -> Result<Incoming, Error> {
        check_barcode(&spec.barcode)?;
        let existing = self.cartridges()?;
        if existing.iter().any(|it| it.barcode == spec.barcode) {
            return Err(Error::BarcodeTaken {
                barcode: spec.barcode,
            });
        }
        let is_free = |element: &ElementAddress| {
            self.layout.kind(*element).is_some()
                && !existing.iter().any(|it| it.element == Some(*element))
        };
        let element = match spec.element.filter(is_free) {
            Some(element) => element,
            None => new_tapes::free_slot(&self.gateway, &self.layout, &existing)?,
        };
        let record = CartridgeRecord {
            uuid: environment.new_uuid(),
            barcode: spec.barcode,
            media: spec.media.name.clone(),
            capacity_bytes: spec.capacity_bytes,
            created_unix_ms: environment.now_unix_ms(),
            element: Some(element),
            source: None,
            state: CartridgeState::Present,
            write_protected: false,
            archive_intent: None,
        };
        let parent = self.data.join(IMPORTING);
        match fs::create_dir(&parent) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io(&parent)(error));
            }
            _ => {}
        }
        let directory = parent.join(record.uuid.to_string());
        let incoming = Incoming {
            record,
            directory,
            is_taken: false,
        };
        new_tapes::create_files(&incoming.directory, &incoming.record)?;
        Ok(incoming)
    }

    /// Takes a cartridge into the library. `write_protected` is what its label says. Durable when it
    /// returns.
    pub fn take_in(
        &mut self,
        mut incoming: Incoming,
        write_protected: bool,
    ) -> Result<CartridgeRecord, Error> {
        let mut record = incoming.record.clone();
        record.write_protected = write_protected;
        sync_directory(&incoming.directory)?;
        self.inventory.expect(record.uuid)?;
        let directory = self.directory(record.uuid);
        fs::rename(&incoming.directory, &directory).map_err(Error::io(&directory))?;
        incoming.is_taken = true;
        sync_directory(&cartridges_directory(&self.data))?;
        self.inventory.insert_expected(&record)?;
        Ok(record)
    }

    /// Returns the catalogue, for tests of crashes.
    #[cfg(test)]
    pub(crate) fn inventory_for_tests(&mut self) -> &mut Inventory {
        &mut self.inventory
    }

    /// Closes the catalogue.
    pub fn close(self) -> Result<(), Error> {
        self.inventory.close()
    }
}

impl Incoming {
    /// Returns what the catalogue will say.
    pub fn record(&self) -> &CartridgeRecord {
        &self.record
    }

    /// Returns the directory with its files, for now.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the store of its files.
    pub fn store(&self) -> LocalStore {
        LocalStore::new(&self.directory)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.is_taken
            && let Err(error) = fs::remove_dir_all(&self.directory)
            && error.kind() != io::ErrorKind::NotFound
        {
            let path = self.directory.display();
            tracing::warn!(%path, %error, "a half of a cartridge stays behind until the next start");
        }
    }
}

/// The directory for cartridges that are not whole yet.
const IMPORTING: &str = "importing";

/// Removes cartridges that were on their way in when somebody was interrupted.
pub(super) fn remove_leftovers(data: &Path) -> Result<(), Error> {
    let directory = data.join(IMPORTING);
    match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(&directory)(error)),
        _ => Ok(()),
    }
}

/// Removes a cartridge's directory. It is no error when it is gone already.
pub(super) fn remove_cartridge_files(data: &Path, cartridge: Uuid) -> Result<(), Error> {
    let parent = cartridges_directory(data);
    let directory = parent.join(cartridge.to_string());
    // Whoever finds the blocks on the disk later on shall not be able to read them.
    if directory.exists() {
        let destroyed = LocalStore::new(&directory).destroy_key();
        destroyed.map_err(Error::io(&directory))?;
    }
    // The label goes first: without it a rebuild takes what a crash leaves for no cartridge.
    let label = directory.join("label");
    match fs::remove_file(&label) {
        Ok(()) => sync_directory(&directory)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io(&label)(error)),
    }
    match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(&directory)(error)),
        _ => sync_directory(&parent),
    }
}
