//! The log pages tell what happened.

use std::collections::BTreeMap;

use cartridge::MemoryStore;
use scsi::Status;
use scsi::ssc::log_pages::TapeAlert;

use super::faulty_store::{FULL, FaultyStore, SYNC_FAILS};
use super::harness::*;
use crate::logical_unit::DeviceServer as _;

/// The parameters of a page, by code.
fn page(rig: &Rig, code: u8) -> BTreeMap<u16, Vec<u8>> {
    let data = rig.good(&[0x4d, 0, 0x40 | code, 0, 0, 0, 0, 0x20, 0, 0]);
    assert_eq!(data[0], code);
    let mut found = BTreeMap::new();
    let mut rest = &data[4..];
    while let [high, low, _, length, ..] = *rest {
        let value = &rest[4..4 + usize::from(length)];
        found.insert(u16::from_be_bytes([high, low]), value.to_vec());
        rest = &rest[4 + value.len()..];
    }
    found
}

fn number(value: &[u8]) -> u64 {
    value
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn counter(rig: &Rig, code: u8, parameter: u16) -> u64 {
    number(&page(rig, code)[&parameter])
}

const PAGES: [u8; 20] = [
    0x02, 0x03, 0x0c, 0x0d, 0x10, 0x11, 0x12, 0x13, 0x14, 0x16, 0x17, 0x1b, 0x2e, 0x30, 0x31, 0x32,
    0x33, 0x34, 0x37, 0x3e,
];

#[test]
fn every_page_is_listed_and_answers_in_every_state() {
    let rig = Rig::empty();
    let unloaded = Rig::loaded();
    unloaded.good(&[0x1b, 0, 0, 0, 0, 0]);
    for rig in [rig, unloaded, Rig::loaded()] {
        let list = rig.good(&[0x4d, 0, 0x40, 0, 0, 0, 0, 0x20, 0, 0]);
        assert_eq!(list[4], 0x00);
        assert_eq!(list[5..], PAGES);
        for code in PAGES {
            let codes: Vec<_> = page(&rig, code).into_keys().collect();
            assert!(codes.is_sorted(), "{code:02x}");
            for control in [0x00, 0x80, 0xc0] {
                rig.good(&[0x4d, 0, control | code, 0, 0, 0, 0, 0x20, 0, 0]);
            }
        }
    }
    // Backup Exec asks for pages that nobody has listed.
    let response = Rig::loaded().run(&[0x4d, 0, 0x40 | 0x38, 0, 0, 0, 0, 0x20, 0, 0]);
    assert_check(&response, invalid_field(true, 2, None));
}

#[test]
fn bytes_are_counted_before_and_after_compression() {
    let rig = Rig::loaded();
    rig.write(vec![0; 1 << 20]);
    rig.write(noise(1 << 20, 1));
    rig.filemarks(1);
    let access = page(&rig, 0x0c);
    assert_eq!(number(&access[&0]), 2 << 20, "from the initiator");
    let stored = number(&access[&1]);
    assert!((1 << 20..1_200_000).contains(&stored), "{stored}");
    assert_eq!(number(&access[&3]), 0);
    assert_eq!(number(&access[&4]), stored / 1_000_000);
    assert_eq!(
        number(&access[&7]),
        stored / 1_000_000,
        "at the end of data"
    );
    assert_eq!(counter(&rig, 0x02, 5), stored, "bytes processed");
    assert_eq!(counter(&rig, 0x1b, 6), 2, "MB from the host");
    assert_eq!(counter(&rig, 0x1b, 8), 1, "MB to the tape");
    let ratio = counter(&rig, 0x1b, 1);
    assert!((180..=200).contains(&ratio), "{ratio} percent");
    assert_eq!(page(&rig, 0x32)[&1], page(&rig, 0x1b)[&1]);
    rig.rewind();
    assert_eq!(counter(&rig, 0x0c, 7), 0, "at the beginning");
    rig.good(&read_bytes(1 << 20));
    assert_eq!(counter(&rig, 0x0c, 3), 1 << 20, "to the initiator");
    assert!(counter(&rig, 0x03, 5) > 0);
    assert_eq!(
        page(&rig, 0x0c)[&7],
        [0xff; 8],
        "in the middle nobody knows"
    );
    // What the drive has done stays; what is about the load is told until the next one.
    rig.drive.unload().unwrap();
    assert_eq!(counter(&rig, 0x0c, 0), 2 << 20);
    assert_eq!(counter(&rig, 0x02, 5), stored);
    rig.insert(new_cartridge(MemoryStore::new(), PLENTY));
    assert_eq!(counter(&rig, 0x0c, 0), 2 << 20);
    assert_eq!(counter(&rig, 0x02, 5), 0);
    assert_eq!(counter(&rig, 0x14, 0), 2, "loads");
}

#[test]
fn volume_statistics_go_with_the_cartridge() {
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), 64 << 20);
    for seed in 0..4 {
        rig.write(noise(1_000_000, seed));
    }
    rig.drive.unload().unwrap();
    let other = Rig::empty();
    assert_eq!(page(&other, 0x17)[&0], [0], "not valid without a cartridge");
    other.insert(open(store));
    other.good(&read_bytes(1_000_000));
    let volume = page(&other, 0x17);
    assert_eq!(volume[&0], [1]);
    assert_eq!(number(&volume[&0x01]), 2, "loads");
    assert_eq!(number(&volume[&0x100]), 1, "of which it was written in one");
    assert!(number(&volume[&0x02]) > 0, "data sets written");
    assert_eq!(number(&volume[&0x0e]), 0, "MB written in this load");
    assert_eq!(number(&volume[&0x10]), 4, "MB written in its life");
    assert_eq!(number(&volume[&0x11]), 1);
    assert_eq!(number(&volume[&0x16]), 67, "MB of capacity");
    assert_eq!(number(&volume[&0x17]), 4);
    assert_eq!(&volume[&0x42][..9], b"CAP001L5 ");
    assert_eq!(&volume[&0x45][..], b"Ultrium-5");
    assert_eq!(volume[&0x81], [0], "not WORM");
    assert_eq!(volume[&0x203], [7, 0, 0, 0, 0, 0, 0, 4]);
    assert_eq!(volume[&0x204], [7, 0, 0, 0, 0, 0, 0, 63]);
    let usage = page(&other, 0x30);
    assert_eq!(
        (usage[&1].clone(), usage[&2].clone()),
        (volume[&1].clone(), volume[&2].clone())
    );
    assert_eq!(counter(&other, 0x3e, 0x9000), 2);
}

