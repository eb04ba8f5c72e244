//! NOPs, pings and the peer that does not read (RFC 7143 §11.18, §11.19): P1 to P3, B5.

use crate::rig::*;
use iscsi::CloseReason;
use iscsi::wire::{NopIn, NopOut, RESERVED_TAG};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn p1_a_nop_is_echoed_and_cut_at_what_the_initiator_receives() {
    let mut target = session(&[("MaxRecvDataSegmentLength", "512")]);
    for length in [0, 1, 511, 512, 513, 100_000] {
        let data = pattern(length, 3);
        target.feed(&bytes_of(nop_out(0x123).emit(), &data));
        let pdu = target.pdus().remove(0);
        let nop = NopIn::parse(&pdu.header).unwrap();
        assert_eq!((nop.task_tag, nop.transfer_tag), (0x123, RESERVED_TAG));
        assert_eq!(pdu.data, data[..length.min(512)]);
    }
}

#[test]
fn p1_a_nop_without_a_tag_is_not_answered() {
    let mut target = session(&[]);
    target.feed(&bytes_of(nop_out(RESERVED_TAG).emit(), b"ignored"));
    assert!(target.pdus().is_empty());
    assert_eq!(target.closed, None);
}

#[test]
fn p2_nops_and_task_management_are_answered_while_the_device_is_busy() {
    let mut target = session(&[("InitialR2T", "No")]);
    target.hold = true;
    for index in 0..32 {
        target.feed(&bytes_of(
            command(index, index, &TEST_UNIT_READY).emit(),
            &[],
        ));
    }
    target.feed(&bytes_of(nop_out(0x500).emit(), &[]));
    assert_eq!(target.pdus()[0].u32(16), 0x500);
}

#[test]
fn p2_a_nop_does_not_wait_for_all_the_data_before_it() {
    let mut target = session(&[("MaxRecvDataSegmentLength", "65536")]);
    for index in 0..4 {
        target.feed(&bytes_of(read_command(index, index, 0xff_ffff).emit(), &[]));
    }
    target.feed(&bytes_of(nop_out(0x500).emit(), &[]));
    let mut before = 0;
    for pdu in target.pdus() {
        if pdu.u32(16) == 0x500 {
            break;
        }
        before += pdu.data.len();
    }
    assert!(before <= 4 << 20, "{before} of 64 MiB went first");
}

#[test]
fn p3_a_silent_initiator_is_asked_and_then_dropped() {
    let mut target = session(&[]);
    assert_eq!(
        target.connection.next_deadline(),
        Some(target.now + 15 * SECOND)
    );
    target.wait(Duration::from_millis(14_999));
    assert!(target.pdus().is_empty());
    target.wait(Duration::from_millis(1));
    let pdu = target.pdus().remove(0);
    let ping = NopIn::parse(&pdu.header).unwrap();
    assert_eq!(ping.task_tag, RESERVED_TAG);
    assert_ne!(
        ping.transfer_tag, RESERVED_TAG,
        "a real tag: strict initiators answer no other"
    );
    assert!(pdu.data.is_empty());
    assert_eq!(
        ping.counters.stat_sn.0,
        FIRST_STAT_SN + 1,
        "the next one, not taken"
    );
    target.wait(19 * SECOND);
    assert_eq!(target.closed, None);
    target.wait(SECOND);
    assert_eq!(target.closed, Some(CloseReason::PingTimeout));
}

#[test]
fn p3_any_byte_counts_as_life() {
    let mut target = session(&[]);
    target.wait(15 * SECOND);
    let ping = NopIn::parse(&target.pdus()[0].header).unwrap();
    target.wait(10 * SECOND);
    let answer = NopOut {
        transfer_tag: ping.transfer_tag,
        ..nop_out(RESERVED_TAG)
    };
    target.feed(&bytes_of(answer.emit(), &[])[..1]);
    target.wait(14 * SECOND);
    assert!(target.pdus().is_empty());
    target.feed(&bytes_of(answer.emit(), &[])[1..]);
    target.wait(15 * SECOND);
    assert_eq!(target.pdus().len(), 1, "asked again");
    assert_eq!(target.closed, None);
}

#[test]
fn p3_nothing_is_asked_while_a_command_is_in_flight() {
    let mut target = session(&[]);
    target.hold = true;
    target.feed(&bytes_of(command(1, 0, &TEST_UNIT_READY).emit(), &[]));
    assert_eq!(target.connection.next_deadline(), None);
    target.wait(600 * SECOND);
    assert!(target.pdus().is_empty());
    assert_eq!(target.closed, None);
    let held = target.held.remove(0);
    target.execute(held);
    assert_eq!(target.pdus().len(), 1);
}

#[test]
fn b5_whoever_sends_and_never_reads_is_dropped_alone() {
    let mut target = session(&[("MaxRecvDataSegmentLength", "262144")]);
    let nop = bytes_of(nop_out(1).emit(), &pattern(200_000, 1));
    for _ in 0..200 {
        target.feed(&nop);
    }
    assert_eq!(target.closed, Some(CloseReason::NotReading));
}

#[test]
fn b5_reads_that_nobody_takes_stop_at_the_window() {
    let mut target = session(&[("MaxRecvDataSegmentLength", "262144")]);
    for index in 0..100 {
        target.feed(&bytes_of(read_command(index, index, 100_000).emit(), &[]));
    }
    assert_eq!(target.closed, None);
    assert!(
        target.executed.len() < 100,
        "{} were executed",
        target.executed.len()
    );
    let read: usize = target.pdus().iter().map(|pdu| pdu.data.len()).sum();
    assert_eq!(
        read,
        target.executed.len() * 100_000,
        "all that was executed is answered"
    );
}
