//! Page 1Eh: transport geometry parameters (SMC-3 §7.3.6).

use crate::spc::mode::{ModePage, PageId};

/// One picker that does not rotate: member 0 of its set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransportGeometry;

impl ModePage for TransportGeometry {
    fn id(&self) -> PageId {
        PageId::page(0x1e)
    }

    fn length(&self) -> usize {
        4
    }

    fn write(&self, _page: &mut [u8]) {}
}
