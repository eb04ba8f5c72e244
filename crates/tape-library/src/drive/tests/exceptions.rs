//! Informational exceptions: mode page 1Ch.

use scsi::{AdditionalSense, Sense, SenseKey, Status};

use super::harness::*;

/// MODE SELECT(6) of page 1Ch: DEXCPT and TEST in byte 2, and TEST FLAG NUMBER.
fn select(rig: &Rig, flags: u8, number: i32) {
    let mut list = vec![0, 0, 0x10, 0, 0x1c, 10, flags, 0x03, 0, 0, 0, 0];
    list.extend(number.to_be_bytes());
    let response = rig.run_with(&[0x15, 0x10, 0, 0, 16, 0], list);
    assert_eq!(response.status, Status::Good, "{response:?}");
}

const DEXCPT: u8 = 0x08;
const TEST: u8 = 0x04;
const TEST_UNIT_READY: [u8; 6] = [0; 6];

fn exception(code: AdditionalSense) -> Sense {
    Sense::new(SenseKey::RecoveredError, code)
}

fn flags(rig: &Rig) -> Vec<u8> {
    let page = rig.good(&[0x4d, 0, 0x40 | 0x2e, 0, 0, 0, 0, 2, 0, 0]);
    page[4..].chunks_exact(5).map(|flag| flag[4]).collect()
}

#[test]
fn flags_wait_in_the_log_page_as_long_as_exceptions_are_disabled() {
    let rig = Rig::loaded();
    select(&rig, DEXCPT | TEST, 5);
    rig.good(&TEST_UNIT_READY);
    assert_eq!(flags(&rig)[4], 1);
    assert_eq!(flags(&rig), [0; 64], "reading them lowers them");
    let page = rig.good(&[0x1a, 0x08, 0x1c, 0, 0xff, 0]).slice(4..);
    assert_eq!(page, [0x1c, 10, 0x08, 0x03, 0, 0, 0, 0, 0, 0, 0, 0][..]);
}

/// The data come all the same: the command has done its work.
#[test]
fn a_flag_ends_the_next_good_command_with_recovered_error_once() {
    let rig = Rig::loaded();
    rig.write(vec![7; 100]);
    rig.filemarks(1);
    rig.rewind();
    select(&rig, TEST, 3);
    let response = rig.run(&read_bytes(100));
    let exceeded = AdditionalSense::FAILURE_PREDICTION_THRESHOLD_EXCEEDED;
    assert_eq!(response.sense, Some(exception(exceeded)));
    assert_eq!(response.data_in, vec![7; 100]);
    rig.good(&TEST_UNIT_READY);
    assert_eq!(flags(&rig)[2], 1);
    select(&rig, TEST, -3);
    rig.good(&TEST_UNIT_READY);
    select(&rig, TEST, 32767);
    assert_eq!(rig.run(&TEST_UNIT_READY).sense, Some(exception(exceeded)));
    assert_eq!(flags(&rig), [1; 64]);
}

#[test]
fn a_false_exception_raises_no_flag() {
    let rig = Rig::loaded();
    select(&rig, TEST, 0);
    let untrue = AdditionalSense::FAILURE_PREDICTION_THRESHOLD_EXCEEDED_FALSE;
    assert_eq!(rig.run(&TEST_UNIT_READY).sense, Some(exception(untrue)));
    rig.good(&TEST_UNIT_READY);
    assert_eq!(flags(&rig), [0; 64]);
}
