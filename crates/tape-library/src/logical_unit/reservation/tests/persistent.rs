//! Service actions of PERSISTENT RESERVE OUT, one by one.

use scsi::spc::persistent_reserve::{RegisterAndMove, ReservationType};
use scsi::{AdditionalSense, Sense, SenseKey, Status};

use super::out::*;
use super::*;
use ReservationType::*;

const CONFLICT: Status = Status::ReservationConflict;
const PREEMPTED: AdditionalSense = AdditionalSense::REGISTRATIONS_PREEMPTED;
const RELEASED: AdditionalSense = AdditionalSense::RESERVATIONS_RELEASED;
const CLEARED: AdditionalSense = AdditionalSense::RESERVATIONS_PREEMPTED;

/// `a`, `b` and `c`, registered with keys 10, 11 and 12; `a` holds a reservation of type `kind`.
fn held(kind: ReservationType) -> Bench {
    let bench = Bench::new();
    for number in 0..3 {
        bench.good(number, REGISTER, 0, 0, 10 + number);
    }
    bench.good(0, RESERVE, kind.code(), 10, 0);
    bench
}

#[test]
fn registering_wants_the_key_that_there_is() {
    let bench = Bench::new();
    assert_eq!(bench.out(0, REGISTER, 0, 5, 10), CONFLICT, "there is none");
    bench.good(0, REGISTER, 0, 0, 10);
    assert_eq!(bench.out(0, REGISTER, 0, 0, 11), CONFLICT);
    bench.good(0, REGISTER, 0, 10, 11);
    assert_eq!(bench.keys(), (2, vec![11]));
    bench.good(0, REGISTER_AND_IGNORE, 0, 99, 12);
    assert_eq!(bench.keys(), (3, vec![12]));
    bench.good(0, REGISTER, 0, 12, 0);
    assert_eq!(bench.keys(), (4, vec![]));
    // Who is not registered and unregisters does nothing, and it is not counted.
    bench.good(0, REGISTER, 0, 0, 0);
    bench.good(0, REGISTER_AND_IGNORE, 0, 0, 0);
    assert_eq!(bench.keys(), (4, vec![]));
}

#[test]
fn only_the_registered_with_their_key_do_anything_else() {
    let bench = held(WriteExclusive);
    bench.good(2, REGISTER, 0, 12, 0);
    for action in [RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT] {
        for (number, key) in [(1, 99), (2, 12), (2, 0)] {
            assert_eq!(bench.out(number, action, 1, key, 10), CONFLICT, "{action}");
        }
    }
    assert_eq!(bench.reservation(), Some((10, WriteExclusive)));
}

#[test]
fn each_type_admits_whom_it_should() {
    for kind in ReservationType::ALL {
        let bench = held(kind);
        bench.good(2, REGISTER, 0, 12, 0); // c is nobody now
        let writes_only = kind.restriction() == scsi::command::Restriction::WriteExclusive;
        for (number, admitted) in [(0, true), (1, kind.admits_registrants()), (2, false)] {
            assert_eq!(bench.may(number, &WRITE), admitted, "{kind} {number}");
            assert_eq!(
                bench.may(number, &READ),
                admitted || writes_only,
                "{kind} {number}"
            );
            assert!(bench.may(number, &TEST_UNIT_READY));
            assert!(bench.may(number, &INQUIRY));
        }
        let key = if kind.is_all_registrants() { 0 } else { 10 };
        assert_eq!(bench.reservation(), Some((key, kind)));
        bench.good(0, RELEASE, kind.code(), 10, 0);
        assert!(bench.may(2, &WRITE));
    }
}

#[test]
fn reserving_once_more_is_good_and_otherwise_a_conflict() {
    for kind in ReservationType::ALL {
        let bench = held(kind);
        bench.good(0, RESERVE, kind.code(), 10, 0);
        for other in ReservationType::ALL {
            let again = bench.out(1, RESERVE, other.code(), 11, 0);
            let holds = kind.is_all_registrants() && other == kind;
            assert_eq!(again == Status::Good, holds, "{kind} then {other}");
            if other != kind {
                assert_eq!(bench.out(0, RESERVE, other.code(), 10, 0), CONFLICT);
            }
        }
    }
}

