//! SECURITY PROTOCOL IN: which pages there are, and those that never change (SPC-5 §7.7.1, SSC-5 §8.5.2).

use super::SecurityProtocol;
use super::{INFORMATION, TAPE_DATA_ENCRYPTION, page};
use crate::sense::Sense;

/// A page of SECURITY PROTOCOL IN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageIn {
    /// Its data are always the same.
    Fixed(FixedPage),
    /// 0010h: data encryption capabilities.
    Capabilities,
    /// 0020h: data encryption status.
    Status,
    /// 0021h: next block encryption status.
    NextBlock,
}

/// A page that never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixedPage {
    /// Protocol 00h, 0000h: supported security protocols.
    Protocols,
    /// Protocol 00h, 0001h: certificate data. There is none.
    Certificate,
    /// 0000h: pages of SECURITY PROTOCOL IN.
    PagesIn,
    /// 0001h: pages of SECURITY PROTOCOL OUT.
    PagesOut,
    /// 0011h: supported key formats.
    KeyFormats,
    /// 0012h: data encryption management capabilities.
    Management,
}

impl PageIn {
    /// Returns the page that a command asks for.
    pub fn of(command: SecurityProtocol) -> Result<Self, Sense> {
        Ok(match (command.protocol, command.page) {
            (INFORMATION, 0x0000) => Self::Fixed(FixedPage::Protocols),
            (INFORMATION, 0x0001) => Self::Fixed(FixedPage::Certificate),
            (TAPE_DATA_ENCRYPTION, 0x0000) => Self::Fixed(FixedPage::PagesIn),
            (TAPE_DATA_ENCRYPTION, 0x0001) => Self::Fixed(FixedPage::PagesOut),
            (TAPE_DATA_ENCRYPTION, CAPABILITIES) => Self::Capabilities,
            (TAPE_DATA_ENCRYPTION, 0x0011) => Self::Fixed(FixedPage::KeyFormats),
            (TAPE_DATA_ENCRYPTION, 0x0012) => Self::Fixed(FixedPage::Management),
            (TAPE_DATA_ENCRYPTION, STATUS) => Self::Status,
            (TAPE_DATA_ENCRYPTION, NEXT_BLOCK) => Self::NextBlock,
            _ => return Err(SecurityProtocol::invalid_page()),
        })
    }
}

impl FixedPage {
    /// Returns the parameter data.
    pub fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Protocols => vec![0, 0, 0, 0, 0, 0, 0, 2, INFORMATION, TAPE_DATA_ENCRYPTION],
            Self::Certificate => vec![0; 4],
            Self::PagesIn => {
                let codes = [
                    0x0000,
                    0x0001,
                    CAPABILITIES,
                    0x0011,
                    0x0012,
                    STATUS,
                    NEXT_BLOCK,
                ];
                page(0x0000, codes.map(u16::to_be_bytes).as_flattened())
            }
            Self::PagesOut => page(0x0001, &super::set_data_encryption::PAGE.to_be_bytes()),
            Self::KeyFormats => page(0x0011, &[super::set_data_encryption::PLAIN_TEXT]),
            // LOCK_C; CKOD_C, CKORP_C and CKORL_C; AITN_C, LOCAL_C and PUBLIC_C.
            Self::Management => page(0x0012, &[0x01, 0x07, 0, 0x07, 0, 0, 0, 0, 0, 0, 0, 0]),
        }
    }
}

pub(super) const CAPABILITIES: u16 = 0x0010;
pub(super) const STATUS: u16 = 0x0020;
pub(super) const NEXT_BLOCK: u16 = 0x0021;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(protocol: u8, page: u16) -> Result<PageIn, Sense> {
        let length = 0;
        PageIn::of(SecurityProtocol {
            protocol,
            page,
            length,
        })
    }

    #[test]
    fn every_page_that_is_listed_is_there_and_no_other() {
        let list = FixedPage::PagesIn.to_bytes();
        assert_eq!(list[..4], [0, 0, 0, 14]);
        let (listed, _) = list[4..].as_chunks::<2>();
        for code in 0..=0xffff {
            let known = of(TAPE_DATA_ENCRYPTION, code).is_ok();
            assert_eq!(known, listed.contains(&code.to_be_bytes()), "{code:04x}");
        }
        assert!(listed.is_sorted());
        assert_eq!(of(INFORMATION, 2), Err(Sense::invalid_field_in_cdb(2)));
    }

    #[test]
    fn pages_that_never_change() {
        let bytes = |protocol, page| match of(protocol, page) {
            Ok(PageIn::Fixed(page)) => page.to_bytes(),
            other => panic!("{other:?}"),
        };
        assert_eq!(bytes(0, 0), [0, 0, 0, 0, 0, 0, 0, 2, 0x00, 0x20]);
        assert_eq!(bytes(0, 1), [0; 4], "no certificate");
        assert_eq!(bytes(0x20, 1), [0, 1, 0, 2, 0x00, 0x10]);
        assert_eq!(bytes(0x20, 0x11), [0, 0x11, 0, 1, 0], "plain text");
        let management = bytes(0x20, 0x12);
        assert_eq!(management[..8], [0, 0x12, 0, 12, 1, 7, 0, 7]);
        assert_eq!(management.len(), 16);
    }
}
