//! CmdSN, StatSN and the window (RFC 7143 §4.2.2): N1 to N9. The numbers begin just below the wrap.

use crate::rig::*;
use iscsi::wire::{Counters, Header, NopIn, RESERVED_TAG, ScsiResponse, SerialNumber};
use iscsi::{Limits, Offer};
use scsi::Response;

fn ready(itt: u32, index: u32) -> Vec<u8> {
    bytes_of(command(itt, index, &TEST_UNIT_READY).emit(), &[])
}

fn counters(pdu: &Pdu) -> Counters {
    ScsiResponse::parse(&pdu.header).unwrap().counters
}

fn tags(pdus: &[Pdu]) -> Vec<u32> {
    pdus.iter().map(|pdu| pdu.u32(16)).collect()
}

#[test]
fn n1_n6_the_window_moves_with_the_commands_over_the_wrap() {
    let mut target = session(&[]);
    for index in 0..40 {
        target.feed(&ready(index, index));
        let pdus = target.pdus();
        let numbers = counters(&pdus[0]);
        assert_eq!(numbers.expected_cmd_sn, cmd_sn(index + 1));
        assert_eq!(numbers.max_cmd_sn, cmd_sn(index + 32));
        // One login response was first.
        assert_eq!(numbers.stat_sn, SerialNumber(FIRST_STAT_SN).add(1 + index));
    }
}

#[test]
fn n2_numbers_outside_the_window_are_ignored() {
    let mut target = session(&[]);
    for far in [
        32,
        33,
        1000,
        0x7fff_fff0,
        0x8000_0000,
        u32::MAX,
        u32::MAX - 5,
    ] {
        target.feed(&ready(100, far));
        assert!(target.pdus().is_empty(), "CmdSN {far} ahead");
    }
    // Also with data, which goes nowhere and disturbs nothing.
    let late = write_command(101, 500, 64);
    target.feed(&bytes_of(late.emit(), &pattern(64, 1)));
    assert!(target.pdus().is_empty());
    target.feed(&ready(1, 0));
    assert_eq!(tags(&target.pdus()), [1]);
    target.feed(&ready(2, 0));
    assert!(target.pdus().is_empty(), "a number that was used");
    assert_eq!(target.closed, None);
    target.feed(&ready(3, 1));
    assert_eq!(tags(&target.pdus()), [3]);
}

#[test]
fn n3_gaps_are_waited_for_and_commands_run_in_order() {
    let mut target = session(&[]);
    for index in [3, 1, 2] {
        target.feed(&ready(index, index));
        assert!(target.pdus().is_empty());
    }
    let data = write_command(9, 4, 16);
    target.feed(&bytes_of(data.emit(), &pattern(16, 9)));
    assert!(target.executed.is_empty());
    target.feed(&ready(0, 0));
    assert_eq!(tags(&target.pdus()), [0, 1, 2, 3, 9]);
    assert_eq!(target.executed[4].1, pattern(16, 9));
}

#[test]
fn n3_other_requests_have_their_turn_too() {
    let mut target = session(&[]);
    let mut nop = nop_out(50);
    nop.immediate = false;
    nop.cmd_sn = cmd_sn(1);
    target.feed(&bytes_of(nop.emit(), b"later"));
    assert!(target.pdus().is_empty());
    target.feed(&ready(0, 0));
    let pdus = target.pdus();
    assert_eq!(tags(&pdus), [50, 0], "the NOP needs no device");
    assert_eq!(pdus[0].data, b"later");
    target.feed(&ready(2, 2));
    assert_eq!(tags(&target.pdus()), [2], "both took a number");
}

#[test]
fn n4_immediate_requests_take_no_number_and_may_carry_any() {
    let mut target = session(&[]);
    for odd in [0, 77, 0x8000_0000] {
        let mut nop = nop_out(5);
        nop.cmd_sn = SerialNumber(odd);
        target.feed(&bytes_of(nop.emit(), &[]));
        assert_eq!(tags(&target.pdus()), [5]);
        let mut now = command(6, 0, &TEST_UNIT_READY);
        now.immediate = true;
        now.cmd_sn = SerialNumber(odd);
        target.feed(&bytes_of(now.emit(), &[]));
        assert_eq!(tags(&target.pdus()), [6]);
    }
    target.feed(&ready(7, 0));
    assert_eq!(tags(&target.pdus()), [7]);
}

