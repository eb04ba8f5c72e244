//! Moving a cartridge from element to element: for MOVE MEDIUM and for the API.
//!
//! # Crash
//! Each step leaves the library consistent when the process dies after it:
//!
//! ```text
//! 1. look at both elements            nothing has changed
//! 2. source drive unloads             everything written is durable; the catalogue still has the
//!                                     cartridge in the drive, and a start loads it again
//! 3. open the cartridge's files       nothing has changed but for recovery of a torn tail
//! 4. catalogue: one transaction       the cartridge is at its destination
//! 5. map in memory                    made from the catalogue at a start
//! 6. destination drive loads          a start loads what the catalogue has in drives
//! ```
//!
//! When step 3 or 4 fails after step 2, the source drive loads the cartridge again. If that fails too,
//! the drive stays empty while the catalogue has the cartridge in it: it can still be moved out.

use scsi::ElementAddress;
use scsi::smc::ElementType;

use super::bay::DriveBay;
use super::robot::Robot;
use crate::element::ElementName;
use crate::error::Error;
use crate::inventory::{ArchiveIntent, CartridgeRecord, CartridgeState, Inventory, Relocation};
use crate::profile::MediaAccess;

/// Why a cartridge was not moved. It is where it was.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The source is not an element of the library that can hold a cartridge.
    #[error("{0}: the library has no such element to move from")]
    InvalidSource(ElementAddress),
    /// The destination is not an element of the library that can hold a cartridge.
    #[error("{0}: the library has no such element to move to")]
    InvalidDestination(ElementAddress),
    /// There is nothing to move.
    #[error("{0}: is empty")]
    SourceEmpty(ElementName),
    /// There is something already.
    #[error("{0}: is full")]
    DestinationFull(ElementName),
    /// An initiator prevents medium removal from the drive.
    #[error("{0}: an initiator prevents medium removal")]
    RemovalPrevented(ElementName),
    /// The drive does not take this kind of cartridge.
    #[error("{element}: a {product} does not take {media} cartridges such as {barcode}")]
    Incompatible {
        /// The drive.
        element: ElementName,
        /// Its model.
        product: String,
        /// The cartridge.
        barcode: String,
        /// Its kind.
        media: String,
    },
    /// The cartridge's files are missing.
    #[error("cartridge {barcode}: its files are missing, restore them to load it")]
    FilesMissing {
        /// Which.
        barcode: String,
    },
    /// The cartridge's files cannot be opened.
    #[error("cartridge {barcode}: cannot be loaded: {source}")]
    Unloadable {
        /// Which.
        barcode: String,
        /// What is wrong with it.
        source: cartridge::Error,
    },
    /// The drive cannot bring what was written to the disk; it keeps the cartridge loaded.
    #[error("{element}: cannot unload cartridge {barcode}: {source}")]
    UnloadFailed {
        /// The drive.
        element: ElementName,
        /// The cartridge.
        barcode: String,
        /// What the disk said.
        source: cartridge::Error,
    },
    /// The catalogue cannot be changed.
    #[error(transparent)]
    Catalogue(Box<Error>),
}

impl From<Error> for MoveError {
    fn from(error: Error) -> Self {
        Self::Catalogue(Box::new(error))
    }
}

/// A move that nothing speaks against.
struct Plan<'a> {
    record: CartridgeRecord,
    from: Option<&'a DriveBay>,
    to: Option<(&'a DriveBay, MediaAccess)>,
}

impl Robot {
    /// Moves the cartridge in element `from` to element `to`. Out of a drive: everything written is
    /// durable when it returns. Waits for a command of that drive that runs.
    pub(crate) fn move_cartridge(
        &self,
        from: ElementAddress,
        to: ElementAddress,
    ) -> Result<(), MoveError> {
        self.carry(&mut self.arm(), from, to)
    }

    /// Moves the cartridge that bears `barcode` to element `to`, wherever it is by the time that the
    /// robot has a free arm. Returns where that was.
    pub(super) fn move_named(
        &self,
        barcode: &str,
        to: ElementAddress,
    ) -> Result<ElementAddress, Error> {
        let mut inventory = self.arm();
        let element = self.map().find(barcode).map(|record| record.element);
        let element = element.ok_or_else(|| Error::NoSuchCartridge {
            barcode: barcode.to_owned(),
        })?;
        let from = element.ok_or_else(|| Error::NoElement {
            barcode: barcode.to_owned(),
        })?;
        self.carry(&mut inventory, from, to)?;
        Ok(from)
    }

