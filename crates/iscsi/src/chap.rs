//! CHAP (RFC 7143 §12.1.3, RFC 1994): the responder that knows a secret proves it without telling.

use md5::Md5;
use sha1::Sha1;
use sha2::Sha256;
use sha3::Sha3_256;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::random::RandomSource;

mod secret;
mod target;

pub use secret::Secret;
pub(crate) use target::{ChapKeys, ChapTarget, Refusal};

/// A hash that CHAP may use (RFC 7143 §12.1.3 and IANA's PPP authentication algorithms).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ChapAlgorithm {
    /// MD5: every initiator has it, and it is still sound in this use.
    Md5 = 5,
    /// SHA-1.
    Sha1 = 6,
    /// SHA-256.
    Sha256 = 7,
    /// SHA3-256.
    Sha3 = 8,
}

impl ChapAlgorithm {
    /// All algorithms, the ones that we like best first.
    pub const ALL: [Self; 4] = [Self::Sha3, Self::Sha256, Self::Sha1, Self::Md5];

    /// Returns the algorithm that CHAP_A names with `number`, which is decimal without ornament:
    /// "56" is neither 5 nor 6.
    pub fn parse(number: &str) -> Option<Self> {
        match number {
            "5" => Some(Self::Md5),
            "6" => Some(Self::Sha1),
            "7" => Some(Self::Sha256),
            "8" => Some(Self::Sha3),
            _ => None,
        }
    }

    /// Returns the number for CHAP_A.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns the response: the hash of identifier, secret and challenge (RFC 1994 §4.1).
    pub fn response(self, identifier: u8, secret: &Secret, challenge: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => hash::<Md5>(identifier, secret, challenge),
            Self::Sha1 => hash::<Sha1>(identifier, secret, challenge),
            Self::Sha256 => hash::<Sha256>(identifier, secret, challenge),
            Self::Sha3 => hash::<Sha3_256>(identifier, secret, challenge),
        }
    }
}

fn hash<H: sha2::Digest>(identifier: u8, secret: &Secret, challenge: &[u8]) -> Vec<u8> {
    #[cfg(test)]
    tests::take_note_of_hash(1 + secret.expose().len() + challenge.len());
    let mut hasher = H::new();
    hasher.update([identifier]);
    hasher.update(secret.expose());
    hasher.update(challenge);
    hasher.finalize().to_vec()
}

/// A name with its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// CHAP_N.
    pub name: String,
    /// The secret.
    pub secret: Secret,
}

/// What a login has to prove with CHAP.
#[derive(Clone, Debug)]
pub struct ChapPolicy {
    /// Who may log in.
    pub users: Vec<Credential>,
    /// How we prove ourselves to an initiator that asks; without it such an initiator is refused.
    pub ours: Option<Credential>,
    /// Which hashes are accepted.
    pub algorithms: Vec<ChapAlgorithm>,
}

impl ChapPolicy {
    /// Returns the policy that accepts these users with any algorithm.
    pub fn new(users: Vec<Credential>, ours: Option<Credential>) -> Self {
        Self {
            users,
            ours,
            algorithms: ChapAlgorithm::ALL.to_vec(),
        }
    }
}

/// How a binary value is written (RFC 7143 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryEncoding {
    /// `0x` and hexadecimal digits.
    Hexadecimal,
    /// `0b` and base64.
    Base64,
}

/// The longest challenge in bytes (RFC 7143 §12.1.3).
pub const CHALLENGE_LENGTH_MAX: usize = 1024;

/// Reads a binary value of at most `length_max` bytes; `None` for anything else.
pub fn decode_binary(text: &str, length_max: usize) -> Option<(Vec<u8>, BinaryEncoding)> {
    let (prefix, digits) = text.split_at_checked(2)?;
    let (bytes, encoding) = match prefix {
        "0x" | "0X" => (decode_hexadecimal(digits)?, BinaryEncoding::Hexadecimal),
        "0b" | "0B" => (BASE64.decode(digits).ok()?, BinaryEncoding::Base64),
        _ => return None,
    };
    (!bytes.is_empty() && bytes.len() <= length_max).then_some((bytes, encoding))
}

/// Writes a binary value.
pub fn encode_binary(bytes: &[u8], encoding: BinaryEncoding) -> String {
    match encoding {
        BinaryEncoding::Hexadecimal => {
            let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
            let digits = bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 0x0f)]);
            "0x".chars().chain(digits).collect()
        }
        BinaryEncoding::Base64 => format!("0b{}", BASE64.encode(bytes)),
    }
}

/// Digits of either case. An odd count means that the first byte has one digit, as in a number.
fn decode_hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let nibbles: Option<Vec<u8>> = digits
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let nibbles = nibbles?;
    let (first, pairs) = nibbles.split_at(nibbles.len() % 2);
    let pairs = pairs.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]);
    Some(first.iter().copied().chain(pairs).collect())
}

/// Some initiators leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Returns a fresh challenge with its identifier. Sixteen bytes: what every initiator can take, and
/// more than can be seen twice.
pub fn challenge(random: &mut dyn RandomSource) -> (u8, Vec<u8>) {
    let mut bytes = [0; 1 + CHALLENGE_LENGTH];
    random.fill(&mut bytes);
    (bytes[0], bytes[1..].to_vec())
}

const CHALLENGE_LENGTH: usize = 16;

#[cfg(test)]
mod tests;
