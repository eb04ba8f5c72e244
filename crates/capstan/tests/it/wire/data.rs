//! Data both ways and residuals: D1 to D4, R1 to R11, U1 to U3 (RFC 7143 §4.2.5, §11.4, §11.7, §11.8).

use capstan::gateway::targets::Device;
use iscsi::wire::{DataIn, DataOut, Opcode, RESERVED_TAG, Residual, ScsiCommand, SerialNumber};

use super::peer::{Login, Peer};
use super::scsi::{
    ABORTED_COMMAND, CHECK_CONDITION, GOOD, INQUIRY, REWIND, TEST_UNIT_READY, read6, write6,
};
use crate::support::{TestGateway, noise};

/// RFC 7143 §11.4.7.2.
const UNEXPECTED: (u8, u8, u8) = (ABORTED_COMMAND, 0x0c, 0x0c);
const INCORRECT: (u8, u8, u8) = (ABORTED_COMMAND, 0x0c, 0x0d);
const INVALID_PDU_FIELD: u8 = 0x09;

/// A gateway with a tape in drive 0.
fn gateway() -> TestGateway {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    gateway
}

/// A session at drive 0, ready.
fn session(gateway: &TestGateway, keys: &[(&'static str, &'static str)]) -> Peer {
    let login = Login::to(&gateway.target(Device::Drive(0))).with(keys);
    let mut peer = Peer::log_in(gateway.portal(), &login);
    peer.attentions();
    peer
}

/// The number of the next block: what was written counts, and nothing else.
fn position(peer: &mut Peer) -> u32 {
    let data = peer.read(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0], 20).data;
    u32::from_be_bytes(data[4..8].try_into().unwrap())
}

/// Sees that a write failed with this sense, and that the session and the tape are as before.
fn assert_failed(peer: &mut Peer, tag: u32, sense: (u8, u8, u8)) {
    let outcome = peer.outcome(tag);
    assert_eq!((outcome.status, outcome.sense), (CHECK_CONDITION, sense));
    assert_eq!(position(peer), 0, "nothing is written");
}

/// RFC 7143 §11.7: numbers, places, lengths and bits of Data-In.
#[test]
fn d1_d2_data_in_comes_in_order_in_segments_and_bursts_that_were_agreed() {
    let gateway = gateway();
    let keys = [
        ("MaxRecvDataSegmentLength", "1023"),
        ("MaxBurstLength", "4096"),
    ];
    let mut peer = session(&gateway, &keys);
    let block = noise(1, 10_001);
    peer.write_block(&block).assert_good();
    peer.plain(&REWIND).assert_good();
    let read = peer.read_command(10_001);
    peer.send(read.emit(), b"");
    let mut data = Vec::new();
    let mut burst = 0;
    for expected in 0.. {
        let pdu = peer.receive();
        assert_eq!(pdu.opcode(), Opcode::DataIn);
        let data_in = DataIn::parse(&pdu.header).unwrap();
        assert_eq!(data_in.data_sn, SerialNumber(expected));
        assert_eq!(data_in.buffer_offset as usize, data.len());
        assert_eq!(data_in.task_tag, read.task_tag);
        assert_eq!(
            (data_in.transfer_tag, data_in.lun),
            (RESERVED_TAG, [0; 8]),
            "no A bit"
        );
        assert!(!data_in.acknowledge && pdu.data.len() <= 1023);
        data.extend_from_slice(&pdu.data);
        burst += pdu.data.len();
        let end = data.len() == block.len();
        assert!(end || pdu.data.len().is_multiple_of(4));
        assert_eq!(
            data_in.is_final,
            end || burst == 4096,
            "F at the end of each burst"
        );
        assert!(!data_in.has_status || end, "S only with the last F");
        if data_in.is_final {
            burst = 0;
        }
        if end {
            if data_in.has_status {
                assert_eq!((data_in.status, data_in.residual), (GOOD, Residual::None));
            } else {
                peer.outcome(read.task_tag).assert_good();
            }
            break;
        }
    }
    assert_eq!(data, block);
}

/// RFC 7143 §11.3.4, §11.4.5: nothing is sent that nobody expects.
#[test]
fn d3_without_expected_length_no_data_comes_and_the_overflow_is_told() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[]);
    for read in [true, false] {
        let command = ScsiCommand {
            read,
            ..peer.command(&INQUIRY)
        };
        let outcome = peer.run(command, b"");
        assert!(outcome.data.is_empty());
        assert!(
            matches!(outcome.residual, Residual::Overflow(36..)),
            "{outcome:?}"
        );
    }
}

