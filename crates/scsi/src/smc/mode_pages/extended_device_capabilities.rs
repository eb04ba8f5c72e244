//! Page 1Fh, sub-page 41h: extended device capabilities (SMC-3 §7.3.3).

use crate::spc::mode::{ModePage, PageId};

/// A changer whose import/export station people open and close, and whose element status tells whether
/// it is open. A move neither opens nor closes it by itself, and a prevention of medium removal does not
/// keep moves from its elements. Drives need not be empty for anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtendedDeviceCapabilities;

/// USRCL, byte 4: people close the station.
const USER_CLOSES: u8 = 0x04;
/// USROP, byte 4: people open the station.
const USER_OPENS: u8 = 0x02;
/// IEST, byte 4: ACCESS of an import/export element tells whether the station is open.
const STATION_IS_TOLD: u8 = 0x01;

impl ModePage for ExtendedDeviceCapabilities {
    fn id(&self) -> PageId {
        PageId::subpage(0x1f, 0x41)
    }

    fn length(&self) -> usize {
        20
    }

    fn write(&self, page: &mut [u8]) {
        page[4] = USER_CLOSES | USER_OPENS | STATION_IS_TOLD;
    }
}
