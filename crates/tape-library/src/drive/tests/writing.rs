//! WRITE(6), WRITE FILEMARKS(6), ERASE(6): what is written, what is refused, the end of the medium.

use cartridge::MemoryStore;
use scsi::Status;

use super::harness::*;
use crate::profile::MediaAccess;

#[test]
fn blocks_of_every_length_come_back() {
    let rig = Rig::loaded();
    let lengths = [1, 2, 511, 4096, 4097, 65536, (16 << 20) - 5];
    for length in lengths {
        rig.write(noise(length, length as u64));
    }
    rig.rewind();
    for length in lengths {
        let block = rig.good(&read_bytes(length));
        assert!(block == noise(length, length as u64), "block of {length}");
    }
}

#[test]
fn write_of_nothing_is_good_and_writes_nothing() {
    let rig = Rig::loaded();
    rig.good(&[0x0a, 0, 0, 0, 0, 0]);
    rig.set_block_length(512);
    rig.good(&[0x0a, 1, 0, 0, 0, 0]);
    assert_eq!(rig.position(), 0);
}

#[test]
fn less_data_than_the_cdb_demands_writes_nothing() {
    let rig = Rig::loaded();
    let response = rig.run_with(&write_bytes(1000), noise(999, 1));
    assert_check(&response, invalid_field(true, 2, None));
    assert_eq!(
        response.data_out_length, 1000,
        "the transport tells the overflow"
    );
    rig.set_block_length(512);
    let response = rig.run_with(&[0x0a, 1, 0, 0, 4, 0], noise(3 * 512, 1));
    assert_check(&response, invalid_field(true, 2, None));
    assert_eq!(rig.position(), 0);
}

#[test]
fn more_data_than_the_cdb_demands_are_left_over() {
    let rig = Rig::loaded();
    let response = rig.run_with(&write_bytes(100), noise(150, 1));
    assert_eq!(
        (response.status, response.data_out_length),
        (Status::Good, 100)
    );
    rig.rewind();
    assert_eq!(rig.good(&read_bytes(100)), noise(150, 1)[..100]);
}

#[test]
fn blocks_over_the_limits_are_refused() {
    let rig = Rig::of_profile("gateway-ult3580-td5", cartridge::Codec::Zstd);
    rig.insert(new_cartridge(MemoryStore::new(), PLENTY));
    assert_eq!(rig.good(&[0x05, 0, 0, 0, 0, 0]), [0, 0x10, 0, 0, 0, 1][..]);
    let response = rig.run_with(&write_bytes((1 << 20) + 1), noise((1 << 20) + 1, 1));
    assert_check(&response, invalid_field(true, 2, None));
    rig.write(noise(1 << 20, 1));
}

#[test]
fn limits_of_the_plain_drive_are_those_of_the_cdb() {
    let rig = Rig::empty();
    assert_eq!(
        rig.good(&[0x05, 0, 0, 0, 0, 0]),
        [0, 0xff, 0xff, 0xff, 0, 1][..]
    );
}

#[test]
fn the_highest_object_has_a_number_of_62_bits() {
    let rig = Rig::empty();
    let data = rig.good(&[0x05, 0x01, 0, 0, 0, 0]);
    assert_eq!(data.len(), 20);
    assert_eq!(data[12..], (1_u64 << 62).to_be_bytes());
}

