//! The library: a changer, its drives and its elements, as the transport and the API use it.
//!
//! # Purpose
//! The SCSI front of the library is two kinds of logical unit: [`Library::changer`] and
//! [`DriveBay::unit`] of each of [`Library::drives`]. Everything else here is for the API: the same
//! moves and the same state, in typed values.
//!
//! # What initiators are told
//! What the API changes behind the initiators' backs they are told by a unit attention of the changer:
//! IMPORT OR EXPORT ELEMENT ACCESSED when a cartridge came to, went from, or was deleted in an
//! import/export element, or the station was closed after it had been open; else NOT READY TO READY
//! CHANGE; ELEMENT DISABLED and ELEMENT ENABLED when a drive is taken out of service and put back. What an
//! initiator moves it tells the others itself. A load tells NOT READY TO READY CHANGE, by the drive.

mod alerts;
mod bay;
mod carry;
mod create;
mod delete_cartridge;
mod element_map;
mod faults;
mod keys;
mod move_cartridge;
mod move_error;
mod new_tapes;
mod offline;
mod rebuild;
mod robot;
mod station;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cartridge::{Environment, LocalStore, Memory, Settings, SystemEnvironment};
use scsi::smc::{DoorAction, ElementType};
use scsi::{AdditionalSense, ElementAddress};
use uuid::Uuid;

pub use bay::DriveBay;
pub use create::NewLibrary;
pub use move_cartridge::Exchange;
pub use move_error::MoveError;
pub use new_tapes::{BarcodeSource, CARTRIDGES_AT_ONCE_MAX, NewTapes};
pub use offline::{Incoming, IncomingSpec, OfflineLibrary};
pub use rebuild::{RebuildReport, Skipped};
pub(crate) use robot::Robot;
pub(crate) use station::Asker;
pub use station::RemovalPrevented;

use crate::changer::Changer;
use crate::drive::DriveConfig;
use crate::element::{ElementName, Layout};
use crate::error::Error;
use crate::gateway::Gateway;
use crate::identity::DeviceIdentity;
use crate::inject::{Delays, Faults};
use crate::inventory::{CartridgeRecord, Inventory, UnitCatalogue};
use crate::logical_unit::{DeviceServer, LogicalUnit};
use crate::profile::{ChangerProfile, Profiles};
use crate::room::{Marks, Room};
use crate::unit_attention::UnitAttentions;

/// How a library is opened.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// How cartridges are written, and where time and new identifiers come from.
    pub settings: Settings,
    /// The profiles that devices may have.
    pub profiles: Arc<Profiles>,
    /// How slow the mechanics are.
    pub delays: Delays,
    /// How much room on the disk is little.
    pub marks: Marks,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            profiles: Arc::clone(Profiles::builtin()),
            delays: Delays::default(),
            marks: Marks::default(),
        }
    }
}

/// An element as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its address.
    pub address: ElementAddress,
    /// Its name.
    pub name: ElementName,
    /// Its type.
    pub kind: ElementType,
    /// The cartridge in it.
    pub cartridge: Option<CartridgeRecord>,
}

/// A library. Dropping it stops the workers of its units once no target holds them any more;
/// [`Library::shut_down`] comes before that.
pub struct Library {
    data: PathBuf,
    room: Arc<Room>,
    gateway: Gateway,
    robot: Arc<Robot>,
    changer: Arc<LogicalUnit>,
    changer_identity: DeviceIdentity,
}

impl Library {
    /// Returns whether there is a library below `data`.
    pub fn exists(data: &Path) -> bool {
        Gateway::exists(data)
    }

