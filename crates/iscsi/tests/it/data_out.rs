//! Data-Out and R2T, right and wrong (RFC 7143 §4.2.5, §11.7, §11.8): R1 to R11.

use crate::rig::*;
use iscsi::memory::SESSION_GUARANTEED_BYTES;
use iscsi::wire::{DataOut, RESERVED_TAG, ReadyToTransfer, SerialNumber, TaskManagementRequest};
use iscsi::{CloseReason, Limits, Offer};

/// A Data-Out by hand.
fn data_out(itt: u32, ttt: u32, data_sn: u32, offset: u32, last: bool) -> DataOut {
    DataOut {
        is_final: last,
        lun: [0; 8],
        task_tag: itt,
        transfer_tag: ttt,
        expected_stat_sn: SerialNumber(0),
        data_sn: SerialNumber(data_sn),
        buffer_offset: offset,
    }
}

fn r2t(pdu: &Pdu) -> ReadyToTransfer {
    assert_eq!(pdu.opcode(), 0x31, "{pdu:?}");
    ReadyToTransfer::parse(&pdu.header).unwrap()
}

/// Returns key, code and qualifier of the one CHECK CONDITION in `pdus`.
fn sense(pdus: &[Pdu]) -> (u8, u8, u8) {
    assert_eq!(pdus.len(), 1, "{pdus:?}");
    assert_eq!((pdus[0].opcode(), pdus[0].byte(3)), (0x21, 0x02));
    let sense = &pdus[0].data[2..];
    (sense[2] & 0x0f, sense[12], sense[13])
}

const UNEXPECTED: (u8, u8, u8) = (0x0b, 0x0c, 0x0c);
const INCORRECT: (u8, u8, u8) = (0x0b, 0x0c, 0x0d);

/// After whatever happened the session works.
fn still_works(target: &mut Target, index: u32) {
    assert_eq!(target.closed, None);
    target.feed(&bytes_of(read_command(0x77, index, 8).emit(), &[]));
    let pdus = target.pdus();
    assert_eq!((pdus.len(), pdus[0].opcode()), (1, 0x25));
    assert_eq!(pdus[0].data, pattern(8, 8));
    target.executed.pop();
}

#[test]
fn r1_r2ts_are_numbered_tagged_contiguous_and_bounded() {
    let mut target = session(&[
        ("ImmediateData", "No"),
        ("MaxBurstLength", "1000"),
        ("MaxOutstandingR2T", "2"),
    ]);
    let mut command = write_command(1, 0, 2500);
    command.lun = [0, 3, 0, 0, 0, 0, 0, 0];
    target.feed(&bytes_of(command.emit(), &[]));
    let first: Vec<_> = target.pdus().iter().map(r2t).collect();
    let second_wave = |target: &mut Target, r: &ReadyToTransfer| {
        let data = pattern(2500, 1)
            .slice(r.buffer_offset as usize..(r.buffer_offset + r.desired_length) as usize);
        let pdu = data_out(1, r.transfer_tag, 0, r.buffer_offset, true);
        target.feed(&bytes_of(pdu.emit(), &data));
        target.pdus()
    };
    assert_eq!(first.len(), 2, "MaxOutstandingR2T");
    let third = second_wave(&mut target, &first[0]);
    let all = [first[0], first[1], r2t(&third[0])];
    let places: Vec<_> = all
        .iter()
        .map(|r| (r.r2t_sn.0, r.buffer_offset, r.desired_length))
        .collect();
    assert_eq!(places, [(0, 0, 1000), (1, 1000, 1000), (2, 2000, 500)]);
    assert!(
        all.iter()
            .all(|r| r.lun == command.lun && r.transfer_tag != RESERVED_TAG)
    );
    assert!(
        all[0].transfer_tag != all[1].transfer_tag && all[1].transfer_tag != all[2].transfer_tag
    );
    assert!(second_wave(&mut target, &all[1]).is_empty());
    let response = second_wave(&mut target, &all[2]);
    assert_eq!((response[0].opcode(), response[0].byte(3)), (0x21, 0));
    assert_eq!(response[0].u32(36), 0, "ExpDataSN counts Data-In (§11.4.8)");
    assert_eq!(target.executed[0].1, pattern(2500, 1));
}

