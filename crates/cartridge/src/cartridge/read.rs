//! Reading blocks and filemarks.

use bytes::Bytes;

use super::Cartridge;
use super::decode::{DecodedFrame, Frame, FrameFault, NotFetched, Patience};
use super::read_ahead::{Order, Taken};
use crate::error::Error;
use crate::format::{EntryKind, IndexEntry};
use crate::index;

/// What lies at the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// A block; the position is now after it.
    Block(Bytes),
    /// A filemark; the position is now after it.
    Filemark,
    /// Nothing; the position has not changed.
    EndOfData,
}

impl Cartridge {
    /// Reads what lies at the position and moves past it. Synchronizes first. When it fails the
    /// position has not changed, and spacing past the object works.
    pub fn read_block(&mut self) -> Result<Read, Error> {
        self.synchronize()?;
        let object = self.cursor.object;
        if let Some(block) = self.frame.as_ref().and_then(|frame| frame.block(object)) {
            self.cursor.object += 1;
            self.work.read_bytes += block.len() as u64;
            return Ok(Read::Block(block));
        }
        let Some(row) = self.chain.row_of_object(object) else {
            return Ok(Read::EndOfData);
        };
        let entry = index::entry_of_object(self.entries(row)?, object).copied();
        let entry = entry.expect("the index of a row covers all its objects");
        match entry.kind {
            EntryKind::Filemarks => {
                self.ahead.passed_filemark(object);
                self.cursor.object += 1;
                self.cursor.marks += 1;
                Ok(Read::Filemark)
            }
            EntryKind::Damaged => Err(self.damaged(row, &entry, "lost with its segment")),
            EntryKind::Data if self.refuses(&entry) => Err(Error::NotEncrypted { object }),
            EntryKind::Data => {
                let frame = match self.taken(row, &entry, Patience::Waits) {
                    Taken::Frame(frame) => Ok(frame),
                    Taken::Nothing | Taken::Later => self.load_frame(row, &entry),
                };
                let frame = frame.inspect_err(|_| self.ahead.stop())?;
                let Some(block) = frame.block(object) else {
                    self.ahead.stop();
                    return Err(self.damaged(row, &entry, "frame and index disagree"));
                };
                self.arrived(&entry, frame);
                self.cursor.object += 1;
                self.work.read_bytes += block.len() as u64;
                Ok(Read::Block(block))
            }
        }
    }

    /// Returns whether [`Cartridge::read_block`] would return without waiting for the disk; what it
    /// takes to say yes is in memory afterwards.
    pub fn is_ready_to_read(&mut self) -> bool {
        let object = self.cursor.object;
        if !self.is_synchronized() {
            return false;
        }
        if self
            .frame
            .as_ref()
            .is_some_and(|frame| frame.block(object).is_some())
        {
            return true;
        }
        let Some(row) = self.chain.row_of_object(object) else {
            return true; // end of data
        };
        let Some((_, entries)) = self.open_segment(row) else {
            return false;
        };
        let Some(entry) = index::entry_of_object(entries, object).copied() else {
            return true;
        };
        if entry.kind != EntryKind::Data || self.refuses(&entry) {
            return true;
        }
        let frame = match self.taken(row, &entry, Patience::None) {
            Taken::Frame(frame) => Some(frame),
            Taken::Later => return false,
            Taken::Nothing => self.frame_at_once(row, &entry),
        };
        // Whatever is wrong with it, reading it again will tell.
        let ready = frame.is_some();
        if let Some(frame) = frame {
            self.arrived(&entry, frame);
        }
        ready
    }

    /// Does something for a reader that is likely to go on, while nothing else is to be done: brings the
    /// next frame into memory. Does not wait for the disk.
    pub fn use_idle_time(&mut self) {
        self.ahead.use_idle_time(&mut self.decoder);
    }

    /// Reads and decodes the frame of `entry` unless that means to wait for the disk or fails.
    fn frame_at_once(&mut self, row: usize, entry: &IndexEntry) -> Option<DecodedFrame> {
        let name = self.chain.rows()[row].name;
        let (file, _) = self.open_segment(row)?;
        let frame = Frame::fetch(file?, name, entry, Patience::None).ok()?;
        self.decode(row, entry, frame).ok()
    }

    /// Takes the frame of `entry` if it was read ahead.
    fn taken(&mut self, row: usize, entry: &IndexEntry, patience: Patience) -> Taken {
        let name = self.chain.rows()[row].name;
        self.ahead.take(name, entry, patience, &mut self.decoder)
    }

    /// The frame of `entry` was read for a host, which takes its blocks from it. Has the next ones read
    /// if it reads them in order.
    fn arrived(&mut self, entry: &IndexEntry, frame: DecodedFrame) {
        self.frame = Some(frame);
        self.work.frames_read += 1;
        self.work.fetched_bytes += entry.charged_bytes();
        if let Some(mut object) = self.ahead.arrived(entry) {
            while let Some(order) = self.next_order(&mut object) {
                self.ahead.plan(order);
            }
            self.ahead.planned_until(object);
            self.ahead.begin();
        }
    }

