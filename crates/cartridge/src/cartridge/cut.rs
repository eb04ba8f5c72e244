//! Beginning a segment: how anything is ever cut off.

use std::sync::Arc;

use uuid::Uuid;

use super::at_rest::SegmentKey;
use super::background::Background;
use super::partitions::Change;
use super::segments::checksum_before;
use super::{Cartridge, Condition};
use crate::chain::{Dead, Totals};
use crate::encryption::{CartridgeKey, FrameKey, SegmentKeys};
use crate::error::Error;
use crate::format::{AtRest, EntryKind, IndexEntry, SEGMENT_SALT_BYTES, SealReason, SegmentHeader};
use crate::limits::{DEAD_REMOVED_PER_CALL, DEAD_REMOVED_PER_LOAD};
use crate::settings::Environment;
use crate::store::SegmentName;
use crate::writer::{CreateError, SegmentWriter, withdraw};

/// A segment that was being written, closed.
#[derive(Clone, Copy)]
pub(super) struct Sealed {
    segment: Uuid,
    /// The checksum of its trailer, unless sealing failed.
    checksum: Option<u32>,
}

impl Cartridge {
    /// Erases everything from the position to the end of the partition. Durable when it returns.
    pub fn erase(&mut self) -> Result<(), Error> {
        if self.label.write_protected {
            return Err(Error::WriteProtected);
        }
        self.check_form(Change::Destroys)?;
        self.check_unlocked()?;
        self.synchronize()?;
        self.moved();
        self.undo_doubtful()?;
        if self.cursor.object == self.chain.end.objects && self.condition == Condition::Good {
            return Ok(());
        }
        let at = self.totals_at_cursor()?;
        self.start_segment(at, 0, SealReason::Cut, false)
    }

    /// Begins a segment at `at` with room for `need` bytes of frames: what lies from there on is
    /// gone for good when it returns. With `salted` it takes encrypted blocks. Everything appended is on stable storage before. Seals the
    /// segment in progress for `reason` afterwards; on failure everything is as it was.
    pub(super) fn start_segment(
        &mut self,
        at: Totals,
        need: u64,
        reason: SealReason,
        salted: bool,
    ) -> Result<(), Error> {
        debug_assert_eq!(self.builder.block_count(), 0);
        let SegmentKey { key, anew } = self.key_for_segment(at.objects)?;
        let cuts = at.objects < self.chain.end.objects || self.condition != Condition::Good;
        let environment = &self.settings.environment;
        let mut header = SegmentHeader {
            cartridge: self.label.uuid,
            name: SegmentName {
                partition: self.partition,
                number: 0,
                uuid: environment.new_uuid(),
            },
            epoch: self.label.epoch(),
            previous: Uuid::nil(),
            generation: 0,
            generation_first_object: 0,
            first_object: 0,
            first_mark: 0,
            first_host_byte: 0,
            first_charged_byte: 0,
            created_unix_ms: environment.now_unix_ms(),
            capacity_bytes: self.label.capacity_bytes,
            salt: (salted || key.is_some()).then(|| new_salt(&**environment)),
            at_rest: None,
            barcode: self.label.barcode.clone(),
        };
        self.chain.place_next(&mut header, at, cuts)?;
        let own_key = header.seal_at_rest(key.as_ref(), salted);
        let mut writer = self.create_segment(&header, need)?;
        if let Some(key) = own_key {
            writer.set_at_rest(key);
        }
        let dead = self.chain.append(writer.header());
        let sealed = self.close_writer(reason);
        writer.set_before(self.trailer_before(writer.header(), sealed));
        self.writer = Some(writer);
        self.condition = Condition::Good;
        self.cursor = self.end_cursor();
        self.frame = None;
        self.ahead.stop();
        self.segments.forget_all();
        if anew {
            self.written_anew();
        }
        self.unrecorded += 1;
        self.bury(dead, DEAD_REMOVED_PER_CALL);
        if self.unrecorded >= self.settings.chain_interval_segments {
            self.record_chain_later();
        }
        Ok(())
    }