#[test]
fn r2t_comes_with_the_header_when_only_immediate_data_follows() {
    let mut target = session(&[]);
    let whole = bytes_of(write_command(1, 0, 5000).emit(), &pattern(1000, 1));
    target.feed(&whole[..48]);
    let asked = r2t(&target.pdus()[0]);
    assert_eq!((asked.buffer_offset, asked.desired_length), (1000, 4000));
    target.feed(&whole[48..]);
    assert!(target.pdus().is_empty());
}

#[test]
fn r2_a_data_out_without_data_is_accepted() {
    let mut target = session(&[("ImmediateData", "No")]);
    target.feed(&bytes_of(write_command(1, 0, 10).emit(), &[]));
    let ttt = r2t(&target.pdus()[0]).transfer_tag;
    target.feed(&bytes_of(data_out(1, ttt, 0, 0, false).emit(), &[]));
    assert!(target.pdus().is_empty());
    target.feed(&bytes_of(
        data_out(1, ttt, 1, 0, true).emit(),
        &pattern(10, 1),
    ));
    assert_eq!(target.pdus()[0].byte(3), 0);
    assert_eq!(target.executed[0].1, pattern(10, 1));
}

#[test]
fn r3_immediate_data_that_was_not_agreed() {
    // ImmediateData=No.
    let mut target = session(&[("ImmediateData", "No")]);
    target.feed(&bytes_of(write_command(1, 0, 10).emit(), &pattern(10, 1)));
    assert_eq!(sense(&target.pdus()), UNEXPECTED);
    assert!(target.executed.is_empty());
    // Over FirstBurstLength.
    let mut target = session(&[("FirstBurstLength", "512")]);
    target.feed(&bytes_of(
        write_command(1, 0, 2000).emit(),
        &pattern(513, 1),
    ));
    assert_eq!(sense(&target.pdus()), UNEXPECTED);
    still_works(&mut target, 1);
    // Over what was announced.
    let mut target = session(&[]);
    target.feed(&bytes_of(write_command(1, 0, 10).emit(), &pattern(11, 1)));
    assert_eq!(sense(&target.pdus()), INCORRECT);
    // With a command that writes nothing.
    target.feed(&bytes_of(read_command(2, 1, 10).emit(), &pattern(10, 1)));
    assert_eq!(sense(&target.pdus()), UNEXPECTED);
    // F=0 though everything is there.
    let mut command = write_command(3, 2, 10);
    command.is_final = false;
    let mut target = session(&[("InitialR2T", "No")]);
    command.cmd_sn = cmd_sn(0);
    target.feed(&bytes_of(command.emit(), &pattern(10, 1)));
    assert_eq!(sense(&target.pdus()), INCORRECT);
    still_works(&mut target, 1);
}

#[test]
fn r4_unsolicited_data_with_initial_r2t() {
    let mut target = session(&[]); // InitialR2T=Yes is the default
    let mut command = write_command(1, 0, 3000);
    command.is_final = false;
    target.feed(&bytes_of(command.emit(), &pattern(100, 1)));
    target.feed(&bytes_of(
        data_out(1, RESERVED_TAG, 0, 100, true).emit(),
        &pattern(2900, 1),
    ));
    assert_eq!(sense(&target.pdus()), UNEXPECTED);
    // F=1 was said, and unsolicited data comes all the same.
    target.feed(&bytes_of(
        write_command(2, 1, 3000).emit(),
        &pattern(100, 1),
    ));
    let ttt = r2t(&target.pdus()[0]).transfer_tag;
    target.feed(&bytes_of(
        data_out(2, RESERVED_TAG, 0, 100, true).emit(),
        &pattern(2900, 1),
    ));
    assert!(
        target.pdus().is_empty(),
        "the burst that was asked for is still to come (R10)"
    );
    target.feed(&bytes_of(
        data_out(2, ttt, 0, 100, true).emit(),
        &pattern(2900, 1),
    ));
    assert_eq!(sense(&target.pdus()), UNEXPECTED);
    assert!(target.executed.is_empty());
    still_works(&mut target, 2);
}

