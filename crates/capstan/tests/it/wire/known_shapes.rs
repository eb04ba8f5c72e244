//! B8: what broke other targets, replayed. The names are those of the reports; what is sent is made
//! after their descriptions.

use iscsi::chap::{BinaryEncoding, encode_binary};
use iscsi::wire::{DataOut, Opcode, RESERVED_TAG, ScsiCommand, SerialNumber};
use iscsi::{ChapAlgorithm, LoginStatus};

use super::chap::{challenged, demand_chap, drive, log_in_with_chap};
use super::data_in::{gateway, position, session};
use super::peer::{OPERATIONAL, Peer, status, text_of};
use super::scsi::{GOOD, REWIND, TEST_UNIT_READY, read6};
use crate::support::{TestGateway, noise};

const REFUSED: u16 = LoginStatus::AuthenticationFailure as u16;
const MALFORMED: u16 = LoginStatus::InitiatorError as u16;

/// LIO copied an unknown key into its NotUnderstood answer, however long it was.
#[test]
fn b8_cve_2013_2850_an_over_long_key_is_refused_and_never_echoed() {
    let gateway = gateway();
    let mut good = session(&gateway, &[]);
    for length in [64, 255, 1024, 7000] {
        let login = drive(&gateway).port(7);
        let mut text = text_of(&login.names());
        text.extend(vec![b'K'; length]);
        text.extend(b"=value\0");
        let mut peer = Peer::connect(gateway.portal());
        peer.send(login.request(OPERATIONAL.0, OPERATIONAL.1).emit(), &text);
        let (response, keys) = peer.login_response();
        assert_eq!(status(&response), MALFORMED, "{length} bytes");
        assert!(keys.is_empty());
        peer.expect_end();
        // The same in a session: rejected with the header of the request, and nothing of its text.
        let mut text = vec![b'K'; length];
        text.extend(b"=value\0");
        let request = good.text_request();
        good.send(request.emit(), &text);
        let pdu = good.receive();
        assert_eq!((pdu.opcode(), pdu.data.len()), (Opcode::Reject, 48));
        good.ping();
    }
    // The longest that is allowed is answered, and comes back whole.
    let key = "K".repeat(63);
    let answer = good.text(&[(&key, "value")]);
    assert_eq!(answer, [(key, "NotUnderstood".to_owned())]);
}

/// LIO decoded CHAP_R and CHAP_C into buffers on its stack; libiscsi's tests of 2026 ask the same in
/// base64.
#[test]
fn b8_cve_2018_14633_over_long_chap_values_are_refused() {
    let gateway = TestGateway::start_with(demand_chap);
    let mut good = log_in_with_chap(&gateway, &drive(&gateway).port(9));
    let begin = || challenged(&gateway, drive(&gateway), "5").unwrap();
    for encoding in [BinaryEncoding::Hexadecimal, BinaryEncoding::Base64] {
        for length in [17, 32, 64, 255, 256, 1023, 1024, 1025, 3000] {
            let long = encode_binary(&vec![0x5a; length], encoding);
            let mut it = begin();
            let (told, _) = it.prove(&[("CHAP_N", "backup"), ("CHAP_R", &long)]);
            assert!([REFUSED, MALFORMED].contains(&told), "CHAP_R of {length}");
            // A right response, and a challenge for us that is too long.
            let mut it = begin();
            let response = it.response(super::chap::HOST_SECRET, ChapAlgorithm::Md5);
            let response = encode_binary(&response, BinaryEncoding::Hexadecimal);
            let pairs = [
                ("CHAP_N", "backup"),
                ("CHAP_R", &response),
                ("CHAP_I", "1"),
                ("CHAP_C", &long),
            ];
            // Both ends are text, and the longest text of a value is bounded too: 1024 bytes in
            // hexadecimal are the most.
            let (told, _) = it.prove(&pairs);
            match told {
                0 => assert!(length <= 1024, "CHAP_C of {length}"),
                _ => assert!([REFUSED, MALFORMED].contains(&told) && length > 1024),
            }
        }
    }
    // The identifier is one byte.
    for identifier in ["256", "0x100", "99999999999999999999", "-1", ""] {
        let mut it = begin();
        let response = it.response(super::chap::HOST_SECRET, ChapAlgorithm::Md5);
        let response = encode_binary(&response, BinaryEncoding::Hexadecimal);
        let (told, _) = it.prove(&[
            ("CHAP_N", "backup"),
            ("CHAP_R", &response),
            ("CHAP_I", identifier),
            ("CHAP_C", "0x00112233445566778899aabbccddeeff"),
        ]);
        assert_eq!(told, REFUSED, "CHAP_I={identifier}");
    }
    good.ping();
}

