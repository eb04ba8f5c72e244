//! B1 to B3: no bytes whatever make the connection panic or hold more than it may.

use crate::rig::*;
use iscsi::wire::Stage;
use iscsi::{Limits, Offer};
use proptest::prelude::*;

/// A header with fields that are likely to hit something, and data of another length than announced
/// only when the test says so.
fn any_pdu() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop::sample::select(vec![
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x1c, 0x20, 0x25, 0x31, 0x3f,
    ]);
    let tag = prop_oneof![0_u32..6, Just(u32::MAX), any::<u32>()];
    let small = || prop_oneof![0_u32..6, any::<u32>(), Just(u32::MAX)];
    let near = prop_oneof![0_u32..40, any::<u32>()];
    (
        (
            opcode,
            any::<bool>(),
            any::<u8>(),
            0_u8..3,
            prop_oneof![0_usize..40, 0_usize..3000],
        ),
        (tag, small(), near, any::<[u8; 16]>(), any::<u8>()),
        prop::collection::vec(any::<u8>(), 24),
    )
        .prop_map(
            |((opcode, immediate, flags, ahs, length), (itt, twenty, number, tail, lun), noise)| {
                let mut header = [0; 48];
                header[8..32].copy_from_slice(&noise);
                header[0] = opcode | u8::from(immediate) << 6;
                header[1] = flags;
                header[4] = u8::from(ahs == 2);
                header[5..8].copy_from_slice(&(length as u32).to_be_bytes()[1..]);
                header[8..16].copy_from_slice(&[0, lun & 1, 0, 0, 0, 0, 0, 0]);
                header[16..20].copy_from_slice(&itt.to_be_bytes());
                header[20..24].copy_from_slice(&twenty.to_be_bytes());
                header[24..28].copy_from_slice(&cmd_sn(number).0.to_be_bytes());
                header[32..48].copy_from_slice(&tail);
                if header[36] & 1 == 0 {
                    header[36..44].fill(0); // DataSN and offset zero: sometimes right
                }
                let mut bytes = header.to_vec();
                bytes.resize(48 + usize::from(header[4]) * 4, 0x11);
                let data = bytes.len();
                bytes.resize(data + length, b'A');
                bytes.resize(bytes.len().next_multiple_of(4), 0);
                bytes
            },
        )
}

fn digest_keys(on: bool) -> [(&'static str, &'static str); 4] {
    let value = if on { "CRC32C" } else { "None" };
    [
        ("HeaderDigest", "None"),
        ("DataDigest", value),
        ("InitialR2T", "No"),
        ("MaxBurstLength", "4096"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn b1_any_bytes_before_login(bytes in prop::collection::vec(any::<u8>(), 0..4000), step in 1_usize..500) {
        let mut target = Target::plain();
        target.feed_in(&bytes, || step);
        target.output_in(|| usize::MAX);
    }

    #[test]
    fn b1_login_pdus_with_any_text(
        texts in prop::collection::vec(prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"=\0,0xb".to_vec())], 0..600), 1..6),
        flags in prop::collection::vec(any::<u8>(), 6),
    ) {
        let mut target = Target::plain();
        for (text, flags) in texts.iter().zip(flags) {
            let mut header = login_request(Stage::SecurityNegotiation, None).emit();
            header.0[1] = flags;
            let mut whole = text_of(&NAMES);
            whole.extend(text);
            whole.push(0);
            target.feed(&bytes_of(header, &whole));
            target.output_in(|| usize::MAX);
        }
    }

    #[test]
    fn b3_any_pdus_in_full_feature_phase(
        pdus in prop::collection::vec(any_pdu(), 1..60),
        hold: bool,
        digests: bool,
        answer_every in 1_usize..10,
        step in 1_usize..4000,
    ) {
        let mut target = session(&digest_keys(digests));
        target.hold = hold;
        target.hold_management = hold;
        for (index, bytes) in pdus.iter().enumerate() {
            target.feed_in(bytes, || step);
            if index % answer_every == 0 {
                for held in std::mem::take(&mut target.held) {
                    target.execute(held);
                }
                for it in std::mem::take(&mut target.managed) {
                    target.connection.management_done(it.tag, target.outcome);
                    target.answer();
                }
                target.output_in(|| step);
                target.wait(std::time::Duration::from_millis(500));
            }
        }
        target.output_in(|| usize::MAX);
        prop_assert!(target.connection.tasks_in_flight() <= 40);
    }

    #[test]
    fn b3_any_bytes_in_full_feature_phase(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
        let mut target = session(&[]);
        target.feed(&bytes);
        target.output_in(|| usize::MAX);
    }

    /// Good PDUs with a few bits flipped reach further than noise.
    #[test]
    fn b3_damaged_sessions(
        flips in prop::collection::vec((0_usize..3000, 0_u8..8), 0..6),
        length in 0_u32..3000,
    ) {
        let mut target = session(&[("InitialR2T", "No"), ("FirstBurstLength", "600")]);
        let mut stream = bytes_of(write_command(1, 0, length).emit(), &pattern(length.min(600) as usize, 1));
        stream.extend(bytes_of(read_command(2, 1, length).emit(), &[]));
        stream.extend(bytes_of(nop_out(3).emit(), b"nop"));
        for (at, bit) in flips {
            let length = stream.len();
            stream[at % length] ^= 1 << bit;
        }
        target.feed(&stream);
        target.output_in(|| usize::MAX);
    }
}