    /// Returns an order for the first frame of blocks from `object` on and moves that behind it; `None`
    /// when no more is to be read ahead.
    fn next_order(&mut self, object: &mut u64) -> Option<Order> {
        loop {
            let row = self.chain.row_of_object(*object)?;
            let (_, entries) = self.open_segment(row)?;
            let entry = *index::entry_of_object(entries, *object)?;
            match entry.kind {
                EntryKind::Damaged => return None,
                EntryKind::Filemarks => *object = entry.end_object(),
                EntryKind::Data if self.refuses(&entry) || !self.ahead.has_room(&entry) => {
                    return None;
                }
                EntryKind::Data => {
                    let key = match entry.seal_length {
                        0 if self.is_encrypted_at_rest() => return None,
                        0 => None,
                        _ if entry.is_under_host_key() => Some(self.frame_key(row)?),
                        _ => Some(self.own_key(row)?),
                    };
                    let name = self.chain.rows()[row].name;
                    let open = || self.store.open_segment(name);
                    let file = self.ahead.file(name, open).ok()?;
                    *object = entry.end_object();
                    return Order::new(name, entry, file, key);
                }
            }
        }
    }

    /// Returns whether the blocks of `entry` are not to be read because they are not encrypted.
    fn refuses(&self, entry: &IndexEntry) -> bool {
        !entry.is_under_host_key() && self.decryption.refuses_plain_blocks()
    }

    /// Reads and decodes the frame of `entry`.
    pub(super) fn load_frame(
        &mut self,
        row: usize,
        entry: &IndexEntry,
    ) -> Result<DecodedFrame, Error> {
        let frame = self.fetch_frame(row, entry)?;
        self.decode(row, entry, frame)
            .map_err(|fault| self.fault(row, entry, fault))
    }

    /// Reads and checks the frame of `entry`. Waits for the disk.
    pub(super) fn fetch_frame(&mut self, row: usize, entry: &IndexEntry) -> Result<Frame, Error> {
        let name = self.chain.rows()[row].name;
        let (file, _) = self.segment(row)?;
        let fetched = match file {
            Some(file) => Frame::fetch(file, name, entry, Patience::Waits),
            None => Err(NotFetched::Fault(FrameFault::Damaged("file too short"))),
        };
        fetched.map_err(|error| match error {
            NotFetched::Later => unreachable!("whoever waits gets it now"),
            NotFetched::Io(source) => Error::io(format!("segment {name}: read"), source),
            NotFetched::Fault(fault) => self.fault(row, entry, fault),
        })
    }

    /// Decrypts and decompresses a frame.
    fn decode(
        &mut self,
        row: usize,
        entry: &IndexEntry,
        frame: Frame,
    ) -> Result<DecodedFrame, FrameFault> {
        if entry.seal_length == 0 {
            if self.is_encrypted_at_rest() {
                return Err(FrameFault::Damaged("not encrypted where all else is"));
            }
            return frame.decode(entry, None, &mut self.decoder);
        }
        if !entry.is_under_host_key() {
            let key = self.own_key(row).ok_or(FrameFault::Locked)?;
            let decoded = frame.decode(entry, Some(&key), &mut self.decoder);
            return decoded.map_err(|fault| match fault {
                FrameFault::NotAuthentic => FrameFault::Damaged("changed after it was encrypted"),
                fault => fault,
            });
        }
        if self.chain.rows()[row].salt.is_none() {
            return Err(FrameFault::Damaged("encrypted in a segment without a salt"));
        }
        let key = self.frame_key(row).ok_or(FrameFault::KeyMissing)?;
        frame.decode(entry, Some(&key), &mut self.decoder)
    }

    pub(super) fn fault(&mut self, row: usize, entry: &IndexEntry, fault: FrameFault) -> Error {
        let object = self.cursor.object;
        match fault {
            FrameFault::Damaged(reason) => self.damaged(row, entry, reason),
            FrameFault::Locked => match self.check_unlocked() {
                Err(locked) => locked,
                Ok(()) => self.damaged(row, entry, "sealed under another key"),
            },
            FrameFault::KeyMissing => Error::KeyMissing { object },
            FrameFault::OtherKey => Error::WrongKey { object },
            FrameFault::NotAuthentic => Error::NotAuthentic {
                first_object: entry.first_object,
                last_object: entry.end_object() - 1,
                place: format!("segment {}: {}", self.chain.rows()[row].name, entry.offset),
            },
        }
    }

    pub(super) fn damaged(&self, row: usize, entry: &IndexEntry, reason: &str) -> Error {
        let name = self.chain.rows()[row].name;
        Error::Damaged {
            first_object: entry.first_object,
            last_object: entry.end_object() - 1,
            reason: format!("segment {name}: {reason} at {}", entry.offset),
        }
    }
}
