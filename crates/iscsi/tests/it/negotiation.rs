//! The table of keys against an independent model (RFC 7143 §6.2, §13): K1, K3 to K6, K8 to K11.

use crate::rig::*;
use fuzz::negotiation::{KEYS, VALUES, answers};
use iscsi::Offer;
use iscsi::wire::Stage;
use proptest::prelude::*;

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(&VALUES[..]).prop_map(str::to_owned),
        any::<u32>().prop_map(|n| n.to_string()),
        (0_u32..70_000).prop_map(|n| n.to_string()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_answer_is_the_models(
        offers in prop::collection::vec((prop::sample::select(&KEYS[..]), any_value()), 0..12),
        discovery: bool,
    ) {
        // Each key once: repeats are another test's.
        let mut unique: Vec<(String, String)> = Vec::new();
        for (key, value) in offers {
            if !unique.iter().any(|(name, _)| name == key) {
                unique.push((key.to_owned(), value));
            }
        }
        let names: &[(&str, &str)] = if discovery {
            &[("InitiatorName", INITIATOR), ("SessionType", "Discovery")]
        } else {
            &NAMES
        };
        let mut pairs = names.to_vec();
        pairs.extend(unique.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let request = login_request(Stage::LoginOperationalNegotiation, Some(Stage::FullFeaturePhase));
        let mut target = Target::plain();
        let (response, mut told) = exchange(&mut target, request, &pairs);
        prop_assert_eq!(status(&response), 0);
        told.sort();
        let expected: Vec<_> = answers(&unique, discovery, &Offer::default()).into_iter().collect();
        prop_assert_eq!(told, expected);
    }

    #[test]
    fn the_order_of_keys_changes_nothing(first in 512_u32..300_000, burst in 512_u32..300_000) {
        let (first, burst) = (first.to_string(), burst.to_string());
        let offers = [("FirstBurstLength", first.as_str()), ("MaxBurstLength", burst.as_str())];
        let bounded = first.parse::<u32>().unwrap().min(burst.parse().unwrap()).min(262_144);
        let results: Vec<_> = [[0, 1], [1, 0]]
            .into_iter()
            .map(|order| {
                let mut target = Target::plain();
                let answers = log_in_by_hand(&mut target, &order.map(|i| offers[i]));
                let told = value(&answers, "FirstBurstLength").map(str::to_owned);
                assert_eq!(told, Some(bounded.to_string()), "K6");
                *target.connection.negotiated().unwrap()
            })
            .collect();
        prop_assert_eq!(results[0], results[1]);
        prop_assert!(results[0].first_burst_length <= results[0].max_burst_length);
    }
}

#[test]
fn defaults_hold_when_nothing_is_said() {
    let target = session(&[]);
    let keys = target.connection.negotiated().unwrap();
    assert!(keys.initial_r2t && keys.immediate_data && !keys.header_digest && !keys.data_digest);
    assert_eq!(
        (keys.first_burst_length, keys.max_burst_length),
        (65_536, 262_144)
    );
    assert_eq!(keys.max_send_data_segment_length, 8192);
    assert_eq!(keys.max_recv_data_segment_length, 1_048_576);
    assert_eq!(keys.max_outstanding_r2t, 1);
}

#[test]
fn results_are_in_force() {
    let target = session(&[
        ("InitialR2T", "No"),
        ("ImmediateData", "No"),
        ("MaxBurstLength", "4096"),
        ("MaxRecvDataSegmentLength", "0x4000"),
        ("MaxOutstandingR2T", "2"),
        ("DefaultTime2Wait", "7"),
    ]);
    let keys = target.connection.negotiated().unwrap();
    assert!(!keys.initial_r2t && !keys.immediate_data);
    assert_eq!(
        keys.first_burst_length, 4096,
        "the default is cut at MaxBurstLength"
    );
    assert_eq!(keys.max_send_data_segment_length, 0x4000);
    assert_eq!(
        (keys.max_outstanding_r2t, keys.default_time_to_wait),
        (2, 7)
    );
}

#[test]
fn k2_a_long_key_or_value_is_an_error_not_cut() {
    let key = "k".repeat(64);
    let value = "v".repeat(256);
    for pair in [(key.as_str(), "1"), ("X-a", value.as_str())] {
        let mut target = Target::plain();
        let mut pairs = NAMES.to_vec();
        pairs.push(pair);
        let mut text = Vec::new();
        for (key, value) in pairs {
            text.extend(format!("{key}={value}\0").bytes());
        }
        let request = login_request(Stage::LoginOperationalNegotiation, None);
        target.feed(&bytes_of(request.emit(), &text));
        let pdu = target.pdus().remove(0);
        assert_eq!(pdu.header.0[36..38], [0x02, 0x00]);
        assert!(pdu.data.is_empty(), "never echoed");
    }
}