#[test]
fn writing_in_the_middle_cuts_off_what_follows() {
    let rig = Rig::loaded();
    for seed in 1..=3 {
        rig.write(noise(100, seed));
    }
    rig.good(&[0x2b, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    rig.write(noise(50, 9));
    rig.rewind();
    assert_eq!(rig.good(&read_bytes(100)), noise(100, 1));
    assert_eq!(rig.good(&read_bytes(50)), noise(50, 9));
    assert_check(
        &rig.run(&read_bytes(100)),
        sense(BLANK_CHECK, Some(100), [0, 5]),
    );
}

#[test]
fn filemarks_count_as_objects_and_as_files() {
    let rig = Rig::loaded();
    rig.write(noise(10, 1));
    rig.filemarks(3);
    let long = rig.good(&[0x34, 0x06, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        long[8..24],
        [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 3]
    );
}

#[test]
fn filemarks_with_immed_0_empty_the_buffer_and_with_immed_1_do_not() {
    let rig = Rig::loaded();
    let buffered = || {
        let data = rig.good(&[0x34, 0x08, 0, 0, 0, 0, 0, 0, 32, 0]);
        let objects = u32::from_be_bytes(data[4..8].try_into().unwrap());
        let bytes = u64::from_be_bytes(data[24..32].try_into().unwrap());
        (objects, bytes)
    };
    rig.write(noise(10, 1));
    assert_eq!(buffered(), (1, 10));
    rig.good(&[0x10, 0x01, 0, 0, 2, 0]);
    assert_eq!(buffered(), (3, 10), "IMMED=1");
    rig.good(&[0x10, 0x01, 0, 0, 0, 0]);
    assert_eq!(buffered(), (3, 10), "IMMED=1, count 0: nothing to do");
    rig.good(&[0x10, 0x00, 0, 0, 0, 0]);
    assert_eq!(buffered(), (0, 0), "IMMED=0, count 0: synchronise");
    assert_eq!(rig.position(), 3);
    rig.write(noise(10, 1));
    rig.filemarks(1);
    assert_eq!(buffered(), (0, 0), "IMMED=0");
}

#[test]
fn unbuffered_mode_leaves_nothing_in_the_buffer() {
    let rig = Rig::loaded();
    // MODE SELECT(6): BUFFERED MODE 0, no descriptor, no page.
    let response = rig.run_with(&[0x15, 0x10, 0, 0, 4, 0], vec![0, 0, 0, 0]);
    assert_eq!(response.status, Status::Good);
    rig.write(noise(10, 1));
    let data = rig.good(&[0x34, 0x08, 0, 0, 0, 0, 0, 0, 32, 0]);
    assert_eq!(data[4..8], [0; 4]);
    let response = rig.run(&[0x10, 0x01, 0, 0, 1, 0]);
    assert_check(&response, invalid_field(true, 1, Some(0)));
}

#[test]
fn buffered_mode_2_writes_out_what_another_nexus_has_in_the_buffer() {
    for (mode, left) in [(0x10, 2), (0x20, 1)] {
        let rig = Rig::loaded();
        let response = rig.run_with(&[0x15, 0x10, 0, 0, 4, 0], vec![0, 0, mode, 0]);
        assert_eq!(response.status, Status::Good);
        assert_eq!(rig.good(&[0x1a, 0x08, 0, 0, 4, 0])[2], mode);
        let buffered = || rig.good(&[0x34, 8, 0, 0, 0, 0, 0, 0, 32, 0])[7];
        rig.write(noise(10, 1));
        assert_eq!(buffered(), 1);
        let response = rig.run_as(TWO, &write_bytes(10), noise(10, 2));
        assert_eq!(response.status, Status::Good);
        assert_eq!(buffered(), left, "BUFFERED MODE {mode:02x}");
        rig.run_as(TWO, &write_bytes(10), noise(10, 3));
        assert_eq!(buffered(), left + 1, "its own stay");
        // Marks of another nexus count as data.
        rig.good(&[0x10, 1, 0, 0, 1, 0]);
        assert_eq!(buffered(), if mode == 0x20 { 1 } else { 4 });
    }
}

#[test]
fn erase_ends_the_data_at_the_position() {
    for cdb in [
        [0x19, 0, 0, 0, 0, 0],
        [0x19, 1, 0, 0, 0, 0],
        [0x19, 3, 0, 0, 0, 0],
    ] {
        let rig = Rig::loaded();
        rig.write(noise(10, 1));
        rig.write(noise(10, 2));
        rig.filemarks(1);
        rig.good(&[0x2b, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        rig.good(&cdb);
        assert_eq!(rig.position(), 1);
        assert_check(
            &rig.run(&read_bytes(10)),
            sense(BLANK_CHECK, Some(10), [0, 5]),
        );
        rig.rewind();
        assert_eq!(rig.good(&read_bytes(10)), noise(10, 1));
    }
}

#[test]
fn protected_cartridge_is_not_written() {
    let store = MemoryStore::new();
    drop(new_cartridge(store.clone(), PLENTY));
    let protect = |store| {
        let mut cartridge = open(store);
        cartridge.set_write_protected(true).unwrap();
        cartridge
    };
    let by_tab = Rig::empty();
    by_tab.insert(protect(store));
    let by_drive = Rig::empty();
    by_drive.drive.load(
        new_cartridge(MemoryStore::new(), PLENTY),
        MediaAccess::ReadOnly,
    );
    let by_software = Rig::loaded();
    let mut list = vec![0, 0, 0x10, 0, 0x10, 14];
    list.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0x40, 0, 0x14, 0, 0, 0, 1, 0x10]);
    let response = by_software.run_with(&[0x15, 0x10, 0, 0, 20, 0], list);
    assert_eq!(response.status, Status::Good, "SWP");
    for rig in [by_tab, by_drive, by_software] {
        let protected = sense(DATA_PROTECT, None, [0x27, 0]);
        assert_check(&rig.run_with(&write_bytes(10), noise(10, 1)), protected);
        assert_check(&rig.run(&[0x10, 0, 0, 0, 1, 0]), protected);
        assert_check(&rig.run(&[0x19, 1, 0, 0, 0, 0]), protected);
        // Synchronising writes nothing.
        rig.good(&[0x10, 0, 0, 0, 0, 0]);
        let header = rig.good(&[0x1a, 0, 0, 0, 12, 0]);
        assert_eq!(header[2], 0x90, "WP, buffered mode 1");
        assert!(rig.drive.status().write_protected);
        assert_eq!(rig.position(), 0);
    }
}
