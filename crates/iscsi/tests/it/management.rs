//! Task management (RFC 7143 §4.2.3.3, §11.5, §11.6): T1 to T6.

use crate::rig::*;
use iscsi::wire::{
    DataOut, RESERVED_TAG, ReadyToTransfer, SerialNumber, TaskManagementRequest,
    TaskManagementResponse,
};
use iscsi::{CloseReason, ManagementOutcome, SessionFate};
use scsi::{
    AdditionalSense, AsynchronousEvent, EventDepth, Lun, Response, SenseKey, TaskManagementFunction,
};

const ABORT_TASK: u8 = 1;
const ABORT_TASK_SET: u8 = 2;
const CLEAR_ACA: u8 = 3;
const CLEAR_TASK_SET: u8 = 4;
const LUN_RESET: u8 = 5;
const WARM_RESET: u8 = 6;
const COLD_RESET: u8 = 7;
const TASK_REASSIGN: u8 = 8;
const QUERY_TASK: u8 = 9;
const QUERY_TASK_SET: u8 = 10;
const I_T_NEXUS_RESET: u8 = 11;
const QUERY_ASYNCHRONOUS_EVENT: u8 = 12;

fn manage(function: u8, index: u32) -> TaskManagementRequest {
    TaskManagementRequest {
        immediate: true,
        function,
        lun: [0; 8],
        task_tag: 0x900,
        referenced_task_tag: RESERVED_TAG,
        cmd_sn: cmd_sn(index),
        expected_stat_sn: SerialNumber(0),
        referenced_cmd_sn: SerialNumber(0),
        expected_data_sn: SerialNumber(0),
    }
}

fn abort(itt: u32, referenced: u32, index: u32) -> TaskManagementRequest {
    TaskManagementRequest {
        referenced_task_tag: itt,
        referenced_cmd_sn: cmd_sn(referenced),
        ..manage(ABORT_TASK, index)
    }
}

/// Feeds a request and returns the response code, which has to be the only answer.
fn outcome(target: &mut Target, request: TaskManagementRequest) -> u8 {
    target.feed(&bytes_of(request.emit(), &[]));
    let pdus = target.pdus();
    assert_eq!(pdus.len(), 1, "{pdus:?}");
    assert_eq!(pdus[0].opcode(), 0x22);
    let response = TaskManagementResponse::parse(&pdus[0].header).unwrap();
    assert_eq!(response.task_tag, request.task_tag);
    response.response
}

fn ready(itt: u32, index: u32) -> Vec<u8> {
    bytes_of(command(itt, index, &TEST_UNIT_READY).emit(), &[])
}

#[test]
fn t1_a_write_that_waits_for_data_is_aborted_at_once() {
    let mut target = session(&[("ImmediateData", "No")]);
    target.feed(&bytes_of(write_command(1, 0, 100).emit(), &[]));
    let r2t = ReadyToTransfer::parse(&target.pdus()[0].header).unwrap();
    assert_eq!(outcome(&mut target, abort(1, 0, 1)), 0);
    assert!(target.managed.is_empty(), "the device never saw it");
    // What was on its way is no error, and nobody hears of the task again (T6).
    let late = DataOut {
        is_final: true,
        lun: [0; 8],
        task_tag: 1,
        transfer_tag: r2t.transfer_tag,
        expected_stat_sn: SerialNumber(0),
        data_sn: SerialNumber(0),
        buffer_offset: 0,
    };
    target.feed(&bytes_of(late.emit(), &pattern(100, 1)));
    assert!(target.pdus().is_empty());
    assert!(target.executed.is_empty());
    target.feed(&ready(2, 1));
    assert_eq!(target.pdus()[0].u32(16), 2);
}

#[test]
fn t1_a_task_at_the_device_is_aborted_when_the_environment_says_so() {
    let mut target = session(&[]);
    target.hold = true;
    target.hold_management = true;
    target.feed(&ready(1, 0));
    target.feed(&bytes_of(abort(1, 0, 1).emit(), &[]));
    assert!(target.pdus().is_empty(), "T4: not before the task is gone");
    let task = target.held[0].task;
    assert_eq!(
        target.managed[0].function,
        TaskManagementFunction::AbortTask(task)
    );
    assert_eq!(target.managed[0].lun, Some(Lun::new(0)));
    let tag = target.managed[0].tag;
    target
        .connection
        .management_done(tag, ManagementOutcome::FunctionComplete);
    assert_eq!(target.pdus()[0].byte(2), 0);
    target.complete(task, Response::good());
    assert!(target.pdus().is_empty(), "T6: never answered");
    assert_eq!(target.connection.tasks_in_flight(), 0);
}

