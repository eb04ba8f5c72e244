//! Which blocks a command is about (SBC-3 §4.5).

use std::ops::Range;

use scsi::{AdditionalSense, Cdb, Sense};

use super::{BLOCK_LENGTH, BLOCKS};

/// LOGICAL BLOCK ADDRESS OUT OF RANGE. No tape and no changer says so.
const OUT_OF_RANGE: AdditionalSense = AdditionalSense(0x21, 0x00);

/// Blocks that are there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocks {
    first: usize,
    count: usize,
}

impl Blocks {
    /// Reads address and length from the CDB of a read, write, verify or synchronize, and refuses
    /// protection information (RDPROTECT, WRPROTECT, VRPROTECT): the disk has none.
    pub(super) fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        const GROUP_OF_6_BYTES: u8 = 0;
        const GROUP_OF_12_BYTES: u8 = 5;
        const GROUP_OF_16_BYTES: u8 = 4;
        let (address, count) = match cdb.operation_code() >> 5 {
            GROUP_OF_6_BYTES => {
                let address = u64::from(cdb.u24(1) & 0x1f_ffff);
                // "A TRANSFER LENGTH field set to zero specifies that 256 logical blocks".
                let count = match cdb.byte(4) {
                    0 => 256,
                    count => u32::from(count),
                };
                return Self::new(address, count);
            }
            GROUP_OF_12_BYTES => (u64::from(cdb.u32(2)), cdb.u32(6)),
            GROUP_OF_16_BYTES => (cdb.u64(2), cdb.u32(10)),
            _ => (u64::from(cdb.u32(2)), u32::from(cdb.u16(7))),
        };
        if cdb.byte(1) & 0xe0 != 0 {
            return Err(Sense::invalid_field_in_cdb(1));
        }
        Self::new(address, count)
    }

    fn new(address: u64, count: u32) -> Result<Self, Sense> {
        let end = address.checked_add(u64::from(count));
        if end.is_none_or(|end| end > BLOCKS) {
            return Err(Sense::illegal_request(OUT_OF_RANGE));
        }
        Ok(Self {
            first: usize::try_from(address).unwrap(),
            count: count as usize,
        })
    }

    /// Returns their length in bytes.
    pub(super) fn length(self) -> usize {
        self.count * BLOCK_LENGTH
    }

    /// Returns where they lie.
    pub(super) fn range(self) -> Range<usize> {
        let start = self.first * BLOCK_LENGTH;
        start..start + self.length()
    }
}
