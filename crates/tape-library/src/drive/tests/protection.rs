//! Logical block protection: right information is taken off, wrong information refused, and reading
//! makes it anew.

use std::sync::Arc;

use cartridge::Codec;
use scsi::ssc::protection_information::Method;
use scsi::{AdditionalSense, NexusId, Status};

use super::harness::*;
use crate::profile::{DriveProfile, ProtectionMethod};

const WRITING: u8 = 0x80;
const READING: u8 = 0x40;
const HARDWARE_ERROR: u8 = 0x4;
const GUARD: [u8; 2] = [0x10, 0x01];

/// A drive with both methods, and a cartridge.
fn rig() -> Rig {
    let mut profile = DriveProfile::clone(&DriveProfile::builtin("ibm-ult3580-td5").unwrap());
    profile.capabilities.logical_block_protection =
        vec![ProtectionMethod::ReedSolomon, ProtectionMethod::Crc32c];
    let rig = Rig::of(Arc::new(profile), Codec::Zstd);
    rig.insert(new_cartridge(cartridge::MemoryStore::new(), PLENTY));
    rig
}

/// MODE SELECT(10) of page 0Ah, sub-page F0h.
fn select_as(rig: &Rig, nexus: NexusId, method: u8, length: u8, flags: u8) -> scsi::Response {
    let mut list = vec![0, 0, 0, 0x10, 0, 0, 0, 0, 0x4a, 0xf0, 0, 0x1c];
    list.extend_from_slice(&[method, length, flags]);
    list.resize(8 + 32, 0);
    rig.run_as(nexus, &[0x55, 0x10, 0, 0, 0, 0, 0, 0, 40, 0], list)
}

fn protect(rig: &Rig, method: Method, flags: u8) {
    let response = select_as(rig, ONE, method.code(), 4, flags);
    assert_eq!(response.status, Status::Good, "{response:?}");
}

fn off(rig: &Rig) {
    let response = select_as(rig, ONE, 0, 0, 0);
    assert_eq!(response.status, Status::Good, "{response:?}");
}

fn told(rig: &Rig, nexus: NexusId) -> [u8; 3] {
    let cdb = [0x5a, 0x08, 0x0a, 0xf0, 0, 0, 0, 0, 0xff, 0];
    let data = rig.run_as(nexus, &cdb, vec![]).data_in;
    data[12..15].try_into().unwrap()
}

fn with_information(method: Method, block: Vec<u8>) -> Vec<u8> {
    let information = method.protect(&block);
    [block, information.to_vec()].concat()
}

#[test]
fn a_protected_block_goes_in_and_comes_back() {
    for method in [Method::ReedSolomon, Method::Crc32c] {
        let rig = rig();
        protect(&rig, method, WRITING | READING);
        let sent = with_information(method, noise(1000, 1));
        rig.write(sent.clone());
        rig.rewind();
        assert_eq!(rig.good(&read_bytes(1004)), sent);
        off(&rig);
        rig.rewind();
        assert_eq!(rig.good(&read_bytes(1000)), noise(1000, 1), "never stored");
    }
}

#[test]
fn a_block_written_under_one_method_is_read_under_another_or_none() {
    let rig = rig();
    rig.write(noise(300, 1));
    protect(&rig, Method::Crc32c, WRITING);
    rig.write(with_information(Method::Crc32c, noise(300, 2)));
    protect(&rig, Method::ReedSolomon, READING);
    rig.write(noise(300, 3));
    rig.rewind();
    for seed in 1..=3 {
        let expected = with_information(Method::ReedSolomon, noise(300, seed));
        assert_eq!(rig.good(&read_bytes(304)), expected);
    }
}

