//! Every built-in profile, and every changer with every drive.

use scsi::spc::vpd;

use super::*;
use crate::profile::{ChangerProfile, DeviceIdForm, Profiles};

/// One device of every profile.
pub(super) fn all_identities() -> Vec<DeviceIdentity> {
    let profiles = Profiles::builtin();
    let changers = profiles
        .changers()
        .map(|profile| DeviceIdentity::changer(profile, GATEWAY));
    let drives = profiles
        .drives()
        .map(|profile| DeviceIdentity::drive(profile, GATEWAY, 0));
    changers.chain(drives).collect()
}

#[test]
fn what_a_library_calls_a_drive_is_what_the_drive_says_of_itself() {
    let profiles = Profiles::builtin();
    let mut pairs = 0;
    for changer in profiles.changers() {
        for drive in profiles.drives() {
            for number in [0, 1, 98] {
                let identity = DeviceIdentity::drive(drive, GATEWAY, number);
                let id = identity.device_id(changer.device_id);
                check(changer, &identity, id.as_deref());
                pairs += 1;
            }
        }
    }
    assert!(pairs > 1000, "{pairs}");
}

fn check(changer: &ChangerProfile, drive: &DeviceIdentity, id: Option<&[u8]>) {
    let who = format!("{} in {}", drive.product, changer.name);
    let length = usize::from(changer.device_id.length);
    match (changer.device_id.form, id) {
        (DeviceIdForm::T10, Some(id)) => {
            let page = page(drive, vpd::DEVICE_IDENTIFICATION);
            assert_eq!(page[4..4 + id.len()], *id, "{who}: first in page 83h");
            assert_eq!(id[..2], [0x02, 0x01], "{who}");
            assert_eq!(id.len(), 4 + length, "{who}");
        }
        (DeviceIdForm::Serial, Some(id)) => {
            let page = page(drive, vpd::UNIT_SERIAL_NUMBER);
            assert_eq!(id[4..].trim_ascii_end(), &page[4..], "{who}: page 80h");
            assert_eq!(id[..2], [0x02, 0x00], "{who}");
            assert_eq!(id.len(), 4 + length, "{who}");
        }
        (DeviceIdForm::None, None) => assert_eq!(length, 0, "{who}"),
        other => panic!("{who}: {other:?}"),
    }
}

#[test]
fn serial_numbers_and_names_differ_between_devices_of_a_library() {
    for drive in Profiles::builtin().drives() {
        let mut serials = HashSet::new();
        let mut names = HashSet::new();
        for number in 0..DRIVES_MAX {
            let identity = DeviceIdentity::drive(drive, GATEWAY, number);
            assert!(serials.insert(page(&identity, 0x80)));
            assert!(names.insert(identity.naa));
            assert_eq!(identity.serial.len(), 10, "as LTO drives have it");
        }
    }
}

#[test]
fn unit_serial_numbers_of_libraries_have_their_length() {
    for (name, serial) in [
        ("stk-l700", "LLAB6587C200"),
        ("stk-sl500", "LLAB6587C200"),
        ("aws-gateway-vtl", "AB6587C200"),
        ("ibm-3573-tl", "00AB6587C200_LL0"),
        ("ibm-03584", "00AB6587C2000401"),
        ("hpe-msl3040", "AB6587C200_LL01"),
        ("quantum-scalar-i500", "QUANTUMA0CAB6587C200_LLA"),
        ("adic-scalar-i500", "ADICA0CAB6587C200_LLA   "),
        ("spectra-t-series", "AB6587C200"),
    ] {
        let profile = Profiles::builtin().changer(name).unwrap();
        let page = page(&DeviceIdentity::changer(&profile, GATEWAY), 0x80);
        assert_eq!(&page[4..], serial.as_bytes(), "{name}");
    }
}

#[test]
fn device_identification_of_libraries_follows_the_model() {
    let page_83 = |name: &str| {
        let profile = Profiles::builtin().changer(name).unwrap();
        let identity = DeviceIdentity::changer(&profile, GATEWAY);
        let cdb = Cdb::new(&[0x12, 1, 0x83, 0, 0xff, 0]);
        identity.inquiry(&nexus(), &cdb)
    };
    assert!(page_83("stk-l180").sense.is_some(), "has no such page");
    assert_eq!(
        &page_83("ibm-3573-tl").data_in[4..],
        b"\x02\x01\x00\x28IBM     3573-TL         00AB6587C200_LL0"
    );
    assert_eq!(
        &page_83("ibm-03584").data_in[4..],
        b"\x02\x01\x00\x28IBM     03584L32        00AB6587C2000401"
    );
    assert_eq!(
        &page_83("quantum-scalar-i500").data_in[4..],
        b"\xf2\x01\x00\x20QUANTUM A0CAB6587C200_LLA       "
    );
    let msl = page_83("hpe-msl3040").data_in;
    assert_eq!(msl[4..8], [0x01, 0x03, 0, 8], "the NAA name first");
    assert_eq!(
        &msl[16..],
        b"\x02\x01\x00\x27HPE     MSL3040         AB6587C200_LL01"
    );
}
