//! The negotiation of operational keys (RFC 7143 §6.2 and §13): one table, one function.

use super::table::{
    FIRST_BURST, IRRELEVANT, Kind, LENGTH_MAX, MAX_RECV, NOT_UNDERSTOOD, REJECT, TABLE, YES,
};
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
    /// iSCSIProtocolLevel (RFC 7143 §13.24): 1, or 2 with the functions of RFC 7144.
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
