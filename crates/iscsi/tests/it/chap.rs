//! CHAP as a story (RFC 7143 §12.1.3): C1 to C10.

use crate::rig::*;
use iscsi::chap::{
    BinaryEncoding, ChapAlgorithm, Credential, Secret, decode_binary, encode_binary,
};
use iscsi::initiator::{InitiatorChap, InitiatorEvent, InitiatorParams};
use iscsi::wire::{LoginResponse, Stage};
use iscsi::{Authentication, ChapPolicy, CloseReason, LoginDecision};

const USER: &str = "backup";
const SECRET: &str = "correct horse 12";
const OURS: &str = "battery staple 34";

fn credential(name: &str, secret: &str) -> Credential {
    Credential {
        name: name.into(),
        secret: Secret::new(secret.as_bytes().to_vec()),
    }
}

fn target_with(ours: Option<Credential>) -> Target {
    let mut target = Target::plain();
    target.decide = Box::new(move |_| {
        let policy = ChapPolicy::new(vec![credential(USER, SECRET)], ours.clone());
        LoginDecision::Allow(terms(Authentication::Chap(policy)))
    });
    target
}

fn params(secret: &str, theirs: Option<&str>) -> InitiatorParams {
    let mut params = InitiatorParams::new(INITIATOR, Some(TARGET), random(9));
    params.chap = Some(InitiatorChap {
        ours: credential(USER, secret),
        theirs: theirs.map(|secret| credential("target", secret)),
        algorithms: vec![ChapAlgorithm::Md5],
        encoding: BinaryEncoding::Hexadecimal,
    });
    params
}

fn is_logged_in(events: &[InitiatorEvent]) -> bool {
    matches!(events, [InitiatorEvent::LoggedIn { .. }])
}

fn refused_with(events: &[InitiatorEvent]) -> Option<u16> {
    match events {
        [InitiatorEvent::LoginFailed { status, .. }] => Some(*status),
        _ => None,
    }
}

#[test]
fn every_algorithm_in_both_encodings_one_way_and_mutual() {
    for algorithm in ChapAlgorithm::ALL {
        for encoding in [BinaryEncoding::Hexadecimal, BinaryEncoding::Base64] {
            for mutual in [None, Some(OURS)] {
                let mut target = target_with(Some(credential("target", OURS)));
                let mut params = params(SECRET, mutual);
                let chap = params.chap.as_mut().unwrap();
                chap.algorithms = vec![algorithm];
                chap.encoding = encoding;
                let (_, events) = log_in(&mut target, params);
                assert!(
                    is_logged_in(&events),
                    "{algorithm:?} {encoding:?}: {events:?}"
                );
                assert_eq!(target.established[0].user.as_deref(), Some(USER));
            }
        }
    }
}

#[test]
fn c7_wrong_secret_and_unknown_user_look_the_same() {
    let (_, events) = log_in(&mut target_with(None), params("wrong secret 123", None));
    assert_eq!(refused_with(&events), Some(0x0201));
    let mut target = target_with(None);
    let mut unknown = params(SECRET, None);
    unknown.chap.as_mut().unwrap().ours.name = "somebody".into();
    let (_, events) = log_in(&mut target, unknown);
    assert_eq!(refused_with(&events), Some(0x0201));
    assert_eq!(
        target.failed.unwrap().reason,
        "unknown CHAP name",
        "only our log knows"
    );
    assert!(target.established.is_empty());
}

#[test]
fn c9_a_target_that_cannot_prove_itself_is_noticed() {
    let mut target = target_with(Some(credential("target", "another secret 9")));
    let (_, events) = log_in(&mut target, params(SECRET, Some(OURS)));
    assert_eq!(
        events,
        [InitiatorEvent::Failed("the target did not prove itself")]
    );
}

#[test]
fn c3_the_same_secret_both_ways_is_refused() {
    let mut target = target_with(Some(credential("target", SECRET)));
    let (_, events) = log_in(&mut target, params(SECRET, Some(SECRET)));
    assert_eq!(refused_with(&events), Some(0x0201));
}

#[test]
fn mutual_without_a_secret_of_ours_is_refused() {
    let (_, events) = log_in(&mut target_with(None), params(SECRET, Some(OURS)));
    assert_eq!(refused_with(&events), Some(0x0201));
}

#[test]
fn c10_discovery_can_demand_chap_too() {
    let mut params = params(SECRET, None);
    params.target = None;
    let (_, events) = log_in(&mut target_with(None), params);
    assert!(is_logged_in(&events));
}

/// A login by hand, up to a step of CHAP.
struct ByHand {
    target: Target,
    identifier: u8,
    challenge: Vec<u8>,
}

