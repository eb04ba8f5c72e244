//! A codec with nothing around it, for measuring what a core allows.

use super::{Codec, Decoder, Encoder};

/// Compresses and decompresses as a cartridge does its frames, one after the other. What shrinks by
/// less than 3 percent stays as it is, and after several such frames not every one is tried.
#[derive(Default)]
pub struct CodecAlone {
    encoder: Encoder,
    decoder: Decoder,
}

impl CodecAlone {
    /// Returns `plain` compressed, or `None` when it is better stored as it is.
    pub fn compress(&mut self, codec: Codec, plain: &[u8]) -> Option<Vec<u8>> {
        self.encoder.encode(codec, plain)
    }

    /// Decompresses `stored` into exactly all of `plain`, and returns whether that worked.
    pub fn decompress(&mut self, codec: Codec, stored: &[u8], plain: &mut [u8]) -> bool {
        self.decoder.decode(codec, stored, plain).is_ok()
    }
}
