//! LOG SENSE (SPC-5 §6.8, §7.3): CDB and log pages with their parameters.

use crate::task::Cdb;

/// A parsed LOG SENSE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSense {
    /// The page.
    pub page_code: u8,
    /// The sub-page; FFh for all of a page.
    pub subpage_code: u8,
    /// The first parameter wanted; smaller codes are left out.
    pub parameter_pointer: u16,
    /// The most bytes that the initiator takes.
    pub allocation_length: u16,
}

impl LogSense {
    /// Parses the CDB. Page control is not looked at: all our values are cumulative.
    pub fn parse(cdb: &Cdb) -> Self {
        Self {
            page_code: cdb.byte(2) & 0x3f,
            subpage_code: cdb.byte(3),
            parameter_pointer: cdb.u16(5),
            allocation_length: cdb.u16(7),
        }
    }
}

/// The supported log pages page (SPC-5 §7.3.17).
pub const SUPPORTED_PAGES: u8 = 0x00;
/// TapeAlert (SSC-5 §8.2.3).
pub const TAPE_ALERT: u8 = 0x2e;
/// Tape capacity of LTO drives.
pub const TAPE_CAPACITY: u8 = 0x31;

/// A log page under construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    page_code: u8,
    parameters: Vec<u8>,
    first: u16,
}

impl LogPage {
    /// Returns an empty page that takes parameters from code `parameter_pointer` on.
    pub const fn new(page_code: u8, parameter_pointer: u16) -> Self {
        Self {
            page_code,
            parameters: Vec::new(),
            first: parameter_pointer,
        }
    }

    /// Adds parameter `code` with `value`. The control byte says binary format list, or a counter
    /// that is never saved (SPC-5 §7.3.2.2): 0x03 for lists, 0x00 for counters.
    pub fn parameter(&mut self, code: u16, control: u8, value: &[u8]) -> &mut Self {
        if code >= self.first {
            self.parameters.extend_from_slice(&code.to_be_bytes());
            #[allow(clippy::cast_possible_truncation)] // parameters of ours are short
            self.parameters
                .extend_from_slice(&[control, value.len() as u8]);
            self.parameters.extend_from_slice(value);
        }
        self
    }

    /// Returns the page with its header.
    pub fn to_bytes(&self) -> Vec<u8> {
        page(self.page_code, &self.parameters)
    }
}

/// Returns a log page: code, reserved, two bytes of length, body.
pub fn page(page_code: u8, body: &[u8]) -> Vec<u8> {
    #[allow(clippy::cast_possible_truncation)] // pages of ours are short
    let [high, low] = (body.len() as u16).to_be_bytes();
    let mut page = vec![page_code, 0, high, low];
    page.extend_from_slice(body);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_before_the_pointer_are_left_out() {
        let mut page = LogPage::new(TAPE_CAPACITY, 2);
        page.parameter(1, 0, &[0, 0, 0, 1])
            .parameter(2, 0, &[0, 0, 0, 2]);
        assert_eq!(page.to_bytes(), [0x31, 0, 0, 8, 0, 2, 0, 4, 0, 0, 0, 2]);
    }
}
