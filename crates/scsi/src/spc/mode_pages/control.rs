//! Page 0Ah: control (SPC-5 §7.5.10).

use crate::sense::Sense;
use crate::spc::mode::{ModePage, PageId, PageView};

/// How the unit treats commands. What stands nowhere here is zero: one task set for all initiators
/// (TST), restricted reordering (QUEUE ALGORITHM MODIFIER), a CHECK CONDITION that stops no other
/// command (QERR), unit attentions cleared when they are told (`UA_INTLCK_CTRL`), commands aborted by
/// others without a status (TAS), and no busy timeout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// `D_SENSE`: sense data have descriptor format, else fixed format.
    pub descriptor_sense: bool,
}

/// `D_SENSE`, byte 2.
const D_SENSE: u8 = 0x04;

/// GLTSD, byte 2: the unit saves no log parameters by itself.
const GLTSD: u8 = 0x02;

impl ModePage for Control {
    fn id(&self) -> PageId {
        PageId::page(0x0a)
    }

    fn length(&self) -> usize {
        12
    }

    fn write(&self, page: &mut [u8]) {
        page[2] = GLTSD;
        if self.descriptor_sense {
            page[2] |= D_SENSE;
        }
    }

    fn changeable(&self, mask: &mut [u8]) {
        mask[2] = D_SENSE;
    }

    fn apply(&mut self, page: &PageView<'_>) -> Result<(), Sense> {
        self.descriptor_sense = page.byte(2) & D_SENSE != 0;
        Ok(())
    }
}
