//! The negotiation of operational keys (RFC 7143 §6.2 and §13): one table, one function.

use crate::limits::{DigestPolicy, Offer};

/// Whether a session carries SCSI or only finds targets (RFC 7143 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionKind {
    /// SCSI commands.
    Normal,
    /// SendTargets only.
    Discovery,
}

/// What both sides agreed on. `Default` is what holds when nobody says anything.
#[allow(clippy::struct_excessive_bools)] // the keys of the standard
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// HeaderDigest=CRC32C.
    pub header_digest: bool,
    /// DataDigest=CRC32C.
    pub data_digest: bool,
    /// MaxConnections.
    pub max_connections: u32,
    /// InitialR2T.
    pub initial_r2t: bool,
    /// ImmediateData.
    pub immediate_data: bool,
    /// The longest data segment that the initiator receives.
    pub max_send_data_segment_length: u32,
    /// The longest data segment that we receive.
    pub max_recv_data_segment_length: u32,
    /// MaxBurstLength.
    pub max_burst_length: u32,
    /// FirstBurstLength, never over MaxBurstLength.
    pub first_burst_length: u32,
    /// DefaultTime2Wait.
    pub default_time_to_wait: u32,
    /// DefaultTime2Retain.
    pub default_time_to_retain: u32,
    /// MaxOutstandingR2T.
    pub max_outstanding_r2t: u32,
    /// ErrorRecoveryLevel.
    pub error_recovery_level: u32,
    /// iSCSIProtocolLevel (RFC 7144 §7.1.1).
    pub protocol_level: u32,
}

impl Default for Negotiated {
    fn default() -> Self {
        Self {
            header_digest: false,
            data_digest: false,
            max_connections: 1,
            initial_r2t: true,
            immediate_data: true,
            max_send_data_segment_length: SEGMENT_LENGTH_DEFAULT,
            max_recv_data_segment_length: SEGMENT_LENGTH_DEFAULT,
            max_burst_length: 262_144,
            first_burst_length: 65_536,
            default_time_to_wait: 2,
            default_time_to_retain: 20,
            max_outstanding_r2t: 1,
            error_recovery_level: 0,
            protocol_level: 1,
        }
    }
}

/// MaxRecvDataSegmentLength until something else is declared (RFC 7143 §13.12).
pub(crate) const SEGMENT_LENGTH_DEFAULT: u32 = 8192;

/// One row: what kind of key it is and how its result is found.
struct Key {
    name: &'static str,
    kind: Kind,
    /// Whether a discovery session has a use for it; if not, the answer is Irrelevant.
    in_discovery: bool,
    /// Where the result goes.
    store: fn(&mut Negotiated, u32),
}

enum Kind {
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

const LENGTH_MAX: u32 = (1 << 24) - 1;

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
const TABLE: &[Key] = &[
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
    key("iSCSIProtocolLevel", Kind::Minimum(0, 31, |_| 1), |n, v| {
        n.protocol_level = v;
    }),
    everywhere(key("IFMarker", Kind::And(|_| false), |_, _| ())),
    everywhere(key("OFMarker", Kind::And(|_| false), |_, _| ())),
    everywhere(key("IFMarkInt", Kind::Fixed(IRRELEVANT), |_, _| ())),
    everywhere(key("OFMarkInt", Kind::Fixed(IRRELEVANT), |_, _| ())),
];

/// The two keys that the code knows by name.
const MAX_RECV: &str = "MaxRecvDataSegmentLength";
const FIRST_BURST: &str = "FirstBurstLength";

/// Answers of the standard (RFC 7143 §6.2).
pub(crate) const NOT_UNDERSTOOD: &str = "NotUnderstood";
pub(crate) const REJECT: &str = "Reject";
const IRRELEVANT: &str = "Irrelevant";

/// The index of CRC32C in both lists of [`digests`].
const CRC32C: u32 = 0;

/// A boolean as a stored number.
const YES: u32 = 1;

const fn digests(policy: DigestPolicy) -> &'static [&'static str] {
    match policy {
        DigestPolicy::Optional => &["CRC32C", "None"],
        DigestPolicy::Required => &["CRC32C"],
    }
}

