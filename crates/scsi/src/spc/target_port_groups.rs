//! REPORT TARGET PORT GROUPS (SPC-5 §6.37).

use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed REPORT TARGET PORT GROUPS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportTargetPortGroups {
    /// PARAMETER DATA FORMAT 001b: with a longer header.
    pub extended_header: bool,
    /// The most bytes that the initiator takes.
    pub allocation_length: u32,
}

impl ReportTargetPortGroups {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        const FORMAT_BIT: u8 = 7;
        let extended_header = match cdb.byte(1) >> 5 {
            0b000 => false,
            0b001 => true,
            _ => return Err(Sense::invalid_field_in_cdb(1).at_bit(FORMAT_BIT)),
        };
        Ok(Self {
            extended_header,
            allocation_length: cdb.u32(6),
        })
    }

    /// Returns the parameter data about `group`, the only one, with the one port `relative_port`: it
    /// is preferred by nobody, active and optimized, and stays so.
    pub fn parameter_data(self, group: u16, relative_port: u16) -> Vec<u8> {
        /// RTPG_FMT 001b in the extended header.
        const EXTENDED: u8 = 0x10;
        const ACTIVE_OPTIMIZED: u8 = 0x00;
        /// The only state that is supported.
        const AO_SUP: u8 = 0x01;
        let mut data = vec![0; 4];
        if self.extended_header {
            data.extend([EXTENDED, 0, 0, 0]); // IMPLICIT TRANSITION TIME 0: not specified
        }
        let [group_high, group_low] = group.to_be_bytes();
        data.extend([ACTIVE_OPTIMIZED, AO_SUP, group_high, group_low, 0, 0, 0, 1]);
        let [port_high, port_low] = relative_port.to_be_bytes();
        data.extend([0, 0, port_high, port_low]);
        #[allow(clippy::cast_possible_truncation)] // 12 or 16
        let length = (data.len() - 4) as u32;
        data[..4].copy_from_slice(&length.to_be_bytes());
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_group_with_one_port_in_both_formats() {
        let parse = |byte1| {
            ReportTargetPortGroups::parse(&Cdb::new(&[0xa3, byte1, 0, 0, 0, 0, 0, 0, 1, 0]))
        };
        let short = [0, 0, 0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
        assert_eq!(parse(0x0a).unwrap().parameter_data(1, 1), short);
        let long = parse(0x2a).unwrap().parameter_data(1, 1);
        assert_eq!(long[..8], [0, 0, 0, 16, 0x10, 0, 0, 0]);
        assert_eq!(long[8..], short[4..]);
        let refused = Sense::invalid_field_in_cdb(1).at_bit(7);
        assert_eq!(parse(0x4a), Err(refused));
    }
}
