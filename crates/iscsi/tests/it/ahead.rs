//! Receiving ahead: a guess about what follows a header saves a system call and changes no answer.

use crate::rig::*;
use iscsi::initiator::{DataTransfer, Initiator, InitiatorEvent, InitiatorParams};

const KEYS: &[(&str, &str)] = &[
    ("InitialR2T", "No"),
    ("ImmediateData", "Yes"),
    ("FirstBurstLength", "262144"),
    ("MaxBurstLength", "1048576"),
];

/// A session that has written one block of `length`, so that the next is guessed about.
fn after_a_write(length: u32) -> (Target, Initiator) {
    let mut target = Target::plain();
    let params = InitiatorParams::new(INITIATOR, Some(TARGET), random(6)).with_keys(KEYS);
    let mut initiator = Initiator::new(params);
    run(&mut target, &mut initiator, &mut || usize::MAX);
    write(&mut initiator, length, 1);
    run(&mut target, &mut initiator, &mut || usize::MAX);
    events(&mut initiator);
    (target, initiator)
}

fn write(initiator: &mut Initiator, length: u32, seed: u8) {
    let data = pattern(length as usize, seed);
    initiator.command(lun0(), &write6(length), DataTransfer::Out(data));
}

fn good(events: &[InitiatorEvent]) -> usize {
    let is_good =
        |event: &&InitiatorEvent| matches!(event, InitiatorEvent::Finished(it) if it.status == 0);
    events.iter().filter(is_good).count()
}

fn written(target: &Target) -> Vec<bytes::Bytes> {
    let writes = target.executed.iter().filter(|(code, _)| *code == 0x0a);
    writes.map(|(_, data)| data.clone()).collect()
}

#[test]
fn a_block_like_the_last_one_comes_with_its_header() {
    let (mut target, _) = after_a_write(70_000);
    let [header, data] = target.connection.want_ahead();
    assert_eq!((header.len(), data.len()), (48, 70_000));
    let [header, data] = after_a_write(300_000)
        .0
        .connection
        .want_ahead()
        .map(|it| it.len());
    assert_eq!(
        (header, data),
        (48, 262_144),
        "what comes without being asked for"
    );
}

#[test]
fn nothing_is_guessed_before_a_write_or_after_another_command() {
    let mut target = Target::plain();
    assert!(target.connection.want_ahead()[1].is_empty(), "a login");
    let (mut target, mut initiator) = after_a_write(70_000);
    initiator.command(lun0(), &TEST_UNIT_READY, DataTransfer::None);
    run(&mut target, &mut initiator, &mut || usize::MAX);
    assert!(target.connection.want_ahead()[1].is_empty());
}

#[test]
fn wrong_guesses_cost_no_byte() {
    // What is guessed is one block of 70000 bytes; what comes in one piece is something else.
    let (mut target, mut initiator) = after_a_write(70_000);
    for (length, seed) in [(10, 2), (70_001, 3), (69_999, 4), (70_000, 5), (300_000, 6)] {
        write(&mut initiator, length, seed);
    }
    initiator.nop(b"between");
    initiator.command(lun0(), &TEST_UNIT_READY, DataTransfer::None);
    run(&mut target, &mut initiator, &mut || usize::MAX);
    let all = events(&mut initiator);
    assert_eq!(good(&all), 6, "{all:?}");
    assert!(
        all.iter()
            .any(|it| matches!(it, InitiatorEvent::NopIn { data, .. } if data == b"between"))
    );
    let expected = [
        (70_000, 1),
        (10, 2),
        (70_001, 3),
        (69_999, 4),
        (70_000, 5),
        (300_000, 6),
    ];
    let written = written(&target);
    for ((length, seed), written) in expected.into_iter().zip(&written) {
        assert!(*written == pattern(length, seed), "block {seed}");
    }
}

#[test]
fn a_guess_is_let_go_when_nothing_comes() {
    let (mut target, mut initiator) = after_a_write(70_000);
    let _ = target.connection.want_ahead();
    target.connection.tick(target.now);
    // The same bytes through the door without guesses.
    write(&mut initiator, 70_000, 9);
    let bytes: Vec<u8> = initiator.transmit().flatten().copied().collect();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let space = target.connection.want();
        let count = space.len().min(rest.len());
        space[..count].copy_from_slice(&rest[..count]);
        target.connection.received(count, target.now);
        rest = &rest[count..];
        target.answer();
    }
    assert!(written(&target)[1] == pattern(70_000, 9));
}

#[test]
fn requests_received_ahead_are_answered_one_at_a_time() {
    let (mut target, mut initiator) = after_a_write(70_000);
    for _ in 0..5 {
        initiator.nop(b"");
    }
    let bytes: Vec<u8> = initiator.transmit().flatten().copied().collect();
    let [header, data] = target.connection.want_ahead();
    header.copy_from_slice(&bytes[..48]);
    data[..bytes.len() - 48].copy_from_slice(&bytes[48..]);
    target.connection.received(bytes.len(), target.now);
    for answers in 1..=5 {
        let sent: usize = target.connection.transmit().map(<[u8]>::len).sum();
        assert_eq!(sent, answers * 48);
        assert_eq!(target.connection.advance(target.now), answers < 5);
    }
    assert!(!target.connection.received_ahead());
}
