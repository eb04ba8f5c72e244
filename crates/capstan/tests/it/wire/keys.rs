//! Negotiation: K1 to K13 (RFC 7143 §6.2, §13).

use capstan::gateway::targets::Device;
use iscsi::wire::{LoginRequest, Stage};

use super::peer::{Login, OPERATIONAL, Peer, status, text_of, value};
use crate::support::TestGateway;

fn changer(gateway: &TestGateway) -> Login {
    Login::to(&gateway.target(Device::Changer))
}

/// Offers keys in the middle of a login and returns the answers.
fn negotiate(
    gateway: &TestGateway,
    login: &Login,
    offer: &[(&str, &str)],
) -> Result<Vec<(String, String)>, u16> {
    let mut peer = Peer::connect(gateway.portal());
    let mut pairs = login.names();
    pairs.extend_from_slice(offer);
    let request = login.request(Stage::LoginOperationalNegotiation, None);
    let (response, keys) = peer.exchange(&request, &pairs);
    match status(&response) {
        0 => Ok(keys),
        refused => {
            peer.expect_end();
            Err(refused)
        }
    }
}

/// Offers one key and returns its answer.
fn answer(gateway: &TestGateway, key: &str, offer: &str) -> Option<String> {
    let keys = negotiate(gateway, &changer(gateway), &[(key, offer)]).unwrap();
    value(&keys, key).map(str::to_owned)
}

/// RFC 7143 §6.2: NotUnderstood, with or without X-.
#[test]
fn k1_unknown_keys_are_not_understood() {
    let gateway = TestGateway::start();
    for key in ["X-com.example.key", "X#ext", "Unheard", &"K".repeat(63)] {
        assert_eq!(
            answer(&gateway, key, "1").as_deref(),
            Some("NotUnderstood"),
            "{key}"
        );
    }
}

/// RFC 7143 §6.1: 63 bytes of key, 255 of value; nothing is cut.
#[test]
fn k2_over_long_values_and_malformed_text_are_refused() {
    let gateway = TestGateway::start();
    let login = changer(&gateway);
    let tails: [&[u8]; 4] = [
        &[b"X-key=".as_slice(), &[b'v'; 256], b"\0"].concat(),
        b"no equals sign\0",
        b"=no key\0",
        b"X-no-end=1",
    ];
    for tail in tails {
        let mut peer = Peer::connect(gateway.portal());
        let mut text = text_of(&login.names());
        text.extend_from_slice(tail);
        peer.send(login.request(OPERATIONAL.0, OPERATIONAL.1).emit(), &text);
        let (response, _) = peer.login_response();
        assert_eq!(
            status(&response),
            0x0200,
            "{:?}",
            String::from_utf8_lossy(tail)
        );
        peer.expect_end();
    }
    let longest = "v".repeat(255);
    assert_eq!(
        answer(&gateway, "X-key", &longest).as_deref(),
        Some("NotUnderstood")
    );
}

/// RFC 7143 §6.2, §13: each key by its own rule. The exhaustive comparison with a model of its own is
/// `crates/iscsi/tests/it/negotiation.rs`; here the answers come over the wire.
#[test]
fn k3_k4_k5_k11_every_key_is_answered_by_its_rule() {
    let gateway = TestGateway::start();
    for (key, offer, expected) in [
        // K3: booleans.
        ("ImmediateData", "maybe", "Reject"),
        ("InitialR2T", "yes", "Reject"),
        ("DataPDUInOrder", "", "Reject"),
        // K4: numbers and their ranges.
        ("MaxBurstLength", "0x10000", "65536"),
        ("MaxBurstLength", "0X10000", "65536"),
        ("MaxBurstLength", "511", "Reject"),
        ("MaxBurstLength", "16777216", "Reject"),
        ("FirstBurstLength", "99999999999999999999", "Reject"),
        ("MaxOutstandingR2T", "0", "Reject"),
        ("MaxOutstandingR2T", "65536", "Reject"),
        ("MaxConnections", "0", "Reject"),
        ("DefaultTime2Wait", "3601", "Reject"),
        ("DefaultTime2Retain", "-1", "Reject"),
        ("ErrorRecoveryLevel", "3", "Reject"),
        // K5: minimum, maximum, or, and, first of the list that we have.
        ("MaxBurstLength", "512", "512"),
        ("MaxBurstLength", "16777215", "16776192"),
        ("FirstBurstLength", "1048576", "262144"),
        ("MaxOutstandingR2T", "65535", "4"),
        ("MaxConnections", "8", "1"),
        ("ErrorRecoveryLevel", "2", "0"),
        ("DefaultTime2Retain", "20", "0"),
        ("DefaultTime2Wait", "2", "2"),
        ("InitialR2T", "Yes", "Yes"),
        ("InitialR2T", "No", "No"),
        ("ImmediateData", "Yes", "Yes"),
        ("ImmediateData", "No", "No"),
        ("DataPDUInOrder", "No", "Yes"),
        ("DataSequenceInOrder", "No", "Yes"),
        ("HeaderDigest", "CRC32C,None", "CRC32C"),
        ("HeaderDigest", "None,CRC32C", "None"),
        ("DataDigest", "SHA9,CRC32C", "CRC32C"),
        ("DataDigest", "SHA9", "Reject"),
        // K11.
        ("iSCSIProtocolLevel", "1", "1"),
        ("iSCSIProtocolLevel", "2", "2"),
        ("iSCSIProtocolLevel", "31", "2"),
        ("iSCSIProtocolLevel", "32", "Reject"),
        ("TaskReporting", "FastAbort,RFC3720", "RFC3720"),
    ] {
        assert_eq!(
            answer(&gateway, key, offer).as_deref(),
            Some(expected),
            "{key}={offer}"
        );
    }
}

