//! Text exchanges by hand (RFC 7143 §11.10, §11.11): X4, X5.

use crate::rig::*;
use iscsi::wire::{RESERVED_TAG, SerialNumber, TextRequest, TextResponse};

fn request(itt: u32, ttt: u32, last: bool, continues: bool) -> TextRequest {
    TextRequest {
        immediate: true,
        is_final: last,
        continues,
        lun: [0; 8],
        task_tag: itt,
        transfer_tag: ttt,
        cmd_sn: SerialNumber(0),
        expected_stat_sn: SerialNumber(0),
    }
}

fn say(target: &mut Target, request: TextRequest, text: &[u8]) -> (TextResponse, Vec<u8>) {
    target.feed(&bytes_of(request.emit(), text));
    let pdus = target.pdus();
    assert_eq!((pdus.len(), pdus[0].opcode()), (1, 0x24), "{pdus:?}");
    let response = TextResponse::parse(&pdus[0].header).unwrap();
    assert_eq!(response.task_tag, request.task_tag);
    (response, pdus[0].data.clone())
}

fn rejection(target: &mut Target, request: TextRequest, text: &[u8]) -> u8 {
    target.feed(&bytes_of(request.emit(), text));
    let pdus = target.pdus();
    assert_eq!((pdus.len(), pdus[0].opcode()), (1, 0x3f), "{pdus:?}");
    pdus[0].byte(2)
}

fn segment_length(target: &Target) -> u32 {
    let keys = target.connection.negotiated().unwrap();
    keys.max_send_data_segment_length
}

#[test]
fn k1_unknown_keys_are_not_understood_and_login_keys_are_rejected() {
    let mut target = session(&[]);
    let text = text_of(&[
        ("X-com.example", "1"),
        ("MaxBurstLength", "512"),
        ("Foo", "Bar"),
    ]);
    let (response, data) = say(&mut target, request(1, RESERVED_TAG, true, false), &text);
    assert!(response.is_final && response.transfer_tag == RESERVED_TAG);
    let pairs = pairs_of(&data);
    assert_eq!(value(&pairs, "X-com.example"), Some("NotUnderstood"));
    assert_eq!(value(&pairs, "Foo"), Some("NotUnderstood"));
    assert_eq!(value(&pairs, "MaxBurstLength"), Some("Reject"));
}

#[test]
fn x4_an_exchange_goes_on_until_the_initiator_is_done() {
    let mut target = session(&[]);
    let first = text_of(&[("Foo", "1")]);
    let (response, data) = say(&mut target, request(1, RESERVED_TAG, false, false), &first);
    assert!(!response.is_final && response.transfer_tag != RESERVED_TAG);
    assert_eq!(data, text_of(&[("Foo", "NotUnderstood")]));
    let ttt = response.transfer_tag;
    let (response, data) = say(
        &mut target,
        request(1, ttt, true, false),
        &text_of(&[("Bar", "1")]),
    );
    assert!(response.is_final && response.transfer_tag == RESERVED_TAG);
    assert_eq!(data, text_of(&[("Bar", "NotUnderstood")]));
}

#[test]
fn x4_a_wrong_transfer_tag_is_rejected() {
    let mut target = session(&[]);
    assert_eq!(
        rejection(&mut target, request(1, 5, true, false), b""),
        0x09,
        "no exchange"
    );
    let (response, _) = say(&mut target, request(1, RESERVED_TAG, false, false), b"");
    let ttt = response.transfer_tag;
    assert_eq!(
        rejection(&mut target, request(1, ttt + 1, true, false), b""),
        0x09
    );
    assert_eq!(
        rejection(&mut target, request(1, ttt, true, false), b""),
        0x09,
        "it is over"
    );
    let (response, _) = say(&mut target, request(1, RESERVED_TAG, false, false), b"");
    assert_eq!(
        rejection(
            &mut target,
            request(2, response.transfer_tag, true, false),
            b""
        ),
        0x09
    );
}

#[test]
fn x4_text_split_with_c_is_one_text() {
    let mut target = session(&[]);
    let text = text_of(&[("Foo", "1")]);
    let (response, data) = say(
        &mut target,
        request(1, RESERVED_TAG, false, true),
        &text[..3],
    );
    assert!(!response.is_final && data.is_empty());
    let (response, data) = say(
        &mut target,
        request(1, response.transfer_tag, true, false),
        &text[3..],
    );
    assert!(response.is_final);
    assert_eq!(data, text_of(&[("Foo", "NotUnderstood")]));
    assert_eq!(
        rejection(&mut target, request(2, RESERVED_TAG, true, true), b""),
        0x09,
        "C and F"
    );
}

#[test]
fn x5_a_new_segment_length_holds_when_the_exchange_has_ended() {
    let mut target = session(&[]);
    let text = text_of(&[("MaxRecvDataSegmentLength", "4096")]);
    let (response, data) = say(&mut target, request(1, RESERVED_TAG, false, false), &text);
    assert!(data.is_empty(), "K13: a declaration has no answer");
    assert_eq!(segment_length(&target), 8192, "not yet");
    say(
        &mut target,
        request(1, response.transfer_tag, true, false),
        b"",
    );
    assert_eq!(segment_length(&target), 4096);
}

#[test]
fn x5_an_exchange_that_is_reset_or_fails_changes_nothing() {
    let text = text_of(&[("MaxRecvDataSegmentLength", "4096")]);
    let mut target = session(&[]);
    say(&mut target, request(1, RESERVED_TAG, false, false), &text);
    say(&mut target, request(2, RESERVED_TAG, true, false), b"");
    assert_eq!(segment_length(&target), 8192, "reset by a new exchange");
    let (response, _) = say(&mut target, request(1, RESERVED_TAG, false, false), &text);
    rejection(
        &mut target,
        request(1, response.transfer_tag, true, false),
        b"no equals sign\0",
    );
    assert_eq!(segment_length(&target), 8192, "failed");
    let bad = text_of(&[("MaxRecvDataSegmentLength", "511")]);
    let (_, data) = say(&mut target, request(1, RESERVED_TAG, true, false), &bad);
    assert_eq!(data, text_of(&[("MaxRecvDataSegmentLength", "Reject")]));
    assert_eq!(segment_length(&target), 8192);
}

#[test]
fn endless_text_has_an_end() {
    let mut target = session(&[]);
    let (mut response, _) = say(
        &mut target,
        request(1, RESERVED_TAG, false, true),
        &vec![b'x'; 60_000],
    );
    (response, _) = say(
        &mut target,
        request(1, response.transfer_tag, false, true),
        &[b'x'; 5536],
    );
    let more = request(1, response.transfer_tag, false, true);
    assert_eq!(rejection(&mut target, more, b"x"), 0x04);
}

#[test]
fn bad_text_is_rejected() {
    let mut target = session(&[]);
    for text in [&b"abc"[..], b"abc\0", b"=x\0", b"Foo=1"] {
        assert_eq!(
            rejection(&mut target, request(1, RESERVED_TAG, true, false), text),
            0x09
        );
    }
    assert_eq!(
        rejection(
            &mut target,
            request(RESERVED_TAG, RESERVED_TAG, true, false),
            b""
        ),
        0x09
    );
}
