//! One frame: what is known of it when it is put in, and what comes out.

use std::cell::RefCell;
use std::sync::Arc;

use uuid::Uuid;

use crate::codec::{Codec, Encoder};
use crate::encryption::{AT_REST_SEAL_BYTES, FrameKey};
use crate::format::{FrameHeader, frame_stride};
use crate::frame::{PlainFrame, SealedFrame};

/// What a frame holds.
pub(crate) enum Content {
    Blocks(PlainFrame),
    Filemarks(u32),
    /// So many zeros.
    Pad(usize),
}

/// The key of a frame and what lies beside it.
pub(crate) struct Sealing {
    pub(crate) key: Arc<FrameKey>,
    pub(crate) preamble: Vec<u8>,
}

/// A frame that is to be made. It is made at most once, whatever happens: so is its number used as a
/// nonce.
pub(crate) struct FrameJob {
    pub(crate) segment: Uuid,
    pub(crate) sequence: u32,
    pub(crate) first_object: u64,
    pub(crate) marks_before: u32,
    pub(crate) content: Content,
    pub(crate) sealing: Option<Sealing>,
}

/// A frame that lacks only its place.
pub(super) struct Made {
    pub(super) sequence: u32,
    pub(super) first_object: u64,
    pub(super) marks_before: u32,
    /// The codec that was tried.
    pub(super) tried: Option<Codec>,
    pub(super) frame: SealedFrame,
}

impl FrameJob {
    /// Returns whether it takes long enough for another thread to be asked. Sealing alone does not: AES-GCM
    /// takes a fraction of the time that it takes to write the same bytes.
    pub(super) fn is_heavy(&self) -> bool {
        self.codec().is_some()
    }

    /// Returns the codec that will be tried.
    fn codec(&self) -> Option<Codec> {
        match &self.content {
            Content::Blocks(plain) => Some(plain.codec()).filter(|codec| *codec != Codec::Stored),
            Content::Filemarks(_) | Content::Pad(_) => None,
        }
    }

    /// Returns the most memory that it holds on to.
    pub(crate) fn footprint(&self) -> usize {
        match &self.content {
            Content::Blocks(plain) => plain.footprint(),
            Content::Filemarks(_) | Content::Pad(_) => 0,
        }
    }

    /// Returns the most that the frame takes in the file.
    pub(crate) fn stride_max(&self) -> u64 {
        match &self.content {
            Content::Blocks(plain) => frame_stride(plain.body_length_max()),
            Content::Filemarks(_) => frame_stride(AT_REST_SEAL_BYTES.into()),
            Content::Pad(length) => frame_stride(*length as u64),
        }
    }

    /// Compresses, seals and checksums.
    pub(super) fn run(self) -> Made {
        thread_local!(static ENCODER: RefCell<Encoder> = RefCell::default());
        let tried = self.codec();
        let Self {
            segment,
            sequence,
            first_object,
            marks_before,
            content,
            sealing,
        } = self;
        let mut frame = match content {
            Content::Blocks(plain) => {
                ENCODER.with_borrow_mut(|encoder| SealedFrame::blocks(plain, encoder))
            }
            Content::Filemarks(count) => SealedFrame::filemarks(count),
            Content::Pad(length) => SealedFrame::pad(length),
        };
        if let Some(Sealing { key, preamble }) = sealing {
            frame = frame.encrypted(&key, preamble, sequence, |frame, body_length| {
                // Where it lies and what was durable does not count for the seal.
                frame
                    .header(body_length, sequence, first_object, marks_before, 0)
                    .emit(segment, 0)
            });
        }
        Made {
            sequence,
            first_object,
            marks_before,
            tried,
            frame,
        }
    }
}

impl Made {
    /// Returns its header, once it is known what was durable before.
    pub(super) fn header(&self, durable: u64) -> FrameHeader {
        let Self {
            sequence,
            first_object,
            marks_before,
            frame,
            ..
        } = self;
        frame.header(
            frame.body_length(),
            *sequence,
            *first_object,
            *marks_before,
            durable,
        )
    }
}
