//! The identity of a device: one record from which everything that names the device is made.
//!
//! Backup software matches drives to the bays of a library by comparing what the drive says in VPD
//! page 83h with the identifier that READ ELEMENT STATUS gives for its element. Both come from here,
//! so they cannot differ.
//!
//! # Names
//! The serial number is the gateway's short identifier (eight hexadecimal digits) and the device's
//! number in two decimal digits: 00 is the changer, 01 the first drive, the same number that stands
//! in its target's name. It never changes while the gateway keeps its identifier.
//!
//! The NAA name is of format 5 with a company identifier that has the locally administered bit set
//! (IEEE 802c): it cannot be that of a real device. Format 3, "locally assigned", would say so more
//! plainly, but udev's `scsi_id` passes over it.

use scsi::spc::inquiry::{Inquiry, StandardData};
use scsi::spc::vpd::{self, Designator};
use scsi::{Cdb, DeviceType, Response, Sense};
use uuid::Uuid;

use crate::nexus::{ItNexus, TargetPort};
use crate::profile::{ChangerProfile, DriveProfile};

/// The most drives of a library: a device's number has two digits.
pub const DRIVES_MAX: u16 = 99;

/// The company identifier in our NAA names; bit 1 of its first byte means "locally administered".
const COMPANY_ID: u64 = 0x02_ca_57;

/// What a device is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceIdentity {
    /// Tape drive or changer.
    pub device: DeviceType,
    /// T10 vendor identification, at most eight characters.
    pub vendor: String,
    /// Product identification, at most sixteen characters.
    pub product: String,
    /// Product revision level, at most four characters.
    pub revision: String,
    /// Unit serial number.
    pub serial: String,
    /// World wide name of the unit.
    pub naa: [u8; 8],
    /// VERSION in INQUIRY data.
    pub inquiry_version: u8,
    /// Version descriptors in INQUIRY data.
    pub version_descriptors: Vec<u16>,
}

impl DeviceIdentity {
    /// Returns the identity of the changer of gateway `gateway`.
    pub fn changer(profile: &ChangerProfile, gateway: Uuid) -> Self {
        Self {
            device: DeviceType::MediaChanger,
            vendor: profile.vendor.clone(),
            product: profile.product.clone(),
            revision: profile.revision.clone(),
            serial: format!("{}{}", profile.serial_prefix, serial(gateway, 0)),
            naa: naa(gateway, 0),
            inquiry_version: profile.inquiry_version,
            version_descriptors: profile.version_descriptors.clone(),
        }
    }

    /// Returns the identity of drive `number`, counted from 0, of gateway `gateway`.
    pub fn drive(profile: &DriveProfile, gateway: Uuid, number: u16) -> Self {
        let device_number = number.saturating_add(1);
        Self {
            device: DeviceType::SequentialAccess,
            vendor: profile.vendor.clone(),
            product: profile.product.clone(),
            revision: profile.revision.clone(),
            serial: serial(gateway, device_number),
            naa: naa(gateway, device_number),
            inquiry_version: profile.inquiry_version,
            version_descriptors: profile.version_descriptors.clone(),
        }
    }

    /// Returns the T10 vendor identification designator: vendor, product, serial number. It stands
    /// in VPD page 83h and, for a drive, in READ ELEMENT STATUS (SMC-3, DVCID).
    pub fn t10_designator(&self) -> Designator {
        Designator::T10VendorId {
            vendor: self.vendor.clone(),
            specific: format!("{:<16}{}", self.product, self.serial),
        }
    }

    /// Answers INQUIRY. `extra` are the device's further pages of vital product data: page code and
    /// what follows the page's header.
    pub fn inquiry(&self, nexus: &ItNexus, extra: &[(u8, Vec<u8>)], cdb: &Cdb) -> Response {
        let command = match Inquiry::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        let data = match command.page {
            None => self.standard_data(),
            Some(page) => match self.page(page, &nexus.target_port, extra) {
                Some(data) => data,
                None => return Sense::invalid_field_in_cdb(2).into(),
            },
        };
        Response::allocated(data, usize::from(command.allocation_length))
    }

    fn standard_data(&self) -> Vec<u8> {
        StandardData {
            device: self.device,
            version: self.inquiry_version,
            vendor: &self.vendor,
            product: &self.product,
            revision: &self.revision,
            vendor_specific: &[],
            version_descriptors: &self.version_descriptors,
        }
        .to_bytes()
    }

    fn page(&self, code: u8, port: &TargetPort, extra: &[(u8, Vec<u8>)]) -> Option<Vec<u8>> {
        let body = match code {
            vpd::SUPPORTED_PAGES => {
                let mut pages = vec![
                    vpd::SUPPORTED_PAGES,
                    vpd::UNIT_SERIAL_NUMBER,
                    vpd::DEVICE_IDENTIFICATION,
                ];
                pages.extend(extra.iter().map(|(code, _)| code));
                pages.sort_unstable(); // SPC-5 §7.8: in ascending order
                pages
            }
            vpd::UNIT_SERIAL_NUMBER => self.serial.clone().into_bytes(),
            vpd::DEVICE_IDENTIFICATION => self.designators(port),
            _ => extra.iter().find(|(page, _)| *page == code)?.1.clone(),
        };
        Some(vpd::page(self.device, code, &body))
    }

    /// The body of page 83h (SPC-5 §7.8.6): the unit's names first, then its port's.
    fn designators(&self, port: &TargetPort) -> Vec<u8> {
        [
            self.t10_designator(),
            Designator::Naa(self.naa),
            Designator::RelativeTargetPort(port.relative),
            Designator::TargetPortName(port.name.to_string()),
        ]
        .iter()
        .flat_map(Designator::to_bytes)
        .collect()
    }
}

