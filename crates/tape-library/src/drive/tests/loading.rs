//! LOAD UNLOAD, PREVENT ALLOW, the robot, resets and lost nexuses.

use cartridge::{Cartridge, MemoryStore};
use scsi::{AdditionalSense, Status};

use super::harness::*;
use crate::drive::DriveState;
use crate::logical_unit::DeviceServer;
use crate::profile::MediaAccess;

const NOT_PRESENT: [u8; 2] = [0x3a, 0];
const TEST_UNIT_READY: [u8; 6] = [0; 6];
const LOAD: [u8; 6] = [0x1b, 0, 0, 0, 1, 0];
const UNLOAD: [u8; 6] = [0x1b, 0, 0, 0, 0, 0];
const PREVENT: [u8; 6] = [0x1e, 0, 0, 0, 1, 0];
const ALLOW: [u8; 6] = [0x1e, 0, 0, 0, 0, 0];

#[test]
fn robot_load_makes_ready_and_tells_every_nexus() {
    let rig = Rig::empty();
    assert_check(
        &rig.run(&TEST_UNIT_READY),
        sense(NOT_READY, None, NOT_PRESENT),
    );
    let cartridge = new_cartridge(MemoryStore::new(), PLENTY);
    rig.drive.load(cartridge, MediaAccess::ReadWrite);
    for nexus in [ONE, TWO] {
        assert_eq!(
            rig.attention(nexus),
            Some(AdditionalSense::NOT_READY_TO_READY_CHANGE)
        );
        assert_eq!(rig.attention(nexus), None);
    }
    rig.good(&TEST_UNIT_READY);
    let short = rig.good(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(short[0], 0x80, "at the beginning of the partition");
}

#[test]
fn unload_keeps_the_cartridge_in_the_element_and_load_brings_it_back() {
    let rig = Rig::loaded();
    rig.write(noise(10, 1));
    rig.good(&UNLOAD);
    assert_check(
        &rig.run(&TEST_UNIT_READY),
        sense(NOT_READY, None, NOT_PRESENT),
    );
    assert_check(
        &rig.run(&read_bytes(10)),
        sense(NOT_READY, None, NOT_PRESENT),
    );
    assert!(rig.drive.has_cartridge());
    let status = rig.drive.status();
    assert_eq!(status.state, DriveState::Unloaded);
    assert_eq!(status.barcode.as_deref(), Some("CAP001L5"));
    rig.good(&UNLOAD); // again: nothing to do
    rig.good(&LOAD);
    assert_eq!(rig.attention(ONE), None, "who asked for it knows");
    assert_eq!(
        rig.attention(TWO),
        Some(AdditionalSense::NOT_READY_TO_READY_CHANGE)
    );
    rig.good(&TEST_UNIT_READY);
    assert_eq!(rig.good(&read_bytes(10)), noise(10, 1), "at the beginning");
}

#[test]
fn load_of_what_is_loaded_goes_to_the_beginning() {
    for cdb in [LOAD, [0x1b, 1, 0, 0, 3, 0]] {
        let rig = Rig::loaded();
        rig.write(noise(10, 1));
        rig.good(&cdb);
        assert_eq!(rig.position(), 0);
        assert_eq!(rig.attention(TWO), None);
    }
}

#[test]
fn load_with_hold_does_not_make_ready() {
    let rig = Rig::loaded();
    rig.write(noise(10, 1));
    rig.good(&[0x1b, 0, 0, 0, 0x09, 0]);
    assert_check(
        &rig.run(&TEST_UNIT_READY),
        sense(NOT_READY, None, [0x04, 0x02]),
    );
    rig.good(&LOAD);
    assert_eq!(rig.good(&read_bytes(10)), noise(10, 1));
    let response = rig.run(&[0x1b, 0, 0, 0, 0x05, 0]);
    assert_check(&response, invalid_field(true, 4, Some(2)));
}

#[test]
fn unload_while_anybody_prevents_is_refused() {
    let rig = Rig::loaded();
    rig.write(noise(10, 1));
    rig.run_as(TWO, &PREVENT, vec![]);
    assert!(rig.drive.is_prevented() && rig.drive.status().prevented);
    let refused = sense(ILLEGAL_REQUEST, None, [0x53, 2]);
    assert_check(&rig.run(&UNLOAD), refused);
    assert_eq!(rig.position(), 1, "nothing has moved");
    rig.good(&ALLOW);
    assert_check(&rig.run(&UNLOAD), refused);
    rig.run_as(TWO, &ALLOW, vec![]);
    assert!(!rig.drive.is_prevented());
    rig.good(&UNLOAD);
}

#[test]
fn prevention_ends_with_its_nexus_with_a_reset_and_with_the_cartridge() {
    let rig = Rig::loaded();
    rig.run_as(TWO, &PREVENT, vec![]);
    rig.drive.nexus_lost(ONE);
    assert!(rig.drive.is_prevented());
    rig.drive.nexus_lost(TWO);
    assert!(!rig.drive.is_prevented());
    rig.good(&PREVENT);
    rig.drive_reset();
    assert!(!rig.drive.is_prevented());
    rig.good(&PREVENT);
    rig.drive.unload().unwrap();
    assert!(!rig.drive.is_prevented());
}

#[test]
fn prevent_takes_two_values_only() {
    let rig = Rig::loaded();
    for value in [2, 3] {
        let response = rig.run(&[0x1e, 0, 0, 0, value, 0]);
        assert_check(&response, invalid_field(true, 4, None));
    }
}

#[test]
fn robot_unload_makes_everything_durable_and_empties_the_drive() {
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    rig.write(noise(10, 1));
    rig.filemarks(1);
    rig.write(noise(20, 2));
    rig.drive.unload().unwrap();
    assert!(!rig.drive.has_cartridge());
    assert_eq!(rig.drive.status().state, DriveState::Empty);
    assert_eq!(rig.drive.status().barcode, None);
    rig.drive.unload().unwrap(); // an empty drive is no fault
    rig.insert(open(store));
    assert_eq!(rig.good(&read_bytes(10)), noise(10, 1));
    rig.good(&[0x11, 1, 0, 0, 1, 0]);
    assert_eq!(rig.good(&read_bytes(20)), noise(20, 2));
}

#[test]
fn robot_takes_a_cartridge_that_an_initiator_has_unloaded() {
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    rig.write(noise(10, 1));
    rig.good(&UNLOAD);
    rig.drive.synchronize().unwrap();
    rig.drive.unload().unwrap();
    assert_check(&rig.run(&LOAD), sense(NOT_READY, None, NOT_PRESENT));
    rig.insert(open(store));
    assert_eq!(rig.good(&read_bytes(10)), noise(10, 1));
}

#[test]
fn what_was_synchronised_is_there_when_the_process_died() {
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    rig.write(noise(10, 1));
    rig.filemarks(1);
    drop(rig); // no unload
    let rig = Rig::empty();
    rig.insert(open(store.clone()));
    assert_eq!(rig.good(&read_bytes(10)), noise(10, 1));
    rig.good(&[0x11, 3, 0, 0, 0, 0]);
    rig.write(noise(20, 2));
    rig.drive.synchronize().unwrap();
    drop(rig);
    let (mut cartridge, _) =
        Cartridge::open(Box::new(store), cartridge::Settings::default()).unwrap();
    cartridge.space_end_of_data().unwrap();
    assert_eq!(cartridge.position().object, 3);
}

#[test]
fn reset_keeps_cartridge_and_position_and_what_was_accepted() {
    let rig = Rig::loaded();
    rig.write(noise(10, 1));
    rig.write(noise(10, 2));
    rig.set_block_length(512);
    rig.drive_reset();
    assert_eq!(rig.position(), 2);
    rig.good(&TEST_UNIT_READY);
    assert_eq!(
        rig.drive.status().block_length,
        0,
        "mode parameters are the defaults"
    );
    rig.write(noise(10, 3));
    rig.rewind();
    for seed in 1..=3 {
        assert_eq!(rig.good(&read_bytes(10)), noise(10, seed));
    }
}

#[test]
fn lost_nexus_keeps_position_and_data() {
    let rig = Rig::loaded();
    rig.write(noise(10, 1));
    rig.drive.nexus_lost(ONE);
    assert_eq!(rig.position(), 1);
    rig.rewind();
    assert_eq!(rig.good(&read_bytes(10)), noise(10, 1));
}

#[test]
fn status_tells_what_the_drive_is_doing() {
    let rig = Rig::loaded();
    rig.write(noise(10_000, 1));
    rig.filemarks(1);
    rig.write(noise(500, 2));
    rig.rewind();
    rig.good(&read_bytes(10_000));
    let status = rig.drive.status();
    assert_eq!(status.state, DriveState::Loaded);
    assert_eq!((status.object, status.file), (1, 0));
    assert_eq!((status.bytes_written, status.bytes_read), (10_500, 10_000));
    assert_eq!(status.capacity_bytes, PLENTY);
    assert!(status.used_bytes > 0 && status.used_bytes < 12_000);
    assert_eq!(status.codec, cartridge::Codec::Zstd);
    assert!(!status.early_warning && !status.write_protected && !status.prevented);
    rig.good(&[0x11, 1, 0, 0, 1, 0]);
    assert_eq!((rig.drive.status().object, rig.drive.status().file), (2, 1));
}

#[test]
fn inquiry_comes_from_the_identity() {
    let rig = Rig::empty();
    let data = rig.good(&[0x12, 0, 0, 0, 96, 0]);
    assert_eq!(data[..2], [0x01, 0x80], "tape drive, removable medium");
    assert_eq!(&data[8..32], b"IBM     ULT3580-TD5     ");
    let pages = rig.good(&[0x12, 1, 0, 0, 96, 0]);
    assert_eq!(pages[4..8], [0x00, 0x80, 0x83, 0x86]);
    let response = rig.run(&[0x12, 1, 0xc7, 0, 96, 0]);
    assert_eq!(response.status, Status::CheckCondition);
}
