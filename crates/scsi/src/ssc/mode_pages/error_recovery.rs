//! Page 01h: read-write error recovery (SSC-5 §8.5.5).

use crate::spc::mode::{ModePage, PageId};

/// All zero: nothing is retried, because nothing is ever read from a surface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorRecovery;

impl ModePage for ErrorRecovery {
    fn id(&self) -> PageId {
        PageId::page(0x01)
    }

    fn length(&self) -> usize {
        12
    }

    fn write(&self, _page: &mut [u8]) {}
}