#[test]
fn r5_unsolicited_data_is_exactly_as_much_as_was_agreed() {
    for (lengths, expected) in [
        (&[300, 212][..], None),
        (&[300, 211], Some(INCORRECT)),
        (&[300], Some(INCORRECT)),
        (&[300, 213], Some(UNEXPECTED)),
    ] {
        let mut target = session(&[("InitialR2T", "No"), ("FirstBurstLength", "612")]);
        let mut command = write_command(1, 0, 1000);
        command.is_final = false;
        target.feed(&bytes_of(command.emit(), &pattern(100, 1)));
        let mut offset = 100;
        for (index, length) in lengths.iter().enumerate() {
            let last = index + 1 == lengths.len();
            assert!(
                target.pdus().is_empty(),
                "R10: no status before the last PDU"
            );
            let pdu = data_out(1, RESERVED_TAG, index as u32, offset, last);
            target.feed(&bytes_of(pdu.emit(), &pattern(*length as usize, 1)));
            offset += length;
        }
        let pdus = target.pdus();
        if let Some(expected) = expected {
            assert_eq!(sense(&pdus), expected, "{lengths:?}");
            still_works(&mut target, 1);
        } else {
            let rest = r2t(&pdus[0]);
            assert_eq!((rest.buffer_offset, rest.desired_length), (612, 388));
        }
    }
}

#[test]
fn r5_unsolicited_data_has_its_number_and_its_place() {
    for (data_sn, offset) in [(1, 100), (0, 101), (0, 99), (0, 0)] {
        let mut target = session(&[("InitialR2T", "No"), ("FirstBurstLength", "612")]);
        let mut command = write_command(1, 0, 1000);
        command.is_final = false;
        target.feed(&bytes_of(command.emit(), &pattern(100, 1)));
        let pdu = data_out(1, RESERVED_TAG, data_sn, offset, true);
        target.feed(&bytes_of(pdu.emit(), &pattern(612 - offset as usize, 1)));
        assert_eq!(
            sense(&target.pdus()),
            INCORRECT,
            "DataSN {data_sn}, offset {offset}"
        );
        assert!(target.executed.is_empty());
    }
}

#[test]
fn r7_data_for_a_task_that_takes_none_is_rejected_or_ignored() {
    let mut target = session(&[]);
    target.hold = true;
    target.feed(&bytes_of(write_command(1, 0, 10).emit(), &pattern(10, 1)));
    target.feed(&bytes_of(
        data_out(1, RESERVED_TAG, 0, 0, true).emit(),
        &pattern(10, 2),
    ));
    let pdu = target.pdus().remove(0);
    assert_eq!(
        (pdu.opcode(), pdu.byte(2)),
        (0x3f, 0x09),
        "it is being executed"
    );
    // A write that failed, and has to wait for the answer because one before it lacks data.
    target.feed(&bytes_of(write_command(2, 1, 5000).emit(), &[]));
    target.feed(&bytes_of(write_command(3, 2, 10).emit(), &pattern(11, 1)));
    target.pdus();
    target.feed(&bytes_of(
        data_out(3, RESERVED_TAG, 0, 0, true).emit(),
        &pattern(10, 2),
    ));
    assert!(target.pdus().is_empty(), "one fault, one answer");
    let held = target.held.remove(0);
    target.execute(held);
    assert_eq!(target.executed[0].1, pattern(10, 1));
}

/// Asks for 3000 bytes in one burst and sends what `pdus` say: DataSN, offset, length, F.
fn answer_r2t(pdus: &[(u32, u32, usize, bool)]) -> Target {
    let mut target = session(&[("ImmediateData", "No")]);
    target.feed(&bytes_of(write_command(1, 0, 3000).emit(), &[]));
    let ttt = r2t(&target.pdus()[0]).transfer_tag;
    for (data_sn, offset, length, last) in pdus {
        let pdu = data_out(1, ttt, *data_sn, *offset, *last);
        target.feed(&bytes_of(pdu.emit(), &pattern(*length, 1)));
    }
    target
}

#[test]
fn r6_wrong_number_offset_or_length_is_never_good_and_never_outside() {
    let wrong: [&[(u32, u32, usize, bool)]; 12] = [
        &[(0, 0, 3001, false), (1, 3001, 0, true)],
        &[(1, 0, 3000, true)],
        &[(0, 1, 2999, true)],
        &[(0, 0, 3001, true)],
        &[(0, 0, 2999, true)],
        &[(0, 0, 4000, true)],
        &[(0, 0xffff_ff00, 3000, true)],
        &[(0, 0xffff_ffff, 1, true)],
        &[(0, 0, 1000, false), (1, 1001, 1999, true)],
        &[(0, 0, 1000, false), (1, 0, 2000, true)],
        &[(0, 0, 1000, false), (3, 1000, 2000, true)],
        &[
            (0, 1000, 1000, false),
            (1, 0, 1000, false),
            (2, 2000, 1000, true),
        ],
    ];
    for pdus in wrong {
        let mut target = answer_r2t(pdus);
        assert_eq!(sense(&target.pdus()), INCORRECT, "{pdus:?}");
        assert!(target.executed.is_empty());
        still_works(&mut target, 1);
    }
    let mut right = answer_r2t(&[(0, 0, 1000, false), (1, 1000, 2000, true)]);
    assert_eq!(right.pdus()[0].byte(3), 0);
}

