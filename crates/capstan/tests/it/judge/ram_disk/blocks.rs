//! Which blocks a command is about (SBC-3).

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
    /// Reads address and length from the CDB, and refuses protection information (RDPROTECT,
    /// WRPROTECT, VRPROTECT): the disk has none.
    pub(super) fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let (address, count) = fields(cdb);
        Self::new(cdb, address, count)
    }

    /// The same, for WRITE SAME: a length of zero reaches to the end of the medium.
    pub(super) fn parse_to_the_end(cdb: &Cdb) -> Result<Self, Sense> {
        let (address, count) = fields(cdb);
        let rest = u32::try_from(BLOCKS.saturating_sub(address)).unwrap();
        Self::new(cdb, address, if count == 0 { rest } else { count })
    }

    fn new(cdb: &Cdb, address: u64, count: u32) -> Result<Self, Sense> {
        let has_protection = cdb.operation_code() >> 5 != GROUP_OF_6_BYTES;
        if has_protection && cdb.byte(1) & 0xe0 != 0 {
            return Err(Sense::invalid_field_in_cdb(1));
        }
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

/// The groups of operation codes (SPC-5 §4.2.5.1).
const GROUP_OF_6_BYTES: u8 = 0;
const GROUP_OF_12_BYTES: u8 = 5;
const GROUP_OF_16_BYTES: u8 = 4;

/// Returns LOGICAL BLOCK ADDRESS and the number of blocks.
fn fields(cdb: &Cdb) -> (u64, u32) {
    match cdb.operation_code() >> 5 {
        // SBC-3, READ(6) and WRITE(6): zero stands for 256 blocks.
        GROUP_OF_6_BYTES => {
            let count = match cdb.byte(4) {
                0 => 256,
                count => u32::from(count),
            };
            (u64::from(cdb.u24(1) & 0x1f_ffff), count)
        }
        GROUP_OF_12_BYTES => (u64::from(cdb.u32(2)), cdb.u32(6)),
        GROUP_OF_16_BYTES => (cdb.u64(2), cdb.u32(10)),
        _ => (u64::from(cdb.u32(2)), u32::from(cdb.u16(7))),
    }
}
