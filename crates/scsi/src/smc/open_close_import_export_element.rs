//! OPEN/CLOSE IMPORT/EXPORT ELEMENT (SMC-3).

use crate::address::ElementAddress;
use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed OPEN/CLOSE IMPORT/EXPORT ELEMENT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCloseImportExportElement {
    /// The element whose door is meant.
    pub element: ElementAddress,
    /// What to do with it.
    pub action: DoorAction,
}

/// ACTION CODE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoorAction {
    /// Open it: an operator can reach the cartridges, and the picker cannot.
    Open,
    /// Close it.
    Close,
}

impl OpenCloseImportExportElement {
    /// Offset of the element address in the CDB, for field pointers.
    pub const ELEMENT_OFFSET: u16 = 2;

    /// Parses the CDB. `mtx eject` and `mtx start` send this operation code with what means LOAD
    /// UNLOAD to a tape drive; their action codes are none.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        const ACTION_OFFSET: u16 = 4;
        let action = match cdb.byte(4) & 0x1f {
            0 => DoorAction::Open,
            1 => DoorAction::Close,
            _ => return Err(Sense::invalid_field_in_cdb(ACTION_OFFSET).at_bit(4)),
        };
        Ok(Self {
            element: ElementAddress(cdb.u16(2)),
            action,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_close_and_what_is_neither() {
        let parse =
            |action| OpenCloseImportExportElement::parse(&Cdb::new(&[0x1b, 0, 0, 10, action, 0]));
        let element = ElementAddress(10);
        for (code, action) in [(0, DoorAction::Open), (1, DoorAction::Close)] {
            let expected = OpenCloseImportExportElement { element, action };
            assert_eq!(parse(code), Ok(expected));
        }
        let refusal = Sense::invalid_field_in_cdb(4).at_bit(4);
        assert_eq!(parse(2), Err(refusal), "mtx eject");
    }
}
