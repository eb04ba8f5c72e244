//! The 16-byte commands, which name the place where they begin.

use scsi::Status;

use super::harness::*;

const FCS: u8 = 0x08;
const LCS: u8 = 0x04;

/// A 16-byte command at `object` of partition 0.
fn at(code: u8, byte_1: u8, object: u8, length: u16) -> [u8; 16] {
    let [high, low] = length.to_be_bytes();
    [
        code, byte_1, 0, 0, 0, 0, 0, 0, 0, 0, 0, object, 0, high, low, 0,
    ]
}

fn recorded() -> Rig {
    let rig = Rig::loaded();
    for seed in 0..4 {
        rig.write(noise(100, seed));
    }
    rig
}

#[test]
fn read_goes_where_it_begins() {
    let rig = recorded();
    for object in [2, 0, 3, 1] {
        let block = rig.good(&at(0x88, 0, object, 100));
        assert_eq!(block, noise(100, object.into()));
        assert_eq!(rig.position(), u32::from(object) + 1);
    }
    rig.set_block_length(100);
    let data = rig.good(&at(0x88, 1, 1, 3));
    assert_eq!(data, [noise(100, 1), noise(100, 2), noise(100, 3)].concat());
}

#[test]
fn read_of_a_place_behind_the_end_of_data_fails_there() {
    let rig = recorded();
    let response = rig.run(&at(0x88, 0, 9, 100));
    assert_check(&response, sense(BLANK_CHECK, None, [0x14, 0x07]));
    assert_eq!(rig.position(), 4);
}

#[test]
fn a_partition_that_is_not_there_is_pointed_at() {
    let rig = recorded();
    for code in [0x80, 0x81, 0x88, 0x8a, 0x8f, 0x93] {
        let mut cdb = at(code, 0, 1, 10);
        cdb[3] = 1;
        if code == 0x93 {
            cdb[14] = 0;
        }
        assert_check(
            &rig.run_with(&cdb, noise(10, 1)),
            invalid_field(true, 3, None),
        );
        assert_eq!(rig.position(), 4);
    }
}

#[test]
fn the_first_write_of_a_sequence_goes_where_it_begins_and_cuts_off() {
    let rig = recorded();
    let response = rig.run_with(&at(0x8a, FCS, 1, 50), noise(50, 9));
    assert_eq!(response.status, Status::Good);
    let response = rig.run_with(&at(0x8a, LCS, 2, 60), noise(60, 10));
    assert_eq!(
        (response.status, response.data_out_length),
        (Status::Good, 60)
    );
    assert_eq!(rig.position(), 3);
    rig.rewind();
    for (seed, length) in [(0, 100), (9, 50), (10, 60)] {
        assert_eq!(rig.good(&read_bytes(length)), noise(length, seed));
    }
    assert_check(
        &rig.run(&read_bytes(9)),
        sense(BLANK_CHECK, Some(9), [0, 5]),
    );
}

#[test]
fn a_write_that_does_not_continue_writes_nothing() {
    let rig = recorded();
    let sequence = sense(ILLEGAL_REQUEST, None, [0x2c, 0]);
    for object in [0, 3, 5] {
        let response = rig.run_with(&at(0x8a, 0, object, 50), noise(50, 9));
        assert_check(&response, sequence);
        assert_eq!(response.data_out_length, 50);
        assert_check(&rig.run(&at(0x80, 0, object, 1)), sequence);
        assert_check(&rig.run(&at(0x93, 1, object, 0)), sequence);
        assert_eq!(rig.position(), 4);
    }
    rig.rewind();
    for seed in 0..4 {
        assert_eq!(rig.good(&read_bytes(100)), noise(100, seed));
    }
}

#[test]
fn filemarks_and_erase_begin_where_they_say() {
    let rig = recorded();
    rig.good(&at(0x80, FCS, 2, 2));
    assert_eq!(rig.position(), 4);
    rig.good(&at(0x80, 0, 4, 1));
    let data = rig.good(&[0x34, 8, 0, 0, 0, 0, 0, 0, 32, 0]);
    assert_eq!(data[4..8], [0; 4], "IMMED=0: durable");
    rig.good(&at(0x93, FCS | 1, 1, 0));
    assert_eq!(rig.position(), 1);
    assert_check(
        &rig.run(&read_bytes(9)),
        sense(BLANK_CHECK, Some(9), [0, 5]),
    );
}

#[test]
fn lengths_are_pointed_at_where_the_long_form_has_them() {
    let rig = recorded();
    let mut cdb = at(0x88, 1, 0, 0);
    cdb[12] = 0xff;
    rig.set_block_length(1 << 20);
    assert_check(&rig.run(&cdb), invalid_field(true, 12, None));
    let response = rig.run_with(&at(0x8a, FCS, 0, 50), noise(49, 9));
    assert_check(&response, invalid_field(true, 12, None));
    assert_eq!(rig.position(), 4, "nothing moved either");
}

#[test]
fn the_long_forms_run_at_once_where_the_medium_stands() {
    let rig = recorded();
    let ready = |cdb: &[u8]| rig.ends_at_once(cdb, b"tape");
    assert!(ready(&at(0x8a, 0, 4, 4)));
    assert!(!ready(&at(0x8a, FCS, 2, 4)), "it would have to move");
    rig.filemarks(1);
    rig.rewind();
    rig.good(&read_bytes(100));
    assert!(ready(&at(0x88, 0, 1, 100)));
    assert!(!ready(&at(0x88, 0, 2, 100)));
}

#[test]
fn a_place_that_was_named_is_trusted_after_a_restart() {
    let store = cartridge::MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    rig.write(noise(100, 0));
    rig.filemarks(1);
    drop(rig);
    let rig = Rig::empty();
    let access = crate::profile::MediaAccess::ReadWrite;
    rig.drive.load_again(open(store), access);
    rig.attentions.take(ONE);
    let refused = rig.run_with(&write_bytes(10), noise(10, 1));
    assert_check(&refused, sense(MEDIUM_ERROR, Some(10), [0x3b, 0]));
    let response = rig.run_with(&at(0x8a, 0, 0, 10), noise(10, 1));
    assert_eq!(response.status, Status::Good);
    assert_eq!(rig.position(), 1);
}
