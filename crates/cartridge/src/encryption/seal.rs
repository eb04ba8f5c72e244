//! Sealing and opening frames with AES-256-GCM.
//!
//! The nonce is the sequence number of the frame in its segment. It is never used twice with one frame
//! key: the key follows from the uuid and the salt of the segment, both random, and only the load
//! session that began a segment writes into it, counting its frames.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::key::{Encryption, EncryptionKey};
use super::key_file::CartridgeKey;
use super::preamble::{KEY_CHECK_BYTES, Preamble, TAG_BYTES};
use crate::buffer::Buffer;
use crate::format::{FRAME_HEADER_BYTES, SEGMENT_SALT_BYTES};
use crate::store::SegmentName;

const FRAME_KEY_LABEL: &[u8] = b"capstan frame key v1";
const KEY_CHECK_LABEL: &[u8] = b"capstan key check v1";
const AT_REST_FRAME_KEY_LABEL: &[u8] = b"capstan at rest frame key v1";
const AT_REST_KEY_CHECK_LABEL: &[u8] = b"capstan at rest key check v1";
const AT_REST_FOOTER_KEY_LABEL: &[u8] = b"capstan at rest footer key v1";

/// What the keys of a segment's frames follow from, beside the key of the host or the cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentKeys {
    pub(crate) cartridge: Uuid,
    pub(crate) segment: SegmentName,
    pub(crate) salt: [u8; SEGMENT_SALT_BYTES],
}

/// The key of a segment's frames under one key of the host, or under the cartridge's own.
pub(crate) struct FrameKey {
    place: SegmentKeys,
    check: [u8; KEY_CHECK_BYTES],
    key: LessSafeKey,
    /// Of the cartridge's own key, what footers are proved with.
    footer: Option<hmac::Key>,
}

/// Where a frame lies and what its header says of it.
#[derive(Clone, Copy)]
pub(crate) struct FramePlace<'a> {
    pub(crate) sequence: u32,
    /// The header as it is stored. What is known only when the frame is written does not count.
    pub(crate) header: &'a [u8; FRAME_HEADER_BYTES],
}

/// Why a body cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// It was sealed under another key.
    OtherKey,
    /// The key is right and the body is not what was sealed.
    NotAuthentic,
}

impl FrameKey {
    /// Derives the key of frames in a segment.
    pub(crate) fn derive(key: &EncryptionKey, place: SegmentKeys) -> Self {
        let key = Salt::new(HKDF_SHA256, &place.salt).extract(key.bytes());
        Self::expand(&key, place, [FRAME_KEY_LABEL, KEY_CHECK_LABEL])
    }

    /// Derives the key of frames in a segment from the cartridge's own `key`.
    pub(crate) fn derive_at_rest(key: &CartridgeKey, place: SegmentKeys) -> Self {
        let key = Salt::new(HKDF_SHA256, &place.salt).extract(key.key.bytes());
        let mut footer_key = Zeroizing::new([0; EncryptionKey::BYTES]);
        expand(&key, AT_REST_FOOTER_KEY_LABEL, place, &mut *footer_key);
        let labels = [AT_REST_FRAME_KEY_LABEL, AT_REST_KEY_CHECK_LABEL];
        Self {
            footer: Some(hmac::Key::new(HMAC_SHA256, &*footer_key)),
            ..Self::expand(&key, place, labels)
        }
    }

    fn expand(key: &Prk, place: SegmentKeys, [frame_label, check_label]: [&[u8]; 2]) -> Self {
        let mut frame_key = Zeroizing::new([0; EncryptionKey::BYTES]);
        expand(key, frame_label, place, &mut *frame_key);
        let mut check = [0; KEY_CHECK_BYTES];
        expand(key, check_label, place, &mut check);
        let key = UnboundKey::new(&AES_256_GCM, &*frame_key);
        Self {
            place,
            check,
            key: LessSafeKey::new(key.expect("a key of AES-256 has 32 bytes")),
            footer: None,
        }
    }

    /// Returns what tells this key from others without telling anything of it.
    pub(crate) fn check(&self) -> [u8; KEY_CHECK_BYTES] {
        self.check
    }