#[test]
fn wrong_information_is_refused_before_the_block_is_accepted() {
    for method in [Method::ReedSolomon, Method::Crc32c] {
        let rig = rig();
        rig.write(noise(10, 0));
        rig.write(noise(10, 1));
        rig.filemarks(1);
        rig.good(&[0x2b, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        protect(&rig, method, WRITING);
        let good = with_information(method, noise(500, 1));
        for damaged in [0, 250, 499, 500, 503] {
            let mut sent = good.clone();
            sent[damaged] ^= 0x10;
            let response = rig.run_with(&write_bytes(504), sent);
            assert_check(&response, sense(HARDWARE_ERROR, Some(504), GUARD));
            assert_eq!(response.data_out_length, 504);
            assert_eq!(rig.position(), 1);
        }
        // The other way of writing the same number, and a block that carries none.
        let mut swapped = good.clone();
        swapped[500..].reverse();
        for sent in [swapped, noise(504, 1)] {
            let response = rig.run_with(&write_bytes(504), sent);
            assert_check(&response, sense(HARDWARE_ERROR, Some(504), GUARD));
        }
        rig.good(&[0x11, 3, 0, 0, 0, 0]);
        assert_eq!(rig.position(), 3, "nothing was cut off");
    }
}

#[test]
fn fixed_blocks_count_their_information_and_stop_at_the_wrong_one() {
    let rig = rig();
    rig.set_block_length(516);
    protect(&rig, Method::ReedSolomon, WRITING | READING);
    let block = |seed| with_information(Method::ReedSolomon, noise(512, seed));
    let mut sent = [block(0), block(1), block(2), block(3)].concat();
    let response = rig.run_with(&[0x0a, 1, 0, 0, 4, 0], sent.clone());
    assert_eq!(
        (response.status, response.data_out_length),
        (Status::Good, 4 * 516)
    );
    rig.rewind();
    assert_eq!(rig.good(&read_blocks(4)), sent);
    rig.rewind();
    sent[2 * 516 + 9] ^= 1;
    let response = rig.run_with(&[0x0a, 1, 0, 0, 4, 0], sent);
    assert_check(&response, sense(HARDWARE_ERROR, Some(2), GUARD));
    assert_eq!(rig.position(), 2, "two were right");
    off(&rig);
    rig.set_block_length(512);
    rig.rewind();
    assert_eq!(
        rig.good(&read_blocks(2)),
        [noise(512, 0), noise(512, 1)].concat()
    );
}

#[test]
fn lengths_told_with_ili_count_the_information() {
    let rig = rig();
    rig.write(noise(1000, 1));
    protect(&rig, Method::Crc32c, READING);
    let whole = with_information(Method::Crc32c, noise(1000, 1));
    rig.rewind();
    let data = assert_check(
        &rig.run(&read_bytes(1200)),
        sense(ILI | NO_SENSE, Some(1200 - 1004), [0, 0]),
    );
    assert_eq!(data, whole);
    rig.rewind();
    let data = assert_check(
        &rig.run(&read_bytes(1000)),
        sense(ILI | NO_SENSE, Some(-4), [0, 0]),
    );
    assert_eq!(data, whole[..1000]);
}

#[test]
fn reading_backwards_gives_protected_blocks_too() {
    let rig = rig();
    protect(&rig, Method::ReedSolomon, READING);
    rig.write(noise(100, 1));
    let mut whole = with_information(Method::ReedSolomon, noise(100, 1));
    assert_eq!(rig.good(&[0x0f, 4, 0, 0, 104, 0]), whole);
    rig.good(&[0x11, 3, 0, 0, 0, 0]);
    whole.reverse();
    assert_eq!(rig.good(&[0x0f, 0, 0, 0, 104, 0]), whole);
}

#[test]
fn verify_counts_and_compares_the_information() {
    let rig = rig();
    rig.set_block_length(516);
    rig.write(noise(512, 1));
    rig.filemarks(1);
    rig.rewind();
    protect(&rig, Method::Crc32c, READING);
    // VLBPM changes nothing, as in LTO drives.
    for cdb in [
        [0x13, 0x11, 0, 0, 1, 0],
        [0x13, 0x10, 0, 2, 4, 0],
        [0x13, 0x19, 0, 0, 1, 0],
    ] {
        rig.rewind();
        rig.good(&cdb);
    }
    rig.rewind();
    let response = rig.run(&[0x13, 0, 0, 2, 0, 0]);
    assert_check(&response, sense(ILI | NO_SENSE, Some(-4), [0, 0]));
    rig.rewind();
    let whole = with_information(Method::Crc32c, noise(512, 1));
    let response = rig.run_with(&[0x13, 2, 0, 2, 4, 0], whole.clone());
    assert_eq!(response.status, Status::Good);
    rig.rewind();
    let mut wrong = whole;
    wrong[515] ^= 1;
    let response = rig.run_with(&[0x13, 3, 0, 0, 1, 0], wrong);
    assert_check(&response, sense(0xe, Some(1), [0x1d, 0]));
}

#[test]
fn information_alone_is_no_block() {
    let rig = rig();
    protect(&rig, Method::Crc32c, WRITING);
    let response = rig.run_with(&write_bytes(4), noise(4, 1));
    assert_check(&response, invalid_field(true, 2, None));
    rig.write(with_information(Method::Crc32c, vec![7]));
    rig.set_block_length(4);
    let response = rig.run_with(&[0x0a, 1, 0, 0, 1, 0], noise(4, 1));
    assert_check(&response, invalid_field(true, 1, Some(0)));
    assert_eq!(rig.position(), 1);
}

#[test]
fn the_longest_block_leaves_room_for_its_information() {
    let rig = rig();
    let limits = || rig.good(&[0x05, 0, 0, 0, 0, 0]);
    assert_eq!(limits(), [0, 0xff, 0xff, 0xff, 0, 1][..]);
    protect(&rig, Method::ReedSolomon, WRITING | READING);
    assert_eq!(limits(), [0, 0xff, 0xff, 0xfb, 0, 1][..]);
    rig.set_block_length(0xff_ffff);
    let sent = with_information(Method::ReedSolomon, vec![0x5a; 0xff_fffb]);
    rig.write(sent.clone());
    rig.rewind();
    assert!(rig.good(&read_blocks(1)) == sent);
    off(&rig);
    rig.write(vec![0x5a; 0xff_ffff]);
    rig.good(&[0x11, 0x00, 0xff, 0xff, 0xff, 0]);
    protect(&rig, Method::ReedSolomon, READING);
    let response = rig.run(&read_bytes(0xff_ffff));
    assert_eq!(
        response.sense.unwrap().information,
        Some(-4),
        "too long by its information"
    );
}

#[test]
fn each_nexus_has_its_own() {
    let rig = rig();
    protect(&rig, Method::Crc32c, WRITING | READING);
    assert_eq!(told(&rig, ONE), [2, 4, 0xc0]);
    assert_eq!(told(&rig, TWO), [0, 0, 0]);
    assert_eq!(rig.attention(TWO), None, "it notices nothing");
    let response = rig.run_as(TWO, &write_bytes(100), noise(100, 1));
    assert_eq!(response.status, Status::Good);
    rig.rewind();
    assert_eq!(
        rig.good(&read_bytes(104)),
        with_information(Method::Crc32c, noise(100, 1))
    );
    select_as(&rig, TWO, 1, 4, READING);
    assert_eq!(told(&rig, ONE), [2, 4, 0xc0]);
    assert_eq!(told(&rig, TWO), [1, 4, 0x40]);
    // What all share is noticed as ever.
    rig.set_block_length(512);
    assert_eq!(
        rig.attention(TWO),
        Some(AdditionalSense::MODE_PARAMETERS_CHANGED)
    );
    assert_eq!(told(&rig, ONE), [2, 4, 0xc0]);
}

#[test]
fn it_ends_with_a_reset_or_its_nexus_and_not_with_an_unload() {
    let rig = rig();
    protect(&rig, Method::Crc32c, WRITING);
    rig.good(&[0x1b, 0, 0, 0, 0, 0]);
    rig.good(&[0x1b, 0, 0, 0, 1, 0]);
    assert_eq!(told(&rig, ONE), [2, 4, 0x80]);
    rig.lose_nexus(ONE);
    assert_eq!(told(&rig, ONE), [0, 0, 0]);
    protect(&rig, Method::Crc32c, WRITING);
    rig.drive_reset();
    assert_eq!(told(&rig, ONE), [0, 0, 0]);
    rig.write(noise(10, 1));
}

#[test]
fn faults_of_the_page_are_pointed_at() {
    let rig = rig();
    for (method, length, flags, byte, bit) in [
        (3, 4, WRITING, 12, None),
        (1, 3, WRITING, 13, None),
        (1, 4, 0x20, 14, Some(5)),
    ] {
        let response = select_as(&rig, ONE, method, length, flags);
        assert_check(&response, invalid_field(false, byte, bit));
    }
    assert_eq!(told(&rig, ONE), [0, 0, 0]);
}

#[test]
fn a_drive_without_any_method_has_no_such_page() {
    let mut profile = DriveProfile::clone(&DriveProfile::builtin("ibm-ult3580-td5").unwrap());
    profile.capabilities.logical_block_protection.clear();
    let rig = Rig::of(Arc::new(profile), Codec::Zstd);
    let cdb = [0x5a, 0x08, 0x0a, 0xf0, 0, 0, 0, 0, 0xff, 0];
    assert_check(&rig.run(&cdb), invalid_field(true, 3, None));
    assert_eq!(
        rig.good(&[0x05, 0, 0, 0, 0, 0]),
        [0, 0xff, 0xff, 0xff, 0, 1][..]
    );
}
