//! A disk that keeps no more than it promised, and fails on request.
//!
//! # Crash
//! [`LyingStore::crash`] returns what is left when the machine stops: of what was written since the
//! last sync of a file, any 512-byte pieces; of names created or removed since the last sync of the
//! directory, any, and publishing does both; of changes of length, any; of a label whose replacement did
//! not succeed, the old one or the new one. Where the power failed during a write, the physical sector
//! of 4096 bytes is torn: what it held before is gone too, even if that had been synchronized.
//! What is left follows from a seed.
//!
//! # Faults
//! Operations that change something are numbered from 0. One can be told to be the last before the
//! machine stops, to fail, or to find no room. What fails may be done in part: the beginning of a write or
//! pieces of it, a new length, a new name, a removed one. A failed sync drops some of what it should have
//! kept and, as kernels do, reports that once; what it dropped may be seen until the machine stops, or be
//! gone at once. Reads are numbered on their own.
//!
//! # Witness
//! It panics when a writer does what no writer may: writes again what was synchronized, or uses a nonce
//! twice ([`witness`]).

mod dice;
mod disk;
mod witness;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Listing, SegmentFile, SegmentName, SegmentStore};
use crate::format::in_memory;
use dice::Dice;
use disk::{Change, Disk, FileState, Name, Outcome};
use witness::Handle;

/// A cartridge on a disk that lies. For tests. Clones share the disk.
#[derive(Clone, Debug, Default)]
pub struct LyingStore {
    disk: Arc<Mutex<Disk>>,
    /// True while writes have to wait.
    stalled: Arc<(Mutex<bool>, Condvar)>,
}

/// What a [`LyingStore`] does at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The machine stops during the operation: all later ones fail too.
    Stop,
    /// The machine stops before the operation: nothing of it is left.
    StopBefore,
    /// The operation fails; later ones work.
    FailOnce,
    /// The operation and all later ones fail, until [`LyingStore::heal`].
    Fail,
    /// The operation finds the disk full; later ones find room.
    FullOnce,
}

impl LyingStore {
    /// Returns an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how many operations there were that change something.
    pub fn operations(&self) -> u64 {
        self.disk().operations
    }

    /// Lets `fault` happen at the operation `operation`.
    pub fn inject(&self, operation: u64, fault: Fault) {
        self.disk().fault = Some((operation, fault));
    }

    /// Returns how many writes it has judged, and how many encrypted frames were among them.
    pub fn witnessed(&self) -> (u64, u64) {
        let disk = self.disk();
        (disk.witness.writes, disk.witness.encrypted_frames())
    }

    /// Returns how many reads of segment files there were.
    pub fn reads(&self) -> u64 {
        self.disk().reads
    }

    /// Lets the read `read`, or with [`Fault::Fail`] every one from it on, fail.
    pub fn inject_read(&self, read: u64, fault: Fault) {
        self.disk().read_fault = Some((read, fault));
    }

    /// Returns whether the machine has stopped.
    pub fn has_stopped(&self) -> bool {
        self.disk().stands_still()
    }

    /// Ends all faults and gives room without limit.
    pub fn heal(&self) {
        let mut disk = self.disk();
        disk.fault = None;
        disk.read_fault = None;
        disk.room_bytes = None;
    }

    /// Limits what all files together may take; `None` is no limit.
    pub fn set_room_bytes(&self, room_bytes: Option<u64>) {
        self.disk().room_bytes = room_bytes;
    }

    /// Flips the bits `mask` of the byte at `offset` of a segment: it rots on the disk.
    pub fn rot(&self, name: SegmentName, offset: u64, mask: u8) {
        let mut disk = self.disk();
        if let Some(id) = disk.names.get(&Name::Published(name)).copied() {
            let file = &mut disk.files[id];
            file.witness.rotted(in_memory(offset));
            for contents in [&mut file.now, &mut file.durable] {
                if let Some(byte) = contents.get_mut(in_memory(offset)) {
                    *byte ^= mask;
                }
            }
        }
    }

    /// Returns the chain file.
    pub fn chain(&self) -> Option<Vec<u8>> {
        self.disk().chain.clone()
    }

