//! MOVE MEDIUM (SMC-3).

use crate::address::ElementAddress;
use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed MOVE MEDIUM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoveMedium {
    /// The picker; address 0 stands for the changer's own choice.
    pub transport: ElementAddress,
    /// Where the cartridge is.
    pub source: ElementAddress,
    /// Where it goes.
    pub destination: ElementAddress,
    /// What happens to the import/export station.
    pub station: StationMotion,
}

/// What a move does to the import/export station, in the vendor specific bits of CONTROL: the
/// `eepos` of mtx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StationMotion {
    /// 0: it stays as it is.
    Stays,
    /// 1: it opens after the move.
    OpensAfterwards,
    /// 2: it closes before the move.
    ClosesBefore,
}

impl MoveMedium {
    /// Offset of SOURCE ADDRESS in the CDB, for field pointers.
    pub const SOURCE_OFFSET: u16 = 4;
    /// Offset of DESTINATION ADDRESS in the CDB, for field pointers.
    pub const DESTINATION_OFFSET: u16 = 6;
    /// Offset of MEDIUM TRANSPORT ELEMENT ADDRESS in the CDB, for field pointers.
    pub const TRANSPORT_OFFSET: u16 = 2;

    /// Parses the CDB. INVERT is refused: tapes have one side.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        if cdb.bit(10, 0) {
            return Err(Sense::invalid_field_in_cdb(10).at_bit(0));
        }
        let station = match cdb.byte(11) >> 6 {
            0 => StationMotion::Stays,
            1 => StationMotion::OpensAfterwards,
            2 => StationMotion::ClosesBefore,
            _ => return Err(Sense::invalid_field_in_cdb(11).at_bit(7)),
        };
        Ok(Self {
            transport: ElementAddress(cdb.u16(2)),
            source: ElementAddress(cdb.u16(4)),
            destination: ElementAddress(cdb.u16(6)),
            station,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn move_of_mtx() {
        // From slot 1000 to drive 500 with the picker of the changer's choice.
        let cdb = Cdb::new(&[0xa5, 0, 0, 0, 0x03, 0xe8, 0x01, 0xf4, 0, 0, 0, 0]);
        assert_eq!(
            MoveMedium::parse(&cdb),
            Ok(MoveMedium {
                transport: ElementAddress(0),
                source: ElementAddress(1000),
                destination: ElementAddress(500),
                station: StationMotion::Stays,
            })
        );
    }

    #[test]
    fn eepos_of_mtx_moves_the_station() {
        let station = |control| {
            let cdb = Cdb::new(&[0xa5, 0, 0, 1, 0, 10, 0, 10, 0, 0, 0, control]);
            MoveMedium::parse(&cdb).map(|command| command.station)
        };
        assert_eq!(station(0x40), Ok(StationMotion::OpensAfterwards));
        assert_eq!(station(0x80), Ok(StationMotion::ClosesBefore));
        let refusal = Sense::invalid_field_in_cdb(11).at_bit(7);
        assert_eq!(station(0xc0), Err(refusal));
    }

    #[test]
    fn invert_is_refused() {
        let cdb = Cdb::new(&[0xa5, 0, 0, 0, 0x03, 0xe8, 0x01, 0xf4, 0, 0, 1, 0]);
        assert_eq!(
            MoveMedium::parse(&cdb),
            Err(Sense::invalid_field_in_cdb(10).at_bit(0))
        );
    }
}
