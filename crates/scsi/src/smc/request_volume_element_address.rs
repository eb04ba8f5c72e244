//! REQUEST VOLUME ELEMENT ADDRESS (SMC-3): what SEND VOLUME TAG has found.

use super::ElementType;
use crate::address::ElementAddress;
use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed REQUEST VOLUME ELEMENT ADDRESS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestVolumeElementAddress {
    /// VOLTAG: tell the barcodes.
    pub volume_tag: bool,
    /// ELEMENT TYPE CODE, `None` for all types.
    pub element_type: Option<ElementType>,
    /// Elements with smaller addresses are left out.
    pub start: ElementAddress,
    /// The most elements to report.
    pub count: u16,
    /// The most bytes that the initiator takes.
    pub allocation_length: u32,
}

impl RequestVolumeElementAddress {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        const TYPE_OFFSET: u16 = 1;
        let element_type = match cdb.byte(1) & 0x0f {
            0 => None,
            code => {
                let refusal = Sense::invalid_field_in_cdb(TYPE_OFFSET).at_bit(3);
                Some(ElementType::from_code(code).ok_or(refusal)?)
            }
        };
        Ok(Self {
            volume_tag: cdb.bit(1, 4),
            element_type,
            start: ElementAddress(cdb.u16(2)),
            count: cdb.u16(4),
            allocation_length: cdb.u24(7),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let cdb = [0xb5, 0x14, 0x01, 0xf4, 0, 9, 0, 0x01, 0x02, 0x03, 0, 0];
        assert_eq!(
            RequestVolumeElementAddress::parse(&Cdb::new(&cdb)),
            Ok(RequestVolumeElementAddress {
                volume_tag: true,
                element_type: Some(ElementType::DataTransfer),
                start: ElementAddress(500),
                count: 9,
                allocation_length: 0x01_0203,
            })
        );
        let unknown = Cdb::new(&[0xb5, 0x05, 0, 0, 0, 9, 0, 0, 0, 255, 0, 0]);
        let refusal = Sense::invalid_field_in_cdb(1).at_bit(3);
        assert_eq!(RequestVolumeElementAddress::parse(&unknown), Err(refusal));
    }
}