    /// Puts `chain` in the place of the chain file, durably and whatever fails: it rots, is lost, or is an
    /// older one that somebody put back.
    pub fn put_chain(&self, chain: Option<Vec<u8>>) {
        let mut disk = self.disk();
        disk.durable_chain.clone_from(&chain);
        disk.chain = chain;
    }

    /// Lets writes of segment files wait, or wait no longer.
    pub fn stall(&self, stalls: bool) {
        let (stalled, changed) = &*self.stalled;
        *stalled.lock().unwrap_or_else(PoisonError::into_inner) = stalls;
        changed.notify_all();
    }

    /// Returns how much all files together take.
    pub fn used_bytes(&self) -> u64 {
        self.disk().used_bytes()
    }

    /// Returns what is left when the machine stops now. This store is not changed.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Self {
        let disk = self.disk();
        let mut dice = Dice::new(seed);
        let mut names = dice.names(&disk.durable_names, &disk.names);
        // Files without a name are gone; the others are counted anew.
        let mut files = Vec::with_capacity(names.len());
        let mut moved = BTreeMap::new();
        for id in names.values_mut() {
            *id = *moved.entry(*id).or_insert_with(|| {
                files.push(disk.files[*id].crash(&mut dice));
                files.len() - 1
            });
        }
        let labels = [&disk.label, &disk.durable_label];
        let label = labels[dice.below(labels.len())].clone();
        let memories = [&disk.memory, &disk.durable_memory];
        let memory = memories[dice.below(memories.len())].clone();
        let keys = [&disk.key, &disk.durable_key];
        let key = keys[dice.below(keys.len())].clone();
        let chains = [&disk.chain, &disk.durable_chain];
        let chain = chains[dice.below(chains.len())].clone();
        let left = Disk {
            durable_chain: chain.clone(),
            chain,
            durable_label: label.clone(),
            label,
            durable_memory: memory.clone(),
            memory,
            durable_key: key.clone(),
            key,
            durable_names: names.clone(),
            names,
            files,
            dice,
            witness: disk.witness.clone(),
            ..Disk::default()
        };
        Self {
            disk: Arc::new(Mutex::new(left)),
            stalled: Arc::default(),
        }
    }

    /// Returns a store that goes its own way from here, with all that is not synchronized yet and
    /// without faults.
    #[must_use]
    pub fn fork(&self) -> Self {
        let disk = Disk {
            fault: None,
            read_fault: None,
            room_bytes: None,
            ..self.disk().clone()
        };
        Self {
            disk: Arc::new(Mutex::new(disk)),
            stalled: Arc::default(),
        }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, id: usize, handle: Handle) -> Box<dyn SegmentFile> {
        Box::new(LyingFile {
            store: self.clone(),
            id,
            handle,
        })
    }
}

