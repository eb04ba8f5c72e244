//! Page 1Dh: medium configuration (SSC-5 §8.5.7): what a WORM cartridge permits.

use crate::spc::mode::{ModePage, PageId};

/// What may be overwritten on the cartridge that is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediumConfiguration {
    /// Whether the drive takes WORM cartridges; otherwise it does not have the page.
    pub worm_capable: bool,
    /// WORMM: the cartridge is one.
    pub worm: bool,
}

/// WORMM, byte 2.
const WORMM: u8 = 0x01;
/// WORM MODE LABEL RESTRICTIONS 00h, byte 4: no logical block is overwritten, a label neither.
const NO_BLOCK: u8 = 0x00;
/// WORM MODE FILEMARKS RESTRICTIONS 03h, byte 5: any number of filemarks right before the end of
/// data may be overwritten.
const ANY_FILEMARKS_AT_THE_END: u8 = 0x03;

impl ModePage for MediumConfiguration {
    fn id(&self) -> PageId {
        PageId::page(0x1d)
    }

    fn is_present(&self) -> bool {
        self.worm_capable
    }

    fn length(&self) -> usize {
        32
    }

    fn write(&self, page: &mut [u8]) {
        if self.worm {
            page[2] = WORMM;
            page[4] = NO_BLOCK;
            page[5] = ANY_FILEMARKS_AT_THE_END;
        }
    }
}
