//! Full disks, failing disks, damaged files.

use cartridge::{MemoryStore, SegmentStore};
use scsi::Status;

use super::faulty_store::{FULL, FaultyStore, HEALTHY, STUCK, SYNC_FAILS};
use super::harness::*;

const LOG_TAPE_ALERT: [u8; 10] = [0x4d, 0, 0x6e, 0, 0, 0, 0, 2, 0, 0];

/// Whether TapeAlert flag `number` is up.
fn alert(rig: &Rig, number: usize) -> bool {
    rig.good(&LOG_TAPE_ALERT)[4 + (number - 1) * 5 + 4] == 1
}

#[test]
fn full_disk_is_a_write_error_that_loses_nothing_and_goes_away() {
    let store = FaultyStore::default();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    let mut blocks = 0;
    for _ in 0..5 {
        rig.write(noise(5000, blocks));
        blocks += 1;
    }
    rig.filemarks(1);
    store.set(FULL);
    let refused = loop {
        let response = rig.run_with(&write_bytes(5000), noise(5000, blocks));
        if response.status != Status::Good {
            break response;
        }
        blocks += 1;
        assert!(blocks < 1000, "the disk is full");
    };
    assert_check(&refused, sense(MEDIUM_ERROR, Some(5000), [0x0c, 0]));
    assert!(alert(&rig, 6));
    let accepted = rig.position();
    assert_eq!(u64::from(accepted), blocks + 1, "blocks and a mark");
    store.set(HEALTHY);
    rig.write(noise(5000, blocks));
    rig.filemarks(1);
    rig.rewind();
    for seed in 0..5 {
        assert!(rig.good(&read_bytes(5000)) == noise(5000, seed));
    }
    rig.good(&[0x11, 1, 0, 0, 1, 0]);
    for seed in 5..=blocks {
        assert!(rig.good(&read_bytes(5000)) == noise(5000, seed));
    }
}

#[test]
fn full_disk_leaves_earlier_data_readable() {
    let store = FaultyStore::default();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    rig.write(noise(5000, 1));
    rig.filemarks(1);
    store.set(FULL);
    for seed in 2..1000 {
        let response = rig.run_with(&write_bytes(5000), noise(5000, seed));
        if response.status != Status::Good {
            break;
        }
    }
    rig.rewind();
    assert!(rig.good(&read_bytes(5000)) == noise(5000, 1));
}

#[test]
fn data_lost_behind_good_is_a_deferred_error_told_once() {
    let store = FaultyStore::default();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    rig.write(noise(100, 1));
    rig.filemarks(1);
    rig.write(noise(100, 2));
    store.set(SYNC_FAILS);
    let response = rig.run(&[0x10, 0, 0, 0, 1, 0]);
    let mut expected = sense(MEDIUM_ERROR, None, [0x0c, 0]);
    expected[0] = 0x71;
    assert_check(&response, expected);
    assert!(alert(&rig, 6));
    store.set(HEALTHY);
    assert_eq!(rig.position(), 2, "the end of what is on the medium");
    let extended = rig.good(&[0x34, 8, 0, 0, 0, 0, 0, 0, 32, 0]);
    assert_eq!(extended[4..8], [0; 4], "nothing is left in the buffer");
    // Until somebody moves, writing is refused: its data would stand behind a hole.
    let response = rig.run_with(&write_bytes(100), noise(100, 3));
    assert_check(
        &response,
        sense(MEDIUM_ERROR, None, [0x3b, 0]).with_residue(100),
    );
    rig.rewind();
    assert_eq!(rig.good(&read_bytes(100)), noise(100, 1));
    rig.good(&[0x11, 3, 0, 0, 0, 0]);
    rig.write(noise(100, 4));
    rig.filemarks(1);
    assert_eq!(rig.position(), 4);
}

