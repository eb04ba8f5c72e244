//! INQUIRY and the standard data that it returns (SPC-5 §6.7).

use crate::command::DeviceType;
use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed INQUIRY command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// The page of vital product data, or `None` for the standard data.
    pub page: Option<u8>,
    /// The most bytes that the initiator takes.
    pub allocation_length: u16,
}

impl Inquiry {
    /// Parses the CDB. A page code without EVPD is refused (SPC-5 §6.7.1).
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let page = match (cdb.bit(1, 0), cdb.byte(2)) {
            (true, page) => Some(page),
            (false, 0) => None,
            (false, _) => return Err(Sense::invalid_field_in_cdb(2)),
        };
        Ok(Self {
            page,
            allocation_length: cdb.u16(3),
        })
    }
}

/// The first byte of INQUIRY data for a logical unit that is not there: peripheral qualifier 011b,
/// device type 1Fh (SPC-5 §6.7.2, table 147).
pub const NO_LOGICAL_UNIT: u8 = 0x7f;

/// What the standard INQUIRY data say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandardData<'a> {
    /// Tape drive or changer.
    pub device: DeviceType,
    /// VERSION: the SPC that the device claims, 05h for SPC-3, 06h for SPC-4.
    pub version: u8,
    /// Eight characters, padded with spaces.
    pub vendor: &'a str,
    /// Sixteen characters, padded with spaces.
    pub product: &'a str,
    /// Four characters, padded with spaces.
    pub revision: &'a str,
    /// Bits in bytes 3, 5 and 6.
    pub flags: StandardFlags,
    /// Version descriptors (SPC-5 §6.7.2, bytes 58 to 73), at most eight.
    pub version_descriptors: &'a [u16],
    /// How many bytes there are, 36 to 255; ADDITIONAL LENGTH counts what follows byte 4.
    pub length: u8,
}

/// Bits of the standard INQUIRY data in which devices differ.
#[allow(clippy::struct_excessive_bools)] // the bits, as the standard draws them
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StandardFlags {
    /// HISUP: logical unit numbers are hierarchical.
    pub hierarchical: bool,
    /// PROTECT: the device protects data on their way.
    pub protect: bool,
    /// BARC: a changer has a barcode reader (SMC-3 §6.1.1).
    pub barcode_reader: bool,
    /// MULTIP: there are several ports.
    pub multi_port: bool,
    /// ADDR16: 16-bit addresses on parallel SCSI.
    pub address_16: bool,
}

impl StandardData<'_> {
    /// The usual length: up to and with the version descriptors and reserved bytes.
    pub const LENGTH: u8 = 96;
    /// The shortest: up to and with the revision.
    pub const LENGTH_MIN: u8 = 36;

    /// Returns the standard data.
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = self.length.max(Self::LENGTH_MIN);
        let mut data = vec![0; usize::from(u8::MAX)];
        data[0] = self.device as u8;
        data[1] = 0x80; // RMB: the medium can be removed
        data[2] = self.version;
        data[3] = 0x02 | u8::from(self.flags.hierarchical) << 4; // response data format 2
        data[4] = length - 5; // ADDITIONAL LENGTH
        data[5] = TPGS_IMPLICIT | u8::from(self.flags.protect);
        data[6] = u8::from(self.flags.barcode_reader) << 5
            | u8::from(self.flags.multi_port) << 4
            | u8::from(self.flags.address_16);
        data[7] = 0x02; // CMDQUE
        put_text(&mut data[8..16], self.vendor);
        put_text(&mut data[16..32], self.product);
        put_text(&mut data[32..36], self.revision);
        for (slot, descriptor) in data[58..74]
            .chunks_exact_mut(2)
            .zip(self.version_descriptors)
        {
            slot.copy_from_slice(&descriptor.to_be_bytes());
        }
        data.truncate(usize::from(length));
        data
    }
}

/// TPGS 01b: REPORT TARGET PORT GROUPS is there, SET TARGET PORT GROUPS is not (SPC-5 table 153).
const TPGS_IMPLICIT: u8 = 0x10;

/// Writes ASCII text, left aligned, padded with spaces, cut where the field ends (SPC-5 §4.3.1).
pub fn put_text(field: &mut [u8], text: &str) {
    field.fill(b' ');
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text.as_bytes()[..length]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_data_of_a_drive() {
        let data = StandardData {
            device: DeviceType::SequentialAccess,
            version: 0x06,
            vendor: "IBM",
            product: "ULT3580-TD5",
            revision: "0103",
            flags: StandardFlags {
                protect: true,
                hierarchical: true,
                multi_port: true,
                ..StandardFlags::default()
            },
            version_descriptors: &[0x0960],
            length: 70,
        }
        .to_bytes();
        assert_eq!(data.len(), 70);
        assert_eq!(data[..8], [0x01, 0x80, 0x06, 0x12, 65, 0x11, 0x10, 0x02]);
        assert_eq!(&data[8..36], b"IBM     ULT3580-TD5     0103");
        assert_eq!(data[58..60], [0x09, 0x60], "iSCSI");
    }

    #[test]
    fn page_code_without_evpd_is_refused() {
        let cdb = Cdb::new(&[0x12, 0, 0x80, 0, 96, 0]);
        assert_eq!(Inquiry::parse(&cdb), Err(Sense::invalid_field_in_cdb(2)));
    }
}
