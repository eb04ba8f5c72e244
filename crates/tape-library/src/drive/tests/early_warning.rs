//! The zones before the end of a partition: programmable early warning, SEW, and what both do to
//! fixed transfers.

use std::sync::Arc;

use cartridge::limits::early_warning_distance_bytes;
use cartridge::{Codec, MemoryStore};
use scsi::Status;

use super::harness::*;
use crate::profile::DriveProfile;

/// A megabyte of the programmable zone.
const MB: usize = 1_000_000;
/// Early warning is an eighth of it before the end: after 14 000 000 bytes.
const CAPACITY: u64 = 16_000_000;
const PROGRAMMABLE: [u8; 2] = [0, 7];
const EARLY: [u8; 2] = [0, 2];

fn rig() -> Rig {
    let mut profile = DriveProfile::clone(&DriveProfile::builtin("ibm-ult3580-td5").unwrap());
    profile.capabilities.programmable_early_warning = true;
    let rig = Rig::of(Arc::new(profile), Codec::Stored);
    rig.insert(new_cartridge(MemoryStore::new(), CAPACITY));
    rig
}

/// MODE SELECT(10) of page 10h, sub-page 01h.
fn set_size(rig: &Rig, megabytes: u16) {
    let mut list = vec![0; 8];
    list[3] = 0x10;
    let told = rig.good(&[0x5a, 0x08, 0x10, 0x01, 0, 0, 0, 0, 0xff, 0]);
    list.extend_from_slice(&told[8..]);
    list[8 + 6..8 + 8].copy_from_slice(&megabytes.to_be_bytes());
    let response = rig.run_with(&[0x55, 0x10, 0, 0, 0, 0, 0, 0, 40, 0], list);
    assert_eq!(response.status, Status::Good, "{response:?}");
}

/// Writes a block of half a megabyte; returns what it met.
fn write(rig: &Rig) -> Option<[u8; 2]> {
    let response = rig.run_with(&write_bytes(MB / 2), noise(MB / 2, 1));
    response.sense.map(|found| {
        let code = [found.additional.0, found.additional.1];
        assert_eq!(found.to_fixed(), sense(EOM | NO_SENSE, Some(0), code));
        code
    })
}

/// BPEW and EOP of READ POSITION.
fn flags(rig: &Rig) -> u8 {
    rig.good(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0])[0] & 0x41
}

#[test]
fn early_warning_comes_where_this_file_says() {
    assert_eq!(early_warning_distance_bytes(CAPACITY), 2_000_000);
}

#[test]
fn the_programmable_zone_is_told_once_and_early_warning_with_every_write() {
    let rig = rig();
    set_size(&rig, 4);
    // It begins at 10 MB, with the twentieth block.
    for _ in 1..20 {
        assert_eq!(write(&rig), None);
        assert_eq!(flags(&rig), 0);
    }
    assert_eq!(write(&rig), Some(PROGRAMMABLE));
    assert_eq!(flags(&rig), 0x01, "BPEW");
    for _ in 21..28 {
        assert_eq!(write(&rig), None, "told already");
    }
    for _ in 28..31 {
        assert_eq!(write(&rig), Some(EARLY));
        assert_eq!(flags(&rig), 0x41, "BPEW and EOP");
    }
    let response = rig.run(&[0x10, 0, 0, 0, 1, 0]);
    assert_check(&response, sense(EOM | NO_SENSE, Some(0), EARLY));
}

#[test]
fn who_jumps_over_the_zone_is_told_of_it_before_early_warning() {
    let rig = rig();
    set_size(&rig, 1);
    let long = 14_500_000;
    let response = rig.run_with(&write_bytes(long), noise(long, 1));
    assert_check(&response, sense(EOM | NO_SENSE, Some(0), PROGRAMMABLE));
    assert_eq!(flags(&rig), 0x41);
    assert_eq!(write(&rig), Some(EARLY));
}

