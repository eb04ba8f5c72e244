//! Task management: T1 to T6 (RFC 7143 §4.2.3, §11.5, §11.6; RFC 7144).

use capstan::gateway::targets::Device;
use iscsi::wire::{
    Opcode, ScsiCommand, SerialNumber, TaskManagementRequest, TaskManagementResponse,
};

use super::peer::{Login, Peer};
use super::scsi::{CHECK_CONDITION, TEST_UNIT_READY, UNIT_ATTENTION};
use super::slow::SlowLoad;
use crate::support::{TestGateway, eventually};

const ABORT_TASK: u8 = 1;
const ABORT_TASK_SET: u8 = 2;
const CLEAR_ACA: u8 = 3;
const CLEAR_TASK_SET: u8 = 4;
const LOGICAL_UNIT_RESET: u8 = 5;
const TARGET_WARM_RESET: u8 = 6;
const TARGET_COLD_RESET: u8 = 7;
const TASK_REASSIGN: u8 = 8;
const QUERY_TASK: u8 = 9;
const QUERY_TASK_SET: u8 = 10;
const I_T_NEXUS_RESET: u8 = 11;
const QUERY_ASYNCHRONOUS_EVENT: u8 = 12;

const COMPLETE: u8 = 0;
const NO_SUCH_TASK: u8 = 1;
const NO_SUCH_LUN: u8 = 2;
const NO_REASSIGNMENT: u8 = 4;
const NOT_SUPPORTED: u8 = 5;
const SUCCEEDED: u8 = 7;

/// Level 2 is RFC 7144.
const LEVEL_2: (&str, &str) = ("iSCSIProtocolLevel", "2");

/// Two hosts at one device, both without unit attentions.
fn two_hosts(gateway: &TestGateway, device: Device) -> (Peer, Peer) {
    let login = Login::to(&gateway.target(device));
    let mut first = Peer::log_in(gateway.portal(), &login);
    let mut second = Peer::log_in(gateway.portal(), &login.port(2));
    first.attentions();
    second.attentions();
    (first, second)
}

/// Sends commands that stay: a motion that hangs, and TEST UNIT READY behind it.
fn occupy(peer: &mut Peer, slow: &mut SlowLoad) -> [ScsiCommand; 3] {
    let commands = [
        peer.command(&slow.move_medium),
        peer.command(&TEST_UNIT_READY),
        peer.command(&TEST_UNIT_READY),
    ];
    for command in &commands {
        peer.send(command.emit(), b"");
    }
    slow.wait_until_it_hangs();
    peer.ping(); // they have arrived, and none is answered
    commands
}

fn manage(peer: &mut Peer, function: u8) -> u8 {
    let request = peer.management(function, 0xffff_ffff);
    peer.manage(request)
}

/// Returns the sense of the next command.
fn next_sense(peer: &mut Peer) -> (u8, u8, u8) {
    peer.plain(&TEST_UNIT_READY).sense
}

/// RFC 7143 §11.5.1, §4.2.3.3: nobody waits for the data of an aborted write.
#[test]
fn t1_abort_of_a_write_that_waits_for_data_is_answered_and_ends_it() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let mut peer = Peer::log_in(
        gateway.portal(),
        &Login::to(&gateway.target(Device::Drive(0))),
    );
    peer.attentions();
    let write = peer.write_command(8192);
    peer.send(write.emit(), b"");
    let r2t = peer.r2t(write.task_tag);
    let abort = TaskManagementRequest {
        referenced_cmd_sn: write.cmd_sn,
        ..peer.management(ABORT_TASK, write.task_tag)
    };
    assert_eq!(peer.manage(abort), COMPLETE);
    // Data that was on its way is swallowed.
    peer.send(peer.data_out(&r2t).emit(), &[1; 8192]);
    peer.ping();
    let again = TaskManagementRequest {
        task_tag: peer.tag(),
        ..abort
    };
    assert_eq!(peer.manage(again), NO_SUCH_TASK);
    // Nothing was written.
    let position = peer.read(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0], 20);
    assert_eq!(position.data[4..8], [0; 4]);
}