#[test]
fn releasing_tells_the_others_where_registrants_are_admitted() {
    for kind in ReservationType::ALL {
        let bench = held(kind);
        if !kind.is_all_registrants() {
            bench.good(1, RELEASE, kind.code(), 11, 0);
            assert!(bench.reservation().is_some(), "b had nothing to release");
        }
        let other = if kind == WriteExclusive { 3 } else { 1 };
        let wrong = bench.response(0, RELEASE, other, 10, 0);
        let invalid = AdditionalSense::INVALID_RELEASE_OF_PERSISTENT_RESERVATION;
        assert_eq!(wrong.sense, Some(Sense::illegal_request(invalid)));
        bench.good(0, RELEASE, kind.code(), 10, 0);
        bench.good(0, RELEASE, kind.code(), 10, 0);
        let told = kind.admits_registrants().then_some(RELEASED);
        assert_eq!(bench.told(), [None, told, told], "{kind}");
        assert_eq!(bench.keys(), (3, vec![10, 11, 12]), "not counted");
    }
}

#[test]
fn holder_that_unregisters_gives_up_the_reservation() {
    for kind in ReservationType::ALL {
        let bench = held(kind);
        bench.good(0, REGISTER, 0, 10, 0);
        if kind.is_all_registrants() {
            assert_eq!(bench.reservation(), Some((0, kind)), "the others hold it");
            assert_eq!(bench.told(), [None; 3]);
            bench.good(1, REGISTER, 0, 11, 0);
            bench.good(2, REGISTER, 0, 12, 0);
        } else {
            let told = kind.admits_registrants().then_some(RELEASED);
            assert_eq!(bench.told(), [None, told, told], "{kind}");
        }
        assert_eq!(bench.reservation(), None);
        assert!(bench.may(0, &WRITE));
    }
}

#[test]
fn others_that_unregister_change_nothing() {
    let bench = held(WriteExclusiveRegistrantsOnly);
    bench.good(1, REGISTER, 0, 11, 0);
    assert_eq!(
        bench.reservation(),
        Some((10, WriteExclusiveRegistrantsOnly))
    );
    assert!(!bench.may(1, &WRITE));
    assert_eq!(bench.told(), [None; 3]);
}

#[test]
fn clear_takes_everything_and_tells_everybody_else() {
    let bench = held(ExclusiveAccess);
    bench.good(1, CLEAR, 0, 11, 0);
    assert_eq!(bench.keys(), (4, vec![]));
    assert_eq!(bench.reservation(), None);
    assert_eq!(bench.told(), [Some(CLEARED), None, Some(CLEARED)]);
}

#[test]
fn preempting_the_holder_takes_its_place() {
    for kind in ReservationType::ALL
        .into_iter()
        .filter(|kind| !kind.is_all_registrants())
    {
        for new in ReservationType::ALL {
            let bench = held(kind);
            bench.good(1, PREEMPT, new.code(), 11, 10);
            let key = if new.is_all_registrants() { 0 } else { 11 };
            assert_eq!(bench.reservation(), Some((key, new)));
            assert_eq!(bench.keys(), (4, vec![11, 12]));
            let changed = (new != kind).then_some(RELEASED);
            assert_eq!(
                bench.told(),
                [Some(PREEMPTED), None, changed],
                "{kind} {new}"
            );
        }
    }
}

#[test]
fn preempting_others_leaves_the_reservation() {
    let bench = held(WriteExclusive);
    // The type means nothing here, so a wrong one is no error.
    bench.good(1, PREEMPT, 0x0f, 11, 12);
    assert_eq!(bench.reservation(), Some((10, WriteExclusive)));
    assert_eq!(bench.keys(), (4, vec![10, 11]));
    assert_eq!(bench.told(), [None, None, Some(PREEMPTED)]);
    assert_eq!(
        bench.out(1, PREEMPT, 1, 11, 12),
        CONFLICT,
        "nobody has it now"
    );
    // Its own, too; nobody tells it what it did.
    bench.good(1, PREEMPT, 1, 11, 11);
    assert_eq!(bench.keys(), (5, vec![10]));
    assert_eq!(bench.told(), [None; 3]);
}

#[test]
fn holder_may_preempt_itself_to_change_the_type() {
    let bench = held(WriteExclusive);
    bench.good(0, PREEMPT, ExclusiveAccess.code(), 10, 10);
    assert_eq!(bench.reservation(), Some((10, ExclusiveAccess)));
    assert_eq!(bench.keys(), (4, vec![10, 11, 12]));
    assert_eq!(bench.told(), [None, Some(RELEASED), Some(RELEASED)]);
}

