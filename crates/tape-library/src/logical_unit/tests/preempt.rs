//! PREEMPT AND ABORT, and resets, where reservations meet the task set.

use super::*;

/// PERSISTENT RESERVE OUT with both keys, type Exclusive Access.
fn out(nexus: &Nexus, tag: u64, action: u8, keys: (u8, u8)) -> Option<Response> {
    let mut list = [0; 24];
    (list[7], list[15]) = keys;
    let command = Command {
        cdb: Cdb::new(&[0x5f, action, 0x03, 0, 0, 0, 0, 0, 24, 0]),
        data_out: Bytes::copy_from_slice(&list),
    };
    nexus.submit(TaskTag(tag), LUN, command)
}

const REGISTER: u8 = 0;
const RESERVE: u8 = 1;
const PREEMPT_AND_ABORT: u8 = 5;

fn completed(heard: &Receiver<Heard>, tag: u64) {
    let good = Heard::Completed(tag, Status::Good);
    assert_eq!(heard.recv().unwrap(), good);
}

#[test]
fn preempt_and_abort_ends_what_the_others_had_waiting_and_nothing_else() {
    let bench = Bench::new();
    let (one, heard_one) = bench.attach("a");
    let (two, heard_two) = bench.attach("b");
    let (three, heard_three) = bench.attach("c");
    for (nexus, heard, key) in [(&one, &heard_one, 1), (&two, &heard_two, 2)] {
        assert_eq!(out(nexus, 1, REGISTER, (0, key)), None, "on the worker");
        completed(heard, 1);
    }
    submit(&one, 2, &REWIND);
    bench.started.recv().unwrap();
    out(&two, 2, PREEMPT_AND_ABORT, (2, 1));
    submit(&one, 3, &TEST_UNIT_READY);
    submit(&three, 1, &TEST_UNIT_READY);
    submit(&two, 3, &TEST_UNIT_READY);
    bench.permit.send(()).unwrap();
    // What ran when the preemption came has its answer; what waited behind it has none.
    completed(&heard_one, 2);
    assert_eq!(heard_one.recv().unwrap(), Heard::Aborted(3));
    let cleared = Heard::Cleared(Lun::new(0), ClearedBy::PreemptAndAbort);
    assert_eq!(
        heard_one.recv().unwrap(),
        cleared,
        "what is on its way, too"
    );
    completed(&heard_two, 2);
    completed(&heard_two, 3);
    completed(&heard_three, 1);
    bench.unit.wait_until_idle();
    assert_eq!(
        attention(submit(&one, 4, &TEST_UNIT_READY)),
        Some(AdditionalSense::REGISTRATIONS_PREEMPTED)
    );
    assert_eq!(bench.log(), ["01 a", "00 c", "00 b"]);
}

/// RFC 7144 §8.4: it is a loss of the nexus; what is persistent is of its name and stays.
#[test]
fn i_t_nexus_reset_ends_a_reserve_and_no_persistent_reservation() {
    const RESERVE_6: [u8; 6] = [0x16, 0, 0, 0, 0, 0];
    let bench = Bench::new();
    let (one, heard) = bench.attach("a");
    let (two, _heard_two) = bench.attach("b");
    let reset = || {
        one.manage(None, TaskManagementFunction::ItNexusReset);
        bench.unit.wait_until_idle();
        assert!(attention(submit(&one, 9, &TEST_UNIT_READY)).is_some());
    };
    let status = |nexus, cdb: &[u8]| submit(nexus, 5, cdb).unwrap().status;
    assert_eq!(status(&one, &RESERVE_6), Status::Good);
    assert_eq!(status(&two, &RESERVE_6), Status::ReservationConflict);
    reset();
    assert_eq!(bench.unit.reservation(), None);
    assert_eq!(status(&one, &RESERVE_6), Status::Good, "the nexus goes on");
    reset();
    out(&one, 1, REGISTER, (0, 1));
    completed(&heard, 1);
    out(&one, 2, RESERVE, (1, 0));
    completed(&heard, 2);
    reset();
    assert_eq!(status(&two, &RESERVE_6), Status::ReservationConflict);
    assert!(bench.unit.reservation().is_some());
}

/// Nobody has asked for it to survive a loss of power.
#[test]
fn cold_reset_ends_persistent_reservations_and_a_warm_one_does_not() {
    let bench = Bench::new();
    let (one, heard) = bench.attach("a");
    out(&one, 1, REGISTER, (0, 1));
    completed(&heard, 1);
    out(&one, 2, RESERVE, (1, 0));
    completed(&heard, 2);
    one.manage(None, TaskManagementFunction::TargetReset);
    assert!(bench.unit.reservation().is_some());
    one.manage(None, TaskManagementFunction::TargetColdReset);
    assert_eq!(bench.unit.reservation(), None);
}
