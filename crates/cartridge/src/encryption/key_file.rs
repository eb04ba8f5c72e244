//! The key of a cartridge, wrapped (docs/cartridge-format.md, "Key").
//!
//! The file is as good as the cartridge: without it, or without the key-encryption key that it names,
//! nothing can be read; and once it is destroyed, nothing ever will be.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroize as _;

use super::kek::{Derivation, KeyEncryptionKey, KeyId, KeyRing, WRAPPED_BYTES};
use super::key::EncryptionKey;
use crate::error::Error;
use crate::limits::CARTRIDGE_KEYS_MAX;
use crate::sealed_line;
use crate::settings::Environment;
use crate::store::SegmentStore;

/// The wrapped keys of a cartridge: one, or the old and the new one while it is being rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    cartridge: Uuid,
    entries: Vec<Entry>,
}

/// One wrapped key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// The first key of a cartridge is 1.
    serial: u64,
    /// The epoch of the label when it was made.
    epoch: u64,
    kek: KeyId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    derivation: Option<Derivation>,
    wrapped: Hex,
}

/// A wrapped key as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hex([u8; WRAPPED_BYTES]);

/// The line as it is stored.
#[derive(Serialize, Deserialize)]
struct Line {
    capstan_key: u32,
    cartridge: Uuid,
    keys: Vec<Entry>,
}

/// A key of a cartridge, open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CartridgeKey {
    pub(crate) serial: u64,
    pub(crate) key: EncryptionKey,
}

impl KeyFile {
    const VERSION: u32 = 1;

    /// Returns the file of a cartridge without a key.
    pub(crate) fn new(cartridge: Uuid) -> Self {
        Self {
            cartridge,
            entries: Vec::new(),
        }
    }

    /// Reads the key of the cartridge `cartridge` in `store` without loading it. `None` when it has none.
    pub fn read(store: &dyn SegmentStore, cartridge: Uuid) -> Result<Option<Self>, Error> {
        let text = store.read_key();
        match text.map_err(|source| Error::io("key: read", source))? {
            Some(text) => Self::parse(&text, cartridge).map(Some),
            None => Ok(None),
        }
    }

    /// Returns the names of the key-encryption keys that it takes to open it, each once.
    pub fn key_ids(&self) -> Vec<KeyId> {
        let mut ids: Vec<_> = self.entries.iter().map(|entry| entry.kek).collect();
        ids.dedup();
        ids
    }

    /// Returns how the key-encryption keys follow from a passphrase, where they do.
    pub fn derivations(&self) -> impl Iterator<Item = &Derivation> {
        self.entries.iter().filter_map(|it| it.derivation.as_ref())
    }

    /// Opens the keys.
    pub(crate) fn open(&self, ring: &KeyRing) -> Result<Vec<CartridgeKey>, Error> {
        let open = |entry: &Entry| {
            let id = entry.kek;
            let kek = ring.find(id).ok_or(Error::KeyEncryptionKeyMissing { id })?;
            let key = kek.unwrap((self.cartridge, entry.serial), &entry.wrapped.0);
            let key = key.ok_or_else(|| {
                damaged(&format!("was changed, or is not what key {id} has wrapped"))
            })?;
            let serial = entry.serial;
            Ok(CartridgeKey { serial, key })
        };
        self.entries.iter().map(open).collect()
    }

    /// Adds a new key, wrapped under the first of `ring`, and returns it.
    pub(crate) fn add(
        &mut self,
        kek: &KeyEncryptionKey,
        epoch: u64,
        environment: &dyn Environment,
    ) -> CartridgeKey {
        let last = self.entries.iter().map(|entry| entry.serial).max();
        let new = CartridgeKey {
            serial: last.unwrap_or(0) + 1,
            key: new_key(environment),
        };
        let entry = self.entry(kek, &new, epoch, environment);
        self.entries.push(entry);
        new
    }

    /// Forgets all keys but those with these numbers.
    pub(crate) fn retain(&mut self, serials: &[u64]) {
        self.entries.retain(|it| serials.contains(&it.serial));
    }

    /// Forgets the keys of before the epoch `epoch`. Returns whether there was any.
    pub(crate) fn forget_before(&mut self, epoch: u64) -> bool {
        let before = self.entries.len();
        self.entries.retain(|it| it.epoch >= epoch);
        self.entries.len() < before
    }

    /// Returns whether there is no key.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Wraps the keys under the first of `ring`. Returns whether that changed anything.
    fn rewrap(&mut self, ring: &KeyRing, environment: &dyn Environment) -> Result<bool, Error> {
        let Some(first) = ring.first() else {
            return Ok(false);
        };
        if self.entries.iter().all(|entry| entry.kek == first.id()) {
            return Ok(false);
        }
        let open = self.open(ring)?;
        let epochs: Vec<_> = self.entries.iter().map(|entry| entry.epoch).collect();
        self.entries = open
            .iter()
            .zip(epochs)
            .map(|(key, epoch)| self.entry(first, key, epoch, environment))
            .collect();
        Ok(true)
    }