#[test]
fn t1_a_task_that_ends_while_it_is_being_aborted_is_answered_first() {
    let mut target = session(&[]);
    target.hold = true;
    target.hold_management = true;
    target.feed(&ready(1, 0));
    target.feed(&bytes_of(abort(1, 0, 1).emit(), &[]));
    let task = target.held[0].task;
    target.complete(task, Response::good());
    let tag = target.managed[0].tag;
    target
        .connection
        .management_done(tag, ManagementOutcome::TaskDoesNotExist);
    let answers: Vec<_> = target
        .pdus()
        .iter()
        .map(|p| (p.opcode(), p.byte(2)))
        .collect();
    assert_eq!(answers, [(0x21, 0), (0x22, 1)]);
}

#[test]
fn t1_data_in_of_an_aborted_task_stops() {
    let mut target = session(&[("MaxRecvDataSegmentLength", "262144")]);
    let mut read = read_command(1, 0, 0xff_ffff);
    read.lun = [0, 1, 0, 0, 0, 0, 0, 0];
    target.feed(&bytes_of(read.emit(), &[]));
    // Some of it is prepared; the peer has not read a byte.
    let prepared = target.connection.transmit().count();
    assert!(prepared > 0);
    target.feed(&bytes_of(abort(1, 0, 1).emit(), &[]));
    let pdus = target.pdus();
    let last = pdus.last().unwrap();
    assert_eq!((last.opcode(), last.byte(2)), (0x22, 0));
    assert!(pdus.len() < 20, "16 MiB would be 64 segments");
    assert_eq!(target.connection.tasks_in_flight(), 0);
}

#[test]
fn t1_an_unknown_task_in_the_window_was_lost_and_its_number_is_taken() {
    let mut target = session(&[]);
    target.feed(&ready(2, 1)); // number 0 never came
    assert!(target.pdus().is_empty());
    let request = abort(1, 0, 2);
    target.feed(&bytes_of(request.emit(), &[]));
    let answers: Vec<_> = target
        .pdus()
        .iter()
        .map(|p| (p.opcode(), p.u32(16)))
        .collect();
    assert!(
        answers.contains(&(0x22, 0x900)) && answers.contains(&(0x21, 2)),
        "{answers:?}"
    );
    target.feed(&ready(1, 0));
    assert!(target.pdus().is_empty(), "and now it is too late for it");
    target.feed(&ready(3, 2));
    assert_eq!(target.pdus()[0].u32(16), 3);
}

#[test]
fn t1_an_unknown_task_outside_the_window_does_not_exist() {
    let mut target = session(&[]);
    target.feed(&ready(1, 0));
    target.pdus();
    assert_eq!(outcome(&mut target, abort(1, 0, 1)), 1, "it has ended");
    assert_eq!(outcome(&mut target, abort(77, 500, 1)), 1);
    assert_eq!(
        outcome(&mut target, abort(77, 5, 1)),
        1,
        "not sent before the request"
    );
}

#[test]
fn t2_sets_and_resets_go_to_the_environment() {
    let cases = [
        (
            ABORT_TASK_SET,
            Some(Lun::new(0)),
            TaskManagementFunction::AbortTaskSet,
        ),
        (
            CLEAR_TASK_SET,
            Some(Lun::new(0)),
            TaskManagementFunction::ClearTaskSet,
        ),
        (
            LUN_RESET,
            Some(Lun::new(0)),
            TaskManagementFunction::LogicalUnitReset,
        ),
        (WARM_RESET, None, TaskManagementFunction::TargetReset),
    ];
    for (function, lun, expected) in cases {
        let mut target = session(&[("ImmediateData", "No")]);
        target.hold = true;
        let mut other = command(1, 0, &TEST_UNIT_READY);
        other.lun = [0, 1, 0, 0, 0, 0, 0, 0];
        target.feed(&bytes_of(other.emit(), &[]));
        target.feed(&ready(2, 1));
        target.feed(&bytes_of(write_command(3, 2, 100).emit(), &[]));
        target.pdus();
        assert_eq!(outcome(&mut target, manage(function, 3)), 0);
        let managed = &target.managed[0];
        assert_eq!((managed.lun, managed.function), (lun, expected));
        assert_eq!(managed.sessions, SessionFate::Keep);
        for held in std::mem::take(&mut target.held) {
            target.execute(held);
        }
        let answered: Vec<_> = target.pdus().iter().map(|p| p.u32(16)).collect();
        let untouched: &[u32] = if lun.is_some() { &[1] } else { &[] };
        assert_eq!(answered, untouched, "function {function}");
        assert_eq!(target.connection.tasks_in_flight(), 0);
        target.hold = false;
        target.feed(&ready(4, 3));
        assert_eq!(target.pdus()[0].u32(16), 4);
    }
}

