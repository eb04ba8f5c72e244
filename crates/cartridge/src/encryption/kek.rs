//! Key-encryption keys: what opens the keys of cartridges, and lies nowhere near them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use serde::{Deserialize, Serialize, de};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::key::EncryptionKey;
use super::preamble::TAG_BYTES;
use super::seal::Length;

const EXTRACT_SALT: &[u8] = b"capstan key-encryption key v1";
const ID_LABEL: &[u8] = b"capstan key id v1";
const WRAP_LABEL: &[u8] = b"capstan cartridge key wrap v1";
const KEY_ID_BYTES: usize = 8;

/// The length of a wrapped key: nonce, key, tag.
pub(super) const WRAPPED_BYTES: usize = NONCE_LEN + EncryptionKey::BYTES + TAG_BYTES;

/// The public name of a key-encryption key. It follows from the key, and the key not from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; KEY_ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.len() == 2 * KEY_ID_BYTES && !text.starts_with('+');
        let id = u64::from_str_radix(text, 16).ok().filter(|_| digits);
        let id = id.ok_or("a key id has sixteen hexadecimal digits")?;
        Ok(Self(id.to_be_bytes()))
    }
}

impl Serialize for KeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// How a key-encryption key follows from a passphrase: public, and needed to make it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derivation {
    /// `argon2id`.
    pub algorithm: String,
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Degree of parallelism.
    pub lanes: u32,
    /// The salt in hexadecimal digits.
    pub salt: String,
}

/// A key under which the keys of cartridges are wrapped. Wiped with the last copy, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyEncryptionKey {
    id: KeyId,
    key: EncryptionKey,
    derivation: Option<Derivation>,
}

impl KeyEncryptionKey {
    /// Returns the key of these bytes. The caller wipes its own copy.
    pub fn new(bytes: &[u8; EncryptionKey::BYTES]) -> Self {
        let key = EncryptionKey::new(bytes);
        let mut id = [0; KEY_ID_BYTES];
        expand(&key, &[ID_LABEL], &mut id);
        Self {
            id: KeyId(id),
            key,
            derivation: None,
        }
    }

    /// The key follows from a passphrase by `derivation`, which goes beside all that it wraps.
    #[must_use]
    pub fn derived_by(self, derivation: Derivation) -> Self {
        Self {
            derivation: Some(derivation),
            ..self
        }
    }

    /// Returns its public name.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Returns how it follows from a passphrase, if it does.
    pub fn derivation(&self) -> Option<&Derivation> {
        self.derivation.as_ref()
    }

    /// Wraps `key`, which is the key number `serial` of `cartridge`. No two calls have one `nonce`.
    pub(super) fn wrap(
        &self,
        (cartridge, serial): (Uuid, u64),
        key: &EncryptionKey,
        nonce: [u8; NONCE_LEN],
    ) -> [u8; WRAPPED_BYTES] {
        let mut wrapped = [0; WRAPPED_BYTES];
        let (head, rest) = wrapped.split_at_mut(NONCE_LEN);
        let (body, tail) = rest.split_at_mut(EncryptionKey::BYTES);
        head.copy_from_slice(&nonce);
        body.copy_from_slice(key.bytes());
        let tag = self
            .cipher(cartridge, serial)
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(WRAP_LABEL),
                body,
            )
            .expect("a key is much shorter than the 64 GiB of GCM");
        tail.copy_from_slice(tag.as_ref());
        wrapped
    }

    /// Unwraps what [`KeyEncryptionKey::wrap`] made. `None` when this is not the key, or anything was changed.
    pub(super) fn unwrap(
        &self,
        (cartridge, serial): (Uuid, u64),
        wrapped: &[u8; WRAPPED_BYTES],
    ) -> Option<EncryptionKey> {
        let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let cipher = self.cipher(cartridge, serial);
        let opened = cipher.open_in_place(nonce, Aad::from(WRAP_LABEL), &mut sealed);
        Some(EncryptionKey::new((&*opened.ok()?).try_into().ok()?))
    }

    fn cipher(&self, cartridge: Uuid, serial: u64) -> LessSafeKey {
        let mut key = Zeroizing::new([0; EncryptionKey::BYTES]);
        let info = [WRAP_LABEL, cartridge.as_bytes(), &serial.to_le_bytes()];
        expand(&self.key, &info, &mut *key);
        let key = UnboundKey::new(&AES_256_GCM, &*key);
        LessSafeKey::new(key.expect("a key of AES-256 has 32 bytes"))
    }
}

fn expand(key: &EncryptionKey, info: &[&[u8]], out: &mut [u8]) {
    let key = Salt::new(HKDF_SHA256, EXTRACT_SALT).extract(key.bytes());
    key.expand(info, Length(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("HKDF gives up to 255 times 32 bytes");
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyEncryptionKey({})", self.id)
    }
}

/// The key-encryption keys that there are. The first wraps new keys, the others only open old ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRing(Arc<[KeyEncryptionKey]>);

impl KeyRing {
    /// Returns the ring with these keys.
    pub fn new(keys: impl Into<Arc<[KeyEncryptionKey]>>) -> Self {
        Self(keys.into())
    }

    /// Returns the key for new keys; `None` when cartridges are not to be encrypted.
    pub fn first(&self) -> Option<&KeyEncryptionKey> {
        self.0.first()
    }

    /// Returns the key with the name `id`.
    pub fn find(&self, id: KeyId) -> Option<&KeyEncryptionKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// Returns all keys, that for new ones first.
    pub fn keys(&self) -> &[KeyEncryptionKey] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kek(byte: u8) -> KeyEncryptionKey {
        KeyEncryptionKey::new(&[byte; 32])
    }

    #[test]
    fn a_wrapped_key_opens_with_its_key_for_its_cartridge_and_number_only() {
        let (cartridge, key) = (Uuid::from_u128(1), EncryptionKey::new(&[9; 32]));
        let wrapped = kek(1).wrap((cartridge, 3), &key, [7; NONCE_LEN]);
        assert!(!wrapped.windows(8).any(|part| part == [9; 8]));
        assert_eq!(kek(1).unwrap((cartridge, 3), &wrapped), Some(key));
        assert_eq!(kek(2).unwrap((cartridge, 3), &wrapped), None);
        assert_eq!(kek(1).unwrap((cartridge, 4), &wrapped), None);
        assert_eq!(kek(1).unwrap((Uuid::from_u128(2), 3), &wrapped), None);
        for bit in 0..8 * WRAPPED_BYTES {
            let mut damaged = wrapped;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(kek(1).unwrap((cartridge, 3), &damaged), None, "{bit}");
        }
    }

    /// Part of the format: whatever changes this name makes cartridges look for a key that is there.
    #[test]
    fn the_name_of_a_key_is_always_the_same_and_tells_nothing_of_it() {
        assert_eq!(kek(1).id().to_string(), "d7c8dd7c62df2aa4");
        assert_ne!(kek(1).id(), kek(2).id());
        let id = kek(1).id();
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "1", "+123456789abcdef", "0123456789abcdeg"] {
            assert!(text.parse::<KeyId>().is_err(), "{text}");
        }
        let text = format!("{:?} {:#?}", kek(0xab), KeyRing::new([kek(0xab)]));
        assert!(!text.contains("171") && !text.contains("abab"), "{text}");
    }
}
