//! REPORT ELEMENT INFORMATION (SMC-3): what elements are, and how they are.
//!
//! ```text
//! page 00h   which pages there are, for each type of element
//! page 02h   what never changes: one descriptor for neighbours that are alike
//! page 03h   what changes: one descriptor for each element
//! page 7Fh   all of them, one after another
//! ```
//!
//! Where an element is (page 04h, vendor specific coordinates) is not told: our elements are nowhere.

use super::{ElementDescriptor, ElementType};
use crate::address::ElementAddress;
use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed REPORT ELEMENT INFORMATION.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportElementInformation {
    /// The page, or all.
    pub page: ElementInformation,
    /// ELEMENT TYPE CODE, `None` for all types.
    pub element_type: Option<ElementType>,
    /// Elements with smaller addresses are left out.
    pub start: u32,
    /// The most elements to report; `None` for no such limit (NEV=0).
    pub count: Option<u8>,
    /// The most bytes that the initiator takes.
    pub allocation_length: u32,
}

/// A page of information about elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementInformation {
    /// 00h.
    SupportedPages,
    /// 02h.
    Static,
    /// 03h.
    State,
    /// 7Fh.
    All,
}

impl ReportElementInformation {
    /// Parses the CDB. CDATA is accepted and changes nothing: what we know is always current.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        const PAGE_OFFSET: u16 = 2;
        const TYPE_OFFSET: u16 = 3;
        const NEV: u8 = 5;
        let page = match cdb.byte(2) {
            SUPPORTED_PAGES => ElementInformation::SupportedPages,
            STATIC => ElementInformation::Static,
            STATE => ElementInformation::State,
            ALL => ElementInformation::All,
            _ => return Err(Sense::invalid_field_in_cdb(PAGE_OFFSET)),
        };
        let element_type = match cdb.byte(3) & 0x0f {
            0 => None,
            code => {
                let refusal = Sense::invalid_field_in_cdb(TYPE_OFFSET).at_bit(3);
                Some(ElementType::from_code(code).ok_or(refusal)?)
            }
        };
        Ok(Self {
            page,
            element_type,
            start: cdb.u32(6),
            count: cdb.bit(3, NEV).then(|| cdb.byte(14)),
            allocation_length: cdb.u32(10),
        })
    }

    /// Returns the parameter data about `elements`: those of the wanted type from the wanted address
    /// on, ascending.
    pub fn parameter_data(&self, elements: &[ElementDescriptor<'_>]) -> Vec<u8> {
        let elements = match self.count {
            Some(count) => &elements[..elements.len().min(usize::from(count))],
            None => elements,
        };
        match self.page {
            ElementInformation::SupportedPages => self.supported_pages(),
            ElementInformation::Static => static_information(elements),
            ElementInformation::State => state_information(elements),
            ElementInformation::All => {
                let mut pages = self.supported_pages();
                pages.extend(static_information(elements));
                pages.extend(state_information(elements));
                pages
            }
        }
    }

    fn supported_pages(&self) -> Vec<u8> {
        const PAGES: [u8; 4] = [SUPPORTED_PAGES, STATIC, STATE, ALL];
        let kinds = ElementType::ALL.into_iter();
        let body = kinds
            .filter(|kind| self.element_type.is_none_or(|wanted| wanted == *kind))
            .flat_map(|kind| {
                let [a, b, c, d] = PAGES;
                [kind.code(), 0, 0, 4, a, b, c, d]
            });
        page(SUPPORTED_PAGES, 0, &body.collect::<Vec<u8>>())
    }
}

const SUPPORTED_PAGES: u8 = 0x00;
const STATIC: u8 = 0x02;
const STATE: u8 = 0x03;
const ALL: u8 = 0x7f;

fn page(code: u8, descriptor_length: u8, body: &[u8]) -> Vec<u8> {
    // At most 65535 descriptors of a dozen bytes.
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut page = vec![code, 0, 0, descriptor_length];
    page.extend(length.to_be_bytes());
    page.extend_from_slice(body);
    page
}

/// What all elements of a type have in common, so that neighbours of one type share a descriptor.
fn static_bits(kind: ElementType) -> u8 {
    const NO_DESTINATION: u8 = 0x20; // SO
    const NO_SOURCE: u8 = 0x10; // DO
    const MOVES: u8 = 0x04; // MDO
    const CAN_BE_DISABLED: u8 = 0x01; // EDC
    match kind {
        ElementType::MediumTransport => NO_DESTINATION | NO_SOURCE | MOVES,
        ElementType::Storage | ElementType::ImportExport => 0,
        ElementType::DataTransfer => CAN_BE_DISABLED,
    }
}

