//! Encryption at rest: the cartridge's own key, and which segments are written under it.
//!
//! # Guarantees
//! - A cartridge is encrypted or plain, never a mixture: which of both is decided where everything on it is
//!   written anew, at object 0 of the first partition that gets anything. It then gets a new key, durable
//!   before the segment that is the commit, and the old key is destroyed after it.
//! - A cartridge whose key cannot be opened is moved over, but nothing of it is read and nothing is
//!   written; a format makes it a new one.
//!
//! # Crash
//! The key file holds the old key and the new one from before the commit until after it. Nothing is
//! destroyed at a load because segments are not there, since somebody may be copying them: only a format
//! that the label tells of, and a segment under a newer key, say that a key is not needed any more.

use std::sync::Arc;

use super::partitions::Parked;
use super::{Cartridge, Condition};
use crate::chain::Row;
use crate::encryption::{
    CartridgeKey, FrameKey, KeyEncryptionKey, KeyFile, KeyId, KeyRing, SegmentKeys,
};
use crate::error::Error;
use crate::format::SealReason;
use crate::label::{Form, Label, Layout, read_label};
use crate::settings::Environment;
use crate::store::{SegmentName, SegmentStore};

/// What is known of the cartridge's key.
pub(super) struct AtRest {
    file: KeyFile,
    keys: Result<Vec<CartridgeKey>, Locked>,
    /// The key of the segment that was asked for last.
    known: Option<(SegmentName, Option<Arc<FrameKey>>)>,
    /// A segment that is written under the key in use; `None` while nothing is encrypted.
    current: Option<Row>,
}

/// Why the cartridge's key is not there.
#[derive(Clone, Debug)]
enum Locked {
    KeyMissing(KeyId),
    Damaged(String),
}

impl Locked {
    fn error(&self) -> Error {
        match self {
            Self::KeyMissing(id) => Error::KeyEncryptionKeyMissing { id: *id },
            Self::Damaged(reason) => Error::KeyFileDamaged {
                reason: reason.clone(),
            },
        }
    }
}

impl AtRest {
    /// Reads and opens the key of the cartridge in `store`, which bears `label`.
    pub(super) fn load(
        store: &mut dyn SegmentStore,
        label: &Label,
        ring: &KeyRing,
    ) -> Result<Self, Error> {
        let none = || KeyFile::new(label.uuid);
        let (mut file, mut keys) = match KeyFile::read(store, label.uuid) {
            Ok(file) => {
                let file = file.unwrap_or_else(none);
                let keys = file.open(ring);
                (file, keys)
            }
            Err(error @ Error::Io { .. }) => return Err(error),
            Err(error) => (none(), Err(error)),
        };
        if file.forget_before(label.epoch()) {
            // A format has emptied the cartridge, and a crash kept it from destroying the key.
            if let Err(error) = file.store(store) {
                tracing::warn!(barcode = label.barcode, %error, "cannot destroy the key of before a format");
            }
            keys = file.open(ring);
        }
        let keys = keys.map_err(|error| match error {
            Error::KeyEncryptionKeyMissing { id } => Locked::KeyMissing(id),
            Error::KeyFileDamaged { reason } => Locked::Damaged(reason),
            other => Locked::Damaged(other.to_string()),
        });
        Ok(Self {
            file,
            keys,
            known: None,
            current: None,
        })
    }

    /// Returns the key of the frames of `row`, whose frames are all sealed. `None` when there is no key
    /// or none that fits.
    pub(super) fn key_of(&mut self, cartridge: uuid::Uuid, row: &Row) -> Option<Arc<FrameKey>> {
        if let Some((name, key)) = &self.known
            && *name == row.name
        {
            return key.clone();
        }
        let at_rest = row.at_rest?;
        let place = SegmentKeys {
            cartridge,
            segment: row.name,
            salt: row.salt?,
        };
        let keys = self.keys.as_deref().unwrap_or_default().iter().rev();
        let mut derived = keys.map(|key| FrameKey::derive_at_rest(key, place));
        let key = derived.find(|key| key.check() == at_rest.key_check);
        let key = key.map(Arc::new);
        self.known = Some((row.name, key.clone()));
        key
    }

