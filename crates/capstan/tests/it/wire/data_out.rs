//! Data-Out and R2T: R1 to R11 (RFC 7143 §4.2.5, §11.7, §11.8).

use iscsi::wire::{DataOut, Opcode, RESERVED_TAG, ScsiCommand, ScsiResponse, SerialNumber};

use super::data_in::{gateway, position, session};
use super::peer::{Peer, value};
use super::scsi::{ABORTED_COMMAND, CHECK_CONDITION, REWIND, TEST_UNIT_READY, read6};
use crate::support::{TestGateway, noise};

/// RFC 7143 §11.4.7.2.
const UNEXPECTED: (u8, u8, u8) = (ABORTED_COMMAND, 0x0c, 0x0c);
const INCORRECT: (u8, u8, u8) = (ABORTED_COMMAND, 0x0c, 0x0d);
const INVALID_PDU_FIELD: u8 = 0x09;

/// Sees that a write failed with this sense, and that the session and the tape are as before.
fn assert_failed(peer: &mut Peer, tag: u32, sense: (u8, u8, u8)) {
    let outcome = peer.outcome(tag);
    assert_eq!((outcome.status, outcome.sense), (CHECK_CONDITION, sense));
    assert_eq!(position(peer), 0, "nothing is written");
}

/// RFC 7143 §11.8.
#[test]
fn r1_r2ts_are_numbered_contiguous_and_no_longer_than_a_burst() {
    let gateway = gateway();
    let keys = [("MaxBurstLength", "4096"), ("MaxOutstandingR2T", "1")];
    let mut peer = session(&gateway, &keys);
    let block = noise(2, 10_000);
    let command = peer.write_command(10_000);
    peer.send(command.emit(), b"");
    let mut tags = Vec::new();
    for (number, (offset, length)) in [(0, 4096), (4096, 4096), (8192, 1808)].iter().enumerate() {
        let r2t = peer.r2t(command.task_tag);
        assert_eq!(r2t.r2t_sn.0 as usize, number);
        assert_eq!((r2t.buffer_offset, r2t.desired_length), (*offset, *length));
        assert_eq!(r2t.lun, command.lun);
        assert!(r2t.transfer_tag != RESERVED_TAG && !tags.contains(&r2t.transfer_tag));
        tags.push(r2t.transfer_tag);
        let data = &block[*offset as usize..(offset + length) as usize];
        peer.send(peer.data_out(&r2t).emit(), data);
    }
    peer.outcome(command.task_tag).assert_good();
    peer.plain(&REWIND).assert_good();
    assert_eq!(peer.read(&read6(10_000), 10_000).data, block);
}

/// RFC 7143 §11.4.8: ExpDataSN is the number of Data-In PDUs. RFC 3720 §10.4.8 counted R2Ts too.
#[test]
fn r1_d4_the_response_counts_data_in_and_no_r2ts() {
    let gateway = gateway();
    let keys = [
        ("MaxBurstLength", "4096"),
        ("MaxRecvDataSegmentLength", "4096"),
    ];
    let mut peer = session(&gateway, &keys);
    let block = noise(2, 10_000);
    let command = peer.write_command(10_000);
    peer.send(command.emit(), b"");
    for _ in 0..3 {
        let r2t = peer.r2t(command.task_tag);
        let end = r2t.buffer_offset + r2t.desired_length;
        let data = &block[r2t.buffer_offset as usize..end as usize];
        peer.send(peer.data_out(&r2t).emit(), data);
    }
    let response = peer.receive();
    let of_write = ScsiResponse::parse(&response.header).unwrap();
    assert_eq!((of_write.status, of_write.expected_data_sn.0), (0, 0));
    peer.plain(&REWIND).assert_good();
    // A short block comes with sense, so that its status needs a SCSI Response.
    let command = peer.read_command(20_000);
    peer.send(command.emit(), b"");
    let response = loop {
        let pdu = peer.receive();
        if pdu.opcode() == Opcode::ScsiResponse {
            break pdu;
        }
    };
    let of_read = ScsiResponse::parse(&response.header).unwrap();
    assert_eq!((of_read.status, of_read.expected_data_sn.0), (2, 3));
}