    fn carry(
        &self,
        inventory: &mut Inventory,
        from: ElementAddress,
        to: ElementAddress,
    ) -> Result<(), MoveError> {
        let plan = self.plan(from, to)?;
        let record = &plan.record;
        if let Some(bay) = plan.from {
            bay.drive()
                .unload()
                .map_err(|source| MoveError::UnloadFailed {
                    element: self.name(from),
                    barcode: record.barcode.clone(),
                    source,
                })?;
        }
        if let Err(error) = self.place(inventory, &plan, from, to) {
            if let Some(bay) = plan.from {
                self.load_recorded(bay, record);
            }
            return Err(error);
        }
        let (from, to) = (self.name(from), self.name(to));
        tracing::info!(cartridge = record.barcode, %from, %to, "moved");
        Ok(())
    }

    /// Steps 3 to 6.
    fn place(
        &self,
        inventory: &mut Inventory,
        plan: &Plan<'_>,
        from: ElementAddress,
        to: ElementAddress,
    ) -> Result<(), MoveError> {
        let record = &plan.record;
        let loading = match plan.to {
            Some((bay, access)) => Some((bay, access, self.open(inventory, record)?)),
            None => None,
        };
        let relocation = self.relocation(record, from, to);
        inventory.relocate(&relocation)?;
        self.map().relocate(&relocation);
        if let Some((bay, access, cartridge)) = loading {
            bay.drive().load(cartridge, access);
        }
        Ok(())
    }

    /// Finds what speaks against the move: addresses first, then what is in the elements, then the
    /// drives.
    fn plan(&self, from: ElementAddress, to: ElementAddress) -> Result<Plan<'_>, MoveError> {
        if !self.holds_cartridges(from) {
            return Err(MoveError::InvalidSource(from));
        }
        if !self.holds_cartridges(to) {
            return Err(MoveError::InvalidDestination(to));
        }
        let (record, destination_full) = {
            let map = self.map();
            (map.occupant(from).cloned(), map.occupant(to).is_some())
        };
        let record = record.ok_or_else(|| MoveError::SourceEmpty(self.name(from)))?;
        if destination_full {
            return Err(MoveError::DestinationFull(self.name(to)));
        }
        let from_bay = self.bay(from);
        if from_bay.is_some_and(|bay| bay.drive().is_prevented()) {
            return Err(MoveError::RemovalPrevented(self.name(from)));
        }
        let to_bay = match self.bay(to) {
            Some(bay) => Some((bay, self.compatible(bay, &record)?)),
            None => None,
        };
        Ok(Plan {
            record,
            from: from_bay,
            to: to_bay,
        })
    }

    /// Returns whether there is an element at `address` that cartridges can be in. The picker holds
    /// one only on its way.
    fn holds_cartridges(&self, address: ElementAddress) -> bool {
        matches!(
            self.layout().kind(address),
            Some(ElementType::Storage | ElementType::ImportExport | ElementType::DataTransfer)
        )
    }

    fn compatible(
        &self,
        bay: &DriveBay,
        record: &CartridgeRecord,
    ) -> Result<MediaAccess, MoveError> {
        bay.profile()
            .access(&record.media)
            .ok_or_else(|| MoveError::Incompatible {
                element: self.name(bay.element()),
                product: bay.profile().product.clone(),
                barcode: record.barcode.clone(),
                media: record.media.clone(),
            })
    }

    fn open(
        &self,
        inventory: &mut Inventory,
        record: &CartridgeRecord,
    ) -> Result<cartridge::Cartridge, MoveError> {
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
    fn relocation(
        &self,
        record: &CartridgeRecord,
        from: ElementAddress,
        to: ElementAddress,
    ) -> Relocation {
        let source = match self.layout().kind(from) {
            Some(ElementType::Storage) => Some(from),
            _ => record.source,
        };
        let to_import_export = self.layout().kind(to) == Some(ElementType::ImportExport);
        Relocation {
            cartridge: record.uuid,
            element: to,
            source,
            archive_intent: to_import_export.then(|| ArchiveIntent {
                element: to,
                since_unix_ms: self.now_unix_ms(),
            }),
        }
    }
}
