//! WRITE FILEMARKS(6) and (16) (SSC-5 §5.8, §6.9).

use crate::sense::Sense;
use crate::ssc::read_write::{Start, invalid_bit, length_offset};
use crate::task::Cdb;

/// A parsed WRITE FILEMARKS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteFilemarks {
    /// IMMED: answer when the marks are in the object buffer.
    pub immediate: bool,
    /// How many. Zero with IMMED=0 only synchronises.
    pub count: u32,
    /// Where to; `None` for where the medium stands.
    pub start: Option<Start>,
}

impl WriteFilemarks {
    /// Parses the CDB. Setmarks (WSMK) are obsolete and refused by the command table.
    pub fn parse(cdb: &Cdb) -> Self {
        Self {
            immediate: cdb.bit(1, 0),
            count: cdb.u24(length_offset(cdb).into()),
            start: Start::parse(cdb),
        }
    }

    /// Returns the sense for IMMED=1 in unbuffered mode (SSC-5 §6.9).
    pub const fn immediate_refused() -> Sense {
        invalid_bit(1, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssc::read_write::Address;

    #[test]
    fn count_is_24_bits() {
        let command = WriteFilemarks::parse(&Cdb::new(&[0x10, 0x01, 0, 1, 2, 0]));
        assert_eq!((command.immediate, command.count), (true, 0x0102));
        assert_eq!(command.start, None);
    }

    #[test]
    fn the_long_form_names_a_place() {
        // FCS, partition 1, object 9, three marks.
        let cdb = [0x80, 0x08, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 3, 0];
        let command = WriteFilemarks::parse(&Cdb::new(&cdb));
        let place = Address {
            partition: 1,
            object: 9,
        };
        assert_eq!((command.immediate, command.count), (false, 3));
        assert_eq!(command.start, Some(Start::At(place)));
    }
}
