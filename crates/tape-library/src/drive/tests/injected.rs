//! Faults on order: what follows of them is what follows of real ones.

use std::sync::Arc;

use scsi::ssc::log_pages::TapeAlert;
use scsi::{AdditionalSense, SenseKey};

use super::harness::*;
use crate::inject::{DelayOverrides, Delays, Effect, Faults, NewFault, Subject, Which};
use crate::logical_unit::DeviceServer;

const TAPE: &str = "CAP001L5";
const SPACE_ONE_BLOCK: [u8; 6] = [0x11, 0, 0, 0, 1, 0];

fn tape() -> Subject {
    Subject::Cartridge(TAPE.into())
}

fn rig() -> (Rig, Arc<Faults>) {
    let faults = Faults::new(Delays::default());
    (Rig::loaded_with_faults(&faults), faults)
}

fn is_raised(rig: &Rig, alert: TapeAlert) -> bool {
    rig.drive
        .with_machine(|machine| machine.alerts.raised().is_raised(alert))
}

#[test]
fn bad_block_is_unreadable_in_its_place_and_whatever_lies_around_it_is_not() {
    let (rig, faults) = rig();
    for number in 0..4 {
        rig.write(noise(100, number));
    }
    rig.rewind();
    let bad = Effect::BadBlock {
        partition: 0,
        block: 2,
    };
    faults.add(NewFault::lasting(tape(), bad)).unwrap();
    assert_eq!(&rig.good(&read_bytes(100))[..], noise(100, 0));
    assert_eq!(&rig.good(&read_bytes(100))[..], noise(100, 1));
    for _ in 0..2 {
        let expected = sense(MEDIUM_ERROR, Some(100), [0x11, 0]);
        assert_check(&rig.run(&read_bytes(100)), expected);
        assert_eq!(
            rig.position(),
            2,
            "before the bad block, as with real damage"
        );
    }
    assert!(is_raised(&rig, TapeAlert::ReadFailure));
    rig.good(&SPACE_ONE_BLOCK);
    assert_eq!(&rig.good(&read_bytes(100))[..], noise(100, 3));
    assert_eq!(faults.list()[0].struck, 2);
    faults.clear(&Which::All);
    rig.rewind();
    for number in 0..4 {
        assert_eq!(
            &rig.good(&read_bytes(100))[..],
            noise(100, number),
            "no harm done"
        );
    }
}

#[test]
fn fixed_transfer_returns_what_lies_before_the_bad_block() {
    let (rig, faults) = rig();
    rig.set_block_length(512);
    let data = noise(4 * 512, 1);
    rig.run_with(&[0x0a, 1, 0, 0, 4, 0], data.clone());
    rig.rewind();
    let bad = Effect::BadBlock {
        partition: 0,
        block: 3,
    };
    faults
        .add(NewFault::lasting(Subject::Drive(0), bad))
        .unwrap();
    let read = assert_check(
        &rig.run(&read_blocks(4)),
        sense(MEDIUM_ERROR, Some(1), [0x11, 0]),
    );
    assert_eq!(read[..], data[..3 * 512]);
}

#[test]
fn write_error_loses_nothing_and_goes_away() {
    let (rig, faults) = rig();
    rig.write(noise(100, 0));
    let fails = Effect::WriteError { block: Some(1) };
    faults.add(NewFault::once(tape(), fails)).unwrap();
    let response = rig.run_with(&write_bytes(100), noise(100, 1));
    assert_check(&response, sense(MEDIUM_ERROR, Some(100), [0x0c, 0]));
    assert!(is_raised(&rig, TapeAlert::WriteFailure));
    assert_eq!(rig.position(), 1);
    rig.write(noise(100, 1));
    rig.rewind();
    assert_eq!(&rig.good(&read_bytes(100))[..], noise(100, 0));
    assert_eq!(&rig.good(&read_bytes(100))[..], noise(100, 1));
}

#[test]
fn end_of_tape_comes_where_it_is_ordered() {
    let (rig, faults) = rig();
    let early = Effect::EarlyWarning {
        partition: 0,
        from: Some(1),
    };
    let end = Effect::EndOfMedium {
        partition: 0,
        from: Some(2),
    };
    faults.add(NewFault::lasting(tape(), early)).unwrap();
    faults.add(NewFault::lasting(tape(), end)).unwrap();
    rig.write(noise(100, 0));
    let warned = rig.run_with(&write_bytes(100), noise(100, 1));
    assert_check(&warned, sense(EOM | NO_SENSE, Some(0), [0, 2]));
    let full = rig.run_with(&write_bytes(100), noise(100, 2));
    assert_check(&full, sense(EOM | VOLUME_OVERFLOW, Some(100), [0, 2]));
    assert_eq!(rig.position(), 2, "nothing was written");
    assert!(rig.drive.status().early_warning);
}

#[test]
fn write_protection_is_told_like_the_tab_and_goes_with_the_fault() {
    let (rig, faults) = rig();
    let mode_sense = [0x1a, 0x08, 0x0f, 0, 255, 0];
    assert_eq!(rig.good(&mode_sense)[2] & 0x80, 0, "WP");
    faults
        .add(NewFault::lasting(tape(), Effect::WriteProtect))
        .unwrap();
    assert_eq!(rig.good(&mode_sense)[2] & 0x80, 0x80, "WP");
    let refused = rig.run_with(&write_bytes(10), noise(10, 0));
    assert_check(&refused, sense(DATA_PROTECT, None, [0x27, 0]));
    assert!(rig.drive.status().write_protected);
    faults.clear(&Which::Of(tape()));
    rig.write(noise(10, 0));
}