    /// Returns why there is no key for `row`.
    fn locked(&self, row: &Row) -> Error {
        match &self.keys {
            Err(locked) => locked.error(),
            Ok(keys) if keys.is_empty() => Error::KeyFileDamaged {
                reason: "missing".to_owned(),
            },
            Ok(_) => Error::KeyFileDamaged {
                reason: format!("does not hold the key of segment {}", row.name),
            },
        }
    }

    /// Returns which of the keys `row` is written under.
    fn number_of(&mut self, cartridge: uuid::Uuid, row: &Row) -> Option<usize> {
        let place = SegmentKeys {
            cartridge,
            segment: row.name,
            salt: row.salt?,
        };
        let check = row.at_rest?.key_check;
        let mut keys = self.keys.as_deref().unwrap_or_default().iter();
        keys.position(|key| FrameKey::derive_at_rest(key, place).check() == check)
    }

    /// Destroys the keys before the one that is in use; one after it may be on its way into use.
    fn forget_old_keys(&mut self, store: &mut dyn SegmentStore, label: &Label) {
        let Some(row) = self.current.clone() else {
            return;
        };
        let number = self.number_of(label.uuid, &row);
        let (Some(at @ 1..), Ok(keys)) = (number, &mut self.keys) else {
            return;
        };
        keys.drain(..at);
        let serials: Vec<_> = keys.iter().map(|key| key.serial).collect();
        self.file.retain(&serials);
        if let Err(error) = self.file.store(store) {
            // It is tried again at the next load.
            tracing::warn!(barcode = label.barcode, %error, "cannot destroy the old key of a cartridge that was rewritten");
        }
    }

    /// Returns the key for a cartridge that is written anew, wrapped under `kek` and durable.
    fn new_key(
        &mut self,
        store: &mut dyn SegmentStore,
        label: &Label,
        kek: &KeyEncryptionKey,
        environment: &dyn Environment,
    ) -> Result<CartridgeKey, Error> {
        let current = self.current.clone();
        let used = current.and_then(|row| self.number_of(label.uuid, &row));
        let keys = self.keys.as_deref().unwrap_or_default();
        if let Some(last) = keys.last()
            && used != Some(keys.len() - 1)
        {
            // It was made for a segment that did not come to be.
            return Ok(last.clone());
        }
        let mut keys: Vec<_> = used.map(|at| keys[at].clone()).into_iter().collect();
        let mut file = self.file.clone();
        let serials: Vec<_> = keys.iter().map(|key| key.serial).collect();
        file.retain(&serials);
        let new = file.add(kek, label.epoch(), environment);
        file.store(store)?;
        keys.push(new.clone());
        (self.file, self.keys) = (file, Ok(keys));
        Ok(new)
    }
}

/// Destroys the key of the cartridge in `store`, which nobody has loaded, and formats it: what it held can
/// never be read again from here on, and it is blank and can be written. Durable when it returns. After a
/// crash or an error it may be done again, unless it says that there is no key.
pub fn crypto_erase(store: &mut dyn SegmentStore) -> Result<(), Error> {
    let mut label = read_label(store)?;
    match label.form {
        _ if label.write_protected => return Err(Error::WriteProtected),
        Form::Worm => return Err(Error::WriteOnce),
        Form::Data | Form::Cleaning => {}
    }
    let failed = |operation: &str| {
        let operation = operation.to_owned();
        move |source| Error::io(operation, source)
    };
    // Whatever is in the file: a damaged one is destroyed, too.
    let text = store.read_key().map_err(failed("key: read"))?;
    text.ok_or(Error::NotEncryptedAtRest)?;
    label.layout = Some(Layout {
        epoch: label.epoch() + 1,
        partition_bytes: label.partition_bytes().to_vec(),
    });
    let text = label.emit()?;
    store.destroy_key().map_err(failed("key: destroy"))?;
    store.replace_label(&text).map_err(failed("label: write"))
}

/// The key for a segment that is about to be begun.
pub(super) struct SegmentKey {
    /// `None` when it is not encrypted.
    pub(super) key: Option<CartridgeKey>,
    /// Everything on the cartridge is written anew with this segment.
    pub(super) anew: bool,
}

