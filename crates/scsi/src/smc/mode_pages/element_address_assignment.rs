//! Page 1Dh: element address assignment (SMC-3 §7.3.4).

use crate::spc::mode::{ModePage, PageId};

/// The elements of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementRange {
    /// The first address; 0 when there are none.
    pub first: u16,
    /// How many.
    pub count: u16,
}

/// Where the elements are. Nobody changes it: they are where the library was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementAddressAssignment {
    /// Pickers.
    pub medium_transport: ElementRange,
    /// Slots.
    pub storage: ElementRange,
    /// Import/export slots.
    pub import_export: ElementRange,
    /// Drives.
    pub data_transfer: ElementRange,
}

impl ModePage for ElementAddressAssignment {
    fn id(&self) -> PageId {
        PageId::page(0x1d)
    }

    fn length(&self) -> usize {
        20
    }

    fn write(&self, page: &mut [u8]) {
        let ranges = [
            self.medium_transport,
            self.storage,
            self.import_export,
            self.data_transfer,
        ];
        for (field, range) in page[2..18].chunks_exact_mut(4).zip(ranges) {
            field[..2].copy_from_slice(&range.first.to_be_bytes());
            field[2..].copy_from_slice(&range.count.to_be_bytes());
        }
    }
}