fn static_information(elements: &[ElementDescriptor<'_>]) -> Vec<u8> {
    const LENGTH: u8 = 12;
    let alike = |one: &ElementDescriptor<'_>, next: &ElementDescriptor<'_>| {
        one.element_type == next.element_type
            && one.address.0.checked_add(1) == Some(next.address.0)
    };
    let mut body = Vec::new();
    for group in elements.chunk_by(alike) {
        let Some(first) = group.first() else { continue };
        let count = u32::try_from(group.len()).unwrap_or(u32::MAX);
        body.extend(wide(first.address));
        body.extend(count.to_be_bytes());
        let kind = first.element_type;
        body.extend([kind.code(), static_bits(kind), 0, 0]);
    }
    page(STATIC, LENGTH, &body)
}

fn state_information(elements: &[ElementDescriptor<'_>]) -> Vec<u8> {
    const LENGTH: u8 = 8;
    let mut body = Vec::with_capacity(elements.len() * usize::from(LENGTH));
    for element in elements {
        body.extend(wide(element.address));
        let additional = element.exception.map_or([0, 0], |it| [it.0, it.1]);
        body.extend([element.element_type.code(), state_bits(element)]);
        body.extend(additional);
    }
    page(STATE, LENGTH, &body)
}

fn state_bits(element: &ElementDescriptor<'_>) -> u8 {
    const FULL: u8 = 0x40; // VOLUME PRESENT 01b
    const EMPTY: u8 = 0x80; // VOLUME PRESENT 10b
    const BY_PICKER: u8 = 0x10; // IMPORT 01b
    const BY_OPERATOR: u8 = 0x20; // IMPORT 10b
    const OPERATOR_REQUIRED: u8 = 0x08; // OIR
    const DISABLED: u8 = 0x04; // ED
    const NO_ACCESS: u8 = 0x02; // MTAP
    const SENSE_VALID: u8 = 0x01; // SDV
    let placed = match (element.full, element.operator_placed) {
        (false, _) => EMPTY,
        (true, true) if element.element_type == ElementType::ImportExport => FULL | BY_OPERATOR,
        (true, _) => FULL | BY_PICKER,
    };
    let door_is_open = element.element_type == ElementType::ImportExport && !element.access;
    let mut bits = placed;
    for (holds, bit) in [
        (element.disabled || door_is_open, OPERATOR_REQUIRED),
        (element.disabled, DISABLED),
        (!element.access, NO_ACCESS),
        (element.exception.is_some(), SENSE_VALID),
    ] {
        bits |= u8::from(holds) * bit;
    }
    bits
}

/// Addresses have four bytes here.
fn wide(address: ElementAddress) -> [u8; 4] {
    u32::from(address.0).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sense::AdditionalSense;
    use crate::smc::element_status::tests::element;

    fn command(page: u8, type_and_flags: u8, count: u8) -> Result<ReportElementInformation, Sense> {
        ReportElementInformation::parse(&Cdb::new(&[
            0x9e,
            0x10,
            page,
            type_and_flags,
            0,
            0,
            0,
            0,
            0x03,
            0xe8,
            0,
            0,
            0x01,
            0,
            count,
            0,
        ]))
    }

    #[test]
    fn fields_and_what_is_refused() {
        let parsed = command(3, 0x22, 7).unwrap();
        assert_eq!(parsed.page, ElementInformation::State);
        assert_eq!(parsed.element_type, Some(ElementType::Storage));
        assert_eq!((parsed.start, parsed.count), (1000, Some(7)));
        assert_eq!(parsed.allocation_length, 256);
        assert_eq!(command(3, 0x10, 7).unwrap().count, None, "CDATA, no NEV");
        assert_eq!(command(4, 0, 0), Err(Sense::invalid_field_in_cdb(2)));
        let refusal = Sense::invalid_field_in_cdb(3).at_bit(3);
        assert_eq!(command(2, 5, 0), Err(refusal));
    }

    #[test]
    fn neighbours_share_a_static_descriptor() {
        let elements = [
            element(ElementType::DataTransfer, 500),
            element(ElementType::DataTransfer, 501),
            element(ElementType::Storage, 1000),
            element(ElementType::Storage, 1002),
        ];
        let data = command(2, 0, 0).unwrap().parameter_data(&elements);
        assert_eq!(data[..8], [2, 0, 0, 12, 0, 0, 0, 36]);
        assert_eq!(
            data[8..20],
            [0, 0, 0x01, 0xf4, 0, 0, 0, 2, 4, 0x01, 0, 0],
            "two drives from 500 on, which can be disabled"
        );
        assert_eq!(data[20..32], [0, 0, 0x03, 0xe8, 0, 0, 0, 1, 2, 0, 0, 0]);
        assert_eq!(data[32..44], [0, 0, 0x03, 0xea, 0, 0, 0, 1, 2, 0, 0, 0]);
    }

    #[test]
    fn state_of_each_element() {
        let elements = [
            ElementDescriptor {
                full: true,
                operator_placed: true,
                access: false,
                ..element(ElementType::ImportExport, 10)
            },
            ElementDescriptor {
                full: true,
                disabled: true,
                exception: Some(AdditionalSense::MEDIA_LOAD_OR_EJECT_FAILED),
                ..element(ElementType::DataTransfer, 500)
            },
            element(ElementType::Storage, 1000),
        ];
        let data = command(3, 0x20, 2).unwrap().parameter_data(&elements);
        assert_eq!(data[..8], [3, 0, 0, 8, 0, 0, 0, 16], "two of the three");
        assert_eq!(data[8..16], [0, 0, 0, 10, 3, 0x6a, 0, 0]);
        assert_eq!(data[16..], [0, 0, 0x01, 0xf4, 4, 0x5d, 0x53, 0]);
        let whole = command(3, 0, 0).unwrap().parameter_data(&elements);
        assert_eq!(whole[24..], [0, 0, 0x03, 0xe8, 2, 0x80, 0, 0]);
    }

    #[test]
    fn all_pages_follow_each_other() {
        let elements = [element(ElementType::Storage, 1000)];
        let all = command(0x7f, 2, 0).unwrap().parameter_data(&elements);
        let mut expected = Vec::new();
        for code in [0, 2, 3] {
            expected.extend(command(code, 2, 0).unwrap().parameter_data(&elements));
        }
        assert_eq!(all, expected);
        assert_eq!(
            all[..16],
            [0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 4, 0, 2, 3, 0x7f]
        );
    }
}
