//! Logout, Reject and asynchronous messages: O1 to O7 (RFC 7143 §11.9, §11.14 to §11.17).

use std::thread;

use capstan::gateway::targets::Device;
use iscsi::wire::{AsyncMessage, Header, LogoutRequest, Opcode, Reject, Snack, Stage};

use super::peer::{Login, Peer};
use super::scsi::TEST_UNIT_READY;
use super::slow::SlowLoad;
use crate::support::{TestGateway, eventually};

pub(super) const CLOSE_SESSION: u8 = 0;
const CLOSE_CONNECTION: u8 = 1;
const RECOVERY: u8 = 2;

fn session(gateway: &TestGateway) -> Peer {
    let mut peer = Peer::log_in(
        gateway.portal(),
        &Login::to(&gateway.target(Device::Changer)),
    );
    peer.attentions();
    peer
}

/// Asks for a logout and returns the response code.
pub(super) fn log_out(peer: &mut Peer, reason: u8, cid: u16) -> u8 {
    let request = LogoutRequest {
        immediate: true,
        reason,
        task_tag: peer.tag(),
        cid,
        cmd_sn: iscsi::wire::SerialNumber(peer.cmd_sn),
        expected_stat_sn: peer.expected_stat_sn(),
    };
    peer.send(request.emit(), b"");
    let pdu = peer.receive();
    assert_eq!(pdu.opcode(), Opcode::LogoutResponse, "{:?}", pdu.header);
    assert_eq!(pdu.header.task_tag(), request.task_tag);
    pdu.header.0[2]
}

/// Sends a header and takes the Reject.
fn rejected(peer: &mut Peer, header: Header) -> Reject {
    peer.send(header, b"");
    let pdu = peer.receive();
    assert_eq!(pdu.opcode(), Opcode::Reject, "{:?}", pdu.header);
    assert_eq!(pdu.data, header.0, "the header comes back (§11.17.4)");
    Reject::parse(&pdu.header).unwrap()
}

/// RFC 7143 §11.14.1, §11.15: answered, closed, and the tasks end without a word.
#[test]
fn o1_a_logout_is_answered_and_what_was_pending_is_not() {
    for reason in [CLOSE_SESSION, CLOSE_CONNECTION] {
        let gateway = TestGateway::start();
        let mut peer = session(&gateway);
        let mut slow = SlowLoad::prepare(&gateway);
        for cdb in [&slow.move_medium[..], &TEST_UNIT_READY[..]] {
            let command = peer.command(cdb);
            peer.send(command.emit(), b"");
        }
        slow.wait_until_it_hangs();
        assert_eq!(log_out(&mut peer, reason, 0), 0);
        peer.expect_end();
        eventually("no session", || gateway.gateway().sessions().is_empty());
        slow.release();
    }
}

/// RFC 7143 §11.15.1: 1 for a connection that is not there, 2 for recovery, which ErrorRecoveryLevel
/// 0 does not have.
#[test]
fn o2_unknown_connections_and_recovery_are_refused() {
    let gateway = TestGateway::start();
    let mut peer = session(&gateway);
    assert_eq!(log_out(&mut peer, CLOSE_CONNECTION, 77), 1);
    assert_eq!(log_out(&mut peer, RECOVERY, 0), 2);
    peer.ping();
    assert_eq!(log_out(&mut peer, CLOSE_SESSION, 0), 0);
    peer.expect_end();
}

/// RFC 7143 §11.17: "command not supported", and the connection goes on.
#[test]
fn o3_unknown_opcodes_are_rejected_and_the_session_lives() {
    let gateway = TestGateway::start();
    let mut peer = session(&gateway);
    for opcode in [0x07, 0x0f, 0x1c, 0x1d, 0x1e, 0x1f] {
        let mut header = peer.nop(0x99).emit();
        header.0[0] = 0x40 | opcode;
        assert_eq!(
            rejected(&mut peer, header).reason,
            0x05,
            "opcode {opcode:#x}"
        );
        peer.ping();
    }
}

/// RFC 7143 §11.17: a Reject is numbered as a response and says what is expected next.
#[test]
fn o4_a_reject_is_numbered_and_brings_the_header_back() {
    let gateway = TestGateway::start();
    let mut peer = session(&gateway);
    let expected = peer.cmd_sn;
    let mut header = peer.nop(0x99).emit();
    header.0[0] = 0x5f;
    let before = peer.expected_stat_sn();
    let reject = rejected(&mut peer, header);
    assert_eq!(reject.task_tag, 0xffff_ffff);
    assert_eq!(reject.counters.stat_sn, before);
    assert_eq!(reject.counters.expected_cmd_sn.0, expected);
    peer.ping(); // with the StatSN that follows
}

/// RFC 7143 §11.16: there is nothing to acknowledge or send again at ErrorRecoveryLevel 0.
#[test]
fn o5_e1_snack_is_rejected() {
    let gateway = TestGateway::start();
    let mut peer = session(&gateway);
    for kind in 0..4 {
        let snack = Snack {
            kind,
            lun: [0; 8],
            task_tag: 0xffff_ffff,
            transfer_tag: 0xffff_ffff,
            expected_stat_sn: peer.expected_stat_sn(),
            begin: 0,
            length: 0,
        };
        assert_eq!(
            rejected(&mut peer, snack.emit()).reason,
            0x03,
            "type {kind}"
        );
    }
    peer.ping();
}

/// RFC 7143 §6.3: a login happens once.
#[test]
fn o6_a_login_request_in_full_feature_phase_is_rejected() {
    let gateway = TestGateway::start();
    let mut peer = session(&gateway);
    let login = Login::to(&gateway.target(Device::Changer));
    let request = login.request(Stage::LoginOperationalNegotiation, None);
    assert_eq!(rejected(&mut peer, request.emit()).reason, 0x04);
    peer.ping();
}

/// RFC 7143 §11.9.1: event 1 asks for a logout within Parameter3 seconds.
#[test]
fn o7_a_shut_down_asks_for_logout_and_waits_for_it() {
    let mut gateway = TestGateway::start();
    let mut peer = session(&gateway);
    thread::scope(|scope| {
        scope.spawn(|| gateway.stop());
        let pdu = peer.receive();
        assert_eq!(pdu.opcode(), Opcode::AsyncMessage, "{:?}", pdu.header);
        let message = AsyncMessage::parse(&pdu.header).unwrap();
        assert_eq!(message.event, 1);
        assert_eq!(message.task_tag, 0xffff_ffff);
        assert!(message.parameter3 > 0, "seconds to log out in");
        assert_eq!(log_out(&mut peer, CLOSE_SESSION, 0), 0);
        peer.expect_end();
    });
}
