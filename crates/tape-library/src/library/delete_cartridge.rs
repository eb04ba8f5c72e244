//! Deleting a cartridge, and its write protect tab.
//!
//! # Crash
//! A deletion is written into the catalogue before the first file goes, and forgotten after the
//! last; a start finishes what was begun. The label is the first file, so that nothing comes back
//! when the catalogue is lost in between.

use scsi::smc::ElementType;
use uuid::Uuid;

use super::offline::remove_cartridge_files;
use super::robot::Robot;
use super::station::Asker;
use crate::error::Error;
use crate::inventory::CartridgeRecord;

impl super::Library {
    /// Deletes a cartridge and everything on it, for ever. Refused while it is in a drive, and while
    /// an initiator prevents medium removal from the library.
    pub fn delete_cartridge(&self, barcode: &str) -> Result<(), Error> {
        self.robot.delete_cartridge(barcode)
    }

    /// Sets or clears the write protect tab of a cartridge. Refused while it is in a drive.
    pub fn set_write_protected(&self, barcode: &str, write_protected: bool) -> Result<(), Error> {
        self.robot.set_write_protected(barcode, write_protected)
    }
}

impl Robot {
    fn delete_cartridge(&self, barcode: &str) -> Result<(), Error> {
        let mut inventory = self.arm();
        let record = self.outside_of_drives(barcode)?;
        if self.station().removal_is_prevented() {
            return Err(Error::RemovalPrevented {
                barcode: barcode.to_owned(),
            });
        }
        inventory.begin_deletion(record.uuid)?;
        self.map().remove(record.uuid);
        self.remove_files(record.uuid)?;
        inventory.finish_deletion(record.uuid)?;
        tracing::info!(cartridge = barcode, "deleted");
        self.tell_of_change(Asker::Operator, record.element);
        Ok(())
    }

    /// Finishes deletions that a crash interrupted.
    pub(super) fn finish_deletions(&self) -> Result<(), Error> {
        let mut inventory = self.arm();
        for uuid in inventory.deletions()? {
            self.remove_files(uuid)?;
            inventory.finish_deletion(uuid)?;
            tracing::info!(%uuid, "deletion finished");
        }
        Ok(())
    }

    fn set_write_protected(&self, barcode: &str, write_protected: bool) -> Result<(), Error> {
        let mut inventory = self.arm();
        let record = self.outside_of_drives(barcode)?;
        let set = || {
            let mut cartridge = self.open_files(record.uuid)?;
            cartridge.set_write_protected(write_protected)?;
            cartridge.unload()
        };
        set().map_err(|source| Error::Cartridge {
            barcode: barcode.to_owned(),
            source,
        })?;
        inventory.set_write_protected(record.uuid, write_protected)?;
        self.map().set_write_protected(record.uuid, write_protected);
        tracing::info!(
            cartridge = barcode,
            write_protected,
            "write protect tab set"
        );
        Ok(())
    }

    pub(super) fn outside_of_drives(&self, barcode: &str) -> Result<CartridgeRecord, Error> {
        let found = self.map().find(barcode).cloned();
        let record = found.ok_or_else(|| Error::NoSuchCartridge {
            barcode: barcode.to_owned(),
        })?;
        match record.element {
            Some(element) if self.layout().kind(element) == Some(ElementType::DataTransfer) => {
                Err(Error::InDrive {
                    barcode: barcode.to_owned(),
                    element: self.name(element),
                })
            }
            _ => Ok(record),
        }
    }

    /// Removes a cartridge's directory. It is no error when it is gone already.
    pub(super) fn remove_files(&self, cartridge: Uuid) -> Result<(), Error> {
        remove_cartridge_files(self.data(), cartridge)
    }
}
