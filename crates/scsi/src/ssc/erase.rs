//! ERASE(6) (SSC-5 §6.2).

use crate::task::Cdb;

/// A parsed ERASE(6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erase {
    /// IMMED: answer before the end of the erasure.
    pub immediate: bool,
    /// LONG: erase the rest of the partition; otherwise an end of data here is enough.
    pub long: bool,
}

impl Erase {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Self {
        Self {
            immediate: cdb.bit(1, 1),
            long: cdb.bit(1, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mt_erase_asks_for_the_long_form() {
        let erase = Erase::parse(&Cdb::new(&[0x19, 0x01, 0, 0, 0, 0]));
        assert!(erase.long && !erase.immediate);
    }
}
