//! The preamble of a sealed frame's body: which key, and what the host told with it.

use super::key::{Encryption, KeyAssociatedData};
use crate::limits::KEY_ASSOCIATED_DATA_BYTES_MAX;

/// The length of a GCM tag.
pub(crate) const TAG_BYTES: usize = 16;
/// The length of a preamble without key-associated data.
const FIXED_BYTES: usize = 24;
/// The length of a key check.
pub(crate) const KEY_CHECK_BYTES: usize = 16;
/// The shortest seal: preamble and tag.
pub(crate) const SEAL_BYTES_MIN: usize = FIXED_BYTES + TAG_BYTES;
/// The seal of a frame under the cartridge's own key: a tag, and no preamble.
pub(crate) const AT_REST_SEAL_BYTES: u16 = 16;
/// The longest seal.
pub(crate) const SEAL_BYTES_MAX: usize = SEAL_BYTES_MIN + 3 * KEY_ASSOCIATED_DATA_BYTES_MAX;

const ALIGN_BYTES: usize = 8;
const FLAG_FORBID_RAW_READING: u8 = 1;

const _: () = {
    assert!(SEAL_BYTES_MIN.is_multiple_of(ALIGN_BYTES));
    assert!(AT_REST_SEAL_BYTES as usize == TAG_BYTES);
    assert!(SEAL_BYTES_MIN > TAG_BYTES && TAG_BYTES.is_multiple_of(ALIGN_BYTES));
    assert!(SEAL_BYTES_MAX.is_multiple_of(ALIGN_BYTES));
    // An index entry has one byte for it, in units of eight.
    assert!(SEAL_BYTES_MAX / ALIGN_BYTES <= u8::MAX as usize);
    assert!(KEY_ASSOCIATED_DATA_BYTES_MAX <= u8::MAX as usize);
};

/// How a block is encrypted, as far as that is known without a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockEncryption {
    /// What the host told with the key.
    pub data: KeyAssociatedData,
    /// Whether the host forbade to hand out the block encrypted as it is.
    pub forbid_raw_reading: bool,
    /// Whether the key for reading is the one.
    pub key_fits: bool,
}

/// A preamble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Preamble {
    pub(crate) key_check: [u8; KEY_CHECK_BYTES],
    pub(crate) data: KeyAssociatedData,
    pub(crate) forbid_raw_reading: bool,
}

impl Preamble {
    /// Returns how much longer a body is for being sealed with `encryption`.
    pub(crate) fn seal_bytes(encryption: &Encryption) -> usize {
        preamble_bytes(&encryption.data) + TAG_BYTES
    }

    /// Returns what stands for the preamble of a frame that has none.
    pub(crate) fn none() -> Self {
        Self {
            key_check: [0; KEY_CHECK_BYTES],
            data: KeyAssociatedData::default(),
            forbid_raw_reading: false,
        }
    }

    pub(super) fn emit(&self) -> Vec<u8> {
        let mut bytes = vec![0; FIXED_BYTES];
        bytes[..KEY_CHECK_BYTES].copy_from_slice(&self.key_check);
        for (at, part) in self.data.parts().iter().enumerate() {
            let length = u8::try_from(part.len()).expect("checked when it was set");
            bytes[KEY_CHECK_BYTES + at] = length;
        }
        if self.forbid_raw_reading {
            bytes[19] = FLAG_FORBID_RAW_READING;
        }
        bytes[20] = self.data.format;
        for part in self.data.parts() {
            bytes.extend_from_slice(part);
        }
        bytes.resize(preamble_bytes(&self.data), 0);
        bytes
    }

    /// Reads the preamble that is `bytes`, neither more nor less. `None` when it cannot be one.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (fixed, mut rest) = bytes.split_at_checked(FIXED_BYTES)?;
        let mut part = |at: usize| {
            let (part, after) = rest.split_at_checked(fixed[at].into())?;
            rest = after;
            Some(part.to_vec())
        };
        let data = KeyAssociatedData {
            unauthenticated: part(16)?,
            authenticated: part(17)?,
            metadata: part(18)?,
            format: fixed[20],
        };
        data.check().ok()?;
        let preamble = Self {
            key_check: *fixed.first_chunk()?,
            forbid_raw_reading: fixed[19] & FLAG_FORBID_RAW_READING != 0,
            data,
        };
        (preamble_bytes(&preamble.data) == bytes.len()).then_some(preamble)
    }
}

fn preamble_bytes(data: &KeyAssociatedData) -> usize {
    let parts: usize = data.parts().iter().map(|part| part.len()).sum();
    (FIXED_BYTES + parts).next_multiple_of(ALIGN_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            parts in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 0..=KEY_ASSOCIATED_DATA_BYTES_MAX), 3..=3),
            format in any::<u8>(),
            forbid_raw_reading in any::<bool>(),
        ) {
            let [unauthenticated, authenticated, metadata] = parts.try_into().unwrap();
            let preamble = Preamble {
                key_check: [9; KEY_CHECK_BYTES],
                data: KeyAssociatedData { unauthenticated, authenticated, metadata, format },
                forbid_raw_reading,
            };
            let bytes = preamble.emit();
            prop_assert!((SEAL_BYTES_MIN..=SEAL_BYTES_MAX).contains(&(bytes.len() + TAG_BYTES)));
            prop_assert_eq!(Preamble::parse(&bytes[..bytes.len() - 1]), None);
            prop_assert_eq!(Preamble::parse(&bytes), Some(preamble));
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
            if let Some(preamble) = Preamble::parse(&bytes) {
                prop_assert!(preamble.data.check().is_ok());
            }
        }
    }
}