/// RFC 7143 §11.5.1: a command that was lost on its way counts as received and aborted.
#[test]
fn t1_abort_of_a_lost_command_takes_its_number() {
    let gateway = TestGateway::start();
    let mut peer = Peer::log_in(
        gateway.portal(),
        &Login::to(&gateway.target(Device::Changer)),
    );
    peer.attentions();
    let lost = peer.take_cmd_sn();
    let waiting = peer.command(&TEST_UNIT_READY);
    peer.send(waiting.emit(), b"");
    peer.ping(); // it waits for the number before it
    let abort = TaskManagementRequest {
        referenced_cmd_sn: lost,
        ..peer.management(ABORT_TASK, 0x7777)
    };
    peer.send(abort.emit(), b"");
    let mut kinds = [peer.receive(), peer.receive()].map(|pdu| pdu.opcode() as u8);
    kinds.sort_unstable();
    let expected = [
        Opcode::ScsiResponse as u8,
        Opcode::TaskManagementResponse as u8,
    ];
    assert_eq!(kinds, expected, "both are answered");
    // Outside the window there is nothing to take.
    let outside = TaskManagementRequest {
        referenced_cmd_sn: SerialNumber(peer.max_cmd_sn()).add(100),
        ..peer.management(ABORT_TASK, 0x7778)
    };
    assert_eq!(peer.manage(outside), NO_SUCH_TASK);
    peer.plain(&TEST_UNIT_READY).assert_good();
}

/// RFC 7143 §11.5.1: each function that RFC 7143 defines is done or refused by its own code.
#[test]
fn t2_every_function_of_rfc_7143_is_answered() {
    let gateway = TestGateway::start();
    let (mut peer, _other) = two_hosts(&gateway, Device::Changer);
    assert_eq!(manage(&mut peer, ABORT_TASK_SET), COMPLETE);
    assert_eq!(manage(&mut peer, CLEAR_TASK_SET), COMPLETE);
    assert_eq!(peer.attentions(), [], "neither tells its own initiator");
    assert_eq!(manage(&mut peer, LOGICAL_UNIT_RESET), COMPLETE);
    assert_eq!(
        peer.attentions(),
        [(0x29, 0x03)],
        "BUS DEVICE RESET FUNCTION OCCURRED"
    );
    assert_eq!(manage(&mut peer, TARGET_WARM_RESET), COMPLETE);
    assert_eq!(peer.attentions(), [(0x29, 0x03)]);
    // No ACA is ever established, so there is none to clear.
    assert_eq!(manage(&mut peer, CLEAR_ACA), NOT_SUPPORTED);
    peer.ping();
}

/// RFC 7144: its functions are there for whoever negotiated its level. DECIDED: for others they are
/// unknown functions.
#[test]
fn k11_t2_the_functions_of_rfc_7144_come_with_its_protocol_level() {
    let gateway = TestGateway::start();
    let login = Login::to(&gateway.target(Device::Changer));
    let functions = [
        QUERY_TASK,
        QUERY_TASK_SET,
        QUERY_ASYNCHRONOUS_EVENT,
        I_T_NEXUS_RESET,
    ];
    for keys in [&[][..], &[("iSCSIProtocolLevel", "1")]] {
        let mut peer = Peer::log_in(gateway.portal(), &login.clone().with(keys));
        peer.attentions();
        for function in functions {
            assert_eq!(manage(&mut peer, function), NOT_SUPPORTED, "{function}");
        }
        assert_eq!(peer.attentions(), [], "nothing happened");
    }
    let mut peer = Peer::log_in(gateway.portal(), &login.with(&[LEVEL_2]));
    peer.attentions();
    for function in functions {
        assert_eq!(manage(&mut peer, function), COMPLETE, "{function}");
    }
    for function in [QUERY_TASK, QUERY_TASK_SET, QUERY_ASYNCHRONOUS_EVENT] {
        let request = TaskManagementRequest {
            lun: [0, 77, 0, 0, 0, 0, 0, 0],
            ..peer.management(function, 0xffff_ffff)
        };
        assert_eq!(peer.manage(request), NO_SUCH_LUN, "{function}");
    }
}