#[test]
fn t2_commands_sent_after_the_request_are_not_meant() {
    let mut target = session(&[]);
    target.hold = true;
    target.feed(&ready(1, 0));
    target.feed(&ready(2, 1));
    assert_eq!(outcome(&mut target, manage(ABORT_TASK_SET, 1)), 0);
    assert_eq!(target.connection.tasks_in_flight(), 1);
    let held = target.held.remove(1);
    target.execute(held);
    assert_eq!(target.pdus()[0].u32(16), 2);
}

#[test]
fn t2_cold_reset_ends_the_session_after_its_response() {
    let mut target = session(&[]);
    assert_eq!(outcome(&mut target, manage(COLD_RESET, 0)), 0);
    assert_eq!(target.managed[0].sessions, SessionFate::Close);
    let cold = TaskManagementFunction::TargetColdReset;
    assert_eq!(target.managed[0].function, cold);
    assert_eq!(target.closed, Some(CloseReason::TargetReset));
}

#[test]
fn t2_cold_reset_that_fails_ends_nothing() {
    let mut target = session(&[]);
    target.outcome = ManagementOutcome::AuthorizationFailed;
    assert_eq!(outcome(&mut target, manage(COLD_RESET, 0)), 6);
    assert_eq!(target.closed, None);
}

#[test]
fn t2_nothing_starts_while_it_is_being_aborted() {
    let mut target = session(&[("ImmediateData", "No")]);
    target.hold_management = true;
    target.feed(&bytes_of(write_command(1, 0, 100).emit(), &[]));
    let r2t = ReadyToTransfer::parse(&target.pdus()[0].header).unwrap();
    target.feed(&bytes_of(manage(ABORT_TASK_SET, 1).emit(), &[]));
    let data = DataOut {
        is_final: true,
        lun: [0; 8],
        task_tag: 1,
        transfer_tag: r2t.transfer_tag,
        expected_stat_sn: SerialNumber(0),
        data_sn: SerialNumber(0),
        buffer_offset: 0,
    };
    target.feed(&bytes_of(data.emit(), &pattern(100, 1)));
    assert!(target.executed.is_empty());
    let tag = target.managed[0].tag;
    target
        .connection
        .management_done(tag, ManagementOutcome::FunctionComplete);
    target.answer();
    assert!(target.executed.is_empty());
    assert_eq!(target.pdus().len(), 1);
}

#[test]
fn t1_a_task_that_waits_for_its_turn_is_aborted_and_its_number_stays_used() {
    let mut target = session(&[]);
    target.feed(&ready(1, 1));
    assert_eq!(outcome(&mut target, abort(1, 1, 2)), 0);
    target.feed(&ready(2, 0));
    target.feed(&ready(3, 2));
    let tags: Vec<_> = target.pdus().iter().map(|pdu| pdu.u32(16)).collect();
    assert_eq!(tags, [2, 3]);
}

/// A session that speaks RFC 7144.
fn level_2(keys: &[(&str, &str)]) -> Target {
    let mut all = keys.to_vec();
    all.push(("iSCSIProtocolLevel", "2"));
    session(&all)
}

fn query(itt: u32, index: u32) -> TaskManagementRequest {
    TaskManagementRequest {
        function: QUERY_TASK,
        ..abort(itt, 0, index)
    }
}

