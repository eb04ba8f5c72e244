//! A cartridge that was in the drive when the gateway started: nothing is cut off by mistake.

use cartridge::{Cartridge, MemoryStore};

use super::harness::*;
use crate::profile::MediaAccess;

/// Linux's st before 6.14 writes a filemark when a device is closed, whatever unit attentions told.
#[test]
fn nothing_is_cut_off_after_a_restart_until_a_place_is_named() {
    const WRITE_FILEMARK: [u8; 6] = [0x10, 0, 0, 0, 1, 0];
    const ERASE: [u8; 6] = [0x19, 0, 0, 0, 0, 0];
    const REWIND: [u8; 6] = [0x01, 0, 0, 0, 0, 0];
    const POSITIONING_ERROR: [u8; 2] = [0x3b, 0];
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    rig.write(noise(10, 1));
    rig.good(&WRITE_FILEMARK);

    let rig = Rig::empty();
    let (cartridge, _) = Cartridge::open(Box::new(store), cartridge::Settings::default()).unwrap();
    rig.drive.load_again(cartridge, MediaAccess::ReadWrite);
    rig.attentions.take(ONE);
    for command in [WRITE_FILEMARK, ERASE] {
        let response = rig.run(&command);
        let sense = response.sense.expect("refused");
        assert_eq!(
            [sense.additional.0, sense.additional.1],
            POSITIONING_ERROR,
            "{command:02x?}"
        );
    }
    assert_eq!(rig.good(&read_bytes(10)), noise(10, 1), "reading works");
    let sense = rig.run(&WRITE_FILEMARK).sense.expect("still refused");
    assert_eq!([sense.additional.0, sense.additional.1], POSITIONING_ERROR);
    rig.good(&REWIND);
    rig.good(&WRITE_FILEMARK);
    assert_eq!(rig.drive.status().object, 1);
}

#[test]
fn a_blank_cartridge_can_be_written_after_a_restart() {
    let rig = Rig::empty();
    let cartridge = new_cartridge(MemoryStore::new(), PLENTY);
    rig.drive.load_again(cartridge, MediaAccess::ReadWrite);
    rig.attentions.take(ONE);
    rig.write(noise(10, 1));
}

#[test]
fn after_a_restart_the_end_of_data_can_be_appended_to_however_it_was_reached() {
    let ways: [&[&[u8]]; 5] = [
        &[&[0x11, 3, 0, 0, 0, 0]],
        // `mt eod` of Linux's st: over more filemarks than there are.
        &[&[0x11, 1, 0x7f, 0xff, 0xff, 0]],
        // `mt fsf 1`: exactly to the end.
        &[&[0x11, 1, 0, 0, 1, 0]],
        // Reading to the end.
        &[&read_bytes(10), &read_bytes(10), &read_bytes(10)],
        &[&[0x2b, 0, 0, 0, 0, 0, 9, 0, 0, 0]],
    ];
    for way in ways {
        let store = MemoryStore::new();
        let rig = Rig::loaded_with(store.clone(), PLENTY);
        rig.write(noise(10, 1));
        rig.filemarks(1);
        drop(rig);
        let rig = Rig::empty();
        rig.drive.load_again(open(store), MediaAccess::ReadWrite);
        for cdb in way {
            rig.run(cdb);
        }
        rig.write(noise(10, 2));
        assert_eq!(rig.position(), 3, "{way:02x?}");
    }
}

#[test]
fn after_a_restart_relative_motion_into_the_data_names_no_place() {
    let store = MemoryStore::new();
    let rig = Rig::loaded_with(store.clone(), PLENTY);
    for seed in 0..3 {
        rig.write(noise(10, seed));
    }
    rig.filemarks(1);
    drop(rig);
    let rig = Rig::empty();
    rig.drive.load_again(open(store), MediaAccess::ReadWrite);
    rig.good(&[0x11, 0, 0, 0, 1, 0]);
    let refused = rig.run_with(&write_bytes(10), noise(10, 9));
    assert_check(&refused, sense(MEDIUM_ERROR, Some(10), [0x3b, 0]));
    // Back over the beginning, which the drive tells.
    rig.run(&[0x11, 0, 0xff, 0xff, 0xf0, 0]);
    rig.write(noise(10, 9));
    assert_eq!(rig.position(), 1);
}
