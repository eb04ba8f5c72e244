//! READ, READ REVERSE and WRITE, each in its 6-byte and 16-byte form (SSC-5 §5.3 to §5.8, §6.4 to
//! §6.8).
//!
//! The 6-byte commands work where the medium stands (implicit address mode). The 16-byte commands
//! name the place where they begin (explicit address mode).

use crate::sense::Sense;
use crate::task::Cdb;

/// What the TRANSFER LENGTH counts: the FIXED bit's two meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// FIXED=1: that many blocks of the length that stands in the mode block descriptor.
    Blocks(u32),
    /// FIXED=0: one block of at most that many bytes.
    Bytes(u32),
}

impl Transfer {
    pub(super) fn parse(cdb: &Cdb) -> Self {
        let length = cdb.u24(length_offset(cdb).into());
        if cdb.bit(1, 0) {
            Self::Blocks(length)
        } else {
            Self::Bytes(length)
        }
    }

    /// Returns the sense for FIXED=1 while the block length is 0, variable (SSC-5 §6.4, §6.8).
    pub const fn no_block_length() -> Sense {
        invalid_bit(1, 0)
    }

    /// Returns the sense for a length in `cdb` that the drive cannot honour.
    pub const fn invalid_length(cdb: &Cdb) -> Sense {
        Sense::invalid_field_in_cdb(length_offset(cdb))
    }
}

/// Where the 24 bits of length, or of a number of filemarks, stand.
pub(super) const fn length_offset(cdb: &Cdb) -> u16 {
    if Address::is_in(cdb) { 12 } else { 2 }
}

/// The place that a 16-byte command names: PARTITION and LOGICAL OBJECT IDENTIFIER (SSC-5 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The partition.
    pub partition: u8,
    /// Blocks and filemarks before the place.
    pub object: u64,
}

impl Address {
    /// Returns the place that `cdb` names, or `None` for a 6-byte command.
    pub fn parse(cdb: &Cdb) -> Option<Self> {
        Self::is_in(cdb).then(|| Self {
            partition: cdb.byte(3),
            object: cdb.u64(4),
        })
    }

    /// Whether the CDB has 16 bytes: group 4 (SPC-5 §4.2.5.1).
    const fn is_in(cdb: &Cdb) -> bool {
        cdb.operation_code() >> 5 == 4
    }

    /// Returns the sense for a partition that the cartridge does not have.
    pub const fn invalid_partition() -> Sense {
        Sense::invalid_field_in_cdb(3)
    }
}

/// Which way a READ goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// READ: towards the end of the partition.
    Forward,
    /// READ REVERSE: towards its beginning.
    Reverse(ByteOrder),
}

/// BYTORD of READ REVERSE (SSC-5 §5.5, table 21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// BYTORD=1: the bytes of a block come in the order in which they were written.
    AsWritten,
    /// BYTORD=0: the last byte of a block comes first, as a tape under a head delivers them.
    Reversed,
}

/// A parsed READ(6), READ(16), READ REVERSE(6) or READ REVERSE(16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// How much.
    pub transfer: Transfer,
    /// SILI: say nothing of a block whose length is not the one asked for. Only with FIXED=0.
    pub suppress_incorrect_length: bool,
    /// Which way.
    pub direction: Direction,
    /// Where from; `None` for where the medium stands.
    pub address: Option<Address>,
}

impl Read {
    /// Parses the CDB. SILI together with FIXED is refused (SSC-5 §6.4).
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let direction = match cdb.operation_code() {
            READ_REVERSE_6 | READ_REVERSE_16 if cdb.bit(1, 2) => {
                Direction::Reverse(ByteOrder::AsWritten)
            }
            READ_REVERSE_6 | READ_REVERSE_16 => Direction::Reverse(ByteOrder::Reversed),
            _ => Direction::Forward,
        };
        let read = Self {
            transfer: Transfer::parse(cdb),
            suppress_incorrect_length: cdb.bit(1, 1),
            direction,
            address: Address::parse(cdb),
        };
        if read.suppress_incorrect_length && matches!(read.transfer, Transfer::Blocks(_)) {
            return Err(invalid_bit(1, 1));
        }
        Ok(read)
    }
}

