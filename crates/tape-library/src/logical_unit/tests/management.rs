//! Task management: what it ends, whom it tells, what it leaves alone (SAM-5 §7).

use super::*;

#[test]
fn resets_do_not_pile_up_behind_a_running_command() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    submit(&nexus, 1, &REWIND);
    bench.started.recv().unwrap();
    for _ in 0..100 {
        nexus.manage(LUN, TaskManagementFunction::LogicalUnitReset);
    }
    bench.permit.send(()).unwrap();
    bench.unit.wait_until_idle();
    assert_eq!(bench.log(), ["01 a", "reset"]);
}

#[test]
fn target_reset_needs_no_lun_and_other_functions_do() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    let target_reset = TaskManagementFunction::TargetReset;
    assert_eq!(
        nexus.manage(None, target_reset),
        ManagementResponse::FunctionComplete
    );
    let absent = Some(Lun::new(1));
    let reset = TaskManagementFunction::LogicalUnitReset;
    assert_eq!(
        nexus.manage(absent, reset),
        ManagementResponse::LunDoesNotExist
    );
    bench.unit.wait_until_idle();
    assert_eq!(bench.log(), ["reset"]);
}

#[test]
fn abort_of_a_waiting_command_removes_it() {
    let bench = Bench::new();
    let (nexus, heard) = bench.attach("a");
    submit(&nexus, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&nexus, 2, &TEST_UNIT_READY);
    let abort = TaskManagementFunction::AbortTask(TaskTag(2));
    assert_eq!(
        nexus.manage(LUN, abort),
        ManagementResponse::FunctionComplete
    );
    assert_eq!(
        nexus.manage(LUN, abort),
        ManagementResponse::TaskDoesNotExist
    );
    bench.permit.send(()).unwrap();
    bench.unit.wait_until_idle();
    assert_eq!(heard.recv().unwrap(), Heard::Aborted(2));
    assert_eq!(heard.recv().unwrap(), Heard::Completed(1, Status::Good));
    assert_eq!(bench.log(), ["01 a"]);
    assert!(!bench.has_given_up(), "what ran was wanted");
}

#[test]
fn abort_of_a_running_command_does_not_wait_and_drops_its_response() {
    let bench = Bench::new();
    let (nexus, heard) = bench.attach("a");
    submit(&nexus, 1, &REWIND);
    bench.started.recv().unwrap();
    let abort = TaskManagementFunction::AbortTask(TaskTag(1));
    assert_eq!(
        nexus.manage(LUN, abort),
        ManagementResponse::FunctionComplete,
        "although no permit was given"
    );
    assert_eq!(heard.recv().unwrap(), Heard::Aborted(1));
    assert!(bench.has_given_up());
    assert_eq!(submit(&nexus, 2, &TEST_UNIT_READY), None, "still busy");
    bench.permit.send(()).unwrap();
    assert_eq!(heard.recv().unwrap(), Heard::Completed(2, Status::Good));
    assert!(heard.try_recv().is_err());
}

#[test]
fn abort_task_set_leaves_other_nexuses_alone() {
    let bench = Bench::new();
    let (one, heard_one) = bench.attach("a");
    let (two, heard_two) = bench.attach("b");
    submit(&one, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&one, 2, &TEST_UNIT_READY);
    submit(&two, 1, &TEST_UNIT_READY);
    one.manage(LUN, TaskManagementFunction::AbortTaskSet);
    assert_eq!(heard_one.recv().unwrap(), Heard::Aborted(1));
    assert_eq!(heard_one.recv().unwrap(), Heard::Aborted(2));
    bench.permit.send(()).unwrap();
    assert_eq!(heard_two.recv().unwrap(), Heard::Completed(1, Status::Good));
    bench.unit.wait_until_idle();
    assert_eq!(attention(submit(&two, 2, &TEST_UNIT_READY)), None);
}

