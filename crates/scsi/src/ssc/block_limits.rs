//! READ BLOCK LIMITS (SSC-5 §7.6): CDB and parameter data.

use crate::task::Cdb;

/// A parsed READ BLOCK LIMITS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBlockLimits {
    /// MLOI=0: how long a block may be.
    Lengths,
    /// MLOI=1: the highest number that an object may have.
    HighestObject,
}

impl ReadBlockLimits {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Self {
        if cdb.bit(1, 0) {
            Self::HighestObject
        } else {
            Self::Lengths
        }
    }
}

/// Returns the parameter data for MLOI=1 (SSC-5 §7.6.3): MAXIMUM LOGICAL OBJECT IDENTIFIER.
pub fn highest_object_data(object: u64) -> [u8; 20] {
    let mut data = [0; 20];
    data[12..].copy_from_slice(&object.to_be_bytes());
    data
}

/// The lengths that a block may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLimits {
    /// The shortest block, in bytes.
    pub min: u16,
    /// The longest block, in bytes; 24 bits.
    pub max: u32,
}

impl BlockLimits {
    /// The longest block that a CDB's transfer length can name: 16 MiB − 1.
    pub const LENGTH_MAX: u32 = 0xff_ffff;

    /// Returns whether a block may have `length` bytes.
    pub const fn allow(self, length: u32) -> bool {
        length >= self.min as u32 && length <= self.max
    }

    /// Returns the six bytes. Granularity is 0: every length between the limits is allowed.
    pub const fn to_bytes(self) -> [u8; 6] {
        let [_, max_2, max_1, max_0] = self.max.to_be_bytes();
        let [min_1, min_0] = self.min.to_be_bytes();
        [0, max_2, max_1, max_0, min_1, min_0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_object_stands_behind_twelve_reserved_bytes() {
        assert_eq!(
            ReadBlockLimits::parse(&Cdb::new(&[0x05, 0x01, 0, 0, 0, 0])),
            ReadBlockLimits::HighestObject
        );
        let data = highest_object_data(0x0102_0304_0506_0708);
        assert_eq!(data[..12], [0; 12]);
        assert_eq!(data[12..], [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn one_byte_to_one_mebibyte() {
        let limits = BlockLimits {
            min: 1,
            max: 1 << 20,
        };
        assert_eq!(limits.to_bytes(), [0, 0x10, 0, 0, 0, 1]);
        assert!(!limits.allow(0) && limits.allow(1) && limits.allow(1 << 20));
        assert!(!limits.allow((1 << 20) + 1));
    }
}
