//! Page 10h, sub-page 01h: device configuration extension (SSC-5 §8.5.8).

use crate::sense::Sense;
use crate::spc::mode::{ModePage, PageId, PageView};

/// What the drive does beyond page 10h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // two of the drive's, two of now
pub struct DeviceConfigurationExtension {
    /// Whether the drive has an append-only mode.
    pub append_only_capable: bool,
    /// Whether the drive warns where the initiator wants it.
    pub early_warning_capable: bool,
    /// Whether there is a cartridge, of which append-only mode then guards the data: it "shall not be
    /// changed" to overwrite-allowed before the cartridge is unloaded.
    pub cartridge_loaded: bool,
    /// WRITE MODE 01h: the drive overwrites nothing but what ALLOW OVERWRITE names.
    pub append_only: bool,
    /// PEWS: how far before early warning the programmable early warning lies, in megabytes (10^6
    /// bytes); 0 for none.
    pub programmable_early_warning_mb: u16,
}

/// WRITE MODE, bits 7 to 4 of byte 5.
const WRITE_MODE: u8 = 0xf0;
/// WRITE MODE 01h.
const APPEND_ONLY: u8 = 0x10;
/// SHORT ERASE MODE, bits 3 to 0 of byte 5: an ERASE with LONG=0 records an end of data.
const SHORT_ERASE_RECORDS_END_OF_DATA: u8 = 0x02;
/// PROGRAMMABLE EARLY WARNING SIZE, bytes 6 and 7.
const PEWS: usize = 6;

impl ModePage for DeviceConfigurationExtension {
    fn id(&self) -> PageId {
        PageId::subpage(0x10, 0x01)
    }

    fn is_present(&self) -> bool {
        self.append_only_capable || self.early_warning_capable
    }

    fn length(&self) -> usize {
        32
    }

    fn write(&self, page: &mut [u8]) {
        page[5] = SHORT_ERASE_RECORDS_END_OF_DATA;
        if self.append_only {
            page[5] |= APPEND_ONLY;
        }
        page[PEWS..PEWS + 2].copy_from_slice(&self.programmable_early_warning_mb.to_be_bytes());
    }

    fn changeable(&self, mask: &mut [u8]) {
        if self.append_only_capable {
            mask[5] = WRITE_MODE;
        }
        if self.early_warning_capable {
            mask[PEWS..PEWS + 2].fill(0xff);
        }
    }

    fn apply(&mut self, page: &PageView<'_>) -> Result<(), Sense> {
        self.append_only = match page.byte(5) & WRITE_MODE {
            0 if self.append_only && self.cartridge_loaded => {
                return Err(page.fault_at_bit(5, 7));
            }
            0 => false,
            APPEND_ONLY => true,
            _ => return Err(page.fault_at_bit(5, 7)),
        };
        self.programmable_early_warning_mb = page.u16(PEWS);
        Ok(())
    }
}
