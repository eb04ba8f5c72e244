//! A drive in its bay: the drive, its logical unit, and its data transfer element.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use scsi::ElementAddress;

use crate::drive::{Drive, DriveConfig, DriveStatus};
use crate::error::Error;
use crate::identity::DeviceIdentity;
use crate::inject::Faults;
use crate::logical_unit::{DeviceServer, LogicalUnit};
use crate::profile::DriveProfile;
use crate::room::Room;
use crate::unit_attention::UnitAttentions;

/// A drive of the library.
pub struct DriveBay {
    number: u16,
    element: ElementAddress,
    identity: DeviceIdentity,
    /// What names the drive in READ ELEMENT STATUS, if anything does.
    device_id: Option<Vec<u8>>,
    profile: Arc<DriveProfile>,
    drive: Arc<Drive>,
    unit: Arc<LogicalUnit>,
    in_service: AtomicBool,
}

impl DriveBay {
    /// Returns the drive in `element`, empty, with its worker running.
    pub(super) fn new(
        element: ElementAddress,
        config: DriveConfig,
        device_id: Option<Vec<u8>>,
        faults: &Arc<Faults>,
        room: &Arc<Room>,
    ) -> Result<Self, Error> {
        let number = config.number;
        let identity = config.identity.clone();
        let profile = Arc::clone(&config.profile);
        let attentions = Arc::new(UnitAttentions::new());
        let drive = Drive::with_faults(config, Arc::clone(&attentions), Arc::clone(faults));
        let drive = Arc::new(drive.with_room(Arc::clone(room)));
        let device: Arc<dyn DeviceServer> = drive.clone();
        let name = format!("drive-{number}");
        let unit = LogicalUnit::start(&name, device, attentions)
            .map_err(|source| Error::Worker { unit: name, source })?;
        Ok(Self {
            number,
            element,
            device_id,
            identity,
            profile,
            drive,
            unit: Arc::new(unit),
            in_service: AtomicBool::new(true),
        })
    }

    /// Returns the drive's number, from 0 as `mtx` counts.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Returns the address of its data transfer element.
    pub fn element(&self) -> ElementAddress {
        self.element
    }

    /// Returns what the drive is called.
    pub fn identity(&self) -> &DeviceIdentity {
        &self.identity
    }

    /// Returns the drive's profile.
    pub fn profile(&self) -> &DriveProfile {
        &self.profile
    }

    /// Returns the logical unit, for a target.
    pub fn unit(&self) -> Arc<LogicalUnit> {
        Arc::clone(&self.unit)
    }

    /// Returns what the drive is doing. Does not wait for a command that runs.
    pub fn status(&self) -> DriveStatus {
        self.drive.status()
    }

    /// Returns whether initiators may move cartridges in and out; see
    /// [`Library::set_in_service`](super::Library::set_in_service).
    pub fn is_in_service(&self) -> bool {
        self.in_service.load(Ordering::Acquire)
    }

    /// Returns what it was before.
    pub(super) fn set_in_service(&self, in_service: bool) -> bool {
        self.in_service.swap(in_service, Ordering::AcqRel)
    }

    /// Returns whether the picker can take the cartridge, or put one in.
    pub(super) fn is_accessible(&self) -> bool {
        self.is_in_service() && !self.drive.is_prevented()
    }

    pub(crate) fn drive(&self) -> &Drive {
        &self.drive
    }

    pub(crate) fn device_id(&self) -> Option<&[u8]> {
        self.device_id.as_deref()
    }
}
