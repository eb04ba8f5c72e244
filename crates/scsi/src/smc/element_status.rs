//! READ ELEMENT STATUS (SMC-3): the parameter data.
//!
//! ```text
//! report header   8   first element, number of elements, bytes that follow
//!   page header   8   type, which tags, descriptor length, bytes of descriptors
//!     descriptor  12  address, flags, sense, source
//!                 36  primary volume tag, when asked for
//!                 4+  identifier of the device, when asked for and known
//! ```
//!
//! One page holds the elements of one type. The lengths always tell the whole, however much the
//! allocation length lets through.

use super::ElementType;
use crate::address::ElementAddress;
use crate::sense::AdditionalSense;
use crate::spc::inquiry::put_text;

/// What is told beside the status itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tags {
    /// Barcodes (VOLTAG).
    pub volume_tag: bool,
    /// Identifiers of drives (DVCID).
    pub device_id: bool,
}

/// Where the cartridge in an element came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceElement {
    /// SVALID=0.
    Unknown,
    /// The storage element that it was last moved out of.
    Known(ElementAddress),
}

/// MEDIUM TYPE: what kind of cartridge an element holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MediumType {
    /// For data, written again and again.
    Data = 1,
    /// For cleaning drives.
    Cleaning = 2,
    /// For data, written once.
    Worm = 4,
}

/// The status of one element.
#[allow(clippy::struct_excessive_bools)] // the bits of the descriptor, as the standard draws them
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementDescriptor<'a> {
    /// Its address.
    pub address: ElementAddress,
    /// Its type.
    pub element_type: ElementType,
    /// FULL: it holds a cartridge.
    pub full: bool,
    /// IMPEXP: an operator, not the picker, put the cartridge into this import/export element.
    pub operator_placed: bool,
    /// ACCESS: the picker can take the cartridge, or put one in.
    pub access: bool,
    /// ED: it was taken out of service.
    pub disabled: bool,
    /// EXCEPT with its additional sense: something is wrong with the element or what is in it.
    pub exception: Option<AdditionalSense>,
    /// Where the cartridge came from.
    pub source: SourceElement,
    /// What kind of cartridge it holds; `None` when it is empty.
    pub medium: Option<MediumType>,
    /// The barcode of the cartridge.
    pub barcode: Option<&'a str>,
    /// The designation descriptor of the drive in this element, as in its VPD page 83h.
    pub device_id: Option<&'a [u8]>,
}

const BASE_LENGTH: usize = 12;
const VOLUME_TAG_LENGTH: usize = 36;
/// The volume identifier in a volume tag; two reserved bytes and a sequence number follow.
const VOLUME_ID_LENGTH: usize = 32;
/// Code set, identifier type, reserved, length: zeros where there is no identifier.
const IDENTIFIER_HEADER_LENGTH: usize = 4;
const REPORT_HEADER_LENGTH: usize = 8;
const PAGE_HEADER_LENGTH: usize = 8;

/// The parameter data under construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementStatusReport {
    tags: Tags,
    data: Vec<u8>,
    count: u16,
    send_action: u8,
}

impl ElementStatusReport {
    /// The length of the header before the first page.
    pub const HEADER_LENGTH: usize = REPORT_HEADER_LENGTH;

    /// Returns a report without elements.
    pub fn new(tags: Tags) -> Self {
        Self {
            tags,
            data: vec![0; REPORT_HEADER_LENGTH],
            count: 0,
            send_action: 0,
        }
    }

    /// Returns a report of what SEND VOLUME TAG has found with this SEND ACTION CODE, for REQUEST
    /// VOLUME ELEMENT ADDRESS.
    pub fn of_search(tags: Tags, send_action: u8) -> Self {
        Self {
            send_action,
            ..Self::new(tags)
        }
    }

    /// Returns how many of `elements`, in pages by type and without identifiers, fit a report of `room`
    /// bytes as whole descriptors.
    pub fn count_that_fits(tags: Tags, elements: &[ElementDescriptor<'_>], room: usize) -> usize {
        let descriptor_length = descriptor_length(tags, 0);
        let mut length = REPORT_HEADER_LENGTH;
        let mut page = None;
        let fits = |element: &&ElementDescriptor<'_>| {
            if page.replace(element.element_type) != Some(element.element_type) {
                length += PAGE_HEADER_LENGTH;
            }
            length += descriptor_length;
            length <= room
        };
        elements.iter().take_while(fits).count()
    }

