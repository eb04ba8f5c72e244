//! Appending blocks and filemarks.
//!
//! # Guarantees
//! An object is accepted only when there is room for it, for the frame around it, and for the footer
//! that will close the segment: a full disk shows before an object is accepted, not after.
//!
//! # Retry
//! None. After a failed write or sync the kernel may have dropped what it held, so trying again
//! proves nothing. The end of data falls back to what is on stable storage, the caller is told once,
//! and appending is refused until the caller has moved and so knows where it is.

use std::io;

use bytes::Bytes;

use super::partitions::Change;
use super::{Cartridge, Condition};
use crate::chain::Totals;
use crate::codec::{Outcome, Prober};
use crate::encryption::{AT_REST_SEAL_BYTES, Preamble};
use crate::error::{Error, is_no_space};
use crate::format::{
    EntryKind, FRAME_HEADER_BYTES, INDEX_ENTRY_BYTES, SYNC_ALIGN, SealReason, frame_stride,
};
use crate::limits::{
    BLOCK_BYTES_MAX, DEAD_REMOVED_PER_LOAD, FILEMARK_CHARGE_BYTES, FILEMARK_RESERVE_BYTES,
    early_warning_distance_bytes,
};
use crate::pipeline::{Content, Placed, Writing};
use crate::writer::SegmentWriter;

/// What a frame of filemarks takes, with its index entry.
const FILEMARKS_NEED_BYTES: u64 =
    frame_stride(AT_REST_SEAL_BYTES as u64) + INDEX_ENTRY_BYTES as u64;

/// The most that a synchronize adds.
const PAD_BYTES_MAX: u64 = SYNC_ALIGN + FRAME_HEADER_BYTES as u64;

/// What is to be appended.
#[derive(Clone, Copy)]
enum Appending {
    Block,
    Filemarks(u32),
}

/// What an append has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The end of the capacity is near: the host should come to an end.
    pub early_warning: bool,
}

impl Cartridge {
    /// Appends a block of 1 to 16777215 bytes at the position and cuts off what follows. Not durable
    /// before [`Cartridge::synchronize`]; a failure after it returned comes out of a later call as
    /// [`Error::Deferred`].
    pub fn append_block(&mut self, block: Bytes) -> Result<Appended, Error> {
        let length = block.len();
        if !(1..=BLOCK_BYTES_MAX).contains(&length) {
            return Err(Error::BlockLength { length });
        }
        self.check_writable()?;
        let at = self.totals_at_cursor()?;
        let capacity = self.capacity_of(self.partition);
        if at.charged_bytes + self.waiting_charge() + length as u64 > capacity {
            let fits = |it: &Self| {
                let charged = it.chain.end.charged_bytes + it.waiting_charge();
                charged + length as u64 <= capacity
            };
            // What is on its way counts in full until it is written. Where frames end must not depend on how far
            // that has come, so that the frame in progress is closed only when nothing else is left to know.
            self.write_pending_until(fits)?;
            if !fits(self) {
                self.flush()?;
                self.write_pending_until(fits)?;
            }
            if self.totals_at_cursor()?.charged_bytes + self.waiting_charge() + length as u64
                > capacity
            {
                return Err(Error::VolumeFull);
            }
        }
        let need = self.need_of_block(length);
        self.prepare_tail(at, need, Appending::Block)?;
        let codec = self.settings.codec;
        if !self
            .builder
            .has_room(length, codec, self.encryption.as_ref())
        {
            self.flush()?;
        }
        self.builder.push(block, codec, self.encryption.as_ref());
        self.chain.end.objects += 1;
        self.chain.end.host_bytes += length as u64;
        self.work.written_bytes += length as u64;
        self.cursor = self.end_cursor();
        if self.builder.is_full() {
            self.flush()?;
        }
        Ok(self.appended())
    }

