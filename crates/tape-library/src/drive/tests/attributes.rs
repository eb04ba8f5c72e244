//! READ ATTRIBUTE, WRITE ATTRIBUTE, READ MEDIA SERIAL NUMBER, and what the memory survives.

use std::collections::BTreeMap;

use cartridge::{MemoryState, MemoryStore, SegmentStore as _, read_label};
use scsi::Status;

use super::faulty_store::{FULL, FaultyStore};
use super::harness::*;

/// READ ATTRIBUTE of partition 0 with 8 KiB of room.
fn read_attribute(service: u8, first: u16) -> [u8; 16] {
    let [high, low] = first.to_be_bytes();
    [
        0x8c, service, 0, 0, 0, 0, 0, 0, high, low, 0, 0, 0x20, 0, 0, 0,
    ]
}

/// WRITE ATTRIBUTE to partition 0 as LTFS sends it, which counts its own length in.
fn write_attribute(rig: &Rig, attributes: &[u8]) -> scsi::Response {
    let length = u8::try_from(attributes.len() + 4).unwrap();
    let list = [&[0, 0, 0, length], attributes].concat();
    let cdb = [0x8d, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, length, 0, 0];
    rig.run_with(&cdb, list)
}

/// All attributes of partition 0.
fn attributes(rig: &Rig) -> BTreeMap<u16, Vec<u8>> {
    let data = rig.good(&read_attribute(0, 0));
    let available = u32::from_be_bytes(data[..4].try_into().unwrap());
    assert_eq!(available as usize, data.len() - 4);
    let mut found = BTreeMap::new();
    let mut rest = &data[4..];
    while let [id_high, id_low, _, high, low, ..] = *rest {
        let id = u16::from_be_bytes([id_high, id_low]);
        let length = usize::from(u16::from_be_bytes([high, low]));
        found.insert(id, rest[5..5 + length].to_vec());
        rest = &rest[5 + length..];
    }
    found
}

