//! SPACE(6) and SPACE(16) (SSC-5 §6.6, §7.12).

use crate::sense::Sense;
use crate::ssc::read_write::invalid_bit;
use crate::task::Cdb;

/// A parsed SPACE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Over that many blocks, backwards when negative; a filemark stops it.
    Blocks(i64),
    /// Over that many filemarks, backwards when negative.
    Filemarks(i64),
    /// To that many filemarks with nothing between them, backwards when negative.
    SequentialFilemarks(i64),
    /// To the end of data; the count means nothing.
    EndOfData,
}

impl Space {
    /// Parses the six- or the sixteen-byte command. Setmarks are obsolete (SSC-5 §6.6, table 43) and
    /// refused.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let count = if cdb.operation_code() == SPACE_16 {
            cdb.u64(4).cast_signed()
        } else {
            sign_extend(cdb.u24(2))
        };
        match cdb.byte(1) & 0x0f {
            0x0 => Ok(Self::Blocks(count)),
            0x1 => Ok(Self::Filemarks(count)),
            0x2 => Ok(Self::SequentialFilemarks(count)),
            0x3 => Ok(Self::EndOfData),
            _ => Err(invalid_bit(1, 3)),
        }
    }
}

/// A 24-bit number in two's complement.
fn sign_extend(count: u32) -> i64 {
    i64::from((count << 8).cast_signed() >> 8)
}

/// SPACE(16).
const SPACE_16: u8 = 0x91;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_of_the_short_form_is_24_bits_with_a_sign() {
        let parse = |bytes| Space::parse(&Cdb::new(bytes));
        assert_eq!(
            parse(&[0x11, 0, 0xff, 0xff, 0xfe, 0]),
            Ok(Space::Blocks(-2))
        );
        assert_eq!(
            parse(&[0x11, 1, 0x7f, 0xff, 0xff, 0]),
            Ok(Space::Filemarks(0x7f_ffff)),
            "what mt eod sends first"
        );
        assert_eq!(
            parse(&[0x11, 1, 0x80, 0, 0, 0]),
            Ok(Space::Filemarks(-0x80_0000))
        );
        assert_eq!(parse(&[0x11, 3, 0, 0, 9, 0]), Ok(Space::EndOfData));
    }

    #[test]
    fn count_of_the_long_form_is_64_bits() {
        let cdb = [
            0x91, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
        ];
        assert_eq!(Space::parse(&Cdb::new(&cdb)), Ok(Space::Blocks(-1)));
    }

    #[test]
    fn sequential_filemarks_are_no_setmarks() {
        let back = Space::parse(&Cdb::new(&[0x11, 2, 0xff, 0xff, 0xfe, 0]));
        assert_eq!(back, Ok(Space::SequentialFilemarks(-2)));
        for code in [4, 5, 0xf] {
            let sense = Space::parse(&Cdb::new(&[0x11, code, 0, 0, 1, 0])).unwrap_err();
            assert_eq!(sense.to_fixed()[15..18], [0xcb, 0, 1], "byte 1, bit 3");
        }
    }
}