    /// Appends `count` filemarks at the position and cuts off what follows; with `count` 0 nothing
    /// happens. Not durable before [`Cartridge::synchronize`].
    pub fn append_filemarks(&mut self, count: u32) -> Result<Appended, Error> {
        self.check_writable()?;
        if count == 0 {
            return Ok(self.appended());
        }
        let at = self.totals_at_cursor()?;
        let charge = u64::from(count) * FILEMARK_CHARGE_BYTES;
        let capacity = self.capacity_of(self.partition);
        let limit = capacity.saturating_add(FILEMARK_RESERVE_BYTES);
        if at.charged_bytes + self.waiting_charge() + charge > limit {
            let fits =
                |it: &Self| it.chain.end.charged_bytes + it.waiting_charge() + charge <= limit;
            self.write_pending_until(fits)?;
            if self.totals_at_cursor()?.charged_bytes + self.waiting_charge() + charge > limit {
                return Err(Error::VolumeFull);
            }
        }
        self.prepare_tail(at, FILEMARKS_NEED_BYTES, Appending::Filemarks(count))?;
        self.flush()?;
        self.chain.end.objects += u64::from(count);
        self.chain.end.marks += u64::from(count);
        self.cursor = self.end_cursor();
        self.write(Content::Filemarks(count))?;
        Ok(self.appended())
    }

    /// Returns when everything appended is on stable storage.
    pub fn synchronize(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.write_pending()?;
        let synced = self.writer.as_mut().map_or(Ok(()), SegmentWriter::sync);
        synced.map_err(|error| self.fall_back(error))
    }

    /// Returns whether everything appended is on stable storage, so that a read or a motion need not
    /// wait for that.
    pub fn is_synchronized(&self) -> bool {
        let dirty = self.writer.as_ref().is_some_and(SegmentWriter::is_dirty);
        self.builder.block_count() == 0 && !dirty
    }

    /// Returns whether blocks of `length` bytes together can be appended at the position without
    /// beginning a segment and without waiting for the disk, be it to remove files that were cut off.
    /// True may be wrong for many tiny blocks: it is for who must not wait, not for who must not fail.
    pub fn is_ready_for(&self, length: usize) -> bool {
        let at_end = self.cursor.object == self.chain.end.objects;
        let need = self.waiting_bytes() + self.need_of_block(length);
        // It may close the frame in progress and fill one of its own.
        let frames = 1 + usize::from(self.builder.block_count() > 0);
        let size_max = u64::from(self.settings.segment_size_bytes);
        let doubtful = self.doubtful.is_some() || self.label_doubtful;
        let nothing_to_remove = self.dead.is_empty() && !doubtful;
        let writer = self.writer.as_ref();
        let fits = at_end && nothing_to_remove && !self.needs_segment_with_salt();
        let writer = writer.filter(|_| fits);
        // Near early warning and near the end it takes to know how well everything before was compressed.
        let capacity = self.capacity_of(self.partition);
        let early = capacity.saturating_sub(early_warning_distance_bytes(capacity));
        let settled = [early, capacity.saturating_add(1)];
        writer.is_some_and(|writer| {
            settled
                .iter()
                .all(|border| self.settles_at_once(length, *border))
                && writer.length_with(need) <= size_max
                && !writer.is_full_of_frames()
                && writer.has_room(need)
                && writer.takes_at_once(frames, need)
        })
    }

    /// Returns whether [`Cartridge::settle_usage`] has nothing to wait for, after blocks of `length` bytes
    /// more, whenever they are written.
    pub fn settles_at_once(&self, length: usize, stored_bytes: u64) -> bool {
        self.settings.writing == Writing::AtOnce
            || self.usage().stored_bytes + (length as u64) < stored_bytes
            || self.chain.end.charged_bytes >= stored_bytes
    }

    fn check_writable(&mut self) -> Result<(), Error> {
        if self.label.write_protected {
            return Err(Error::WriteProtected);
        }
        if self.condition == Condition::PositionLost {
            return Err(Error::PositionLost);
        }
        self.check_form(Change::Appends)?;
        self.check_unlocked()?;
        self.undo_doubtful()
    }

