//! The table of operational keys (RFC 7143 §13): kind, legal range, our side, where the result goes.

use super::negotiation::Negotiated;
use crate::limits::{DigestPolicy, Offer};

/// One row: what kind of key it is and how its result is found.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Whether a discovery session has a use for it; if not, the answer is Irrelevant.
    pub(super) in_discovery: bool,
    /// Where the result goes.
    pub(super) store: fn(&mut Negotiated, u32),
}

pub(super) enum Kind {
    /// Yes if either side says Yes (RFC 7143 §6.2.2).
    Or(fn(&Offer) -> bool),
    /// Yes if both sides say Yes.
    And(fn(&Offer) -> bool),
    /// The smaller number, within a legal range.
    Minimum(u32, u32, fn(&Offer) -> u32),
    /// The larger number, within a legal range.
    Maximum(u32, u32, fn(&Offer) -> u32),
    /// The first in the initiator's list that we have; stored as its index in ours.
    List(fn(&Offer) -> &'static [&'static str]),
    /// A number that the initiator tells and that nobody answers.
    Declared(u32, u32),
    /// A key that once had a meaning (RFC 7143 §13.25) and whose answer is fixed.
    Fixed(&'static str),
}

pub(super) const LENGTH_MAX: u32 = (1 << 24) - 1;

const fn key(name: &'static str, kind: Kind, store: fn(&mut Negotiated, u32)) -> Key {
    Key {
        name,
        kind,
        in_discovery: false,
        store,
    }
}

const fn everywhere(mut key: Key) -> Key {
    key.in_discovery = true;
    key
}

/// RFC 7143 §13. The defaults stand in [`Negotiated::default`].
pub(super) const TABLE: &[Key] = &[
    everywhere(key(
        "HeaderDigest",
        Kind::List(|offer| digests(offer.header_digest)),
        |n, index| n.header_digest = index == CRC32C,
    )),
    everywhere(key(
        "DataDigest",
        Kind::List(|offer| digests(offer.data_digest)),
        |n, index| n.data_digest = index == CRC32C,
    )),
    key("MaxConnections", Kind::Minimum(1, 65_535, |_| 1), |n, v| {
        n.max_connections = v;
    }),
    key("InitialR2T", Kind::Or(|offer| offer.initial_r2t), |n, v| {
        n.initial_r2t = v == YES;
    }),
    key(
        "ImmediateData",
        Kind::And(|offer| offer.immediate_data),
        |n, v| n.immediate_data = v == YES,
    ),
    everywhere(key(MAX_RECV, Kind::Declared(512, LENGTH_MAX), |n, v| {
        n.max_send_data_segment_length = v;
    })),
    key(
        "MaxBurstLength",
        Kind::Minimum(512, LENGTH_MAX, |offer| offer.max_burst_length),
        |n, v| n.max_burst_length = v,
    ),
    key(
        FIRST_BURST,
        Kind::Minimum(512, LENGTH_MAX, |offer| offer.first_burst_length),
        |n, v| n.first_burst_length = v,
    ),
    everywhere(key(
        "DefaultTime2Wait",
        Kind::Maximum(0, 3600, |offer| offer.default_time_to_wait),
        |n, v| n.default_time_to_wait = v,
    )),
    // At ErrorRecoveryLevel 0 a session dies with its connection: there is nothing to retain.
    everywhere(key(
        "DefaultTime2Retain",
        Kind::Minimum(0, 3600, |_| 0),
        |n, v| n.default_time_to_retain = v,
    )),
    key(
        "MaxOutstandingR2T",
        Kind::Minimum(1, 65_535, |offer| offer.max_outstanding_r2t),
        |n, v| n.max_outstanding_r2t = v,
    ),
    key("DataPDUInOrder", Kind::Or(|_| true), |_, _| ()),
    key("DataSequenceInOrder", Kind::Or(|_| true), |_, _| ()),
    everywhere(key(
        "ErrorRecoveryLevel",
        Kind::Minimum(0, 2, |_| 0),
        |n, v| n.error_recovery_level = v,
    )),
    key("TaskReporting", Kind::List(|_| &["RFC3720"]), |_, _| ()),
    key(
        "iSCSIProtocolLevel",
        Kind::Minimum(0, 31, |_| LEVEL_OF_RFC_7144),
        |n, v| n.protocol_level = v,
    ),
    everywhere(key("IFMarker", Kind::And(|_| false), |_, _| ())),
    everywhere(key("OFMarker", Kind::And(|_| false), |_, _| ())),
    everywhere(key("IFMarkInt", Kind::Fixed(IRRELEVANT), |_, _| ())),
    everywhere(key("OFMarkInt", Kind::Fixed(IRRELEVANT), |_, _| ())),
];

/// The iSCSIProtocolLevel that brings RFC 7144, and the highest that we speak. Level 1 is RFC 7143.
pub(crate) const LEVEL_OF_RFC_7144: u32 = 2;

/// The two keys that the code knows by name.
pub(super) const MAX_RECV: &str = "MaxRecvDataSegmentLength";
pub(super) const FIRST_BURST: &str = "FirstBurstLength";

/// Answers of the standard (RFC 7143 §6.2).
pub(crate) const NOT_UNDERSTOOD: &str = "NotUnderstood";
pub(crate) const REJECT: &str = "Reject";
pub(super) const IRRELEVANT: &str = "Irrelevant";

/// The index of CRC32C in both lists of [`digests`].
const CRC32C: u32 = 0;

/// A boolean as a stored number.
pub(super) const YES: u32 = 1;

const fn digests(policy: DigestPolicy) -> &'static [&'static str] {
    match policy {
        DigestPolicy::Optional => &["CRC32C", "None"],
        DigestPolicy::Required => &["CRC32C"],
    }
}
