//! A codec with nothing around it, for measuring what a core allows.

use bytes::Bytes;

use super::{Codec, Decoder, Encoder, Outcome, Prober};

/// Compresses and decompresses as a cartridge does its frames, one after the other. What shrinks by
/// less than 3 percent stays as it is, and after several such frames not every one is tried.
#[derive(Default)]
pub struct CodecAlone {
    prober: Prober,
    encoder: Encoder,
    decoder: Decoder,
}

impl CodecAlone {
    /// Returns `plain` compressed, or `None` when it is better stored as it is.
    pub fn compress(&mut self, codec: Codec, plain: &[u8]) -> Option<Bytes> {
        if !self.prober.decide(codec) {
            self.prober.note(Outcome::NotTried);
            return None;
        }
        let encoded = self.encoder.encode(codec, plain);
        self.prober.note(match encoded {
            Some(_) => Outcome::Shrank(codec),
            None => Outcome::DidNotShrink(codec),
        });
        encoded.map(|encoded| {
            let length = encoded.as_slice().len();
            encoded.freeze(0..length)
        })
    }

    /// Decompresses `stored` into exactly all of `plain`, and returns whether that worked.
    pub fn decompress(&mut self, codec: Codec, stored: &[u8], plain: &mut [u8]) -> bool {
        self.decoder.decode(codec, stored, plain).is_ok()
    }
}
