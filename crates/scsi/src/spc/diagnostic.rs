//! SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS (SPC-5 §6.42, §6.22, §7.2).

use crate::sense::{AdditionalSense, Sense};
use crate::task::Cdb;

/// Page 00h: the list of diagnostic pages.
pub const SUPPORTED_PAGES: u8 = 0x00;
/// Page 80h, of IBM's LTO drives: something to be done, by its diagnostic identifier. LTFS asks for a
/// dump in this way whenever a command fails unexpectedly, and fetches it with READ BUFFER; when the
/// request itself fails it asks again, without end.
pub const DIAGNOSTIC_REQUEST: u8 = 0x80;
/// The diagnostic identifier of "force a dump".
const FORCE_DUMP: u16 = 0x0160;

/// What SEND DIAGNOSTIC wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendDiagnostic {
    /// SELFTEST=1, or a self-test in the foreground: its end is the command's.
    SelfTest,
    /// The page which the next RECEIVE DIAGNOSTIC RESULTS with PCV=0 shall return.
    Page(u8),
    /// A dump, to be read from the buffer for dumps.
    Dump,
    /// Nothing: an empty parameter list "shall not be considered an error".
    Nothing,
}

impl SendDiagnostic {
    /// Returns the PARAMETER LIST LENGTH.
    pub fn parameter_list_length(cdb: &Cdb) -> u16 {
        cdb.u16(3)
    }

    /// Parses CDB and parameter list. Self-tests in the background are refused, and so is aborting
    /// one: there is never anything to abort.
    pub fn parse(cdb: &Cdb, data_out: &[u8]) -> Result<Self, Sense> {
        const SELF_TEST_CODE_BIT: u8 = 7;
        const FOREGROUND_SHORT: u8 = 0b101;
        const FOREGROUND_EXTENDED: u8 = 0b110;
        let length = usize::from(Self::parameter_list_length(cdb));
        let (code, self_test) = (cdb.byte(1) >> 5, cdb.bit(1, 2));
        match (code, self_test) {
            (0, false) => Self::page(cdb, length, data_out),
            (0, true) | (FOREGROUND_SHORT | FOREGROUND_EXTENDED, false) if length == 0 => {
                Ok(Self::SelfTest)
            }
            (0, true) | (FOREGROUND_SHORT | FOREGROUND_EXTENDED, false) => {
                Err(Sense::invalid_field_in_cdb(3))
            }
            _ => Err(Sense::invalid_field_in_cdb(1).at_bit(SELF_TEST_CODE_BIT)),
        }
    }

    fn page(cdb: &Cdb, length: usize, data_out: &[u8]) -> Result<Self, Sense> {
        const PAGE_FORMAT_BIT: u8 = 4;
        if length == 0 {
            return Ok(Self::Nothing);
        }
        if !cdb.bit(1, PAGE_FORMAT_BIT) {
            // What the list means then is for vendors to say, and we say nothing of it.
            return Err(Sense::invalid_field_in_cdb(1).at_bit(PAGE_FORMAT_BIT));
        }
        let too_short = Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
        let Some([page, _, high, low, body @ ..]) = data_out.get(..length) else {
            return Err(too_short);
        };
        let wanted = match *page {
            SUPPORTED_PAGES => 0,
            DIAGNOSTIC_REQUEST => 4,
            _ => return Err(Sense::invalid_field_in_parameter_list(0)),
        };
        if u16::from_be_bytes([*high, *low]) != wanted {
            return Err(Sense::invalid_field_in_parameter_list(2));
        }
        if body.len() != usize::from(wanted) {
            return Err(too_short);
        }
        match body {
            [] => Ok(Self::Page(*page)),
            [high, low, 0, 0] if u16::from_be_bytes([*high, *low]) == FORCE_DUMP => Ok(Self::Dump),
            _ => Err(Sense::invalid_field_in_parameter_list(4)),
        }
    }
}

/// A parsed RECEIVE DIAGNOSTIC RESULTS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveDiagnosticResults {
    /// The most bytes that the initiator takes.
    pub allocation_length: u16,
}

impl ReceiveDiagnosticResults {
    /// Parses the CDB. With PCV=1 only page 00h can be asked for; with PCV=0 it is that of the last
    /// SEND DIAGNOSTIC, which can only have been page 00h.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        const PAGE_CODE_VALID_BIT: u8 = 0;
        if cdb.bit(1, PAGE_CODE_VALID_BIT) && cdb.byte(2) != SUPPORTED_PAGES {
            return Err(Sense::invalid_field_in_cdb(2));
        }
        Ok(Self {
            allocation_length: cdb.u16(3),
        })
    }

    /// Returns page 00h: the list of pages that can be sent or received.
    pub fn supported_pages() -> Vec<u8> {
        vec![
            SUPPORTED_PAGES,
            0,
            0,
            2,
            SUPPORTED_PAGES,
            DIAGNOSTIC_REQUEST,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(byte1: u8, list: &[u8]) -> Result<SendDiagnostic, Sense> {
        let length = u8::try_from(list.len()).unwrap();
        SendDiagnostic::parse(&Cdb::new(&[0x1d, byte1, 0, 0, length, 0]), list)
    }

    #[test]
    fn self_tests_end_with_their_command_or_are_refused() {
        for byte1 in [0x04, 0xa0, 0xc0] {
            assert_eq!(send(byte1, &[]), Ok(SendDiagnostic::SelfTest));
        }
        let refused = Sense::invalid_field_in_cdb(1).at_bit(7);
        for byte1 in [0x20, 0x40, 0x80, 0xe0, 0xa4] {
            assert_eq!(send(byte1, &[]), Err(refused), "{byte1:02x}");
        }
        assert_eq!(send(0x04, &[0; 4]), Err(Sense::invalid_field_in_cdb(3)));
    }

    #[test]
    fn ltfs_asks_for_a_dump() {
        let request = [0x80, 0, 0, 4, 0x01, 0x60, 0, 0];
        assert_eq!(send(0x10, &request), Ok(SendDiagnostic::Dump));
        let list = |byte| Err(Sense::invalid_field_in_parameter_list(byte));
        assert_eq!(send(0x10, &[0x80, 0, 0, 4, 0x01, 0x61, 0, 0]), list(4));
        let too_short = AdditionalSense::PARAMETER_LIST_LENGTH_ERROR;
        assert_eq!(
            send(0x10, &[0x80, 0, 0, 4, 0x01]),
            Err(Sense::illegal_request(too_short))
        );
    }

    #[test]
    fn the_list_of_pages_is_the_only_page_to_receive() {
        assert_eq!(send(0x10, &[0, 0, 0, 0]), Ok(SendDiagnostic::Page(0)));
        assert_eq!(send(0x10, &[]), Ok(SendDiagnostic::Nothing));
        let list = |byte| Err(Sense::invalid_field_in_parameter_list(byte));
        assert_eq!(send(0x10, &[0x81, 0, 0, 0]), list(0));
        assert_eq!(send(0x10, &[0, 0, 0, 1, 0]), list(2));
        let page_format = Sense::invalid_field_in_cdb(1).at_bit(4);
        assert_eq!(send(0x00, &[0, 0, 0, 0]), Err(page_format));
        let receive = |byte1, page| {
            ReceiveDiagnosticResults::parse(&Cdb::new(&[0x1c, byte1, page, 0, 255, 0]))
        };
        assert!(receive(1, 0).is_ok() && receive(0, 0x40).is_ok());
        assert_eq!(receive(1, 0x40), Err(Sense::invalid_field_in_cdb(2)));
    }
}
