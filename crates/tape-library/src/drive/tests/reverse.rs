//! READ REVERSE(6) and (16): the same blocks the other way round.

use cartridge::{MemoryStore, SegmentStore};

use super::harness::*;

/// READ REVERSE(6): bit 2 is BYTORD, bit 1 SILI, bit 0 FIXED.
fn reverse(bits: u8, length: u32) -> [u8; 6] {
    let [_, high, middle, low] = length.to_be_bytes();
    [0x0f, bits, high, middle, low, 0]
}

fn reversed(mut block: Vec<u8>) -> Vec<u8> {
    block.reverse();
    block
}

#[test]
fn the_last_byte_comes_first_unless_bytord_is_set() {
    let rig = Rig::loaded();
    rig.write(noise(1000, 1));
    rig.write(noise(300, 2));
    assert_eq!(rig.good(&reverse(0, 300)), reversed(noise(300, 2)));
    assert_eq!(rig.position(), 1, "before the block");
    assert_eq!(rig.good(&reverse(4, 1000)), noise(1000, 1));
    assert_eq!(rig.position(), 0);
    assert_eq!(
        rig.good(&read_bytes(1000)),
        noise(1000, 1),
        "and forward again"
    );
}

#[test]
fn fixed_blocks_come_in_reverse_order() {
    let rig = Rig::loaded();
    rig.set_block_length(512);
    for seed in 0..4 {
        rig.write(noise(512, seed));
    }
    let data = rig.good(&reverse(5, 3));
    assert_eq!(data, [noise(512, 3), noise(512, 2), noise(512, 1)].concat());
    assert_eq!(rig.position(), 1);
    rig.good(&[0x11, 3, 0, 0, 0, 0]);
    let data = rig.good(&reverse(1, 2));
    assert_eq!(data, reversed([noise(512, 2), noise(512, 3)].concat()));
}

#[test]
fn a_filemark_stops_it_and_is_passed() {
    let rig = Rig::loaded();
    rig.set_block_length(512);
    rig.write(noise(512, 1));
    rig.filemarks(1);
    rig.write(noise(512, 2));
    let response = rig.run(&reverse(5, 4));
    let data = assert_check(&response, sense(FILEMARK | NO_SENSE, Some(3), [0, 1]));
    assert_eq!(data, noise(512, 2));
    assert_eq!(rig.position(), 1, "before the mark");
    let response = rig.run(&reverse(4, 100));
    assert_check(&response, sense(ILI | NO_SENSE, Some(100 - 512), [0, 0]));
    assert_eq!(rig.position(), 0);
}

#[test]
fn the_beginning_of_the_partition_is_told_with_eom() {
    let rig = Rig::loaded();
    rig.set_block_length(512);
    rig.write(noise(512, 1));
    let response = rig.run(&reverse(5, 3));
    let data = assert_check(&response, sense(EOM | NO_SENSE, Some(2), [0, 4]));
    assert_eq!(data, noise(512, 1));
    assert_eq!(rig.position(), 0);
    let response = rig.run(&reverse(0, 700));
    assert_check(&response, sense(EOM | NO_SENSE, Some(700), [0, 4]));
    assert_eq!(rig.position(), 0);
}

#[test]
fn lengths_are_told_as_reading_forward_tells_them() {
    let rig = Rig::loaded();
    let again = || rig.good(&[0x11, 3, 0, 0, 0, 0]);
    rig.write(noise(1000, 1));
    let short = rig.run(&reverse(4, 1200));
    let data = assert_check(&short, sense(ILI | NO_SENSE, Some(200), [0, 0]));
    assert_eq!(data, noise(1000, 1));
    assert_eq!(rig.position(), 0);
    again();
    let long = rig.run(&reverse(0, 600));
    let data = assert_check(&long, sense(ILI | NO_SENSE, Some(-400), [0, 0]));
    assert_eq!(
        data,
        reversed(noise(1000, 1))[..600],
        "what passes the head first"
    );
    again();
    assert_eq!(rig.good(&reverse(6, 1200)), noise(1000, 1), "SILI");
    again();
    let response = rig.run(&reverse(7, 1));
    assert_check(&response, invalid_field(true, 1, Some(1)));
    let response = rig.run(&reverse(1, 1));
    assert_check(&response, invalid_field(true, 1, Some(0)));
    assert_eq!(rig.position(), 1);
    assert!(rig.good(&reverse(0, 0)).is_empty());
    assert_eq!(rig.position(), 1, "nothing was asked for");
}

#[test]
fn an_odd_block_stops_a_fixed_transfer_on_its_far_side() {
    let rig = Rig::loaded();
    rig.set_block_length(512);
    for (seed, length) in [(0, 512), (1, 100), (2, 512)] {
        rig.write(noise(length, seed));
    }
    let response = rig.run(&reverse(5, 3));
    let data = assert_check(&response, sense(ILI | NO_SENSE, Some(2), [0, 0]));
    assert_eq!(data, noise(512, 2));
    assert_eq!(rig.position(), 1);
}

#[test]
fn a_damaged_block_leaves_the_position_behind_it_and_can_be_spaced_over() {
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    rig.write(noise(6000, 0));
    rig.drive.unload().unwrap();
    let name = store.segments().unwrap()[0];
    let file = store.open_segment(name).unwrap();
    // Behind both headers of the segment and the one of the frame.
    let at = 8192 + 2000;
    let mut byte = [0];
    file.read_at(&mut byte, at).unwrap();
    file.write_at(&[&[byte[0] ^ 0xff]], at).unwrap();
    rig.insert(open(store));
    rig.good(&[0x11, 3, 0, 0, 0, 0]);
    rig.write(noise(100, 1));
    rig.good(&reverse(4, 100));
    let response = rig.run(&reverse(4, 6000));
    assert_check(&response, sense(MEDIUM_ERROR, Some(6000), [0x11, 0]));
    assert_eq!(rig.position(), 1, "behind the damage");
    rig.good(&[0x11, 0, 0xff, 0xff, 0xff, 0]);
    assert_eq!(rig.position(), 0);
    let response = rig.run(&read_bytes(6000));
    assert_check(&response, sense(MEDIUM_ERROR, Some(6000), [0x11, 0]));
    assert_eq!(rig.position(), 0, "before the damage");
    rig.good(&[0x11, 0, 0, 0, 1, 0]);
    assert_eq!(rig.good(&read_bytes(100)), noise(100, 1), "past the damage");
}

#[test]
fn the_long_form_begins_where_it_says() {
    let rig = Rig::loaded();
    for seed in 0..3 {
        rig.write(noise(100, seed));
    }
    let cdb = [0x81, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 100, 0];
    assert_eq!(rig.good(&cdb), noise(100, 1));
    assert_eq!(rig.position(), 1);
}