/// RFC 7143 §11.7: a Data-Out may be empty (CVE-2021-28361 was one).
#[test]
fn r2_an_empty_data_out_is_accepted() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[]);
    let command = peer.write_command(512);
    peer.send(command.emit(), b"");
    let r2t = peer.r2t(command.task_tag);
    let data_out = peer.data_out(&r2t);
    let empty = DataOut {
        is_final: false,
        ..data_out
    };
    peer.send(empty.emit(), b"");
    peer.ping();
    let rest = DataOut {
        data_sn: SerialNumber(1),
        ..data_out
    };
    peer.send(rest.emit(), &[3; 512]);
    peer.outcome(command.task_tag).assert_good();
}

/// RFC 7143 §11.4.7.2, §13.11, §13.14. DECIDED: the command fails and the session lives.
#[test]
fn r3_immediate_data_that_was_not_agreed_fails_the_command() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[("ImmediateData", "No")]);
    let command = peer.write_command(512);
    peer.send(command.emit(), &[1; 512]);
    assert_failed(&mut peer, command.task_tag, UNEXPECTED);

    let mut peer = session(&gateway, &[("FirstBurstLength", "512")]);
    let command = peer.write_command(2048);
    peer.send(command.emit(), &[1; 513]);
    assert_failed(&mut peer, command.task_tag, UNEXPECTED);
    // More than the command is about.
    let command = peer.write_command(100);
    peer.send(command.emit(), &[1; 101]);
    assert_failed(&mut peer, command.task_tag, INCORRECT);
    // More to come, says F=0, though nothing can.
    let mut peer = session(&gateway, &[("InitialR2T", "No")]);
    let command = ScsiCommand {
        is_final: false,
        ..peer.write_command(100)
    };
    peer.send(command.emit(), &[1; 100]);
    assert_failed(&mut peer, command.task_tag, INCORRECT);
}

/// RFC 7143 §13.10.
#[test]
fn r4_unsolicited_data_with_initial_r2t_fails_the_command() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[("InitialR2T", "Yes")]);
    let command = ScsiCommand {
        is_final: false,
        ..peer.write_command(1024)
    };
    peer.send(command.emit(), &[1; 512]);
    peer.send(peer.unsolicited(&command, 512).emit(), &[1; 512]);
    assert_failed(&mut peer, command.task_tag, UNEXPECTED);
}

/// RFC 7143 §11.4.7.2, §4.2.5.2: as much as FirstBurstLength, or all there is.
#[test]
fn r5_unsolicited_data_is_as_much_as_was_agreed() {
    let gateway = gateway();
    let keys = [("InitialR2T", "No"), ("FirstBurstLength", "1024")];
    for (second, sense) in [(511, INCORRECT), (513, UNEXPECTED)] {
        let mut peer = session(&gateway, &keys);
        let command = ScsiCommand {
            is_final: false,
            ..peer.write_command(4096)
        };
        peer.send(command.emit(), &[1; 512]);
        peer.send(peer.unsolicited(&command, 512).emit(), &vec![1; second]);
        assert_failed(&mut peer, command.task_tag, sense);
    }
    let mut peer = session(&gateway, &keys);
    let command = ScsiCommand {
        is_final: false,
        ..peer.write_command(4096)
    };
    peer.send(command.emit(), &[1; 512]);
    peer.send(peer.unsolicited(&command, 512).emit(), &[2; 512]);
    let r2t = peer.r2t(command.task_tag);
    assert_eq!((r2t.buffer_offset, r2t.desired_length), (1024, 3072));
    peer.send(peer.data_out(&r2t).emit(), &[3; 3072]);
    peer.outcome(command.task_tag).assert_good();
}

/// RFC 7143 §11.7.4 to §11.7.6, §7.13.
#[test]
fn r6_wrong_number_place_or_length_is_never_good_and_never_written() {
    let gateway = gateway();
    let wrong: [(u32, u32, usize); 6] = [
        (1, 0, 4096),
        (0, 4, 4092),
        (0, 4096, 4096),
        (0, u32::MAX - 3, 4096),
        (0, 0, 8192),
        (0, 0, 4092),
    ];
    for (data_sn, offset, length) in wrong {
        let mut peer = session(&gateway, &[("MaxBurstLength", "4096")]);
        let command = peer.write_command(4096);
        peer.send(command.emit(), b"");
        let r2t = peer.r2t(command.task_tag);
        let data_out = DataOut {
            data_sn: SerialNumber(data_sn),
            buffer_offset: offset,
            ..peer.data_out(&r2t)
        };
        peer.send(data_out.emit(), &vec![9; length]);
        assert_failed(&mut peer, command.task_tag, INCORRECT);
    }
}