#[test]
fn clear_task_set_tells_those_whose_commands_were_cleared() {
    let bench = Bench::new();
    let (one, _heard_one) = bench.attach("a");
    let (two, heard_two) = bench.attach("b");
    let (three, _heard_three) = bench.attach("c");
    submit(&one, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&two, 7, &REWIND);
    one.manage(LUN, TaskManagementFunction::ClearTaskSet);
    assert_eq!(heard_two.recv().unwrap(), Heard::Aborted(7));
    bench.permit.send(()).unwrap();
    bench.unit.wait_until_idle();
    assert_eq!(
        attention(submit(&two, 8, &TEST_UNIT_READY)),
        Some(AdditionalSense::COMMANDS_CLEARED_BY_ANOTHER_INITIATOR)
    );
    assert_eq!(attention(submit(&one, 2, &TEST_UNIT_READY)), None);
    assert_eq!(attention(submit(&three, 1, &TEST_UNIT_READY)), None);
}

#[test]
fn reset_tells_everybody_and_reaches_the_device_before_later_commands() {
    let bench = Bench::new();
    let (one, heard_one) = bench.attach("a");
    let (two, _heard_two) = bench.attach("b");
    submit(&one, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&one, 2, &REWIND);
    let reset = TaskManagementFunction::LogicalUnitReset;
    assert_eq!(two.manage(LUN, reset), ManagementResponse::FunctionComplete);
    assert_eq!(heard_one.recv().unwrap(), Heard::Aborted(1));
    assert_eq!(heard_one.recv().unwrap(), Heard::Aborted(2));
    bench.permit.send(()).unwrap();
    bench.unit.wait_until_idle();
    for nexus in [&one, &two] {
        assert_eq!(
            attention(submit(nexus, 3, &TEST_UNIT_READY)),
            Some(AdditionalSense::BUS_DEVICE_RESET_OCCURRED)
        );
        assert_eq!(
            submit(nexus, 4, &TEST_UNIT_READY),
            Some(Response::good()),
            "told once"
        );
    }
    assert_eq!(bench.log(), ["01 a", "reset", "00 a", "00 b"]);
}

#[test]
fn i_t_nexus_reset_is_a_loss_of_the_nexus_that_goes_on() {
    let bench = Bench::new();
    let (one, heard_one) = bench.attach("a");
    let (two, heard_two) = bench.attach("b");
    submit(&one, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&one, 2, &TEST_UNIT_READY);
    submit(&two, 1, &TEST_UNIT_READY);
    let reset = TaskManagementFunction::ItNexusReset;
    for _ in 0..100 {
        let done = one.manage(None, reset);
        assert_eq!(done, ManagementResponse::FunctionComplete);
    }
    assert_eq!(heard_one.recv().unwrap(), Heard::Aborted(1));
    assert_eq!(heard_one.recv().unwrap(), Heard::Aborted(2));
    bench.permit.send(()).unwrap();
    assert_eq!(heard_two.recv().unwrap(), Heard::Completed(1, Status::Good));
    bench.unit.wait_until_idle();
    assert_eq!(
        attention(submit(&one, 3, &TEST_UNIT_READY)),
        Some(AdditionalSense::IT_NEXUS_LOSS_OCCURRED)
    );
    assert_eq!(submit(&one, 4, &TEST_UNIT_READY), Some(Response::good()));
    assert_eq!(submit(&two, 2, &TEST_UNIT_READY), Some(Response::good()));
    assert_eq!(
        bench.log(),
        ["01 a", "00 b", "nexus lost", "00 a", "00 b"],
        "and they do not pile up"
    );
}

#[test]
fn queries_tell_what_is_there_and_change_nothing() {
    use TaskManagementFunction::{QueryAsynchronousEvent, QueryTask, QueryTaskSet};
    let bench = Bench::new();
    let (one, heard) = bench.attach("a");
    let (two, _heard_two) = bench.attach("b");
    let no = ManagementResponse::FunctionComplete;
    let yes = ManagementResponse::FunctionSucceeded(None);
    assert_eq!(one.manage(LUN, QueryTaskSet), no);
    submit(&one, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&one, 2, &TEST_UNIT_READY);
    for (tag, answer) in [(Some(1), yes), (Some(2), yes), (Some(3), no), (None, no)] {
        assert_eq!(
            one.manage(LUN, QueryTask(tag.map(TaskTag))),
            answer,
            "{tag:?}"
        );
    }
    assert_eq!(
        two.manage(LUN, QueryTask(Some(TaskTag(1)))),
        no,
        "another's"
    );
    assert_eq!(one.manage(LUN, QueryTaskSet), yes);
    assert_eq!(two.manage(LUN, QueryTaskSet), no);
    bench.permit.send(()).unwrap();
    assert_eq!(heard.recv().unwrap(), Heard::Completed(1, Status::Good));
    assert_eq!(one.manage(LUN, QueryTask(Some(TaskTag(1)))), no, "answered");
    assert_eq!(heard.recv().unwrap(), Heard::Completed(2, Status::Good));
    for function in [QueryTask(None), QueryTaskSet, QueryAsynchronousEvent] {
        let nowhere = one.manage(Some(Lun::new(1)), function);
        assert_eq!(nowhere, ManagementResponse::LunDoesNotExist);
    }
}

