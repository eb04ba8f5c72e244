//! Writing one segment: frames get their place, space is reserved ahead, and the end is sealed.
//!
//! # Guarantees
//! - The header of the file is on stable storage before it gets its name, and both are before the first
//!   frame is written.
//! - A page that was on stable storage is never written again.
//! - After a failed write or sync nothing more is written; the caller drops the writer.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::encryption::{Encryption, EncryptionKey, FrameKey, SegmentKeys, TAG_BYTES};
use crate::error::{Error, is_no_space};
use crate::format::{
    FRAME_HEADER_BYTES, FRAMES_OFFSET, INDEX_ENTRY_BYTES, IndexEntry, SYNC_ALIGN, SealReason,
    SegmentHeader, TRAILER_BYTES, Trailer, in_memory, round_up,
};
use crate::limits::{FILEMARK_CHARGE_BYTES, SEGMENT_FRAMES_MAX};
use crate::pipeline::{Content, FrameJob, Lane, Placed, Sealing};
use crate::settings::Settings;
use crate::store::{SegmentFile, SegmentName, SegmentStore};

/// The segment that is being written.
pub(crate) struct SegmentWriter {
    file: Arc<dyn SegmentFile>,
    lane: Lane,
    header: SegmentHeader,
    /// Of the frames that are written.
    entries: Vec<IndexEntry>,
    /// The frames after them, in order.
    pending: VecDeque<Pending>,
    next_object: u64,
    marks: u64,
    sequence: u32,
    /// Where the last frame ends that was written.
    end: u64,
    /// On stable storage up to here.
    durable: u64,
    /// Space is reserved up to here.
    reserved: u64,
    reserve_step: u64,
    /// The key of the last encrypted frame, with the host's from which it follows.
    frame_key: Option<(EncryptionKey, Arc<FrameKey>)>,
    /// The cartridge's own key, when all frames but pads are sealed.
    at_rest: Option<Arc<FrameKey>>,
    /// The checksum of the trailer of the segment before it, when that is known.
    before: Option<u32>,
}

/// A frame that is put in and not known to be written.
struct Pending {
    /// What it takes in the file at most.
    stride: u64,
    /// What it is charged at most.
    charge: u64,
}

/// Why a segment could not be begun.
#[derive(Debug)]
pub(crate) enum CreateError {
    /// Nothing has changed.
    Unchanged(io::Error),
    /// The file may or may not be there after a crash.
    Unknown(io::Error),
}

impl SegmentWriter {
    /// Creates the segment with `header` and room for `need` bytes of frames. Durable: when it
    /// returns, what `header` cuts off is gone for good.
    pub(crate) fn create(
        store: &mut dyn SegmentStore,
        header: SegmentHeader,
        need: u64,
        settings: &Settings,
    ) -> Result<Self, CreateError> {
        let name = header.name;
        let file = store.create_segment(name).map_err(CreateError::Unchanged)?;
        let file: Arc<dyn SegmentFile> = file.into();
        let lane = Lane::new(
            settings.writing,
            name.uuid,
            Arc::clone(&file),
            FRAMES_OFFSET,
        );
        let lane = match lane {
            Ok(lane) => lane,
            Err(error) => {
                let _ = store.remove_unpublished(name); // it is empty and means nothing
                return Err(CreateError::Unchanged(error));
            }
        };
        let mut writer = Self {
            file,
            lane,
            pending: VecDeque::new(),
            entries: Vec::new(),
            next_object: header.first_object,
            marks: 0,
            sequence: 0,
            end: FRAMES_OFFSET,
            durable: FRAMES_OFFSET,
            reserved: 0,
            reserve_step: settings.reserve_step_bytes.into(),
            frame_key: None,
            at_rest: None,
            before: None,
            header,
        };
        let prepared = writer.reserve(need).and_then(|()| writer.write_header());
        if let Err(error) = prepared {
            // It means nothing, even if removing it fails or is forgotten.
            let _ = store.remove_unpublished(name);
            return Err(CreateError::Unchanged(error));
        }
        let published = store.publish_segment(name);
        if let Err(error) = published.and_then(|()| store.sync_directory()) {
            return Err(match withdraw(store, name) {
                Ok(()) => CreateError::Unchanged(error),
                Err(_) => CreateError::Unknown(error),
            });
        }
        Ok(writer)
    }

