//! Pages of IBM's Ultrium drives that no standard knows.

use crate::spc::mode::{ModePage, PageId};

/// Page 25h: read/write control. IBM's driver for Windows refuses a drive without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadWriteControl {
    /// Whether the drive has the page.
    pub present: bool,
}

/// Page 2Fh: behaviour configuration. All zero, the drive's defaults: no fencing, no cleaning by
/// itself, WORM by cartridge, and sense data as the standard has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BehaviourConfiguration {
    /// Whether the drive has the page.
    pub present: bool,
}

/// Logical end of partition, byte 5: where it makes the most of the medium.
const MAXIMIZE_CAPACITY: u8 = 0x01;
/// Early warning, byte 6: it is told.
const EARLY_WARNING: u8 = 0x01;

impl ModePage for ReadWriteControl {
    fn id(&self) -> PageId {
        PageId::page(0x25)
    }

    fn is_present(&self) -> bool {
        self.present
    }

    fn length(&self) -> usize {
        32
    }

    fn write(&self, page: &mut [u8]) {
        page[5] = MAXIMIZE_CAPACITY;
        page[6] = EARLY_WARNING;
    }
}

impl ModePage for BehaviourConfiguration {
    fn id(&self) -> PageId {
        PageId::page(0x2f)
    }

    fn is_present(&self) -> bool {
        self.present
    }

    fn length(&self) -> usize {
        10
    }

    fn write(&self, _page: &mut [u8]) {}
}
