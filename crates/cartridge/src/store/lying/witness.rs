//! What a disk sees of a writer and must never see, whatever fails and whoever crashes.
//!
//! - A page that holds a byte that was synchronized is not written again, and a sealed file not at all.
//! - No two frames are encrypted under one key with one nonce: under one salt and one key of the host no
//!   sequence number comes twice.

use std::collections::BTreeMap;

use crate::encryption::TAG_BYTES;
use crate::format::{
    FRAME_HEADER_BYTES, FrameHeader, HEADER_BYTES, SEGMENT_SALT_BYTES, SYNC_ALIGN_BYTES,
    SegmentHeader, frame_stride, in_memory,
};
use crate::store::SegmentName;

const KEY_CHECK_BYTES: usize = 16;

/// Who has the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handle {
    /// Who made it and appends to it.
    Creator,
    /// Who reads it, and seals it perhaps.
    Opener,
}

/// What is known of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct FileWitness {
    header: Option<SegmentHeader>,
    /// Its creator has written up to here.
    written: usize,
    /// What its creator synchronized.
    kept: usize,
    /// It was cut to its real length, which is not synchronized yet.
    cut: bool,
    sealed: bool,
}

/// What must not come twice: the salt of the segment, the check of the host's key, and the sequence of the
/// frame.
type KeyAndNonce = ([u8; SEGMENT_SALT_BYTES], Vec<u8>, u32);

/// What is known of all files, of those before a crash too.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness {
    /// Where each encrypted frame was written.
    frames: BTreeMap<KeyAndNonce, (SegmentName, u64)>,
    pub(super) writes: u64,
}

impl Witness {
    pub(super) fn encrypted_frames(&self) -> u64 {
        self.frames.len() as u64
    }

    pub(super) fn write(
        &mut self,
        file: &mut FileWitness,
        handle: Handle,
        offset: usize,
        bytes: &[u8],
    ) {
        self.writes += 1;
        assert!(!file.sealed, "a sealed file is written to");
        assert!(
            offset >= file.kept.next_multiple_of(SYNC_ALIGN_BYTES),
            "a write at {offset}, where {} bytes were synchronized",
            file.kept
        );
        if handle == Handle::Creator {
            file.written = file.written.max(offset + bytes.len());
        }
        if let Some(header) = bytes.first_chunk::<HEADER_BYTES>().filter(|_| offset == 0) {
            file.header = SegmentHeader::parse(header).ok();
        } else {
            self.frames_in(file, offset, bytes);
        }
    }

    fn frames_in(&mut self, file: &FileWitness, offset: usize, bytes: &[u8]) {
        let Some(header) = &file.header else { return };
        let mut at = 0;
        while let Some(rest) = bytes
            .get(at..)
            .filter(|rest| rest.len() >= FRAME_HEADER_BYTES)
        {
            let place = (offset + at) as u64;
            let frame = FrameHeader::parse(&rest[..FRAME_HEADER_BYTES], header.name.uuid, place);
            let Some(frame) = frame else { return };
            at += in_memory(frame_stride(frame.body_length.into()));
            let Some(preamble_length) = usize::from(frame.seal_length).checked_sub(TAG_BYTES)
            else {
                continue;
            };
            let salt = header.salt.expect("encrypted frames only with a salt");
            let preamble = &rest[FRAME_HEADER_BYTES..][..preamble_length];
            // The check of the host's key begins it; under the cartridge's own key there is none
            // (docs/cartridge-format.md, "Encryption").
            let check = preamble.get(..KEY_CHECK_BYTES).unwrap_or_default().to_vec();
            let key = (salt, check, frame.sequence);
            let before = self.frames.insert(key, (header.name, place));
            assert_eq!(
                before, None,
                "{} at {place}: a nonce is used twice",
                header.name
            );
        }
    }
}

impl FileWitness {
    pub(super) fn truncate(&self, length: usize) {
        assert!(!self.sealed, "a sealed file is cut");
        assert!(
            length >= self.kept,
            "cut to {length}, where {} bytes were synchronized",
            self.kept
        );
    }

    /// The byte at `offset` is not what was written: where nothing proves that it had been synchronized, it and
    /// what follows counts as torn and is written over.
    pub(super) fn rotted(&mut self, offset: usize) {
        self.kept = self.kept.min(offset - offset % SYNC_ALIGN_BYTES);
    }

    /// The cut that seals it is done.
    pub(super) fn truncated(&mut self) {
        self.cut = true;
    }

    /// What was not synchronized may be gone: the machine stopped, or a sync failed.
    pub(super) fn doubts(&mut self) {
        self.cut = false;
    }

    pub(super) fn synced(&mut self, handle: Handle) {
        self.sealed |= self.cut;
        if handle == Handle::Creator {
            self.kept = self.written;
        }
    }
}