    /// Adds a page with `elements`, all of type `element_type`, in ascending order of addresses. A
    /// page without elements is not written. At most 65535 elements fit a report.
    pub fn page(&mut self, element_type: ElementType, elements: &[ElementDescriptor<'_>]) {
        let Some(first) = elements.first() else {
            return;
        };
        if self.count == 0 {
            self.data[..2].copy_from_slice(&first.address.0.to_be_bytes());
        }
        let identifier_length = self.identifier_length(elements);
        let descriptor_length = descriptor_length(self.tags, identifier_length);
        let header = self.data.len();
        self.data
            .reserve(PAGE_HEADER_LENGTH + descriptor_length * elements.len());
        self.data.resize(header + PAGE_HEADER_LENGTH, 0);
        for element in elements {
            debug_assert_eq!(element.element_type, element_type);
            let start = self.data.len();
            self.descriptor(element);
            self.data.resize(start + descriptor_length, 0);
            self.count = self.count.saturating_add(1);
        }
        let page = &mut self.data[header..];
        let bytes = page.len() - PAGE_HEADER_LENGTH;
        page[0] = element_type.code();
        page[1] = u8::from(self.tags.volume_tag) << 7; // PVOLTAG; no element has AVOLTAG
        #[allow(clippy::cast_possible_truncation)] // at most 12 + 36 + 4 + 255
        page[2..4].copy_from_slice(&(descriptor_length as u16).to_be_bytes());
        put_u24(&mut page[5..8], bytes);
    }

    /// Returns the parameter data.
    pub fn into_bytes(mut self) -> Vec<u8> {
        let bytes = self.data.len() - REPORT_HEADER_LENGTH;
        self.data[2..4].copy_from_slice(&self.count.to_be_bytes());
        self.data[4] = self.send_action;
        put_u24(&mut self.data[5..8], bytes);
        self.data
    }

    /// The room for identifiers without their header: descriptors of a page have one length.
    fn identifier_length(&self, elements: &[ElementDescriptor<'_>]) -> usize {
        if !self.tags.device_id {
            return 0;
        }
        elements
            .iter()
            .filter_map(|element| element.device_id)
            .map(|id| id.len().saturating_sub(IDENTIFIER_HEADER_LENGTH))
            .max()
            .unwrap_or(0)
    }

    fn descriptor(&mut self, element: &ElementDescriptor<'_>) {
        const IN_ENABLE: u8 = 0x20;
        const EXPORT_ENABLE: u8 = 0x10;
        const SVALID: u8 = 0x80;
        const DISABLED: u8 = 0x20;
        const UNSPECIFIED: u8 = 0;
        let [high, low] = element.address.0.to_be_bytes();
        let mut flags = u8::from(element.full)
            | u8::from(element.exception.is_some()) << 2
            | u8::from(element.access) << 3;
        if element.element_type == ElementType::ImportExport {
            flags |= IN_ENABLE | EXPORT_ENABLE | u8::from(element.operator_placed) << 1;
        }
        let exception = element.exception.unwrap_or(AdditionalSense::NONE);
        let (valid, source) = match element.source {
            SourceElement::Known(address) => (SVALID, address.0.to_be_bytes()),
            SourceElement::Unknown => (0, [0, 0]),
        };
        let medium = element.medium.map_or(UNSPECIFIED, |medium| medium as u8);
        self.data.extend_from_slice(&[
            high,
            low,
            flags,
            0,
            exception.0,
            exception.1,
            0,
            0,
            0,
            valid | (u8::from(element.disabled) * DISABLED) | medium,
            source[0],
            source[1],
        ]);
        if self.tags.volume_tag {
            self.volume_tag(element.barcode.unwrap_or(""));
        }
        if self.tags.device_id
            && let Some(id) = element.device_id
        {
            self.data.extend_from_slice(id);
        }
    }

    /// Blanks where there is no barcode: `mtx` then prints `VolumeTag=` for an empty slot, as the
    /// tape gateways of the cloud make it do.
    fn volume_tag(&mut self, barcode: &str) {
        let start = self.data.len();
        self.data.resize(start + VOLUME_TAG_LENGTH, 0);
        put_text(&mut self.data[start..start + VOLUME_ID_LENGTH], barcode);
    }
}

/// `identifier_length` is without the identifier's header.
fn descriptor_length(tags: Tags, identifier_length: usize) -> usize {
    let volume_tag_length = usize::from(tags.volume_tag) * VOLUME_TAG_LENGTH;
    BASE_LENGTH + volume_tag_length + IDENTIFIER_HEADER_LENGTH + identifier_length
}

fn put_u24(field: &mut [u8], value: usize) {
    // A report of 65535 elements can be longer than the field can say; then it says "at least".
    #[allow(clippy::cast_possible_truncation)] // cut to 24 bits on the line
    let value = value.min(0xff_ffff) as u32;
    field.copy_from_slice(&value.to_be_bytes()[1..]);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An empty element, for tests.
    pub(in crate::smc) fn element(
        element_type: ElementType,
        address: u16,
    ) -> ElementDescriptor<'static> {
        ElementDescriptor {
            address: ElementAddress(address),
            element_type,
            full: false,
            operator_placed: false,
            access: true,
            disabled: false,
            exception: None,
            source: SourceElement::Unknown,
            medium: None,
            barcode: None,
            device_id: None,
        }
    }

    #[test]
    fn full_slot_with_its_barcode() {
        let mut report = ElementStatusReport::new(Tags {
            volume_tag: true,
            device_id: false,
        });
        let slot = ElementDescriptor {
            full: true,
            source: SourceElement::Known(ElementAddress(10)),
            medium: Some(MediumType::Data),
            barcode: Some("CAP001L5"),
            ..element(ElementType::Storage, 1000)
        };
        report.page(ElementType::Storage, &[slot]);
        let data = report.into_bytes();
        assert_eq!(
            data[..8],
            [0x03, 0xe8, 0, 1, 0, 0, 0, 60],
            "first element 1000, one element, 60 bytes follow"
        );
        assert_eq!(
            data[8..16],
            [2, 0x80, 0, 52, 0, 0, 0, 52],
            "storage, PVOLTAG, descriptors of 52 bytes, 52 bytes"
        );
        assert_eq!(
            data[16..28],
            [0x03, 0xe8, 0x09, 0, 0, 0, 0, 0, 0, 0x81, 0, 10],
            "ACCESS and FULL, SVALID with a data medium, from element 10"
        );
        assert_eq!(&data[28..60], b"CAP001L5                        ");
        assert_eq!(data[60..], [0; 8], "sequence number, no identifier");
    }

    #[test]
    fn drive_with_its_identifier() {
        let mut report = ElementStatusReport::new(Tags {
            volume_tag: false,
            device_id: true,
        });
        let drive = ElementDescriptor {
            device_id: Some(b"\x02\x01\x00\x05ABCDE"),
            ..element(ElementType::DataTransfer, 500)
        };
        report.page(
            ElementType::DataTransfer,
            &[drive, element(ElementType::DataTransfer, 501)],
        );
        let data = report.into_bytes();
        assert_eq!(data[8..16], [4, 0, 0, 21, 0, 0, 0, 42]);
        assert_eq!(&data[28..37], b"\x02\x01\x00\x05ABCDE");
        assert_eq!(data[37..40], [0x01, 0xf5, 0x08], "the next descriptor");
        assert_eq!(data[49..], [0; 9], "no identifier, same length");
    }

    #[test]
    fn import_export_element_and_exception() {
        let mut report = ElementStatusReport::new(Tags {
            volume_tag: false,
            device_id: false,
        });
        let port = ElementDescriptor {
            full: true,
            operator_placed: true,
            exception: Some(AdditionalSense::MEDIA_LOAD_OR_EJECT_FAILED),
            ..element(ElementType::ImportExport, 10)
        };
        report.page(ElementType::ImportExport, &[port]);
        let data = report.into_bytes();
        assert_eq!(data[18], 0x3f, "INENAB EXENAB ACCESS EXCEPT IMPEXP FULL");
        assert_eq!(data[20..22], [0x53, 0x00]);
        assert_eq!(data.len(), 8 + 8 + 16);
    }

    #[test]
    fn report_without_elements_is_a_header() {
        let mut report = ElementStatusReport::new(Tags {
            volume_tag: true,
            device_id: true,
        });
        report.page(ElementType::Storage, &[]);
        assert_eq!(report.into_bytes(), [0; 8]);
    }
}