/// tgt took its challenges from `rand()` without a seed: every process made the same ones.
#[test]
fn b8_cve_2024_45751_challenges_cannot_be_foretold() {
    let gateways = [(); 2].map(|()| TestGateway::start_with(demand_chap));
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for gateway in &gateways {
        for _ in 0..40 {
            let it = challenged(gateway, drive(gateway), "5").unwrap();
            assert!(!seen.contains(&it.challenge), "seen before");
            seen.push(it.challenge);
        }
    }
    // Every bit is sometimes set and sometimes not: by chance it is otherwise once in 10^21 runs.
    for at in 0..seen[0].len() {
        let all = seen
            .iter()
            .fold(0xff, |bits, challenge| bits & challenge[at]);
        let any = seen.iter().fold(0, |bits, challenge| bits | challenge[at]);
        assert_eq!((all, any), (0, 0xff), "byte {at} keeps some of its bits");
    }
}

/// SPDK followed a pointer to data that a data PDU without data did not have.
#[test]
fn b8_cve_2021_28361_data_pdus_without_data_do_no_harm() {
    let gateway = gateway();
    let keys = [("InitialR2T", "No"), ("FirstBurstLength", "4096")];
    let mut peer = session(&gateway, &keys);
    let block = noise(3, 8192);
    // Unsolicited, with nothing in the command itself and empty PDUs before, between and after.
    let command = ScsiCommand {
        is_final: false,
        ..peer.write_command(8192)
    };
    peer.send(command.emit(), b"");
    let unsolicited = |number: u32, offset: u32, is_final| DataOut {
        is_final,
        lun: command.lun,
        task_tag: command.task_tag,
        transfer_tag: RESERVED_TAG,
        expected_stat_sn: SerialNumber(0),
        data_sn: SerialNumber(number),
        buffer_offset: offset,
    };
    peer.send(unsolicited(0, 0, false).emit(), b"");
    peer.send(unsolicited(1, 0, false).emit(), &block[..2048]);
    peer.send(unsolicited(2, 2048, false).emit(), b"");
    peer.send(unsolicited(3, 2048, false).emit(), &block[2048..4096]);
    peer.send(unsolicited(4, 4096, true).emit(), b"");
    // Solicited, the same.
    let r2t = peer.r2t(command.task_tag);
    let right = peer.data_out(&r2t);
    let solicited = |number: u32, offset: u32, is_final| DataOut {
        is_final,
        data_sn: SerialNumber(number),
        buffer_offset: offset,
        ..right
    };
    peer.send(solicited(0, 4096, false).emit(), b"");
    peer.send(solicited(1, 4096, true).emit(), &block[4096..]);
    peer.outcome(command.task_tag).assert_good();
    // Empty PDUs of every other kind that may have data.
    let request = peer.text_request();
    peer.send(request.emit(), b"");
    assert_eq!(peer.receive().opcode(), Opcode::TextResponse);
    let tag = peer.tag();
    peer.send(peer.nop(tag).emit(), b"");
    assert!(peer.receive().data.is_empty());
    let mut stranger = Peer::connect(gateway.portal());
    let login = drive(&gateway).port(7);
    stranger.send(login.request(OPERATIONAL.0, OPERATIONAL.1).emit(), b"");
    let (response, _) = stranger.login_response();
    assert_eq!(status(&response), LoginStatus::MissingParameter as u16);
    peer.plain(&REWIND).assert_good();
    assert_eq!(peer.read(&read6(8192), 8192).data, block);
}

