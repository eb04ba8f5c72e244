//! RESERVE and RELEASE.

use scsi::{AdditionalSense, Status};

use super::*;
use crate::logical_unit::ReservationKind;

#[test]
fn reserved_unit_is_the_holders_alone_until_it_releases_it() {
    let bench = Bench::new();
    assert!(bench.may(1, &WRITE), "nothing is reserved");
    good(&bench.reservations.reserve(&nexus(0)));
    good(&bench.reservations.reserve(&nexus(0)));
    for cdb in [TEST_UNIT_READY, READ, WRITE] {
        assert!(bench.may(0, &cdb));
        assert!(!bench.may(1, &cdb));
    }
    assert!(bench.may(1, &INQUIRY));
    let second = bench.reservations.reserve(&nexus(1));
    assert_eq!(second.status, Status::ReservationConflict);
    good(&bench.reservations.release(&nexus(1)));
    assert!(!bench.may(1, &WRITE), "another's RELEASE does nothing");
    good(&bench.reservations.release(&nexus(0)));
    assert!(bench.may(1, &WRITE));
    good(&bench.reservations.reserve(&nexus(1)));
}

#[test]
fn reserve_ends_with_its_nexus_and_with_no_other() {
    let bench = Bench::new();
    good(&bench.reservations.reserve(&nexus(0)));
    bench.reservations.nexus_lost(NexusId(2));
    assert!(!bench.may(1, &WRITE));
    bench.reservations.nexus_lost(NexusId(0));
    assert!(bench.may(1, &WRITE));
}

#[test]
fn reserve_ends_with_a_reset() {
    let bench = Bench::new();
    good(&bench.reservations.reserve(&nexus(0)));
    bench.reservations.reset();
    assert!(bench.may(1, &WRITE));
    assert_eq!(bench.reservations.status(), None);
}

#[test]
fn nexus_that_has_gone_reserves_nothing() {
    let bench = Bench::new();
    bench.reservations.nexus_lost(NexusId(0));
    let late = bench.reservations.reserve(&nexus(0));
    assert_eq!(late.status, Status::ReservationConflict);
    assert!(bench.may(1, &WRITE));
}

#[test]
fn administrator_sees_the_holder_and_takes_the_reservation_away() {
    let bench = Bench::new();
    assert_eq!(bench.reservations.status(), None);
    good(&bench.reservations.reserve(&nexus(0)));
    let status = bench.reservations.status().unwrap();
    assert_eq!(status.kind, ReservationKind::Reserve);
    assert_eq!(status.holders.len(), 1);
    assert_eq!(status.holders[0].nexus, Some(NexusId(0)));
    assert_eq!(status.holders[0].initiator, nexus(0).initiator);
    bench.reservations.clear().unwrap();
    assert_eq!(bench.reservations.status(), None);
    assert!(bench.may(1, &WRITE));
    let told = bench.attentions.take(NexusId(0));
    assert_eq!(told, Some(AdditionalSense::RESERVATIONS_PREEMPTED));
    assert_eq!(bench.attentions.take(NexusId(1)), None);
}