    fn write_header(&mut self) -> io::Result<()> {
        let header = self.header.emit();
        self.file.write_at(&[&header, &header], 0)?;
        self.file.sync()
    }

    /// Returns the header.
    pub(crate) fn header(&self) -> &SegmentHeader {
        &self.header
    }

    /// Returns the file, to read from.
    pub(crate) fn file(&self) -> &dyn SegmentFile {
        &*self.file
    }

    /// Returns the index of what was written.
    pub(crate) fn entries(&self) -> &[IndexEntry] {
        &self.entries
    }

    /// Returns the index of what is on stable storage.
    pub(crate) fn durable_entries(&self) -> &[IndexEntry] {
        let count = self
            .entries
            .partition_point(|entry| entry.end_offset() <= self.durable);
        &self.entries[..count]
    }

    /// Returns true when there is something that `sync` would bring to stable storage.
    pub(crate) fn is_dirty(&self) -> bool {
        self.end > self.durable || self.is_pending()
    }

    /// Returns how large the file would be after frames of `need` bytes and sealing, at most: frames whose
    /// length is not known count in full.
    pub(crate) fn length_with(&self, need: u64) -> u64 {
        // Two more entries: a call brings at most the frame in progress and one more.
        let entries = (self.entries.len() + self.pending.len()) as u64 + 2;
        let index = entries * INDEX_ENTRY_BYTES as u64;
        let pad = SYNC_ALIGN + FRAME_HEADER_BYTES as u64;
        let pending: u64 = self.pending.iter().map(|frame| frame.stride).sum();
        self.end + pending + need + pad + index + TRAILER_BYTES as u64
    }

    /// Returns whether [`SegmentWriter::reserve`] has nothing to do for `need` bytes.
    pub(crate) fn has_room(&self, need: u64) -> bool {
        round_up(self.length_with(need), SYNC_ALIGN) <= self.reserved
    }

    /// Returns whether so many frames, of `need` bytes together, can be appended without waiting.
    pub(crate) fn takes_at_once(&self, frames: usize, need: u64) -> bool {
        self.lane.takes_at_once(frames, in_memory(need))
    }

    /// Makes sure that frames of `need` bytes, a pad and the footer will find room.
    pub(crate) fn reserve(&mut self, need: u64) -> io::Result<()> {
        let want = round_up(self.length_with(need), SYNC_ALIGN);
        if want <= self.reserved {
            return Ok(());
        }
        let stepped = want.div_ceil(self.reserve_step) * self.reserve_step;
        let mut reserved = self.file.reserve(self.reserved, stepped).map(|()| stepped);
        if reserved.as_ref().is_err_and(is_no_space) && want < stepped {
            // The last bytes of a full disk count too.
            reserved = self.file.reserve(self.reserved, want).map(|()| want);
        }
        self.reserved = reserved?;
        Ok(())
    }

    /// Waits until `frame` is taken by [`SegmentWriter::append`] without waiting.
    pub(crate) fn wait_for_room(&self, footprint: usize) {
        self.lane.wait_for_room(footprint);
    }

    /// Appends a frame. Not durable, and perhaps not even written.
    pub(crate) fn append(&mut self, content: Content) -> io::Result<()> {
        let (objects, marks, charge) = match &content {
            Content::Blocks(plain) => (plain.block_count(), 0, plain.plain_length() as u64),
            Content::Filemarks(count) => (*count, *count, filemarks_charge(*count)),
            Content::Pad(_) => (0, 0, 0),
        };
        let job = self.job(content);
        let pending = Pending {
            stride: job.stride_max(),
            charge,
        };
        if let Content::Pad(_) = &job.content {
            self.lane.put_now(job)?;
            self.end += pending.stride;
        } else {
            self.lane.put(job)?;
            self.pending.push_back(pending);
        }
        self.next_object += u64::from(objects);
        self.marks += u64::from(marks);
        Ok(())
    }

