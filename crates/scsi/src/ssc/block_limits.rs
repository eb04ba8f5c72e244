//! READ BLOCK LIMITS (SSC-5 §7.6): parameter data. The CDB has no fields.

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
