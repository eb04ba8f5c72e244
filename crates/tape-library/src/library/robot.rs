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

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cartridge::{Cartridge, Environment, LocalStore, MemoryState, Settings, WriteBehind};
use scsi::smc::{ElementDescriptor, ElementStatusReport, ElementType, SourceElement};
use scsi::{AdditionalSense, ElementAddress, NexusId};
use uuid::Uuid;

use super::bay::DriveBay;
use super::element_map::ElementMap;
use crate::element::{ElementName, Layout};
use crate::error::Error;
use crate::gateway::cartridges_directory;
use crate::inventory::{CartridgeRecord, CartridgeState, Inventory};

/// The library without its logical units' front: what the changer and the API work on.
pub(crate) struct Robot {
    data: PathBuf,
    layout: Layout,
    bays: Vec<DriveBay>,
    settings: Settings,
    inventory: Mutex<Inventory>,
    map: Mutex<ElementMap>,
    /// The nexuses that prevent removal from the library (PREVENT ALLOW MEDIUM REMOVAL to the changer). A lock of a
    /// moment, like the map's.
    preventing: Mutex<BTreeSet<NexusId>>,
}

impl Robot {
    pub(super) fn new(
        data: &Path,
        layout: Layout,
        bays: Vec<DriveBay>,
        settings: Settings,
        inventory: Inventory,
    ) -> Result<Arc<Self>, Error> {
        let map = ElementMap::new(inventory.cartridges()?);
        Ok(Arc::new(Self {
            data: data.to_owned(),
            layout,
            bays,
            settings,
            inventory: Mutex::new(inventory),
            map: Mutex::new(map),
            preventing: Mutex::default(),
        }))
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

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// An initiator prevents, or allows again, that cartridges leave the library.
    pub(crate) fn prevent_removal(&self, nexus: NexusId, prevent: bool) {
        let mut preventing = self.preventing();
        if prevent {
            preventing.insert(nexus);
        } else {
            preventing.remove(&nexus);
        }
    }

    /// Forgets every prevention: the changer was reset.
    pub(crate) fn allow_removal(&self) {
        self.preventing().clear();
    }

    /// Returns who prevents removal.
    pub(crate) fn preventing_removal(&self) -> Vec<NexusId> {
        self.preventing().iter().copied().collect()
    }

    pub(super) fn removal_is_prevented(&self) -> bool {
        !self.preventing().is_empty()
    }

    fn preventing(&self) -> MutexGuard<'_, BTreeSet<NexusId>> {
        self.preventing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
        let store = WriteBehind::new(LocalStore::new(self.directory(cartridge)));
        let (opened, report) = Cartridge::open(Box::new(store), self.settings.clone())?;
        if !report.missing.is_empty() || !report.damaged.is_empty() {
            tracing::warn!(%cartridge, ?report, "a part of the cartridge is lost");
        } else if report.unsealed {
            tracing::info!(%cartridge, ?report, "cartridge recovered");
        }
        if let MemoryState::Lost { reason } = &report.memory {
            tracing::warn!(%cartridge, reason, "the cartridge's memory is lost; it gets a new one");
        }
        Ok(opened)
    }

    /// Looks whether the cartridges' files are there and notes what changed.
    pub(crate) fn look_at_files(&self) -> Result<(), Error> {
        let mut inventory = self.arm();
        let records: Vec<_> = self.map().cartridges().cloned().collect();
        for record in records {
            self.look_at(&mut inventory, &record)?;
        }
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

    /// Returns the elements of `kind` from address `start` on, at most `count`, as a page for
    /// `report`. Returns how many they were.
    pub(crate) fn report(
        &self,
        report: &mut ElementStatusReport,
        kind: ElementType,
        start: ElementAddress,
        count: u16,
    ) -> u16 {
        let range = self.layout.range(kind);
        let addresses = range.filter(|address| *address >= start.0);
        let map = self.map();
        let elements: Vec<_> = addresses
            .take(usize::from(count))
            .map(|address| self.descriptor(&map, kind, ElementAddress(address)))
            .collect();
        report.page(kind, &elements);
        // At most `count`.
        u16::try_from(elements.len()).unwrap_or(count)
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
            access: bay.is_none_or(|bay| !bay.drive().is_prevented())
                && kind != ElementType::MediumTransport,
            exception: missing.then_some(AdditionalSense::MEDIA_LOAD_OR_EJECT_FAILED),
            source: match occupant.and_then(|record| record.source) {
                Some(source) => SourceElement::Known(source),
                None => SourceElement::Unknown,
            },
            barcode: occupant.map(|record| record.barcode.as_str()),
            device_id: bay.map(DriveBay::device_id),
        }
    }
}
