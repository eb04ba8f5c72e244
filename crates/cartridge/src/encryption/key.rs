//! Keys and what the host tells with them.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::limits::KEY_ASSOCIATED_DATA_BYTES_MAX;

/// A key of the host for AES-256-GCM. Its bytes are wiped with the last copy, and never printed.
#[derive(Clone)]
pub struct EncryptionKey(Arc<Zeroizing<[u8; Self::BYTES]>>);

impl EncryptionKey {
    /// The length of a key.
    pub const BYTES: usize = 32;

    /// Returns the key of these bytes. The caller wipes its own copy.
    pub fn new(bytes: &[u8; Self::BYTES]) -> Self {
        Self(Arc::new(Zeroizing::new(*bytes)))
    }

    pub(crate) fn bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

/// Takes the same time wherever they differ.
impl PartialEq for EncryptionKey {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.bytes(), other.bytes()).is_ok()
    }
}

impl Eq for EncryptionKey {}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey")
    }
}

/// What the host tells about a key, so that it finds the key again (SSC-5 §4.2.21.7). It lies beside
/// each frame, not encrypted, and cannot be changed there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyAssociatedData {
    /// U-KAD: what a drive need not protect.
    pub unauthenticated: Vec<u8>,
    /// A-KAD: what a drive protects from change.
    pub authenticated: Vec<u8>,
    /// M-KAD, or the nonce value that the host gave. Our own nonces do not depend on it.
    pub metadata: Vec<u8>,
    /// The KAD FORMAT field: 0 unspecified, 1 a binary key name, 2 an ASCII key name.
    pub format: u8,
}

impl KeyAssociatedData {
    pub(super) fn parts(&self) -> [&[u8]; 3] {
        [&self.unauthenticated, &self.authenticated, &self.metadata]
    }

    /// Returns an error when a part is longer than the format has room for.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.parts().iter().map(|part| part.len()).max() {
            Some(length) if length > KEY_ASSOCIATED_DATA_BYTES_MAX => {
                Err(Error::KeyAssociatedDataLength { length })
            }
            _ => Ok(()),
        }
    }
}

/// How blocks are encrypted from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// The key.
    pub key: EncryptionKey,
    /// What lies beside every frame.
    pub data: KeyAssociatedData,
    /// Whether the host forbids to hand out the blocks encrypted as they are (RDMC 11b). Only recorded.
    pub forbid_raw_reading: bool,
}

/// What is done with encrypted blocks and with others when they are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Decryption {
    /// Only blocks that are not encrypted are read.
    #[default]
    Off,
    /// Only blocks encrypted under this key are read.
    Encrypted(EncryptionKey),
    /// Blocks encrypted under this key are read, and blocks that are not encrypted.
    Mixed(EncryptionKey),
}

impl Decryption {
    /// Returns the key.
    pub fn key(&self) -> Option<&EncryptionKey> {
        match self {
            Self::Off => None,
            Self::Encrypted(key) | Self::Mixed(key) => Some(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_key_is_printed() {
        let encryption = Encryption {
            key: EncryptionKey::new(&[0xab; 32]),
            data: KeyAssociatedData::default(),
            forbid_raw_reading: false,
        };
        let decryption = Decryption::Mixed(encryption.key.clone());
        let text = format!("{encryption:?} {decryption:?} {:#?}", encryption.key).to_lowercase();
        assert!(!text.contains("ab") && !text.contains("171"), "{text}");
    }

    #[test]
    fn keys_are_compared_by_their_bytes() {
        let mut bytes = [7; 32];
        let key = EncryptionKey::new(&bytes);
        assert_eq!(key, EncryptionKey::new(&bytes));
        bytes[31] ^= 1;
        assert_ne!(key, EncryptionKey::new(&bytes));
    }
}