/// SAM-5 §7.8, §7.9: a command is there from its arrival to its end.
#[test]
fn t2_query_task_and_query_task_set_see_commands_that_run_and_that_wait() {
    let gateway = TestGateway::start();
    let login = Login::to(&gateway.target(Device::Changer)).with(&[LEVEL_2]);
    let mut peer = Peer::log_in(gateway.portal(), &login);
    let mut other = Peer::log_in(gateway.portal(), &login.port(2));
    peer.attentions();
    other.attentions();
    let mut slow = SlowLoad::prepare(&gateway);
    let commands = occupy(&mut peer, &mut slow);
    let query = |peer: &mut Peer, tag| {
        let request = peer.management(QUERY_TASK, tag);
        peer.manage(request)
    };
    for command in &commands {
        assert_eq!(query(&mut peer, command.task_tag), SUCCEEDED);
        assert_eq!(query(&mut other, command.task_tag), COMPLETE, "not its own");
    }
    assert_eq!(manage(&mut peer, QUERY_TASK_SET), SUCCEEDED);
    assert_eq!(manage(&mut other, QUERY_TASK_SET), COMPLETE);
    slow.release();
    for command in &commands {
        peer.outcome(command.task_tag).assert_good();
    }
    for command in &commands {
        assert_eq!(query(&mut peer, command.task_tag), COMPLETE);
    }
    assert_eq!(manage(&mut peer, QUERY_TASK_SET), COMPLETE);
}

/// SAM-5 §7.10: UADE DEPTH, sense key, code and qualifier; nothing is cleared.
#[test]
fn t2_query_asynchronous_event_tells_what_the_next_command_will_be_told() {
    let gateway = TestGateway::start();
    let login = Login::to(&gateway.target(Device::Changer)).with(&[LEVEL_2]);
    let mut peer = Peer::log_in(gateway.portal(), &login);
    let ask = |peer: &mut Peer| {
        let request = peer.management(QUERY_ASYNCHRONOUS_EVENT, 0xffff_ffff);
        peer.send(request.emit(), b"");
        let pdu = peer.receive_answer();
        let response = TaskManagementResponse::parse(&pdu.header).unwrap();
        (response.response, response.additional)
    };
    assert_eq!(ask(&mut peer), (SUCCEEDED, [0x16, 0x29, 0x00]));
    assert_eq!(manage(&mut peer, LOGICAL_UNIT_RESET), COMPLETE);
    assert_eq!(ask(&mut peer), (SUCCEEDED, [0x26, 0x29, 0x00]));
    assert_eq!(peer.attentions(), [(0x29, 0x00), (0x29, 0x03)]);
    assert_eq!(ask(&mut peer), (COMPLETE, [0; 3]));
}

/// SAM-5 §7.6, §6.3.4: the commands and what the nexus held are gone, the session stays, and nobody
/// else notices.
#[test]
fn t2_i_t_nexus_reset_ends_commands_and_prevention_of_its_own_nexus() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:2", "drive:1");
    let login = Login::to(&gateway.target(Device::Drive(1))).with(&[LEVEL_2]);
    let mut peer = Peer::log_in(gateway.portal(), &login);
    let mut other = Peer::log_in(gateway.portal(), &login.port(2));
    peer.attentions();
    other.attentions();
    peer.plain(&[0x1e, 0, 0, 0, 1, 0]).assert_good(); // PREVENT MEDIUM REMOVAL
    let prevented = peer.plain(&[0x1b, 0, 0, 0, 0, 0]);
    assert_eq!(prevented.sense, (5, 0x53, 0x02));
    let write = peer.write_command(4096);
    peer.send(write.emit(), b"");
    let r2t = peer.r2t(write.task_tag);
    assert_eq!(manage(&mut peer, I_T_NEXUS_RESET), COMPLETE);
    peer.send(peer.data_out(&r2t).emit(), &[1; 4096]);
    peer.ping(); // the write is gone, and its late data is no error
    assert_eq!(peer.attentions(), [(0x29, 0x07)]);
    assert_eq!(other.attentions(), [], "nobody else's business");
    peer.plain(&[0x1b, 0, 0, 0, 0, 0]).assert_good();
}

