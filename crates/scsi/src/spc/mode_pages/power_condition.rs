//! Page 1Ah: power condition (SPC-5 §7.5.15).

use crate::spc::mode::{ModePage, PageId};

/// All zero: the device never goes to sleep by itself, and nobody can tell it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerCondition {
    /// The device does not have the page.
    Absent,
    /// As SPC-3 has it, with one idle and one standby timer.
    Short,
    /// As SPC-4 and SPC-5 have it, with three of the one and two of the other.
    Long,
}

impl ModePage for PowerCondition {
    fn id(&self) -> PageId {
        PageId::page(0x1a)
    }

    fn is_present(&self) -> bool {
        *self != Self::Absent
    }

    fn length(&self) -> usize {
        match self {
            Self::Absent | Self::Short => 12,
            Self::Long => 40,
        }
    }

    fn write(&self, _page: &mut [u8]) {}
}
