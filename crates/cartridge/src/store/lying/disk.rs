//! What the disk holds, what it has promised, and what a crash leaves.

use std::collections::BTreeMap;
use std::io;

use super::Fault;
use super::dice::{Dice, Keep};
use super::witness::{FileWitness, Witness};
use crate::store::SegmentName;

const PIECE_BYTES: usize = 512;
const PHYSICAL_SECTOR_BYTES: usize = 4096;

/// The name of a segment's file, or the one under which it is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Published(SegmentName),
    Unpublished(SegmentName),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    pub(super) label: Option<Vec<u8>>,
    /// What a crash leaves, unless the directory was synced since.
    pub(super) durable_label: Option<Vec<u8>>,
    pub(super) memory: Option<Vec<u8>>,
    pub(super) durable_memory: Option<Vec<u8>>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) durable_key: Option<Vec<u8>>,
    pub(super) chain: Option<Vec<u8>>,
    pub(super) durable_chain: Option<Vec<u8>>,
    pub(super) names: BTreeMap<Name, usize>,
    pub(super) durable_names: BTreeMap<Name, usize>,
    pub(super) files: Vec<FileState>,
    pub(super) operations: u64,
    pub(super) fault: Option<(u64, Fault)>,
    pub(super) reads: u64,
    pub(super) read_fault: Option<(u64, Fault)>,
    pub(super) room_bytes: Option<u64>,
    pub(super) dice: Dice,
    pub(super) witness: Witness,
}

#[derive(Clone, Debug, Default)]
pub(super) struct FileState {
    pub(super) now: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) pending: Vec<Change>,
    pub(super) witness: FileWitness,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

/// How an operation that changes something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Works,
    /// The machine stops while it is done: it counts as begun.
    Stops,
    /// Any part of it may be done.
    Fails(io::ErrorKind),
}

impl Outcome {
    /// What the caller is told.
    pub(super) fn result(self) -> io::Result<()> {
        match self {
            Self::Works => Ok(()),
            Self::Stops => Err(stopped()),
            Self::Fails(kind) => Err(kind.into()),
        }
    }
}

pub(super) fn stopped() -> io::Error {
    io::Error::other("the machine stopped")
}

impl Disk {
    /// Counts an operation and says how it goes. Fails when nothing of it is done any more.
    pub(super) fn step(&mut self) -> io::Result<Outcome> {
        let operation = self.operations;
        self.operations += 1;
        match self.fault {
            Some((at, fault)) if operation == at => match fault {
                Fault::Stop => Ok(Outcome::Stops),
                Fault::StopBefore => Err(stopped()),
                Fault::FailOnce | Fault::Fail => Ok(Outcome::Fails(io::ErrorKind::Other)),
                Fault::FullOnce => Ok(Outcome::Fails(io::ErrorKind::StorageFull)),
            },
            Some((at, Fault::Stop | Fault::StopBefore)) if operation > at => Err(stopped()),
            Some((at, Fault::Fail)) if operation > at => Ok(Outcome::Fails(io::ErrorKind::Other)),
            _ => Ok(Outcome::Works),
        }
    }

    /// Counts a read, and fails when it is its turn.
    pub(super) fn step_of_reading(&mut self) -> io::Result<()> {
        let read = self.reads;
        self.reads += 1;
        match self.read_fault {
            Some((at, Fault::FailOnce)) if read == at => Err(io::Error::other("cannot be read")),
            Some((at, Fault::Fail)) if read >= at => Err(io::Error::other("cannot be read")),
            _ if self.stands_still() => Err(stopped()),
            _ => Ok(()),
        }
    }

    /// Returns whether a change of a name is made: those that fail may be made all the same.
    pub(super) fn does_anyway(&mut self, outcome: Outcome) -> bool {
        !matches!(outcome, Outcome::Fails(_)) || self.dice.below(2) == 0
    }

    pub(super) fn remove(&mut self, name: &Name) -> io::Result<()> {
        let outcome = self.step()?;
        if !self.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if self.does_anyway(outcome) {
            self.names.remove(name);
        }
        outcome.result()
    }

    /// Returns true when the machine has stopped.
    pub(super) fn stands_still(&self) -> bool {
        matches!(self.fault, Some((at, Fault::Stop | Fault::StopBefore)) if self.operations > at)
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.names
            .values()
            .map(|id| self.files[*id].now.len() as u64)
            .sum()
    }

