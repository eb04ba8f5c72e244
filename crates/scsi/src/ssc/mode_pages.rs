//! Mode pages of a tape drive (SSC-5 §8.5).
//!
//! Page 0Fh and page 10h both tell whether the drive compresses, so the pages are views of one value,
//! [`DriveParameters`].

use crate::sense::Sense;
use crate::spc::mode::{self, CONTROL, PageControl, PageView};

/// What the pages of a drive tell and what MODE SELECT may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriveParameters {
    /// Whether the drive has a compression algorithm at all (DCC). Nobody changes it.
    pub compression_capable: bool,
    /// DCE, and SELECT DATA COMPRESSION ALGORITHM 01h.
    pub compression: bool,
    /// SWP: the drive refuses to write.
    pub software_write_protect: bool,
}

/// Page 01h (SPC-5 calls it device specific): read-write error recovery (SSC-5 §8.5.5).
pub const ERROR_RECOVERY: u8 = 0x01;
/// Page 02h: disconnect-reconnect (SPC-5 §7.5.10).
pub const DISCONNECT_RECONNECT: u8 = 0x02;
/// Page 0Fh: data compression (SSC-5 §8.5.2).
pub const DATA_COMPRESSION: u8 = 0x0f;
/// Page 10h: device configuration (SSC-5 §8.5.3).
pub const DEVICE_CONFIGURATION: u8 = 0x10;
/// Page 1Ch: informational exceptions control (SSC-5 §8.5.6).
pub const INFORMATIONAL_EXCEPTIONS: u8 = 0x1c;

/// All pages, in the order in which page 3Fh returns them: ascending (SPC-5 §6.14.1).
pub const PAGES: [u8; 6] = [
    ERROR_RECOVERY,
    DISCONNECT_RECONNECT,
    CONTROL,
    DATA_COMPRESSION,
    DEVICE_CONFIGURATION,
    INFORMATIONAL_EXCEPTIONS,
];

impl DriveParameters {
    /// Returns page `page_code` with its header, or `None` for a page that drives do not have.
    /// `self` are the values to tell; the mask of changeable bits does not depend on them.
    pub fn page(self, page_code: u8, page_control: PageControl) -> Option<Vec<u8>> {
        let body = match page_control {
            PageControl::Changeable => self.changeable(page_code)?,
            _ => self.body(page_code)?,
        };
        Some(mode::page(page_code, &body))
    }

    /// Reads one page of a MODE SELECT list and returns the values that it asks for.
    ///
    /// A length that is not the page's, and a change to a bit that cannot change, are refused with a
    /// pointer at the first byte in error (SPC-5 §6.11).
    pub fn apply(self, page: &PageView<'_>) -> Result<Self, Sense> {
        let (Some(current), Some(changeable)) =
            (self.body(page.page_code), self.changeable(page.page_code))
        else {
            return Err(Sense::invalid_field_in_parameter_list(page.offset));
        };
        if page.subpage_code != 0 {
            return Err(Sense::invalid_field_in_parameter_list(page.offset + 1));
        }
        if page.body.len() != current.len() {
            return Err(Sense::invalid_field_in_parameter_list(page.offset + 1));
        }
        let offset_in_body = |index: usize| {
            #[allow(clippy::cast_possible_truncation)] // bodies of ours have 14 bytes at most
            let index = index as u16;
            page.offset + page.header_length + index
        };
        for (index, ((new, old), mask)) in
            page.body.iter().zip(&current).zip(&changeable).enumerate()
        {
            if (new ^ old) & !mask != 0 {
                return Err(Sense::invalid_field_in_parameter_list(offset_in_body(
                    index,
                )));
            }
        }
        let mut wanted = self;
        match page.page_code {
            DATA_COMPRESSION => {
                let algorithm =
                    u32::from_be_bytes([page.body[2], page.body[3], page.body[4], page.body[5]]);
                if algorithm > DEFAULT_ALGORITHM {
                    return Err(Sense::invalid_field_in_parameter_list(offset_in_body(2)));
                }
                wanted.compression = page.body[0] & DCE != 0 && algorithm != NO_ALGORITHM;
            }
            DEVICE_CONFIGURATION => {
                wanted.compression = match page.body[SELECT_ALGORITHM] {
                    0 => false,
                    1 if self.compression_capable => true,
                    _ => {
                        let at = offset_in_body(SELECT_ALGORITHM);
                        return Err(Sense::invalid_field_in_parameter_list(at));
                    }
                };
                wanted.software_write_protect = page.body[8] & SWP != 0;
            }
            _ => {}
        }
        Ok(wanted)
    }

    /// The bytes behind the page's header.
    fn body(self, page_code: u8) -> Option<Vec<u8>> {
        let body = match page_code {
            ERROR_RECOVERY | CONTROL => vec![0; 10],
            DISCONNECT_RECONNECT => vec![0; 14],
            DATA_COMPRESSION => self.data_compression().to_vec(),
            DEVICE_CONFIGURATION => self.device_configuration().to_vec(),
            // DEXCPT: exceptions raise no unit attention, they wait in the TapeAlert log page.
            INFORMATIONAL_EXCEPTIONS => vec![0x08, 0x03, 0, 0, 0, 0, 0, 0, 0, 0],
            _ => return None,
        };
        Some(body)
    }