fn security() -> iscsi::wire::LoginRequest {
    login_request(Stage::SecurityNegotiation, None)
}

fn leap() -> iscsi::wire::LoginRequest {
    login_request(Stage::SecurityNegotiation, Some(Stage::FullFeaturePhase))
}

impl ByHand {
    fn method(ours: Option<Credential>) -> Target {
        let mut target = target_with(ours);
        let mut pairs = NAMES.to_vec();
        pairs.push(("AuthMethod", "CHAP,None"));
        let (response, answers) = exchange(&mut target, leap(), &pairs);
        assert_eq!(
            (status(&response), response.transit),
            (0, false),
            "C8: not yet"
        );
        assert_eq!(value(&answers, "AuthMethod"), Some("CHAP"), "L16");
        target
    }

    fn challenged(ours: Option<Credential>) -> Self {
        let mut target = Self::method(ours);
        let (response, answers) = exchange(&mut target, leap(), &[("CHAP_A", "5")]);
        assert_eq!(
            (status(&response), response.transit),
            (0, false),
            "C8: not yet"
        );
        assert_eq!(value(&answers, "CHAP_A"), Some("5"));
        let identifier = value(&answers, "CHAP_I").unwrap().parse().unwrap();
        let challenge = decode_binary(value(&answers, "CHAP_C").unwrap(), 1024).unwrap();
        assert!(challenge.0.len() >= 16, "C3");
        Self {
            target,
            identifier,
            challenge: challenge.0,
        }
    }

    fn right_answer(&self) -> String {
        let secret = Secret::new(SECRET.as_bytes().to_vec());
        let hash = ChapAlgorithm::Md5.response(self.identifier, &secret, &self.challenge);
        encode_binary(&hash, BinaryEncoding::Hexadecimal)
    }

    /// Sends the pairs and returns the status.
    fn answer(mut self, pairs: &[(&str, &str)]) -> (u16, Target) {
        let text: Vec<u8> = pairs
            .iter()
            .flat_map(|(key, value)| format!("{key}={value}\0").into_bytes())
            .collect();
        self.target.feed(&bytes_of(leap().emit(), &text));
        let pdu = self.target.pdus().remove(0);
        let response = LoginResponse::parse(&pdu.header).unwrap();
        (status(&response), self.target)
    }
}

#[test]
fn the_right_answer_by_hand() {
    let by_hand = ByHand::challenged(None);
    let right = by_hand.right_answer();
    let upper = right.to_uppercase().replacen("0X", "0x", 1);
    let (status, target) = by_hand.answer(&[("CHAP_N", USER), ("CHAP_R", &upper)]);
    assert_eq!(status, 0, "C4: digits of either case");
    assert!(
        target.logged_in,
        "from security straight to full feature phase"
    );
}

#[test]
fn c1_steps_out_of_order_or_incomplete_are_refused() {
    let right = |it: &ByHand| it.right_answer();
    let first_step: [&[(&str, &str)]; 5] = [
        &[("CHAP_N", USER), ("CHAP_R", "0x00")],
        &[("CHAP_A", "5"), ("CHAP_N", USER)],
        &[("CHAP_I", "1"), ("CHAP_C", "0x0102")],
        &[("MaxBurstLength", "65536")],
        &[],
    ];
    for pairs in first_step {
        let mut target = ByHand::method(None);
        let (response, _) = exchange(&mut target, leap(), pairs);
        assert_eq!(status(&response), 0x0201, "{pairs:?}");
        assert!(target.established.is_empty());
    }
    let it = ByHand::challenged(None);
    let answer = right(&it);
    assert_eq!(it.answer(&[("CHAP_R", &answer)]).0, 0x0201, "no CHAP_N");
    let it = ByHand::challenged(None);
    assert_eq!(it.answer(&[("CHAP_N", USER)]).0, 0x0201, "no CHAP_R");
    let it = ByHand::challenged(None);
    let answer = right(&it);
    let pairs = [("CHAP_A", "5"), ("CHAP_N", USER), ("CHAP_R", &answer)];
    assert_eq!(it.answer(&pairs).0, 0x0200, "CHAP_A twice");
    let it = ByHand::challenged(Some(credential("target", OURS)));
    let answer = right(&it);
    let pairs = [("CHAP_N", USER), ("CHAP_R", &answer), ("CHAP_I", "1")];
    assert_eq!(it.answer(&pairs).0, 0x0201, "CHAP_I without CHAP_C");
    let mut pairs = NAMES.to_vec();
    pairs.extend([("AuthMethod", "CHAP"), ("CHAP_A", "5")]);
    let mut target = target_with(None);
    let (response, _) = exchange(&mut target, security(), &pairs);
    assert_eq!(
        status(&response),
        0x0201,
        "CHAP_A before AuthMethod is settled"
    );
}