    /// Fails when the file `id` cannot grow to `length`.
    pub(super) fn check_room(&self, id: usize, length: usize) -> io::Result<()> {
        let more = length.saturating_sub(self.files[id].now.len()) as u64;
        match self.room_bytes {
            Some(room) if more > 0 && self.used_bytes() + more > room => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }
}

impl FileState {
    pub(super) fn apply(&mut self, change: Change) {
        match &change {
            Change::Write { offset, bytes } => put(&mut self.now, *offset, bytes),
            Change::Length(length) => self.now.resize(*length, 0),
        }
        self.pending.push(change);
    }

    /// Does a part of a change that failed: as kernels do, the beginning of a write, or pieces of it.
    pub(super) fn apply_part(&mut self, change: &Change, dice: &mut Dice) {
        match change {
            Change::Length(length) => {
                if dice.below(2) == 0 {
                    self.apply(Change::Length(*length));
                }
            }
            Change::Write { offset, bytes } => {
                let from_front = dice.below(2) == 0;
                let keep = dice.strategy();
                for (offset, piece) in pieces(*offset, bytes) {
                    if dice.keeps(keep) {
                        let bytes = piece.to_vec();
                        self.apply(Change::Write { offset, bytes });
                    } else if from_front {
                        break;
                    }
                }
            }
        }
    }

    /// What was changed since the last sync is on the disk. Not what that one dropped.
    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            match change {
                Change::Write { offset, bytes } => put(&mut self.durable, offset, &bytes),
                Change::Length(length) => self.durable.resize(length, 0),
            }
        }
    }

    /// A sync failed: pages count as clean though some never reached the disk. They can be read until
    /// the kernel needs their memory; then what the disk has is read.
    pub(super) fn fail_sync(&mut self, dice: &mut Dice) {
        self.durable = self.crash(dice).durable;
        self.witness.doubts();
        self.pending.clear();
        if dice.below(2) == 0 {
            self.forget_clean_pages();
        }
    }

    /// What is not on its way to the disk is read from there again.
    pub(super) fn forget_clean_pages(&mut self) {
        self.now.clone_from(&self.durable);
        for change in &self.pending {
            match change {
                Change::Write { offset, bytes } => put(&mut self.now, *offset, bytes),
                Change::Length(length) => self.now.resize(*length, 0),
            }
        }
    }

    /// What is left of the file after a crash.
    pub(super) fn crash(&self, dice: &mut Dice) -> Self {
        let mut left = self.durable.clone();
        let keep = dice.strategy();
        for change in &self.pending {
            match change {
                Change::Length(length) if dice.keeps(keep) => left.resize(*length, 0),
                Change::Length(_) => {}
                Change::Write { offset, bytes } => {
                    for (offset, piece) in pieces(*offset, bytes) {
                        if dice.keeps(keep) {
                            put(&mut left, offset, piece);
                            if keep == Keep::Some && dice.below(32) == 0 {
                                tear(&mut left, offset);
                            }
                        }
                    }
                }
            }
        }
        let mut witness = self.witness.clone();
        witness.doubts();
        Self {
            now: left.clone(),
            durable: left,
            pending: Vec::new(),
            witness,
        }
    }
}

/// Spoils every second byte of the physical sector around `offset`.
pub(super) fn tear(contents: &mut [u8], offset: usize) {
    let from = offset - offset % PHYSICAL_SECTOR_BYTES;
    let to = (from + PHYSICAL_SECTOR_BYTES).min(contents.len());
    for byte in contents[from..to].iter_mut().step_by(2) {
        *byte ^= 0x5a;
    }
}

/// Cuts a write into what can reach the disk without the rest.
pub(super) fn pieces(offset: usize, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let first = (PIECE_BYTES - offset % PIECE_BYTES).min(bytes.len());
    let (head, rest) = bytes.split_at(first);
    let rest = rest.chunks(PIECE_BYTES).enumerate();
    std::iter::once((offset, head))
        .chain(rest.map(move |(n, piece)| (offset + first + n * PIECE_BYTES, piece)))
}

pub(super) fn put(contents: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if contents.len() < end {
        contents.resize(end, 0);
    }
    contents[offset..end].copy_from_slice(bytes);
}
