//! The target's side of CHAP: which step is next, and what it takes.

use super::{
    BinaryEncoding, CHALLENGE_LENGTH_MAX, ChapAlgorithm, ChapPolicy, Credential, Secret, challenge,
    decode_binary, encode_binary,
};
use crate::event::LoginStatus;
use crate::random::RandomSource;

/// A refusal with the reason for our own log.
pub(crate) type Refusal = (LoginStatus, &'static str);

/// Pairs for the response.
pub(crate) type Pairs = Vec<(&'static str, String)>;

/// The exchange (RFC 7143 §12.1.3). A step that is not the next one ends the login.
#[derive(Debug)]
pub(crate) struct ChapTarget {
    policy: ChapPolicy,
    state: State,
}

#[derive(Debug)]
enum State {
    /// CHAP_A is next.
    Algorithm,
    /// CHAP_N and CHAP_R are next.
    Response {
        algorithm: ChapAlgorithm,
        identifier: u8,
        challenge: Vec<u8>,
    },
    /// Proven by the user with this name.
    Proven(String),
}

/// The values of the keys of one request.
#[derive(Debug, Default)]
pub(crate) struct ChapKeys<'a> {
    pub(crate) algorithm: Option<&'a str>,
    pub(crate) identifier: Option<&'a str>,
    pub(crate) challenge: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    pub(crate) response: Option<&'a str>,
}

impl ChapKeys<'_> {
    /// Returns how many keys are there.
    pub(crate) fn count(&self) -> usize {
        [
            self.algorithm,
            self.identifier,
            self.challenge,
            self.name,
            self.response,
        ]
        .iter()
        .flatten()
        .count()
    }
}

impl ChapTarget {
    pub(crate) fn new(policy: ChapPolicy) -> Self {
        Self {
            policy,
            state: State::Algorithm,
        }
    }

    /// Returns the name that was proven.
    pub(crate) fn user(&self) -> Option<&str> {
        match &self.state {
            State::Proven(user) => Some(user),
            _ => None,
        }
    }

    /// Takes the CHAP keys of a request and returns the answer.
    pub(crate) fn step(
        &mut self,
        keys: &ChapKeys<'_>,
        random: &mut dyn RandomSource,
    ) -> Result<Pairs, Refusal> {
        if keys.count() == 0 {
            return Ok(Pairs::new());
        }
        match std::mem::replace(&mut self.state, State::Algorithm) {
            State::Algorithm => self.choose(keys, random),
            State::Response {
                algorithm,
                identifier,
                challenge,
            } => self.verify(keys, algorithm, identifier, &challenge),
            State::Proven(_) => Err(failure("CHAP keys after the exchange")),
        }
    }

    fn choose(
        &mut self,
        keys: &ChapKeys<'_>,
        random: &mut dyn RandomSource,
    ) -> Result<Pairs, Refusal> {
        let (Some(offer), 1) = (keys.algorithm, keys.count()) else {
            return Err(failure("CHAP does not begin with CHAP_A alone"));
        };
        let algorithm = self
            .best(offer)
            .ok_or(failure("no CHAP algorithm in common"))?;
        let (identifier, challenge) = challenge(random);
        let pairs = vec![
            ("CHAP_A", algorithm.number().to_string()),
            ("CHAP_I", identifier.to_string()),
            (
                "CHAP_C",
                encode_binary(&challenge, BinaryEncoding::Hexadecimal),
            ),
        ];
        self.state = State::Response {
            algorithm,
            identifier,
            challenge,
        };
        Ok(pairs)
    }

    /// The initiator's first choice among the strong hashes, else its first choice among the others.
    fn best(&self, offer: &str) -> Option<ChapAlgorithm> {
        let accepted: Vec<_> = offer
            .split(',')
            .filter_map(ChapAlgorithm::parse)
            .filter(|algorithm| self.policy.algorithms.contains(algorithm))
            .collect();
        let strong = [ChapAlgorithm::Sha3, ChapAlgorithm::Sha256];
        let first_strong = accepted.iter().find(|a| strong.contains(a));
        first_strong.or(accepted.first()).copied()
    }

    fn verify(
        &mut self,
        keys: &ChapKeys<'_>,
        algorithm: ChapAlgorithm,
        identifier: u8,
        challenge: &[u8],
    ) -> Result<Pairs, Refusal> {
        let (Some(name), Some(response), None) = (keys.name, keys.response, keys.algorithm) else {
            return Err(failure("CHAP_N and CHAP_R are not both there"));
        };
        let user = self.policy.users.iter().find(|user| user.name == name);
        // An unknown name costs what a wrong secret costs, down to the length of what is hashed: time
        // must not tell which names there are (C7). The stand-in's secret proves nothing, see below.
        let nobody = Secret::new(Vec::new());
        let stand_in = self.policy.users.first().map(|first| &first.secret);
        let secret = user
            .map(|user| &user.secret)
            .or(stand_in)
            .unwrap_or(&nobody);
        let expected = Secret::new(algorithm.response(identifier, secret, challenge));
        let given = decode_binary(response, expected.expose().len())
            .map_or_else(Vec::new, |(bytes, _)| bytes);
        let matches = expected == Secret::new(given);
        let (Some(user), true) = (user, matches) else {
            return Err(failure(if user.is_none() {
                "unknown CHAP name"
            } else {
                "wrong CHAP response"
            }));
        };
        let pairs = match (keys.identifier, keys.challenge) {
            (None, None) => Pairs::new(),
            (Some(identifier), Some(theirs)) => {
                self.prove_ourselves(user, algorithm, identifier, theirs, challenge)?
            }
            _ => return Err(failure("CHAP_I and CHAP_C are not both there")),
        };
        self.state = State::Proven(name.to_owned());
        Ok(pairs)
    }

    /// Answers the initiator's challenge, only after its own response was right.
    fn prove_ourselves(
        &self,
        user: &Credential,
        algorithm: ChapAlgorithm,
        identifier: &str,
        theirs: &str,
        ours: &[u8],
    ) -> Result<Pairs, Refusal> {
        let Some(credential) = &self.policy.ours else {
            return Err(failure("mutual CHAP asked, but no secret of ours is set"));
        };
        // RFC 7143 §12.1.3: "CHAP … same secret for both directions" must not be used; with it, and
        // with our own challenge sent back, an impostor would have us compute its response.
        if credential.secret == user.secret {
            return Err(failure("the same CHAP secret is set for both directions"));
        }
        let identifier: u8 = parse_identifier(identifier).ok_or(failure("CHAP_I is no byte"))?;
        let (theirs, encoding) = decode_binary(theirs, CHALLENGE_LENGTH_MAX)
            .ok_or(failure("CHAP_C is not a binary value of 1 to 1024 bytes"))?;
        if theirs == ours {
            return Err(failure("our own CHAP challenge was sent back"));
        }
        let response = algorithm.response(identifier, &credential.secret, &theirs);
        Ok(vec![
            ("CHAP_N", credential.name.clone()),
            ("CHAP_R", encode_binary(&response, encoding)),
        ])
    }
}

/// A number from 0 to 255, decimal or hexadecimal.
fn parse_identifier(text: &str) -> Option<u8> {
    match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

const fn failure(reason: &'static str) -> Refusal {
    (LoginStatus::AuthenticationFailure, reason)
}
