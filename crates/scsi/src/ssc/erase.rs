//! ERASE(6) and ERASE(16) (SSC-5 §5.2, §6.2).

use crate::ssc::read_write::Start;
use crate::task::Cdb;

/// A parsed ERASE.
///
/// LONG=0 only demands an end of data at the position, LONG=1 the rest of the partition erased as
/// well; IMMED permits an answer before the end. Neither makes a difference to us. METHOD and SMD,
/// which ask for ways of erasing that a medium may have, count as reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erase {
    /// Where from; `None` for where the medium stands.
    pub start: Option<Start>,
}

impl Erase {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Self {
        Self {
            start: Start::parse(cdb),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssc::read_write::Address;

    #[test]
    fn the_long_form_names_a_place() {
        assert_eq!(Erase::parse(&Cdb::new(&[0x19, 1, 0, 0, 0, 0])).start, None);
        let cdb = [0x93, 0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0];
        let place = Address {
            partition: 0,
            object: 7,
        };
        assert_eq!(Erase::parse(&Cdb::new(&cdb)).start, Some(Start::At(place)));
    }
}
