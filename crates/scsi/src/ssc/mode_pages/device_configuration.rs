//! Page 10h: device configuration (SSC-5 §8.5.3).

use crate::sense::Sense;
use crate::spc::mode::{ModePage, PageId, PageView};

/// How the drive works. REW is zero, as with LTO drives: early warning is told to who writes only.
#[allow(clippy::struct_excessive_bools)] // bits of the page
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceConfiguration {
    /// Whether the drive has a compression algorithm at all, as in page 0Fh.
    pub compression_capable: bool,
    /// SELECT DATA COMPRESSION ALGORITHM: whether it uses it, as in page 0Fh.
    pub compression: bool,
    /// SWP: the drive refuses to write.
    pub software_write_protect: bool,
    /// SEW: what is written behind early warning goes to the medium before the drive answers.
    pub synchronize_at_early_warning: bool,
}

/// Logical object identifiers supported, byte 8.
const LOIS: u8 = 0x40;
/// Synchronize at early warning, byte 10.
const SEW: u8 = 0x08;
/// Enable EOD generation, byte 10.
const EEG: u8 = 0x10;
/// Software write protection, byte 10.
const SWP: u8 = 0x04;
/// REWIND ON RESET 10b, byte 15: "the logical unit shall maintain its position".
const KEEP_POSITION_ON_RESET: u8 = 0x10;

impl ModePage for DeviceConfiguration {
    fn id(&self) -> PageId {
        PageId::page(0x10)
    }

    fn length(&self) -> usize {
        16
    }

    fn write(&self, page: &mut [u8]) {
        page[8] = LOIS;
        page[10] = EEG;
        if self.synchronize_at_early_warning {
            page[10] |= SEW;
        }
        if self.software_write_protect {
            page[10] |= SWP;
        }
        page[14] = u8::from(self.compression);
        page[15] = KEEP_POSITION_ON_RESET;
    }

    fn changeable(&self, mask: &mut [u8]) {
        mask[10] = SEW | SWP;
        if self.compression_capable {
            mask[14] = 0xff;
        }
    }

    fn apply(&mut self, page: &PageView<'_>) -> Result<(), Sense> {
        self.compression = match page.byte(14) {
            0 => false,
            1 if self.compression_capable => true,
            _ => return Err(page.fault(14)),
        };
        self.software_write_protect = page.byte(10) & SWP != 0;
        self.synchronize_at_early_warning = page.byte(10) & SEW != 0;
        Ok(())
    }
}
