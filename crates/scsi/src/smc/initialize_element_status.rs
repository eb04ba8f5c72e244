//! INITIALIZE ELEMENT STATUS and INITIALIZE ELEMENT STATUS WITH RANGE (SMC-3).

use crate::address::ElementAddress;
use crate::task::Cdb;

/// A parsed INITIALIZE ELEMENT STATUS of either form. The older operation code E7h of the form with
/// range has the same layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitializeElementStatus {
    /// The elements to look at: first address and number, or `None` for all.
    pub range: Option<(ElementAddress, u16)>,
}

impl InitializeElementStatus {
    /// Parses the CDB. FAST is accepted and changes nothing: looking costs nothing here. A range of
    /// zero elements means all from the first on.
    pub fn parse(cdb: &Cdb) -> Self {
        const WITHOUT_RANGE: u8 = 0x07;
        let whole = cdb.operation_code() == WITHOUT_RANGE || !cdb.bit(1, 0);
        let range = (!whole).then(|| (ElementAddress(cdb.u16(2)), cdb.u16(6)));
        Self { range }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_bit_decides() {
        let parse = |bytes: &[u8]| InitializeElementStatus::parse(&Cdb::new(bytes)).range;
        assert_eq!(parse(&[0x07, 0, 0, 0, 0, 0]), None);
        assert_eq!(parse(&[0x37, 0, 3, 0xe8, 0, 0, 0, 4, 0, 0]), None);
        let range = Some((ElementAddress(1000), 4));
        assert_eq!(parse(&[0x37, 1, 3, 0xe8, 0, 0, 0, 4, 0, 0]), range);
        assert_eq!(parse(&[0xe7, 1, 3, 0xe8, 0, 0, 0, 4, 0, 0]), range);
    }
}
