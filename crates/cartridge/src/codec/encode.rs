//! Compression, and the decision that it does not pay.

use super::{Codec, lzo};
use crate::limits::{INCOMPRESSIBLE_FRAMES_BEFORE_PROBING, PROBE_INTERVAL_FRAMES};

/// The level of zstd: level 3 costs 20 to 40 % more time for 6 % less space.
const ZSTD_LEVEL: i32 = 1;

/// Compresses frames one after the other. After several that did not shrink it only tries one in
/// [`PROBE_INTERVAL_FRAMES`], so that data compressed already passes at the speed of copying.
#[derive(Default)]
pub(crate) struct Encoder {
    zstd: Option<zstd::bulk::Compressor<'static>>,
    lzo: lzo::Encoder,
    last: Option<Codec>,
    incompressible_frames: u32,
}

impl Encoder {
    /// Returns `plain` compressed with `codec`, or `None` when it is better stored as it is.
    pub(crate) fn encode(&mut self, codec: Codec, plain: &[u8]) -> Option<Vec<u8>> {
        if self.last != Some(codec) {
            self.last = Some(codec);
            self.incompressible_frames = 0;
        }
        if codec == Codec::Stored || !self.worth_trying() {
            return None;
        }
        let encoded = match codec {
            Codec::Stored => None,
            Codec::Lz4 => Some(lz4_flex::block::compress(plain)),
            Codec::Zstd => self.zstd(plain),
            Codec::Lzo => Some(self.lzo.encode(plain)),
        };
        let encoded = encoded.filter(|encoded| shrinks(plain.len(), encoded.len()));
        if encoded.is_some() {
            self.incompressible_frames = 0;
        } else {
            self.incompressible_frames = self.incompressible_frames.saturating_add(1);
        }
        encoded
    }

    fn worth_trying(&mut self) -> bool {
        let Some(over) = self
            .incompressible_frames
            .checked_sub(INCOMPRESSIBLE_FRAMES_BEFORE_PROBING)
        else {
            return true;
        };
        let probe = over % PROBE_INTERVAL_FRAMES == PROBE_INTERVAL_FRAMES - 1;
        if !probe {
            self.incompressible_frames = self.incompressible_frames.saturating_add(1);
        }
        probe
    }

    fn zstd(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        if self.zstd.is_none() {
            // Fails only when there is no memory; the frame is then stored as it is.
            self.zstd = zstd::bulk::Compressor::new(ZSTD_LEVEL).ok();
        }
        let mut encoded = Vec::with_capacity(zstd::zstd_safe::compress_bound(plain.len()));
        self.zstd
            .as_mut()?
            .compress_to_buffer(plain, &mut encoded)
            .ok()?;
        Some(encoded)
    }
}

/// Returns true when compression saves at least 3 percent: less is not worth decoding.
fn shrinks(plain_length: usize, encoded_length: usize) -> bool {
    encoded_length as u64 * 100 <= plain_length as u64 * 97
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Environment as _, SeededEnvironment};

    fn noise(length: usize, seed: u64) -> Vec<u8> {
        let random = SeededEnvironment::new(seed);
        let bytes = std::iter::repeat_with(|| random.new_uuid().into_bytes());
        bytes.flatten().take(length).collect()
    }

    #[test]
    fn what_does_not_shrink_by_three_percent_is_stored() {
        assert!(shrinks(100, 97));
        assert!(!shrinks(100, 98));
        assert!(!shrinks(0, 1));
        for codec in Codec::ALL {
            assert_eq!(Encoder::default().encode(codec, &noise(10_000, 1)), None);
        }
        for codec in [Codec::Lz4, Codec::Zstd, Codec::Lzo] {
            assert!(Encoder::default().encode(codec, &[0; 10_000]).is_some());
        }
    }

    #[test]
    fn after_incompressible_frames_one_in_sixteen_is_tried() {
        let mut encoder = Encoder::default();
        let (noise, zeros) = (noise(1000, 2), [0; 1000]);
        for _ in 0..INCOMPRESSIBLE_FRAMES_BEFORE_PROBING {
            assert_eq!(encoder.encode(Codec::Zstd, &noise), None);
        }
        for _ in 0..PROBE_INTERVAL_FRAMES - 1 {
            assert_eq!(encoder.encode(Codec::Zstd, &zeros), None);
        }
        // The probe shrinks, and from then on every frame is tried again.
        assert!(encoder.encode(Codec::Zstd, &zeros).is_some());
        assert!(encoder.encode(Codec::Zstd, &zeros).is_some());
    }

    #[test]
    fn another_codec_is_tried_at_once() {
        let mut encoder = Encoder::default();
        for _ in 0..20 {
            assert_eq!(encoder.encode(Codec::Zstd, &noise(1000, 3)), None);
        }
        assert!(encoder.encode(Codec::Lz4, &[0; 1000]).is_some());
    }
}