/// RFC 7143 §11.5.1: a cold reset ends the sessions of the target, and of no other; it counts as a
/// power-on.
#[test]
fn t2_target_cold_reset_ends_all_sessions_of_the_target() {
    let gateway = TestGateway::start();
    let (mut first, mut second) = two_hosts(&gateway, Device::Drive(0));
    let mut elsewhere = Peer::log_in(
        gateway.portal(),
        &Login::to(&gateway.target(Device::Drive(1))),
    );
    assert_eq!(manage(&mut first, TARGET_COLD_RESET), COMPLETE);
    first.expect_end();
    second.expect_end();
    elsewhere.ping();
    eventually("only the other session is left", || {
        gateway.gateway().sessions().len() == 1
    });
    let login = Login::to(&gateway.target(Device::Drive(0)));
    let mut again = Peer::log_in(gateway.portal(), &login);
    assert_eq!(
        again.attentions(),
        [(0x29, 0x00)],
        "not 29/07: the target knows nobody"
    );
}

/// RFC 7143 §11.6.1.
#[test]
fn t3_e3_what_does_not_exist_is_said_not_to_exist() {
    let gateway = TestGateway::start();
    let (mut peer, _other) = two_hosts(&gateway, Device::Changer);
    for function in [ABORT_TASK_SET, CLEAR_TASK_SET, LOGICAL_UNIT_RESET] {
        for lun in [[0, 77, 0, 0, 0, 0, 0, 0], [0xff; 8]] {
            let request = TaskManagementRequest {
                lun,
                ..peer.management(function, 0xffff_ffff)
            };
            assert_eq!(peer.manage(request), NO_SUCH_LUN, "function {function}");
        }
    }
    assert_eq!(manage(&mut peer, TASK_REASSIGN), NO_REASSIGNMENT);
    for unknown in [0, 13, 0x7f] {
        assert_eq!(
            manage(&mut peer, unknown),
            NOT_SUPPORTED,
            "function {unknown}"
        );
    }
    assert_eq!(peer.attentions(), [], "nothing happened");
}

/// SAM-5 §7.5, §5.14: whoever lost commands to another's CLEAR TASK SET is told so.
#[test]
fn t4_clear_task_set_tells_the_other_initiators_whose_commands_it_ended() {
    let gateway = TestGateway::start();
    let (mut first, mut second) = two_hosts(&gateway, Device::Changer);
    let mut slow = SlowLoad::prepare(&gateway);
    occupy(&mut second, &mut slow);
    assert_eq!(manage(&mut first, CLEAR_TASK_SET), COMPLETE);
    second.ping(); // they are gone without an answer
    slow.release();
    let cleared = (UNIT_ATTENTION, 0x2f, 0x00);
    assert_eq!(
        next_sense(&mut second),
        cleared,
        "COMMANDS CLEARED BY ANOTHER INITIATOR"
    );
    assert_eq!(second.attentions(), []);
    assert_eq!(first.attentions(), []);
}

/// SAM-5 §7.3: ABORT TASK SET is about the tasks of its own nexus.
#[test]
fn t4_abort_task_set_leaves_the_commands_of_others_alone() {
    let gateway = TestGateway::start();
    let (mut first, mut second) = two_hosts(&gateway, Device::Changer);
    let mut slow = SlowLoad::prepare(&gateway);
    let theirs = occupy(&mut second, &mut slow);
    let own = first.command(&TEST_UNIT_READY);
    first.send(own.emit(), b"");
    assert_eq!(manage(&mut first, ABORT_TASK_SET), COMPLETE);
    first.ping();
    slow.release();
    for command in &theirs {
        second.outcome(command.task_tag).assert_good();
    }
    assert_eq!(second.attentions(), []);
    // T6: what was aborted stays unanswered.
    first.plain(&TEST_UNIT_READY).assert_good();
}

/// SAM-5 §6.3.3, RFC 7143 §11.5.1: a reset tells every initiator.
#[test]
fn t4_resets_tell_every_initiator() {
    for function in [LOGICAL_UNIT_RESET, TARGET_WARM_RESET] {
        let gateway = TestGateway::start();
        let (mut first, mut second) = two_hosts(&gateway, Device::Changer);
        let mut slow = SlowLoad::prepare(&gateway);
        occupy(&mut second, &mut slow);
        assert_eq!(manage(&mut first, function), COMPLETE);
        second.ping();
        slow.release();
        for peer in [&mut first, &mut second] {
            let outcome = peer.plain(&TEST_UNIT_READY);
            assert_eq!(outcome.status, CHECK_CONDITION);
            assert_eq!(outcome.sense, (UNIT_ATTENTION, 0x29, 0x03));
        }
    }
}

