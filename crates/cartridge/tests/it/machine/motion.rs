//! Motions and reads of a [`World`], and loading after an end in order, a kill, or a loss of power.

use cartridge::{
    Cartridge, Decryption, Encryption, EncryptionKey, Error, KeyAssociatedData, Located,
};

use super::operation::Operation;
use super::truth::{Possible, Truth, check};
use super::world::{World, place};
use crate::model::{Object, to_object};

const KEYS: u8 = 2;

fn key_of(key: u8) -> EncryptionKey {
    EncryptionKey::new(&[key; 32])
}

/// How blocks are encrypted with the key `key`; 0 is in clear.
pub(super) fn encryption_of(key: u8) -> Option<Encryption> {
    (key > 0).then(|| Encryption {
        key: key_of(key),
        data: KeyAssociatedData {
            unauthenticated: vec![key; usize::from(key)],
            ..KeyAssociatedData::default()
        },
        forbid_raw_reading: false,
    })
}

/// Reads what lies at the position with whatever key it takes.
fn read(cartridge: &mut Cartridge) -> Result<Option<Object>, Error> {
    for key in 1..KEYS {
        cartridge.set_decryption(Decryption::Mixed(key_of(key)));
        match cartridge.read_block() {
            Err(Error::WrongKey { .. }) => {}
            read => return read.map(to_object),
        }
    }
    cartridge.set_decryption(Decryption::Mixed(key_of(KEYS)));
    cartridge.read_block().map(to_object)
}

/// Reads everything; the cartridge is at its beginning afterwards.
fn read_everything(cartridge: &mut Cartridge) -> Result<Vec<Vec<Object>>, Error> {
    let mut contents = Vec::new();
    for partition in 0..cartridge.partitions() {
        cartridge.change_partition(partition)?;
        let mut objects = Vec::new();
        while let Some(object) = read(cartridge)? {
            objects.push(object);
        }
        contents.push(objects);
    }
    cartridge.change_partition(0)?;
    Ok(contents)
}

impl World {
    pub(super) fn run_motion(&mut self, operation: &Operation) -> Result<(), Error> {
        let Self {
            cartridge: Some(cartridge),
            truth,
            ..
        } = self
        else {
            panic!("loaded between two steps");
        };
        let length = truth.model.objects.len();
        match *operation {
            Operation::Rewind => {
                cartridge.rewind()?;
                truth.model.position = 0;
            }
            Operation::LocateBlock(at) => {
                let object = place(at, length);
                let located = cartridge.locate_block(object as u64)?;
                assert_eq!(located == Located::Reached, object <= length);
                truth.model.position = object.min(length);
            }
            Operation::LocateFilemark(at) => {
                let marks = truth.model.marks(length);
                let file = u64::from(at) * (marks + 1) / 256;
                let located = cartridge.locate_filemark(file)?;
                truth.model.position = 0;
                let spaced = truth.model.space(file.try_into().unwrap(), true);
                assert_eq!(located == Located::Reached, spaced.stopped_by.is_none());
            }
            Operation::SpaceBlocks(count) => {
                let spaced = cartridge.space_blocks(count)?;
                assert_eq!(spaced, truth.model.space(count, false));
            }
            Operation::SpaceFilemarks(count) => {
                let spaced = cartridge.space_filemarks(count)?;
                assert_eq!(spaced, truth.model.space(count, true));
            }
            Operation::SpaceEndOfData => {
                cartridge.space_end_of_data()?;
                truth.model.position = length;
            }
            Operation::ChangePartition(partition) => {
                let partition = partition % cartridge.partitions();
                cartridge.change_partition(partition)?;
                truth.moved();
                truth.model.change_partition(partition.into());
            }
            Operation::Read(count) => return self.read_some(count),
            Operation::ReadReverse(count) => return self.read_reverse(count),
            _ => panic!("{operation:?} is no motion"),
        }
        truth.moved();
        Ok(())
    }

    fn read_some(&mut self, count: u8) -> Result<(), Error> {
        let cartridge = self.cartridge.as_mut().expect("loaded");
        for _ in 0..count {
            let object = read(cartridge)?;
            let model = &mut self.truth.model;
            assert_eq!(object.as_ref(), model.objects.get(model.position));
            model.position += usize::from(object.is_some());
        }
        self.truth.synchronized();
        Ok(())
    }

    /// Reads backward as a drive does: over the block, reading it, and over it again.
    fn read_reverse(&mut self, count: u8) -> Result<(), Error> {
        for _ in 0..count {
            let before = self.truth.model.position;
            self.run_motion(&Operation::SpaceBlocks(-1))?;
            let model = &self.truth.model;
            let is_block = matches!(model.objects.get(model.position), Some(Object::Block(_)));
            if model.position == before || !is_block {
                return Ok(());
            }
            self.read_some(1)?;
            self.run_motion(&Operation::SpaceBlocks(-1))?;
        }
        Ok(())
    }

    /// Unloads and loads. A gateway does not let go of a cartridge about which something is doubtful.
    pub(super) fn reload(&mut self) -> Result<(), Error> {
        if self.truth.doubts() {
            self.cartridge.as_mut().expect("loaded").undo_doubtful()?;
            self.truth.undone();
        }
        let possible = self.truth.possible();
        let unloaded = self.cartridge.take().expect("loaded").unload();
        match unloaded {
            Ok(()) => {
                let tapes = &mut self.truth.model.tapes;
                let contents = tapes
                    .iter_mut()
                    .map(|tape| std::mem::take(&mut tape.objects));
                let protected = self.truth.write_protected;
                let exactly = Truth::found(contents.collect(), protected);
                self.load(&exactly.possible());
            }
            Err(error) => {
                assert!(self.foul, "nothing failed: {error}");
                self.load(&possible);
            }
        }
        Ok(())
    }

    pub(super) fn lose_power(&mut self, possible: &[Possible], seed: u64) {
        self.done.power_losses += 1;
        self.cartridge = None;
        self.store = self.store.crash(seed ^ self.random.below(1 << 20));
        let fault = self.upon_loading.take();
        self.foul = fault.is_some();
        if let Some((after, fault)) = fault {
            self.store.inject(after, fault);
        }
        self.load(possible);
    }

    /// Loads and reads everything, which must be possible. Where the disk fails it is tried again, at last
    /// on one that works.
    pub(super) fn load(&mut self, possible: &[Possible]) {
        for attempt in 0.. {
            match self.try_to_load(possible) {
                Ok(()) => return,
                Err(error) => assert!(self.foul, "nothing fails, and yet: {error}"),
            }
            self.cartridge = None;
            if self.store.has_stopped() {
                self.store = self.store.crash(self.random.below(1 << 32));
                self.foul = false;
            } else if attempt > 0 || self.random.below(2) == 0 {
                self.heal();
            }
        }
    }

    fn try_to_load(&mut self, possible: &[Possible]) -> Result<(), Error> {
        let store = Box::new(self.store.clone());
        let (mut cartridge, report) = Cartridge::open(store, self.settings.clone())?;
        // What a crash tears never looks like damage: invariant 8.
        assert_eq!(
            (&report.damaged[..], &report.missing[..]),
            (&[][..], &[][..])
        );
        let contents = read_everything(&mut cartridge)?;
        let protected = cartridge.label().write_protected;
        if self.told {
            let lengths: Vec<usize> = contents.iter().map(Vec::len).collect();
            println!("  loaded: {lengths:?} objects");
        }
        check(possible, &contents, protected);
        self.truth = Truth::found(contents, protected);
        self.cartridge = Some(cartridge);
        Ok(())
    }
}
