//! WRITE FILEMARKS(6) (SSC-5 §6.9).

use crate::task::Cdb;

/// A parsed WRITE FILEMARKS(6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteFilemarks {
    /// IMMED: answer when the marks are in the object buffer.
    pub immediate: bool,
    /// How many. Zero with IMMED=0 only synchronises.
    pub count: u32,
}

impl WriteFilemarks {
    /// Parses the CDB. Setmarks (WSMK) are obsolete and refused by the command table.
    pub fn parse(cdb: &Cdb) -> Self {
        Self {
            immediate: cdb.bit(1, 0),
            count: cdb.u24(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_is_24_bits() {
        let command = WriteFilemarks::parse(&Cdb::new(&[0x10, 0x01, 0, 1, 2, 0]));
        assert_eq!((command.immediate, command.count), (true, 0x0102));
    }
}
