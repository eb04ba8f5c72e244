//! The robot: everything of the library that moves or counts cartridges.
//!
//! # Ordering
//! One lock makes all changes happen one after another: [`Robot::inventory`], the robot's arm. It is
//! held while a drive brings its data to the disk. The map in memory has a second lock, which is
//! short: readers, READ ELEMENT STATUS above all, take only that one and never wait for the arm.
//!
//! Locks are taken in this order and never the other way: the arm, a drive's own lock, a unit's
//! attentions, the map. Nothing is called while the map is held.
//!
//! # Crash
//! The catalogue decides. See [`move_cartridge`](super::move_cartridge) for each step of a move.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cartridge::{Cartridge, Environment, LocalStore, MemoryState, Settings, Writing};
use scsi::smc::{ChangerAlert, ElementDescriptor, ElementType, MediumType, SourceElement};
use scsi::spc::tape_alert::TapeAlertLog;
use scsi::{AdditionalSense, ElementAddress};
use uuid::Uuid;

use super::bay::DriveBay;
use super::element_map::ElementMap;
use super::station::Station;
use crate::element::{ElementName, Layout};
use crate::error::Error;
use crate::gateway::cartridges_directory;
use crate::inject::{Faults, Injector, Subject};
use crate::inventory::{CartridgeRecord, CartridgeState, Inventory};
use crate::profile::{Form, Media};
use crate::unit_attention::UnitAttentions;

/// The library without its logical units' front: what the changer and the API work on.
pub(crate) struct Robot {
    data: PathBuf,
    layout: Layout,
    bays: Vec<DriveBay>,
    settings: Settings,
    inventory: Mutex<Inventory>,
    map: Mutex<ElementMap>,
    /// The import/export station, and who prevents removal from the library.
    station: Station,
    /// The changer's.
    attentions: Arc<UnitAttentions>,
    /// The changer's. A lock of a moment, like the map's.
    alerts: Mutex<TapeAlertLog>,
    injector: Injector,
    /// Set when the library ends: nothing takes its time any more.
    hurries: Mutex<bool>,
    hurry: Condvar,
}

impl Robot {
    pub(super) fn new(
        data: &Path,
        layout: Layout,
        bays: Vec<DriveBay>,
        settings: Settings,
        inventory: Inventory,
        attentions: Arc<UnitAttentions>,
        faults: Arc<Faults>,
    ) -> Result<Arc<Self>, Error> {
        let map = ElementMap::new(inventory.cartridges()?);
        Ok(Arc::new(Self {
            data: data.to_owned(),
            layout,
            bays,
            settings,
            inventory: Mutex::new(inventory),
            map: Mutex::new(map),
            station: Station::default(),
            attentions,
            alerts: Mutex::default(),
            injector: Injector::new(faults, Subject::Changer),
            hurries: Mutex::default(),
            hurry: Condvar::new(),
        }))
    }

    /// Returns the faults that the robot has to meet.
    pub(crate) fn injector(&self) -> &Injector {
        &self.injector
    }

    /// Lets a way take its time. The arm is free meanwhile.
    pub(super) fn travel(&self, time: Duration) {
        let hurries = self.hurries.lock().unwrap_or_else(PoisonError::into_inner);
        // Woken early or not, the move goes on.
        let _ = self
            .hurry
            .wait_timeout_while(hurries, time, |hurries| !*hurries);
    }

    /// Ends every delay: the library is about to end.
    pub(super) fn hurry_up(&self) {
        *self.hurries.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.hurry.notify_all();
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn bays(&self) -> &[DriveBay] {
        &self.bays
    }

    /// Takes the robot's arm. See the module's words on order.
    pub(super) fn arm(&self) -> MutexGuard<'_, Inventory> {
        // SQLite rolls an unfinished transaction back; nothing else is behind the lock.
        self.inventory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the robot has put down what it carries.
    pub(crate) fn wait_until_at_rest(&self) {
        drop(self.arm());
    }

    /// Locks the map, for a moment.
    pub(super) fn map(&self) -> MutexGuard<'_, ElementMap> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now_unix_ms(&self) -> u64 {
        self.environment().now_unix_ms()
    }

