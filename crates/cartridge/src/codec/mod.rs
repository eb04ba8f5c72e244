//! Compression of frames (docs/cartridge-format.md, "Codecs").
//!
//! A decoder is given the room for the result, which has to fill it exactly. The caller has
//! checked that length against [`crate::limits`] before.

mod alone;
mod decode;
mod encode;
mod lzo;
mod prober;

pub use alone::CodecAlone;
pub(crate) use decode::Decoder;
pub(crate) use encode::Encoder;
pub(crate) use prober::{Outcome, Prober};

/// How blocks are compressed. Recorded with every frame, so codecs mix freely on one cartridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Codec {
    /// Not at all.
    Stored = 0,
    /// LZ4 block format.
    Lz4 = 1,
    /// Zstandard, level 1.
    #[default]
    Zstd = 2,
    /// LZO1X.
    Lzo = 3,
}

impl Codec {
    /// Every codec, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Stored, Self::Lz4, Self::Zstd, Self::Lzo];

    /// Returns the codec with the number `number` on disk.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| *codec as u8 == number)
    }
}