    fn create_segment(
        &mut self,
        header: &SegmentHeader,
        need: u64,
    ) -> Result<SegmentWriter, Error> {
        let name = header.name;
        loop {
            let error =
                match SegmentWriter::create(&mut *self.store, header.clone(), need, &self.settings)
                {
                    Ok(writer) => return Ok(writer),
                    Err(error) => error,
                };
            if matches!(error, CreateError::Unknown(_)) {
                self.doubtful = Some(name);
            }
            let error = error.into_error(&name.to_string());
            if !matches!(error, Error::NoSpace) || !self.remove_dead(DEAD_REMOVED_PER_LOAD) {
                return Err(error);
            }
        }
    }

    /// Tries again to remove a segment whose publication failed, if there is one. Until then nothing can
    /// be appended: the next segment would have to say what lies before it. And whoever loads the
    /// cartridge anew would take it for good, with the cut that the host was told had failed: do not
    /// let go of the cartridge before this succeeds.
    ///
    /// The same goes for a label that could not be replaced: the old one is written again.
    pub fn undo_doubtful(&mut self) -> Result<(), Error> {
        self.undo_doubtful_label()?;
        let Some(name) = self.doubtful else {
            return Ok(());
        };
        withdraw(&mut *self.store, name).map_err(|source| Error::Doubtful {
            segment: name,
            source,
        })?;
        self.doubtful = None;
        Ok(())
    }

    /// Lets the files of segments that were cut off be removed: by a thread, if there can be one, or else
    /// up to `count` now and the others step by step.
    pub(super) fn bury(&mut self, mut dead: Vec<Dead>, count: usize) {
        dead.append(&mut self.dead);
        if dead.is_empty() {
            return;
        }
        if let Some(background) = self.background() {
            background.remove(dead);
        } else {
            self.dead = dead;
            self.remove_dead(count);
        }
    }

    /// Removes some files, where no thread does.
    pub(super) fn remove_dead_without_thread(&mut self) {
        if self.background.is_none() {
            self.remove_dead(DEAD_REMOVED_PER_CALL);
        }
    }

    /// Returns the files that wait to be removed.
    pub(super) fn dead_files(&self) -> Vec<Dead> {
        let waiting = self.background.as_ref().map(Background::dead);
        let waiting = waiting.unwrap_or_default();
        self.dead.iter().copied().chain(waiting).collect()
    }

    /// Returns the thread that tidies, and starts it first if it must; `None` where there can be none.
    pub(super) fn background(&mut self) -> Option<&Background> {
        if self.background.is_none() {
            let store = self.store.second_handle()?;
            self.background = Background::start(store, self.label.barcode.clone());
        }
        self.background.as_ref()
    }

    /// Removes up to `count` files that the chain does not name any more; returns false when there
    /// are none. What cannot be removed now is removed when the cartridge is loaded again.
    pub(super) fn remove_dead(&mut self, count: usize) -> bool {
        let dead = if let Some(background) = &self.background {
            background.take(count)
        } else {
            let from = self.dead.len().saturating_sub(count);
            self.dead.split_off(from)
        };
        for Dead { name, .. } in &dead {
            if let Err(error) = self.store.remove_segment(*name) {
                tracing::warn!(barcode = self.label.barcode, segment = %name, %error,
                    "cannot remove a segment that was cut off");
            }
        }
        !dead.is_empty()
    }

    /// Seals the segment in progress. Its content is on stable storage already, so a failure costs
    /// only time at the next load.
    pub(super) fn close_writer(&mut self, reason: SealReason) -> Option<Sealed> {
        let writer = self.writer.take()?;
        let name = writer.header().name;
        let sealed = writer.seal(reason, self.settings.environment.now_unix_ms());
        if let Err(error) = &sealed {
            tracing::warn!(barcode = self.label.barcode, segment = %name, %error,
                "cannot seal a segment; it will be walked at the next load");
        }
        Some(Sealed {
            segment: name.uuid,
            checksum: sealed.ok(),
        })
    }

