//! What the fuzzers and the simulator found, in the shape in which an initiator would meet it. The
//! inputs themselves are under `fuzz/regressions`.

use crate::rig::*;
use iscsi::ManagementOutcome;
use iscsi::wire::{RESERVED_TAG, SerialNumber, TaskManagementRequest};

const LUN_RESET: u8 = 5;

fn reset(task_tag: u32) -> Vec<u8> {
    let request = TaskManagementRequest {
        immediate: true,
        function: LUN_RESET,
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
