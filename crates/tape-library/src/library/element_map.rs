//! The map of elements in memory: what the catalogue says, ready for READ ELEMENT STATUS.

use std::collections::{BTreeMap, HashMap};

use scsi::ElementAddress;
use uuid::Uuid;

use crate::inventory::{CartridgeRecord, CartridgeState, Relocation};

/// All cartridges, and who sits where. It changes only after the catalogue has.
#[derive(Debug, Default)]
pub(crate) struct ElementMap {
    cartridges: HashMap<Uuid, CartridgeRecord>,
    occupants: BTreeMap<ElementAddress, Uuid>,
    by_barcode: BTreeMap<String, Uuid>,
}

impl ElementMap {
    /// Returns the map of `records`.
    pub(crate) fn new(records: impl IntoIterator<Item = CartridgeRecord>) -> Self {
        let mut map = Self::default();
        for record in records {
            map.insert(record);
        }
        map
    }

    /// Returns the cartridge in `element`.
    pub(crate) fn occupant(&self, element: ElementAddress) -> Option<&CartridgeRecord> {
        self.cartridges.get(self.occupants.get(&element)?)
    }

    /// Returns the cartridge that bears `barcode`.
    pub(crate) fn find(&self, barcode: &str) -> Option<&CartridgeRecord> {
        self.cartridges.get(self.by_barcode.get(barcode)?)
    }

    /// Returns all cartridges, ordered by barcode.
    pub(crate) fn cartridges(&self) -> impl Iterator<Item = &CartridgeRecord> {
        self.by_barcode
            .values()
            .filter_map(|uuid| self.cartridges.get(uuid))
    }

    /// Adds a cartridge.
    pub(crate) fn insert(&mut self, record: CartridgeRecord) {
        if let Some(element) = record.element {
            let before = self.occupants.insert(element, record.uuid);
            debug_assert_eq!(before, None, "the catalogue refuses two in one element");
        }
        self.by_barcode.insert(record.barcode.clone(), record.uuid);
        self.cartridges.insert(record.uuid, record);
    }

    /// Moves cartridges, all of them at once: one may go where another one was.
    pub(crate) fn relocate(&mut self, relocations: &[Relocation]) {
        for relocation in relocations {
            if let Some(record) = self.cartridges.get_mut(&relocation.cartridge)
                && let Some(element) = record.element.take()
            {
                self.occupants.remove(&element);
            }
        }
        for relocation in relocations {
            if let Some(record) = self.cartridges.get_mut(&relocation.cartridge) {
                record.element = Some(relocation.element);
                record.source = relocation.source;
                record.archive_intent = relocation.archive_intent;
                let before = self.occupants.insert(relocation.element, record.uuid);
                debug_assert_eq!(before, None, "the catalogue refuses two in one element");
            }
        }
    }

    /// Leaves a cartridge without an element.
    pub(crate) fn take_out(&mut self, cartridge: Uuid) {
        let record = self.cartridges.get_mut(&cartridge);
        if let Some(element) = record.and_then(|record| record.element.take()) {
            self.occupants.remove(&element);
        }
    }

    /// Sets the state of a cartridge.
    pub(crate) fn set_state(&mut self, cartridge: Uuid, state: CartridgeState) {
        if let Some(record) = self.cartridges.get_mut(&cartridge) {
            record.state = state;
        }
    }

    /// Sets the write protect tab of a cartridge.
    pub(crate) fn set_write_protected(&mut self, cartridge: Uuid, write_protected: bool) {
        if let Some(record) = self.cartridges.get_mut(&cartridge) {
            record.write_protected = write_protected;
        }
    }

    /// Takes a cartridge out.
    pub(crate) fn remove(&mut self, cartridge: Uuid) {
        if let Some(record) = self.cartridges.remove(&cartridge) {
            self.by_barcode.remove(&record.barcode);
            if let Some(element) = record.element {
                self.occupants.remove(&element);
            }
        }
    }
}
