//! Page 1Ch: informational exceptions control (SPC-5 §7.5.14; SSC-5 §8.5.6 and SMC-3
//! say what it means to TapeAlert).

use crate::spc::mode::{ModePage, PageId};

/// DEXCPT=1: exceptions raise no unit attention, they wait in the TapeAlert log page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InformationalExceptions;

/// DEXCPT, byte 2.
const DEXCPT: u8 = 0x08;
/// MRIE 3h, byte 3: "conditionally generate recovered error".
const MRIE: u8 = 0x03;

impl ModePage for InformationalExceptions {
    fn id(&self) -> PageId {
        PageId::page(0x1c)
    }

    fn length(&self) -> usize {
        12
    }

    fn write(&self, page: &mut [u8]) {
        page[2] = DEXCPT;
        page[3] = MRIE;
    }
}
