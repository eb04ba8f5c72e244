//! A model of the negotiation (RFC 7143 §6.2, §13; RFC 7144 §7.1), written down key by key.

use std::collections::BTreeMap;

use iscsi::{DigestPolicy, Offer};

/// The keys of the standards that a login negotiates, and two that nobody knows.
pub const KEYS: [&str; 22] = [
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

/// Values that hit the edges of what is legal.
pub const VALUES: [&str; 44] = [
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
    "0x+5",
    "5 ",
    "RFC3720",
    "ResponseFence,RFC3720",
    "FastAbort",
    "Reject",
    "31",
];

const NOT_IN_DISCOVERY: [&str; 10] = [
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

/// Returns what a target with this offer must answer to one key, `None` for a declaration.
/// FirstBurstLength is not bounded by MaxBurstLength yet.
pub fn answer(key: &str, value: &str, discovery: bool, offer: &Offer) -> Option<String> {
    if discovery && NOT_IN_DISCOVERY.contains(&key) {
        return Some("Irrelevant".into());
    }
    let reject = || Some("Reject".to_owned());
    let smaller = |low, high, ours: u32| match number(value, low, high) {
        Some(theirs) => Some(theirs.min(ours.into()).to_string()),
        None => reject(),
    };
    let boolean = |result: &dyn Fn(bool) -> bool| match value {
        "Yes" => Some(if result(true) { "Yes" } else { "No" }.to_owned()),
        "No" => Some(if result(false) { "Yes" } else { "No" }.to_owned()),
        _ => reject(),
    };
    let digest = |policy| {
        let ours: &[&str] = match policy {
            DigestPolicy::Optional => &["CRC32C", "None"],
            DigestPolicy::Required => &["CRC32C"],
        };
        match value.split(',').find(|offered| ours.contains(offered)) {
            Some(first) => Some(first.to_owned()),
            None => reject(),
        }
    };
    match key {
        "HeaderDigest" => digest(offer.header_digest),
        "DataDigest" => digest(offer.data_digest),
        "MaxConnections" => smaller(1, 65535, 1),
        "InitialR2T" => boolean(&|theirs| theirs || offer.initial_r2t),
        "ImmediateData" => boolean(&|theirs| theirs && offer.immediate_data),
        "DataPDUInOrder" | "DataSequenceInOrder" => boolean(&|_| true),
        "IFMarker" | "OFMarker" => boolean(&|_| false),
        "IFMarkInt" | "OFMarkInt" => Some("Irrelevant".into()),
        "MaxRecvDataSegmentLength" => match number(value, 512, 16_777_215) {
            Some(_) => None,
            None => reject(),
        },
        "MaxBurstLength" => smaller(512, 16_777_215, offer.max_burst_length),
        "FirstBurstLength" => smaller(512, 16_777_215, offer.first_burst_length),
        "DefaultTime2Wait" => match number(value, 0, 3600) {
            Some(theirs) => Some(theirs.max(offer.default_time_to_wait.into()).to_string()),
            None => reject(),
        },
        "DefaultTime2Retain" => smaller(0, 3600, 0),
        "MaxOutstandingR2T" => smaller(1, 65535, offer.max_outstanding_r2t),
        "ErrorRecoveryLevel" => smaller(0, 2, 0),
        "iSCSIProtocolLevel" => smaller(0, 31, PROTOCOL_LEVEL),
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

/// The highest iSCSIProtocolLevel of ours.
const PROTOCOL_LEVEL: u32 = 2;

/// RFC 7143 §6.1: decimal or hexadecimal digits and nothing else.
fn number(text: &str, low: u64, high: u64) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    if digits.is_empty() {
        return None;
    }
    let mut sum = 0_u64;
    for digit in digits.chars() {
        let digit = digit.to_digit(radix)?;
        sum = (sum * u64::from(radix) + u64::from(digit)).min(u64::from(u32::MAX) + 1);
    }
    (low..=high).contains(&sum).then_some(sum)
}

/// Returns all that a target with this offer must say in a login of one step, names included.
/// `offers` has each key once.
pub fn answers(
    offers: &[(String, String)],
    discovery: bool,
    offer: &Offer,
) -> BTreeMap<String, String> {
    let mut expected: BTreeMap<String, String> = offers
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), answer(key, value, discovery, offer)?)))
        .collect();
    // K6: FirstBurstLength is bounded by the MaxBurstLength that holds in the end.
    let burst = numeric(&expected, "MaxBurstLength").unwrap_or(262_144);
    if let Some(first) = numeric(&expected, "FirstBurstLength") {
        expected.insert("FirstBurstLength".into(), first.min(burst).to_string());
    }
    if !discovery {
        expected.insert("TargetPortalGroupTag".into(), "1".into());
    }
    // K8: ours is declared though the peer may be silent, unless its own had to be rejected. Discovery
    // carries text only.
    let longest = if discovery { 64 << 10 } else { u32::MAX };
    let ours = offer.max_recv_data_segment_length.min(longest);
    expected
        .entry("MaxRecvDataSegmentLength".into())
        .or_insert(ours.to_string());
    expected
}

fn numeric(answers: &BTreeMap<String, String>, key: &str) -> Option<u32> {
    answers.get(key)?.parse().ok()
}

/// Returns whether these answers settle the digests as the offer demands.
pub fn satisfies(answers: &BTreeMap<String, String>, offer: &Offer) -> bool {
    let is_on = |key| answers.get(key).is_some_and(|value| value == "CRC32C");
    (is_on("HeaderDigest") || offer.header_digest == DigestPolicy::Optional)
        && (is_on("DataDigest") || offer.data_digest == DigestPolicy::Optional)
}
