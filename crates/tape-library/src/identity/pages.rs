//! What INQUIRY tells of one device: made once, from the profile and the device's names.

use std::collections::BTreeMap;

use scsi::spc::inquiry::{StandardData, StandardFlags};
use scsi::spc::vpd::{self, Designator, ExtendedInquiry, ScsiPort, scsi_ports, shared_mode_pages};
use scsi::ssc::vpd as tape_vpd;
use scsi::{DeviceType, ElementAddress};

use crate::nexus::{TARGET_PORT_GROUP, TargetPort};
use crate::profile::{
    Capabilities, DesignatorKind, InquiryData, ProtectionMethod, VitalProductData, Words,
};

/// The standard data and the pages of vital product data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pages {
    device: DeviceType,
    standard: Vec<u8>,
    t10: Designator,
    naa: [u8; 8],
    designators: Vec<DesignatorKind>,
    /// Those that the profile wants and that do not depend on the port: page code and body.
    fixed: BTreeMap<u8, Vec<u8>>,
    /// Those that the profile wants and that nobody has filled in yet.
    wanted: Vec<u8>,
}

impl Pages {
    pub(super) fn new(
        device: DeviceType,
        inquiry: &InquiryData,
        vpd: &VitalProductData,
        words: Words<'_>,
        naa: [u8; 8],
    ) -> Self {
        let mut pages = Self {
            device,
            standard: standard(device, inquiry, words),
            t10: Designator::Text {
                code_set: vpd.t10_code_set,
                text: vpd.t10.bytes(words),
            },
            naa,
            designators: vpd.designators.clone(),
            fixed: BTreeMap::new(),
            wanted: vpd.pages.clone(),
        };
        pages.fill(vpd::UNIT_SERIAL_NUMBER, vpd.unit_serial_number.bytes(words));
        pages.fill(vpd::MODE_PAGE_POLICY, shared_mode_pages());
        let protection = ExtendedInquiry {
            logical_block_protection: inquiry.protect,
        };
        pages.fill(vpd::EXTENDED_INQUIRY_DATA, protection.to_bytes());
        pages.fill(
            tape_vpd::MANUFACTURER_SERIAL_NUMBER,
            words.serial.as_bytes().to_vec(),
        );
        pages.fill(tape_vpd::TAPE_ALERT_SUPPORTED, tape_vpd::all_tape_alerts());
        for extra in &vpd.extra {
            pages.fixed.insert(extra.page, extra.bytes(words));
        }
        pages
    }

    /// The pages of a drive that depend on what it can do.
    pub(super) fn add_capabilities(&mut self, capabilities: &Capabilities) {
        self.fill(
            tape_vpd::SEQUENTIAL_ACCESS_CAPABILITIES,
            tape_vpd::sequential_access_capabilities(capabilities.worm),
        );
        let methods = capabilities.logical_block_protection.iter();
        let methods: Vec<u8> = methods
            .map(|method| ProtectionMethod::code(*method))
            .collect();
        if !methods.is_empty() {
            self.fill(
                tape_vpd::LOGICAL_BLOCK_PROTECTION,
                tape_vpd::logical_block_protection(&methods),
            );
        }
    }

    /// The pages of a drive that depend on where it is.
    pub(super) fn add_bay(&mut self, changer_serial: &str, element: ElementAddress) {
        self.fill(
            tape_vpd::AUTOMATION_SERIAL_NUMBER,
            changer_serial.as_bytes().to_vec(),
        );
        self.fill(tape_vpd::ELEMENT_ADDRESS, element.0.to_be_bytes().to_vec());
    }

    fn fill(&mut self, code: u8, body: Vec<u8>) {
        if self.wanted.contains(&code) {
            self.fixed.insert(code, body);
        }
    }

    pub(super) fn t10(&self) -> Designator {
        self.t10.clone()
    }

    /// Returns what page 80h says; nothing when there is none.
    pub(super) fn unit_serial_number(&self) -> Vec<u8> {
        let page = self.fixed.get(&vpd::UNIT_SERIAL_NUMBER);
        page.cloned().unwrap_or_default()
    }

    pub(super) fn standard(&self) -> Vec<u8> {
        self.standard.clone()
    }

    /// Returns a page with its header, `None` if there is no such page.
    pub(super) fn page(&self, code: u8, port: &TargetPort) -> Option<Vec<u8>> {
        let body = match code {
            vpd::SUPPORTED_PAGES => self.codes(),
            // Written out by the profile, they stand among the others.
            _ if self.fixed.contains_key(&code) => self.fixed.get(&code)?.clone(),
            vpd::DEVICE_IDENTIFICATION if self.wanted.contains(&code) => {
                let designators = self.designators.iter();
                designators
                    .flat_map(|kind| self.designator(*kind, port).to_bytes())
                    .collect()
            }
            vpd::SCSI_PORTS if self.wanted.contains(&code) => scsi_ports(&[ScsiPort {
                relative: port.relative,
                designators: vec![self.designator(DesignatorKind::PortName, port)],
            }]),
            _ => return None,
        };
        Some(vpd::page(self.device, code, &body))
    }

    /// Returns the page codes in ascending order (SPC-5 §7.8).
    fn codes(&self) -> Vec<u8> {
        let per_port = [vpd::DEVICE_IDENTIFICATION, vpd::SCSI_PORTS];
        let per_port = per_port
            .into_iter()
            .filter(|code| self.wanted.contains(code));
        let mut codes: Vec<u8> = std::iter::once(vpd::SUPPORTED_PAGES)
            .chain(self.fixed.keys().copied())
            .chain(per_port)
            .collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    fn designator(&self, kind: DesignatorKind, port: &TargetPort) -> Designator {
        match kind {
            DesignatorKind::T10 => self.t10(),
            DesignatorKind::Naa => Designator::Naa(self.naa),
            DesignatorKind::RelativePort => Designator::RelativeTargetPort(port.relative),
            DesignatorKind::PortGroup => Designator::TargetPortGroup(TARGET_PORT_GROUP),
            DesignatorKind::PortName => Designator::TargetPortName(port.name.to_string()),
            DesignatorKind::DeviceName => {
                // RFC 7143 §4.2.7: `<iqn>,t,0x<tag>` is the port's name, `<iqn>` the device's.
                let name = port.name.split(',').next().unwrap_or_default();
                Designator::TargetDeviceName(name.to_owned())
            }
        }
    }
}

fn standard(device: DeviceType, inquiry: &InquiryData, words: Words<'_>) -> Vec<u8> {
    let mut data = StandardData {
        device,
        version: inquiry.version,
        vendor: words.vendor,
        product: words.product,
        revision: words.revision,
        flags: StandardFlags {
            hierarchical: inquiry.hierarchical,
            protect: inquiry.protect,
            barcode_reader: inquiry.barcode_reader,
            multi_port: inquiry.multi_port,
            address_16: inquiry.address_16,
        },
        version_descriptors: &inquiry.version_descriptors,
        length: inquiry.length,
    }
    .to_bytes();
    for patch in &inquiry.bytes {
        let places = data.iter_mut().skip(usize::from(patch.at));
        for (place, byte) in places.zip(patch.bytes(words)) {
            *place = byte;
        }
    }
    data
}