#[test]
fn t2_query_task_finds_a_command_wherever_it_is() {
    let mut target = level_2(&[("ImmediateData", "No")]);
    target.hold = true;
    target.feed(&ready(1, 0));
    target.feed(&bytes_of(write_command(2, 1, 100).emit(), &[]));
    target.feed(&ready(3, 3)); // number 2 never came
    target.pdus();
    assert_eq!(outcome(&mut target, query(2, 2)), 7, "it waits for data");
    assert_eq!(
        outcome(&mut target, query(3, 2)),
        7,
        "it waits for a number"
    );
    assert!(target.managed.is_empty(), "the device does not know them");
    target.outcome = ManagementOutcome::FunctionSucceeded(None);
    assert_eq!(outcome(&mut target, query(1, 2)), 7, "it is at the device");
    let at_device = TaskManagementFunction::QueryTask(Some(target.held[0].task));
    assert_eq!(target.managed[0].function, at_device);
    target.outcome = ManagementOutcome::FunctionComplete;
    assert_eq!(outcome(&mut target, query(4, 2)), 0, "there is none");
    let nowhere = TaskManagementFunction::QueryTask(None);
    assert_eq!(target.managed[1].function, nowhere);
    let elsewhere = TaskManagementRequest {
        lun: [0, 1, 0, 0, 0, 0, 0, 0],
        ..query(2, 2)
    };
    assert_eq!(outcome(&mut target, elsewhere), 0, "not at that unit");
    assert_eq!(target.connection.tasks_in_flight(), 3, "nothing happened");
}

#[test]
fn t2_query_task_set_finds_any_command_of_the_session() {
    let mut target = level_2(&[("ImmediateData", "No")]);
    let query = manage(QUERY_TASK_SET, 0);
    assert_eq!(outcome(&mut target, query), 0);
    assert_eq!(
        target.managed[0].function,
        TaskManagementFunction::QueryTaskSet
    );
    target.feed(&bytes_of(write_command(2, 0, 100).emit(), &[]));
    target.pdus();
    assert_eq!(outcome(&mut target, query), 7, "one waits for data");
    let elsewhere = TaskManagementRequest {
        lun: [0, 1, 0, 0, 0, 0, 0, 0],
        ..query
    };
    assert_eq!(outcome(&mut target, elsewhere), 0);
}

#[test]
fn t2_query_asynchronous_event_brings_what_waits() {
    let mut target = level_2(&[]);
    let query = manage(QUERY_ASYNCHRONOUS_EVENT, 0);
    assert_eq!(outcome(&mut target, query), 0);
    target.outcome = ManagementOutcome::FunctionSucceeded(Some(AsynchronousEvent {
        key: SenseKey::UnitAttention,
        additional: AdditionalSense::IT_NEXUS_LOSS_OCCURRED,
        depth: EventDepth::Several,
    }));
    target.feed(&bytes_of(query.emit(), &[]));
    let response = TaskManagementResponse::parse(&target.pdus()[0].header).unwrap();
    assert_eq!(
        (response.response, response.additional),
        (7, [0x26, 0x29, 0x07])
    );
}

#[test]
fn t2_i_t_nexus_reset_ends_every_command_and_not_the_session() {
    let mut target = level_2(&[("ImmediateData", "No")]);
    target.hold = true;
    let mut other = command(1, 0, &TEST_UNIT_READY);
    other.lun = [0, 1, 0, 0, 0, 0, 0, 0];
    target.feed(&bytes_of(other.emit(), &[]));
    target.feed(&bytes_of(write_command(2, 1, 100).emit(), &[]));
    target.pdus();
    let reset = TaskManagementRequest {
        lun: [0xff; 8], // reserved for this function
        ..manage(I_T_NEXUS_RESET, 2)
    };
    assert_eq!(outcome(&mut target, reset), 0);
    let managed = &target.managed[0];
    let expected = (None, TaskManagementFunction::ItNexusReset);
    assert_eq!((managed.lun, managed.function), expected);
    assert_eq!(target.connection.tasks_in_flight(), 0);
    target.hold = false;
    target.feed(&ready(4, 2));
    assert_eq!(target.pdus()[0].u32(16), 4, "the session goes on");
}