#[test]
fn a_filemark_may_meet_the_zone() {
    let rig = rig();
    set_size(&rig, 4);
    let length = 10_000_000 - 30;
    rig.write(noise(length, 1));
    assert_eq!(flags(&rig), 0);
    // A mark is charged 64 bytes. Synchronising writes none.
    rig.good(&[0x10, 0, 0, 0, 0, 0]);
    let response = rig.run(&[0x10, 0, 0, 0, 1, 0]);
    assert_check(&response, sense(EOM | NO_SENSE, Some(0), PROGRAMMABLE));
    rig.good(&[0x10, 0, 0, 0, 1, 0]);
}

#[test]
fn what_another_exception_hid_is_told_with_the_next_write() {
    let rig = rig();
    rig.set_block_length(u32::try_from(MB).unwrap());
    set_size(&rig, 4);
    // Seventeen blocks do not fit: the zone and early warning are met on the way.
    let response = rig.run_with(&[0x0a, 1, 0, 0, 17, 0], noise(17 * MB, 1));
    assert_check(&response, sense(EOM | VOLUME_OVERFLOW, Some(1), EARLY));
    assert_eq!(rig.position(), 16);
    let response = rig.run(&[0x10, 0, 0, 0, 1, 0]);
    assert_check(&response, sense(EOM | NO_SENSE, Some(0), PROGRAMMABLE));
    let response = rig.run(&[0x10, 0, 0, 0, 1, 0]);
    assert_check(&response, sense(EOM | NO_SENSE, Some(0), EARLY));
}

#[test]
fn a_zone_that_was_left_before_it_was_told_is_met_anew() {
    let rig = rig();
    rig.set_block_length(u32::try_from(MB).unwrap());
    set_size(&rig, 4);
    rig.run_with(&[0x0a, 1, 0, 0, 17, 0], noise(17 * MB, 1));
    rig.good(&[0x2b, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
    assert_eq!(write(&rig), None, "before both");
    assert_eq!(flags(&rig), 0);
    for _ in 0..12 {
        assert_eq!(write(&rig), None);
    }
    assert_eq!(write(&rig), Some(PROGRAMMABLE));
}

#[test]
fn without_a_size_there_is_no_zone_and_a_new_size_moves_it() {
    let rig = rig();
    for _ in 0..22 {
        assert_eq!(write(&rig), None);
    }
    assert_eq!(flags(&rig), 0);
    set_size(&rig, 4);
    assert_eq!(flags(&rig), 0x01);
    assert_eq!(write(&rig), Some(PROGRAMMABLE));
    set_size(&rig, 1);
    assert_eq!(flags(&rig), 0);
    assert_eq!(write(&rig), None);
    set_size(&rig, 0);
    for _ in 24..27 {
        assert_eq!(write(&rig), None);
    }
    assert_eq!(write(&rig), Some(EARLY));
    assert_eq!(flags(&rig), 0x40);
}

#[test]
fn with_sew_nothing_waits_behind_early_warning() {
    for (sew, left) in [(0, 2), (0x08, 0)] {
        let rig = rig();
        let mut list = vec![0, 0, 0x10, 0];
        list.extend_from_slice(&rig.good(&[0x1a, 8, 0x10, 0, 0xff, 0])[4..]);
        list[4 + 10] |= sew;
        let length = u8::try_from(list.len()).unwrap();
        let response = rig.run_with(&[0x15, 0x10, 0, 0, length, 0], list);
        assert_eq!(response.status, Status::Good, "{response:?}");
        let buffered = || rig.good(&[0x34, 8, 0, 0, 0, 0, 0, 0, 32, 0])[7];
        rig.write(noise(13_000_000, 1));
        assert_eq!(buffered(), 1, "before it all waits");
        rig.good(&[0x10, 0, 0, 0, 0, 0]);
        let response = rig.run_with(&write_bytes(2 * MB), noise(2 * MB, 1));
        assert_check(&response, sense(EOM | NO_SENSE, Some(0), EARLY));
        let response = rig.run(&[0x10, 1, 0, 0, 1, 0]);
        assert_check(&response, sense(EOM | NO_SENSE, Some(0), EARLY));
        assert_eq!(buffered(), left);
    }
}