    /// Its number is spent from here on, whatever becomes of the frame.
    fn job(&mut self, content: Content) -> FrameJob {
        let by_host = match &content {
            Content::Blocks(plain) => plain.encryption.clone(),
            Content::Filemarks(_) | Content::Pad(_) => None,
        };
        let sealing = match (&content, by_host) {
            (Content::Pad(_), _) => None,
            (_, Some(encryption)) => Some(self.sealing(&encryption)),
            (_, None) => self.at_rest.clone().map(|key| Sealing {
                key,
                preamble: Vec::new(),
            }),
        };
        let sequence = self.sequence;
        self.sequence += 1;
        FrameJob {
            segment: self.header.name.uuid,
            sequence,
            first_object: self.next_object,
            marks_before: u32::try_from(self.marks).expect("a segment counts in 32 bits"),
            content,
            sealing,
        }
    }

    fn sealing(&mut self, encryption: &Encryption) -> Sealing {
        let known = self.frame_key.take();
        let known = known.filter(|(host_key, _)| *host_key == encryption.key);
        let (host_key, key) = known.unwrap_or_else(|| {
            let salt = self.header.salt;
            let keys = SegmentKeys {
                cartridge: self.header.cartridge,
                segment: self.header.name,
                salt: salt.expect("a segment with a salt was begun before the block was accepted"),
            };
            let key = FrameKey::derive(&encryption.key, keys);
            (encryption.key.clone(), Arc::new(key))
        });
        let sealing = Sealing {
            preamble: key.preamble(encryption),
            key: Arc::clone(&key),
        };
        self.frame_key = Some((host_key, key));
        sealing
    }

    /// Forgets keys. Nothing that was sealed changes.
    pub(crate) fn forget_keys(&mut self) {
        self.frame_key = None;
    }

    /// All frames but pads are sealed, under `key` unless the host has brought one.
    pub(crate) fn set_at_rest(&mut self, key: Arc<FrameKey>) {
        self.at_rest = Some(key);
    }

    /// The segment before it was sealed with a trailer of this checksum.
    pub(crate) fn set_before(&mut self, before: Option<u32>) {
        self.before = before;
    }

    /// Returns the frames that were written since the last call, in their order.
    pub(crate) fn collect(&mut self) -> Vec<Placed> {
        if self.pending.is_empty() {
            return Vec::new();
        }
        let placed = self.lane.take_placed();
        for frame in &placed {
            self.pending.pop_front();
            self.end = frame.entry.end_offset();
            self.entries.push(frame.entry);
        }
        placed
    }

    /// Fails as what has failed behind the caller's back, if anything has.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.lane.check()
    }

    /// Returns whether there are frames whose length is not known.
    pub(crate) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Returns what they are charged at most.
    pub(crate) fn pending_charge(&self) -> u64 {
        self.pending.iter().map(|frame| frame.charge).sum()
    }

    /// Waits until [`SegmentWriter::collect`] returns something or something has failed.
    pub(crate) fn wait_for_progress(&self) {
        self.lane.wait_for_progress();
    }

    /// Returns true when it has as many frames as a segment gets.
    pub(crate) fn is_full_of_frames(&self) -> bool {
        self.entries.len() + self.pending.len() >= SEGMENT_FRAMES_MAX
    }

    /// Returns true when `count` more filemarks would overflow what a segment counts.
    pub(crate) fn marks_overflow(&self, count: u32) -> bool {
        self.marks + u64::from(count) > u64::from(u32::MAX)
    }

    /// Returns when everything appended is on stable storage; [`SegmentWriter::collect`] has returned all
    /// of it.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.lane.check()?;
        debug_assert!(!self.is_pending());
        if !self.is_dirty() {
            return Ok(());
        }
        // The next frame begins on a page of its own: this one is never written again.
        let header = FRAME_HEADER_BYTES as u64;
        let mut gap = round_up(self.end, SYNC_ALIGN) - self.end;
        if gap > 0 && gap < header {
            gap += SYNC_ALIGN;
        }
        if gap > 0 {
            self.append(Content::Pad(in_memory(gap - header)))?;
        }
        self.file.sync()?;
        self.lane.note_durable();
        self.durable = self.end;
        Ok(())
    }

    /// Writes the footer and cuts the file to its real length. Everything written is on stable
    /// storage before; when this fails, nothing is lost but the time to walk the frames. Returns the
    /// checksum of the trailer.
    pub(crate) fn seal(self, reason: SealReason, now_unix_ms: u64) -> io::Result<u32> {
        debug_assert!(!self.is_dirty());
        let footer = Footer {
            header: &self.header,
            entries: &self.entries,
            data_end: self.end,
            reason,
            now_unix_ms,
            key: self.at_rest.as_deref(),
            before: self.before,
        };
        write_footer(&*self.file, &footer)
    }
}

