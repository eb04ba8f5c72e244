//! EXCHANGE MEDIUM (SMC-3).

use crate::address::ElementAddress;
use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed EXCHANGE MEDIUM: the cartridge at the source goes to the first destination, and the one
/// that was there goes to the second destination, which may be the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeMedium {
    /// The picker; address 0 stands for the changer's own choice.
    pub transport: ElementAddress,
    /// Where the one cartridge is.
    pub source: ElementAddress,
    /// Where it goes, and where the other one is.
    pub first_destination: ElementAddress,
    /// Where the other one goes.
    pub second_destination: ElementAddress,
}

impl ExchangeMedium {
    /// Offset of SECOND DESTINATION ADDRESS in the CDB, for field pointers; the others stand where
    /// [`MoveMedium`](super::MoveMedium) has them.
    pub const SECOND_DESTINATION_OFFSET: u16 = 8;

    /// Parses the CDB. INV1 and INV2 are refused: tapes have one side.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        const INVERT_OFFSET: u16 = 10;
        for bit in [1, 0] {
            if cdb.bit(10, bit) {
                return Err(Sense::invalid_field_in_cdb(INVERT_OFFSET).at_bit(bit));
            }
        }
        Ok(Self {
            transport: ElementAddress(cdb.u16(2)),
            source: ElementAddress(cdb.u16(4)),
            first_destination: ElementAddress(cdb.u16(6)),
            second_destination: ElementAddress(cdb.u16(8)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchange_of_mtx() {
        // The cartridge of slot 1000 into drive 500, and what was there into slot 1001.
        let cdb = Cdb::new(&[0xa6, 0, 0, 1, 0x03, 0xe8, 0x01, 0xf4, 0x03, 0xe9, 0, 0]);
        assert_eq!(
            ExchangeMedium::parse(&cdb),
            Ok(ExchangeMedium {
                transport: ElementAddress(1),
                source: ElementAddress(1000),
                first_destination: ElementAddress(500),
                second_destination: ElementAddress(1001),
            })
        );
    }

    #[test]
    fn inverting_either_cartridge_is_refused() {
        for bit in [0, 1] {
            let cdb = Cdb::new(&[0xa6, 0, 0, 0, 0, 1, 0, 2, 0, 3, 1 << bit, 0]);
            let refusal = Sense::invalid_field_in_cdb(10).at_bit(bit);
            assert_eq!(ExchangeMedium::parse(&cdb), Err(refusal));
        }
    }
}
