//! Page 1Fh: device capabilities (SMC-3 §7.3.2).

use crate::spc::mode::{ModePage, PageId};

/// A changer that stores cartridges everywhere but in its picker, moves them between all these
/// places, and exchanges them there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceCapabilities;

/// DT, I/E and ST; bit 0, MT, is not set.
const PLACES: u8 = 0x0e;

impl ModePage for DeviceCapabilities {
    fn id(&self) -> PageId {
        PageId::page(0x1f)
    }

    fn length(&self) -> usize {
        20
    }

    fn write(&self, page: &mut [u8]) {
        page[2] = PLACES; // STORDT, STORI/E, STORST
        // Bytes 4 to 7: from MT, ST, I/E, DT to each.
        page[5..8].fill(PLACES);
        // Bytes 12 to 15: exchanges from MT, ST, I/E, DT with each.
        page[13..16].fill(PLACES);
    }
}