impl SegmentStore for LyingStore {
    fn read_label(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.disk().label.clone())
    }

    fn replace_label(&mut self, text: &[u8]) -> io::Result<()> {
        let mut disk = self.disk();
        let outcome = disk.step()?;
        let whole = outcome == Outcome::Works;
        // What failed may have renamed the file all the same, without telling the disk yet.
        if whole || Dice::new(disk.operations).below(3) > 0 {
            disk.label = Some(text.to_vec());
        }
        if whole {
            disk.durable_label = Some(text.to_vec());
        }
        outcome.result()
    }

    fn read_memory(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.disk().memory.clone())
    }

    fn replace_memory(&mut self, text: &[u8]) -> io::Result<()> {
        let mut disk = self.disk();
        let outcome = disk.step()?;
        let whole = outcome == Outcome::Works;
        // What failed may have renamed the file all the same, without telling the disk yet.
        if whole || Dice::new(disk.operations).below(3) > 0 {
            disk.memory = Some(text.to_vec());
        }
        if whole {
            disk.durable_memory = Some(text.to_vec());
        }
        outcome.result()
    }

    fn read_key(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.disk().key.clone())
    }

    fn replace_key(&mut self, text: &[u8]) -> io::Result<()> {
        let mut disk = self.disk();
        let outcome = disk.step()?;
        let whole = outcome == Outcome::Works;
        // As with the label.
        if whole || Dice::new(disk.operations).below(3) > 0 {
            disk.key = Some(text.to_vec());
        }
        if whole {
            disk.durable_key = Some(text.to_vec());
        }
        outcome.result()
    }

    fn destroy_key(&mut self) -> io::Result<()> {
        let mut disk = self.disk();
        let outcome = disk.step()?;
        let wiped = disk.key.as_ref().map(|text| vec![0; text.len()]);
        // What failed may be as before, overwritten, or gone, in this order and as far as it came.
        let came = match outcome {
            Outcome::Works => 3,
            Outcome::Stops | Outcome::Fails(_) => Dice::new(disk.operations).below(4),
        };
        if came > 0 {
            disk.durable_key.clone_from(&wiped);
            disk.key = wiped;
        }
        if came > 1 {
            disk.key = None;
        }
        if came > 2 {
            disk.durable_key = None;
        }
        outcome.result()
    }

    fn open_chain(&self) -> io::Result<Option<Box<dyn io::Read>>> {
        let chain = self.disk().chain.clone();
        Ok(chain.map(|bytes| Box::new(io::Cursor::new(bytes)) as Box<dyn io::Read>))
    }

    fn replace_chain(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk();
        let outcome = disk.step()?;
        let whole = outcome == Outcome::Works;
        // As with the label.
        if whole || Dice::new(disk.operations).below(3) > 0 {
            disk.chain = Some(bytes.to_vec());
        }
        if whole {
            disk.durable_chain = Some(bytes.to_vec());
        }
        outcome.result()
    }

    fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for name in self.disk().names.keys() {
            match *name {
                Name::Published(name) => listing.published.push(name),
                Name::Unpublished(name) => listing.unpublished.push(name),
            }
        }
        Ok(listing)
    }

    fn create_segment(&mut self, name: SegmentName) -> io::Result<Box<dyn SegmentFile>> {
        let mut disk = self.disk();
        let outcome = disk.step()?;
        let unpublished = Name::Unpublished(name);
        if [unpublished, Name::Published(name)]
            .iter()
            .any(|name| disk.names.contains_key(name))
        {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = disk.files.len();
        if disk.does_anyway(outcome) {
            disk.files.push(FileState::default());
            disk.names.insert(unpublished, id);
        }
        drop(disk);
        outcome.result().map(|()| self.file(id, Handle::Creator))
    }

    fn publish_segment(&mut self, name: SegmentName) -> io::Result<()> {
        let mut disk = self.disk();
        let outcome = disk.step()?;
        if disk.does_anyway(outcome) {
            let id = disk.names.remove(&Name::Unpublished(name));
            let id = id.ok_or(io::ErrorKind::NotFound)?;
            disk.names.insert(Name::Published(name), id);
        }
        outcome.result()
    }

    fn open_segment(&self, name: SegmentName) -> io::Result<Box<dyn SegmentFile>> {
        let id = self.disk().names.get(&Name::Published(name)).copied();
        let id = id.ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(id, Handle::Opener))
    }

    fn remove_segment(&mut self, name: SegmentName) -> io::Result<()> {
        self.disk().remove(&Name::Published(name))
    }

    fn remove_unpublished(&mut self, name: SegmentName) -> io::Result<()> {
        self.disk().remove(&Name::Unpublished(name))
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        let mut disk = self.disk();
        disk.step()?.result()?;
        disk.durable_names = disk.names.clone();
        let disk = &mut *disk;
        disk.durable_label.clone_from(&disk.label);
        disk.durable_memory.clone_from(&disk.memory);
        disk.durable_key.clone_from(&disk.key);
        disk.durable_chain.clone_from(&disk.chain);
        Ok(())
    }
}

struct LyingFile {
    store: LyingStore,
    id: usize,
    handle: Handle,
}