/// Returns the eight digits by which a gateway is known in serial numbers and target names.
pub fn short_id(gateway: Uuid) -> String {
    format!("{:08x}", gateway.as_fields().0)
}

fn serial(gateway: Uuid, device_number: u16) -> String {
    format!("{}{device_number:02}", short_id(gateway).to_uppercase())
}

/// NAA 5 (SPC-5 §7.8.6): 4 bits of format, 24 of company identifier, then 28 bits of the
/// gateway's identifier and 8 of the device's number.
fn naa(gateway: Uuid, device_number: u16) -> [u8; 8] {
    const FORMAT: u64 = 5;
    let (_, low) = gateway.as_u64_pair();
    let gateway = low & 0x0fff_ffff;
    let number = u64::from(device_number) & 0xff;
    (FORMAT << 60 | COMPANY_ID << 36 | gateway << 8 | number).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use scsi::{InitiatorPort, NexusId};

    use super::*;
    use crate::profile::Preset;

    const GATEWAY: Uuid = Uuid::from_u128(0xab65_87c2_0000_4000_8000_1234_5678_9abc);

    fn nexus() -> ItNexus {
        ItNexus {
            id: NexusId(1),
            initiator: InitiatorPort("iqn.test,i,0x1".into()),
            target_port: TargetPort {
                name: "iqn.t,t,0x0001".into(),
                relative: 1,
            },
        }
    }

    fn page(identity: &DeviceIdentity, code: u8) -> Vec<u8> {
        let cdb = Cdb::new(&[0x12, 1, code, 0xff, 0xff, 0]);
        identity.inquiry(&nexus(), &[], &cdb).data_in.to_vec()
    }

    fn all_identities() -> Vec<DeviceIdentity> {
        Preset::ALL
            .iter()
            .flat_map(|preset| {
                let machine = preset.machine();
                let changer = DeviceIdentity::changer(&machine.changer_profile().unwrap(), GATEWAY);
                let drives = machine.drive_profiles().unwrap();
                let drives: Vec<_> = (0..)
                    .zip(drives)
                    .map(|(number, profile)| DeviceIdentity::drive(&profile, GATEWAY, number))
                    .collect();
                std::iter::once(changer).chain(drives)
            })
            .collect()
    }

    #[test]
    fn names_are_unique_within_a_preset_and_fit_their_fields() {
        for preset in Preset::ALL {
            let machine = preset.machine();
            let mut serials = HashSet::new();
            let mut names = HashSet::new();
            for (number, profile) in (0..).zip(machine.drive_profiles().unwrap()) {
                let identity = DeviceIdentity::drive(&profile, GATEWAY, number);
                assert!(serials.insert(identity.serial));
                assert!(names.insert(identity.naa));
            }
        }
        for identity in all_identities() {
            assert!(identity.vendor.len() <= 8 && identity.product.len() <= 16);
            assert_eq!(identity.revision.len(), 4);
            assert_eq!(identity.naa[0] >> 4, 5, "NAA 5, as scsi_id wants it");
            assert_eq!(identity.naa[0] & 0x0f, 0, "company id begins with 0…");
        }
    }

    #[test]
    fn serial_number_carries_the_number_of_the_target() {
        let profile = DriveProfile::builtin("ibm-ult3580-td5").unwrap();
        let identity = DeviceIdentity::drive(&profile, GATEWAY, 0);
        assert_eq!(identity.serial, "AB6587C201");
        assert_eq!(page(&identity, 0x80), b"\x01\x80\x00\x0aAB6587C201");
    }

    #[test]
    fn device_identification_of_a_drive() {
        let profile = DriveProfile::builtin("ibm-ult3580-td5").unwrap();
        let identity = DeviceIdentity::drive(&profile, GATEWAY, 0);
        let data = page(&identity, 0x83);
        assert_eq!(data[..4], [0x01, 0x83, 0, 78], "length of what follows");
        assert_eq!(
            &data[4..42],
            b"\x02\x01\x00\x22IBM     ULT3580-TD5     AB6587C201"
        );
        assert_eq!(
            data[42..54],
            [
                0x01, 0x03, 0, 8, 0x50, 0x2c, 0xa5, 0x76, 0x78, 0x9a, 0xbc, 0x01
            ],
            "NAA 5, company 02CA57, gateway, device 1"
        );
        assert_eq!(data[54..62], [0x51, 0x94, 0, 4, 0, 0, 0, 1], "port 1");
        assert_eq!(&data[62..], b"\x53\x98\x00\x10iqn.t,t,0x0001\0\0");
    }

    #[test]
    fn list_of_pages_is_ascending_and_every_listed_page_answers() {
        let extra = [(0xb0, vec![0x01, 0])];
        for identity in all_identities() {
            let list_cdb = Cdb::new(&[0x12, 1, 0, 0, 0xff, 0]);
            let list = identity.inquiry(&nexus(), &extra, &list_cdb).data_in;
            assert_eq!(list[4..], [0x00, 0x80, 0x83, 0xb0]);
            for code in &list[4..] {
                let cdb = Cdb::new(&[0x12, 1, *code, 0, 0xff, 0]);
                let data = identity.inquiry(&nexus(), &extra, &cdb).data_in;
                assert_eq!(data[1], *code);
                assert_eq!(
                    usize::from(u16::from_be_bytes([data[2], data[3]])),
                    data.len() - 4
                );
            }
        }
    }

    #[test]
    fn page_that_is_not_there_is_refused() {
        let identity = &all_identities()[0];
        let cdb = Cdb::new(&[0x12, 1, 0xc0, 0, 0xff, 0]);
        let response = identity.inquiry(&nexus(), &[], &cdb);
        assert_eq!(response.sense, Some(Sense::invalid_field_in_cdb(2)));
    }
}