/// RFC 7143 §13.14: whatever the order in which the two are said.
#[test]
fn k6_first_burst_length_does_not_exceed_max_burst_length() {
    let gateway = TestGateway::start();
    let (first, max) = (("FirstBurstLength", "65536"), ("MaxBurstLength", "4096"));
    for offer in [[first, max], [max, first]] {
        let keys = negotiate(&gateway, &changer(&gateway), &offer).unwrap();
        let number = |key| value(&keys, key).unwrap().parse::<u32>().unwrap();
        assert!(
            number("FirstBurstLength") <= number("MaxBurstLength"),
            "{keys:?}"
        );
    }
}

/// RFC 7143 §6.2: once, in one request or in two.
#[test]
fn k7_a_key_is_negotiated_once() {
    let gateway = TestGateway::start();
    let login = changer(&gateway);
    let key = ("MaxBurstLength", "4096");
    assert_eq!(negotiate(&gateway, &login, &[key, key]).err(), Some(0x0200));
    let mut peer = Peer::connect(gateway.portal());
    let request = login.request(Stage::LoginOperationalNegotiation, None);
    let mut pairs = login.names();
    pairs.push(key);
    assert_eq!(status(&peer.exchange(&request, &pairs).0), 0);
    assert_eq!(status(&peer.exchange(&request, &[key]).0), 0x0200);
    peer.expect_end();
}

/// RFC 7143 §13.12. DECIDED: 1 MiB, 64 KiB in discovery sessions. Redeclaring it is X5.
#[test]
fn k8_our_segment_length_is_declared_even_to_the_silent() {
    let gateway = TestGateway::start();
    for (login, ours) in [
        (changer(&gateway), "1048576"),
        (Login::discovery(), "65536"),
    ] {
        let peer = Peer::log_in(gateway.portal(), &login);
        assert_eq!(value(&peer.keys, "MaxRecvDataSegmentLength"), Some(ours));
    }
}

/// RFC 7143 §13: keys that mean nothing for discovery.
#[test]
fn k9_in_discovery_keys_of_normal_sessions_are_irrelevant() {
    let gateway = TestGateway::start();
    for (key, offer) in [
        ("MaxConnections", "1"),
        ("InitialR2T", "Yes"),
        ("ImmediateData", "Yes"),
        ("MaxBurstLength", "4096"),
        ("FirstBurstLength", "4096"),
        ("MaxOutstandingR2T", "1"),
        ("DataPDUInOrder", "Yes"),
        ("DataSequenceInOrder", "Yes"),
    ] {
        let keys = negotiate(&gateway, &Login::discovery(), &[(key, offer)]).unwrap();
        assert_eq!(value(&keys, key), Some("Irrelevant"), "{key}");
    }
}

/// RFC 7143 §13.25: markers are gone; those who still ask are told so.
#[test]
fn k10_markers_are_refused() {
    let gateway = TestGateway::start();
    for (key, offer) in [("IFMarker", "Yes"), ("OFMarker", "Yes"), ("IFMarker", "No")] {
        assert_eq!(
            answer(&gateway, key, offer).as_deref(),
            Some("No"),
            "{key}={offer}"
        );
    }
    for key in ["IFMarkInt", "OFMarkInt"] {
        let told = answer(&gateway, key, "2048~8192").unwrap();
        assert!(["Irrelevant", "Reject"].contains(&&*told), "{key}: {told}");
    }
}

/// RFC 7143 §4.2.7.
#[test]
fn k12_names_are_compared_without_case_and_have_a_form_and_a_length() {
    let gateway = TestGateway::start();
    let named = |initiator: String| Login {
        initiator,
        ..changer(&gateway)
    };
    let log_in = |name: &str| Peer::try_log_in(gateway.portal(), &named(name.to_owned()));
    let longest = format!("iqn.2020-01.org.example:{}", "x".repeat(199));
    assert_eq!(longest.len(), 223);
    let good = [
        "iqn.2020-01.org.example:HOST",
        "eui.02004567a425678d",
        "naa.52004567ba64678d",
        &longest,
    ];
    for name in good {
        log_in(name).unwrap().ping();
    }
    for name in [
        &format!("{longest}x"),
        "host",
        "iqn.",
        "iqn.2020-01.org example",
    ] {
        assert!(log_in(name).is_err(), "{name}");
    }
    let shouted = gateway
        .target(Device::Changer)
        .replace("capstan", "CAPSTAN");
    Peer::log_in(gateway.portal(), &Login::to(&shouted)).ping();
}

/// RFC 7143 §6.2: a declaration has no answer, and a response that ends a stage asks nothing.
#[test]
fn k13_declarations_are_not_answered_and_the_last_response_asks_nothing() {
    let gateway = TestGateway::start();
    let login = changer(&gateway).with(&[("InitiatorAlias", "host")]);
    let peer = Peer::log_in(gateway.portal(), &login);
    for key in [
        "InitiatorName",
        "InitiatorAlias",
        "SessionType",
        "TargetName",
    ] {
        assert_eq!(value(&peer.keys, key), None, "{key}");
    }
    // Whatever stands in a last response is an answer or a declaration of the target's.
    let declared = [
        "TargetPortalGroupTag",
        "TargetAlias",
        "MaxRecvDataSegmentLength",
    ];
    for (key, _) in &peer.keys {
        assert!(declared.contains(&key.as_str()), "{key} asks for an answer");
    }
    // Nothing is ever asked: each of our own keys is decided when the login ends.
    let request: LoginRequest = login.request(OPERATIONAL.0, OPERATIONAL.1);
    let mut silent = Peer::connect(gateway.portal());
    let (response, _) = silent.exchange(&request, &login.names());
    assert!(response.transit);
}