    /// Opens the library below `data`. The caller sees to it that no other process has it open.
    ///
    /// Cartridges that the catalogue has in drives are loaded again. One whose files are missing or
    /// damaged is logged and stays where it is; that is no error.
    pub fn open(data: &Path, options: OpenOptions) -> Result<Arc<Self>, Error> {
        let gateway = Gateway::read(data)?;
        offline::remove_leftovers(data)?;
        let layout = gateway.machine.layout()?;
        let inventory = Inventory::open(&Inventory::path(data), &gateway)?;
        let profile = gateway.machine.changer_profile(&options.profiles)?;
        let identity = DeviceIdentity::changer(&profile, gateway.id);
        let faults = Faults::new(options.delays);
        let room = Arc::new(Room::of_directory(data, options.marks));
        let bays = Self::bays(
            &gateway,
            &layout,
            &options,
            (&profile, &identity),
            (&faults, &room),
        )?;
        let attentions = Arc::new(UnitAttentions::new());
        let robot = Robot::new(
            data,
            layout,
            bays,
            options.settings,
            inventory,
            Arc::clone(&attentions),
            faults,
        )?;
        robot.finish_deletions()?;
        robot.look_at_files()?;
        robot.load_drives()?;
        let changer = Changer::new(
            identity.clone(),
            Arc::clone(&robot),
            Arc::clone(&attentions),
        );
        let device: Arc<dyn DeviceServer> = Arc::new(changer);
        let unit =
            LogicalUnit::start("changer", device, attentions).map_err(|source| Error::Worker {
                unit: "changer".into(),
                source,
            })?;
        let catalogue = UnitCatalogue::open(&Inventory::path(data))?;
        unit.keep_reservations_in(catalogue.of_unit("changer"))?;
        unit.keep_information_in(catalogue.information_of_unit("changer"))?;
        for bay in robot.bays() {
            let name = format!("drive-{}", bay.number());
            let store = catalogue.of_unit(&name);
            bay.unit().keep_reservations_in(store)?;
            let store = catalogue.information_of_unit(&name);
            bay.unit().keep_information_in(store)?;
        }
        Ok(Arc::new(Self {
            data: data.to_owned(),
            room,
            gateway,
            robot,
            changer: Arc::new(unit),
            changer_identity: identity,
        }))
    }

    fn bays(
        gateway: &Gateway,
        layout: &Layout,
        options: &OpenOptions,
        (changer_profile, changer): (&ChangerProfile, &DeviceIdentity),
        (faults, room): (&Arc<Faults>, &Arc<Room>),
    ) -> Result<Vec<DriveBay>, Error> {
        let addresses = layout.range(ElementType::DataTransfer);
        let profiles = gateway.machine.drive_profiles(&options.profiles)?;
        addresses
            .zip(profiles)
            .zip(0..)
            .map(|((address, profile), number)| {
                let element = ElementAddress(address);
                let identity = DeviceIdentity::drive(&profile, gateway.id, number);
                let identity = identity.in_bay(changer, element);
                let device_id = identity.device_id(changer_profile.device_id);
                let config = DriveConfig {
                    number,
                    identity,
                    profile,
                    codec: options.settings.codec,
                };
                DriveBay::new(element, config, device_id, faults, room)
            })
            .collect()
    }

    /// Returns the gateway's identity.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Returns the data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Returns the room for what its drives write.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Returns the changer's logical unit, for a target.
    pub fn changer(&self) -> Arc<LogicalUnit> {
        Arc::clone(&self.changer)
    }

    /// Returns what the changer is called.
    pub fn changer_identity(&self) -> &DeviceIdentity {
        &self.changer_identity
    }

    /// Returns the drives in the order of their numbers.
    pub fn drives(&self) -> &[DriveBay] {
        self.robot.bays()
    }

    /// Returns which elements there are and what they are called.
    pub fn layout(&self) -> &Layout {
        self.robot.layout()
    }

    /// Returns all elements, in the order of their addresses.
    pub fn elements(&self) -> Vec<Element> {
        let map = self.robot.map();
        self.layout()
            .addresses()
            .map(|(kind, address)| Element {
                address,
                name: self.robot.name(address),
                kind,
                cartridge: map.occupant(address).cloned(),
            })
            .collect()
    }

    /// Returns all cartridges, ordered by barcode.
    pub fn cartridges(&self) -> Vec<CartridgeRecord> {
        self.robot.map().cartridges().cloned().collect()
    }

    /// Returns the cartridge that bears `barcode`.
    pub fn cartridge(&self, barcode: &str) -> Result<CartridgeRecord, Error> {
        let record = self.robot.map().find(barcode).cloned();
        record.ok_or_else(|| Error::NoSuchCartridge {
            barcode: barcode.to_owned(),
        })
    }

    /// Moves the cartridge in `from` to `to`. Blocks while a drive brings its data to the disk;
    /// everything written is durable when it returns.
    pub fn move_cartridge(
        &self,
        from: ElementAddress,
        to: ElementAddress,
    ) -> Result<(), MoveError> {
        self.robot.move_cartridge(Asker::Operator, from, to)
    }

    /// Exchanges two cartridges, both or none. Otherwise as [`Library::move_cartridge`].
    pub fn exchange(&self, exchange: Exchange) -> Result<(), MoveError> {
        self.robot.exchange(Asker::Operator, exchange)
    }

