//! Hashes and binary values; the exchange is told in `tests/it/chap.rs`.

use std::cell::RefCell;

use super::*;
use proptest::prelude::*;

thread_local! {
    /// How many bytes each hash of this thread has taken.
    static HASHED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn take_note_of_hash(length: usize) {
    HASHED.with_borrow_mut(|hashed| hashed.push(length));
}

/// Goes through the exchange as `name` with a wrong response; returns why it failed and what was hashed.
fn work_for(name: &str, algorithm: ChapAlgorithm, secret_length: usize) -> (Refusal, Vec<usize>) {
    let user = Credential {
        name: "backup".into(),
        secret: Secret::new(vec![7; secret_length]),
    };
    let mut exchange = ChapTarget::new(ChapPolicy::new(vec![user], None));
    let mut random = |bytes: &mut [u8]| bytes.fill(9);
    let number = algorithm.number().to_string();
    let offer = ChapKeys {
        algorithm: Some(&number),
        ..ChapKeys::default()
    };
    exchange.step(&offer, &mut random).unwrap();
    HASHED.take();
    let proof = ChapKeys {
        name: Some(name),
        response: Some("0x00112233445566778899aabbccddeeff"),
        ..ChapKeys::default()
    };
    let refusal = exchange.step(&proof, &mut random).unwrap_err();
    (refusal, HASHED.take())
}

/// C7: time does not tell which names there are. Not by the clock, which proves nothing here, but by
/// what is computed: the same hash over as many bytes.
#[test]
fn an_unknown_name_costs_as_much_work_as_a_wrong_secret() {
    for algorithm in ChapAlgorithm::ALL {
        for secret_length in [12, 64, 255] {
            let (wrong, wrong_work) = work_for("backup", algorithm, secret_length);
            let (unknown, unknown_work) = work_for("nobody", algorithm, secret_length);
            assert_eq!(wrong_work, [1 + secret_length + CHALLENGE_LENGTH]);
            assert_eq!(unknown_work, wrong_work, "{algorithm:?}, {secret_length}");
            assert_eq!(unknown.0, wrong.0, "0201 for both");
            assert_ne!(unknown.1, wrong.1, "the log tells them apart");
        }
    }
}

/// Computed with another implementation: the hash of 2Ah, "correct horse 12", 00h to 0Fh.
#[test]
fn responses_of_every_algorithm() {
    let secret = Secret::new(b"correct horse 12".to_vec());
    let challenge: Vec<u8> = (0..16).collect();
    for (algorithm, expected) in [
        (ChapAlgorithm::Md5, "0x39fe155f1d7be8addffb41c3279d84ee"),
        (
            ChapAlgorithm::Sha1,
            "0x12f15334ba0533f629a858ac31d497576b5103a9",
        ),
        (
            ChapAlgorithm::Sha256,
            "0x9061533549bdd948bc7d3f5d6467f866f150e9fb4cdfe3ed4cc816e05e5864ae",
        ),
        (
            ChapAlgorithm::Sha3,
            "0x3877d48aebf042640ff01f65ce248b95d5207e87d935245831d49ee72aaba9a4",
        ),
    ] {
        let response = algorithm.response(0x2a, &secret, &challenge);
        let text = encode_binary(&response, BinaryEncoding::Hexadecimal);
        assert_eq!(text, expected, "{algorithm:?}");
    }
}

#[test]
fn binary_values_of_other_implementations() {
    let read = |text| decode_binary(text, 1024).map(|(bytes, _)| bytes);
    assert_eq!(read("0x00FFaB"), Some(vec![0x00, 0xff, 0xab]));
    assert_eq!(read("0XaB"), Some(vec![0xab]));
    assert_eq!(
        read("0x123"),
        Some(vec![0x01, 0x23]),
        "an odd count of digits"
    );
    assert_eq!(read("0bAP+r"), Some(vec![0x00, 0xff, 0xab]));
    assert_eq!(read("0BAP8="), Some(vec![0x00, 0xff]));
    assert_eq!(read("0bAP8"), Some(vec![0x00, 0xff]), "padding left out");
    for bad in [
        "", "0", "0x", "0b", "00", "0xg0", "0b=", "0bA", "x00", "0x 1", "é0",
    ] {
        assert_eq!(read(bad), None, "{bad}");
    }
}

#[test]
fn longer_than_expected_is_refused() {
    assert!(decode_binary("0x0011", 2).is_some());
    assert!(decode_binary("0x001122", 2).is_none());
    assert!(decode_binary("0bAAAA", 2).is_none());
}

#[test]
fn secrets_are_not_printed() {
    let credential = Credential {
        name: "user".into(),
        secret: Secret::new(b"hush".to_vec()),
    };
    assert!(!format!("{credential:?}").contains("hush"));
    assert!(credential.secret.is_short());
    assert!(!Secret::new(vec![1; 12]).is_short());
}

proptest! {
    #[test]
    fn binary_values_survive(bytes in prop::collection::vec(any::<u8>(), 1..1025)) {
        for encoding in [BinaryEncoding::Hexadecimal, BinaryEncoding::Base64] {
            let text = encode_binary(&bytes, encoding);
            prop_assert_eq!(decode_binary(&text, 1024), Some((bytes.clone(), encoding)));
        }
    }

    #[test]
    fn any_text_is_answered(text in "(0[xXbB])?.{0,40}") {
        let _ = decode_binary(&text, 16);
    }
}
