//! Pages of vital product data (SPC-5 §7.8).

use crate::command::DeviceType;
use crate::spc::inquiry::put_text;

/// Page 00h, the list of pages.
pub const SUPPORTED_PAGES: u8 = 0x00;
/// Page 80h.
pub const UNIT_SERIAL_NUMBER: u8 = 0x80;
/// Page 83h.
pub const DEVICE_IDENTIFICATION: u8 = 0x83;

/// Returns a page: device type, page code, length, then `body`.
pub fn page(device: DeviceType, page_code: u8, body: &[u8]) -> Vec<u8> {
    let mut page = vec![device as u8, page_code, 0, 0];
    #[allow(clippy::cast_possible_truncation)] // pages of ours are short
    page[2..4].copy_from_slice(&(body.len() as u16).to_be_bytes());
    page.extend_from_slice(body);
    page
}

/// What names a device in page 83h and in READ ELEMENT STATUS (SPC-5 §7.8.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Designator {
    /// T10 vendor identification: vendor in eight characters, then the rest (code set ASCII).
    T10VendorId {
        /// At most eight characters.
        vendor: String,
        /// Usually the product in sixteen characters and the serial number.
        specific: String,
    },
    /// NAA, eight bytes (code set binary).
    Naa([u8; 8]),
    /// Relative target port identifier (SPC-5 §7.8.6.8), of the port that answers.
    RelativeTargetPort(u16),
    /// The target port's name as SCSI name string, `<iqn>,t,0x<tag>` (SPC-5 §7.8.6.11).
    TargetPortName(String),
}

impl Designator {
    /// Returns the designation descriptor: code set, association and type, length, designator.
    pub fn to_bytes(&self) -> Vec<u8> {
        const BINARY: u8 = 1;
        const ASCII: u8 = 2;
        const UTF8: u8 = 3;
        /// PROTOCOL IDENTIFIER iSCSI and PIV=1, association 01b: the target port.
        const ISCSI: u8 = 0x50;
        const TARGET_PORT: u8 = 0x80 | 0x10;
        let (code_set, kind, body) = match self {
            Self::T10VendorId { vendor, specific } => {
                let mut body = vec![0; 8];
                put_text(&mut body, vendor);
                body.extend_from_slice(specific.as_bytes());
                (ASCII, 0x01, body)
            }
            Self::Naa(name) => (BINARY, 0x03, name.to_vec()),
            Self::RelativeTargetPort(port) => {
                let [high, low] = port.to_be_bytes();
                (ISCSI | BINARY, TARGET_PORT | 0x04, vec![0, 0, high, low])
            }
            Self::TargetPortName(name) => {
                // Null terminated and padded to a multiple of four (SPC-5 §7.8.6.11).
                let mut body = name.clone().into_bytes();
                body.resize((body.len() + 1).next_multiple_of(4), 0);
                (ISCSI | UTF8, TARGET_PORT | 0x08, body)
            }
        };
        let mut descriptor = vec![code_set, kind, 0, 0];
        #[allow(clippy::cast_possible_truncation)] // names are at most 223 bytes
        {
            descriptor[3] = body.len() as u8;
        }
        descriptor.extend_from_slice(&body);
        descriptor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t10_designator_pads_the_vendor() {
        let designator = Designator::T10VendorId {
            vendor: "IBM".into(),
            specific: "ULT3580-TD5     1234567890".into(),
        };
        let bytes = designator.to_bytes();
        assert_eq!(bytes[..4], [0x02, 0x01, 0, 34]);
        assert_eq!(&bytes[4..], b"IBM     ULT3580-TD5     1234567890");
    }

    #[test]
    fn port_name_is_null_terminated_and_padded() {
        let bytes = Designator::TargetPortName("iqn.x,t,0x0001".into()).to_bytes();
        assert_eq!(bytes[..4], [0x53, 0x98, 0, 16]);
        assert_eq!(&bytes[18..], &[0, 0]);
    }

    #[test]
    fn page_tells_its_length() {
        assert_eq!(
            page(DeviceType::MediaChanger, UNIT_SERIAL_NUMBER, b"ABC"),
            [0x08, 0x80, 0, 3, b'A', b'B', b'C']
        );
    }
}
