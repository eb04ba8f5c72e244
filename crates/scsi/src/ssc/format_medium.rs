//! FORMAT MEDIUM and SET CAPACITY (SSC-5 §7.1, §7.11): what makes a cartridge new.

use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed FORMAT MEDIUM.
///
/// IMMED permits an answer before the end; ours comes at once anyway. VERIFY asks for a look at what
/// was formatted; a format of ours writes no more than one small file and reports that it is on
/// stable storage, so there is nothing else to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatMedium {
    /// Format 0h, "default format": one partition.
    Default,
    /// Format 1h, "partition medium", and 2h, "default format then partition medium": as mode page
    /// 11h says. To us the second is no more than the first, which leaves no data either.
    Partition,
}

impl FormatMedium {
    /// Parses the CDB. A transfer length, for parameters of the vendor's, counts as reserved.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        match cdb.byte(2) & 0x0f {
            0 => Ok(Self::Default),
            1 | 2 => Ok(Self::Partition),
            _ => Err(Sense::invalid_field_in_cdb(2).at_bit(3)),
        }
    }
}

/// A parsed SET CAPACITY: how much of the cartridge is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetCapacity {
    proportion: u16,
}

impl SetCapacity {
    /// Parses the CDB. A capacity of nothing is refused.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        match cdb.u16(3) {
            0 => Err(Sense::invalid_field_in_cdb(3)),
            proportion => Ok(Self { proportion }),
        }
    }

    /// Returns the part of `whole`: CAPACITY PROPORTION VALUE is "the numerator to a fractional
    /// multiplier that has a denominator of 65 535". At least one byte.
    pub fn of(self, whole: u64) -> u64 {
        let part = u128::from(whole) * u128::from(self.proportion) / u128::from(u16::MAX);
        u64::try_from(part).unwrap_or(whole).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart() {
        let parse = |format| FormatMedium::parse(&Cdb::new(&[0x04, 0x03, format, 0, 0, 0]));
        assert_eq!(parse(0), Ok(FormatMedium::Default));
        assert_eq!(parse(1), Ok(FormatMedium::Partition));
        assert_eq!(parse(2), Ok(FormatMedium::Partition));
        assert_eq!(parse(3), Err(Sense::invalid_field_in_cdb(2).at_bit(3)));
    }

    #[test]
    fn a_proportion_is_of_65535() {
        let parse = |high, low| SetCapacity::parse(&Cdb::new(&[0x0b, 0, 0, high, low, 0]));
        let whole = 1_500_000_000_000;
        assert_eq!(parse(0xff, 0xff).unwrap().of(whole), whole);
        assert_eq!(parse(0x80, 0x00).unwrap().of(whole), 750_011_444_266);
        assert_eq!(parse(0, 1).unwrap().of(100), 1);
        assert_eq!(parse(0, 0), Err(Sense::invalid_field_in_cdb(3)));
    }
}