#[test]
fn key_zero_preempts_all_registrants_and_nobody_else() {
    let bench = held(WriteExclusive);
    let refused = bench.response(1, PREEMPT, 1, 11, 0);
    assert_eq!(
        refused.sense,
        Some(Sense::invalid_field_in_parameter_list(8))
    );
    let bench = held(WriteExclusiveAllRegistrants);
    let wrong_type = bench.response(1, PREEMPT, 0x0f, 11, 0);
    assert_eq!(
        wrong_type.sense,
        Some(Sense::invalid_field_in_cdb(2).at_bit(3))
    );
    bench.good(1, PREEMPT, ExclusiveAccess.code(), 11, 0);
    assert_eq!(bench.reservation(), Some((11, ExclusiveAccess)));
    assert_eq!(bench.keys(), (4, vec![11]));
    assert_eq!(bench.told(), [Some(PREEMPTED), None, Some(PREEMPTED)]);
    // With a key, only registrations go.
    let bench = held(WriteExclusiveAllRegistrants);
    bench.good(1, PREEMPT, ExclusiveAccess.code(), 11, 10);
    assert_eq!(bench.reservation(), Some((0, WriteExclusiveAllRegistrants)));
    assert_eq!(bench.keys(), (4, vec![11, 12]));
}

#[test]
fn only_preempt_and_abort_names_commands_to_abort() {
    for (action, aborted) in [(PREEMPT, vec![]), (PREEMPT_AND_ABORT, vec![NexusId(0)])] {
        let bench = held(ExclusiveAccess);
        let (response, named) = bench.run(1, &cdb(action, 3), &basic(11, 10));
        assert_eq!(response.status, Status::Good);
        assert_eq!(named, aborted);
    }
}

#[test]
fn register_and_move_gives_the_reservation_away() {
    let bench = held(ExclusiveAccess);
    bench.good(1, REGISTER, 0, 11, 0);
    let mut command = RegisterAndMove {
        key: 10,
        new_key: 20,
        unregister: true,
        persist: false,
        relative_target_port: 1,
        initiator: nexus(1).initiator,
    };
    let run = |number, command: &RegisterAndMove| bench.moved(number, command);
    assert_eq!(run(2, &command).status, CONFLICT, "a wrong key");
    command.key = 12;
    assert_eq!(run(2, &command).status, CONFLICT, "not the holder");
    command.key = 10;
    for (wrong, byte) in [
        (
            RegisterAndMove {
                new_key: 0,
                ..command.clone()
            },
            8,
        ),
        (
            RegisterAndMove {
                relative_target_port: 2,
                ..command.clone()
            },
            18,
        ),
        (
            RegisterAndMove {
                initiator: nexus(0).initiator,
                ..command.clone()
            },
            24,
        ),
    ] {
        let refused = Sense::invalid_field_in_parameter_list(byte);
        assert_eq!(run(0, &wrong).sense, Some(refused));
    }
    assert_eq!(run(0, &command).status, Status::Good);
    assert_eq!(bench.reservation(), Some((20, ExclusiveAccess)));
    assert_eq!(bench.keys().1, [12, 20], "b is registered, and a no longer");
    assert!(bench.may(1, &WRITE) && !bench.may(0, &READ));
    assert_eq!(bench.told(), [None; 3]);
}

#[test]
fn nothing_is_moved_where_nobody_or_everybody_holds() {
    let command = RegisterAndMove {
        key: 10,
        new_key: 20,
        unregister: false,
        persist: false,
        relative_target_port: 1,
        initiator: nexus(1).initiator,
    };
    let bench = held(WriteExclusiveAllRegistrants);
    assert_eq!(bench.moved(0, &command).status, CONFLICT);
    bench.good(0, RELEASE, 7, 10, 0);
    let sense = bench.moved(0, &command).sense;
    assert_eq!(sense, Some(Sense::invalid_field_in_cdb(1)));
}

#[test]
fn other_ports_are_registered_before_they_log_in() {
    let bench = Bench::new();
    let stranger = ItNexus {
        id: NexusId(9),
        initiator: InitiatorPort("iqn.stranger,i,0x800000000009".into()),
        ..nexus(0)
    };
    let ports = vec![nexus(1).initiator, stranger.initiator.clone()];
    assert_eq!(
        bench.register_ports(0, 10, ports.clone()).status,
        Status::Good
    );
    assert_eq!(bench.keys(), (1, vec![10, 10, 10]));
    bench.good(0, RESERVE, WriteExclusiveRegistrantsOnly.code(), 10, 0);
    assert!(bench.may(1, &WRITE) && !bench.may(2, &WRITE));
    bench.log_in(&stranger);
    assert!(bench.may_as(&stranger, &WRITE));
    // Who is registered cannot register others.
    let again = bench.register_ports(0, 10, ports).sense.unwrap();
    assert_eq!(again.key, SenseKey::IllegalRequest);
}

