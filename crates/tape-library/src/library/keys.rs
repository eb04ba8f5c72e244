//! Keys of cartridges that are encrypted at rest: which open them, wrapping them anew, destroying them.

use std::path::Path;

use cartridge::{KeyFile, KeyId, KeyRing, LocalStore};
use uuid::Uuid;

use super::OfflineLibrary;
use super::robot::Robot;
use crate::error::Error;

impl super::Library {
    /// Returns the key-encryption keys, that for new cartridges first.
    pub fn keys(&self) -> &KeyRing {
        &self.robot.settings().keys
    }

    /// Returns which key-encryption keys it takes to open a cartridge; none when it is not encrypted at
    /// rest, or blank. Reads one small file.
    pub fn key_ids(&self, cartridge: Uuid) -> Result<Vec<KeyId>, cartridge::Error> {
        key_ids(&self.robot.directory(cartridge), cartridge)
    }

    /// Wraps the key of a cartridge under the first key-encryption key. Returns whether it was under
    /// another one. Refused while the cartridge is in a drive. Durable when it returns.
    pub fn rewrap_key(&self, barcode: &str) -> Result<bool, Error> {
        self.robot.rewrap_key(barcode)
    }

    /// Destroys the key of a cartridge: what is on it can never be read again, and it is blank. Refused
    /// while it is in a drive. Durable when it returns.
    pub fn crypto_erase(&self, barcode: &str) -> Result<(), Error> {
        self.robot.crypto_erase(barcode)
    }
}

impl OfflineLibrary {
    /// Returns which key-encryption keys it takes to open a cartridge; none when it is not encrypted at
    /// rest, or blank. Reads one small file.
    pub fn key_ids(&self, cartridge: Uuid) -> Result<Vec<KeyId>, cartridge::Error> {
        key_ids(&self.directory(cartridge), cartridge)
    }
}

impl Robot {
    fn rewrap_key(&self, barcode: &str) -> Result<bool, Error> {
        let _arm = self.arm();
        let record = self.outside_of_drives(barcode)?;
        let mut store = LocalStore::new(self.directory(record.uuid));
        let settings = self.settings();
        let environment = &*settings.environment;
        let changed = cartridge::rewrap_key(&mut store, record.uuid, &settings.keys, environment)
            .map_err(of_cartridge(barcode))?;
        if changed {
            tracing::info!(cartridge = barcode, "key wrapped anew");
        }
        Ok(changed)
    }

    fn crypto_erase(&self, barcode: &str) -> Result<(), Error> {
        let _arm = self.arm();
        let record = self.outside_of_drives(barcode)?;
        let mut store = LocalStore::new(self.directory(record.uuid));
        cartridge::crypto_erase(&mut store).map_err(of_cartridge(barcode))?;
        tracing::info!(cartridge = barcode, "key destroyed; the cartridge is blank");
        // What it held is of no use to anybody: the files go now.
        let opened = self.open_files(record.uuid);
        opened
            .and_then(cartridge::Cartridge::unload)
            .map_err(of_cartridge(barcode))
    }
}

fn key_ids(directory: &Path, cartridge: Uuid) -> Result<Vec<KeyId>, cartridge::Error> {
    let file = KeyFile::read(&LocalStore::new(directory), cartridge)?;
    Ok(file.map_or_else(Vec::new, |file| file.key_ids()))
}

fn of_cartridge(barcode: &str) -> impl FnOnce(cartridge::Error) -> Error {
    let barcode = barcode.to_owned();
    move |source| Error::Cartridge { barcode, source }
}
