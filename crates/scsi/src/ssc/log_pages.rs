//! Log pages of a tape drive (SSC-5 §8.2, SPC-5 §7.3).

use crate::spc::log::{LogPage, SUPPORTED_PAGES, TAPE_ALERT, TAPE_CAPACITY, page};

/// The pages that a drive has, in ascending order.
pub const PAGES: [u8; 3] = [SUPPORTED_PAGES, TAPE_ALERT, TAPE_CAPACITY];

/// Returns page 00h: the codes of all pages.
pub fn supported_pages() -> Vec<u8> {
    page(SUPPORTED_PAGES, &PAGES)
}

/// Returns page 00h, sub-page FFh: the codes of all pages and sub-pages (SPC-5 §7.3.18).
pub fn supported_subpages() -> Vec<u8> {
    let mut body = vec![SUPPORTED_PAGES, 0x00, SUPPORTED_PAGES, 0xff];
    for code in &PAGES[1..] {
        body.extend_from_slice(&[*code, 0x00]);
    }
    let mut data = page(SUPPORTED_PAGES, &body);
    data[0] |= 0x40; // SPF
    data[1] = 0xff;
    data
}

/// A TapeAlert flag (SSC-5 annex A), the ones that this drive may raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TapeAlert {
    /// A block could not be read.
    ReadFailure = 0x05,
    /// Data could not be written.
    WriteFailure = 0x06,
    /// Somebody wanted to write on a protected cartridge.
    WriteProtect = 0x09,
    /// Somebody wanted to unload while removal is prevented.
    NoRemoval = 0x0a,
}

/// TapeAlert flags 1 to 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapeAlerts(u64);

impl TapeAlerts {
    /// Raises a flag.
    pub fn raise(&mut self, alert: TapeAlert) {
        self.0 |= 1 << (alert as u8 - 1);
    }

    /// Returns whether a flag is up.
    pub const fn is_raised(self, alert: TapeAlert) -> bool {
        self.0 >> (alert as u8 - 1) & 1 == 1
    }

    /// Returns page 2Eh: 64 parameters of one byte (SSC-5 §8.2.3).
    pub fn page(self, parameter_pointer: u16) -> LogPage {
        let mut page = LogPage::new(TAPE_ALERT, parameter_pointer);
        for flag in 0..64_u16 {
            let value = u8::from(self.0 >> flag & 1 == 1);
            page.parameter(flag + 1, BINARY_LIST, &[value]);
        }
        page
    }
}

/// Returns page 31h of LTO drives: remaining and maximum capacity of partitions 0 and 1, in MiB.
/// There is no partition 1.
pub fn tape_capacity(remaining_mib: u32, capacity_mib: u32, parameter_pointer: u16) -> LogPage {
    let mut page = LogPage::new(TAPE_CAPACITY, parameter_pointer);
    let values = [remaining_mib, 0, capacity_mib, 0];
    for (code, value) in (1..).zip(values) {
        page.parameter(code, COUNTER, &value.to_be_bytes());
    }
    page
}

/// Control byte of a parameter that is a counter (SPC-5 §7.3.2.2, FORMAT AND LINKING 00b).
const COUNTER: u8 = 0x00;
/// Control byte of a parameter that is a list of bytes (FORMAT AND LINKING 11b).
const BINARY_LIST: u8 = 0x03;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_pages() {
        assert_eq!(supported_pages(), [0, 0, 0, 3, 0x00, 0x2e, 0x31]);
        assert_eq!(
            supported_subpages(),
            [0x40, 0xff, 0, 8, 0, 0, 0, 0xff, 0x2e, 0, 0x31, 0]
        );
    }

    #[test]
    fn tape_alert_has_64_flags() {
        let mut alerts = TapeAlerts::default();
        alerts.raise(TapeAlert::WriteProtect);
        assert!(alerts.is_raised(TapeAlert::WriteProtect));
        assert!(!alerts.is_raised(TapeAlert::ReadFailure));
        let bytes = alerts.page(0).to_bytes();
        assert_eq!(bytes.len(), 4 + 64 * 5);
        assert_eq!(bytes[..4], [0x2e, 0, 1, 0x40]);
        assert_eq!(bytes[4..9], [0, 1, 3, 1, 0], "flag 1 is down");
        assert_eq!(bytes[4 + 8 * 5..4 + 9 * 5], [0, 9, 3, 1, 1], "flag 9 is up");
    }

    #[test]
    fn tape_capacity_in_mebibytes() {
        let bytes = tape_capacity(0x0102, 0x0304, 0).to_bytes();
        assert_eq!(bytes[..4], [0x31, 0, 0, 32]);
        assert_eq!(bytes[4..12], [0, 1, 0, 4, 0, 0, 1, 2]);
        assert_eq!(bytes[20..28], [0, 3, 0, 4, 0, 0, 3, 4]);
    }
}