#[test]
fn n4_an_immediate_command_does_not_wait_for_the_others() {
    let mut target = session(&[("ImmediateData", "No")]);
    target.feed(&bytes_of(write_command(1, 0, 100).emit(), &[]));
    target.pdus();
    let mut now = command(2, 1, &TEST_UNIT_READY);
    now.immediate = true;
    target.feed(&bytes_of(now.emit(), &[]));
    assert_eq!(tags(&target.pdus()), [2]);
}

#[test]
fn n4_immediate_commands_have_a_limit_of_their_own() {
    let mut target = session(&[]);
    target.hold = true;
    for itt in 0..32 {
        target.feed(&ready(itt, itt)); // the window is full
    }
    for itt in 100..108 {
        let mut now = command(itt, 0, &TEST_UNIT_READY);
        now.immediate = true;
        target.feed(&bytes_of(now.emit(), &[]));
        assert!(target.pdus().is_empty(), "accepted");
    }
    assert_eq!(target.held.len(), 40);
    let mut now = command(108, 0, &TEST_UNIT_READY);
    now.immediate = true;
    target.feed(&bytes_of(now.emit(), &[]));
    let pdus = target.pdus();
    assert_eq!(
        (pdus[0].opcode(), pdus[0].byte(2)),
        (0x3f, 0x06),
        "too many immediate commands"
    );
}

#[test]
fn n5_r2t_and_data_in_without_status_take_no_stat_sn() {
    let mut target = session(&[("ImmediateData", "No"), ("MaxRecvDataSegmentLength", "512")]);
    let first = SerialNumber(FIRST_STAT_SN).next();
    target.feed(&bytes_of(write_command(1, 0, 100).emit(), &[]));
    let r2t = target.pdus().remove(0);
    assert_eq!(
        (r2t.opcode(), r2t.u32(24)),
        (0x31, first.0),
        "the next, not taken"
    );
    target.feed(&bytes_of(read_command(2, 1, 1024).emit(), &[]));
    assert!(target.pdus().is_empty(), "the write is before it");
    let data = iscsi::wire::DataOut {
        is_final: true,
        lun: [0; 8],
        task_tag: 1,
        transfer_tag: r2t.u32(20),
        expected_stat_sn: SerialNumber(0),
        data_sn: SerialNumber(0),
        buffer_offset: 0,
    };
    target.feed(&bytes_of(data.emit(), &pattern(100, 1)));
    let pdus = target.pdus();
    let summary: Vec<_> = pdus.iter().map(|p| (p.opcode(), p.u32(24))).collect();
    assert_eq!(
        summary,
        [(0x21, first.0), (0x25, 0), (0x25, first.next().0)]
    );
}

#[test]
fn n7_a_command_in_progress_sent_again_is_discarded() {
    let mut target = session(&[]);
    target.hold = true;
    target.feed(&ready(1, 0));
    target.feed(&ready(1, 0));
    assert_eq!(target.held.len(), 1);
    assert!(target.pdus().is_empty());
}

#[test]
fn n8_the_window_closes_when_full_and_each_response_opens_it() {
    let limits = Limits {
        command_window: 4,
        ..Limits::default()
    };
    let mut target = Target::new(Offer::default(), limits);
    log_in_by_hand(&mut target, &[]);
    target.hold = true;
    for index in 0..4 {
        target.feed(&ready(index, index));
    }
    target.feed(&ready(4, 4));
    assert_eq!(target.held.len(), 4, "closed");
    // A NOP tells that it is closed.
    target.feed(&bytes_of(nop_out(90).emit(), &[]));
    let echo = NopIn::parse(&target.pdus()[0].header).unwrap();
    assert_eq!(
        echo.counters.max_cmd_sn.next(),
        echo.counters.expected_cmd_sn
    );
    let first = target.held.remove(0);
    target.complete(first.task, Response::good());
    let pdus = target.pdus();
    assert_eq!(pdus.len(), 1, "the response tells it, no NOP-In is needed");
    assert_eq!(counters(&pdus[0]).max_cmd_sn, cmd_sn(4));
    target.feed(&ready(5, 4));
    assert_eq!(target.held.len(), 4);
}