    /// Returns whether the import/export station is open, where the picker cannot reach its elements.
    pub fn station_is_open(&self) -> bool {
        self.robot.station().is_open()
    }

    /// Opens or closes the import/export station. Waits for the robot to put down what it carries.
    pub fn move_station(&self, action: DoorAction) -> Result<(), RemovalPrevented> {
        self.robot.move_station(action, Asker::Operator)
    }

    /// Takes drive `number` out of service or puts it back: initiators that ask the changer see the
    /// element disabled, and their moves to and from it are refused. The API's are not. No effect where
    /// there is no such drive.
    pub fn set_in_service(&self, number: u16, in_service: bool) {
        let Some(bay) = self.drives().get(usize::from(number)) else {
            return;
        };
        if bay.set_in_service(in_service) != in_service {
            self.robot.attentions().establish(if in_service {
                AdditionalSense::ELEMENT_ENABLED
            } else {
                AdditionalSense::ELEMENT_DISABLED
            });
            self.robot.alert_of_service();
        }
    }

    /// Moves the cartridge that bears `barcode` to `to`, wherever it is: nobody can put another one
    /// in its place in between. Returns where it was. Otherwise as [`Library::move_cartridge`].
    pub fn move_named(&self, barcode: &str, to: ElementAddress) -> Result<ElementAddress, Error> {
        self.robot.move_named(barcode, to)
    }

    /// Returns where a cartridge goes when it leaves a drive and nobody says where to: back to where
    /// it came from if that is free, else to the first free slot.
    pub fn return_address(&self, cartridge: &CartridgeRecord) -> Option<ElementAddress> {
        let map = self.robot.map();
        let is_free = |address: &ElementAddress| map.occupant(*address).is_none();
        cartridge.source.filter(is_free).or_else(|| {
            let slots = self.layout().range(ElementType::Storage);
            slots.map(ElementAddress).find(is_free)
        })
    }

    /// Returns what a cartridge's memory says: of one in a drive with everything that was counted until
    /// now, else as it was written. `None` when it was never used. May wait for a running command.
    pub fn memory_of(&self, cartridge: Uuid) -> Option<Memory> {
        let mut bays = self.drives().iter();
        if let Some(bay) = bays.find(|bay| bay.status().uuid == Some(cartridge)) {
            return bay.drive().memory();
        }
        let store = LocalStore::new(self.robot.directory(cartridge));
        Memory::read(&store, cartridge)
    }

    /// Returns how many bytes a cartridge's files take on the disk. Reads the directory.
    pub fn stored_bytes(&self, cartridge: Uuid) -> u64 {
        let entries = std::fs::read_dir(self.robot.directory(cartridge));
        let lengths = entries
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.metadata().ok())
            .filter(std::fs::Metadata::is_file);
        lengths.map(|metadata| metadata.len()).sum()
    }

    /// Returns whether there are blocks on a cartridge that a host has encrypted; `None` when its files
    /// cannot be read. Reads the head of each file.
    pub fn has_encrypted_blocks(&self, cartridge: Uuid) -> Option<bool> {
        let store = LocalStore::new(self.robot.directory(cartridge));
        cartridge::has_encrypted_blocks(&store).ok()
    }

    /// Looks again whether the files of every cartridge are there, and notes what changed.
    pub fn look_at_files(&self) -> Result<(), Error> {
        self.robot.look_at_files()
    }

    /// Keeps the robot from moving anything, for tests.
    #[cfg(test)]
    pub(crate) fn hold_the_arm(&self) -> impl Sized + '_ {
        self.robot.arm()
    }

    /// Makes everything durable that was written to the cartridges in drives; they stay loaded.
    /// Returns what failed. Waits for commands that run, and then for the robot to put down what it
    /// carries.
    pub fn shut_down(&self) -> Vec<Error> {
        self.robot.hurry_up();
        let failures = self
            .drives()
            .iter()
            .filter_map(|bay| {
                let source = bay.drive().synchronize().err()?;
                let barcode = bay.status().barcode.unwrap_or_default();
                Some(Error::Cartridge { barcode, source })
            })
            .collect();
        drop(self.robot.arm());
        failures
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library")
            .field("data", &self.data)
            .field("gateway", &self.gateway.name)
            .finish_non_exhaustive()
    }
}

/// Returns the clock and the random numbers of the system, as everything has them by default.
pub(crate) fn system_environment() -> Arc<dyn Environment> {
    Arc::new(SystemEnvironment)
}