    /// Returns the proof of a segment's header and footer: a MAC needs no nonce, so a footer can be made
    /// again after a crash. Zeros under a key of a host, who has no part in footers.
    pub(crate) fn footer_tag(&self, parts: [&[u8]; 4]) -> [u8; TAG_BYTES] {
        let Some(key) = &self.footer else {
            return [0; TAG_BYTES];
        };
        let mut context = hmac::Context::with_key(key);
        for part in parts {
            context.update(part);
        }
        let tag = context.sign();
        *tag.as_ref().first_chunk().expect("SHA-256 has 32 bytes")
    }

    /// Returns whether `tag` is the proof of `parts`.
    pub(crate) fn proves(&self, parts: [&[u8]; 4], tag: &[u8; TAG_BYTES]) -> bool {
        self.footer.is_some() && verify_slices_are_equal(&self.footer_tag(parts), tag).is_ok()
    }

    /// Returns whether a frame with `preamble` was sealed with this key.
    pub(crate) fn fits(&self, preamble: &Preamble) -> bool {
        verify_slices_are_equal(&self.check, &preamble.key_check).is_ok()
    }

    /// Returns the preamble of frames that are sealed for `encryption`.
    pub(crate) fn preamble(&self, encryption: &Encryption) -> Vec<u8> {
        let preamble = Preamble {
            key_check: self.check,
            data: encryption.data.clone(),
            forbid_raw_reading: encryption.forbid_raw_reading,
        };
        preamble.emit()
    }

    /// Encrypts `body` where it lies, and adds the tag, for which there must be room.
    pub(crate) fn seal(&self, place: FramePlace<'_>, preamble: &[u8], body: &mut Buffer) {
        #[cfg(test)]
        recorded::note(self.place.cartridge, self.check, place.sequence);
        let aad = Aad::from(self.additional_data(place, preamble));
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce(place.sequence), aad, body.as_mut_slice())
            .expect("a frame is much shorter than the 64 GiB of GCM");
        body.extend_from_slice(tag.as_ref());
    }

    /// Decrypts `sealed`, which ends with its tag, where it lies; returns how long it is then. After an
    /// error it holds anything.
    pub(crate) fn open_in_place(
        &self,
        place: FramePlace<'_>,
        preamble: &[u8],
        sealed: &mut [u8],
    ) -> Result<usize, OpenError> {
        if self.footer.is_none() {
            let parsed = Preamble::parse(preamble).ok_or(OpenError::NotAuthentic)?;
            if !self.fits(&parsed) {
                return Err(OpenError::OtherKey);
            }
        }
        let aad = Aad::from(self.additional_data(place, preamble));
        let opened = self.key.open_in_place(nonce(place.sequence), aad, sealed);
        Ok(opened.map_err(|_| OpenError::NotAuthentic)?.len())
    }

    /// docs/cartridge-format.md, "Encryption": all that must not change, without what is known only
    /// when the frame is written.
    fn additional_data(&self, place: FramePlace<'_>, preamble: &[u8]) -> Vec<u8> {
        let SegmentKeys {
            cartridge, segment, ..
        } = self.place;
        [
            cartridge.as_bytes(),
            segment.uuid.as_bytes(),
            &[segment.partition][..],
            &place.header[..40],
            &place.header[44..54],
            preamble,
        ]
        .concat()
    }
}

fn nonce(sequence: u32) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&u64::from(sequence).to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