    /// Returns the checksum of the trailer of the segment before the last one, which has `header`, when that
    /// is known; `sealed` is what was closed just now. After a failed seal nobody knows what the disk has.
    fn trailer_before(&self, header: &SegmentHeader, sealed: Option<Sealed>) -> Option<u32> {
        match sealed {
            Some(sealed) if sealed.segment == header.previous => sealed.checksum,
            _ => checksum_before(&*self.store, self.chain.rows()),
        }
    }

    /// Returns what lies before the position.
    pub(super) fn totals_at_cursor(&mut self) -> Result<Totals, Error> {
        let object = self.cursor.object;
        let Some(row) = self.chain.row_of_object(object) else {
            return Ok(self.chain.end);
        };
        let mut totals = self.chain.rows()[row].first;
        let mut inside = None;
        for entry in self.entries(row)? {
            if entry.end_object() > object {
                inside = Some(*entry);
                break;
            }
            totals.host_bytes += u64::from(entry.plain_length);
            totals.charged_bytes += entry.charged_bytes();
        }
        totals.objects = object;
        totals.marks = self.cursor.marks;
        if let Some(entry) = inside.filter(|entry| entry.first_object < object) {
            self.add_part(row, entry, object, &mut totals);
        }
        Ok(totals)
    }

    /// Adds the part of `entry` that lies before `object`.
    fn add_part(&mut self, row: usize, entry: IndexEntry, object: u64, totals: &mut Totals) {
        let count = object - entry.first_object;
        if entry.kind != EntryKind::Data {
            let marks = entry.marks_before_object(object) - entry.marks_before;
            totals.charged_bytes += marks * crate::limits::FILEMARK_CHARGE_BYTES;
            return;
        }
        let plain = u64::from(entry.plain_length);
        // A frame that cannot be read can still be cut; its blocks then count as equally long. What is counted
        // here stays, so a disk that failed for a moment is asked twice.
        let mut frame = self.load_frame(row, &entry);
        if matches!(frame, Err(Error::Io { .. })) {
            frame = self.load_frame(row, &entry);
        }
        let host = match frame {
            Ok(frame) => frame.plain_length_of(count),
            Err(_) => share(plain, count, entry.object_count),
        };
        totals.host_bytes += host;
        totals.charged_bytes += share(entry.charged_bytes(), host, plain);
    }
}

impl SegmentHeader {
    /// Lets all frames but pads be sealed under `key`, and some under keys of a host where `salted`.
    fn seal_at_rest(&mut self, key: Option<&CartridgeKey>, salted: bool) -> Option<Arc<FrameKey>> {
        let (key, salt) = (key?, self.salt?);
        let place = SegmentKeys {
            cartridge: self.cartridge,
            segment: self.name,
            salt,
        };
        let key = FrameKey::derive_at_rest(key, place);
        self.at_rest = Some(AtRest {
            key_check: key.check(),
            host_blocks: salted,
        });
        Some(Arc::new(key))
    }
}

/// Two ids are 244 random bits; the rest of them is fixed.
fn new_salt(environment: &dyn Environment) -> [u8; SEGMENT_SALT_BYTES] {
    let mut salt = [0; SEGMENT_SALT_BYTES];
    for half in salt.as_chunks_mut::<16>().0 {
        *half = environment.new_uuid().into_bytes();
    }
    salt
}

/// Returns `value * part / whole`, rounded up.
fn share(value: u64, part: u64, whole: u64) -> u64 {
    let share = (u128::from(value) * u128::from(part)).div_ceil(u128::from(whole.max(1)));
    u64::try_from(share).unwrap_or(value)
}
