//! LOG SENSE and REPORT DENSITY SUPPORT.

use std::sync::Arc;

use cartridge::{Codec, MemoryStore};

use scsi::AdditionalSense;
use scsi::ssc::log_pages::TapeAlert;

use super::harness::*;
use crate::profile::DriveProfile;

#[test]
fn log_pages_are_listed_and_answer() {
    let rig = Rig::loaded();
    let log = |page: u8| rig.good(&[0x4d, 0, 0x40 | page, 0, 0, 0, 0, 2, 0, 0]);
    for code in [0x12, 0x2e, 0x31] {
        let data = log(code);
        assert_eq!(data[0], code);
        assert_eq!(
            usize::from(u16::from_be_bytes([data[2], data[3]])),
            data.len() - 4
        );
    }
    let response = rig.run(&[0x4d, 0, 0x40 | 0x38, 0, 0, 0, 0, 2, 0, 0]);
    assert_check(&response, invalid_field(true, 2, None));
    let response = rig.run(&[0x4d, 0, 0x40 | 0x31, 1, 0, 0, 0, 2, 0, 0]);
    assert_check(&response, invalid_field(true, 3, None));
    let response = rig.run(&[0x4d, 0, 0x40 | 0x31, 0, 0, 0, 5, 2, 0, 0]);
    assert_check(&response, invalid_field(true, 5, None));
}

#[test]
fn tape_capacity_is_live() {
    let rig = Rig::loaded_with(MemoryStore::new(), 64 << 20);
    let capacity = || {
        let data = rig.good(&[0x4d, 0, 0x40 | 0x31, 0, 0, 0, 0, 2, 0, 0]);
        let value = |at: usize| u32::from_be_bytes(data[at..at + 4].try_into().unwrap());
        (value(8), value(24))
    };
    assert_eq!(capacity(), (64, 64));
    for seed in 0..10 {
        rig.write(noise(1 << 20, seed));
    }
    rig.filemarks(1);
    assert_eq!(capacity(), (53, 64), "ten MiB and a little are used");
}

#[test]
fn tape_alert_is_lowered_when_read() {
    let rig = Rig::loaded();
    rig.good(&[0x1e, 0, 0, 0, 1, 0]);
    rig.run(&[0x1b, 0, 0, 0, 0, 0]);
    let flag_10 = || rig.good(&[0x4d, 0, 0x40 | 0x2e, 0, 0, 0, 0, 2, 0, 0])[4 + 9 * 5 + 4];
    assert_eq!(flag_10(), 1, "removal was prevented");
    assert_eq!(flag_10(), 0);
    assert_eq!(
        rig.good(&[0x4d, 0, 0x40 | 0x12, 0, 0, 0, 0, 2, 0, 0])[4..],
        [0, 0, 3, 8, 0, 0x40, 0, 0, 0, 0, 0, 0],
        "the response page shows it whoever has read it"
    );
    let other = rig.run_as(TWO, &[0x4d, 0, 0x40 | 0x2e, 0, 0, 0, 0, 2, 0, 0], vec![]);
    assert_eq!(
        other.data_in[4 + 9 * 5 + 4],
        1,
        "another nexus has not read it"
    );
    // A new cartridge starts without flags.
    rig.run(&[0x1b, 0, 0, 0, 0, 0]);
    rig.drive.unload().unwrap();
    rig.insert(new_cartridge(MemoryStore::new(), PLENTY));
    assert_eq!(flag_10(), 0);
}

#[test]
fn asking_for_the_length_lowers_no_flag() {
    let rig = Rig::loaded();
    rig.good(&[0x1e, 0, 0, 0, 1, 0]);
    rig.run(&[0x1b, 0, 0, 0, 0, 0]);
    // sg_logs asks for the header first, and then for the page.
    rig.good(&[0x4d, 0, 0x40 | 0x2e, 0, 0, 0, 0, 0, 4, 0]);
    let page = rig.good(&[0x4d, 0, 0x40 | 0x2e, 0, 0, 0, 0, 2, 0, 0]);
    assert_eq!(page[4 + 9 * 5 + 4], 1);
}

#[test]
fn flags_about_the_drive_outlast_the_cartridge() {
    let rig = Rig::loaded();
    rig.drive.with_machine(|machine| {
        machine.alerts.raise(TapeAlert::CleanNow);
        machine.alerts.raise(TapeAlert::MediaLife);
    });
    rig.drive.unload().unwrap();
    rig.insert(new_cartridge(MemoryStore::new(), PLENTY));
    let page = rig.good(&[0x4d, 0, 0x40 | 0x12, 0, 0, 0, 0, 2, 0, 0]);
    assert_eq!(page[8..], [0, 0, 0x10, 0, 0, 0, 0, 0]);
}

#[test]
fn log_select_lowers_the_flags_and_tells_the_others() {
    let rig = Rig::loaded();
    rig.good(&[0x1e, 0, 0, 0, 1, 0]);
    rig.run(&[0x1b, 0, 0, 0, 0, 0]);
    rig.good(&[0x4c, 0x02, 0x40 | 0x2e, 0, 0, 0, 0, 0, 0, 0]);
    let page = rig.good(&[0x4d, 0, 0x40 | 0x2e, 0, 0, 0, 0, 2, 0, 0]);
    assert_eq!(page[4 + 9 * 5 + 4], 0);
    let told = AdditionalSense::LOG_PARAMETERS_CHANGED;
    assert_eq!(rig.attention(TWO), Some(told));
    assert_eq!(rig.attention(ONE), None);
    let short = rig.run_with(&[0x4c, 0, 0x40, 0, 0, 0, 0, 0, 8, 0], vec![0; 4]);
    assert_check(&short, sense(ILLEGAL_REQUEST, None, [0x1a, 0]));
    assert_eq!(short.data_out_length, 8);
}

#[test]
fn densities_of_the_drive_and_of_the_cartridge() {
    let rig = Rig::loaded();
    let all = rig.good(&[0x44, 0, 0, 0, 0, 0, 0, 2, 0, 0]);
    assert_eq!(all[..4], [0, 158, 0, 0]);
    let told: Vec<_> = all[4..].chunks(52).map(|d| (d[0], d[2])).collect();
    assert_eq!(
        told,
        [(0x44, 0x00), (0x46, 0x80), (0x58, 0xa0)],
        "LTO-3 read only, LTO-4, LTO-5 default"
    );
    let one = rig.good(&[0x44, 1, 0, 0, 0, 0, 0, 2, 0, 0]);
    assert_eq!(one[4..], all[4 + 2 * 52..]);
    let types = rig.good(&[0x44, 3, 0, 0, 0, 0, 0, 2, 0, 0]);
    assert_eq!(types[4..10], [0x58, 0, 0, 52, 1, 0x58]);
    assert_eq!(rig.good(&[0x44, 0, 0, 0, 0, 0, 0, 0, 4, 0]), all[..4]);
    let empty = Rig::empty();
    assert_eq!(empty.good(&[0x44, 0, 0, 0, 0, 0, 0, 2, 0, 0]), all);
}

#[test]
fn densities_come_in_ascending_order_whatever_the_profile_says() {
    let mut profile = DriveProfile::builtin("ibm-ult3580-td5").unwrap();
    Arc::make_mut(&mut profile).media.rotate_left(1);
    let rig = Rig::of(profile, Codec::Zstd);
    let all = rig.good(&[0x44, 0, 0, 0, 0, 0, 0, 2, 0, 0]);
    let codes: Vec<_> = all[4..]
        .chunks(52)
        .map(|descriptor| descriptor[0])
        .collect();
    assert_eq!(codes, [0x44, 0x46, 0x58]);
}