#[test]
fn nothing_moves_when_what_was_accepted_cannot_be_made_durable() {
    let moves: [&[u8]; 6] = [
        &[0x01, 0, 0, 0, 0, 0],
        &[0x11, 0, 0xff, 0xff, 0xff, 0],
        &[0x2b, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x1b, 0, 0, 0, 0, 0],
        &[0x19, 0, 0, 0, 0, 0],
        &[0x08, 0, 0, 0, 10, 0],
    ];
    for cdb in moves {
        let store = FaultyStore::default();
        let rig = Rig::loaded_with(store.clone(), PLENTY);
        rig.write(noise(100, 1));
        rig.filemarks(1);
        rig.write(noise(100, 2));
        store.set(SYNC_FAILS);
        let response = rig.run(cdb);
        let bytes = response.sense.unwrap().to_fixed();
        assert_eq!(
            (bytes[0], bytes[2], bytes[12]),
            (0x71, MEDIUM_ERROR, 0x0c),
            "{cdb:02x?}"
        );
        assert_eq!(rig.position(), 2, "{cdb:02x?}");
    }
}

#[test]
fn robot_cannot_take_a_cartridge_whose_data_are_not_durable() {
    let store = FaultyStore::default();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    rig.write(noise(100, 1));
    rig.filemarks(1);
    rig.write(noise(100, 2));
    store.set(SYNC_FAILS);
    rig.drive.unload().unwrap_err();
    assert!(rig.drive.has_cartridge(), "it stays");
    store.set(HEALTHY);
    // The initiator whose data are lost is told with its next command, once.
    let mut expected = sense(MEDIUM_ERROR, None, [0x0c, 0]);
    expected[0] = 0x71;
    assert_check(&rig.run(&[0; 6]), expected);
    rig.good(&[0; 6]);
    assert!(alert(&rig, 6));
    // The library too; what is left is durable.
    rig.drive.unload().unwrap();
    assert!(!rig.drive.has_cartridge());
    rig.insert(open(store));
    assert_eq!(rig.good(&read_bytes(100)), noise(100, 1));
}

#[test]
fn damage_is_a_read_error_and_never_wrong_data() {
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    for seed in 0..40 {
        rig.write(noise(6000, seed));
    }
    rig.drive.unload().unwrap();
    // One byte in the middle of the second segment file, which holds whole frames of noise.
    let mut names = store.segments().unwrap();
    names.sort();
    let file = store.open_segment(names[1]).unwrap();
    let middle = file.length().unwrap() / 2;
    let mut byte = [0];
    file.read_at(&mut byte, middle).unwrap();
    file.write_at(&[&[byte[0] ^ 0xff]], middle).unwrap();
    rig.insert(open(store));
    let (mut good, mut bad) = (0, 0);
    for seed in 0..40_u8 {
        rig.good(&[0x2b, 0, 0, 0, 0, 0, seed, 0, 0, 0]);
        let response = rig.run(&read_bytes(6000));
        if response.status == Status::Good {
            assert!(response.data_in == noise(6000, seed.into()));
            good += 1;
        } else {
            assert_check(&response, sense(MEDIUM_ERROR, Some(6000), [0x11, 0]));
            bad += 1;
        }
    }
    assert!(bad >= 1 && good >= 30, "{bad} damaged, {good} good");
    assert!(alert(&rig, 5));
}

trait WithResidue {
    fn with_residue(self, residue: i32) -> Self;
}

impl WithResidue for [u8; 18] {
    fn with_residue(mut self, residue: i32) -> Self {
        self[0] |= 0x80;
        self[3..7].copy_from_slice(&residue.to_be_bytes());
        self
    }
}

#[test]
fn overwrite_that_failed_and_cannot_be_undone_keeps_the_cartridge_in_the_drive() {
    let store = FaultyStore::default();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    rig.write(noise(5000, 1));
    rig.filemarks(1);
    rig.good(&[0x01, 0, 0, 0, 0, 0]);
    store.set(STUCK);
    let refused = rig.run_with(&write_bytes(5000), noise(5000, 2));
    assert_eq!(refused.status, Status::CheckCondition);
    rig.drive.unload().unwrap_err();
    assert!(rig.drive.has_cartridge());
    store.set(HEALTHY);
    rig.drive.unload().unwrap();
    let (cartridge, _) =
        cartridge::Cartridge::open(Box::new(store), cartridge::Settings::default()).unwrap();
    assert_eq!(cartridge.end_of_data().object, 2, "as it was before");
}
