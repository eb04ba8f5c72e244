//! Writing one segment: frames get their place, space is reserved ahead, and the end is sealed.
//!
//! # Guarantees
//! - The header of the file is on stable storage before it gets its name, and both are before the first
//!   frame is written.
//! - A page that was on stable storage is never written again.
//! - After a failed write or sync nothing more is written; the caller drops the writer.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::encryption::{Encryption, EncryptionKey, FrameKey, SegmentKeys, TAG_BYTES};
use crate::error::{Error, is_no_space};
use crate::format::{
    EntryKind, FRAME_HEADER_BYTES, FRAMES_OFFSET, FrameHeader, FrameKind, INDEX_ENTRY_BYTES,
    IndexEntry, SYNC_ALIGN, SealReason, SegmentHeader, TRAILER_BYTES, Trailer, frame_stride,
    in_memory, round_up,
};
use crate::frame::SealedFrame;
use crate::store::{SegmentFile, SegmentName, SegmentStore};

/// The segment that is being written.
pub(crate) struct SegmentWriter {
    file: Box<dyn SegmentFile>,
    header: SegmentHeader,
    entries: Vec<IndexEntry>,
    next_object: u64,
    marks: u64,
    sequence: u32,
    /// Where the next frame goes.
    end: u64,
    /// On stable storage up to here.
    durable: u64,
    /// Space is reserved up to here.
    reserved: u64,
    reserve_step: u64,
    /// The key of the last encrypted frame, with the host's from which it follows.
    frame_key: Option<(EncryptionKey, FrameKey)>,
    /// The cartridge's own key, when all frames but pads are sealed.
    at_rest: Option<Arc<FrameKey>>,
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
        reserve_step: u64,
    ) -> Result<Self, CreateError> {
        let name = header.name;
        let file = store.create_segment(name).map_err(CreateError::Unchanged)?;
        let mut writer = Self {
            file,
            entries: Vec::new(),
            next_object: header.first_object,
            marks: 0,
            sequence: 0,
            end: FRAMES_OFFSET,
            durable: FRAMES_OFFSET,
            reserved: 0,
            reserve_step,
            frame_key: None,
            at_rest: None,
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
        self.end > self.durable
    }

    /// Returns how large the file would be after frames of `need` bytes and sealing.
    pub(crate) fn length_with(&self, need: u64) -> u64 {
        // Two more entries: a call brings at most the frame in progress and one more.
        let index = (self.entries.len() as u64 + 2) * INDEX_ENTRY_BYTES as u64;
        let pad = SYNC_ALIGN + FRAME_HEADER_BYTES as u64;
        self.end + need + pad + index + TRAILER_BYTES as u64
    }

    /// Returns whether [`SegmentWriter::reserve`] has nothing to do for `need` bytes.
    pub(crate) fn has_room(&self, need: u64) -> bool {
        round_up(self.length_with(need), SYNC_ALIGN) <= self.reserved
    }

    /// Returns whether frames of `need` bytes can be appended without waiting for the disk.
    pub(crate) fn takes_at_once(&self, need: u64) -> bool {
        self.file.takes_at_once(in_memory(need))
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

    /// Writes `frame` at the end, perhaps behind our back. Not durable.
    pub(crate) fn append(&mut self, frame: &SealedFrame) -> io::Result<()> {
        static ZEROS: [u8; 8] = [0; 8];
        let body_length = frame.body_length();
        let header = self.place(frame, body_length);
        let bytes = header.emit(self.header.name.uuid, self.end);
        let stride = frame_stride(body_length as u64);
        let pad = in_memory(stride) - FRAME_HEADER_BYTES - body_length;
        let parts = vec![
            Bytes::copy_from_slice(&bytes),
            frame.table.clone(),
            frame.payload.clone(),
            Bytes::from_static(&ZEROS[..pad]),
        ];
        self.file.write_later(parts, self.end)?;
        let marks = match frame.kind {
            FrameKind::Filemarks => u64::from(frame.object_count),
            FrameKind::Data | FrameKind::Pad => 0,
        };
        if frame.kind != FrameKind::Pad {
            self.entries.push(IndexEntry {
                kind: if marks > 0 {
                    EntryKind::Filemarks
                } else {
                    EntryKind::Data
                },
                first_object: self.next_object,
                object_count: frame.object_count.into(),
                marks_before: self.marks,
                marks,
                offset: self.end,
                body_length: header.body_length,
                seal_length: header.seal_length,
                plain_length: frame.plain_length,
                codec: frame.codec,
                equal_lengths: header.block_length.is_some(),
            });
        }
        self.next_object += u64::from(frame.object_count);
        self.marks += marks;
        self.sequence += 1;
        self.end += stride;
        Ok(())
    }

    /// Encrypts `frame`, which [`SegmentWriter::append`] takes next: its number is spent. The segment was
    /// begun for encrypted blocks.
    pub(crate) fn encrypt(&mut self, frame: SealedFrame, encryption: &Encryption) -> SealedFrame {
        let SegmentHeader {
            cartridge, name, ..
        } = self.header;
        let salt = self.header.salt;
        let keys = SegmentKeys {
            cartridge,
            segment: name,
            salt: salt.expect("a segment with a salt was begun before the block was accepted"),
        };
        let known = self.frame_key.take();
        let (host_key, key) = known
            .filter(|(host_key, _)| *host_key == encryption.key)
            .unwrap_or_else(|| {
                let key = FrameKey::derive(&encryption.key, keys);
                (encryption.key.clone(), key)
            });
        let preamble = key.preamble(encryption);
        let frame = frame.encrypted(&key, preamble, self.sequence, |frame, body_length| {
            self.place(frame, body_length).emit(name.uuid, self.end)
        });
        self.frame_key = Some((host_key, key));
        frame
    }

    /// Forgets keys. Nothing that was sealed changes.
    pub(crate) fn forget_keys(&mut self) {
        self.frame_key = None;
    }

    /// Seals `frame`, which [`SegmentWriter::append`] takes next, under the cartridge's own key, if it has
    /// one.
    pub(crate) fn seal_at_rest(&self, frame: SealedFrame) -> SealedFrame {
        let Some(key) = &self.at_rest else {
            return frame;
        };
        let uuid = self.header.name.uuid;
        frame.encrypted(key, Vec::new(), self.sequence, |frame, body_length| {
            self.place(frame, body_length).emit(uuid, self.end)
        })
    }

    /// All frames but pads are sealed, under `key` unless the host has brought one.
    pub(crate) fn set_at_rest(&mut self, key: Arc<FrameKey>) {
        self.at_rest = Some(key);
    }

    fn place(&self, frame: &SealedFrame, body_length: usize) -> FrameHeader {
        let narrow = |value: u64| u32::try_from(value).expect("a segment counts in 32 bits");
        FrameHeader {
            kind: frame.kind,
            codec: frame.codec,
            sequence: self.sequence,
            object_count: frame.object_count,
            first_object: self.next_object,
            plain_length: frame.plain_length,
            seal_length: frame.seal_length,
            body_length: narrow(body_length as u64),
            block_length: frame.block_length,
            durable_upto: self.durable,
            marks_before: narrow(self.marks),
            body_checksum: frame.body_checksum,
        }
    }

    /// Returns true when `count` more filemarks would overflow what a segment counts.
    pub(crate) fn marks_overflow(&self, count: u32) -> bool {
        self.marks + u64::from(count) > u64::from(u32::MAX)
    }

    /// Returns when everything written is on stable storage.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
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
            self.append(&SealedFrame::pad(in_memory(gap - header)))?;
        }
        self.file.sync()?;
        self.durable = self.end;
        Ok(())
    }

    /// Writes the footer and cuts the file to its real length. Everything written is on stable
    /// storage before; when this fails, nothing is lost but the time to walk the frames.
    pub(crate) fn seal(mut self, reason: SealReason, now_unix_ms: u64) -> io::Result<()> {
        debug_assert!(!self.is_dirty());
        let footer = Footer {
            header: &self.header,
            entries: &self.entries,
            data_end: self.end,
            reason,
            now_unix_ms,
            key: self.at_rest.as_deref(),
        };
        write_footer(&mut *self.file, &footer)
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
}

/// Writes index and trailer behind the frames and cuts the file there.
pub(crate) fn write_footer(file: &mut dyn SegmentFile, footer: &Footer<'_>) -> io::Result<()> {
    let Footer {
        header,
        entries,
        data_end,
        reason,
        now_unix_ms,
        key,
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
    };
    if let Some(key) = key {
        let bytes = trailer.emit();
        let [before, after] = Trailer::proved(&bytes);
        trailer.tag = key.footer_tag([&header.emit(), before, after, &index]);
    }
    file.write_at(&[&index, &trailer.emit()], data_end)?;
    file.truncate(data_end + (index.len() + TRAILER_BYTES) as u64)?;
    file.sync()
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
