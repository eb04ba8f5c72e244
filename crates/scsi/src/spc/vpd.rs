//! Pages of vital product data (SPC-5 §7.8).

mod designator;
mod extended_inquiry;
mod mode_page_policy;
mod scsi_ports;

pub use designator::Designator;
pub use extended_inquiry::ExtendedInquiry;
pub use mode_page_policy::shared_mode_pages;
pub use scsi_ports::{ScsiPort, scsi_ports};

use crate::command::DeviceType;

/// Page 00h, the list of pages.
pub const SUPPORTED_PAGES: u8 = 0x00;
/// Page 80h.
pub const UNIT_SERIAL_NUMBER: u8 = 0x80;
/// Page 83h.
pub const DEVICE_IDENTIFICATION: u8 = 0x83;
/// Page 86h.
pub const EXTENDED_INQUIRY_DATA: u8 = 0x86;
/// Page 87h.
pub const MODE_PAGE_POLICY: u8 = 0x87;
/// Page 88h.
pub const SCSI_PORTS: u8 = 0x88;

/// Returns a page: device type, page code, length, then `body`.
pub fn page(device: DeviceType, page_code: u8, body: &[u8]) -> Vec<u8> {
    let mut page = vec![device as u8, page_code, 0, 0];
    #[allow(clippy::cast_possible_truncation)] // pages of ours are short
    page[2..4].copy_from_slice(&(body.len() as u16).to_be_bytes());
    page.extend_from_slice(body);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_tells_its_length() {
        assert_eq!(
            page(DeviceType::MediaChanger, UNIT_SERIAL_NUMBER, b"ABC"),
            [0x08, 0x80, 0, 3, b'A', b'B', b'C']
        );
    }
}
