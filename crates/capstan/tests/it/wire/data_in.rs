//! Data-In and residuals: D1 to D4, U1 to U3 (RFC 7143 §4.2.5, §11.4, §11.7).

use std::hint;
use std::time::{Duration, Instant};

use capstan::gateway::targets::Device;
use iscsi::wire::{DataIn, Opcode, RESERVED_TAG, Residual, ScsiCommand, SerialNumber};

use super::peer::{Login, Peer};
use super::scsi::{CHECK_CONDITION, GOOD, INQUIRY, REWIND, TEST_UNIT_READY, read6, write6};
use crate::support::{TestGateway, noise};

/// A gateway with a tape in drive 0.
pub(super) fn gateway() -> TestGateway {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    gateway
}

/// A session at drive 0, ready.
pub(super) fn session(gateway: &TestGateway, keys: &[(&'static str, &'static str)]) -> Peer {
    let login = Login::to(&gateway.target(Device::Drive(0))).with(keys);
    let mut peer = Peer::log_in(gateway.portal(), &login);
    peer.attentions();
    peer
}

/// The number of the next block: what was written counts, and nothing else.
pub(super) fn position(peer: &mut Peer) -> u32 {
    let data = peer.read(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0], 20).data;
    u32::from_be_bytes(data[4..8].try_into().unwrap())
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

/// SAM-5 §8 leaves it to us in which order commands that wait are answered. A host that has several READs
/// on their way takes blocks as they come, so it is the order in which they ran, on whichever thread: the
/// first READ after a load goes to the unit's worker, and the next one may arrive just when the first one's
/// end is on its way to the session.
#[test]
fn reads_are_answered_in_the_order_in_which_they_ran() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[]);
    for block in 0..2 {
        peer.write_block(&[block; 4096]).assert_good();
    }
    for round in 0..40 {
        // Nothing of the cartridge is open then.
        peer.plain(&UNLOAD).assert_good();
        peer.plain(&LOAD).assert_good();
        peer.attentions();
        let reads = [peer.read_command(4096), peer.read_command(4096)];
        peer.send(reads[0].emit(), b"");
        let sent = Instant::now();
        while sent.elapsed() < round * Duration::from_micros(25) {
            hint::spin_loop();
        }
        peer.send(reads[1].emit(), b"");
        for (block, read) in (0..).zip(&reads) {
            let data = peer.receive_answer();
            assert_eq!(data.header.task_tag(), read.task_tag, "round {round}");
            assert_eq!(
                (data.opcode(), data.data),
                (Opcode::DataIn, vec![block; 4096])
            );
            if !DataIn::parse(&data.header).unwrap().has_status {
                peer.outcome(read.task_tag).assert_good();
            }
        }
    }
}

/// START STOP UNIT without and with LOAD.
const UNLOAD: [u8; 6] = [0x1b, 0, 0, 0, 0, 0];
const LOAD: [u8; 6] = [0x1b, 0, 0, 0, 1, 0];
