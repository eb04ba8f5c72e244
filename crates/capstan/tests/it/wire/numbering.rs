//! Numbering: N1 to N9 (RFC 7143 §4.2.2). N1 and N5 are watched in every exchange of every test here;
//! see [`super::peer`].

use capstan::gateway::targets::Device;
use iscsi::wire::{NopIn, NopOut, Opcode, RESERVED_TAG, ScsiCommand, SerialNumber};

use super::peer::{Login, Peer};
use super::scsi::{REWIND, TEST_UNIT_READY, read6};
use super::slow::SlowLoad;
use crate::support::TestGateway;

const CLEAR_TASK_SET: u8 = 4;

/// A session at the changer that begins with this CmdSN.
fn session_from(gateway: &TestGateway, cmd_sn: u32) -> Peer {
    let login = Login {
        cmd_sn,
        ..Login::to(&gateway.target(Device::Changer))
    };
    let mut peer = Peer::log_in(gateway.portal(), &login);
    peer.attentions();
    peer
}

/// Sends commands until the window is closed, the first of them one that hangs.
fn fill_window(peer: &mut Peer, slow: &mut SlowLoad) -> Vec<ScsiCommand> {
    let mut commands = vec![peer.command(&slow.move_medium)];
    while peer.cmd_sn != peer.max_cmd_sn().wrapping_add(1) {
        commands.push(peer.command(&TEST_UNIT_READY));
    }
    for command in &commands {
        peer.send(command.emit(), b"");
    }
    slow.wait_until_it_hangs();
    commands
}

/// RFC 7143 §4.2.2.1: the window closes by ExpCmdSN reaching MaxCmdSN + 1, never by going back.
#[test]
fn n1_the_window_closes_when_it_is_full_and_opens_with_responses() {
    let gateway = TestGateway::start();
    let mut peer = session_from(&gateway, 1);
    let mut slow = SlowLoad::prepare(&gateway);
    let commands = fill_window(&mut peer, &mut slow);
    let tag = peer.tag();
    peer.send(peer.nop(tag).emit(), b"");
    let counters = peer.receive().counters();
    assert_eq!(
        counters.expected_cmd_sn,
        counters.max_cmd_sn.next(),
        "closed"
    );
    slow.release();
    for command in commands {
        peer.outcome(command.task_tag).assert_good();
    }
    let last = peer.command(&TEST_UNIT_READY);
    peer.run(last, b"").assert_good();
}

/// RFC 7143 §4.2.2.1: "the target MUST silently ignore" what is outside the window.
#[test]
fn n2_cmd_sn_outside_the_window_is_ignored_and_the_session_lives() {
    let gateway = TestGateway::start();
    let mut peer = session_from(&gateway, 1);
    let next = SerialNumber(peer.cmd_sn);
    let beyond = SerialNumber(peer.max_cmd_sn()).next();
    for cmd_sn in [
        SerialNumber(next.0.wrapping_sub(1)),
        SerialNumber(next.0.wrapping_sub(40)),
        beyond,
        beyond.add(1000),
        next.add(1 << 31),
    ] {
        let stray = ScsiCommand {
            cmd_sn,
            ..peer.command(&TEST_UNIT_READY)
        };
        peer.cmd_sn = next.0;
        peer.send(stray.emit(), b"");
        peer.ping();
    }
    peer.plain(&TEST_UNIT_READY).assert_good();
}

/// RFC 7143 §4.2.2.1: commands are executed in the order of CmdSN.
#[test]
fn n3_gaps_are_waited_for_and_commands_run_in_order() {
    let gateway = TestGateway::start();
    let mut peer = session_from(&gateway, 1);
    let commands: Vec<ScsiCommand> = (0..6).map(|_| peer.command(&TEST_UNIT_READY)).collect();
    for index in [3, 1, 5, 2] {
        peer.send(commands[index].emit(), b"");
    }
    peer.ping(); // none runs without the first
    peer.send(commands[0].emit(), b"");
    for command in &commands[..4] {
        peer.outcome(command.task_tag).assert_good();
    }
    peer.send(commands[4].emit(), b"");
    peer.outcome(commands[4].task_tag).assert_good();
    peer.outcome(commands[5].task_tag).assert_good();
}

/// RFC 7143 §4.2.2.1: immediate requests take no number. Linux sends NOP-Out with a stale one.
#[test]
fn n4_immediate_requests_take_no_number_and_may_carry_any() {
    let gateway = TestGateway::start();
    let mut peer = session_from(&gateway, 1);
    let expected = SerialNumber(peer.cmd_sn);
    for cmd_sn in [0, expected.0.wrapping_sub(5), expected.0.wrapping_add(500)] {
        let tag = peer.tag();
        let nop = NopOut {
            cmd_sn: SerialNumber(cmd_sn),
            ..peer.nop(tag)
        };
        peer.send(nop.emit(), b"");
        let pdu = peer.receive();
        assert_eq!(pdu.header.task_tag(), tag);
        assert_eq!(pdu.counters().expected_cmd_sn, expected);
    }
    let immediate = ScsiCommand {
        immediate: true,
        ..peer.command(&TEST_UNIT_READY)
    };
    peer.cmd_sn = expected.0;
    peer.run(immediate, b"").assert_good();
    peer.plain(&TEST_UNIT_READY).assert_good();
}