#[test]
fn c1_chap_without_being_asked_is_refused() {
    let mut pairs = NAMES.to_vec();
    pairs.push(("CHAP_A", "5"));
    let mut target = Target::plain(); // demands nothing
    let (response, _) = exchange(&mut target, security(), &pairs);
    assert_eq!(status(&response), 0x0201);
}

#[test]
fn c2_lists_of_algorithms() {
    for (list, chosen) in [
        ("5", Some("5")),
        ("5,7", Some("7")),
        ("5,6,7,8", Some("7")),
        ("8,7,6,5", Some("8")),
        ("6,5", Some("6")),
        ("99,5", Some("5")),
        ("56", None),
        ("", None),
        ("05", None),
        ("MD5", None),
    ] {
        let mut target = ByHand::method(None);
        let (response, answers) = exchange(&mut target, security(), &[("CHAP_A", list)]);
        match chosen {
            Some(_) => assert_eq!(value(&answers, "CHAP_A"), chosen, "{list}"),
            None => assert_eq!(status(&response), 0x0201, "{list}"),
        }
    }
}

#[test]
fn c3_our_challenge_sent_back_is_refused() {
    let it = ByHand::challenged(Some(credential("target", OURS)));
    let answer = it.right_answer();
    let reflected = encode_binary(&it.challenge, BinaryEncoding::Hexadecimal);
    let pairs = [
        ("CHAP_N", USER),
        ("CHAP_R", &answer),
        ("CHAP_I", "7"),
        ("CHAP_C", &reflected),
    ];
    let (status, target) = it.answer(&pairs);
    assert_eq!(status, 0x0201);
    assert_eq!(target.closed, Some(CloseReason::LoginRefused));
}

#[test]
fn c4_wrong_lengths_fail_cleanly() {
    let long_hex = format!("0x{}", "ab".repeat(1024));
    let long_base64 = format!("0b{}", "QUFB".repeat(500));
    for response in [
        "",
        "0x",
        "0b",
        "0x0",
        "0xzz",
        "0b!!",
        "plain",
        "0x00112233",
        "0é",
        long_hex.as_str(),
        long_base64.as_str(),
    ] {
        let it = ByHand::challenged(None);
        assert_eq!(
            it.answer(&[("CHAP_N", USER), ("CHAP_R", response)]).0,
            0x0201,
            "{response}"
        );
    }
}

#[test]
fn c4_challenges_of_1_to_1024_bytes() {
    for (length, expected) in [(1, 0), (16, 0), (1024, 0), (1025, 0x0200), (0, 0x0201)] {
        let it = ByHand::challenged(Some(credential("target", OURS)));
        let answer = it.right_answer();
        let challenge = encode_binary(&vec![0x5a; length], BinaryEncoding::Hexadecimal);
        let pairs = [
            ("CHAP_N", USER),
            ("CHAP_R", &answer),
            ("CHAP_I", "0x10"),
            ("CHAP_C", &challenge),
        ];
        assert_eq!(it.answer(&pairs).0, expected, "{length} bytes");
    }
}

#[test]
fn c5_a_name_is_text_whatever_it_looks_like() {
    for name in ["0xab12", "0bQUFB"] {
        let mut target = Target::plain();
        target.decide = Box::new(move |_| {
            let policy = ChapPolicy::new(vec![credential(name, SECRET)], None);
            LoginDecision::Allow(terms(Authentication::Chap(policy)))
        });
        let mut params = params(SECRET, None);
        params.chap.as_mut().unwrap().ours.name = name.into();
        let (_, events) = log_in(&mut target, params);
        assert!(is_logged_in(&events), "{name}");
    }
}

#[test]
fn c8_no_shortcut_around_the_exchange() {
    // To the operational stage without having proven anything.
    let mut target = ByHand::method(None);
    let request = login_request(
        Stage::LoginOperationalNegotiation,
        Some(Stage::FullFeaturePhase),
    );
    let (response, _) = exchange(&mut target, request, &[]);
    assert_eq!(status(&response), 0x0200);
    assert!(target.established.is_empty());
    // CHAP keys in the operational stage.
    let mut target = Target::plain();
    let mut pairs = NAMES.to_vec();
    pairs.push(("CHAP_A", "5"));
    let (response, _) = exchange(&mut target, request, &pairs);
    assert_eq!(status(&response), 0x0200);
}
