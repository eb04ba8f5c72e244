//! Gathering blocks until they make a frame.

use std::sync::Arc;

use bytes::Bytes;

use super::length_u32;
use super::payload::Payload;
use crate::buffer::Buffer;
use crate::codec::Codec;
use crate::encryption::{AT_REST_SEAL_BYTES, Encryption, Preamble, TAG_BYTES};
use crate::limits::FRAME_BLOCKS_MAX;

/// Gathers blocks until they fill a frame.
pub(crate) struct FrameBuilder {
    size_max: usize,
    /// The codec of the held blocks.
    codec: Codec,
    /// How the held blocks are to be encrypted.
    encryption: Option<Arc<Encryption>>,
    lengths: Vec<u32>,
    payload: Payload,
}

impl FrameBuilder {
    /// Returns an empty builder for frames of `size_max` bytes.
    pub(crate) fn new(size_max: usize) -> Self {
        Self {
            size_max,
            codec: Codec::Stored,
            encryption: None,
            lengths: Vec::new(),
            payload: Payload::Shared(Bytes::new()),
        }
    }

    /// Returns how many blocks are held.
    pub(crate) fn block_count(&self) -> u64 {
        self.lengths.len() as u64
    }

    /// Returns how many bytes the held blocks have together.
    pub(crate) fn plain_length(&self) -> usize {
        self.payload.len()
    }

    /// Returns how the held blocks are to be encrypted.
    pub(crate) fn encryption(&self) -> Option<&Encryption> {
        self.encryption.as_deref()
    }

    /// Returns true when a block of `length` bytes for `codec` and `encryption` can join the held ones.
    pub(crate) fn has_room(
        &self,
        length: usize,
        codec: Codec,
        encryption: Option<&Arc<Encryption>>,
    ) -> bool {
        self.lengths.is_empty()
            || (codec == self.codec
                && encryption == self.encryption.as_ref()
                && self.plain_length() + length <= self.size_max
                && self.lengths.len() < FRAME_BLOCKS_MAX as usize)
    }

    /// Returns true when no block can join any more.
    pub(crate) fn is_full(&self) -> bool {
        !self.has_room(1, self.codec, self.encryption.as_ref())
    }

    /// Adds a block, for which there is room.
    pub(crate) fn push(
        &mut self,
        block: Bytes,
        codec: Codec,
        encryption: Option<&Arc<Encryption>>,
    ) {
        debug_assert!(self.has_room(block.len(), codec, encryption));
        self.codec = codec;
        if self.lengths.is_empty() {
            self.encryption = encryption.cloned();
        }
        self.lengths.push(length_u32(block.len()));
        if self.lengths.len() == 1 {
            self.payload = Payload::Shared(block);
            return;
        }
        if let Payload::Shared(first) = &self.payload {
            let mut blocks = Buffer::with_capacity(self.size_max + TAG_BYTES);
            blocks.extend_from_slice(first);
            self.payload = Payload::Own(blocks);
        }
        if let Payload::Own(blocks) = &mut self.payload {
            blocks.extend_from_slice(&block);
        }
    }

    /// Takes the held blocks; `None` when there are none.
    pub(crate) fn take(&mut self) -> Option<PlainFrame> {
        if self.lengths.is_empty() {
            return None;
        }
        let payload = std::mem::replace(&mut self.payload, Payload::Shared(Bytes::new()));
        Some(PlainFrame {
            codec: self.codec,
            encryption: self.encryption.take(),
            lengths: std::mem::take(&mut self.lengths),
            payload,
        })
    }
}

/// The blocks of one frame.
pub(crate) struct PlainFrame {
    pub(super) codec: Codec,
    pub(crate) encryption: Option<Arc<Encryption>>,
    pub(super) lengths: Vec<u32>,
    pub(super) payload: Payload,
}

impl PlainFrame {
    /// Returns the codec that is to be tried.
    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// Returns how many bytes the blocks have together.
    pub(crate) fn plain_length(&self) -> usize {
        self.payload.len()
    }

    /// Returns how many blocks there are.
    pub(crate) fn block_count(&self) -> u32 {
        length_u32(self.lengths.len())
    }

    /// Stores the blocks as they are.
    pub(crate) fn store(&mut self) {
        self.codec = Codec::Stored;
    }

    /// Returns how much memory they take.
    pub(crate) fn footprint(&self) -> usize {
        self.payload.len() + 4 * self.lengths.len()
    }

    /// Returns how long the body of their frame is at most.
    pub(crate) fn body_length_max(&self) -> u64 {
        let own = AT_REST_SEAL_BYTES.into();
        let seal = self.encryption.as_deref().map_or(own, Preamble::seal_bytes);
        (self.footprint() + seal) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encryption::{EncryptionKey, KeyAssociatedData};

    #[test]
    fn blocks_for_another_codec_have_a_frame_of_their_own() {
        let mut builder = FrameBuilder::new(100);
        builder.push(Bytes::from_static(b"0123456789"), Codec::Zstd, None);
        assert!(builder.has_room(10, Codec::Zstd, None));
        assert!(!builder.has_room(10, Codec::Lz4, None));
    }

    #[test]
    fn blocks_under_another_key_have_a_frame_of_their_own() {
        let encryption = |byte, told: &[u8]| {
            Some(Arc::new(Encryption {
                key: EncryptionKey::new(&[byte; 32]),
                data: KeyAssociatedData {
                    unauthenticated: told.to_vec(),
                    ..KeyAssociatedData::default()
                },
                forbid_raw_reading: false,
            }))
        };
        let mut builder = FrameBuilder::new(100);
        let first = encryption(1, b"a");
        builder.push(Bytes::from_static(b"01"), Codec::Zstd, first.as_ref());
        let room =
            |other: Option<Arc<Encryption>>| builder.has_room(1, Codec::Zstd, other.as_ref());
        assert!(room(encryption(1, b"a")));
        assert!(!room(encryption(2, b"a")));
        assert!(!room(encryption(1, b"b")));
        assert!(!room(None));
    }

    #[test]
    fn a_large_block_has_its_own_frame_and_small_ones_are_counted() {
        let mut builder = FrameBuilder::new(100);
        builder.push(Bytes::from(vec![1; 5000]), Codec::Zstd, None);
        assert!(builder.is_full());
        builder.take();
        let mut builder = FrameBuilder::new(usize::MAX);
        for _ in 0..FRAME_BLOCKS_MAX {
            assert!(builder.has_room(1, Codec::Stored, None));
            builder.lengths.push(1);
        }
        assert!(!builder.has_room(1, Codec::Stored, None));
    }
}
