//! Which commands end without waiting: those run on the thread of the connection.

use super::faulty_store::FaultyStore;
use super::harness::{PLENTY, Rig};
use crate::logical_unit::DeviceServer as _;

const TEST_UNIT_READY: [u8; 6] = [0; 6];
const READ: [u8; 6] = [0x08, 0, 0, 0, 4, 0];
const WRITE: [u8; 6] = [0x0a, 0, 0, 0, 4, 0];
const WRITE_FILEMARK: [u8; 6] = [0x10, 0, 0, 0, 1, 0];

fn at_once(rig: &Rig, cdb: &[u8]) -> bool {
    rig.ends_at_once(cdb, b"tape")
}

#[test]
fn nothing_ends_at_once_while_the_library_has_the_drive() {
    let rig = Rig::loaded();
    assert!(at_once(&rig, &TEST_UNIT_READY));
    let library = rig.drive.machine.lock().unwrap();
    assert!(!at_once(&rig, &TEST_UNIT_READY));
    drop(library);
    assert!(at_once(&rig, &TEST_UNIT_READY));
}

#[test]
fn write_waits_only_where_a_segment_begins() {
    let rig = Rig::loaded();
    assert!(!at_once(&rig, &WRITE), "it makes the first segment durable");
    rig.run_with(&WRITE, &b"tape"[..]);
    assert!(at_once(&rig, &WRITE));
    rig.good(&[0x01, 0, 0, 0, 0, 0]);
    assert!(!at_once(&rig, &WRITE), "it cuts off what is there");
}

#[test]
fn read_waits_only_for_what_was_written_before() {
    let rig = Rig::loaded();
    rig.run_with(&WRITE, &b"tape"[..]);
    assert!(!at_once(&rig, &READ));
    rig.good(&WRITE_FILEMARK);
    assert!(at_once(&rig, &READ));
}

/// The default answers of a file are those of a slow disk.
#[test]
fn data_that_only_a_disk_has_is_waited_for() {
    let rig = Rig::loaded_with(FaultyStore::default(), PLENTY);
    rig.run_with(&WRITE, &b"tape"[..]);
    rig.good(&WRITE_FILEMARK);
    rig.good(&[0x01, 0, 0, 0, 0, 0]);
    assert!(!at_once(&rig, &READ), "the disk has it");
    rig.run(&READ);
    assert!(at_once(&rig, &READ), "a filemark is in the index");
}

#[test]
fn data_in_memory_is_not_waited_for_unless_it_is_many_blocks() {
    const FIXED: [u8; 6] = [0x08, 1, 0, 0, 2, 0];
    let rig = Rig::loaded();
    rig.run_with(&WRITE, &b"tape"[..]);
    rig.good(&WRITE_FILEMARK);
    rig.good(&[0x01, 0, 0, 0, 0, 0]);
    assert!(at_once(&rig, &READ));
    assert!(!at_once(&rig, &FIXED));
}

#[test]
fn idle_time_waits_for_nobody_and_changes_nothing_that_is_read() {
    const BLOCKS: u8 = 12;
    const LONG_READ: [u8; 6] = [0x08, 0, 0x04, 0x93, 0xe0, 0]; // 300,000 bytes: a frame each
    const LONG_WRITE: [u8; 6] = [0x0a, 0, 0x04, 0x93, 0xe0, 0];
    let rig = Rig::loaded();
    for number in 0..BLOCKS {
        rig.run_with(&LONG_WRITE, vec![number; 300_000]);
    }
    rig.good(&WRITE_FILEMARK);
    rig.good(&[0x01, 0, 0, 0, 0, 0]);
    for number in 0..BLOCKS {
        let library = rig.drive.machine.lock().unwrap();
        rig.drive.use_idle_time();
        drop(library);
        let response = rig.run(&LONG_READ);
        assert_eq!(response.data_in, vec![number; 300_000]);
        rig.drive.use_idle_time();
    }
}
