//! Designation descriptors (SPC-5 §7.8.6): what names a device.

use crate::spc::inquiry::put_text;

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
    /// The same with everything in one text, as some libraries build it. `code_set` is the whole first
    /// byte of the descriptor: Quantum's libraries send F2h, where 02h means ASCII.
    Text {
        /// Protocol identifier and code set.
        code_set: u8,
        /// Vendor, and whatever follows it.
        text: Vec<u8>,
    },
    /// Vendor specific (code set ASCII): a serial number alone, as some libraries name their drives.
    VendorSpecific(Vec<u8>),
    /// NAA, eight bytes (code set binary).
    Naa([u8; 8]),
    /// Relative target port identifier (SPC-5 §7.8.6.8), of the port that answers.
    RelativeTargetPort(u16),
    /// Target port group (SPC-5 §7.8.6.9) of the port that answers.
    TargetPortGroup(u16),
    /// The target port's name as SCSI name string, `<iqn>,t,0x<tag>` (SPC-5 §7.8.6.11).
    TargetPortName(String),
    /// The target device's name as SCSI name string, `<iqn>` (SPC-5 §7.8.6.11).
    TargetDeviceName(String),
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
        /// PIV=1, association 10b: the target device.
        const TARGET_DEVICE: u8 = 0x80 | 0x20;
        let (code_set, kind, body) = match self {
            Self::T10VendorId { vendor, specific } => {
                let mut body = vec![0; 8];
                put_text(&mut body, vendor);
                body.extend_from_slice(specific.as_bytes());
                (ASCII, 0x01, body)
            }
            Self::Text { code_set, text } => (*code_set, 0x01, text.clone()),
            Self::VendorSpecific(text) => (ASCII, 0x00, text.clone()),
            Self::Naa(name) => (BINARY, 0x03, name.to_vec()),
            Self::RelativeTargetPort(port) => {
                let [high, low] = port.to_be_bytes();
                (ISCSI | BINARY, TARGET_PORT | 0x04, vec![0, 0, high, low])
            }
            Self::TargetPortGroup(group) => {
                let [high, low] = group.to_be_bytes();
                (ISCSI | BINARY, TARGET_PORT | 0x05, vec![0, 0, high, low])
            }
            Self::TargetPortName(name) => (ISCSI | UTF8, TARGET_PORT | 0x08, name_string(name)),
            Self::TargetDeviceName(name) => (ISCSI | UTF8, TARGET_DEVICE | 0x08, name_string(name)),
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

/// Null terminated and padded to a multiple of four (SPC-5 §7.8.6.11).
fn name_string(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize((bytes.len() + 1).next_multiple_of(4), 0);
    bytes
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
    fn texts_of_libraries_keep_their_code_set() {
        let text = Designator::Text {
            code_set: 0xf2,
            text: b"QUANTUM A0C1".to_vec(),
        };
        assert_eq!(text.to_bytes(), b"\xf2\x01\x00\x0cQUANTUM A0C1");
        let serial = Designator::VendorSpecific(b"1234".to_vec());
        assert_eq!(serial.to_bytes(), b"\x02\x00\x00\x041234");
    }

    #[test]
    fn names_of_port_group_port_and_device() {
        let bytes = Designator::TargetPortName("iqn.x,t,0x0001".into()).to_bytes();
        assert_eq!(bytes[..4], [0x53, 0x98, 0, 16]);
        assert_eq!(&bytes[18..], &[0, 0], "null terminated and padded");
        let bytes = Designator::TargetDeviceName("iqn.x".into()).to_bytes();
        assert_eq!(bytes, b"\x53\xa8\x00\x08iqn.x\0\0\0");
        let bytes = Designator::TargetPortGroup(1).to_bytes();
        assert_eq!(bytes, [0x51, 0x95, 0, 4, 0, 0, 0, 1]);
    }
}
