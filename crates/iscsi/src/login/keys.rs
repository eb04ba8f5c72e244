//! Sorts the keys of a login by what they are for: who, proof, terms (RFC 7143 §12 and §13).

use std::collections::BTreeSet;

use super::{Proof, SessionKind};
use crate::chap::{ChapKeys, Refusal};
use crate::event::{LoginRequested, LoginStatus};
use crate::name::normalise;
use crate::random::RandomSource;
use crate::wire::LoginRequest;
use crate::wire::text::TextWriter;

/// Keys of one request by purpose.
#[derive(Debug, Default)]
pub(super) struct Sorted<'a> {
    auth_method: Option<&'a str>,
    chap: ChapKeys<'a>,
    /// Everything for the negotiation table, unknown keys included.
    pub(super) operational: Vec<(&'a str, &'a str)>,
}

impl Sorted<'_> {
    pub(super) fn has_security_keys(&self) -> bool {
        self.auth_method.is_some() || self.chap.count() > 0
    }
}

/// Returns who wants to log in, from the keys of the first request (L3).
pub(super) fn identity(
    pairs: &[(&str, &str)],
    request: &LoginRequest,
) -> Result<LoginRequested, Refusal> {
    let missing = |reason| (LoginStatus::MissingParameter, reason);
    let bad = |reason| (LoginStatus::InitiatorError, reason);
    let find = |name| {
        let pair = pairs.iter().find(|(key, _)| *key == name);
        pair.map(|(_, value)| *value)
    };
    let initiator = find("InitiatorName").ok_or(missing("InitiatorName is missing"))?;
    let initiator = normalise(initiator).ok_or(bad("InitiatorName is not an iSCSI name"))?;
    let kind = match find("SessionType") {
        None | Some("Normal") => SessionKind::Normal,
        Some("Discovery") => SessionKind::Discovery,
        Some(_) => {
            let reason = "SessionType is neither Normal nor Discovery";
            return Err((LoginStatus::SessionTypeNotSupported, reason));
        }
    };
    let target = match (kind, find("TargetName")) {
        (SessionKind::Discovery, _) => None,
        (SessionKind::Normal, None) => return Err(missing("TargetName is missing")),
        // A name that is none names no target.
        (SessionKind::Normal, Some(name)) => {
            Some(normalise(name).ok_or((LoginStatus::NotFound, "TargetName is no iSCSI name"))?)
        }
    };
    Ok(LoginRequested {
        initiator,
        initiator_alias: find("InitiatorAlias").map(str::to_owned),
        isid: request.isid,
        tsih: request.tsih,
        cid: request.cid,
        target,
        kind,
    })
}

/// Sorts `pairs` and refuses keys that come twice in a login (K7).
///
/// The names of initiator and target, the session type and the alias may be told again as long as
/// they stay the same: some initiators repeat them in each request, and nothing is negotiated by
/// them. A different value is an error.
pub(super) fn sort<'a>(
    pairs: &[(&'a str, &'a str)],
    identity: &LoginRequested,
    seen: &mut BTreeSet<String>,
) -> Result<Sorted<'a>, Refusal> {
    let mut sorted = Sorted::default();
    for &(key, value) in pairs {
        if let Some(same) = repeats_identity(key, value, identity) {
            if !same {
                let reason = "a name or the session type changed during login";
                return Err((LoginStatus::InitiatorError, reason));
            }
            continue;
        }
        if !seen.insert(key.to_owned()) {
            return Err((LoginStatus::InitiatorError, "a key came twice"));
        }
        if seen.len() > KEYS_MAX {
            return Err((LoginStatus::OutOfResources, "too many keys"));
        }
        match key {
            "AuthMethod" => sorted.auth_method = Some(value),
            "CHAP_A" => sorted.chap.algorithm = Some(value),
            "CHAP_I" => sorted.chap.identifier = Some(value),
            "CHAP_C" => sorted.chap.challenge = Some(value),
            "CHAP_N" => sorted.chap.name = Some(value),
            "CHAP_R" => sorted.chap.response = Some(value),
            _ => sorted.operational.push((key, value)),
        }
    }
    Ok(sorted)
}

/// Returns for a declaration of identity whether it says the same as before.
fn repeats_identity(key: &str, value: &str, identity: &LoginRequested) -> Option<bool> {
    match key {
        "InitiatorName" => Some(normalise(value).as_ref() == Some(&identity.initiator)),
        "InitiatorAlias" => Some(identity.initiator_alias.as_deref() == Some(value)),
        "TargetName" => Some(identity.target.is_none() || normalise(value) == identity.target),
        "SessionType" => Some(match identity.kind {
            SessionKind::Normal => value == "Normal",
            SessionKind::Discovery => value == "Discovery",
        }),
        _ => None,
    }
}

/// Answers AuthMethod and the keys of CHAP (RFC 7143 §12.1).
pub(super) fn prove(
    sorted: &Sorted<'_>,
    proof: &mut Proof,
    answer: &mut TextWriter,
    random: &mut dyn RandomSource,
) -> Result<(), Refusal> {
    let failure = |reason| Err((LoginStatus::AuthenticationFailure, reason));
    let offers = |method| {
        let offered = sorted.auth_method?;
        Some(offered.split(',').any(|one| one == method))
    };
    match proof {
        Proof::NotNeeded => {
            if sorted.chap.count() > 0 {
                return failure("CHAP keys although CHAP was not chosen");
            }
            match offers("None") {
                Some(true) => answer.pair("AuthMethod", "None"),
                Some(false) => return failure("no authentication method in common"),
                None => (),
            }
        }
        Proof::Method(_) => {
            if sorted.chap.count() > 0 {
                return failure("CHAP keys before AuthMethod was settled");
            }
            if offers("CHAP") != Some(true) {
                return failure("CHAP is demanded and was not offered");
            }
            answer.pair("AuthMethod", "CHAP");
            settle_on_chap(proof);
        }
        Proof::Chap(exchange) => {
            if exchange.user().is_none() && sorted.chap.count() == 0 {
                return failure("a step of CHAP without its keys");
            }
            for (key, value) in exchange.step(&sorted.chap, random)? {
                answer.pair(key, &value);
            }
        }
    }
    Ok(())
}

/// The most keys of one login. There are some forty; unknown ones are each answered and remembered.
const KEYS_MAX: usize = 1024;

/// A proof that was demanded stays demanded, whatever state it is in.
fn settle_on_chap(proof: &mut Proof) {
    *proof = match std::mem::replace(proof, Proof::NotNeeded) {
        Proof::Method(exchange) => Proof::Chap(exchange),
        other => other,
    };
}