#[test]
fn t3_a_query_needs_a_unit_that_can_exist() {
    let mut target = level_2(&[]);
    for function in [QUERY_TASK, QUERY_TASK_SET, QUERY_ASYNCHRONOUS_EVENT] {
        let mut foreign = manage(function, 0);
        foreign.lun = [0xc1, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(outcome(&mut target, foreign), 2, "function {function}");
    }
}

#[test]
fn t3_what_is_not_there_is_said_to_be_not_there() {
    let mut target = session(&[]);
    assert_eq!(outcome(&mut target, manage(TASK_REASSIGN, 0)), 4);
    assert_eq!(outcome(&mut target, manage(CLEAR_ACA, 0)), 5);
    // RFC 7144 is not spoken at level 1, which holds when nothing was negotiated.
    for unknown in [0, 9, 10, 11, 12, 13, 127] {
        assert_eq!(outcome(&mut target, manage(unknown, 0)), 5, "{unknown}");
    }
    let mut foreign = manage(LUN_RESET, 0);
    foreign.lun = [0xc1, 1, 0, 0, 0, 0, 0, 0];
    assert_eq!(outcome(&mut target, foreign), 2, "a LUN that cannot exist");
    target.outcome = ManagementOutcome::LunDoesNotExist;
    assert_eq!(
        outcome(&mut target, manage(LUN_RESET, 0)),
        2,
        "one that does not"
    );
}

#[test]
fn t3_a_reset_that_does_not_happen_leaves_the_tasks() {
    let mut target = session(&[]);
    target.hold = true;
    target.outcome = ManagementOutcome::LunDoesNotExist;
    target.feed(&ready(1, 0));
    assert_eq!(outcome(&mut target, manage(LUN_RESET, 1)), 2);
    let held = target.held.remove(0);
    target.execute(held);
    assert_eq!(target.pdus()[0].u32(16), 1);
}

#[test]
fn t2_nothing_is_asked_for_while_a_task_is_being_aborted() {
    let mut target = session(&[("ImmediateData", "No"), ("MaxBurstLength", "512")]);
    target.hold_management = true;
    target.feed(&bytes_of(write_command(1, 0, 1024).emit(), &[]));
    let r2t = ReadyToTransfer::parse(&target.pdus()[0].header).unwrap();
    target.feed(&bytes_of(manage(LUN_RESET, 1).emit(), &[]));
    let data = DataOut {
        is_final: true,
        lun: [0; 8],
        task_tag: 1,
        transfer_tag: r2t.transfer_tag,
        expected_stat_sn: SerialNumber(0),
        data_sn: SerialNumber(0),
        buffer_offset: 0,
    };
    target.feed(&bytes_of(data.emit(), &pattern(512, 1)));
    assert!(target.pdus().is_empty(), "no second R2T");
    assert_eq!(target.connection.tasks_in_flight(), 1);
    let tag = target.managed[0].tag;
    target
        .connection
        .management_done(tag, ManagementOutcome::LunDoesNotExist);
    let opcodes: Vec<_> = target.pdus().iter().map(Pdu::opcode).collect();
    assert_eq!(
        opcodes,
        [0x22, 0x31],
        "it was not aborted: now there is one"
    );
}

#[test]
fn requests_have_their_turn_when_they_are_not_immediate() {
    let mut target = session(&[]);
    let mut request = manage(LUN_RESET, 1);
    request.immediate = false;
    target.feed(&bytes_of(request.emit(), &[]));
    assert!(target.managed.is_empty());
    target.feed(&ready(1, 0));
    assert_eq!(target.managed.len(), 1);
}

#[test]
fn the_number_of_open_requests_is_bounded_and_tags_are_unique() {
    let mut target = session(&[]);
    target.hold_management = true;
    for itt in 0..8 {
        let mut request = manage(LUN_RESET, 0);
        request.task_tag = itt;
        target.feed(&bytes_of(request.emit(), &[]));
        assert!(target.pdus().is_empty());
    }
    let mut request = manage(LUN_RESET, 0);
    request.task_tag = 3;
    target.feed(&bytes_of(request.emit(), &[]));
    let pdu = target.pdus().remove(0);
    assert_eq!(
        (pdu.opcode(), pdu.byte(2)),
        (0x3f, 0x07),
        "task in progress"
    );
    request.task_tag = 8;
    target.feed(&bytes_of(request.emit(), &[]));
    let pdu = target.pdus().remove(0);
    assert_eq!((pdu.opcode(), pdu.byte(2)), (0x3f, 0x06), "too many");
}

#[test]
fn somebody_elses_reset_ends_what_waits_here() {
    let mut target = session(&[("ImmediateData", "No")]);
    target.hold = true;
    target.feed(&ready(1, 0));
    target.feed(&bytes_of(write_command(2, 1, 100).emit(), &[]));
    assert_eq!(target.connection.end_waiting(Some(Lun::new(1))), 0);
    assert_eq!(target.connection.end_waiting(Some(Lun::new(0))), 1);
    assert_eq!(
        target.connection.tasks_in_flight(),
        1,
        "the one at the device is its own affair"
    );
    target.connection.abandon(target.held[0].task);
    assert_eq!(target.connection.tasks_in_flight(), 0);
}
