//! What the fuzzers and the simulator found, in the shape in which an initiator would meet it. The
//! inputs themselves are under `fuzz/regressions`.

use crate::rig::*;
use iscsi::wire::{LogoutRequest, RESERVED_TAG, SerialNumber, TaskManagementRequest};
use iscsi::{CloseReason, Limits, ManagementOutcome, Offer};

const LUN_RESET: u8 = 5;
const COLD_RESET: u8 = 7;

fn reset(task_tag: u32) -> Vec<u8> {
    manage(LUN_RESET, task_tag)
}

fn manage(function: u8, task_tag: u32) -> Vec<u8> {
    let request = TaskManagementRequest {
        immediate: true,
        function,
        lun: [0; 8],
        task_tag,
        referenced_task_tag: RESERVED_TAG,
        cmd_sn: cmd_sn(1),
        expected_stat_sn: SerialNumber(0),
        referenced_cmd_sn: SerialNumber(0),
        expected_data_sn: SerialNumber(0),
    };
    bytes_of(request.emit(), &[])
}

/// The second request took the task over from the first; when the first was complete and the second
/// was not, the task stayed for ever, and its place in the window with it.
#[test]
fn t2_of_two_requests_for_one_task_the_first_that_is_complete_ends_it() {
    for (first, second) in [(0, 1), (1, 0)] {
        let mut target = session(&[]);
        target.hold = true;
        target.hold_management = true;
        target.feed(&bytes_of(command(1, 0, &TEST_UNIT_READY).emit(), &[]));
        target.feed(&reset(0x900));
        target.feed(&reset(0x901));
        let tags = [target.managed[first].tag, target.managed[second].tag];
        target
            .connection
            .management_done(tags[0], ManagementOutcome::FunctionComplete);
        assert_eq!(target.connection.tasks_in_flight(), 0);
        target
            .connection
            .management_done(tags[1], ManagementOutcome::TaskDoesNotExist);
        let late = target.held.remove(0);
        target.execute(late);
        let answered: Vec<u8> = target.pdus().iter().map(Pdu::opcode).collect();
        assert_eq!(answered, [0x22, 0x22], "T6: the task is never answered");
    }
}

/// A task that two requests would have ended goes on when neither is complete.
#[test]
fn t3_a_task_stands_still_until_the_last_request_for_it_is_answered() {
    let mut target = session(&[("ImmediateData", "No")]);
    target.hold_management = true;
    target.feed(&bytes_of(write_command(1, 0, 100).emit(), &[]));
    target.feed(&reset(0x900));
    target.feed(&reset(0x901));
    target.pdus();
    for tag in [target.managed[1].tag, target.managed[0].tag] {
        assert_eq!(target.connection.tasks_in_flight(), 1);
        target
            .connection
            .management_done(tag, ManagementOutcome::Rejected);
    }
    assert_eq!(target.connection.tasks_in_flight(), 1, "it waits for data");
}

/// With the reset of the target complete, what had waited behind it was executed: a command after the
/// session's end, whose answer nobody would get.
#[test]
fn nothing_is_executed_after_a_cold_reset_has_ended_the_session() {
    let mut target = session(&[("ImmediateData", "No")]);
    target.hold_management = true;
    // A write on the unit that waits for data, the reset, and a command that is not meant by it.
    target.feed(&bytes_of(write_command(1, 0, 100).emit(), &[]));
    target.feed(&manage(COLD_RESET, 0x900));
    let later = command(2, 1, &TEST_UNIT_READY);
    target.feed(&bytes_of(later.emit(), &[]));
    let tag = target.managed[0].tag;
    target
        .connection
        .management_done(tag, ManagementOutcome::FunctionComplete);
    target.answer(); // nothing may follow Closed
    assert_eq!(target.closed, Some(CloseReason::TargetReset));
    assert!(target.executed.is_empty());
}

/// Requests that had waited for an earlier number were answered after the logout that came with it.
#[test]
fn nothing_is_answered_after_a_logout_that_had_its_turn() {
    let mut target = session(&[]);
    let logout = LogoutRequest {
        immediate: false,
        reason: 0,
        task_tag: 1,
        cid: 1,
        cmd_sn: cmd_sn(0),
        expected_stat_sn: SerialNumber(0),
    };
    let later = command(2, 1, &TEST_UNIT_READY);
    let mut nop = nop_out(3);
    nop.immediate = false;
    nop.cmd_sn = cmd_sn(2);
    for bytes in [
        bytes_of(nop.emit(), b"nop"),
        bytes_of(later.emit(), &[]),
        bytes_of(logout.emit(), &[]),
    ] {
        target.feed(&bytes);
    }
    assert_eq!(target.closed, Some(CloseReason::LoggedOut));
    let answered: Vec<u8> = target.pdus().iter().map(Pdu::opcode).collect();
    assert_eq!(answered, [0x26], "the logout response is the last word");
    assert!(target.executed.is_empty());
}

/// When the window had promised away all that a session may hold, an immediate write was rejected:
/// one immediate command has to be accepted at any time (RFC 7143 §4.2.2.1). Now it fails, as one that
/// may be tried again.
#[test]
fn n4_an_immediate_write_is_answered_when_memory_is_short() {
    let limits = Limits {
        command_window: 8,
        session_memory_max: 2 << 20,
        ..Limits::default()
    };
    let mut target = Target::new(Offer::default(), limits);
    log_in_by_hand(&mut target, &[("FirstBurstLength", "65536")]);
    let mut write = write_command(1, 0, 32);
    write.immediate = true;
    target.feed(&bytes_of(write.emit(), &pattern(32, 1)));
    let pdu = target.pdus().remove(0);
    assert_eq!((pdu.opcode(), pdu.byte(3)), (0x21, 2), "CHECK CONDITION");
    let sense = &pdu.data[2..];
    assert_eq!((sense[2] & 0x0f, sense[12], sense[13]), (0x0b, 0x55, 0x03));
    assert!(target.executed.is_empty());
    assert_eq!(target.connection.tasks_in_flight(), 0);
}
