//! Carrying cartridges from element to element: one for a move, two for an exchange.
//!
//! # Crash
//! Each step leaves the library consistent when the process dies after it:
//!
//! ```text
//! 1. look at all elements             nothing has changed
//! 2. source drives unload             everything written is durable; the catalogue still has the
//!                                     cartridges in the drives, and a start loads them again
//! 3. open the cartridges' files       nothing has changed but for recovery of a torn tail
//! 4. catalogue: one transaction       every cartridge is at its destination
//! 5. map in memory                    made from the catalogue at a start
//! 6. destination drives load          a start loads what the catalogue has in drives
//! ```
//!
//! Both cartridges of an exchange change their places in the one transaction: no crash finds one of them
//! in the other's place, or none of them in any.
//!
//! When step 2, 3 or 4 fails, every drive that has unloaded loads its cartridge again. If that fails too,
//! the drive stays empty while the catalogue has the cartridge in it: it can still be moved out.

use cartridge::Cartridge;
use scsi::ElementAddress;
use scsi::smc::ElementType;
use scsi::ssc::log_pages::TapeAlert;

use super::bay::DriveBay;
use super::move_error::MoveError;
use super::robot::Robot;
use super::station::Asker;
use crate::inventory::{ArchiveIntent, CartridgeRecord, CartridgeState, Inventory, Relocation};
use crate::profile::MediaAccess;

/// The way of one cartridge, which nothing speaks against.
pub(super) struct Leg<'a> {
    pub(super) record: CartridgeRecord,
    pub(super) from: ElementAddress,
    pub(super) to: ElementAddress,
    pub(super) destination: Option<(&'a DriveBay, MediaAccess)>,
}

/// A cartridge that is open for the drive that will load it.
struct Loading<'a> {
    bay: &'a DriveBay,
    access: MediaAccess,
    cartridge: Cartridge,
}

impl Robot {
    /// Steps 2 to 6. The destinations are free, or become so by another leg.
    pub(super) fn carry(
        &self,
        inventory: &mut Inventory,
        asker: Asker,
        legs: &[Leg<'_>],
    ) -> Result<(), MoveError> {
        self.meet_fault(inventory, asker, legs)?;
        let mut unloaded = Vec::new();
        let carried = self
            .unload_sources(legs, &mut unloaded)
            .and_then(|()| self.place(inventory, legs));
        if let Err(error) = carried {
            for (bay, record) in unloaded {
                self.load_recorded(bay, record);
            }
            return Err(error);
        }
        for leg in legs {
            let (from, to) = (self.name(leg.from), self.name(leg.to));
            tracing::info!(cartridge = leg.record.barcode, %from, %to, "moved");
        }
        self.alert_of_success(asker, legs);
        self.tell_of_change(asker, legs.iter().flat_map(|leg| [leg.from, leg.to]));
        Ok(())
    }

    fn unload_sources<'a>(
        &'a self,
        legs: &'a [Leg<'_>],
        unloaded: &mut Vec<(&'a DriveBay, &'a CartridgeRecord)>,
    ) -> Result<(), MoveError> {
        for leg in legs {
            let Some(bay) = self.bay(leg.from) else {
                continue;
            };
            bay.drive()
                .unload()
                .map_err(|source| MoveError::UnloadFailed {
                    element: self.name(leg.from),
                    barcode: leg.record.barcode.clone(),
                    source,
                })?;
            unloaded.push((bay, &leg.record));
        }
        Ok(())
    }

    /// Steps 3 to 6.
    fn place(&self, inventory: &mut Inventory, legs: &[Leg<'_>]) -> Result<(), MoveError> {
        let mut loading = Vec::new();
        for leg in legs {
            if let Some((bay, access)) = leg.destination {
                let cartridge = self
                    .open(inventory, &leg.record)
                    .inspect_err(|_| bay.drive().raise(TapeAlert::LoadingOrThreadingFailure))?;
                loading.push(Loading {
                    bay,
                    access,
                    cartridge,
                });
            }
        }
        let relocations: Vec<_> = legs.iter().map(|leg| self.relocation(leg)).collect();
        inventory.relocate(&relocations)?;
        self.map().relocate(&relocations);
        for Loading {
            bay,
            access,
            cartridge,
        } in loading
        {
            bay.drive().load(cartridge, access);
        }
        Ok(())
    }

    fn open(
        &self,
        inventory: &mut Inventory,
        record: &CartridgeRecord,
    ) -> Result<Cartridge, MoveError> {
        let barcode = record.barcode.clone();
        if self.look_at(inventory, record)? == CartridgeState::Missing {
            return Err(MoveError::FilesMissing { barcode });
        }
        self.open_files(record.uuid)
            .map_err(|source| MoveError::Unloadable { barcode, source })
    }

    /// The source is the last storage element that the cartridge was in (SMC-3, SOURCE STORAGE
    /// ELEMENT ADDRESS); an import/export element is none. Backup software returns the cartridge to
    /// its source, and a return to an import/export element would send it to the archive.
    fn relocation(&self, leg: &Leg<'_>) -> Relocation {
        let source = match self.layout().kind(leg.from) {
            Some(ElementType::Storage) => Some(leg.from),
            _ => leg.record.source,
        };
        let to_import_export = self.layout().kind(leg.to) == Some(ElementType::ImportExport);
        Relocation {
            cartridge: leg.record.uuid,
            element: leg.to,
            source,
            archive_intent: to_import_export.then(|| ArchiveIntent {
                element: leg.to,
                since_unix_ms: self.now_unix_ms(),
            }),
        }
    }
}