/// RFC 7143 §11.7.3, §11.4.7: sense comes in a SCSI Response.
#[test]
fn d4_sense_comes_in_a_response_after_the_data() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[]);
    peer.write_block(&[5; 512]).assert_good();
    peer.plain(&REWIND).assert_good();
    let read = peer.read_command(1000);
    peer.send(read.emit(), b"");
    let first = peer.receive();
    assert_eq!(first.opcode(), Opcode::DataIn);
    assert_eq!(first.header.0[1] & 1, 0, "no status with the data");
    assert_eq!(first.data, [5; 512]);
    let last = peer.receive();
    assert_eq!(
        (last.opcode(), last.header.0[3]),
        (Opcode::ScsiResponse, CHECK_CONDITION)
    );
    let length = usize::from(u16::from_be_bytes([last.data[0], last.data[1]]));
    assert_eq!(length, last.data.len() - 2, "SenseLength");
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

/// RFC 7143 §11.7.4 to §11.7.6, §7.11.
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
    let told = super::peer::value(&peer.keys, "MaxRecvDataSegmentLength").unwrap();
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

/// RFC 7143 §11.4.5: the difference, in the direction that it has.
#[test]
fn u1_residuals_are_told_in_data_in_and_in_responses() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[]);
    let whole = peer.read(&INQUIRY, 255).data.len();
    let less = u32::try_from(whole).unwrap() - 6;
    let outcome = peer.read(&INQUIRY, less);
    assert_eq!(
        (outcome.data.len(), outcome.residual),
        (whole - 6, Residual::Overflow(6))
    );
    let outcome = peer.read(&INQUIRY, less + 16);
    assert_eq!(
        (outcome.data.len(), outcome.residual),
        (whole, Residual::Underflow(10))
    );
    let outcome = peer.read(&TEST_UNIT_READY, 100); // no data: in the response
    assert_eq!(
        (outcome.status, outcome.residual),
        (GOOD, Residual::Underflow(100))
    );
}

/// SSC-5 §6.2 with RFC 7143 §11.4.5: what tape software takes the length of a block from.
#[test]
fn u2_short_and_long_blocks_tell_residual_ili_and_information() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[]);
    let block = noise(3, 1000);
    peer.write_block(&block).assert_good();
    let rewound = |peer: &mut Peer| peer.plain(&REWIND).assert_good();
    rewound(&mut peer);
    let short = peer.read(&read6(1500), 1500);
    assert_eq!(
        (short.status, short.residual),
        (CHECK_CONDITION, Residual::Underflow(500))
    );
    assert_eq!(short.data, block);
    assert_eq!(short.raw_sense[2], 0x20, "ILI, NO SENSE");
    assert_eq!(short.raw_sense[3..7], 500_i32.to_be_bytes());
    rewound(&mut peer);
    let long = peer.read(&read6(600), 600);
    assert_eq!(long.status, CHECK_CONDITION);
    assert_eq!(long.data, block[..600]);
    assert_eq!(long.raw_sense[2], 0x20);
    assert_eq!(long.raw_sense[3..7], (-400_i32).to_be_bytes());
    // The CDB asks for more than the initiator expects: cut, and told as overflow.
    rewound(&mut peer);
    let cut = peer.read(&read6(1000), 600);
    assert_eq!(
        (cut.data.len(), cut.residual),
        (600, Residual::Overflow(400))
    );
}

/// RFC 7143 §11.3.4, §11.4.5.
#[test]
fn u3_writes_take_what_the_cdb_says_and_never_more_than_was_sent() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[]);
    let more = ScsiCommand {
        write: true,
        expected_length: 1500,
        ..peer.command(&write6(1000))
    };
    let outcome = peer.run(more, &noise(4, 1500));
    assert_eq!(
        (outcome.status, outcome.residual),
        (GOOD, Residual::Underflow(500))
    );
    // DECIDED: a block of which a part was not sent is not written.
    let less = ScsiCommand {
        write: true,
        expected_length: 600,
        ..peer.command(&write6(1000))
    };
    let outcome = peer.run(less, &noise(5, 600));
    assert_eq!(
        (outcome.status, outcome.residual),
        (CHECK_CONDITION, Residual::Overflow(400))
    );
    assert_eq!(position(&mut peer), 1);
    peer.plain(&REWIND).assert_good();
    assert_eq!(peer.read(&read6(1000), 1000).data, noise(4, 1500)[..1000]);
}