#[test]
fn registrations_are_bounded() {
    let bench = Bench::new();
    let ports: Vec<_> = (1..super::super::persistent::REGISTRATIONS_MAX)
        .map(|number| InitiatorPort(format!("iqn.x,i,0x{number:012x}").into()))
        .collect();
    assert_eq!(bench.register_ports(0, 10, ports).status, Status::Good);
    let full = bench.response(1, REGISTER, 0, 0, 11).sense.unwrap();
    assert_eq!(
        full.additional,
        AdditionalSense::INSUFFICIENT_REGISTRATION_RESOURCES
    );
    bench.good(0, REGISTER, 0, 10, 0);
    bench.good(1, REGISTER, 0, 0, 11);
}

#[test]
fn registrations_outlive_their_nexuses_and_resets() {
    let bench = held(ExclusiveAccess);
    bench.reservations.nexus_lost(NexusId(0));
    bench.reservations.reset();
    assert_eq!(bench.reservation_as(1), Some((10, ExclusiveAccess)));
    assert!(!bench.may(1, &READ));
    let status = bench.reservations.status().unwrap();
    assert_eq!(status.holders[0].nexus, None, "it has no session");
    let again = ItNexus {
        id: NexusId(7),
        ..nexus(0)
    };
    bench.log_in(&again);
    assert!(
        bench.may_as(&again, &WRITE),
        "the same ports are the same nexus"
    );
    let status = bench.reservations.status().unwrap();
    assert_eq!(status.holders[0].nexus, Some(NexusId(7)));
}

#[test]
fn reserve_and_persistent_reservations_shut_each_other_out() {
    let bench = Bench::new();
    good(&bench.reservations.reserve(&nexus(0)));
    for number in 0..2 {
        assert_eq!(bench.out(number, REGISTER, 0, 0, 10), CONFLICT);
        assert_eq!(bench.read(number, 0).status, CONFLICT);
    }
    good(&bench.reservations.release(&nexus(0)));
    bench.good(0, REGISTER, 0, 0, 10);
    for number in 0..2 {
        assert_eq!(bench.reservations.reserve(&nexus(number)).status, CONFLICT);
        assert_eq!(bench.reservations.release(&nexus(number)).status, CONFLICT);
    }
}

/// SPC-5 §5.14.3: with CRH=1.
#[test]
fn reserve_of_who_has_the_unit_anyway_is_good_and_does_nothing() {
    for kind in ReservationType::ALL {
        let bench = held(kind);
        bench.good(2, REGISTER, 0, 12, 0);
        for (number, admitted) in [(0, true), (1, kind.admits_registrants()), (2, false)] {
            let status = if admitted { Status::Good } else { CONFLICT };
            assert_eq!(bench.reservations.reserve(&nexus(number)).status, status);
            assert_eq!(bench.reservations.release(&nexus(number)).status, status);
        }
        assert!(bench.reservation().is_some());
        assert!(!bench.may(2, &WRITE));
    }
}

#[test]
fn administrator_clears_registrations_and_reservation() {
    let bench = held(WriteExclusiveAllRegistrants);
    let status = bench.reservations.status().unwrap();
    assert_eq!(status.holders.len(), 3);
    assert_eq!(
        status.kind.to_string(),
        "persistent: write exclusive, all registrants"
    );
    bench.reservations.clear().unwrap();
    assert_eq!(bench.told(), [Some(CLEARED); 3]);
    assert_eq!(bench.reservations.status(), None);
    assert_eq!(bench.keys().1, [0_u64; 0]);
}

#[test]
fn administrator_sees_who_is_only_registered() {
    let bench = held(ExclusiveAccess);
    bench.good(0, RELEASE, ExclusiveAccess.code(), 10, 0);
    let status = bench.reservations.status().unwrap();
    assert_eq!(status.kind.to_string(), "registered");
    let nexuses: Vec<_> = status.holders.iter().map(|holder| holder.nexus).collect();
    assert_eq!(nexuses, [0, 1, 2].map(|number| Some(NexusId(number))));
    for (number, key) in [(0, 10), (1, 11), (2, 12)] {
        bench.good(number, REGISTER, 0, key, 0);
    }
    assert_eq!(bench.reservations.status(), None);
}
