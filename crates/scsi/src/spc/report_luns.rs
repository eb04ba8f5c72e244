//! REPORT LUNS (SPC-5 §6.39).

use crate::address::Lun;
use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed REPORT LUNS command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportLuns {
    /// Whether the logical units of the target are wanted, or only well known ones (none here).
    pub selection: Selection,
    /// The most bytes that the initiator takes.
    pub allocation_length: u32,
}

/// Which logical units to report (SPC-5 §6.39, table 264).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// SELECT REPORT 00h and 02h: the logical units.
    LogicalUnits,
    /// SELECT REPORT 01h: well known logical units, of which we have none.
    WellKnown,
}

impl ReportLuns {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let selection = match cdb.byte(2) {
            0x00 | 0x02 => Selection::LogicalUnits,
            0x01 => Selection::WellKnown,
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

    #[test]
    fn two_luns_make_a_list_of_sixteen_bytes() {
        let data = parameter_data([Lun::new(0), Lun::new(3)]);
        assert_eq!(data[..8], [0, 0, 0, 16, 0, 0, 0, 0]);
        assert_eq!(data[8..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn unknown_selection_is_refused() {
        let cdb = Cdb::new(&[0xa0, 0, 0x55, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(ReportLuns::parse(&cdb), Err(Sense::invalid_field_in_cdb(2)));
    }
}