#[test]
fn device_status_follows_the_drive() {
    let rig = Rig::empty();
    let data = || page(&rig, 0x11)[&0].clone();
    assert_eq!(
        data(),
        [0x11, 0x20, 0, 0],
        "compression, initialised, robot allowed"
    );
    rig.insert(new_cartridge(MemoryStore::new(), PLENTY));
    assert_eq!(data(), [0x31, 0x17, 0, 0], "memory accessible, mounted");
    rig.good(&[0x1e, 0, 0, 0, 1, 0]);
    assert_eq!(data()[0], 0xb1, "removal prevented");
    rig.run(&[0x1b, 0, 0, 0, 0, 0]);
    assert_eq!(data()[3], 0x01, "a TapeAlert flag");
    page(&rig, 0x2e);
    assert_eq!(data()[3], 0x00, "which was read");
    rig.good(&[0x1e, 0, 0, 0, 0, 0]);
    rig.good(&[0x1b, 0, 0, 0, 0, 0]);
    assert_eq!(
        data(),
        [0x51, 0x30, 0, 0],
        "unloaded by the host, still there"
    );
}

#[test]
fn an_error_is_told_in_detail() {
    let store = FaultyStore::default();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    assert_eq!(page(&rig, 0x16).len(), 0);
    assert_eq!(page(&rig, 0x13)[&0], [0x00]);
    rig.write(&b"accepted"[..]);
    store.set(SYNC_FAILS);
    let response = rig.run(&[0x10, 0, 0, 0, 0, 0]);
    assert_eq!(response.status, Status::CheckCondition);
    assert_eq!(page(&rig, 0x11)[&0][3] & 0x20, 0x20, "an entry was added");
    let entry = &page(&rig, 0x16)[&0];
    assert_eq!(entry[2], 0x58);
    assert_eq!(
        entry[9..12],
        [0x03, 0x0c, 0x00],
        "medium error, write error"
    );
    assert_eq!(entry[24], 0x10, "WRITE FILEMARKS");
    assert_eq!(page(&rig, 0x11)[&0][3] & 0x20, 0, "and read");
    assert_eq!(counter(&rig, 0x02, 6), 1, "uncorrected");
    assert_eq!(counter(&rig, 0x14, 0x0e), 1);
    assert_eq!(counter(&rig, 0x17, 0x04), 1);
    for code in 0..3 {
        assert_eq!(counter(&rig, 0x33, code), 1);
        assert_eq!(counter(&rig, 0x34, code), 0);
    }
    assert_eq!(page(&rig, 0x37)[&1], [33], "worse than the best");
    assert_eq!(page(&rig, 0x13)[&0], [0x07], "unload it");
    store.set(FULL);
    for _ in 0..20 {
        rig.rewind();
        rig.run_with(&write_bytes(8), &b"refused!"[..]);
    }
    let entries = page(&rig, 0x16);
    assert_eq!(entries.len(), 16);
    assert_eq!(entries[&0][9], 0x83, "the same again");
}

#[test]
fn the_wish_to_be_cleaned_is_told() {
    let rig = Rig::empty();
    rig.drive
        .with_machine(|machine| machine.alerts.raise(TapeAlert::CleanNow));
    assert_eq!(page(&rig, 0x11)[&0][0] & 0x02, 0x02, "cleaning required");
    assert_eq!(counter(&rig, 0x0c, 0x100), 1);
}

#[test]
fn self_tests_are_remembered() {
    let rig = Rig::loaded();
    assert_eq!(page(&rig, 0x10)[&1], [0; 16]);
    rig.drive.self_test().unwrap();
    let results = page(&rig, 0x10);
    assert_eq!(results.len(), 20);
    assert_eq!(
        results[&1][..12],
        [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
    );
    assert_eq!(results[&2], [0; 16]);
}

#[test]
fn counters_are_reset_and_set_by_initiators() {
    let rig = Rig::loaded();
    rig.write(noise(1 << 20, 1));
    rig.filemarks(1);
    assert!(counter(&rig, 0x02, 5) > 0);
    rig.good(&[0x4c, 0x02, 0x40 | 0x02, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(counter(&rig, 0x02, 5), 0);
    rig.write(noise(1000, 2));
    rig.filemarks(1);
    assert_eq!(counter(&rig, 0x02, 5), 1000);
    let list = [0x02, 0, 0, 8, 0, 6, 0, 4, 0, 0, 0, 9];
    let select = [0x4c, 0, 0x40 | 0x02, 0, 0, 0, 0, 0, 12, 0];
    assert_eq!(rig.run_with(&select, list.to_vec()).status, Status::Good);
    assert_eq!(counter(&rig, 0x02, 6), 9);
    assert_eq!(counter(&rig, 0x02, 5), 1000);
    // The cartridge's life is nobody's to reset.
    rig.good(&[0x4c, 0x02, 0x40, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(counter(&rig, 0x17, 0x01), 1);
    assert_eq!(counter(&rig, 0x02, 6), 0);
}