fn number(value: &[u8]) -> u64 {
    value
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn change_reference(rig: &Rig) -> u64 {
    number(&attributes(rig)[&0x0009])
}

/// Takes the cartridge out and puts it in again, as the robot does.
fn reload(rig: &Rig, store: &MemoryStore) {
    rig.drive.unload().unwrap();
    rig.insert(open(store.clone()));
}

const VENDOR: &[u8] = b"\x08\x00\x01\x00\x08CAPSTAN ";

#[test]
fn attributes_of_a_new_cartridge() {
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), 64 << 20);
    let label = read_label(&store).unwrap();
    let found = attributes(&rig);
    assert_eq!(number(&found[&0x0000]), 64, "MiB remaining");
    assert_eq!(number(&found[&0x0001]), 64);
    assert_eq!(number(&found[&0x0003]), 1, "loads");
    assert_eq!(number(&found[&0x0004]), 8192 - 1024);
    assert_eq!(found[&0x0005], b"LTO-CVE ");
    assert_eq!(found[&0x0006], [0x58]);
    assert_eq!(number(&found[&0x0009]), 1, "volume change reference");
    assert_eq!(&found[&0x0008][..10], b"CAP001L5  ");
    assert_eq!(&found[&0x020a][..18], b"IBM     0000000001");
    assert!(!found.contains_key(&0x020b), "there was no load before");
    let serial = label.uuid.simple().to_string().to_uppercase();
    assert_eq!(found[&0x0401], serial.as_bytes());
    assert_eq!(number(&found[&0x0402]), 846);
    assert_eq!(found[&0x0406], b"20270115");
    assert_eq!(number(&found[&0x0407]), 8192);
    assert_eq!(found[&0x0408], [0]);
    assert_eq!(&found[&0x0806][..9], b"CAP001L5 ");
    assert!(!found.contains_key(&0x080c));
    let list = rig.good(&read_attribute(1, 0));
    let ids: Vec<_> = list[4..].chunks(2).map(number).collect();
    let expected: Vec<_> = found.keys().map(|id| u64::from(*id)).collect();
    assert_eq!(ids, expected);
    let serial_data = rig.good(&[0xab, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(serial_data[..4], [0, 0, 0, 32]);
    assert_eq!(&serial_data[4..], serial.as_bytes());
}

#[test]
fn what_is_not_there_is_refused() {
    let rig = Rig::loaded();
    // LTFS learns so that a cartridge is not one of its own.
    let response = rig.run(&read_attribute(0, 0x080c));
    assert_check(&response, invalid_field(true, 8, None));
    let mut cdb = read_attribute(0, 0);
    cdb[7] = 1;
    assert_check(&rig.run(&cdb), invalid_field(true, 7, None));
    assert_eq!(rig.good(&read_attribute(2, 0)), [0, 2, 0, 1][..]);
    assert_eq!(rig.good(&read_attribute(3, 0)), [0, 2, 0, 1][..]);
    let short = rig.good(&[0x8c, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 6, 0, 0]);
    assert_eq!(short.len(), 6, "cut, but told in full");
    assert!(number(&short[..4]) > 100);
    let empty = Rig::empty();
    for cdb in [
        &read_attribute(0, 0)[..],
        &[0xab, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
    ] {
        assert_check(&empty.run(cdb), sense(NOT_READY, None, [0x3a, 0]));
    }
}

#[test]
fn written_attributes_survive_a_crash_and_go_with_the_cartridge() {
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    assert_eq!(write_attribute(&rig, VENDOR).status, Status::Good);
    let lock = [0x16, 0x23, 0x00, 0, 1, 0x80];
    assert_eq!(write_attribute(&rig, &lock).status, Status::Good);
    // The process dies: nothing is unloaded.
    let other = Rig::empty();
    other.insert(open(store));
    let found = attributes(&other);
    assert_eq!(found[&0x0800], b"CAPSTAN ");
    assert_eq!(found[&0x1623], [0x80]);
    assert_eq!(number(&found[&0x0004]), 8192 - 1024 - 13 - 6);
    assert_eq!(
        write_attribute(&other, &[0x08, 0, 1, 0, 0]).status,
        Status::Good
    );
    assert!(!attributes(&other).contains_key(&0x0800), "taken away");
}

#[test]
fn nothing_is_written_unless_all_of_it_can_be() {
    let rig = Rig::loaded();
    let read_only = [VENDOR, &[0x0f, 0xff, 0x03, 0, 1, 0]].concat();
    let response = write_attribute(&rig, &read_only);
    assert_check(&response, invalid_field(false, 4 + 13 + 2, None));
    assert_eq!(response.data_out_length, 4 + 13 + 6);
    assert!(!attributes(&rig).contains_key(&0x0800));
    // More than there is room for.
    for id in 0..2_u8 {
        let length = 4096_u16.to_be_bytes();
        let header = [0x0c, id, 0, length[0], length[1]];
        let list = [&[0, 0, 0x10, 5], &header[..], &[7; 4096]].concat();
        let cdb = [0x8d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 9, 0, 0];
        let response = rig.run_with(&cdb, list);
        if id == 0 {
            assert_eq!(response.status, Status::Good);
        } else {
            assert_check(&response, sense(ILLEGAL_REQUEST, None, [0x55, 6]));
        }
    }
    assert_eq!(number(&attributes(&rig)[&0x0004]), 8192 - 1024 - 4101);
}

#[test]
fn the_tab_protects_the_memory_and_a_full_disk_is_told() {
    let store = MemoryStore::new();
    let rig = Rig::empty();
    let mut cartridge = new_cartridge(store, PLENTY);
    cartridge.set_write_protected(true).unwrap();
    rig.insert(cartridge);
    let response = write_attribute(&rig, VENDOR);
    assert_check(&response, sense(DATA_PROTECT, None, [0x27, 0]));

    let store = FaultyStore::default();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    store.set(FULL);
    let response = write_attribute(&rig, VENDOR);
    assert_check(&response, sense(MEDIUM_ERROR, None, [0x0c, 0x0b]));
    assert!(!attributes(&rig).contains_key(&0x0800));
    let alerts = rig.good(&[0x4d, 0, 0x40 | 0x12, 0, 0, 0, 0, 2, 0, 0]);
    assert_eq!(alerts[9], 0x02, "flag 15, memory chip in cartridge failure");
}

#[test]
fn the_change_reference_changes_once_per_load_with_the_first_write() {
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    assert_eq!(change_reference(&rig), 1);
    rig.write(&b"one"[..]);
    assert_eq!(change_reference(&rig), 2);
    rig.write(&b"two"[..]);
    rig.filemarks(1);
    assert_eq!(change_reference(&rig), 2);
    reload(&rig, &store);
    rig.good(&read_bytes(3));
    reload(&rig, &store);
    assert_eq!(change_reference(&rig), 2, "reading changes nothing");
    rig.good(&[0x11, 3, 0, 0, 0, 0]);
    rig.filemarks(1);
    assert_eq!(change_reference(&rig), 3);
    // UNLOAD and LOAD by an initiator are a load too, and so is coming back after a crash.
    rig.good(&[0x1b, 0, 0, 0, 0, 0]);
    rig.good(&[0x1b, 0, 0, 0, 1, 0]);
    rig.good(&[0x19, 0, 0, 0, 0, 0]);
    assert_eq!(change_reference(&rig), 4);
    let after_crash = Rig::empty();
    after_crash.insert(open(store));
    assert_eq!(
        change_reference(&after_crash),
        4,
        "durable before the erase"
    );
    assert_eq!(number(&attributes(&after_crash)[&0x0003]), 5, "loads");
}

#[test]
fn counts_go_with_the_cartridge() {
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    for seed in 0..3 {
        rig.write(noise(1 << 20, seed));
    }
    assert_eq!(number(&attributes(&rig)[&0x0222]), 3);
    reload(&rig, &store);
    for _ in 0..2 {
        rig.good(&read_bytes(1 << 20));
    }
    let found = attributes(&rig);
    assert_eq!(number(&found[&0x0220]), 3, "MiB written in its life");
    assert_eq!(number(&found[&0x0222]), 0, "and since it was loaded");
    assert_eq!(number(&found[&0x0221]), 2);
    assert_eq!(number(&found[&0x0223]), 2);
    assert!(found.contains_key(&0x020b));
    reload(&rig, &store);
    assert_eq!(number(&attributes(&rig)[&0x0221]), 2);
}

#[test]
fn a_cartridge_whose_memory_is_lost_is_used_with_a_new_one() {
    let mut store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    rig.write(&b"data"[..]);
    write_attribute(&rig, VENDOR);
    rig.drive.unload().unwrap();
    let mut text = store.read_memory().unwrap().unwrap();
    text[40] ^= 1;
    store.replace_memory(&text).unwrap();
    let cartridge = open(store);
    assert!(matches!(cartridge.memory_state(), MemoryState::Lost { .. }));
    rig.insert(cartridge);
    let found = attributes(&rig);
    assert!(!found.contains_key(&0x0800));
    assert!(number(&found[&0x0009]) > 2, "no value that somebody knows");
    assert_eq!(found[&0x0002], [0, 0x02, 0, 0, 0, 0, 0, 0], "TapeAlert 15");
    assert_eq!(rig.good(&read_bytes(4))[..], *b"data");
    assert_eq!(write_attribute(&rig, VENDOR).status, Status::Good);
}

#[test]
fn a_format_forgets_what_was_known_of_the_partitions() {
    let rig = Rig::loaded();
    let before = attributes(&rig);
    let coherency = [&[0x08, 0x0c, 0, 0, 23][..], &[7; 23]].concat();
    assert_eq!(write_attribute(&rig, &coherency).status, Status::Good);
    assert_eq!(write_attribute(&rig, VENDOR).status, Status::Good);
    rig.good(&[0x04, 0, 0, 0, 0, 0]);
    let after = attributes(&rig);
    assert!(!after.contains_key(&0x080c));
    assert_eq!(after[&0x0800], b"CAPSTAN ");
    assert_eq!(number(&after[&0x0007]), number(&before[&0x0007]) + 1);
    assert_ne!(after[&0x0009], before[&0x0009], "volume change reference");
}
