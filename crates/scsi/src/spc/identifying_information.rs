//! REPORT IDENTIFYING INFORMATION and SET IDENTIFYING INFORMATION (SPC-5 §6.32, §6.46): what people
//! call a device.

use crate::sense::{AdditionalSense, Sense};
use crate::task::Cdb;

/// Which information (IDENTIFYING INFORMATION TYPE, SPC-5 table 254).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InformationKind {
    /// Bytes of any meaning.
    Peripheral,
    /// Text in UTF-8, ended by a null.
    Text,
}

impl InformationKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Peripheral, Self::Text];

    /// Returns the code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Peripheral => 0b000_0000,
            Self::Text => 0b000_0010,
        }
    }

    /// The most bytes of it that a unit keeps.
    pub const fn length_max(self) -> u16 {
        match self {
            Self::Peripheral => 64,
            Self::Text => 256,
        }
    }

    fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// The byte of the CDB with the type in its upper seven bits.
const TYPE_BYTE: u16 = 10;

fn refused() -> Sense {
    Sense::invalid_field_in_cdb(TYPE_BYTE).at_bit(7)
}

/// A parsed REPORT IDENTIFYING INFORMATION.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportIdentifyingInformation {
    /// Which; `None` for the list of what is there (1111111b).
    pub kind: Option<InformationKind>,
    /// The most bytes that the initiator takes.
    pub allocation_length: u32,
}

impl ReportIdentifyingInformation {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        const LIST: u8 = 0b111_1111;
        let kind = match cdb.byte(usize::from(TYPE_BYTE)) >> 1 {
            LIST => None,
            code => Some(InformationKind::of_code(code).ok_or_else(refused)?),
        };
        Ok(Self {
            kind,
            allocation_length: cdb.u32(6),
        })
    }

    /// Returns the parameter data with `information`.
    pub fn parameter_data(information: &[u8]) -> Vec<u8> {
        #[allow(clippy::cast_possible_truncation)] // at most 256
        let [high, low] = (information.len() as u16).to_be_bytes();
        let mut data = vec![0, 0, high, low];
        data.extend_from_slice(information);
        data
    }

    /// Returns the list of types, each with the length that it may have.
    pub fn supported_types() -> Vec<u8> {
        let descriptors: Vec<u8> = InformationKind::ALL
            .into_iter()
            .flat_map(|kind| {
                let [high, low] = kind.length_max().to_be_bytes();
                [kind.code() << 1, 0, high, low]
            })
            .collect();
        Self::parameter_data(&descriptors)
    }
}

/// A parsed SET IDENTIFYING INFORMATION.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetIdentifyingInformation<'a> {
    /// Which.
    pub kind: InformationKind,
    /// The information; empty to have none.
    pub information: &'a [u8],
}

impl<'a> SetIdentifyingInformation<'a> {
    /// Returns the PARAMETER LIST LENGTH.
    pub fn parameter_list_length(cdb: &Cdb) -> u32 {
        cdb.u32(6)
    }

    /// Parses CDB and parameter list. A list that is longer than the unit can keep is refused (SPC-5
    /// §6.46), and so is text without its null.
    pub fn parse(cdb: &Cdb, data_out: &'a [u8]) -> Result<Self, Sense> {
        let code = cdb.byte(usize::from(TYPE_BYTE)) >> 1;
        let kind = InformationKind::of_code(code).ok_or_else(refused)?;
        let length = Self::parameter_list_length(cdb);
        if length > u32::from(kind.length_max()) {
            return Err(Sense::invalid_field_in_cdb(6));
        }
        let too_short = Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
        let information = data_out.get(..length as usize).ok_or(too_short)?;
        if kind == InformationKind::Text {
            check_text(information)?;
        }
        Ok(Self { kind, information })
    }
}

/// SPC-5 §4.3.1: UTF-8 that ends with a null, or nothing.
fn check_text(text: &[u8]) -> Result<(), Sense> {
    let fault =
        |at: usize| Sense::invalid_field_in_parameter_list(u16::try_from(at).unwrap_or(u16::MAX));
    let Some((last, words)) = text.split_last() else {
        return Ok(());
    };
    std::str::from_utf8(words).map_err(|error| fault(error.valid_up_to()))?;
    if *last == 0 {
        Ok(())
    } else {
        Err(fault(words.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(kind: u8, list: &[u8]) -> Result<Vec<u8>, Sense> {
        let [high, low] = u16::try_from(list.len()).unwrap().to_be_bytes();
        let cdb = Cdb::new(&[0xa4, 0x06, 0, 0, 0, 0, 0, 0, high, low, kind << 1, 0]);
        SetIdentifyingInformation::parse(&cdb, list).map(|it| it.information.to_vec())
    }

    #[test]
    fn the_list_of_types() {
        let cdb = Cdb::new(&[0xa3, 0x05, 0, 0, 0, 0, 0, 0, 1, 0, 0xfe, 0]);
        assert_eq!(
            ReportIdentifyingInformation::parse(&cdb).unwrap().kind,
            None
        );
        assert_eq!(
            ReportIdentifyingInformation::supported_types(),
            [0, 0, 0, 8, 0x00, 0, 0, 64, 0x04, 0, 1, 0]
        );
    }

    #[test]
    fn what_is_too_long_or_no_text_is_refused() {
        assert_eq!(set(0, &[7; 64]), Ok(vec![7; 64]));
        assert_eq!(set(0, &[7; 65]), Err(Sense::invalid_field_in_cdb(6)));
        assert_eq!(set(2, b"rack 7\0"), Ok(b"rack 7\0".to_vec()));
        assert_eq!(set(2, b""), Ok(Vec::new()));
        let fault = |byte| Err(Sense::invalid_field_in_parameter_list(byte));
        assert_eq!(set(2, b"rack 7"), fault(5), "no null");
        assert_eq!(set(2, b"ra\xff\0"), fault(2), "no UTF-8");
        assert_eq!(set(1, b""), Err(Sense::invalid_field_in_cdb(10).at_bit(7)));
    }
}