/// RFC 7143 §11.17.1. R8: Windows leaves the LUN of Data-Out empty or wrong.
#[test]
fn r7_r8_unknown_tags_are_rejected_and_the_lun_of_data_out_is_not_looked_at() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[]);
    let command = peer.write_command(512);
    peer.send(command.emit(), b"");
    let r2t = peer.r2t(command.task_tag);
    let right = peer.data_out(&r2t);
    let wrong = [
        DataOut {
            task_tag: 0x0bad_0bad,
            ..right
        },
        DataOut {
            transfer_tag: r2t.transfer_tag.wrapping_add(1),
            ..right
        },
    ];
    for data_out in wrong {
        peer.send(data_out.emit(), &[1; 512]);
        assert_eq!(peer.receive().reject_reason(), INVALID_PDU_FIELD);
        peer.ping();
    }
    let elsewhere = DataOut {
        lun: [0, 9, 0, 0, 0, 0, 0, 0],
        ..right
    };
    peer.send(elsewhere.emit(), &[2; 512]);
    peer.outcome(command.task_tag).assert_good();
}

/// RFC 7143 §13.12. DECIDED: a PDU over our limit ends the connection; what follows it cannot be told
/// from an attack.
#[test]
fn r9_a_pdu_over_our_segment_length_ends_the_connection() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[]);
    let told = value(&peer.keys, "MaxRecvDataSegmentLength").unwrap();
    let limit: usize = told.parse().unwrap();
    let mut nop = peer.nop(1).emit();
    nop.set_data_length(limit + 1);
    peer.send_bytes(&nop.0);
    peer.expect_end();
}

/// RFC 7143 §11.4.2: the status waits for the data that the initiator has to send.
#[test]
fn r10_a_command_that_fails_swallows_its_data_first() {
    let gateway = TestGateway::start(); // no tape
    let mut peer = session(&gateway, &[("InitialR2T", "No")]);
    let command = ScsiCommand {
        is_final: false,
        ..peer.write_command(8192)
    };
    peer.send(command.emit(), &[1; 4096]);
    peer.ping(); // no status yet
    peer.send(peer.unsolicited(&command, 4096).emit(), &[1; 4096]);
    let outcome = peer.outcome(command.task_tag);
    assert_eq!(outcome.sense, (0x2, 0x3a, 0x00), "MEDIUM NOT PRESENT");
    peer.ping();
}

/// RFC 7143 §4.2.2, §11.8: an R2T holds up nothing but its own logical unit.
#[test]
fn r11_pings_text_and_immediate_commands_go_on_while_an_r2t_is_outstanding() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[]);
    let command = peer.write_command(512);
    peer.send(command.emit(), b"");
    let r2t = peer.r2t(command.task_tag);
    peer.ping();
    peer.text(&[("X-anything", "1")]);
    let cmd_sn = peer.cmd_sn;
    let immediate = ScsiCommand {
        immediate: true,
        ..peer.command(&TEST_UNIT_READY)
    };
    peer.cmd_sn = cmd_sn;
    peer.run(immediate, b"").assert_good();
    peer.send(peer.data_out(&r2t).emit(), &[1; 512]);
    peer.outcome(command.task_tag).assert_good();
}

/// SAM-5 §4.7.2, RFC 7143 §11.4.2: the data for a unit that is not there is swallowed like any other.
#[test]
fn r10_a_write_to_a_unit_that_is_not_there_swallows_its_data() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[("InitialR2T", "No")]);
    for lun in [[0, 9, 0, 0, 0, 0, 0, 0], [0xff; 8]] {
        let command = ScsiCommand {
            lun,
            is_final: false,
            ..peer.write_command(1024)
        };
        peer.send(command.emit(), &[1; 512]);
        peer.send(peer.unsolicited(&command, 512).emit(), &[1; 512]);
        let outcome = peer.outcome(command.task_tag);
        assert_eq!(
            outcome.sense,
            (0x5, 0x25, 0x00),
            "LOGICAL UNIT NOT SUPPORTED"
        );
        peer.ping();
    }
}
