//! Reading blocks and filemarks.

use bytes::Bytes;

use super::Cartridge;
use super::decode::{DecodedFrame, Frame, FrameFault, NotFetched, Patience};
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
                self.cursor.object += 1;
                self.cursor.marks += 1;
                Ok(Read::Filemark)
            }
            EntryKind::Damaged => Err(self.damaged(row, &entry, "lost with its segment")),
            EntryKind::Data if self.refuses(&entry) => Err(Error::NotEncrypted { object }),
            EntryKind::Data => {
                let frame = self.load_frame(row, &entry)?;
                let Some(block) = frame.block(object) else {
                    return Err(self.damaged(row, &entry, "frame and index disagree"));
                };
                self.frame = Some(frame);
                self.count_frame(&entry);
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
        let Some((file, entries)) = self.open_segment(row) else {
            return false;
        };
        let Some(entry) = index::entry_of_object(entries, object).copied() else {
            return true;
        };
        let (EntryKind::Data, Some(file), false) = (entry.kind, file, self.refuses(&entry)) else {
            return true;
        };
        let name = self.chain.rows()[row].name;
        // Whatever is wrong with it, reading it again will tell.
        let fetched = Frame::fetch(file, name, &entry, Patience::None).ok();
        let frame = fetched.and_then(|frame| self.decode(row, &entry, frame).ok());
        let ready = frame.is_some();
        if ready {
            self.count_frame(&entry);
        }
        self.frame = frame.or(self.frame.take());
        ready
    }

    /// The frame of `entry` was read for a host.
    fn count_frame(&mut self, entry: &IndexEntry) {
        self.work.frames_read += 1;
        self.work.fetched_bytes += entry.charged_bytes();
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
