//! What is rejected, and logout (RFC 7143 §11.14 to §11.17): O1 to O6, X6.

use crate::rig::*;
use iscsi::CloseReason;
use iscsi::wire::{Header, LogoutRequest, LogoutResponse, Reject, SerialNumber, Snack, Stage};

fn logout(reason: u8, cid: u16) -> LogoutRequest {
    LogoutRequest {
        immediate: true,
        reason,
        task_tag: 0x55,
        cid,
        cmd_sn: cmd_sn(0),
        expected_stat_sn: SerialNumber(0),
    }
}

fn rejected(target: &mut Target, header: Header) -> u8 {
    target.feed(&bytes_of(header, &[]));
    let pdus = target.pdus();
    assert_eq!((pdus.len(), pdus[0].opcode()), (1, 0x3f), "{pdus:?}");
    assert_eq!(pdus[0].data, header.0, "the header of the PDU comes back");
    assert_eq!(pdus[0].u32(16), 0xffff_ffff);
    assert_eq!(target.closed, None);
    Reject::parse(&pdus[0].header).unwrap().reason
}

#[test]
fn o1_logout_is_answered_and_pending_tasks_end_silently() {
    for (reason, cid) in [(0, 1), (0, 99), (1, 1)] {
        let mut target = session(&[]);
        target.hold = true;
        target.feed(&bytes_of(command(1, 0, &TEST_UNIT_READY).emit(), &[]));
        target.feed(&bytes_of(logout(reason, cid).emit(), &[]));
        let pdus = target.pdus();
        assert_eq!(pdus.len(), 1);
        let response = LogoutResponse::parse(&pdus[0].header).unwrap();
        assert_eq!((response.response, response.task_tag), (0, 0x55));
        assert_eq!(target.closed, Some(CloseReason::LoggedOut));
        let held = target.held.remove(0);
        target.execute(held);
        assert!(target.pdus().is_empty());
        assert_eq!(target.connection.next_deadline(), None);
    }
}

#[test]
fn o1_what_comes_after_the_end_is_ignored() {
    let mut target = session(&[]);
    target.feed(&bytes_of(logout(0, 1).emit(), &[]));
    target.pdus();
    target.feed(&bytes_of(nop_out(1).emit(), &[]));
    target.wait(std::time::Duration::from_secs(1000));
    assert!(target.pdus().is_empty());
}

#[test]
fn o2_other_connections_and_recovery() {
    let mut target = session(&[]);
    for (reason, cid, expected) in [(1, 2, 1), (2, 1, 2), (2, 2, 2)] {
        target.feed(&bytes_of(logout(reason, cid).emit(), &[]));
        let response = LogoutResponse::parse(&target.pdus()[0].header).unwrap();
        assert_eq!(response.response, expected, "reason {reason}, CID {cid}");
        assert_eq!(target.closed, None);
    }
    assert_eq!(rejected(&mut target, logout(9, 1).emit()), 0x09);
}

#[test]
fn o3_o4_unknown_opcodes_are_rejected_and_stat_sn_counts() {
    let mut target = session(&[]);
    for opcode in [0x07, 0x0f, 0x11, 0x1c, 0x1f, 0x3e] {
        let mut header = [0xaa; 48];
        header[0] = opcode;
        header[4..8].fill(0);
        assert_eq!(
            rejected(&mut target, Header(header)),
            0x05,
            "opcode {opcode:#x}"
        );
    }
    let nop = bytes_of(nop_out(1).emit(), &[]);
    target.feed(&nop);
    let echo = target.pdus().remove(0);
    assert_eq!(
        SerialNumber(echo.u32(24)),
        SerialNumber(FIRST_STAT_SN).add(7)
    );
}

#[test]
fn o3_pdus_that_only_targets_send_are_rejected() {
    let mut target = session(&[]);
    for opcode in [0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32, 0x3f] {
        let mut header = [0; 48];
        header[0] = opcode;
        assert_eq!(
            rejected(&mut target, Header(header)),
            0x04,
            "opcode {opcode:#x}"
        );
    }
}

#[test]
fn o5_snack_cannot_be_served_at_error_recovery_level_0() {
    let mut target = session(&[]);
    let snack = Snack {
        kind: 1,
        lun: [0; 8],
        task_tag: 1,
        transfer_tag: 0xffff_ffff,
        expected_stat_sn: SerialNumber(0),
        begin: 0,
        length: 0,
    };
    assert_eq!(rejected(&mut target, snack.emit()), 0x03);
}

#[test]
fn o6_login_in_full_feature_phase_is_rejected() {
    let mut target = session(&[]);
    let request = login_request(Stage::SecurityNegotiation, None).emit();
    assert_eq!(rejected(&mut target, request), 0x04);
}

#[test]
fn the_data_of_a_rejected_pdu_is_swallowed() {
    let mut target = session(&[]);
    let mut header = [0; 48];
    header[0] = 0x1e;
    target.feed(&bytes_of(Header(header), &pattern(100_001, 1)));
    assert_eq!(target.pdus()[0].byte(2), 0x05);
    target.feed(&bytes_of(nop_out(1).emit(), &[]));
    assert_eq!(target.pdus()[0].opcode(), 0x20);
}

#[test]
fn reserved_task_tags_are_rejected() {
    let mut target = session(&[]);
    assert_eq!(
        rejected(&mut target, command(u32::MAX, 0, &TEST_UNIT_READY).emit()),
        0x09
    );
    let mut nop = nop_out(u32::MAX);
    nop.immediate = false;
    nop.cmd_sn = cmd_sn(0);
    assert_eq!(rejected(&mut target, nop.emit()), 0x09);
}

#[test]
fn x6_in_discovery_only_text_logout_and_nop_are_allowed() {
    let mut target = discovery_session();
    assert_eq!(
        rejected(&mut target, command(1, 0, &TEST_UNIT_READY).emit()),
        0x04
    );
    let mut reset = [0; 48];
    reset[0] = 0x42;
    reset[1] = 0x85;
    assert_eq!(rejected(&mut target, Header(reset)), 0x04);
    assert_eq!(
        rejected(&mut target, logout(1, 1).emit()),
        0x04,
        "reason 0 only"
    );
    target.feed(&bytes_of(nop_out(1).emit(), b"x"));
    assert_eq!(target.pdus()[0].data, b"x");
    target.feed(&bytes_of(logout(0, 1).emit(), &[]));
    assert_eq!(target.closed, Some(CloseReason::LoggedOut));
}