#[test]
fn r6_a_burst_that_is_complete_without_f_fails_at_once() {
    let mut target = answer_r2t(&[(0, 0, 3000, false)]);
    assert_eq!(sense(&target.pdus()), INCORRECT);
    still_works(&mut target, 1);
}

#[test]
fn r6_bursts_come_in_the_order_of_their_r2ts() {
    let mut target = session(&[
        ("ImmediateData", "No"),
        ("MaxBurstLength", "512"),
        ("MaxOutstandingR2T", "2"),
    ]);
    target.feed(&bytes_of(write_command(1, 0, 1024).emit(), &[]));
    let asked: Vec<_> = target.pdus().iter().map(r2t).collect();
    target.feed(&bytes_of(
        data_out(1, asked[1].transfer_tag, 0, 512, true).emit(),
        &pattern(512, 1),
    ));
    assert!(target.pdus().is_empty());
    target.feed(&bytes_of(
        data_out(1, asked[0].transfer_tag, 0, 0, true).emit(),
        &pattern(512, 1),
    ));
    assert_eq!(sense(&target.pdus()), INCORRECT);
}

#[test]
fn r7_unknown_tags_are_rejected_and_the_task_goes_on() {
    let mut target = session(&[("ImmediateData", "No")]);
    target.feed(&bytes_of(write_command(1, 0, 100).emit(), &[]));
    let ttt = r2t(&target.pdus()[0]).transfer_tag;
    for (itt, ttt) in [(99, ttt), (99, RESERVED_TAG), (1, ttt + 1)] {
        target.feed(&bytes_of(
            data_out(itt, ttt, 0, 0, true).emit(),
            &pattern(100, 2),
        ));
        let pdus = target.pdus();
        assert_eq!((pdus[0].opcode(), pdus[0].byte(2)), (0x3f, 0x09));
    }
    target.feed(&bytes_of(
        data_out(1, ttt, 0, 0, true).emit(),
        &pattern(100, 1),
    ));
    assert_eq!(target.pdus()[0].byte(3), 0);
    assert_eq!(target.executed[0].1, pattern(100, 1));
}

#[test]
fn r8_the_lun_of_data_out_is_not_looked_at() {
    let mut target = session(&[("ImmediateData", "No")]);
    let mut command = write_command(1, 0, 100);
    command.lun = [0, 2, 0, 0, 0, 0, 0, 0];
    target.feed(&bytes_of(command.emit(), &[]));
    let ttt = r2t(&target.pdus()[0]).transfer_tag;
    target.feed(&bytes_of(
        data_out(1, ttt, 0, 0, true).emit(),
        &pattern(100, 1),
    ));
    assert_eq!(target.pdus()[0].byte(3), 0);
}

#[test]
fn r9_a_pdu_over_our_segment_length_ends_the_connection() {
    let mut target = session(&[]);
    let mut header = write_command(1, 0, 2 << 20).emit();
    header.set_data_length((1 << 20) + 1);
    target.feed(&header.0);
    assert!(matches!(target.closed, Some(CloseReason::ProtocolError(_))));
}

#[test]
fn r10_a_command_that_fails_swallows_what_is_on_its_way() {
    let limits = Limits {
        data_out_max: 1000,
        ..Limits::default()
    };
    let mut target = Target::new(Offer::default(), limits);
    log_in_by_hand(
        &mut target,
        &[("InitialR2T", "No"), ("FirstBurstLength", "600")],
    );
    let mut command = write_command(1, 0, 5000);
    command.is_final = false;
    target.feed(&bytes_of(command.emit(), &pattern(200, 1)));
    assert!(target.pdus().is_empty());
    target.feed(&bytes_of(
        data_out(1, RESERVED_TAG, 0, 200, false).emit(),
        &pattern(200, 1),
    ));
    assert!(target.pdus().is_empty());
    target.feed(&bytes_of(
        data_out(1, RESERVED_TAG, 1, 400, true).emit(),
        &pattern(200, 1),
    ));
    assert_eq!(
        sense(&target.pdus()),
        (0x05, 0x24, 0x00),
        "more than data_out_max"
    );
    still_works(&mut target, 1);
}