    fn appended(&mut self) -> Appended {
        let capacity = self.capacity_of(self.partition);
        let distance = early_warning_distance_bytes(capacity);
        self.settle_usage(capacity.saturating_sub(distance));
        let usage = self.usage();
        Appended {
            early_warning: usage.stored_bytes + distance >= usage.capacity_bytes,
        }
    }

    /// Makes sure that there is a segment at the position that takes what is to be appended, with room
    /// for `need` bytes more than what waits; `at` is what lies before the position.
    fn prepare_tail(&mut self, at: Totals, need: u64, what: Appending) -> Result<(), Error> {
        let marks = match what {
            Appending::Block => 0,
            Appending::Filemarks(count) => count,
        };
        let salted = marks == 0 && self.encryption.is_some();
        if self.cursor.object < self.chain.end.objects {
            return self.start_segment(at, need, SealReason::Cut, salted);
        }
        if self.writer.is_none() {
            return self.start_segment(self.chain.end, need, SealReason::Full, salted);
        }
        let waiting = self.waiting_bytes();
        let size_max = u64::from(self.settings.segment_size_bytes);
        let fits = |it: &Self| {
            let writer = it.writer.as_ref();
            writer.is_none_or(|writer| writer.length_with(waiting + need) <= size_max)
        };
        self.write_pending_until(fits)?;
        let writer = self.writer.as_ref();
        let writer = writer.expect("there is one, and writing what waits did not fail");
        let overflow = writer.marks_overflow(marks);
        let begun = !writer.entries().is_empty() || writer.is_pending() || waiting > 0;
        let full = overflow
            || writer.is_full_of_frames()
            || (begun && writer.length_with(waiting + need) > size_max);
        let unsalted = salted && self.needs_segment_with_salt();
        if full || unsalted {
            self.synchronize()?;
            let reason = if full {
                SealReason::Full
            } else {
                SealReason::Cut
            };
            match self.start_segment(self.chain.end, need, reason, salted) {
                // A filemark on a full disk goes where room was kept for it.
                Err(Error::NoSpace) if marks > 0 && !overflow => {}
                started => return started,
            }
        }
        self.reserve(self.waiting_bytes() + need)
    }

    fn reserve(&mut self, need: u64) -> Result<(), Error> {
        loop {
            let Some(writer) = &mut self.writer else {
                return Ok(());
            };
            match writer.reserve(need) {
                Ok(()) => return Ok(()),
                Err(error) if !is_no_space(&error) => {
                    let operation = format!("segment {}: reserve", writer.header().name);
                    return Err(Error::io(operation, error));
                }
                // Compressed, what is on its way may leave room.
                Err(_) if writer.is_pending() => self.write_pending()?,
                Err(_) if self.remove_dead(DEAD_REMOVED_PER_LOAD) => {}
                Err(_) => return Err(Error::NoSpace),
            }
        }
    }

    /// What the blocks that wait will take at most.
    fn waiting_bytes(&self) -> u64 {
        match self.builder.block_count() {
            0 => 0,
            count => {
                let own = AT_REST_SEAL_BYTES.into();
                let seal = self.builder.encryption().map_or(own, Preamble::seal_bytes);
                frame_stride(self.builder.plain_length() as u64 + 4 * count + seal as u64)
            }
        }
    }

    /// What a block of `length` bytes takes. A table entry may come with it. After the last block that
    /// finds room it shall be possible to synchronize, to write a filemark, and to synchronize again.
    fn need_of_block(&self, length: usize) -> u64 {
        let frame = frame_stride(length as u64 + 4 + self.seal_bytes());
        frame + FILEMARKS_NEED_BYTES + PAD_BYTES_MAX
    }

    /// What is not written yet counts at most.
    pub(super) fn waiting_charge(&self) -> u64 {
        let pending = self
            .writer
            .as_ref()
            .map_or(0, SegmentWriter::pending_charge);
        self.builder.plain_length() as u64 + pending
    }

