mod golden;
mod profiles;

use std::collections::HashSet;

use scsi::{InitiatorPort, NexusId};

use super::*;
use crate::nexus::TargetPort;
use crate::profile::{Preset, Profiles};

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
    identity.inquiry(&nexus(), &cdb).data_in.to_vec()
}

fn all_identities() -> Vec<DeviceIdentity> {
    Preset::ALL
        .iter()
        .flat_map(|preset| {
            let machine = preset.machine();
            let changer = DeviceIdentity::changer(
                &machine.changer_profile(Profiles::builtin()).unwrap(),
                GATEWAY,
            );
            let drives = machine.drive_profiles(Profiles::builtin()).unwrap();
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
        for (number, profile) in (0..).zip(machine.drive_profiles(Profiles::builtin()).unwrap()) {
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
    assert_eq!(data[..4], [0x01, 0x83, 0, 98], "length of what follows");
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
    assert_eq!(data[62..70], [0x51, 0x95, 0, 4, 0, 0, 0, 1], "port group 1");
    assert_eq!(&data[70..90], b"\x53\x98\x00\x10iqn.t,t,0x0001\0\0");
    assert_eq!(&data[90..], b"\x53\xa8\x00\x08iqn.t\0\0\0");
}

#[test]
fn list_of_pages_is_ascending_and_every_listed_page_answers() {
    for identity in profiles::all_identities() {
        let list = page(&identity, 0x00);
        assert!(list[4..].is_sorted(), "{list:02x?}");
        assert_eq!(list[4..6], [0x00, 0x80]);
        for code in 0..=0xff {
            let cdb = Cdb::new(&[0x12, 1, code, 0xff, 0xff, 0]);
            let response = identity.inquiry(&nexus(), &cdb);
            if !list[4..].contains(&code) {
                assert_eq!(response.sense, Some(Sense::invalid_field_in_cdb(2)));
                continue;
            }
            let data = response.data_in;
            assert_eq!(data[1], code);
            assert_eq!(
                usize::from(u16::from_be_bytes([data[2], data[3]])),
                data.len() - 4
            );
        }
    }
}

#[test]
fn standard_data_tell_their_length() {
    for identity in profiles::all_identities() {
        let cdb = Cdb::new(&[0x12, 0, 0, 0, 0xff, 0]);
        let data = identity.inquiry(&nexus(), &cdb).data_in;
        assert_eq!(usize::from(data[4]) + 5, data.len());
    }
}

#[test]
fn a_drive_knows_its_library_and_its_element() {
    let library = Profiles::builtin().changer("stk-l700").unwrap();
    let library = DeviceIdentity::changer(&library, GATEWAY);
    let profile = DriveProfile::builtin("ibm-ult3580-td6").unwrap();
    let alone = DeviceIdentity::drive(&profile, GATEWAY, 0);
    let cdb = Cdb::new(&[0x12, 1, 0xb3, 0, 0xff, 0]);
    assert!(alone.inquiry(&nexus(), &cdb).sense.is_some());
    let drive = alone.in_bay(&library, ElementAddress(0x1f4));
    assert_eq!(page(&drive, 0xb3), b"\x01\xb3\x00\x0cLLAB6587C200");
    assert_eq!(page(&drive, 0xb4), [0x01, 0xb4, 0, 2, 0x01, 0xf4]);
}

#[test]
fn page_that_is_not_there_is_refused() {
    let identity = &all_identities()[0];
    let cdb = Cdb::new(&[0x12, 1, 0xc0, 0, 0xff, 0]);
    let response = identity.inquiry(&nexus(), &cdb);
    assert_eq!(response.sense, Some(Sense::invalid_field_in_cdb(2)));
}
