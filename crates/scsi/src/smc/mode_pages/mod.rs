//! Mode pages of a changer (SMC-3 §7.3), one file for each.
//!
//! A new page is a file with a value that is a [`ModePage`](crate::spc::mode::ModePage), and a line
//! in [`ChangerParameters`].

mod device_capabilities;
mod element_address_assignment;
mod extended_device_capabilities;
mod transport_geometry;

use crate::spc::mode::mode_pages;
use crate::spc::mode_pages::{
    Control, ControlExtension, DisconnectReconnect, InformationalExceptions, PowerCondition,
};
pub use device_capabilities::DeviceCapabilities;
pub use element_address_assignment::{ElementAddressAssignment, ElementRange};
pub use extended_device_capabilities::ExtendedDeviceCapabilities;
pub use transport_geometry::TransportGeometry;

mode_pages! {
    /// All mode pages of a changer.
    pub struct ChangerParameters {
        /// Page 02h.
        disconnect_reconnect: DisconnectReconnect,
        /// Page 0Ah.
        control: Control,
        /// Page 0Ah, sub-page 01h.
        control_extension: ControlExtension,
        /// Page 1Ah.
        power_condition: PowerCondition,
        /// Page 1Ch.
        informational_exceptions: InformationalExceptions,
        /// Page 1Dh.
        element_address_assignment: ElementAddressAssignment,
        /// Page 1Eh.
        transport_geometry: TransportGeometry,
        /// Page 1Fh.
        device_capabilities: DeviceCapabilities,
        /// Page 1Fh, sub-page 41h.
        extended_device_capabilities: ExtendedDeviceCapabilities,
    }
    reconcile: |_, _| {};
}

impl ChangerParameters {
    /// Returns the values after power on of a changer with these elements.
    pub fn new(elements: ElementAddressAssignment) -> Self {
        Self {
            disconnect_reconnect: DisconnectReconnect,
            control: Control::default(),
            control_extension: ControlExtension { present: true },
            power_condition: PowerCondition::Short,
            informational_exceptions: InformationalExceptions::FIXED,
            element_address_assignment: elements,
            transport_geometry: TransportGeometry,
            device_capabilities: DeviceCapabilities,
            extended_device_capabilities: ExtendedDeviceCapabilities,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spc::mode::{ModePage, ModePages, changed_pages};

    fn l700() -> ChangerParameters {
        let range = |first, count| ElementRange { first, count };
        ChangerParameters::new(ElementAddressAssignment {
            medium_transport: range(1, 1),
            storage: range(1000, 24),
            import_export: range(10, 4),
            data_transfer: range(500, 4),
        })
    }

    #[test]
    fn element_address_assignment_of_an_l700() {
        let page: &dyn ModePage = &l700().element_address_assignment;
        assert_eq!(
            page.to_bytes(),
            [
                0x1d, 18, 0, 1, 0, 1, 0x03, 0xe8, 0, 24, 0, 10, 0, 4, 0x01, 0xf4, 0, 4, 0, 0
            ]
        );
    }

    #[test]
    fn the_fixed_pages() {
        let parameters = l700();
        let geometry: &dyn ModePage = &parameters.transport_geometry;
        assert_eq!(geometry.to_bytes(), [0x1e, 2, 0, 0]);
        let capabilities: &dyn ModePage = &parameters.device_capabilities;
        let page = capabilities.to_bytes();
        assert_eq!(page[..8], [0x1f, 18, 0x0e, 0, 0, 0x0e, 0x0e, 0x0e]);
        assert_eq!(page[12..], [0, 0x0e, 0x0e, 0x0e, 0, 0, 0, 0], "exchanges");
        assert_eq!(page.len(), 20);
        let extended: &dyn ModePage = &parameters.extended_device_capabilities;
        assert_eq!(extended.to_bytes()[..6], [0x5f, 0x41, 0, 16, 0x07, 0]);
    }

    #[test]
    fn pages_ascend_and_come_back_as_they_were_told() {
        let parameters = l700();
        let ids: Vec<_> = parameters.all().iter().map(|page| page.id()).collect();
        assert!(ids.is_sorted());
        for page in parameters.all() {
            let changed = changed_pages(&parameters, &page.to_bytes(), 4);
            assert_eq!(changed, Ok(parameters.clone()), "{:?}", page.id());
        }
    }
}
