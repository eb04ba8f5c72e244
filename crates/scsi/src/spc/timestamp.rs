//! REPORT TIMESTAMP and SET TIMESTAMP (SPC-5 §6.38, §6.50, §5.2).

use crate::sense::{AdditionalSense, Sense};
use crate::task::Cdb;

/// Who has set the clock of a unit (TIMESTAMP ORIGIN, SPC-5 table 280).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TimestampOrigin {
    /// SET TIMESTAMP.
    Initiator = 0b010,
    /// Something that the standard knows nothing of: the clock of the computer that we run on.
    Outside = 0b011,
}

/// What REPORT TIMESTAMP tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportTimestamp {
    /// Who has set it.
    pub origin: TimestampOrigin,
    /// Milliseconds since the beginning of 1970; 48 bits are told.
    pub unix_ms: u64,
}

impl ReportTimestamp {
    /// Returns the parameter data.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut data = [0; 12];
        data[1] = 10; // TIMESTAMP PARAMETER DATA LENGTH
        data[2] = self.origin as u8;
        data[4..10].copy_from_slice(&self.unix_ms.to_be_bytes()[2..]);
        data
    }
}

/// Reads the parameter list of SET TIMESTAMP: milliseconds since the beginning of 1970, or `None`
/// for an empty list, which "shall not be considered an error".
pub fn set_timestamp(cdb: &Cdb, data_out: &[u8]) -> Result<Option<u64>, Sense> {
    const LENGTH: u32 = 12;
    let length = cdb.u32(6);
    if length == 0 {
        return Ok(None);
    }
    let (true, Some(list)) = (length >= LENGTH, data_out.first_chunk::<12>()) else {
        let too_short = AdditionalSense::PARAMETER_LIST_LENGTH_ERROR;
        return Err(Sense::illegal_request(too_short));
    };
    let mut unix_ms = [0; 8];
    unix_ms[2..].copy_from_slice(&list[4..10]);
    Ok(Some(u64::from_be_bytes(unix_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: [u8; 12] = [0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0];

    #[test]
    fn what_is_set_is_what_is_reported() {
        let told = ReportTimestamp {
            origin: TimestampOrigin::Initiator,
            unix_ms: 0x1_8d0f_3a2b_4c5d,
        };
        let bytes = told.to_bytes();
        assert_eq!(
            bytes,
            [0, 10, 2, 0, 0x8d, 0x0f, 0x3a, 0x2b, 0x4c, 0x5d, 0, 0],
            "48 bits"
        );
        assert_eq!(
            set_timestamp(&Cdb::new(&SET), &bytes),
            Ok(Some(0x8d0f_3a2b_4c5d))
        );
    }

    #[test]
    fn a_list_that_is_cut_is_a_length_error_and_an_empty_one_is_none() {
        let too_short = Err(Sense::illegal_request(
            AdditionalSense::PARAMETER_LIST_LENGTH_ERROR,
        ));
        assert_eq!(set_timestamp(&Cdb::new(&SET), &[0; 11]), too_short);
        let mut cdb = SET;
        cdb[9] = 11;
        assert_eq!(set_timestamp(&Cdb::new(&cdb), &[0; 12]), too_short);
        cdb[9] = 0;
        assert_eq!(set_timestamp(&Cdb::new(&cdb), &[]), Ok(None));
    }
}