pub(super) struct Length(pub(super) usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(key: &Prk, label: &[u8], place: SegmentKeys, out: &mut [u8]) {
    let info = [
        label,
        place.cartridge.as_bytes(),
        place.segment.uuid.as_bytes(),
    ];
    key.expand(&info, Length(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("HKDF gives up to 255 times 32 bytes");
}

/// Which pairs of key and nonce were used, for the proof that none was used twice.
#[cfg(test)]
pub(crate) mod recorded {
    use std::collections::HashMap;
    use std::sync::{Mutex, PoisonError};

    use super::KEY_CHECK_BYTES;
    use uuid::Uuid;

    type Pair = ([u8; KEY_CHECK_BYTES], u32);

    /// What was sealed for each cartridge, by whatever thread.
    static PAIRS: Mutex<Option<HashMap<Uuid, Vec<Pair>>>> = Mutex::new(None);

    pub(super) fn note(cartridge: Uuid, check: [u8; KEY_CHECK_BYTES], sequence: u32) {
        let mut pairs = PAIRS.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = pairs.get_or_insert_default();
        pairs.entry(cartridge).or_default().push((check, sequence));
    }

    /// Takes what was sealed for `cartridge`, which nobody else uses.
    pub(crate) fn take(cartridge: Uuid) -> Vec<Pair> {
        let mut pairs = PAIRS.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = pairs.get_or_insert_default();
        pairs.remove(&cartridge).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encryption::KeyAssociatedData;

    fn place() -> SegmentKeys {
        SegmentKeys {
            cartridge: Uuid::from_u128(1),
            segment: SegmentName {
                partition: 0,
                number: 7,
                uuid: Uuid::from_u128(2),
            },
            salt: [3; SEGMENT_SALT_BYTES],
        }
    }

    fn open(
        key: &FrameKey,
        place: FramePlace<'_>,
        preamble: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, OpenError> {
        let mut bytes = sealed.to_vec();
        let length = key.open_in_place(place, preamble, &mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    fn encryption(byte: u8) -> Encryption {
        Encryption {
            key: EncryptionKey::new(&[byte; 32]),
            data: KeyAssociatedData {
                unauthenticated: b"key of May".to_vec(),
                ..KeyAssociatedData::default()
            },
            forbid_raw_reading: false,
        }
    }

    #[test]
    fn a_frame_opens_with_its_key_in_its_place_only() {
        let encryption = encryption(5);
        let key = FrameKey::derive(&encryption.key, place());
        let preamble = key.preamble(&encryption);
        let header = [4; FRAME_HEADER_BYTES];
        let at = |sequence| FramePlace {
            sequence,
            header: &header,
        };
        let mut sealed = Buffer::with_capacity(11 + TAG_BYTES);
        sealed.extend_from_slice(b"tableblocks");
        key.seal(at(6), &preamble, &mut sealed);
        let sealed = sealed.as_slice();
        assert_eq!(sealed.len(), 11 + TAG_BYTES);
        assert_eq!(
            open(&key, at(6), &preamble, sealed).as_deref(),
            Ok(&b"tableblocks"[..])
        );
        let refused = Err(OpenError::NotAuthentic);
        assert_eq!(open(&key, at(7), &preamble, sealed), refused, "moved");
        for byte in (0..40).chain(44..54) {
            let mut other = header;
            other[byte] ^= 1;
            let other = FramePlace {
                sequence: 6,
                header: &other,
            };
            assert_eq!(open(&key, other, &preamble, sealed), refused, "{byte}");
        }
        for bit in 0..8 * sealed.len() {
            let mut damaged = sealed.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key, at(6), &preamble, &damaged), refused);
        }
        let mut told = preamble.clone();
        told[24] ^= 1; // the U-KAD
        assert_eq!(open(&key, at(6), &told, sealed), refused);
        let other = FrameKey::derive(&super::tests::encryption(6).key, place());
        let opened = open(&other, at(6), &preamble, sealed);
        assert_eq!(opened, Err(OpenError::OtherKey));
    }

    /// The derivation is part of the format: whatever changes this number makes old tapes unreadable.
    #[test]
    fn every_segment_has_keys_of_its_own_and_always_the_same() {
        let key = encryption(5).key;
        let check = |place| FrameKey::derive(&key, place).check;
        assert_eq!(check(place()), check(place()));
        let salt = [4; SEGMENT_SALT_BYTES];
        assert_ne!(check(place()), check(SegmentKeys { salt, ..place() }));
        let cartridge = Uuid::from_u128(9);
        assert_ne!(
            check(place()),
            check(SegmentKeys {
                cartridge,
                ..place()
            })
        );
        assert_eq!(
            u128::from_be_bytes(check(place())),
            0xff79_6c5c_fc49_89cc_3d40_f064_7414_4d95
        );
    }
}
