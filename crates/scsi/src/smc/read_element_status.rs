//! READ ELEMENT STATUS (SMC-3): the CDB.

use super::ElementType;
use crate::address::ElementAddress;
use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed READ ELEMENT STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadElementStatus {
    /// VOLTAG: tell the barcodes.
    pub volume_tag: bool,
    /// ELEMENT TYPE CODE, `None` for all types.
    pub element_type: Option<ElementType>,
    /// Elements with smaller addresses are left out; there need not be an element at this one.
    pub start: ElementAddress,
    /// The most elements to report.
    pub count: u16,
    /// DVCID: tell the identifiers of the drives.
    pub device_id: bool,
    /// The most bytes that the initiator takes.
    pub allocation_length: u32,
}

impl ReadElementStatus {
    /// Parses the CDB. CURDATA is accepted and changes nothing: our status is always current, and
    /// nothing moves to find it out.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let element_type = match cdb.byte(1) & 0x0f {
            0 => None,
            code => Some(ElementType::from_code(code).ok_or(Sense::invalid_field_in_cdb(1))?),
        };
        Ok(Self {
            volume_tag: cdb.bit(1, 4),
            element_type,
            start: ElementAddress(cdb.u16(2)),
            count: cdb.u16(4),
            device_id: cdb.bit(6, 0),
            allocation_length: cdb.u24(7),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_of_mtx_for_storage_elements() {
        let cdb = Cdb::new(&[
            0xb8, 0x12, 0x03, 0xe8, 0x00, 0x18, 0x03, 0x01, 0x02, 0x03, 0, 0,
        ]);
        assert_eq!(
            ReadElementStatus::parse(&cdb),
            Ok(ReadElementStatus {
                volume_tag: true,
                element_type: Some(ElementType::Storage),
                start: ElementAddress(1000),
                count: 24,
                device_id: true,
                allocation_length: 0x01_0203,
            })
        );
    }

    #[test]
    fn unknown_type_is_refused() {
        let cdb = Cdb::new(&[0xb8, 0x05, 0, 0, 0, 1, 0, 0, 0, 255, 0, 0]);
        assert_eq!(
            ReadElementStatus::parse(&cdb),
            Err(Sense::invalid_field_in_cdb(1))
        );
    }
}