#[test]
fn what_waits_can_be_asked_for_without_being_told() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    let ask = || nexus.manage(LUN, TaskManagementFunction::QueryAsynchronousEvent);
    let found = |additional, depth| {
        ManagementResponse::FunctionSucceeded(Some(AsynchronousEvent {
            key: SenseKey::UnitAttention,
            additional,
            depth,
        }))
    };
    assert_eq!(ask(), ManagementResponse::FunctionComplete);
    let change = AdditionalSense::NOT_READY_TO_READY_CHANGE;
    bench.unit.attentions().establish(change);
    assert_eq!(ask(), found(change, EventDepth::One));
    nexus.manage(LUN, TaskManagementFunction::LogicalUnitReset);
    let reset = AdditionalSense::BUS_DEVICE_RESET_OCCURRED;
    assert_eq!(ask(), found(reset, EventDepth::Several));
    bench.unit.wait_until_idle();
    for expected in [reset, change] {
        let told = attention(submit(&nexus, 1, &TEST_UNIT_READY));
        assert_eq!(told, Some(expected), "still to be told");
    }
    assert_eq!(ask(), ManagementResponse::FunctionComplete);
}

/// RFC 7143 §11.5.1: a cold reset is as good as switching the target off and on.
#[test]
fn cold_reset_forgets_whom_it_knew() {
    let bench = Bench::new();
    let (one, _heard_one) = bench.attach("a");
    let (two, _heard_two) = bench.attach("b");
    let attentions = bench.unit.attentions();
    attentions.establish(AdditionalSense::NOT_READY_TO_READY_CHANGE);
    one.manage(None, TaskManagementFunction::TargetColdReset);
    bench.unit.wait_until_idle();
    for nexus in [&one, &two] {
        assert_eq!(
            attention(submit(nexus, 1, &TEST_UNIT_READY)),
            Some(AdditionalSense::POWER_ON_OR_RESET)
        );
        assert_eq!(submit(nexus, 2, &TEST_UNIT_READY), Some(Response::good()));
    }
    drop(two);
    bench.unit.wait_until_idle();
    let (sender, _) = mpsc::channel();
    let again = bench
        .target
        .attach(InitiatorPort("b".into()), Arc::new(Sink(sender)));
    assert_eq!(
        attention(submit(&again, 1, &TEST_UNIT_READY)),
        Some(AdditionalSense::POWER_ON_OR_RESET),
        "not a loss of the nexus"
    );
}

#[test]
fn others_hear_that_what_waits_for_the_unit_has_ended() {
    let bench = Bench::new();
    let (one, heard_one) = bench.attach("a");
    let (two, heard_two) = bench.attach("b");
    let lun = Lun::new(0);
    for (function, by) in [
        (
            TaskManagementFunction::ClearTaskSet,
            ClearedBy::ClearTaskSet,
        ),
        (TaskManagementFunction::LogicalUnitReset, ClearedBy::Reset),
        (TaskManagementFunction::TargetReset, ClearedBy::Reset),
    ] {
        one.manage(LUN, function);
        assert_eq!(heard_two.try_recv().unwrap(), Heard::Cleared(lun, by));
    }
    for function in [
        TaskManagementFunction::AbortTaskSet,
        TaskManagementFunction::ItNexusReset,
    ] {
        one.manage(LUN, function);
        assert!(heard_two.try_recv().is_err(), "its own affair");
    }
    assert!(heard_one.try_recv().is_err(), "it knows what it did");
    bench.unit.wait_until_idle();
    let attentions = bench.unit.attentions();
    while attentions.take(two.id()).is_some() {}
    two.lost_commands(lun);
    assert_eq!(
        attention(submit(&two, 8, &TEST_UNIT_READY)),
        Some(AdditionalSense::COMMANDS_CLEARED_BY_ANOTHER_INITIATOR)
    );
}