    fn entry(
        &self,
        kek: &KeyEncryptionKey,
        key: &CartridgeKey,
        epoch: u64,
        environment: &dyn Environment,
    ) -> Entry {
        let hash = hash_of_ids(environment);
        let nonce = hash.first_chunk().expect("a hash is longer");
        let place = (self.cartridge, key.serial);
        Entry {
            serial: key.serial,
            epoch,
            kek: kek.id(),
            derivation: kek.derivation().cloned(),
            wrapped: Hex(kek.wrap(place, &key.key, *nonce)),
        }
    }

    /// Puts the file into its place, or destroys it when there is no key. Durable when it returns.
    pub(crate) fn store(&self, store: &mut dyn SegmentStore) -> Result<(), Error> {
        let stored = if self.is_empty() {
            store.destroy_key()
        } else {
            store.replace_key(&self.emit())
        };
        stored.map_err(|source| Error::io("key: write", source))
    }

    fn parse(text: &[u8], cartridge: Uuid) -> Result<Self, Error> {
        let line = sealed_line::open(text).map_err(|reason| damaged(&reason))?;
        let value: serde_json::Value =
            serde_json::from_str(line).map_err(|error| damaged(&error.to_string()))?;
        let version = &value["capstan_key"];
        if version.as_u64() != Some(Self::VERSION.into()) {
            return Err(Error::UnsupportedFormat {
                what: "key".to_owned(),
                found: format!("version {version}"),
            });
        }
        let line: Line =
            serde_json::from_value(value).map_err(|error| damaged(&error.to_string()))?;
        if line.cartridge != cartridge {
            return Err(damaged("belongs to another cartridge"));
        }
        if line.keys.is_empty() || line.keys.len() > CARTRIDGE_KEYS_MAX {
            return Err(damaged("has no key, or too many"));
        }
        Ok(Self {
            cartridge,
            entries: line.keys,
        })
    }

    fn emit(&self) -> Vec<u8> {
        let line = Line {
            capstan_key: Self::VERSION,
            cartridge: self.cartridge,
            keys: self.entries.clone(),
        };
        let line = serde_json::to_string(&line).expect("numbers and text are always JSON");
        sealed_line::seal(&line)
    }
}

/// Wraps the key of the cartridge `cartridge`, which nobody has loaded, under the first key of `ring`.
/// Returns whether it was under another one. Durable when it returns; with an error it is as before.
pub fn rewrap_key(
    store: &mut dyn SegmentStore,
    cartridge: Uuid,
    ring: &KeyRing,
    environment: &dyn Environment,
) -> Result<bool, Error> {
    let Some(mut file) = KeyFile::read(store, cartridge)? else {
        return Ok(false);
    };
    let changed = file.rewrap(ring, environment)?;
    if changed {
        file.store(store)?;
    }
    Ok(changed)
}

fn damaged(reason: &str) -> Error {
    Error::KeyFileDamaged {
        reason: reason.to_owned(),
    }
}

/// 256 random bits: the hash of four ids, in which there are 488.
fn new_key(environment: &dyn Environment) -> EncryptionKey {
    let mut bytes = hash_of_ids(environment);
    let key = EncryptionKey::new(&bytes);
    bytes.zeroize();
    key
}

