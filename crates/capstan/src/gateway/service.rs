//! Taking a drive out of service: hosts no longer see it.
//!
//! The drive's logical unit leaves its target; the target stays. Hosts that are logged in are told that
//! the units of the target have changed and find one less: none, where each drive has its own target.
//! A command that runs ends; those that wait are refused. The drive stays in the library: the changer tells
//! hosts that its element is disabled and moves nothing in or out for them, but the administrator can move
//! tapes. All drives are in service when a gateway starts.

use scsi::Lun;
use tape_library::Target;

use super::libraries::ServedLibrary;
use super::targets::{self, Device};
use crate::api::error::{Kind, Problem};
use crate::api::types::Drive;

impl ServedLibrary {
    /// Takes drive `number` out of service, or leaves it there.
    pub fn disable_drive(&self, number: u16) -> Result<Drive, Problem> {
        let bay = self.drive(number)?;
        let (target, lun) = self.place_of(number)?;
        self.library.set_in_service(number, false);
        if target.remove(lun).is_some() {
            tracing::info!(drive = number, "drive out of service");
        }
        Ok(self.describe_drive(bay, &self.sessions.list()))
    }

    /// Puts drive `number` into service, or leaves it there.
    pub fn enable_drive(&self, number: u16) -> Result<Drive, Problem> {
        let bay = self.drive(number)?;
        let (target, lun) = self.place_of(number)?;
        self.library.set_in_service(number, true);
        if target.insert(lun, bay.unit()).is_ok() {
            tracing::info!(drive = number, "drive in service");
        }
        Ok(self.describe_drive(bay, &self.sessions.list()))
    }

    /// Returns whether hosts see drive `number`.
    pub(super) fn is_in_service(&self, number: u16) -> bool {
        self.place_of(number)
            .is_ok_and(|(target, lun)| target.has(lun))
    }

    /// Returns where drive `number` is when it is in service.
    fn place_of(&self, number: u16) -> Result<(&Target, Lun), Problem> {
        let place = targets::find(&self.plans, Device::Drive(number)).and_then(|(plan, lun)| {
            let target = self.targets.iter().find(|it| it.name == plan.name)?;
            Some((&*target.target, lun))
        });
        place.ok_or_else(|| Problem::new(Kind::Internal, format!("drive {number}: has no target")))
    }
}