#[test]
fn faults_of_another_cartridge_or_drive_are_not_met() {
    let (rig, faults) = rig();
    let other = Subject::Cartridge("CAP002L5".into());
    for subject in [other, Subject::Drive(1)] {
        for effect in [
            Effect::WriteProtect,
            Effect::EarlyWarning {
                partition: 0,
                from: None,
            },
        ] {
            faults
                .add(NewFault::lasting(subject.clone(), effect))
                .unwrap();
        }
        let fails = Effect::WriteError { block: None };
        faults.add(NewFault::lasting(subject, fails)).unwrap();
    }
    rig.write(noise(10, 0));
    assert!(faults.list().iter().all(|fault| fault.struck == 0));
}

#[test]
fn wish_for_cleaning_and_flags_are_told() {
    let (rig, faults) = rig();
    assert_eq!(rig.drive.condition(), None);
    let drive = Subject::Drive(0);
    faults
        .add(NewFault::lasting(drive.clone(), Effect::NeedsCleaning))
        .unwrap();
    let alert = Effect::TapeAlert(vec![36, 38]);
    faults.add(NewFault::once(drive, alert)).unwrap();
    for alert in [
        TapeAlert::CleanNow,
        TapeAlert::DriveTemperature,
        TapeAlert::PredictiveFailure,
    ] {
        assert!(is_raised(&rig, alert), "{alert:?}");
    }
    let condition = rig.drive.condition().unwrap();
    assert_eq!(
        (condition.key, condition.additional),
        (SenseKey::NoSense, AdditionalSense::CLEANING_REQUESTED)
    );
    assert!(rig.drive.status().needs_cleaning);
    faults.clear(&Which::All);
    assert_eq!(rig.drive.condition(), None);
    assert!(!rig.drive.status().needs_cleaning);
}

#[test]
fn motion_that_was_answered_before_its_end_holds_off_commands_and_tells_its_progress() {
    let (rig, faults) = rig();
    rig.write(noise(10, 0));
    let delays = DelayOverrides {
        rewind: Some(std::time::Duration::from_hours(1)),
        load: Some(std::time::Duration::from_hours(1)),
        ..DelayOverrides::default()
    };
    let slow = NewFault::lasting(Subject::Drive(0), Effect::Delays(delays));
    faults.add(slow).unwrap();
    rig.good(&[0x01, 1, 0, 0, 0, 0]); // REWIND, IMMED
    let told = rig.run(&[0; 6]).sense.unwrap();
    assert_eq!(
        (told.key, told.additional),
        (
            SenseKey::NotReady,
            AdditionalSense::OPERATION_IN_PROGRESS_NOT_READY
        )
    );
    assert!(told.progress.is_some());
    let refused = rig.run(&read_bytes(10)).sense.unwrap();
    assert_eq!(refused.additional, told.additional, "not READ either");
    let condition = rig.drive.condition().unwrap();
    assert_eq!(
        condition.additional,
        AdditionalSense::REWIND_OPERATION_IN_PROGRESS
    );
    assert!(condition.progress.is_some());
    rig.good(&[0x12, 0, 0, 0, 36, 0]);
    // The robot takes the cartridge, and what goes on ends with it. The next one takes its time.
    rig.drive.unload().unwrap();
    let empty = rig.run(&[0; 6]).sense.unwrap();
    assert_eq!(empty.additional, AdditionalSense::MEDIUM_NOT_PRESENT);
    rig.insert(new_cartridge(cartridge::MemoryStore::new(), PLENTY));
    let loading = rig.run(&[0; 6]).sense.unwrap();
    assert_eq!(loading.additional, AdditionalSense::BECOMING_READY);
    assert_eq!(rig.attention(ONE), None, "not before it is ready");
    let condition = rig.drive.condition().unwrap();
    assert_eq!(condition.additional, AdditionalSense::BECOMING_READY);
}

#[test]
fn command_without_immed_is_held_up_by_whoever_runs_it() {
    let (rig, faults) = rig();
    let delays = DelayOverrides {
        locate: Some(std::time::Duration::from_secs(7)),
        ..DelayOverrides::default()
    };
    let slow = NewFault::lasting(Subject::Drive(0), Effect::Delays(delays));
    faults.add(slow).unwrap();
    rig.write(noise(10, 0));
    assert_eq!(rig.drive.owes().as_secs(), 0, "WRITE does not move");
    rig.good(&[0x2b, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(rig.drive.owes().as_secs(), 7);
    assert_eq!(rig.drive.owes().as_secs(), 0, "told once");
    rig.good(&[0; 6]);
    let refused = rig.run(&[0x2b, 2, 0, 0, 0, 0, 0, 0, 9, 0]);
    assert!(refused.sense.is_some());
    assert_eq!(
        rig.drive.owes().as_secs(),
        0,
        "no such partition: nothing moves"
    );
}

#[test]
fn hold_leaves_a_cartridge_that_only_needs_load() {
    let rig = Rig::loaded();
    let required = sense(NOT_READY, None, [0x04, 0x02]);
    let not_present = sense(NOT_READY, None, [0x3a, 0]);
    rig.good(&[0x1b, 0, 0, 0, 0x08, 0]); // UNLOAD, HOLD
    assert_check(&rig.run(&[0; 6]), required);
    rig.good(&[0x1b, 0, 0, 0, 0x00, 0]); // UNLOAD
    assert_check(&rig.run(&[0; 6]), not_present);
    rig.good(&[0x1b, 0, 0, 0, 0x09, 0]); // LOAD, HOLD
    assert_check(&rig.run(&[0; 6]), required);
    rig.good(&[0x1b, 0, 0, 0, 0x01, 0]); // LOAD
    rig.good(&[0; 6]);
}