impl Cartridge {
    /// Returns whether what is on the cartridge is encrypted under a key of its own.
    pub fn is_encrypted_at_rest(&self) -> bool {
        self.at_rest.current.is_some()
    }

    /// Returns why nothing of the cartridge can be read or written: it is encrypted, and its key is not
    /// there.
    pub fn check_unlocked(&mut self) -> Result<(), Error> {
        let Some(row) = self.at_rest.current.clone() else {
            return Ok(());
        };
        match self.at_rest.key_of(self.label.uuid, &row) {
            Some(_) => Ok(()),
            None => Err(self.at_rest.locked(&row)),
        }
    }

    /// Returns the key of the frames of row `row`, whose frames are all sealed.
    pub(super) fn own_key(&mut self, row: usize) -> Option<Arc<FrameKey>> {
        let row = &self.chain.rows()[row];
        self.at_rest.key_of(self.label.uuid, row)
    }

    /// Finds out after a load whether the cartridge is encrypted: by the first of its segments, since all
    /// of them are or none. What holds nothing counts only when its key is there.
    pub(super) fn find_own_key(&mut self) {
        let mut sealed = Vec::new();
        for parked in &self.parked {
            let rows = parked.chain.rows().iter();
            let first = rows.clone().find(|row| row.at_rest.is_some());
            sealed.extend(first.map(|row| (parked.chain.end.objects > 0, row.clone())));
        }
        sealed.sort_by_key(|(filled, _)| !filled);
        let uuid = self.label.uuid;
        let found = sealed
            .into_iter()
            .find(|(filled, row)| *filled || self.at_rest.key_of(uuid, row).is_some());
        self.at_rest.current = found.map(|(_, row)| row);
        self.at_rest.forget_old_keys(&mut *self.store, &self.label);
    }

    /// Returns the key for a segment that begins at `object` of the partition.
    pub(super) fn key_for_segment(&mut self, object: u64) -> Result<SegmentKey, Error> {
        self.check_unlocked()?;
        let own = self.partition;
        // What a failed write left behind the end of another partition is read after a crash.
        let empty =
            |parked: &Parked| parked.chain.end.objects == 0 && parked.condition == Condition::Good;
        let others = (0..).zip(&self.parked).filter(|(at, _)| *at != own);
        let anew = object == 0 && others.map(|(_, parked)| parked).all(empty);
        let at_rest = &mut self.at_rest;
        let key = match (anew, self.settings.keys.first(), at_rest.current.clone()) {
            (true, None, _) | (false, _, None) => None,
            (true, Some(kek), _) => {
                let environment = &*self.settings.environment;
                Some(at_rest.new_key(&mut *self.store, &self.label, kek, environment)?)
            }
            (false, _, Some(row)) => {
                let number = at_rest.number_of(self.label.uuid, &row);
                let keys = at_rest.keys.as_deref().unwrap_or_default();
                number.map(|at| keys[at].clone())
            }
        };
        Ok(SegmentKey { key, anew })
    }

    /// Everything is written anew with the segment that was just begun: what the old key has sealed is
    /// gone, and nothing else may be sealed with it.
    pub(super) fn written_anew(&mut self) {
        let row = self.chain.rows().last();
        self.at_rest.current = row.filter(|row| row.at_rest.is_some()).cloned();
        let now = self.settings.environment.now_unix_ms();
        for parked in &mut self.parked {
            if let Some(Err(error)) = parked.writer.take().map(|it| it.seal(SealReason::Cut, now)) {
                tracing::debug!(%error, "cannot seal a segment that holds nothing");
            }
        }
        self.at_rest.forget_old_keys(&mut *self.store, &self.label);
    }

    /// A format has emptied the cartridge: destroys its key.
    pub(super) fn destroy_own_key(&mut self) {
        let file = KeyFile::new(self.label.uuid);
        if let Err(error) = file.store(&mut *self.store) {
            let barcode = &self.label.barcode;
            tracing::warn!(barcode, %error, "cannot destroy the key of before a format; the next load tries again");
        }
        self.at_rest = AtRest {
            file,
            keys: Ok(Vec::new()),
            known: None,
            current: None,
        };
    }
}