impl LyingFile {
    /// Does `change`; when the machine stops during it, any part of it may be left.
    fn change(&self, change: Change) -> io::Result<()> {
        let mut disk = self.store.disk();
        let outcome = disk.step()?;
        let length = match &change {
            Change::Write { offset, bytes } => offset + bytes.len(),
            Change::Length(length) => *length,
        };
        disk.check_room(self.id, length)?;
        let disk = &mut *disk;
        let file = &mut disk.files[self.id];
        if let Change::Write { offset, bytes } = &change {
            let witness = &mut file.witness;
            disk.witness.write(witness, self.handle, *offset, bytes);
        }
        match outcome {
            Outcome::Works | Outcome::Stops => file.apply(change),
            Outcome::Fails(_) => file.apply_part(&change, &mut disk.dice),
        }
        outcome.result()
    }
}

impl SegmentFile for LyingFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.store.disk().files[self.id].now.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.store.disk();
        disk.step_of_reading()?;
        let now = &disk.files[self.id].now;
        let from = now.get(in_memory(offset)..).unwrap_or_default();
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        Ok(count)
    }

    fn write_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()> {
        let (stalled, changed) = &*self.store.stalled;
        let stalled = stalled.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_while(stalled, |stalled| *stalled));
        self.change(Change::Write {
            offset: in_memory(offset),
            bytes: parts.concat(),
        })
    }

    fn reserve(&self, _from: u64, to: u64) -> io::Result<()> {
        let length = in_memory(to).max(in_memory(self.length()?));
        self.change(Change::Length(length))
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let length = in_memory(length);
        self.store.disk().files[self.id].witness.truncate(length);
        self.change(Change::Length(length))?;
        self.store.disk().files[self.id].witness.truncated();
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.store.disk();
        let outcome = disk.step()?;
        let disk = &mut *disk;
        let file = &mut disk.files[self.id];
        match outcome {
            Outcome::Works => {
                file.sync();
                file.witness.synced(self.handle);
            }
            Outcome::Stops => {}
            Outcome::Fails(_) => file.fail_sync(&mut disk.dice),
        }
        outcome.result()
    }

    fn forget_cache(&self) -> io::Result<()> {
        self.store.disk().files[self.id].forget_clean_pages();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NAME: SegmentName = SegmentName {
        partition: 0,
        number: 1,
        uuid: Uuid::nil(),
    };

    fn contents(store: &LyingStore) -> Option<Vec<u8>> {
        let file = store.open_segment(NAME).ok()?;
        let mut bytes = vec![0; in_memory(file.length().unwrap())];
        file.read_at(&mut bytes, 0).unwrap();
        Some(bytes)
    }

    #[test]
    fn what_was_synchronized_is_kept_and_the_rest_in_any_part() {
        let mut store = LyingStore::new();
        let file = store.create_segment(NAME).unwrap();
        file.write_at(&[&[1; 4096]], 0).unwrap();
        file.sync().unwrap();
        assert!((0..50).all(|seed| contents(&store.crash(seed)).is_none()));
        store.publish_segment(NAME).unwrap();
        assert!((0..50).any(|seed| contents(&store.crash(seed)).is_none()));
        assert!((0..50).any(|seed| contents(&store.crash(seed)).is_some()));
        store.sync_directory().unwrap();
        file.write_at(&[&[2; 2000]], 4096).unwrap();
        let left: Vec<Vec<u8>> = (0..50)
            .map(|seed| contents(&store.crash(seed)).unwrap())
            .collect();
        let any = |test: fn(&[u8]) -> bool| left.iter().any(|left| test(&left[4096..]));
        assert!(left.iter().all(|left| left[..4096] == [1; 4096]));
        assert!(any(<[u8]>::is_empty));
        assert!(any(|new| new == [2; 2000]));
        assert!(any(|new| new.contains(&0) && new.contains(&2)));
        assert!(any(|new| new.contains(&(2 ^ 0x5a))));
    }

    #[test]
    fn faults_come_when_they_were_ordered() {
        let mut store = LyingStore::new();
        store.inject(1, Fault::FailOnce);
        let file = store.create_segment(NAME).unwrap();
        file.write_at(&[b"x"], 0).unwrap_err();
        file.write_at(&[b"x"], 0).unwrap();
        store.inject(3, Fault::Stop);
        file.sync().unwrap_err();
        file.write_at(&[b"x"], 0).unwrap_err();
        store.heal();
        store.set_room_bytes(Some(10));
        file.write_at(&[b"0123456789"], 0).unwrap();
        let error = file.reserve(0, 11).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