/// Takes back the segment `name`, whose publication failed: it takes no effect, crash or not, when this
/// succeeds. Can be tried again.
pub(crate) fn withdraw(store: &mut dyn SegmentStore, name: SegmentName) -> io::Result<()> {
    match store.remove_segment(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => removed?,
    }
    store.sync_directory()?;
    // If it never got its name: what is left means nothing.
    let _ = store.remove_unpublished(name);
    Ok(())
}

fn filemarks_charge(count: u32) -> u64 {
    u64::from(count) * FILEMARK_CHARGE_BYTES
}

/// What a footer is made of.
pub(crate) struct Footer<'a> {
    pub(crate) header: &'a SegmentHeader,
    pub(crate) entries: &'a [IndexEntry],
    /// Where the frames end.
    pub(crate) data_end: u64,
    pub(crate) reason: SealReason,
    pub(crate) now_unix_ms: u64,
    /// The cartridge's own key, when all frames but pads are sealed.
    pub(crate) key: Option<&'a FrameKey>,
    /// The checksum of the trailer of the segment before it, when that is known.
    pub(crate) before: Option<u32>,
}

/// Writes index and trailer behind the frames and cuts the file there. Returns the checksum of the trailer.
pub(crate) fn write_footer(file: &dyn SegmentFile, footer: &Footer<'_>) -> io::Result<u32> {
    let Footer {
        header,
        entries,
        data_end,
        reason,
        now_unix_ms,
        key,
        before,
    } = *footer;
    let index: Vec<u8> = entries.iter().flat_map(IndexEntry::emit).collect();
    let mut trailer = Trailer {
        cartridge: header.cartridge,
        segment: header.name.uuid,
        generation: header.generation,
        number: header.name.number,
        partition: header.name.partition,
        reason,
        entry_count: u32::try_from(entries.len()).map_err(|_| io::ErrorKind::FileTooLarge)?,
        first_object: header.first_object,
        object_count: entries.iter().map(|entry| entry.object_count).sum(),
        mark_count: entries.iter().map(|entry| entry.marks).sum(),
        host_bytes: entries
            .iter()
            .map(|entry| u64::from(entry.plain_length))
            .sum(),
        charged_bytes: entries.iter().map(IndexEntry::charged_bytes).sum(),
        data_end,
        index_checksum: crc_fast::crc32_iscsi(&index),
        sealed_unix_ms: now_unix_ms,
        tag: [0; TAG_BYTES],
        before,
        checksum: 0,
    };
    if let Some(key) = key {
        let bytes = trailer.emit();
        let [head, tail] = Trailer::proved(&bytes);
        trailer.tag = key.footer_tag([&header.emit(), head, tail, &index]);
    }
    let bytes = trailer.emit();
    file.write_at(&[&index, &bytes], data_end)?;
    file.truncate(data_end + (index.len() + TRAILER_BYTES) as u64)?;
    file.sync()?;
    Ok(Trailer::checksum_in(&bytes))
}

impl CreateError {
    /// Returns the error for the caller.
    pub(crate) fn into_error(self, header_of: &str) -> Error {
        match self {
            Self::Unchanged(error) if is_no_space(&error) => Error::NoSpace,
            Self::Unchanged(error) | Self::Unknown(error) => {
                Error::io(format!("segment {header_of}: create"), error)
            }
        }
    }
}
