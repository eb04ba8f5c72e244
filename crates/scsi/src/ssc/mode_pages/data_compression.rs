//! Page 0Fh: data compression (SSC-5 §8.5.2).

use crate::sense::Sense;
use crate::spc::mode::{ModePage, PageId, PageView};

/// Whether the drive compresses. Page 10h tells the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataCompression {
    /// DCC: whether the drive has a compression algorithm at all. Nobody changes it.
    pub capable: bool,
    /// DCE: whether it uses it.
    pub enabled: bool,
}

/// Data compression enable, byte 2.
const DCE: u8 = 0x80;
/// Data compression capable, byte 2.
const DCC: u8 = 0x40;
/// Data decompression enable, byte 3: we always decompress.
const DDE: u8 = 0x80;
/// COMPRESSION ALGORITHM 0: none.
const NO_ALGORITHM: u32 = 0;
/// COMPRESSION ALGORITHM 1: the default one of the drive.
const DEFAULT_ALGORITHM: u32 = 1;

impl ModePage for DataCompression {
    fn id(&self) -> PageId {
        PageId::page(0x0f)
    }

    fn length(&self) -> usize {
        16
    }

    /// The algorithm stays in place while compression is off: whoever turns DCE on again (Linux's st
    /// does a read, a change of DCE, and a write) would otherwise ask for none.
    fn write(&self, page: &mut [u8]) {
        page[2] = if self.enabled { DCE } else { 0 };
        page[3] = DDE;
        let mut algorithm = NO_ALGORITHM;
        if self.capable {
            page[2] |= DCC;
            algorithm = DEFAULT_ALGORITHM;
        }
        page[4..8].copy_from_slice(&algorithm.to_be_bytes());
        page[8..12].copy_from_slice(&algorithm.to_be_bytes());
    }

    fn changeable(&self, mask: &mut [u8]) {
        if self.capable {
            mask[2] = DCE;
            mask[4..8].fill(0xff);
        }
    }

    fn apply(&mut self, page: &PageView<'_>) -> Result<(), Sense> {
        let algorithm = page.u32(4);
        if algorithm > DEFAULT_ALGORITHM {
            return Err(page.fault(4));
        }
        self.enabled = page.byte(2) & DCE != 0 && algorithm != NO_ALGORITHM;
        Ok(())
    }
}
