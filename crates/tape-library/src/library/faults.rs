//! Faults on order, and a cartridge that the robot has dropped.

use scsi::ElementAddress;
use scsi::smc::{ChangerAlert, ElementType};

use super::Library;
use super::carry::Leg;
use super::move_error::MoveError;
use super::robot::Robot;
use super::station::Asker;
use crate::error::Error;
use crate::inject::{Fault, NewFault, RobotFault, Subject, Which};
use crate::inventory::{Inventory, Relocation};

impl Library {
    /// Orders a fault: see [`crate::inject`]. The drive or cartridge has to exist.
    pub fn add_fault(&self, new: NewFault) -> Result<Fault, Error> {
        match &new.subject {
            Subject::Cartridge(barcode) => {
                self.cartridge(barcode)?;
            }
            Subject::Drive(number) if usize::from(*number) >= self.drives().len() => {
                return Err(Error::NoSuchDrive { number: *number });
            }
            Subject::Drive(_) | Subject::Changer => {}
        }
        Ok(self.robot.injector().faults().add(new)?)
    }

    /// Returns the faults on order, the oldest first.
    pub fn faults(&self) -> Vec<Fault> {
        self.robot.injector().faults().list()
    }

    /// Clears faults and returns them.
    pub fn clear_faults(&self, which: &Which) -> Vec<Fault> {
        self.robot.injector().faults().clear(which)
    }

    /// Puts a cartridge that is in no element into the storage or import/export element `to`, as a
    /// person does who opens the library. Durable when it returns.
    pub fn put_cartridge(&self, barcode: &str, to: ElementAddress) -> Result<(), Error> {
        self.robot.put(barcode, to)
    }
}

impl Robot {
    /// Meets a fault on order: nothing has been moved when there is one.
    pub(super) fn meet_fault(
        &self,
        inventory: &mut Inventory,
        asker: Asker,
        legs: &[Leg<'_>],
    ) -> Result<(), MoveError> {
        for leg in legs {
            let barcode = leg.record.barcode.clone();
            match self.injector().carries(&barcode) {
                None => {}
                Some(RobotFault::Stuck) => return Err(MoveError::RobotStuck { barcode }),
                Some(RobotFault::Drop) => {
                    self.lose(inventory, leg)?;
                    self.tell_of_change(asker, [leg.from]);
                    return Err(MoveError::RobotDropped { barcode });
                }
            }
        }
        Ok(())
    }

    /// The robot loses what it carries: the cartridge is in no element any more. Out of a drive
    /// everything written is durable, as ever.
    fn lose(&self, inventory: &mut Inventory, leg: &Leg<'_>) -> Result<(), MoveError> {
        let barcode = leg.record.barcode.as_str();
        if let Some(bay) = self.bay(leg.from) {
            let unloaded = bay.drive().unload();
            unloaded.map_err(|source| MoveError::UnloadFailed {
                element: self.name(leg.from),
                barcode: barcode.to_owned(),
                source,
            })?;
        }
        if let Err(error) = inventory.take_out(leg.record.uuid) {
            if let Some(bay) = self.bay(leg.from) {
                self.load_recorded(bay, &leg.record);
            }
            return Err(error.into());
        }
        self.map().take_out(leg.record.uuid);
        tracing::warn!(cartridge = barcode, "the robot has dropped it");
        Ok(())
    }

    fn put(&self, barcode: &str, to: ElementAddress) -> Result<(), Error> {
        let mut inventory = self.arm();
        let (record, full) = {
            let map = self.map();
            (map.find(barcode).cloned(), map.occupant(to).is_some())
        };
        let record = record.ok_or_else(|| Error::NoSuchCartridge {
            barcode: barcode.to_owned(),
        })?;
        if let Some(element) = record.element {
            return Err(Error::HasElement {
                barcode: record.barcode,
                element: self.name(element),
            });
        }
        let kind = self.layout().kind(to);
        if !matches!(kind, Some(ElementType::Storage | ElementType::ImportExport)) {
            return Err(MoveError::InvalidDestination(to).into());
        }
        if full {
            return Err(MoveError::DestinationFull(self.name(to)).into());
        }
        let relocation = Relocation {
            cartridge: record.uuid,
            element: to,
            source: record.source,
            archive_intent: None,
        };
        inventory.relocate(&[relocation])?;
        self.map().relocate(&[relocation]);
        self.alerts().lower(ChangerAlert::StrayCartridge);
        self.tell_of_change(Asker::Operator, [to]);
        let to = self.name(to);
        tracing::info!(cartridge = barcode, %to, "put back");
        Ok(())
    }
}
