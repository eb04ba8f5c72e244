//! READ(6) and WRITE(6) (SSC-5 §6.4, §6.8).

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
    fn parse(cdb: &Cdb) -> Self {
        let length = cdb.u24(2);
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

    /// Returns the sense for a transfer length that the drive cannot honour.
    pub const fn invalid_length() -> Sense {
        Sense::invalid_field_in_cdb(2)
    }
}

/// A parsed READ(6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// How much.
    pub transfer: Transfer,
    /// SILI: say nothing of a block whose length is not the one asked for. Only with FIXED=0.
    pub suppress_incorrect_length: bool,
}

impl Read {
    /// Parses the CDB. SILI together with FIXED is refused (SSC-5 §6.4).
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let read = Self {
            transfer: Transfer::parse(cdb),
            suppress_incorrect_length: cdb.bit(1, 1),
        };
        if read.suppress_incorrect_length && matches!(read.transfer, Transfer::Blocks(_)) {
            return Err(invalid_bit(1, 1));
        }
        Ok(read)
    }
}

/// A parsed WRITE(6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// How much.
    pub transfer: Transfer,
}

impl Write {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Self {
        Self {
            transfer: Transfer::parse(cdb),
        }
    }
}

/// INVALID FIELD IN CDB, pointing at bit `bit` of byte `byte`.
pub(super) const fn invalid_bit(byte: u16, bit: u8) -> Sense {
    let mut sense = Sense::invalid_field_in_cdb(byte);
    if let Some(field) = &mut sense.field {
        field.bit = Some(bit);
    }
    sense
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_length_counts_bytes_or_blocks() {
        // READ(6), SILI=1, FIXED=0, TRANSFER LENGTH 0x010203.
        let read = Read::parse(&Cdb::new(&[0x08, 0x02, 1, 2, 3, 0])).unwrap();
        assert_eq!(read.transfer, Transfer::Bytes(0x01_0203));
        assert!(read.suppress_incorrect_length);
        // WRITE(6), FIXED=1, 16 blocks.
        let write = Write::parse(&Cdb::new(&[0x0a, 0x01, 0, 0, 16, 0]));
        assert_eq!(write.transfer, Transfer::Blocks(16));
    }

    #[test]
    fn sili_with_fixed_is_refused_and_pointed_at() {
        let sense = Read::parse(&Cdb::new(&[0x08, 0x03, 0, 0, 1, 0])).unwrap_err();
        let bytes = sense.to_fixed();
        assert_eq!((bytes[2], bytes[12], bytes[13]), (0x05, 0x24, 0x00));
        assert_eq!(bytes[15..18], [0xc9, 0, 1], "SKSV, C/D, BPV, bit 1, byte 1");
    }
}