/// SAM-5 §5.6, §6.3.3, §7.5: a write that waits for its data is a command of the task set. DECIDED: it
/// is ended as those are that wait in the unit, without an answer, and the unit attention tells of it.
#[test]
fn t4_t6_a_write_that_waits_for_data_ends_without_a_word_when_another_clears_the_unit() {
    for (function, told) in [
        (CLEAR_TASK_SET, (0x2f, 0x00)),
        (LOGICAL_UNIT_RESET, (0x29, 0x03)),
        (TARGET_WARM_RESET, (0x29, 0x03)),
    ] {
        let gateway = TestGateway::start();
        gateway.move_tape("slot:1", "drive:0");
        let (mut first, mut second) = two_hosts(&gateway, Device::Drive(0));
        let own = first.write_command(512);
        first.send(own.emit(), b"");
        let write = second.write_command(4096);
        second.send(write.emit(), b"");
        let (own_r2t, r2t) = (first.r2t(own.task_tag), second.r2t(write.task_tag));
        assert_eq!(manage(&mut first, function), COMPLETE);
        // Data on its way is no error, and nobody answers.
        second.send(second.data_out(&r2t).emit(), &[1; 4096]);
        second.ping();
        first.send(first.data_out(&own_r2t).emit(), &[2; 512]);
        first.ping();
        assert_eq!(second.attentions(), [told], "function {function}");
        let own_part: &[(u8, u8)] = if function == CLEAR_TASK_SET {
            &[]
        } else {
            &[told]
        };
        assert_eq!(first.attentions(), own_part, "function {function}");
        let position = second.read(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0], 20);
        assert_eq!(position.data[4..8], [0; 4], "nothing was written");
        // What is sent now is done.
        second.write_block(&[3; 700]).assert_good();
    }
}

/// SAM-5 §7.5: whoever has lost nothing is not told.
#[test]
fn t4_clear_task_set_does_not_bother_those_who_lost_nothing() {
    let gateway = TestGateway::start();
    let (mut first, mut second) = two_hosts(&gateway, Device::Drive(0));
    assert_eq!(manage(&mut first, CLEAR_TASK_SET), COMPLETE);
    second.ping();
    assert_eq!(second.attentions(), []);
}

/// RFC 7143 §4.2.3.3 leaves the time to us: task management does not wait for mechanics. The motion
/// goes on; its task is gone.
#[test]
fn t5_task_management_does_not_wait_for_a_motion() {
    let gateway = TestGateway::start();
    let (mut peer, _other) = two_hosts(&gateway, Device::Changer);
    let mut slow = SlowLoad::prepare(&gateway);
    let [motion, ..] = occupy(&mut peer, &mut slow);
    let abort = peer.management(ABORT_TASK, motion.task_tag);
    assert_eq!(peer.manage(abort), COMPLETE);
    assert_eq!(manage(&mut peer, ABORT_TASK_SET), COMPLETE);
    assert_eq!(manage(&mut peer, LOGICAL_UNIT_RESET), COMPLETE);
    peer.ping();
    slow.release();
    assert_eq!(next_sense(&mut peer), (UNIT_ATTENTION, 0x29, 0x03));
    assert!(gateway.tape_in("drive:0").is_some(), "the motion went on");
}

/// RFC 7143 §13.23 (TaskReporting=RFC3720): commands that task management ended are not answered.
#[test]
fn t6_aborted_commands_are_never_answered() {
    let gateway = TestGateway::start();
    let (mut peer, _other) = two_hosts(&gateway, Device::Changer);
    let mut slow = SlowLoad::prepare(&gateway);
    let commands = occupy(&mut peer, &mut slow);
    let abort = peer.management(ABORT_TASK, commands[1].task_tag);
    assert_eq!(peer.manage(abort), COMPLETE);
    slow.release();
    peer.outcome(commands[0].task_tag).assert_good();
    peer.outcome(commands[2].task_tag).assert_good();
    peer.plain(&TEST_UNIT_READY).assert_good();
    peer.ping();
}
