//! Page 0Ah, sub-page 01h: control extension (SPC-5 §7.5.11).

use crate::spc::mode::{ModePage, PageId};

/// Who sets the clock of the unit: something other than SCSI does (TCMOS=1), until SET TIMESTAMP does,
/// which counts more (SCSIP=1). All commands have the same priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlExtension {
    /// Whether the device has the page.
    pub present: bool,
}

/// Timestamp changeable by methods outside the standard, byte 4.
const TCMOS: u8 = 0x04;
/// SCSI precedence, byte 4.
const SCSIP: u8 = 0x02;

impl ModePage for ControlExtension {
    fn id(&self) -> PageId {
        PageId::subpage(0x0a, 0x01)
    }

    fn is_present(&self) -> bool {
        self.present
    }

    fn length(&self) -> usize {
        32
    }

    fn write(&self, page: &mut [u8]) {
        page[4] = TCMOS | SCSIP;
    }
}