/// tgt wrote Data-Out wherever its offset said, and died of it.
#[test]
fn b8_tgt_data_out_goes_nowhere_but_into_its_command() {
    let gateway = gateway();
    let wrong: [(u32, usize); 9] = [
        (0x7fff_fff0, 512),
        (0x8000_0000, 512),
        (0xffff_fe00, 512),
        (0xffff_fe00, 1024),
        (u32::MAX, 1),
        (512, 512),
        (0, 1024),
        (256, 512),
        (0x0010_0000, 65_536),
    ];
    for (offset, length) in wrong {
        for solicited in [true, false] {
            let key = if solicited { "Yes" } else { "No" };
            let keys = [("InitialR2T", key), ("ImmediateData", "No")];
            let mut peer = session(&gateway, &keys);
            let command = ScsiCommand {
                is_final: solicited,
                ..peer.write_command(512)
            };
            peer.send(command.emit(), b"");
            let transfer_tag = if solicited {
                peer.r2t(command.task_tag).transfer_tag
            } else {
                RESERVED_TAG
            };
            let pdu = DataOut {
                is_final: true,
                lun: command.lun,
                task_tag: command.task_tag,
                transfer_tag,
                expected_stat_sn: SerialNumber(0),
                data_sn: SerialNumber(0),
                buffer_offset: offset,
            };
            peer.send(pdu.emit(), &vec![0x41; length]);
            let outcome = peer.outcome(command.task_tag);
            assert_ne!(outcome.status, GOOD, "{length} bytes at {offset:#x}");
            assert_eq!(position(&mut peer), 0, "nothing is written");
        }
    }
    session(&gateway, &[]).ping();
}

/// The same by other ways: data for a command that does not take any, that has ended, or that has
/// announced all that there is.
#[test]
fn b8_tgt_data_for_no_command_and_endless_lengths_do_no_harm() {
    let gateway = gateway();
    let mut peer = session(&gateway, &[]);
    let data_out = |task_tag, transfer_tag| DataOut {
        is_final: true,
        lun: [0; 8],
        task_tag,
        transfer_tag,
        expected_stat_sn: SerialNumber(0),
        data_sn: SerialNumber(0),
        buffer_offset: 0,
    };
    let rejected = |peer: &mut Peer| {
        assert_eq!(peer.receive_answer().opcode(), Opcode::Reject);
        peer.ping();
    };
    // No such command; a transfer tag that was never given.
    peer.send(data_out(0x0bad_0bad, RESERVED_TAG).emit(), &[1; 4096]);
    rejected(&mut peer);
    peer.send(data_out(0x0bad_0bad, 0x7777).emit(), &[1; 4096]);
    rejected(&mut peer);
    // A command that is answered.
    let command = peer.command(&TEST_UNIT_READY);
    peer.send(command.emit(), b"");
    peer.outcome(command.task_tag).assert_good();
    peer.send(data_out(command.task_tag, RESERVED_TAG).emit(), &[1; 4096]);
    rejected(&mut peer);
    // As much as the field can say, both ways, and with data in the command that goes beyond it.
    for (read, write) in [(true, false), (false, true), (true, true), (false, false)] {
        let command = ScsiCommand {
            read,
            write,
            expected_length: u32::MAX,
            ..peer.command(&TEST_UNIT_READY)
        };
        peer.send(command.emit(), b"");
        peer.outcome(command.task_tag);
        let command = ScsiCommand {
            read,
            write,
            expected_length: 0,
            ..peer.command(&TEST_UNIT_READY)
        };
        peer.send(command.emit(), &[1; 4096]);
        let outcome = peer.outcome(command.task_tag);
        assert_ne!(outcome.status, GOOD, "data that was not announced");
    }
    peer.ping();
    peer.plain(&TEST_UNIT_READY).assert_good();
}
