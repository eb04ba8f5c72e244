//! Decompression, bounded by the length that the frame's header promises.

use super::Codec;

/// Why a frame cannot be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{codec:?} data does not decompress to {plain_length} bytes")]
pub(crate) struct DecodeError {
    codec: Codec,
    plain_length: usize,
}

/// Decompresses frames. Keeps zstd's context, which is dear to make.
#[derive(Default)]
pub(crate) struct Decoder {
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl Decoder {
    /// Decompresses `stored` into exactly `plain_length` bytes. Allocates no more than that.
    pub(crate) fn decode(
        &mut self,
        codec: Codec,
        stored: &[u8],
        plain_length: usize,
    ) -> Result<Vec<u8>, DecodeError> {
        let mut plain = Vec::new();
        let length = match codec {
            Codec::Stored => (stored.len() == plain_length).then(|| {
                plain.extend_from_slice(stored);
                plain_length
            }),
            Codec::Lz4 => {
                plain.resize(plain_length, 0);
                lz4_flex::block::decompress_into(stored, &mut plain).ok()
            }
            Codec::Zstd => {
                plain.reserve_exact(plain_length);
                self.zstd(stored, &mut plain)
            }
            Codec::Lzo => {
                plain.resize(plain_length, 0);
                lzokay::decompress::decompress(stored, &mut plain).ok()
            }
        };
        if length == Some(plain_length) && plain.len() == plain_length {
            Ok(plain)
        } else {
            Err(DecodeError {
                codec,
                plain_length,
            })
        }
    }

    fn zstd(&mut self, stored: &[u8], plain: &mut Vec<u8>) -> Option<usize> {
        if self.zstd.is_none() {
            self.zstd = zstd::bulk::Decompressor::new().ok();
        }
        self.zstd.as_mut()?.decompress_to_buffer(stored, plain).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Encoder;
    use proptest::prelude::*;

    /// Something compressible of any length, with repeats near and far.
    fn text(length: usize) -> Vec<u8> {
        (0..length)
            .map(|n| b"the quick brown fox jumps over the lazy dog"[(n * n / 77) % 43])
            .collect()
    }

    #[test]
    fn every_codec_gives_back_what_it_took() {
        let mut decoder = Decoder::default();
        for codec in Codec::ALL {
            for length in [0, 1, 2, 3, 4, 5, 17, 18, 238, 239, 4096, 65536, 300_000] {
                let plain = text(length);
                let mut encoder = Encoder::default();
                let (used, stored) = match encoder.encode(codec, &plain) {
                    Some(stored) => (codec, stored),
                    None => (Codec::Stored, plain.clone()),
                };
                assert_eq!(decoder.decode(used, &stored, length).unwrap(), plain);
                decoder.decode(used, &stored, length + 1).unwrap_err();
                if length > 0 {
                    decoder.decode(used, &stored, length - 1).unwrap_err();
                }
            }
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic_nor_give_another_length(
            stored in proptest::collection::vec(any::<u8>(), 0..400),
            plain_length in 0usize..70_000,
        ) {
            let mut decoder = Decoder::default();
            for codec in Codec::ALL {
                if let Ok(plain) = decoder.decode(codec, &stored, plain_length) {
                    prop_assert_eq!(plain.len(), plain_length);
                }
            }
        }

        #[test]
        fn damaged_streams_never_panic_nor_give_another_length(
            at in any::<prop::sample::Index>(),
            value in any::<u8>(),
            length in 1usize..20_000,
        ) {
            let mut decoder = Decoder::default();
            for codec in [Codec::Lz4, Codec::Zstd, Codec::Lzo] {
                let Some(mut stored) = Encoder::default().encode(codec, &text(length)) else {
                    continue;
                };
                let at = at.index(stored.len());
                stored[at] = value;
                if let Ok(plain) = decoder.decode(codec, &stored, length) {
                    prop_assert_eq!(plain.len(), length);
                }
            }
        }
    }
}