    pub(super) fn environment(&self) -> &dyn Environment {
        &*self.settings.environment
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn station(&self) -> &Station {
        &self.station
    }

    /// Locks the changer's TapeAlert flags, for a moment.
    pub(crate) fn alerts(&self) -> MutexGuard<'_, TapeAlertLog> {
        self.alerts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn attentions(&self) -> &UnitAttentions {
        &self.attentions
    }

    /// Returns the drive in `element`.
    pub(super) fn bay(&self, element: ElementAddress) -> Option<&DriveBay> {
        self.bays.iter().find(|bay| bay.element() == element)
    }

    /// Returns the name of `element`, which the library has.
    pub(super) fn name(&self, element: ElementAddress) -> ElementName {
        // The fallback is never met: every address that gets here was found in the layout.
        self.layout
            .name(element)
            .unwrap_or(ElementName::Picker(element.0))
    }

    /// Returns the directory of a cartridge's files.
    pub(super) fn directory(&self, cartridge: Uuid) -> PathBuf {
        cartridges_directory(&self.data).join(cartridge.to_string())
    }

    /// Opens a cartridge's files, recovering what a crash left.
    pub(super) fn open_files(&self, cartridge: Uuid) -> Result<Cartridge, cartridge::Error> {
        let store = LocalStore::new(self.directory(cartridge));
        // A host that streams must wait neither for a codec nor for the disk.
        let settings = Settings {
            writing: Writing::Behind,
            ..self.settings.clone()
        };
        let (mut opened, report) = Cartridge::open(Box::new(store), settings)?;
        if !report.missing.is_empty() || !report.damaged.is_empty() {
            tracing::warn!(%cartridge, ?report, "a part of the cartridge is lost");
        } else if report.unsealed {
            tracing::info!(%cartridge, ?report, "cartridge recovered");
        }
        if let MemoryState::Lost { reason } = &report.memory {
            tracing::warn!(%cartridge, reason, "the cartridge's memory is lost; it gets a new one");
        }
        if let Err(error) = opened.check_unlocked() {
            let barcode = &opened.label().barcode;
            tracing::warn!(%cartridge, barcode, %error, "encrypted, and nothing of it can be read or written");
        }
        Ok(opened)
    }

    /// Looks whether the cartridges' files are there and notes what changed.
    pub(crate) fn look_at_files(&self) -> Result<(), Error> {
        let mut inventory = self.arm();
        let records: Vec<_> = self.map().cartridges().cloned().collect();
        let mut missing = false;
        for record in records {
            missing |= self.look_at(&mut inventory, &record)? == CartridgeState::Missing;
        }
        self.tell_whether(ChangerAlert::Inventory, missing);
        Ok(())
    }

    /// Looks whether one cartridge's files are there; notes it when that changed.
    pub(super) fn look_at(
        &self,
        inventory: &mut Inventory,
        record: &CartridgeRecord,
    ) -> Result<CartridgeState, Error> {
        let label = self.directory(record.uuid).join("label");
        let state = if label.exists() {
            CartridgeState::Present
        } else {
            CartridgeState::Missing
        };
        if state != record.state {
            match state {
                CartridgeState::Present => {
                    tracing::info!(cartridge = record.barcode, "files are back");
                }
                CartridgeState::Missing => {
                    let path = label.display();
                    tracing::warn!(cartridge = record.barcode, %path, "files are missing");
                }
            }
            inventory.set_state(record.uuid, state)?;
            self.map().set_state(record.uuid, state);
        }
        Ok(state)
    }

    /// Loads the cartridges that the catalogue has in drives, after a start.
    pub(super) fn load_drives(&self) -> Result<(), Error> {
        let mut inventory = self.arm();
        for bay in &self.bays {
            let Some(record) = self.map().occupant(bay.element()).cloned() else {
                continue;
            };
            // Missing files were told by the look.
            if self.look_at(&mut inventory, &record)? == CartridgeState::Present {
                self.load_recorded(bay, &record);
            }
        }
        Ok(())
    }

    /// Loads a cartridge that the catalogue has in `bay` into the drive, which is empty. A cartridge
    /// that cannot be loaded is logged, and stays in the bay without the drive seeing it.
    pub(super) fn load_recorded(&self, bay: &DriveBay, record: &CartridgeRecord) {
        let drive = bay.number();
        let barcode = &record.barcode;
        let Some(access) = bay.profile().access(&record.media) else {
            tracing::warn!(drive, barcode, "the drive does not take this cartridge");
            return;
        };
        match self.open_files(record.uuid) {
            Ok(cartridge) => {
                bay.drive().load_again(cartridge, access);
                tracing::info!(drive, barcode, "loaded again");
            }
            Err(error) => tracing::warn!(drive, barcode, %error, "cannot be loaded"),
        }
    }

    /// Calls `work` with the elements that `wanted` takes, at most `count`, in the ascending order of
    /// their addresses. The map is held meanwhile: `work` only makes bytes.
    pub(crate) fn describe<T>(
        &self,
        wanted: impl Fn(ElementType, ElementAddress) -> bool,
        count: usize,
        work: impl FnOnce(&[ElementDescriptor<'_>]) -> T,
    ) -> T {
        let map = self.map();
        let elements: Vec<_> = self
            .layout
            .addresses()
            .filter(|(kind, address)| wanted(*kind, *address))
            .take(count)
            .map(|(kind, address)| self.descriptor(&map, kind, address))
            .collect();
        work(&elements)
    }

    fn descriptor<'a>(
        &'a self,
        map: &'a ElementMap,
        kind: ElementType,
        address: ElementAddress,
    ) -> ElementDescriptor<'a> {
        let occupant = map.occupant(address);
        let bay = match kind {
            ElementType::DataTransfer => self.bay(address),
            _ => None,
        };
        let missing = occupant.is_some_and(|record| record.state == CartridgeState::Missing);
        ElementDescriptor {
            address,
            element_type: kind,
            full: occupant.is_some(),
            // The picker's move into an import/export element would have left the wish to archive.
            operator_placed: occupant.is_some_and(|record| record.archive_intent.is_none()),
            access: match kind {
                ElementType::MediumTransport => false,
                ElementType::Storage => true,
                ElementType::ImportExport => !self.station.is_open(),
                ElementType::DataTransfer => bay.is_some_and(DriveBay::is_accessible),
            },
            disabled: bay.is_some_and(|bay| !bay.is_in_service()),
            exception: missing.then_some(AdditionalSense::MEDIA_LOAD_OR_EJECT_FAILED),
            source: match occupant.and_then(|record| record.source) {
                Some(source) => SourceElement::Known(source),
                None => SourceElement::Unknown,
            },
            medium: occupant.map(medium_type),
            barcode: occupant.map(|record| record.barcode.as_str()),
            device_id: bay.and_then(DriveBay::device_id),
        }
    }
}

/// A kind that nobody knows any more counts as data: whoever looks for a place to write finds out.
fn medium_type(record: &CartridgeRecord) -> MediumType {
    match Media::find(&record.media).map(|media| media.form) {
        Some(Form::Cleaning) => MediumType::Cleaning,
        Some(Form::Worm) => MediumType::Worm,
        Some(Form::Data) | None => MediumType::Data,
    }
}