#[test]
fn n8_a_data_in_with_status_opens_the_window_too() {
    let limits = Limits {
        command_window: 1,
        ..Limits::default()
    };
    let mut target = Target::new(Offer::default(), limits);
    log_in_by_hand(&mut target, &[]);
    target.hold = true;
    target.feed(&bytes_of(read_command(1, 0, 100).emit(), &[]));
    target.feed(&bytes_of(nop_out(90).emit(), &[]));
    target.pdus();
    let held = target.held.remove(0);
    target.execute(held);
    let pdus = target.pdus();
    assert_eq!(
        (pdus.len(), pdus[0].opcode()),
        (1, 0x25),
        "no NOP-In is needed"
    );
    assert_eq!(pdus[0].u32(32), cmd_sn(1).0);
}

#[test]
fn n8_a_window_that_opens_without_a_response_is_told_with_nop_in() {
    let limits = Limits {
        command_window: 1,
        ..Limits::default()
    };
    let mut target = Target::new(Offer::default(), limits);
    log_in_by_hand(&mut target, &[]);
    target.hold = true;
    target.feed(&ready(1, 0));
    target.feed(&bytes_of(nop_out(90).emit(), &[]));
    target.pdus();
    let held = target.held.remove(0);
    target.connection.abandon(held.task);
    let pdus = target.pdus();
    let notice = NopIn::parse(&Header(pdus[0].header.0)).unwrap();
    assert_eq!(
        (notice.task_tag, notice.transfer_tag),
        (RESERVED_TAG, RESERVED_TAG)
    );
    assert_eq!(notice.counters.max_cmd_sn, notice.counters.expected_cmd_sn);
    assert_eq!(pdus.len(), 1);
}

#[test]
fn n1_a_window_that_is_made_smaller_keeps_its_promises() {
    let mut target = session(&[]);
    target.connection.set_command_window(2);
    target.hold = true;
    for index in 0..32 {
        target.feed(&ready(index, index));
    }
    assert_eq!(target.held.len(), 32, "promised");
    for held in std::mem::take(&mut target.held) {
        target.execute(held);
    }
    let last = target.pdus().pop().unwrap();
    assert_eq!(counters(&last).max_cmd_sn, cmd_sn(33), "two more");
    target.connection.set_command_window(3);
    target.hold = false;
    target.feed(&ready(40, 32));
    assert_eq!(counters(&target.pdus()[0]).max_cmd_sn, cmd_sn(35));
}

#[test]
fn n3_what_waits_for_an_earlier_number_is_bounded() {
    let mut target = session(&[]);
    let mut nop = nop_out(50);
    nop.immediate = false;
    let mut rejected = 0;
    for index in 1..32 {
        nop.task_tag = 50 + index;
        nop.cmd_sn = cmd_sn(index);
        target.feed(&bytes_of(nop.emit(), &pattern(100_000, 1)));
        for pdu in target.pdus() {
            assert_eq!((pdu.opcode(), pdu.byte(2)), (0x3f, 0x0a));
            rejected += 1;
        }
    }
    assert_eq!(rejected, 21, "ten of 100000 bytes have room in 1 MiB");
    target.feed(&ready(1, 0));
    assert_eq!(target.pdus().len(), 11);
}

#[test]
fn n9_a_tag_in_use_is_rejected_without_harm() {
    let mut target = session(&[]);
    target.hold = true;
    target.feed(&ready(1, 0));
    target.feed(&ready(1, 1));
    let pdus = target.pdus();
    assert_eq!(
        (pdus[0].opcode(), pdus[0].byte(2)),
        (0x3f, 0x07),
        "task in progress"
    );
    target.hold = false;
    let held = target.held.remove(0);
    target.execute(held);
    target.feed(&ready(2, 1)); // its number was not taken (RFC 7143 §11.17.1)
    assert_eq!(tags(&target.pdus()), [1, 2]);
}
