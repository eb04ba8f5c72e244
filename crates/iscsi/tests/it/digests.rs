//! CRC32C over header and data (RFC 7143 §7.8, §13.1): G1 to G3.

use crate::rig::*;
use iscsi::CloseReason;
use iscsi::initiator::{DataTransfer, Initiator, InitiatorEvent, InitiatorParams};

fn with_digests(header: bool, data: bool) -> (Target, Initiator) {
    let value = |on| if on { "CRC32C" } else { "None" };
    let mut target = Target::plain();
    let params = InitiatorParams::new(INITIATOR, Some(TARGET), random(4)).with_keys(&[
        ("HeaderDigest", value(header)),
        ("DataDigest", value(data)),
        ("InitialR2T", "No"),
        ("FirstBurstLength", "512"),
    ]);
    let (initiator, events) = log_in(&mut target, params);
    assert!(
        matches!(&events[..], [InitiatorEvent::LoggedIn { .. }]),
        "{events:?}"
    );
    (target, initiator)
}

fn output(initiator: &mut Initiator) -> Vec<u8> {
    let bytes: Vec<u8> = initiator.transmit().flatten().copied().collect();
    initiator.sent(bytes.len());
    bytes
}

#[test]
fn g1_odd_lengths_with_every_combination() {
    for (header, data) in [(false, false), (true, false), (false, true), (true, true)] {
        let (mut target, mut initiator) = with_digests(header, data);
        for length in [1, 2, 3, 4, 5, 511, 513, 10_001] {
            let bytes = pattern(length as usize, 9);
            initiator.command(lun0(), &write6(length), DataTransfer::Out(bytes.clone()));
            initiator.command(lun0(), &read6(length), DataTransfer::In(length));
            run(&mut target, &mut initiator, || 97);
            let events = events(&mut initiator);
            assert_eq!(events.len(), 2, "{events:?}");
            let InitiatorEvent::Finished(read) = &events[1] else {
                panic!("{events:?}");
            };
            assert_eq!(read.data, pattern(length as usize, 8));
            assert_eq!(target.executed.remove(0).1, bytes);
            target.executed.clear();
        }
        initiator.nop(b"odd");
        run(&mut target, &mut initiator, || 13);
        assert!(
            matches!(&events(&mut initiator)[..], [InitiatorEvent::NopIn { data, .. }] if data == b"odd")
        );
    }
}

#[test]
fn g2_a_header_that_is_damaged_ends_the_connection() {
    let (mut target, mut initiator) = with_digests(true, false);
    initiator.command(lun0(), &TEST_UNIT_READY, DataTransfer::None);
    let mut bytes = output(&mut initiator);
    bytes[20] ^= 1;
    target.feed(&bytes);
    assert_eq!(target.closed, Some(CloseReason::HeaderDigestError));
    assert!(target.executed.is_empty());
}

/// Damages the last data byte of what the initiator sends next.
fn damaged(initiator: &mut Initiator) -> Vec<u8> {
    let mut bytes = output(initiator);
    let at = bytes.len() - 5; // before the digest
    bytes[at] ^= 0x80;
    bytes
}

fn take(initiator: &mut Initiator, target: &mut Target) -> Vec<InitiatorEvent> {
    run(target, initiator, || usize::MAX);
    events(initiator)
}

fn is_crc_error(event: &InitiatorEvent) -> bool {
    matches!(event, InitiatorEvent::Finished(it)
        if it.status == 2 && (it.sense[2], it.sense[12], it.sense[13]) == (0x0b, 0x47, 0x05))
}

#[test]
fn g3_damaged_immediate_data_is_rejected_and_the_command_fails() {
    let (mut target, mut initiator) = with_digests(false, true);
    initiator.command(lun0(), &write6(400), DataTransfer::Out(pattern(400, 1)));
    let bytes = damaged(&mut initiator);
    target.feed(&bytes);
    let events = take(&mut initiator, &mut target);
    assert!(
        matches!(events[0], InitiatorEvent::Rejected { reason: 2, .. }),
        "{events:?}"
    );
    assert!(is_crc_error(&events[1]), "{events:?}");
    assert!(target.executed.is_empty());
    initiator.command(lun0(), &TEST_UNIT_READY, DataTransfer::None);
    assert!(
        matches!(&take(&mut initiator, &mut target)[..], [InitiatorEvent::Finished(it)] if it.status == 0)
    );
}

#[test]
fn g3_damaged_solicited_data_fails_after_the_last_data_out() {
    let (mut target, mut initiator) = with_digests(true, true);
    initiator.command(
        lun0(),
        &write6(400_000),
        DataTransfer::Out(pattern(400_000, 1)),
    );
    let bytes = output(&mut initiator);
    target.feed(&bytes);
    // The R2T asks for all the rest; the answer is damaged in its first part.
    let back = target.output_in(|| usize::MAX);
    let mut rest = &back[..];
    while !rest.is_empty() {
        let space = initiator.want();
        let count = space.len().min(rest.len());
        space[..count].copy_from_slice(&rest[..count]);
        initiator.received(count);
        rest = &rest[count..];
    }
    let mut bytes = output(&mut initiator);
    bytes[1000] ^= 1;
    target.feed(&bytes);
    let events = take(&mut initiator, &mut target);
    assert!(
        matches!(events[0], InitiatorEvent::Rejected { reason: 2, .. }),
        "{events:?}"
    );
    // The rest was asked for in further bursts, and is swallowed.
    assert!(is_crc_error(events.last().unwrap()), "{events:?}");
    assert!(target.executed.is_empty());
    assert_eq!(target.closed, None);
}

#[test]
fn g3_a_damaged_nop_is_rejected_and_forgotten() {
    let (mut target, mut initiator) = with_digests(false, true);
    initiator.nop(b"four");
    let bytes = damaged(&mut initiator);
    target.feed(&bytes);
    let events = take(&mut initiator, &mut target);
    assert!(
        matches!(&events[..], [InitiatorEvent::Rejected { reason: 2, .. }]),
        "{events:?}"
    );
}

/// T6: another initiator resets the unit while a PDU of a write is half received.
#[test]
fn t6_a_write_can_be_ended_in_the_middle_of_its_data() {
    for (header, data) in [(false, false), (true, true)] {
        for in_burst in [false, true] {
            let (mut target, mut initiator) = with_digests(header, data);
            let bytes = pattern(1000, 1);
            initiator.command(lun0(), &write6(1000), DataTransfer::Out(bytes));
            if in_burst {
                target.feed(&output(&mut initiator));
                let r2t = target.output_in(|| usize::MAX);
                feed(&mut initiator, &r2t);
            }
            let bytes = output(&mut initiator);
            let (before, after) = bytes.split_at(300);
            target.feed(before);
            assert_eq!(target.connection.tasks_in_flight(), 1);
            assert_eq!(target.connection.end_waiting(None), 1);
            target.output_in(|| usize::MAX); // an R2T may have gone with the header
            target.feed(after);
            assert_eq!(target.output_in(|| usize::MAX), [0; 0], "not a word");
            assert!(target.executed.is_empty());
            initiator.nop(b"alive");
            target.feed(&output(&mut initiator));
            let echo = target.output_in(|| usize::MAX);
            assert_eq!(echo[0] & 0x3f, 0x20);
            assert_eq!(target.closed, None);
        }
    }
}

fn feed(initiator: &mut Initiator, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = initiator.want();
        let count = space.len().min(bytes.len());
        space[..count].copy_from_slice(&bytes[..count]);
        initiator.received(count);
        bytes = &bytes[count..];
    }
}
