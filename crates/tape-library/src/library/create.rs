//! Making a library.
//!
//! # Crash
//! `gateway.toml.new` is written first and becomes `gateway.toml` last. As long as it is unfinished
//! nobody has served the library, so the next attempt removes what the first one made and begins
//! again, with the same identity.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use cartridge::Environment;

use super::new_tapes::{self, BarcodeSource, NewTapes};
use super::rebuild::remove_catalogue;
use crate::error::Error;
use crate::gateway::{Gateway, cartridges_directory};
use crate::inventory::Inventory;
use crate::profile::{InitialCartridges, MachineSpec, Preset, Profiles};

/// What a new library shall be.
#[derive(Clone)]
pub struct NewLibrary {
    /// The preset.
    pub preset: Preset,
    /// The gateway's name; `None` for one made from its identifier.
    pub name: Option<String>,
    /// The machine, when it shall differ from the preset's.
    pub machine: Option<MachineSpec>,
    /// The cartridges that it is born with.
    pub cartridges: InitialCartridges,
    /// The profiles that it may be made of.
    pub profiles: Arc<Profiles>,
    /// Where the time and new identifiers come from.
    pub environment: Arc<dyn Environment>,
}

impl NewLibrary {
    /// Returns what `preset` says, with the system's clock and random numbers.
    pub fn of_preset(preset: Preset) -> Self {
        Self {
            preset,
            name: None,
            machine: None,
            cartridges: preset.initial_cartridges(),
            profiles: Arc::clone(Profiles::builtin()),
            environment: super::system_environment(),
        }
    }

    fn gateway(self) -> Result<Gateway, Error> {
        let id = self.environment.new_uuid();
        let name = self.name.unwrap_or_else(|| Gateway::default_name(id));
        Gateway::check_name(&name)?;
        let machine = self.machine.unwrap_or_else(|| self.preset.machine());
        Ok(Gateway {
            id,
            name,
            preset: self.preset,
            created_unix_ms: self.environment.now_unix_ms(),
            machine: machine.settled(&self.profiles)?,
        })
    }
}

impl super::Library {
    /// Makes a library below `data`, with the preset's cartridges. Durable when it returns; open it
    /// then. Refuses a directory that has a library or a part of one.
    pub fn create(data: &Path, new: NewLibrary) -> Result<Gateway, Error> {
        fs::create_dir_all(data).map_err(Error::io(data))?;
        let environment = Arc::clone(&new.environment);
        let cartridges = new.cartridges.clone();
        let gateway = match Gateway::read_unfinished(data)? {
            Some(gateway) if !Gateway::exists(data) => {
                remove_leftovers(data)?;
                gateway
            }
            _ => {
                refuse_what_is_there(data)?;
                let gateway = new.gateway()?;
                gateway.begin(data)?;
                gateway
            }
        };
        fill(data, &gateway, cartridges, &*environment)?;
        Gateway::finish(data)?;
        tracing::info!(
            gateway = gateway.name,
            preset = gateway.preset.name(),
            "library made"
        );
        Ok(gateway)
    }
}

fn fill(
    data: &Path,
    gateway: &Gateway,
    initial: InitialCartridges,
    environment: &dyn Environment,
) -> Result<(), Error> {
    let layout = gateway.machine.layout()?;
    let directory = cartridges_directory(data);
    fs::create_dir(&directory).map_err(Error::io(&directory))?;
    let mut inventory = Inventory::create(&Inventory::path(data), gateway, &layout)?;
    if initial.count > 0 {
        let tapes = NewTapes {
            count: initial.count,
            barcodes: BarcodeSource::Sequence {
                prefix: initial.barcode_prefix,
                first: 1,
            },
            media: None,
            form: None,
            capacity_bytes: None,
        };
        let records = new_tapes::plan(&tapes, gateway, &layout, &[], environment)?;
        for record in &records {
            new_tapes::create_files(&directory.join(record.uuid.to_string()), record)?;
        }
        inventory.insert(&records)?;
    }
    inventory.close()
}

/// Removes what an interrupted creation made. No initiator has ever seen it.
fn remove_leftovers(data: &Path) -> Result<(), Error> {
    remove_catalogue(data)?;
    let directory = cartridges_directory(data);
    match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(&directory)(error)),
        _ => Ok(()),
    }
}

fn refuse_what_is_there(data: &Path) -> Result<(), Error> {
    let directory = cartridges_directory(data);
    for path in [
        data.join("gateway.toml"),
        Inventory::path(data),
        directory.clone(),
    ] {
        // An empty directory for cartridges, perhaps a mount point, is in nobody's way.
        let empty = path == directory && fs::remove_dir(&path).is_ok();
        if !empty && path.exists() {
            return Err(Error::NotEmpty { path });
        }
    }
    Ok(())
}
