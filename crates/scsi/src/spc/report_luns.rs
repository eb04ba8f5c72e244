//! REPORT LUNS (SPC-5 §6.39).
//!
//! We have no well known logical units (SAM-5 §4.8.3): everything that the one for REPORT LUNS does,
//! every unit does. A command to one is a command to a unit that is not there, but for REPORT LUNS
//! itself. Nor are there administrative and subsidiary units.

use crate::address::Lun;
use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed REPORT LUNS command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportLuns {
    /// Which logical units are wanted.
    pub selection: Selection,
    /// The most bytes that the initiator takes.
    pub allocation_length: u32,
}

/// Which logical units to report (SPC-5 §6.39, table 264).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// SELECT REPORT 00h, 02h and 11h: the logical units, which are neither well known nor
    /// subsidiary.
    LogicalUnits,
    /// SELECT REPORT 01h, 10h and 12h: well known, administrative, and subsidiary logical units, of
    /// which we have none.
    Special,
}

impl ReportLuns {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let selection = match cdb.byte(2) {
            0x00 | 0x02 | 0x11 => Selection::LogicalUnits,
            0x01 | 0x10 | 0x12 => Selection::Special,
            _ => return Err(Sense::invalid_field_in_cdb(2)),
        };
        Ok(Self {
            selection,
            allocation_length: cdb.u32(6),
        })
    }
}

/// Returns the parameter data: the list's length, four reserved bytes, eight bytes for each LUN.
pub fn parameter_data(luns: impl IntoIterator<Item = Lun>) -> Vec<u8> {
    let mut data = vec![0; 8];
    for lun in luns {
        data.extend_from_slice(&lun.to_bytes());
    }
    #[allow(clippy::cast_possible_truncation)] // at most 16384 LUNs of eight bytes
    let length = (data.len() - 8) as u32;
    data[..4].copy_from_slice(&length.to_be_bytes());
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(select_report: u8) -> Result<Selection, Sense> {
        let cdb = Cdb::new(&[0xa0, 0, select_report, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        ReportLuns::parse(&cdb).map(|command| command.selection)
    }

    #[test]
    fn two_luns_make_a_list_of_sixteen_bytes() {
        let data = parameter_data([Lun::new(0), Lun::new(3)]);
        assert_eq!(data[..8], [0, 0, 0, 16, 0, 0, 0, 0]);
        assert_eq!(data[8..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn selections_of_the_standard_are_answered_and_others_refused() {
        for code in [0x00, 0x02, 0x11] {
            assert_eq!(parse(code), Ok(Selection::LogicalUnits));
        }
        for code in [0x01, 0x10, 0x12] {
            assert_eq!(parse(code), Ok(Selection::Special));
        }
        for code in [0x03, 0x13, 0x55, 0xf8] {
            assert_eq!(parse(code), Err(Sense::invalid_field_in_cdb(2)));
        }
    }
}