/// A parsed WRITE(6) or WRITE(16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// How much.
    pub transfer: Transfer,
    /// Where to; `None` for where the medium stands.
    pub start: Option<Start>,
}

impl Write {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Self {
        Self {
            transfer: Transfer::parse(cdb),
            start: Start::parse(cdb),
        }
    }
}

/// Where a 16-byte command that writes begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// FCS=1, the first command of a sequence: at that place, wherever the medium stands.
    At(Address),
    /// FCS=0: behind the command before, which must have ended at that place.
    Continuing(Address),
}

impl Start {
    /// Returns the place that `cdb` names, or `None` for a 6-byte command. LCS, which ends a
    /// sequence, changes nothing: ours has no state of its own.
    pub fn parse(cdb: &Cdb) -> Option<Self> {
        let address = Address::parse(cdb)?;
        Some(if cdb.bit(1, 3) {
            Self::At(address)
        } else {
            Self::Continuing(address)
        })
    }
}

/// INVALID FIELD IN CDB, pointing at bit `bit` of byte `byte`.
pub(super) const fn invalid_bit(byte: u16, bit: u8) -> Sense {
    Sense::invalid_field_in_cdb(byte).at_bit(bit)
}

const READ_REVERSE_6: u8 = 0x0f;
const READ_REVERSE_16: u8 = 0x81;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_length_counts_bytes_or_blocks() {
        // READ(6), SILI=1, FIXED=0, TRANSFER LENGTH 0x010203.
        let read = Read::parse(&Cdb::new(&[0x08, 0x02, 1, 2, 3, 0])).unwrap();
        assert_eq!(read.transfer, Transfer::Bytes(0x01_0203));
        assert!(read.suppress_incorrect_length);
        assert_eq!((read.address, read.direction), (None, Direction::Forward));
        // WRITE(6), FIXED=1, 16 blocks.
        let write = Write::parse(&Cdb::new(&[0x0a, 0x01, 0, 0, 16, 0]));
        assert_eq!(write.transfer, Transfer::Blocks(16));
        assert_eq!(write.start, None);
    }

    #[test]
    fn sili_with_fixed_is_refused_and_pointed_at() {
        for code in [0x08, 0x0f, 0x81, 0x88] {
            let sense = Read::parse(&Cdb::new(&[code, 0x03, 0, 0, 1, 0])).unwrap_err();
            let bytes = sense.to_fixed();
            assert_eq!((bytes[2], bytes[12], bytes[13]), (0x05, 0x24, 0x00));
            assert_eq!(bytes[15..18], [0xc9, 0, 1], "SKSV, C/D, BPV, bit 1, byte 1");
        }
    }

    #[test]
    fn the_long_forms_name_a_place() {
        // Partition 1, object 0x0203040506070809, TRANSFER LENGTH 0x0a0b0c.
        let cdb =
            |code, byte_1| Cdb::new(&[code, byte_1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0]);
        let address = Address {
            partition: 1,
            object: 0x0203_0405_0607_0809,
        };
        let read = Read::parse(&cdb(0x88, 0x00)).unwrap();
        assert_eq!(read.address, Some(address));
        assert_eq!(read.transfer, Transfer::Bytes(0x0a_0b0c));
        let write = Write::parse(&cdb(0x8a, 0x01));
        assert_eq!(write.start, Some(Start::Continuing(address)));
        assert_eq!(write.transfer, Transfer::Blocks(0x0a_0b0c));
        assert_eq!(
            Write::parse(&cdb(0x8a, 0x08)).start,
            Some(Start::At(address)),
            "FCS"
        );
        assert_eq!(
            Transfer::invalid_length(&cdb(0x8a, 0)),
            Sense::invalid_field_in_cdb(12)
        );
    }

    #[test]
    fn byte_order_of_reading_backwards() {
        let direction = |code, byte_1| {
            Read::parse(&Cdb::new(&[code, byte_1, 0, 0, 1, 0]))
                .unwrap()
                .direction
        };
        for code in [0x0f, 0x81] {
            assert_eq!(
                direction(code, 0x04),
                Direction::Reverse(ByteOrder::AsWritten)
            );
            assert_eq!(
                direction(code, 0x00),
                Direction::Reverse(ByteOrder::Reversed)
            );
        }
    }
}
