//! POSITION TO ELEMENT (SMC-3).

use crate::address::ElementAddress;
use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed POSITION TO ELEMENT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionToElement {
    /// The picker; address 0 stands for the changer's own choice.
    pub transport: ElementAddress,
    /// Where it shall go.
    pub destination: ElementAddress,
}

impl PositionToElement {
    /// Parses the CDB. INVERT is refused: tapes have one side.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        if cdb.bit(8, 0) {
            return Err(Sense::invalid_field_in_cdb(8));
        }
        Ok(Self {
            transport: ElementAddress(cdb.u16(2)),
            destination: ElementAddress(cdb.u16(4)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_of_mtx() {
        let cdb = Cdb::new(&[0x2b, 0, 0, 1, 0x03, 0xe8, 0, 0, 0, 0]);
        let command = PositionToElement::parse(&cdb).unwrap();
        assert_eq!(command.transport, ElementAddress(1));
        assert_eq!(command.destination, ElementAddress(1000));
    }
}