fn hash_of_ids(environment: &dyn Environment) -> [u8; 32] {
    let mut ids = [(); 4].map(|()| environment.new_uuid().into_bytes());
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, ids.as_flattened());
    ids.zeroize();
    hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(2 * WRAPPED_BYTES);
        for byte in self.0 {
            let _ = write!(text, "{byte:02x}"); // writing to a string cannot fail
        }
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("a wrapped key has 120 hexadecimal digits");
        let digits = text.as_bytes().iter().all(u8::is_ascii_hexdigit);
        if text.len() != 2 * WRAPPED_BYTES || !digits {
            return Err(wrong());
        }
        let mut bytes = [0; WRAPPED_BYTES];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let digits = &text[2 * at..2 * at + 2];
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LocalStore, MemoryStore, SeededEnvironment};

    const CARTRIDGE: Uuid = Uuid::from_u128(7);

    fn ring(bytes: &[u8]) -> KeyRing {
        let keys = bytes.iter().map(|byte| KeyEncryptionKey::new(&[*byte; 32]));
        KeyRing::new(keys.collect::<Vec<_>>())
    }

    /// A cartridge with one key under the first of `ring`.
    fn with_key(store: &mut dyn SegmentStore, ring: &KeyRing) -> CartridgeKey {
        let mut file = KeyFile::new(CARTRIDGE);
        let key = file.add(ring.first().unwrap(), 2, &SeededEnvironment::new(1));
        file.store(store).unwrap();
        key
    }

    fn open(store: &dyn SegmentStore, ring: &KeyRing) -> Result<Vec<CartridgeKey>, Error> {
        KeyFile::read(store, CARTRIDGE).unwrap().unwrap().open(ring)
    }

    #[test]
    fn what_was_stored_opens_with_its_key_alone() {
        let mut store = MemoryStore::new();
        assert_eq!(KeyFile::read(&store, CARTRIDGE).unwrap(), None);
        let key = with_key(&mut store, &ring(&[1]));
        assert_eq!(open(&store, &ring(&[2, 1])).unwrap(), [key]);
        let wanted = ring(&[1]).first().unwrap().id();
        let error = open(&store, &ring(&[2])).unwrap_err();
        assert!(matches!(error, Error::KeyEncryptionKeyMissing { id } if id == wanted));
        assert!(error.to_string().contains(&wanted.to_string()), "{error}");
    }

    #[test]
    fn any_flipped_bit_is_found_and_so_is_another_cartridge() {
        let mut store = MemoryStore::new();
        with_key(&mut store, &ring(&[1]));
        let text = store.read_key().unwrap().unwrap();
        for bit in 0..text.len() * 8 {
            let mut damaged = text.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            KeyFile::parse(&damaged, CARTRIDGE).unwrap_err();
        }
        let other = Uuid::from_u128(8);
        let error = KeyFile::parse(&text, other).unwrap_err();
        assert!(error.to_string().contains("another cartridge"), "{error}");
        // With the uuid and the checksum made to fit it is still not what was wrapped.
        let line = sealed_line::open(&text).unwrap();
        let line = line.replace(&CARTRIDGE.to_string(), &other.to_string());
        let forged = KeyFile::parse(&sealed_line::seal(&line), other).unwrap();
        let error = forged.open(&ring(&[1])).unwrap_err();
        assert!(matches!(error, Error::KeyFileDamaged { .. }), "{error}");
    }

    #[test]
    fn rewrapping_changes_the_wrapping_alone_and_only_once() {
        let mut store = MemoryStore::new();
        let key = with_key(&mut store, &ring(&[1]));
        let environment = SeededEnvironment::new(2);
        let mut rewrap = |ring: &KeyRing| rewrap_key(&mut store, CARTRIDGE, ring, &environment);
        assert!(!rewrap(&ring(&[1, 2])).unwrap());
        assert!(rewrap(&ring(&[2, 1])).unwrap());
        assert!(!rewrap(&ring(&[2, 1])).unwrap());
        let error = rewrap(&ring(&[3, 1])).unwrap_err();
        assert!(matches!(error, Error::KeyEncryptionKeyMissing { .. }));
        assert!(!rewrap(&ring(&[])).unwrap());
        assert_eq!(open(&store, &ring(&[2])).unwrap(), [key]);
        open(&store, &ring(&[1])).unwrap_err();
    }

    #[test]
    fn what_is_replaced_or_destroyed_is_nowhere_on_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = LocalStore::new(directory.path());
        store.destroy_key().unwrap();
        with_key(&mut store, &ring(&[1]));
        let path = directory.path().join("key");
        let (old, link) = (std::fs::read(&path).unwrap(), directory.path().join("link"));
        let old_file = std::fs::File::open(&path).unwrap();
        let environment = SeededEnvironment::new(2);
        assert!(rewrap_key(&mut store, CARTRIDGE, &ring(&[2, 1]), &environment).unwrap());
        let now_there = std::io::read_to_string(old_file).unwrap();
        assert_eq!(
            now_there.as_bytes(),
            vec![0; old.len()],
            "what lay on these blocks of the disk"
        );
        // Somebody's copy is not ours to overwrite, unless the key is to be destroyed.
        std::fs::hard_link(&path, &link).unwrap();
        let copied = std::fs::read(&link).unwrap();
        assert!(rewrap_key(&mut store, CARTRIDGE, &ring(&[3, 2]), &environment).unwrap());
        assert_eq!(std::fs::read(&link).unwrap(), copied);
        std::fs::remove_file(&link).unwrap();
        std::fs::hard_link(&path, &link).unwrap();
        let length = std::fs::read(&path).unwrap().len();
        store.destroy_key().unwrap();
        assert_eq!(std::fs::read(&link).unwrap(), vec![0; length]);
        assert_eq!(KeyFile::read(&store, CARTRIDGE).unwrap(), None);
    }
}
