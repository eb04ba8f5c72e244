//! Keys for encryption at rest: which tapes need which, wrapping and destroying the tapes' own.

use std::collections::BTreeMap;

use super::Gateway;
use super::libraries::ServedLibrary;
use crate::api::error::Problem;
use crate::api::types::{Key, Keys, Rewrapped, Tape, TapeKey};

impl Gateway {
    /// Returns all keys, and which tapes need which. Reads a small file of every tape.
    pub fn keys(&self) -> Keys {
        let mut tapes_without = 0;
        let mut tapes = Vec::new();
        for library in self.libraries() {
            for record in library.library.cartridges() {
                let (key_ids, problem) = match library.library.key_ids(record.uuid) {
                    Ok(ids) if ids.is_empty() => {
                        tapes_without += 1;
                        continue;
                    }
                    Ok(ids) => (ids.iter().map(ToString::to_string).collect(), None),
                    Err(error) => (Vec::new(), Some(error.to_string())),
                };
                tapes.push(TapeKey {
                    library: library.name().clone(),
                    barcode: record.barcode,
                    key_ids,
                    problem,
                });
            }
        }
        let mut needed: BTreeMap<String, u32> = BTreeMap::new();
        for id in tapes.iter().flat_map(|tape| &tape.key_ids) {
            *needed.entry(id.clone()).or_default() += 1;
        }
        let ring = self.libraries().first().map(|it| it.library.keys().clone());
        let ring = ring.unwrap_or_default();
        let sources = self.config.encryption.iter();
        let keys = ring.keys().iter().zip(sources).map(|(key, source)| {
            let id = key.id().to_string();
            let tapes = needed.remove(&id).unwrap_or(0);
            Key {
                id,
                source: Some(source.to_string()),
                tapes,
            }
        });
        let keys = keys.collect();
        let missing = needed.into_iter().map(|(id, tapes)| Key {
            id,
            source: None,
            tapes,
        });
        Keys {
            keys,
            missing: missing.collect(),
            tapes,
            tapes_without,
        }
    }
}

impl ServedLibrary {
    /// Wraps the key of a tape under the first key.
    pub fn rewrap_key(&self, barcode: &str) -> Result<Rewrapped, Problem> {
        let changed = self.library.rewrap_key(barcode)?;
        Ok(Rewrapped { changed })
    }

    /// Destroys the key of a tape, and so everything on it.
    pub fn crypto_erase(&self, barcode: &str) -> Result<Tape, Problem> {
        self.library.crypto_erase(barcode)?;
        self.tape(barcode)
    }
}
