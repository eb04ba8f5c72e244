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
    /// Decompresses `stored` into exactly all of `plain`. After an error that holds anything.
    pub(crate) fn decode(
        &mut self,
        codec: Codec,
        stored: &[u8],
        plain: &mut [u8],
    ) -> Result<(), DecodeError> {
        let plain_length = plain.len();
        let length = match codec {
            Codec::Stored => (stored.len() == plain_length).then(|| {
                plain.copy_from_slice(stored);
                plain_length
            }),
            Codec::Lz4 => lz4_flex::block::decompress_into(stored, plain).ok(),
            Codec::Zstd => self.zstd(stored, plain),
            Codec::Lzo => lzokay::decompress::decompress(stored, plain).ok(),
        };
        if length == Some(plain_length) {
            Ok(())
        } else {
            Err(DecodeError {
                codec,
                plain_length,
            })
        }
    }

    fn zstd(&mut self, stored: &[u8], plain: &mut [u8]) -> Option<usize> {
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

    fn decoded(
        decoder: &mut Decoder,
        codec: Codec,
        stored: &[u8],
        length: usize,
    ) -> Result<Vec<u8>, DecodeError> {
        let mut plain = vec![0xa5; length];
        decoder.decode(codec, stored, &mut plain).map(|()| plain)
    }

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
                    Some(stored) => (codec, stored.as_slice().to_vec()),
                    None => (Codec::Stored, plain.clone()),
                };
                assert_eq!(decoded(&mut decoder, used, &stored, length).unwrap(), plain);
                decoded(&mut decoder, used, &stored, length + 1).unwrap_err();
                if length > 0 {
                    decoded(&mut decoder, used, &stored, length - 1).unwrap_err();
                }
            }
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic_nor_pass_for_another_length(
            stored in proptest::collection::vec(any::<u8>(), 0..400),
            plain_length in 0usize..70_000,
        ) {
            let mut decoder = Decoder::default();
            for codec in Codec::ALL {
                let plain = decoded(&mut decoder, codec, &stored, plain_length);
                let longer = decoded(&mut decoder, codec, &stored, plain_length + 1);
                prop_assert!(plain.is_err() || longer.is_err());
            }
        }

        #[test]
        fn damaged_streams_never_panic_nor_pass_for_another_length(
            at in any::<prop::sample::Index>(),
            value in any::<u8>(),
            length in 1usize..20_000,
        ) {
            let mut decoder = Decoder::default();
            for codec in [Codec::Lz4, Codec::Zstd, Codec::Lzo] {
                let Some(mut stored) = Encoder::default().encode(codec, &text(length)).map(|it| it.as_slice().to_vec()) else {
                    continue;
                };
                let at = at.index(stored.len());
                stored[at] = value;
                let plain = decoded(&mut decoder, codec, &stored, length);
                let longer = decoded(&mut decoder, codec, &stored, length + 1);
                prop_assert!(plain.is_err() || longer.is_err());
            }
        }
    }
}