    /// Waits until [`Cartridge::usage`] is on the same side of `stored_bytes` as it will be when everything
    /// is written: at or behind it, or before. Only near it there is anything to wait for.
    pub fn settle_usage(&mut self, stored_bytes: u64) {
        // What has failed meanwhile is told by the next call.
        loop {
            self.collect();
            let waiting = self.builder.plain_length() as u64;
            let sure = self.chain.end.charged_bytes + waiting;
            let most = self.usage().stored_bytes;
            let Some(writer) = self.writer.as_ref().filter(|it| it.is_pending()) else {
                return;
            };
            if most < stored_bytes || sure >= stored_bytes || writer.check().is_err() {
                return;
            }
            writer.wait_for_progress();
        }
    }

    /// Puts the blocks that wait for their frame on their way. Not durable.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        let Some(mut plain) = self.builder.take() else {
            return Ok(());
        };
        if let Some(writer) = &self.writer {
            writer.wait_for_room(plain.footprint());
        }
        // Whether this one is tried follows from what became of others.
        self.collect();
        self.check_pending()?;
        if !self.prober.decide(plain.codec()) {
            plain.store();
        }
        self.write(Content::Blocks(plain))
    }

    fn write(&mut self, content: Content) -> Result<(), Error> {
        let writer = self.writer.as_mut();
        let writer = writer.expect("prepare_tail made a segment before anything was accepted");
        if let Content::Filemarks(_) = &content {
            writer.wait_for_room(0);
        }
        if let Err(error) = writer.append(content) {
            return Err(self.fall_back(error));
        }
        self.collect();
        self.remove_dead_without_thread();
        Ok(())
    }

    /// Waits until everything on its way is written. Not durable.
    pub(super) fn write_pending(&mut self) -> Result<(), Error> {
        self.write_pending_until(|_| false)
    }

    /// Waits until `enough` is known of what is on its way, or all is written.
    fn write_pending_until(&mut self, enough: impl Fn(&Self) -> bool) -> Result<(), Error> {
        loop {
            self.collect();
            self.check_pending()?;
            match &self.writer {
                Some(writer) if writer.is_pending() && !enough(self) => writer.wait_for_progress(),
                _ => return Ok(()),
            }
        }
    }

    /// Fails as what has failed on its way, if anything has.
    fn check_pending(&mut self) -> Result<(), Error> {
        let checked = self.writer.as_ref().map_or(Ok(()), SegmentWriter::check);
        checked.map_err(|error| self.fall_back(error))
    }

    /// Counts what was written.
    fn collect(&mut self) {
        let Some(writer) = &mut self.writer else {
            return;
        };
        for Placed { entry, tried } in writer.collect() {
            self.chain.end.charged_bytes += entry.charged_bytes();
            if entry.kind == EntryKind::Data {
                self.work.frames_written += 1;
                self.work.stored_bytes += entry.charged_bytes();
                self.prober.note(match tried {
                    None => Outcome::NotTried,
                    Some(codec) if entry.codec == codec => Outcome::Shrank(codec),
                    Some(codec) => Outcome::DidNotShrink(codec),
                });
            }
        }
    }

    /// Gives up the segment in progress: what is not on stable storage is lost.
    fn fall_back(&mut self, error: io::Error) -> Error {
        self.builder.take();
        self.prober = Prober::default();
        let accepted = self.chain.end.objects;
        if let Some(writer) = self.writer.take() {
            let mut end = writer.header().first();
            for entry in writer.durable_entries() {
                end.objects += entry.object_count;
                end.marks += entry.marks;
                end.host_bytes += u64::from(entry.plain_length);
                end.charged_bytes += entry.charged_bytes();
            }
            self.chain.end = end;
        }
        self.cursor = self.end_cursor();
        self.condition = Condition::PositionLost;
        Error::Deferred {
            first_lost: self.chain.end.objects,
            lost: accepted - self.chain.end.objects,
            source: error,
        }
    }
}
