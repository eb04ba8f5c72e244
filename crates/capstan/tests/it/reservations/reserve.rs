//! RESERVE and RELEASE (SPC-2 §5.5.1): what ends a reservation, and what does not.

use super::*;
use crate::support::eventually;

const RESERVE_6: [u8; 6] = [0x16, 0, 0, 0, 0, 0];
const RELEASE_6: [u8; 6] = [0x17, 0, 0, 0, 0, 0];
const RESERVE_10: [u8; 10] = [0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const RELEASE_10: [u8; 10] = [0x57, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const LOGICAL_UNIT_RESET: u8 = 5;
const TARGET_WARM_RESET: u8 = 6;
const TARGET_COLD_RESET: u8 = 7;

/// A device that host `a` has reserved, and host `b`, which is shut out.
fn reserved(gateway: &TestGateway, device: Device) -> (Host, Host) {
    let mut a = host(gateway, device, "a");
    let mut b = host(gateway, device, "b");
    assert_eq!(status(&mut a, &RESERVE_6), GOOD);
    assert_eq!(status(&mut b, &RESERVE_6), CONFLICT);
    (a, b)
}

#[test]
fn a_reserved_device_answers_others_only_what_disturbs_nobody() {
    let gateway = TestGateway::start();
    for device in DEVICES {
        let (mut a, mut b) = reserved(&gateway, device);
        assert_eq!(status(&mut a, &RESERVE_10), GOOD, "it is one reservation");
        assert_eq!(status(&mut b, &TEST_UNIT_READY), CONFLICT);
        assert_eq!(b.run(&MODE_SENSE, DataTransfer::In(255)).status, CONFLICT);
        b.good(&[0x12, 0, 0, 0, 96, 0], DataTransfer::In(96)); // INQUIRY
        b.good(&[0x03, 0, 0, 0, 18, 0], DataTransfer::In(18)); // REQUEST SENSE
        a.good(&MODE_SENSE, DataTransfer::In(255));
        // Another's RELEASE is GOOD and releases nothing.
        assert_eq!(status(&mut b, &RELEASE_6), GOOD);
        assert_eq!(status(&mut b, &TEST_UNIT_READY), CONFLICT);
        assert_eq!(status(&mut a, &RELEASE_10), GOOD);
        assert_eq!(status(&mut b, &RESERVE_10), GOOD);
        assert_eq!(status(&mut a, &RESERVE_6), CONFLICT);
    }
}

#[test]
fn a_reservation_ends_with_a_logout() {
    let gateway = TestGateway::start();
    for device in DEVICES {
        let (a, mut b) = reserved(&gateway, device);
        a.log_out();
        assert_eq!(status(&mut b, &RESERVE_6), GOOD);
    }
}

#[test]
fn a_reservation_ends_with_its_connection() {
    let gateway = TestGateway::start();
    for device in DEVICES {
        let (a, mut b) = reserved(&gateway, device);
        drop(a);
        eventually("the reservation is gone", || {
            status(&mut b, &RESERVE_6) == GOOD
        });
    }
}

#[test]
fn a_reservation_ends_when_its_host_logs_in_again() {
    let gateway = TestGateway::start();
    for device in DEVICES {
        let (_old, mut b) = reserved(&gateway, device);
        let _new = host(&gateway, device, "a");
        assert_eq!(status(&mut b, &RESERVE_6), GOOD);
    }
}

#[test]
fn a_reservation_ends_with_a_reset_by_another() {
    let gateway = TestGateway::start();
    for device in DEVICES {
        for function in [LOGICAL_UNIT_RESET, TARGET_WARM_RESET] {
            let (mut a, mut b) = reserved(&gateway, device);
            assert_eq!(b.manage(function), 0);
            assert_eq!(b.attentions().len(), 1);
            assert_eq!(status(&mut b, &RESERVE_6), GOOD);
            // Whoever had it is told of the reset before of the conflict (SAM-5 §5.3.3).
            assert_eq!(status(&mut a, &TEST_UNIT_READY), 0x02);
            assert_eq!(status(&mut a, &TEST_UNIT_READY), CONFLICT);
        }
    }
}

#[test]
fn a_reservation_ends_with_a_cold_reset() {
    let gateway = TestGateway::start();
    for device in DEVICES {
        let (mut a, mut b) = reserved(&gateway, device);
        assert_eq!(b.manage(TARGET_COLD_RESET), 0);
        assert_eq!(a.event(), None, "the session ends with it");
        let mut c = host(&gateway, device, "c");
        assert_eq!(status(&mut c, &RESERVE_6), GOOD);
    }
}

/// SAM-5 §5.3.3: a conflict goes before every unit attention but those of resets and lost nexuses,
/// and costs none.
#[test]
fn a_conflict_goes_before_a_new_tape() {
    let gateway = TestGateway::start();
    let (mut a, mut b) = reserved(&gateway, Device::Drive(0));
    gateway.move_tape("slot:1", "drive:0");
    assert_eq!(status(&mut b, &TEST_UNIT_READY), CONFLICT);
    assert_eq!(a.attentions(), [(0x28, 0x00)]);
    assert_eq!(status(&mut a, &RELEASE_6), GOOD);
    assert_eq!(b.attentions(), [(0x28, 0x00)]);
}