impl Negotiated {
    /// Takes the initiator's pairs and returns ours.
    ///
    /// The order of the pairs does not matter: FirstBurstLength is settled last, because
    /// MaxBurstLength bounds it (RFC 7143 §13.14).
    pub(crate) fn negotiate<'a>(
        &mut self,
        pairs: &[(&'a str, &'a str)],
        kind: SessionKind,
        offer: &Offer,
    ) -> Vec<(&'a str, String)> {
        let mut answers = Vec::new();
        for last in [false, true] {
            for &(name, value) in pairs {
                if (name == FIRST_BURST) == last
                    && let Some(answer) = self.answer(name, value, kind, offer)
                {
                    answers.push((name, answer));
                }
            }
        }
        self.first_burst_length = self.first_burst_length.min(self.max_burst_length);
        answers
    }

    /// Settles one key; `None` when it only declared something.
    fn answer(
        &mut self,
        name: &str,
        value: &str,
        session: SessionKind,
        offer: &Offer,
    ) -> Option<String> {
        let Some(key) = TABLE.iter().find(|key| key.name == name) else {
            return Some(NOT_UNDERSTOOD.into());
        };
        if session == SessionKind::Discovery && !key.in_discovery {
            return Some(IRRELEVANT.into());
        }
        let number = |low, high| parse_number(value).filter(|n| (low..=high).contains(n));
        let result = match key.kind {
            Kind::Or(ours) => parse_boolean(value)
                .map(|theirs| theirs | ours(offer))
                .map(u32::from),
            Kind::And(ours) => parse_boolean(value)
                .map(|theirs| theirs & ours(offer))
                .map(u32::from),
            Kind::Minimum(low, high, ours) => number(low, high).map(|n| n.min(ours(offer))),
            Kind::Maximum(low, high, ours) => number(low, high).map(|n| n.max(ours(offer))),
            Kind::List(ours) => first_in_common(value, ours(offer)),
            Kind::Declared(low, high) => number(low, high),
            Kind::Fixed(answer) => return Some(answer.into()),
        };
        let Some(mut result) = result else {
            return Some(REJECT.into());
        };
        if name == FIRST_BURST {
            result = result.min(self.max_burst_length);
        }
        (key.store)(self, result);
        match key.kind {
            Kind::Or(_) | Kind::And(_) => Some(if result == YES { "Yes" } else { "No" }.into()),
            Kind::List(ours) => Some(ours(offer)[result as usize].into()),
            Kind::Declared(..) | Kind::Fixed(_) => None,
            Kind::Minimum(..) | Kind::Maximum(..) => Some(result.to_string()),
        }
    }

    /// Returns whether the digests are what `offer` demands.
    pub(crate) fn satisfies(&self, offer: &Offer) -> bool {
        (self.header_digest || offer.header_digest == DigestPolicy::Optional)
            && (self.data_digest || offer.data_digest == DigestPolicy::Optional)
    }

    /// Takes a new MaxRecvDataSegmentLength of the initiator; `None` when it is out of range.
    pub(crate) fn redeclare_segment_length(&mut self, value: &str) -> Option<()> {
        let length = parse_number(value).filter(|n| (512..=LENGTH_MAX).contains(n))?;
        self.max_send_data_segment_length = length;
        Some(())
    }
}

/// Returns the pair in which we declare the longest segment that we receive.
pub(crate) fn our_segment_length(offer: &Offer) -> (&'static str, String) {
    (MAX_RECV, offer.max_recv_data_segment_length.to_string())
}

/// Whether `name` is a key of the table, which can be negotiated only once in a login.
pub(crate) fn is_operational(name: &str) -> bool {
    TABLE.iter().any(|key| key.name == name)
}

/// `Yes` or `No` and nothing else (RFC 7143 §6.1).
fn parse_boolean(text: &str) -> Option<bool> {
    match text {
        "Yes" => Some(true),
        "No" => Some(false),
        _ => None,
    }
}

/// A decimal or hexadecimal constant without sign or blanks (RFC 7143 §6.1).
fn parse_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let plain = digits.chars().all(|c| c.is_digit(radix));
    plain.then(|| u32::from_str_radix(digits, radix).ok())?
}

/// The index in `ours` of the first value of the list that is in it.
fn first_in_common(list: &str, ours: &[&str]) -> Option<u32> {
    let index = list
        .split(',')
        .find_map(|theirs| ours.iter().position(|value| *value == theirs))?;
    u32::try_from(index).ok()
}
