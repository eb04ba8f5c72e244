//! The table of keys against an independent model (RFC 7143 §6.2, §13): K1, K3 to K6, K8 to K11.

use crate::rig::*;
use iscsi::wire::Stage;
use proptest::prelude::*;
use std::collections::HashMap;

/// What a target with our defaults must answer, written down key by key.
fn model(key: &str, value: &str, discovery: bool) -> Option<String> {
    let irrelevant_in_discovery = [
        "MaxConnections",
        "InitialR2T",
        "ImmediateData",
        "MaxBurstLength",
        "FirstBurstLength",
        "MaxOutstandingR2T",
        "DataPDUInOrder",
        "DataSequenceInOrder",
        "TaskReporting",
        "iSCSIProtocolLevel",
    ];
    if discovery && irrelevant_in_discovery.contains(&key) {
        return Some("Irrelevant".into());
    }
    let reject = || Some("Reject".to_owned());
    let number = |low: i64, high: i64| {
        let number = if value.starts_with('+') || value.starts_with('-') {
            None
        } else if let Some(digits) = value.to_lowercase().strip_prefix("0x") {
            i64::from_str_radix(digits, 16).ok()
        } else {
            value.parse::<i64>().ok()
        };
        number.filter(|n| (low..=high).contains(n))
    };
    let smaller = |low, high, ours: i64| match number(low, high) {
        Some(theirs) => Some(if theirs < ours { theirs } else { ours }.to_string()),
        None => reject(),
    };
    let boolean = |result: fn(bool) -> bool| match value {
        "Yes" => Some(if result(true) { "Yes" } else { "No" }.to_owned()),
        "No" => Some(if result(false) { "Yes" } else { "No" }.to_owned()),
        _ => reject(),
    };
    match key {
        "HeaderDigest" | "DataDigest" => {
            for offered in value.split(',') {
                if offered == "CRC32C" || offered == "None" {
                    return Some(offered.to_owned());
                }
            }
            reject()
        }
        "MaxConnections" => smaller(1, 65535, 1),
        "InitialR2T" => boolean(|theirs| theirs),
        "ImmediateData" => boolean(|theirs| theirs),
        "DataPDUInOrder" | "DataSequenceInOrder" => boolean(|_| true),
        "IFMarker" | "OFMarker" => boolean(|_| false),
        "IFMarkInt" | "OFMarkInt" => Some("Irrelevant".into()),
        "MaxRecvDataSegmentLength" => match number(512, 16_777_215) {
            Some(_) => None,
            None => reject(),
        },
        "MaxBurstLength" => smaller(512, 16_777_215, 16_776_192),
        "FirstBurstLength" => smaller(512, 16_777_215, 262_144),
        "DefaultTime2Wait" => match number(0, 3600) {
            Some(theirs) => Some(theirs.to_string()),
            None => reject(),
        },
        "DefaultTime2Retain" => smaller(0, 3600, 0),
        "MaxOutstandingR2T" => smaller(1, 65535, 4),
        "ErrorRecoveryLevel" => smaller(0, 2, 0),
        "iSCSIProtocolLevel" => smaller(0, 31, 2),
        "TaskReporting" => {
            if value.split(',').any(|one| one == "RFC3720") {
                Some("RFC3720".into())
            } else {
                reject()
            }
        }
        _ => Some("NotUnderstood".into()),
    }
}

const KEYS: [&str; 22] = [
    "HeaderDigest",
    "DataDigest",
    "MaxConnections",
    "InitialR2T",
    "ImmediateData",
    "MaxRecvDataSegmentLength",
    "MaxBurstLength",
    "FirstBurstLength",
    "DefaultTime2Wait",
    "DefaultTime2Retain",
    "MaxOutstandingR2T",
    "DataPDUInOrder",
    "DataSequenceInOrder",
    "ErrorRecoveryLevel",
    "IFMarker",
    "OFMarker",
    "IFMarkInt",
    "OFMarkInt",
    "TaskReporting",
    "iSCSIProtocolLevel",
    "X-com.example.thing",
    "Nonsense",
];

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "Yes",
            "No",
            "yes",
            "None",
            "CRC32C",
            "CRC32C,None",
            "None,CRC32C",
            "X-md5,CRC32C",
            "X-md5",
            "",
            ",",
            "0",
            "1",
            "2",
            "3",
            "511",
            "512",
            "513",
            "65535",
            "65536",
            "262144",
            "262145",
            "16776192",
            "16776193",
            "16777215",
            "16777216",
            "3600",
            "3601",
            "0x200",
            "0X200",
            "0x1ff",
            "0xffffff",
            "0x1000000",
            "-1",
            "+5",
            "4294967296",
            "0x",
            "5 ",
            "RFC3720",
            "ResponseFence,RFC3720",
            "FastAbort",
            "Reject",
            "31",
            "32",
        ])
        .prop_map(str::to_owned),
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
        let mut unique: Vec<(&str, &str)> = Vec::new();
        for (key, value) in &offers {
            if !unique.iter().any(|(name, _)| name == key) {
                unique.push((key, value));
            }
        }
        let names: &[(&str, &str)] = if discovery {
            &[("InitiatorName", INITIATOR), ("SessionType", "Discovery")]
        } else {
            &NAMES
        };
        let mut pairs = names.to_vec();
        pairs.extend(&unique);
        let request = login_request(Stage::LoginOperationalNegotiation, Some(Stage::FullFeaturePhase));
        let mut target = Target::plain();
        let (response, answers) = exchange(&mut target, request, &pairs);
        prop_assert_eq!(status(&response), 0);
        let mut expected: HashMap<String, String> = unique
            .iter()
            .filter_map(|(key, value)| Some(((*key).to_owned(), model(key, value, discovery)?)))
            .collect();
        // K6: FirstBurstLength is bounded by the MaxBurstLength that holds in the end.
        let burst = expected.get("MaxBurstLength").and_then(|v| v.parse::<u32>().ok());
        if let Some(first) = expected.get("FirstBurstLength").and_then(|v| v.parse::<u32>().ok()) {
            let bounded = first.min(burst.unwrap_or(262_144));
            expected.insert("FirstBurstLength".into(), bounded.to_string());
        }
        if !discovery {
            expected.insert("TargetPortalGroupTag".into(), "1".into());
        }
        // K8: ours is declared though the peer may be silent, unless its own had to be rejected.
        expected
            .entry("MaxRecvDataSegmentLength".into())
            .or_insert("1048576".into());
        let mut answers = answers;
        let mut expected: Vec<_> = expected.into_iter().collect();
        answers.sort();
        expected.sort();
        prop_assert_eq!(answers, expected);
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
