//! Mode pages of a changer (SMC-3).

use crate::spc::mode;

/// Element address assignment.
pub const ELEMENT_ADDRESS_ASSIGNMENT: u8 = 0x1d;
/// Transport geometry parameters.
pub const TRANSPORT_GEOMETRY: u8 = 0x1e;
/// Device capabilities.
pub const DEVICE_CAPABILITIES: u8 = 0x1f;

/// The elements of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementRange {
    /// The first address; 0 when there are none.
    pub first: u16,
    /// How many.
    pub count: u16,
}

/// What page 1Dh says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementAddressAssignment {
    /// Pickers.
    pub medium_transport: ElementRange,
    /// Slots.
    pub storage: ElementRange,
    /// Import/export slots.
    pub import_export: ElementRange,
    /// Drives.
    pub data_transfer: ElementRange,
}

impl ElementAddressAssignment {
    /// Returns the page with its header.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut body = Vec::with_capacity(18);
        for range in [
            self.medium_transport,
            self.storage,
            self.import_export,
            self.data_transfer,
        ] {
            body.extend_from_slice(&range.first.to_be_bytes());
            body.extend_from_slice(&range.count.to_be_bytes());
        }
        body.extend_from_slice(&[0, 0]);
        mode::page(ELEMENT_ADDRESS_ASSIGNMENT, &body)
    }
}

/// Returns page 1Eh for one picker that does not rotate: member 0 of its set.
pub fn transport_geometry() -> Vec<u8> {
    mode::page(TRANSPORT_GEOMETRY, &[0, 0])
}

/// Returns page 1Fh of a changer that stores cartridges everywhere but in its picker, moves them
/// between all these places, and does not exchange.
pub fn device_capabilities() -> Vec<u8> {
    /// DT, I/E and ST; bit 0, MT, is not set.
    const PLACES: u8 = 0x0e;
    let mut body = [0; 18];
    body[0] = PLACES; // STORDT, STORI/E, STORST
    // Bytes 2 to 5 of the body: from MT, ST, I/E, DT to each.
    body[3] = PLACES;
    body[4] = PLACES;
    body[5] = PLACES;
    mode::page(DEVICE_CAPABILITIES, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_address_assignment_of_an_l700() {
        let range = |first, count| ElementRange { first, count };
        let page = ElementAddressAssignment {
            medium_transport: range(1, 1),
            storage: range(1000, 24),
            import_export: range(10, 4),
            data_transfer: range(500, 4),
        };
        assert_eq!(
            page.to_bytes(),
            [
                0x1d, 18, 0, 1, 0, 1, 0x03, 0xe8, 0, 24, 0, 10, 0, 4, 0x01, 0xf4, 0, 4, 0, 0
            ]
        );
    }

    #[test]
    fn lengths_of_the_fixed_pages() {
        assert_eq!(transport_geometry(), [0x1e, 2, 0, 0]);
        let page = device_capabilities();
        assert_eq!(page[..8], [0x1f, 18, 0x0e, 0, 0, 0x0e, 0x0e, 0x0e]);
        assert_eq!(page.len(), 20);
    }
}