#[test]
fn b2_announcements_cost_nothing() {
    let limits = Limits::default();
    let mut target = Target::new(Offer::default(), limits);
    log_in_by_hand(
        &mut target,
        &[("ImmediateData", "No"), ("MaxBurstLength", "16776192")],
    );
    // 32 writes of 32 MiB are announced; no byte comes.
    for index in 0..32 {
        target.feed(&bytes_of(write_command(index, index, 32 << 20).emit(), &[]));
    }
    let asked: u64 = target
        .pdus()
        .iter()
        .filter(|pdu| pdu.opcode() == 0x31)
        .map(|pdu| u64::from(pdu.u32(44)))
        .sum();
    assert!(
        asked <= (64 << 20) + (16 << 20),
        "{asked} bytes were asked for"
    );
    // An absurd length is a failed command, not an allocation.
    let mut target = session(&[]);
    let mut absurd = write_command(1, 0, 10);
    absurd.expected_length = u32::MAX;
    target.feed(&bytes_of(absurd.emit(), &pattern(10, 1)));
    assert_eq!(target.pdus()[0].byte(3), 2);
    let mut absurd = read_command(2, 1, 10);
    absurd.expected_length = u32::MAX;
    target.feed(&bytes_of(absurd.emit(), &[]));
    let pdu = target.pdus().remove(0);
    assert_eq!(pdu.data, pattern(10, 8));
    assert_eq!(pdu.u32(44), u32::MAX - 10, "underflow");
}

#[test]
fn bidirectional_commands_are_refused() {
    let mut target = session(&[]);
    let mut both = write_command(1, 0, 10);
    both.read = true;
    target.feed(&bytes_of(both.emit(), &pattern(10, 1)));
    let pdu = target.pdus().remove(0);
    assert_eq!(
        (pdu.opcode(), pdu.byte(3), pdu.data[2 + 12]),
        (0x21, 2, 0x24)
    );
    assert!(target.executed.is_empty());
}

#[test]
fn b2_additional_headers_are_read_and_refused() {
    // An extended CDB (AHSType 1): none of our commands has one.
    let mut header = command(1, 0, &TEST_UNIT_READY).emit();
    header.0[4] = 2;
    let mut bytes = header.0.to_vec();
    bytes.extend([0, 5, 1, 0, 0xaa, 0xbb, 0xcc, 0xdd]);
    let mut target = session(&[]);
    target.feed(&bytes);
    assert_eq!(target.pdus()[0].byte(3), 2, "CHECK CONDITION");
    // The longest that can be announced.
    let mut header = command(2, 1, &TEST_UNIT_READY).emit();
    header.0[4] = 255;
    let mut bytes = header.0.to_vec();
    bytes.resize(48 + 1020, 0xff);
    target.feed(&bytes);
    assert_eq!(target.pdus()[0].byte(3), 2);
    assert_eq!(target.closed, None);
}

#[test]
fn b8_shapes_that_broke_others() {
    // A key that is too long, answered by others with NotUnderstood and an overrun.
    let long = vec![b'K'; 5000];
    let mut text = text_of(&NAMES);
    text.extend(&long);
    text.extend(b"=1\0");
    let mut target = Target::plain();
    let request = login_request(Stage::SecurityNegotiation, None);
    target.feed(&bytes_of(request.emit(), &text));
    assert_eq!(target.pdus()[0].header.0[36..38], [2, 0]);
    // Data-Out with an offset far outside, and one without data.
    let mut target = session(&[("ImmediateData", "No")]);
    target.feed(&bytes_of(write_command(1, 0, 1024).emit(), &[]));
    let ttt = target.pdus()[0].u32(20);
    for (offset, length) in [(0xffff_fc00, 1024), (0, 0), (0x8000_0000, 8)] {
        let pdu = iscsi::wire::DataOut {
            is_final: false,
            lun: [0; 8],
            task_tag: 1,
            transfer_tag: ttt,
            expected_stat_sn: iscsi::wire::SerialNumber(0),
            data_sn: iscsi::wire::SerialNumber(0),
            buffer_offset: offset,
        };
        target.feed(&bytes_of(pdu.emit(), &pattern(length, 1)));
    }
    assert!(target.executed.is_empty());
    assert_eq!(target.closed, None);
}