#[test]
fn r11_everything_else_goes_on_while_data_is_awaited() {
    let mut target = session(&[("ImmediateData", "No")]);
    target.feed(&bytes_of(write_command(1, 0, 100).emit(), &[]));
    let ttt = r2t(&target.pdus()[0]).transfer_tag;
    target.feed(&bytes_of(nop_out(2).emit(), b"alive?"));
    assert_eq!(target.pdus()[0].data, b"alive?");
    let mut other = command(3, 1, &TEST_UNIT_READY);
    other.lun = [0, 1, 0, 0, 0, 0, 0, 0];
    target.feed(&bytes_of(other.emit(), &[]));
    assert_eq!(
        target.pdus()[0].u32(16),
        3,
        "another logical unit does not wait"
    );
    let same = command(4, 2, &TEST_UNIT_READY);
    target.feed(&bytes_of(same.emit(), &[]));
    assert!(target.pdus().is_empty(), "the same one does");
    target.feed(&bytes_of(
        data_out(1, ttt, 0, 0, true).emit(),
        &pattern(100, 1),
    ));
    let tags: Vec<_> = target.pdus().iter().map(|pdu| pdu.u32(16)).collect();
    assert_eq!(tags, [1, 4]);
}

/// A target with four writes of 1 MiB announced, and room for one.
fn crowded() -> Target {
    let limits = Limits {
        session_memory_max: SESSION_GUARANTEED_BYTES,
        ..Limits::default()
    };
    let mut target = Target::new(Offer::default(), limits);
    log_in_by_hand(
        &mut target,
        &[("ImmediateData", "No"), ("MaxBurstLength", "1048576")],
    );
    target.hold = true;
    for index in 0..4 {
        target.feed(&bytes_of(write_command(index, index, 1 << 20).emit(), &[]));
    }
    target
}

/// Returns the tasks for which there are R2Ts.
fn asked(pdus: &[Pdu]) -> Vec<u32> {
    let r2ts = pdus.iter().filter(|pdu| pdu.opcode() == 0x31);
    r2ts.map(|pdu| pdu.u32(16)).collect()
}

#[test]
fn r2ts_are_withheld_while_the_session_holds_enough() {
    let mut target = crowded();
    for index in 0..4 {
        let pdus = target.pdus();
        assert_eq!(asked(&pdus), [index], "one after the other");
        let r2t = r2t(pdus.iter().find(|pdu| pdu.opcode() == 0x31).unwrap());
        let pdu = data_out(index, r2t.transfer_tag, 0, 0, true);
        target.feed(&bytes_of(pdu.emit(), &pattern(1 << 20, 1)));
        assert!(target.pdus().is_empty(), "what the device has is held");
        let held = target.held.remove(0);
        target.execute(held);
    }
}

#[test]
fn an_aborted_write_gives_its_room_back() {
    let mut target = crowded();
    assert_eq!(asked(&target.pdus()), [0]);
    for itt in 0..2 {
        let abort = TaskManagementRequest {
            immediate: true,
            function: 1,
            lun: [0; 8],
            task_tag: 0x900 + itt,
            referenced_task_tag: itt,
            cmd_sn: cmd_sn(4),
            expected_stat_sn: SerialNumber(0),
            referenced_cmd_sn: cmd_sn(itt),
            expected_data_sn: SerialNumber(0),
        };
        target.feed(&bytes_of(abort.emit(), &[]));
        assert_eq!(asked(&target.pdus()), [itt + 1]);
    }
}

#[test]
fn the_data_of_a_failed_command_is_kept_nowhere() {
    let mut target = session(&[
        ("ImmediateData", "No"),
        ("MaxRecvDataSegmentLength", "1048576"),
    ]);
    let mut header = write_command(1, 0, 1 << 20).emit();
    header.set_data_length(1 << 20);
    target.feed(&header.0);
    assert_eq!(target.connection.want().len(), 64 << 10, "the sink");
    target.feed(&pattern(1 << 20, 1));
    assert_eq!(sense(&target.pdus()), UNEXPECTED);
}
