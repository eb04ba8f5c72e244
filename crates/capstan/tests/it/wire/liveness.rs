//! NOPs, and what must not keep them waiting: P1 to P3 (RFC 7143 §11.18, §11.19).

use std::time::Duration;

use capstan::gateway::targets::Device;
use iscsi::wire::{DataOut, NopIn, NopOut, Opcode, RESERVED_TAG};

use super::bare::{BarePortal, TARGET};
use super::peer::{Login, Peer};
use super::scsi::TEST_UNIT_READY;
use super::slow::SlowLoad;
use crate::support::TestGateway;

fn session(gateway: &TestGateway, device: Device) -> Peer {
    let mut peer = Peer::log_in(gateway.portal(), &Login::to(&gateway.target(device)));
    peer.attentions();
    peer
}

/// RFC 7143 §11.18, §11.19: the same tag and the same data, as much as the initiator can take.
#[test]
fn p1_a_nop_is_echoed_up_to_what_the_initiator_receives() {
    let gateway = TestGateway::start();
    let login =
        Login::to(&gateway.target(Device::Changer)).with(&[("MaxRecvDataSegmentLength", "512")]);
    let mut peer = Peer::log_in(gateway.portal(), &login);
    let data: Vec<u8> = (0..=255).cycle().take(2000).collect();
    for length in [0, 1, 511, 512, 513, 2000] {
        let tag = peer.tag();
        peer.send(peer.nop(tag).emit(), &data[..length]);
        let pdu = peer.receive();
        assert_eq!(pdu.opcode(), Opcode::NopIn);
        let echo = NopIn::parse(&pdu.header).unwrap();
        assert_eq!((echo.task_tag, echo.transfer_tag), (tag, RESERVED_TAG));
        assert_eq!(pdu.data, data[..length.min(512)]);
    }
    // Not immediate: it takes a CmdSN. Without a tag: it wants no answer (§11.18.1).
    let tag = peer.tag();
    let ordered = NopOut {
        immediate: false,
        cmd_sn: peer.take_cmd_sn(),
        ..peer.nop(tag)
    };
    peer.send(ordered.emit(), b"");
    assert_eq!(peer.receive().header.task_tag(), tag);
    peer.send(peer.nop(RESERVED_TAG).emit(), b"");
    peer.ping();
}

/// A bound is ours to set; that an answer comes while the motion hangs is what keeps sessions alive.
#[test]
fn p2_nops_are_answered_during_a_motion_with_a_full_window_behind_it() {
    let gateway = TestGateway::start();
    let mut peer = session(&gateway, Device::Changer);
    let mut slow = SlowLoad::prepare(&gateway);
    let mut commands = vec![peer.command(&slow.move_medium)];
    while peer.cmd_sn != peer.max_cmd_sn().wrapping_add(1) {
        commands.push(peer.command(&TEST_UNIT_READY));
    }
    for command in &commands {
        peer.send(command.emit(), b"");
    }
    slow.wait_until_it_hangs();
    for _ in 0..100 {
        peer.ping();
    }
    slow.release();
    for command in commands {
        peer.outcome(command.task_tag).assert_good();
    }
}

/// RFC 7143 §11.18: between the PDUs of a burst as at any other time.
#[test]
fn p2_nops_are_answered_while_a_burst_streams() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let mut peer = session(&gateway, Device::Drive(0));
    let write = peer.write_command(64 << 10);
    peer.send(write.emit(), b"");
    let r2t = peer.r2t(write.task_tag);
    let mut data_out = peer.data_out(&r2t);
    for part in 0..16 {
        data_out = DataOut {
            is_final: part == 15,
            buffer_offset: part * 4096,
            data_sn: iscsi::wire::SerialNumber(part),
            ..data_out
        };
        peer.send(data_out.emit(), &[7; 4096]);
        if part < 15 {
            peer.ping();
        }
    }
    peer.outcome(write.task_tag).assert_good();
}

/// RFC 7143 §11.19: a ping of ours has a transfer tag and wants an answer; silence ends the session.
/// DECIDED: 15 s of silence before it and 20 s after it.
#[test]
fn p3_a_silent_initiator_is_asked_and_dropped_when_it_stays_silent() {
    let defaults = iscsi::Limits::default();
    assert_eq!(defaults.ping_after, Duration::from_secs(15));
    assert_eq!(defaults.ping_timeout, Duration::from_secs(20));
    let portal = BarePortal::open(|shared| {
        shared.limits.ping_after = Duration::from_millis(300);
        shared.limits.ping_timeout = Duration::from_millis(600);
    });
    let mut peer = Peer::log_in(portal.address, &Login::to(TARGET));
    for _ in 0..2 {
        let pdu = peer.receive();
        assert_eq!(pdu.opcode(), Opcode::NopIn);
        let ping = NopIn::parse(&pdu.header).unwrap();
        assert_eq!(ping.task_tag, RESERVED_TAG);
        assert_ne!(ping.transfer_tag, RESERVED_TAG);
        assert!(pdu.data.is_empty());
        let answer = NopOut {
            lun: ping.lun,
            transfer_tag: ping.transfer_tag,
            ..peer.nop(RESERVED_TAG)
        };
        peer.send(answer.emit(), b"");
    }
    // Not answered with the tag, but not silent either: anything counts as life.
    assert_eq!(peer.receive().opcode(), Opcode::NopIn);
    peer.text(&[("X-alive", "1")]);
    assert_eq!(peer.receive().opcode(), Opcode::NopIn, "asked again later");
    peer.expect_end();
}