    /// Ones where MODE SELECT may change a bit.
    fn changeable(self, page_code: u8) -> Option<Vec<u8>> {
        let mut mask = vec![0; self.body(page_code)?.len()];
        match page_code {
            DATA_COMPRESSION if self.compression_capable => {
                mask[0] = DCE;
                mask[2..6].fill(0xff);
            }
            DEVICE_CONFIGURATION => {
                mask[8] = SWP;
                if self.compression_capable {
                    mask[SELECT_ALGORITHM] = 0xff;
                }
            }
            _ => {}
        }
        Some(mask)
    }

    /// SSC-5 §8.5.2. The algorithm stays in place while compression is off: whoever turns DCE on
    /// again (Linux's st does a read, a change of DCE, and a write) would otherwise ask for none.
    fn data_compression(self) -> [u8; 14] {
        let mut body = [0; 14];
        let algorithm = if self.compression_capable {
            DEFAULT_ALGORITHM
        } else {
            NO_ALGORITHM
        };
        body[0] = if self.compression { DCE } else { 0 };
        if self.compression_capable {
            body[0] |= DCC;
        }
        body[1] = DDE;
        body[2..6].copy_from_slice(&algorithm.to_be_bytes());
        body[6..10].copy_from_slice(&algorithm.to_be_bytes());
        body
    }

    /// SSC-5 §8.5.3.
    fn device_configuration(self) -> [u8; 14] {
        let mut body = [0; 14];
        body[6] = LOIS;
        body[8] = EEG;
        if self.software_write_protect {
            body[8] |= SWP;
        }
        body[SELECT_ALGORITHM] = u8::from(self.compression);
        body[13] = KEEP_POSITION_ON_RESET;
        body
    }
}

/// Data compression enable, page 0Fh byte 2.
const DCE: u8 = 0x80;
/// Data compression capable, page 0Fh byte 2.
const DCC: u8 = 0x40;
/// Data decompression enable, page 0Fh byte 3: we always decompress.
const DDE: u8 = 0x80;
/// COMPRESSION ALGORITHM 0: none.
const NO_ALGORITHM: u32 = 0;
/// COMPRESSION ALGORITHM 1: the default one of the drive.
const DEFAULT_ALGORITHM: u32 = 1;
/// Logical object identifiers supported, page 10h byte 8.
const LOIS: u8 = 0x40;
/// Enable EOD generation, page 10h byte 10.
const EEG: u8 = 0x10;
/// Software write protection, page 10h byte 10.
const SWP: u8 = 0x04;
/// SELECT DATA COMPRESSION ALGORITHM, page 10h byte 14, counted behind the header.
const SELECT_ALGORITHM: usize = 12;
/// REWIND ON RESET 10b, page 10h byte 15: "the logical unit shall maintain its position".
const KEEP_POSITION_ON_RESET: u8 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spc::mode::pages;

    const ON: DriveParameters = DriveParameters {
        compression_capable: true,
        compression: true,
        software_write_protect: false,
    };
    const OFF: DriveParameters = DriveParameters {
        compression: false,
        ..ON
    };

    fn apply(parameters: DriveParameters, page: &[u8]) -> Result<DriveParameters, Sense> {
        parameters.apply(&pages(page, 12).unwrap()[0])
    }

    #[test]
    fn data_compression_page() {
        let page = ON.page(0x0f, PageControl::Current).unwrap();
        assert_eq!(
            page,
            [0x0f, 14, 0xc0, 0x80, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]
        );
        assert_eq!(OFF.page(0x0f, PageControl::Current).unwrap()[2], 0x40);
        let mask = ON.page(0x0f, PageControl::Changeable).unwrap();
        assert_eq!(mask[2..8], [0x80, 0, 0xff, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn device_configuration_page() {
        let page = ON.page(0x10, PageControl::Current).unwrap();
        assert_eq!(
            page,
            [0x10, 14, 0, 0, 0, 0, 0, 0, 0x40, 0, 0x10, 0, 0, 0, 1, 0x10]
        );
    }

    #[test]
    fn every_page_comes_back_as_it_was_told() {
        for code in PAGES {
            let page = ON.page(code, PageControl::Current).unwrap();
            assert_eq!(apply(ON, &page), Ok(ON), "page {code:02x}");
        }
    }

    #[test]
    fn either_page_switches_compression() {
        let mut page = ON.page(0x0f, PageControl::Current).unwrap();
        page[2] &= !0x80;
        assert_eq!(apply(ON, &page), Ok(OFF));
        page[2] |= 0x80;
        assert_eq!(apply(OFF, &page), Ok(ON));
        page[7] = 0;
        assert_eq!(apply(ON, &page), Ok(OFF), "algorithm none");
        let mut page = ON.page(0x10, PageControl::Current).unwrap();
        page[14] = 0;
        assert_eq!(apply(ON, &page), Ok(OFF));
    }

    #[test]
    fn faults_are_pointed_at() {
        let mut page = ON.page(0x0f, PageControl::Current).unwrap();
        page[3] = 0; // DDE, not changeable; the page starts at byte 12 of the list
        assert_eq!(
            apply(ON, &page),
            Err(Sense::invalid_field_in_parameter_list(15))
        );
        assert_eq!(
            apply(ON, &[0x0f, 2, 0xc0, 0x80]),
            Err(Sense::invalid_field_in_parameter_list(13)),
            "length"
        );
        assert_eq!(
            apply(ON, &[0x3e, 0]),
            Err(Sense::invalid_field_in_parameter_list(12)),
            "unknown page"
        );
    }
}
