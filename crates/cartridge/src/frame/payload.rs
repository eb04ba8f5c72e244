//! The bytes of a frame's blocks, and whose memory they are in.

use std::ops::Deref;

use bytes::Bytes;

use crate::buffer::Buffer;
use crate::encryption::TAG_BYTES;

/// The bytes of blocks.
pub(crate) enum Payload {
    /// Somebody else's too, and kept without a copy: no block, or one.
    Shared(Bytes),
    /// Gathered or compressed.
    Own(Buffer),
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Own(bytes) => bytes.as_slice(),
        }
    }
}

impl Payload {
    /// Returns `table` and the payload in a buffer with room for a tag: without a copy where there is one
    /// already.
    pub(super) fn into_buffer(self, table: &[u8]) -> Buffer {
        match self {
            Self::Own(bytes) if table.is_empty() && bytes.spare_capacity() >= TAG_BYTES => bytes,
            payload => {
                let length = table.len() + payload.len();
                let mut bytes = Buffer::with_capacity(length + TAG_BYTES);
                bytes.extend_from_slice(table);
                bytes.extend_from_slice(&payload);
                bytes
            }
        }
    }
}
