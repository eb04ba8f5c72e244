//! What the initiator forgives targets that are not ours, so that they can be measured.

use bytes::Bytes;
use iscsi::initiator::{DataTransfer, Initiator, InitiatorEvent, InitiatorParams, Tolerance};
use scsi::Lun;

/// A target's PDU: the fields that all of ours have in common, and no data but text.
fn pdu(opcode: u8, flags: u8, task_tag: u32, stat_sn: u32, text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 48];
    (bytes[0], bytes[1]) = (opcode, flags);
    bytes[7] = u8::try_from(text.len()).unwrap();
    bytes[16..20].copy_from_slice(&task_tag.to_be_bytes());
    bytes[24..28].copy_from_slice(&stat_sn.to_be_bytes());
    bytes[28..32].copy_from_slice(&1u32.to_be_bytes()); // ExpCmdSN
    bytes[32..36].copy_from_slice(&9u32.to_be_bytes()); // MaxCmdSN
    bytes.extend_from_slice(text);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A Login Response in the operational stage; with `transit` to full feature phase.
fn login_response(transit: bool, stat_sn: u32, text: &[u8]) -> Vec<u8> {
    let mut bytes = pdu(0x23, if transit { 0x87 } else { 0x04 }, 0, stat_sn, text);
    bytes[8..14].copy_from_slice(&[0x80, 0, 0, 0, 0, 1]);
    bytes[15] = 1;
    bytes
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

fn sent(initiator: &mut Initiator) -> Vec<u8> {
    let bytes: Vec<u8> = initiator.transmit().flatten().copied().collect();
    initiator.sent(bytes.len());
    bytes
}

fn initiator(tolerance: Tolerance) -> Initiator {
    let random = Box::new(|bytes: &mut [u8]| bytes.fill(7));
    let mut params = InitiatorParams::new("iqn.2026-11.test:i", Some("iqn.2026-11.test:t"), random);
    params.tolerance = tolerance;
    let mut initiator = Initiator::new(params);
    sent(&mut initiator);
    initiator
}

#[test]
fn another_exchange_before_full_feature_phase_is_forgiven_to_others_only() {
    let mut strict = initiator(Tolerance::Strict);
    feed(
        &mut strict,
        &login_response(false, 1, b"MaxBurstLength=8192\0"),
    );
    assert!(matches!(
        strict.next_event(),
        Some(InitiatorEvent::Failed(_))
    ));

    let mut tolerant = initiator(Tolerance::OfHabits);
    feed(
        &mut tolerant,
        &login_response(false, 1, b"MaxBurstLength=8192\0"),
    );
    assert_eq!(tolerant.next_event(), None);
    let request = sent(&mut tolerant);
    assert_eq!(request.len(), 48, "there is nothing to add");
    assert_eq!((request[0], request[1]), (0x43, 0x87), "and on it goes");
    feed(&mut tolerant, &login_response(true, 2, b""));
    assert!(matches!(
        tolerant.next_event(),
        Some(InitiatorEvent::LoggedIn { .. })
    ));
    assert_eq!(tolerant.parameters().max_burst_length, 8192);
}

#[test]
fn a_target_that_never_goes_on_is_given_up() {
    let mut initiator = initiator(Tolerance::OfHabits);
    for stat_sn in 1..=5 {
        assert_eq!(initiator.next_event(), None);
        feed(&mut initiator, &login_response(false, stat_sn, b""));
    }
    assert!(matches!(
        initiator.next_event(),
        Some(InitiatorEvent::Failed(_))
    ));
}

/// Has a write for which one R2T was sent end with `expected_data_sn`.
fn write_with_one_r2t(tolerance: Tolerance, expected_data_sn: u8) -> Option<InitiatorEvent> {
    let mut initiator = initiator(tolerance);
    feed(
        &mut initiator,
        &login_response(true, 1, b"ImmediateData=No\0"),
    );
    initiator.next_event();
    let data = DataTransfer::Out(Bytes::from_static(b"data"));
    let tag = initiator.command(Lun::new(0), &[0x0a, 0, 0, 0, 4, 0], data);
    let mut r2t = pdu(0x31, 0x80, tag, 2, b"");
    r2t[23] = 5; // target transfer tag
    r2t[47] = 4; // desired length
    feed(&mut initiator, &r2t);
    let mut response = pdu(0x21, 0x80, tag, 2, b"");
    response[39] = expected_data_sn;
    feed(&mut initiator, &response);
    initiator.next_event()
}

#[test]
fn a_write_may_count_its_r2ts_in_exp_data_sn_at_others_only() {
    let good = |event| matches!(event, Some(InitiatorEvent::Finished(done)) if done.status == 0);
    assert!(good(write_with_one_r2t(Tolerance::Strict, 0)));
    assert!(!good(write_with_one_r2t(Tolerance::Strict, 1)));
    assert!(good(write_with_one_r2t(Tolerance::OfHabits, 1)));
    assert!(good(write_with_one_r2t(Tolerance::OfHabits, 0)));
    assert!(!good(write_with_one_r2t(Tolerance::OfHabits, 2)));
}
