//! VERIFY(6) and VERIFY(16) (SSC-5 §5.7, §6.7).

use crate::sense::Sense;
use crate::ssc::read_write::{Address, Transfer, invalid_bit, length_offset};
use crate::task::Cdb;

/// How far to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// VTE=1: to the end of data, over filemarks.
    EndOfData,
    /// VBF=1: over that many filemarks.
    Filemarks(u32),
    /// That many blocks, or one block of that many bytes; a filemark ends it, as it ends a READ.
    Transfer(Transfer),
}

/// A parsed VERIFY.
///
/// IMMED permits an answer before the end, which we do not give. VLBPM changes nothing, as in LTO
/// drives: a cartridge does not remember how a block was protected on its way to the drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verify {
    /// How far.
    pub extent: Extent,
    /// FIXED: each block has to have the length that stands in the mode block descriptor.
    pub fixed: bool,
    /// BYTCMP: the initiator sends what should be there.
    pub compare: bool,
    /// Where from; `None` for where the medium stands.
    pub address: Option<Address>,
}

impl Verify {
    /// Parses the CDB. VTE, VBF and BYTCMP exclude each other (SSC-5 §6.7).
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let [to_end_of_data, by_filemarks, compare] = [VTE, VBF, BYTCMP].map(|bit| cdb.bit(1, bit));
        if to_end_of_data && by_filemarks {
            return Err(invalid_bit(1, VBF));
        }
        if compare && (to_end_of_data || by_filemarks) {
            return Err(invalid_bit(1, BYTCMP));
        }
        let extent = if to_end_of_data {
            Extent::EndOfData
        } else if by_filemarks {
            Extent::Filemarks(cdb.u24(length_offset(cdb).into()))
        } else {
            Extent::Transfer(Transfer::parse(cdb))
        };
        Ok(Self {
            extent,
            fixed: cdb.bit(1, 0),
            compare,
            address: Address::parse(cdb),
        })
    }
}

/// Verify to end of data, byte 1.
const VTE: u8 = 5;
/// Verify by filemarks, byte 1.
const VBF: u8 = 3;
/// Byte compare, byte 1.
const BYTCMP: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(byte_1: u8) -> Result<Verify, Sense> {
        Verify::parse(&Cdb::new(&[0x13, byte_1, 0, 1, 2, 0]))
    }

    #[test]
    fn the_bits_say_how_far() {
        assert_eq!(parse(0x20).unwrap().extent, Extent::EndOfData);
        assert_eq!(parse(0x08).unwrap().extent, Extent::Filemarks(0x0102));
        let blocks = Extent::Transfer(Transfer::Blocks(0x0102));
        assert_eq!(parse(0x01).unwrap().extent, blocks);
        let compare = parse(0x02).unwrap();
        assert!(compare.compare && !compare.fixed);
        assert_eq!(compare.extent, Extent::Transfer(Transfer::Bytes(0x0102)));
    }

    #[test]
    fn what_excludes_each_other_is_pointed_at() {
        assert_eq!(parse(0x28), Err(invalid_bit(1, 3)));
        assert_eq!(parse(0x22), Err(invalid_bit(1, 1)));
        assert_eq!(parse(0x0a), Err(invalid_bit(1, 1)));
    }

    #[test]
    fn the_long_form_names_a_place() {
        let cdb = [0x8f, 0x01, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 3, 0];
        let verify = Verify::parse(&Cdb::new(&cdb)).unwrap();
        assert_eq!(verify.extent, Extent::Transfer(Transfer::Blocks(3)));
        assert_eq!(verify.address.unwrap().object, 9);
    }
}
