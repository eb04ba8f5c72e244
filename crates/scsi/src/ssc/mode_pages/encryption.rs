//! Pages of IBM's Ultrium drives about encryption, which no standard knows. They tell software of IBM's
//! that the application brings the keys; what SECURITY PROTOCOL IN tells does not depend on them.

use crate::spc::mode::{ModePage, PageId};

/// Page 24h: whether the drive encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptionCapability {
    /// Whether the drive has the page.
    pub present: bool,
}

/// Page 30h, sub-page 20h: who brings the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptionMode {
    /// Whether the drive has the page.
    pub present: bool,
}

/// ENCR_C, byte 7: the drive is capable of encryption.
const CAPABLE: u8 = 0x01;
/// Encryption solution method, byte 5: managed by the application.
const BY_APPLICATION: u8 = 0x03;
/// Key path, byte 6: as SECURITY PROTOCOL OUT brings it.
const BY_COMMAND: u8 = 0x01;
/// Default encryption state, byte 7: off.
const OFF_BY_DEFAULT: u8 = 0x01;

impl ModePage for EncryptionCapability {
    fn id(&self) -> PageId {
        PageId::page(0x24)
    }

    fn is_present(&self) -> bool {
        self.present
    }

    fn length(&self) -> usize {
        8
    }

    fn write(&self, page: &mut [u8]) {
        page[7] = CAPABLE;
    }
}

impl ModePage for EncryptionMode {
    fn id(&self) -> PageId {
        PageId::subpage(0x30, 0x20)
    }

    fn is_present(&self) -> bool {
        self.present
    }

    fn length(&self) -> usize {
        9
    }

    fn write(&self, page: &mut [u8]) {
        page[5] = BY_APPLICATION;
        page[6] = BY_COMMAND;
        page[7] = OFF_BY_DEFAULT;
    }
}
