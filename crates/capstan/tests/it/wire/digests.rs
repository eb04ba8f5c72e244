//! Digests: G1 to G3 (RFC 7143 §11.2.3, §13.1, §7.8).

use capstan::gateway::targets::Device;
use iscsi::wire::Opcode;

use super::peer::{Login, Peer, value};
use super::scsi::{ABORTED_COMMAND, CHECK_CONDITION, REWIND, read6};
use crate::support::{TestGateway, noise};

const DATA_DIGEST_ERROR: u8 = 0x02;
const CRC_ERROR: (u8, u8, u8) = (ABORTED_COMMAND, 0x47, 0x05);

fn session(gateway: &TestGateway, header: &'static str, data: &'static str) -> Peer {
    let keys = [
        ("HeaderDigest", header),
        ("DataDigest", data),
        ("MaxBurstLength", "4096"),
    ];
    let login = Login::to(&gateway.target(Device::Drive(0))).with(&keys);
    let mut peer = Peer::log_in(gateway.portal(), &login);
    assert_eq!(value(&peer.keys, "HeaderDigest"), Some(header));
    assert_eq!(value(&peer.keys, "DataDigest"), Some(data));
    peer.attentions();
    peer
}

/// A gateway with a tape in drive 0.
fn gateway() -> TestGateway {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    gateway
}

/// RFC 7143 §11.2.3: CRC32C over header, and over data with padding.
#[test]
fn g1_tape_blocks_go_both_ways_with_every_combination_of_digests() {
    let gateway = gateway();
    for header in ["None", "CRC32C"] {
        for data in ["None", "CRC32C"] {
            let mut peer = session(&gateway, header, data);
            for length in [1, 2, 3, 4, 511, 4097, 9999] {
                let block = noise(u64::from(length), length as usize);
                peer.plain(&REWIND).assert_good();
                peer.write_block(&block).assert_good();
                peer.plain(&REWIND).assert_good();
                let read = peer.read(&read6(length), length);
                read.assert_good();
                assert!(read.data == block, "{length} bytes, {header}, {data}");
            }
        }
    }
}

/// RFC 7143 §7.8: at ErrorRecoveryLevel 0 nothing can be trusted after a bad header.
#[test]
fn g2_a_header_digest_error_ends_the_connection() {
    let gateway = gateway();
    let mut peer = session(&gateway, "CRC32C", "None");
    let mut bytes = peer.bytes_of(peer.nop(1).emit(), b"");
    bytes[20] ^= 1;
    peer.send_bytes(&bytes);
    peer.expect_end();
}

/// RFC 7143 §7.8. DECIDED: Reject at once, and CHECK CONDITION when the last data have come.
#[test]
fn g3_e2_a_data_digest_error_is_rejected_and_the_write_fails_at_its_end() {
    let gateway = gateway();
    let mut peer = session(&gateway, "None", "CRC32C");
    let command = peer.write_command(512);
    let mut bytes = peer.bytes_of(command.emit(), &[1; 512]);
    bytes[100] ^= 1;
    peer.send_bytes(&bytes);
    assert_eq!(peer.receive().reject_reason(), DATA_DIGEST_ERROR);
    let outcome = peer.outcome(command.task_tag);
    assert_eq!(
        (outcome.status, outcome.sense),
        (CHECK_CONDITION, CRC_ERROR)
    );

    let command = peer.write_command(4096);
    peer.send(command.emit(), b"");
    let r2t = peer.r2t(command.task_tag);
    let last = peer.data_out(&r2t);
    let first = iscsi::wire::DataOut {
        is_final: false,
        ..last
    };
    let mut bytes = peer.bytes_of(first.emit(), &[1; 2048]);
    bytes[100] ^= 1;
    peer.send_bytes(&bytes);
    assert_eq!(peer.receive().reject_reason(), DATA_DIGEST_ERROR);
    peer.ping(); // R10: no status before the rest has come
    let last = iscsi::wire::DataOut {
        data_sn: iscsi::wire::SerialNumber(1),
        buffer_offset: 2048,
        ..last
    };
    peer.send(last.emit(), &[1; 2048]);
    let outcome = peer.outcome(command.task_tag);
    assert_eq!(
        (outcome.status, outcome.sense),
        (CHECK_CONDITION, CRC_ERROR)
    );

    // What is not data is rejected and forgotten.
    let mut bytes = peer.bytes_of(peer.nop(9).emit(), b"four");
    bytes[50] ^= 1;
    peer.send_bytes(&bytes);
    let reject = peer.receive();
    assert_eq!(reject.opcode(), Opcode::Reject);
    assert_eq!(reject.reject_reason(), DATA_DIGEST_ERROR);
    peer.ping();
}