/// RFC 7143 §4.2.2.1: with the window closed, a task management request and another immediate one
/// still get through.
#[test]
fn n4_immediate_requests_get_through_a_closed_window() {
    let gateway = TestGateway::start();
    let mut peer = session_from(&gateway, 1);
    let mut slow = SlowLoad::prepare(&gateway);
    fill_window(&mut peer, &mut slow);
    peer.ping();
    let abort = peer.management(2, RESERVED_TAG);
    assert_eq!(peer.manage(abort), 0);
    peer.ping();
    slow.release();
    peer.plain(&TEST_UNIT_READY).assert_good();
}

/// RFC 7143 §4.2.2, RFC 1982.
#[test]
fn n6_numbers_wrap() {
    let gateway = TestGateway::start();
    let mut peer = session_from(&gateway, 0xffff_fff0);
    for _ in 0..40 {
        peer.plain(&TEST_UNIT_READY).assert_good();
    }
    assert!(peer.cmd_sn < 100, "over the wrap");
    let commands: Vec<ScsiCommand> = (0..4).map(|_| peer.command(&TEST_UNIT_READY)).collect();
    for command in commands.iter().rev() {
        peer.send(command.emit(), b"");
    }
    for command in &commands {
        peer.outcome(command.task_tag).assert_good();
    }
}

/// RFC 7143 §7.2.1: the same command again, with the same tag and number, is one command.
#[test]
fn n7_a_command_in_progress_sent_again_is_discarded() {
    let gateway = TestGateway::start();
    let mut peer = session_from(&gateway, 1);
    let mut slow = SlowLoad::prepare(&gateway);
    let command = peer.command(&slow.move_medium);
    for _ in 0..3 {
        peer.send(command.emit(), b"");
    }
    slow.wait_until_it_hangs();
    peer.ping();
    slow.release();
    peer.outcome(command.task_tag).assert_good();
    peer.ping(); // one answer
}

/// RFC 7143 §11.19: a window that opens without a response is told by a NOP-In.
#[test]
fn n8_a_window_that_opens_without_a_response_is_told() {
    let gateway = TestGateway::start();
    let mut peer = session_from(&gateway, 1);
    let login = Login::to(&gateway.target(Device::Changer)).port(2);
    let mut other = Peer::log_in(gateway.portal(), &login);
    let mut slow = SlowLoad::prepare(&gateway);
    fill_window(&mut peer, &mut slow);
    peer.ping();
    let closed_at = peer.max_cmd_sn();
    // Another initiator ends the commands: nobody answers them.
    let clear = other.management(CLEAR_TASK_SET, RESERVED_TAG);
    assert_eq!(other.manage(clear), 0);
    let pdu = peer.receive();
    assert_eq!(pdu.opcode(), Opcode::NopIn);
    let nop = NopIn::parse(&pdu.header).unwrap();
    assert_eq!(
        (nop.task_tag, nop.transfer_tag),
        (RESERVED_TAG, RESERVED_TAG)
    );
    assert!(nop.counters.max_cmd_sn.is_after(SerialNumber(closed_at)));
    slow.release();
    peer.attentions();
}

/// RFC 7143 §11.17.1: Reject "task in progress".
#[test]
fn n9_a_tag_in_use_is_rejected_without_harm() {
    let gateway = TestGateway::start();
    let mut peer = session_from(&gateway, 1);
    let mut slow = SlowLoad::prepare(&gateway);
    let command = peer.command(&slow.move_medium);
    peer.send(command.emit(), b"");
    slow.wait_until_it_hangs();
    let cmd_sn = peer.cmd_sn;
    let twin = ScsiCommand {
        task_tag: command.task_tag,
        ..peer.command(&TEST_UNIT_READY)
    };
    peer.send(twin.emit(), b"");
    assert_eq!(peer.receive().reject_reason(), 0x07);
    // The number of a rejected command counts as never received: the initiator fills the gap.
    peer.cmd_sn = cmd_sn;
    slow.release();
    peer.outcome(command.task_tag).assert_good();
    peer.plain(&TEST_UNIT_READY).assert_good();
}

/// RFC 7143 §4.2.2.2, §11.7.5, §11.8.3: R2T and Data-In without status carry no number of their own.
#[test]
fn n5_r2t_and_data_in_without_status_take_no_stat_sn() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let login = Login::to(&gateway.target(Device::Drive(0))).with(&[
        ("MaxBurstLength", "1024"),
        ("MaxRecvDataSegmentLength", "512"),
    ]);
    let mut peer = Peer::log_in(gateway.portal(), &login);
    peer.attentions();
    let before = peer.expected_stat_sn();
    peer.write_block(&[7; 4096]).assert_good(); // four R2Ts
    assert_eq!(peer.expected_stat_sn(), before.add(1));
    peer.plain(&REWIND).assert_good();
    assert_eq!(peer.read(&read6(4096), 4096).data, [7; 4096]); // eight Data-Ins
    assert_eq!(peer.expected_stat_sn(), before.add(3));
}
