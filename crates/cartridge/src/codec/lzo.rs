//! An encoder for LZO1X streams.
//!
//! Written from the public description of the stream (Linux, Documentation/staging/lzo.rst); no
//! LZO source was looked at. A stream is a run of instructions. Each copies a match from the output
//! so far and says in its last two bits how many literals (0 to 3) follow; four and more literals
//! have an instruction of their own.
//!
//! ```text
//! first byte 18..=20       1..3 literals           18..=255: 4..238 literals
//! 0000LLLL                 literals: 3 + L, or L = 0: 18 + 255 * zeros + byte
//! 1LLDDDSS / 01LDDDSS HH   match 3..8,  distance 1..2048
//! 001LLLLL DDDDDDSS HH     match 2 + L, or L = 0: 33 + extension; distance 1..16384
//! 0001HLLL DDDDDDSS HH     match 2 + L, or L = 0: 9 + extension;  distance 16385..49151
//! 00010001 00 00           end of stream
//! ```
//!
//! Matches are found greedily through one hash table of four-byte words.

/// Distances up to here have the two-byte instruction.
const NEAR_DISTANCE_MAX: usize = 2048;
/// Distances up to here have the instruction with 14 bits.
const MIDDLE_DISTANCE_MAX: usize = 16384;
/// The farthest that a stream can reach back.
const FAR_DISTANCE_MAX: usize = 49151;
/// The longest match of the two-byte instruction.
const NEAR_LENGTH_MAX: usize = 8;
/// The shortest match that is used. Three bytes would pay only near by.
const MATCH_LENGTH_MIN: usize = 4;
/// Literals that fit into the last two bits of a match.
const TRAILING_LITERALS_MAX: usize = 3;
/// Initial literals that fit into the first byte.
const FIRST_LITERALS_MAX: usize = 238;
const END_OF_STREAM: [u8; 3] = [0x11, 0, 0];

const TABLE_BITS: u32 = 14;
/// After so many misses (a power of two) the search begins to skip.
const SKIP_SHIFT: u32 = 5;

/// A longer stream's memory is not kept for the next.
const STREAM_KEPT_BYTES: usize = 1 << 20;

/// Compresses; keeps its table, and memory for the stream, between frames.
#[derive(Default)]
pub(super) struct Encoder {
    /// Position + 1 of the last word with this hash; 0 is none.
    table: Vec<u32>,
    stream: Vec<u8>,
}

impl Encoder {
    /// Returns `plain` as an LZO1X stream.
    pub(super) fn encode(&mut self, plain: &[u8]) -> &[u8] {
        self.table.clear();
        self.table.resize(1 << TABLE_BITS, 0);
        let mut stream = Stream::in_place_of(std::mem::take(&mut self.stream));
        let mut literals_from = 0;
        let mut at = 0;
        let mut misses = 0usize;
        while at + MATCH_LENGTH_MIN <= plain.len() {
            let Some(from) = self.candidate(plain, at) else {
                misses += 1;
                at += 1 + (misses >> SKIP_SHIFT);
                continue;
            };
            let length = common_length(plain, from, at);
            stream.literals(&plain[literals_from..at]);
            stream.copy(at - from, length);
            at += length;
            literals_from = at;
            misses = 0;
        }
        stream.literals(&plain[literals_from..]);
        self.stream = stream.finish();
        &self.stream
    }

    /// Returns where the word at `at` was seen before, when that is in reach; remembers `at`.
    fn candidate(&mut self, plain: &[u8], at: usize) -> Option<usize> {
        let word = word_at(plain, at);
        let hash = word.wrapping_mul(0x9e37_79b1) >> (32 - TABLE_BITS);
        let slot = &mut self.table[hash as usize];
        // Frames are at most 16 MiB, so positions fit.
        let position = u32::try_from(at + 1).ok()?;
        let from = (std::mem::replace(slot, position) as usize).checked_sub(1)?;
        (at - from <= FAR_DISTANCE_MAX && word_at(plain, from) == word).then_some(from)
    }
}

fn word_at(plain: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([plain[at], plain[at + 1], plain[at + 2], plain[at + 3]])
}

/// Returns how long the data at `from` and `at` agree. They may overlap.
fn common_length(plain: &[u8], from: usize, at: usize) -> usize {
    let (earlier, later) = (&plain[from..], &plain[at..]);
    let mut length = 0;
    for (a, b) in earlier.chunks_exact(8).zip(later.chunks_exact(8)) {
        if a != b {
            break;
        }
        length += 8;
    }
    let rest = earlier[length..].iter().zip(&later[length..]);
    length + rest.take_while(|(a, b)| a == b).count()
}

/// The instructions written so far.
struct Stream {
    bytes: Vec<u8>,
    /// The byte whose last two bits count the literals after a match; `None` before the first match.
    trailing_at: Option<usize>,
}

impl Stream {
    /// Returns an empty one in the memory of another.
    fn in_place_of(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        bytes.shrink_to(STREAM_KEPT_BYTES);
        Self {
            bytes,
            trailing_at: None,
        }
    }

    /// Appends a run of literals, which may be empty. Not twice without a match between.
    fn literals(&mut self, run: &[u8]) {
        match (self.trailing_at, run.len()) {
            (_, 0) => {}
            (Some(at), 1..=TRAILING_LITERALS_MAX) => self.bytes[at] |= low_byte(run.len()),
            (None, 1..=FIRST_LITERALS_MAX) => self.bytes.push(low_byte(17 + run.len())),
            (_, length @ ..=18) => self.bytes.push(low_byte(length - 3)),
            (_, length) => {
                self.bytes.push(0);
                self.extension(length - 18);
            }
        }
        self.bytes.extend_from_slice(run);
    }

    /// Appends a match of `length` bytes from `distance` bytes back.
    fn copy(&mut self, distance: usize, length: usize) {
        debug_assert!(length >= MATCH_LENGTH_MIN && distance <= FAR_DISTANCE_MAX);
        if distance <= NEAR_DISTANCE_MAX && length <= NEAR_LENGTH_MAX {
            let distance = distance - 1;
            self.trailing_at = Some(self.bytes.len());
            self.bytes
                .push(low_byte((length - 1) << 5 | (distance & 7) << 2));
            self.bytes.push(low_byte(distance >> 3));
            return;
        }
        let distance = if distance <= MIDDLE_DISTANCE_MAX {
            self.length(0x20, 31, length);
            distance - 1
        } else {
            let distance = distance - MIDDLE_DISTANCE_MAX;
            self.length(0x10 | low_byte(distance >> 14) << 3, 7, length);
            distance & 0x3fff
        };
        self.trailing_at = Some(self.bytes.len());
        self.bytes.push(low_byte(distance << 2));
        self.bytes.push(low_byte(distance >> 6));
    }

    /// Appends an instruction whose low bits, up to `field_max`, hold the length less two.
    fn length(&mut self, instruction: u8, field_max: usize, length: usize) {
        if length - 2 <= field_max {
            self.bytes.push(instruction | low_byte(length - 2));
        } else {
            self.bytes.push(instruction);
            self.extension(length - 2 - field_max);
        }
    }

    /// Appends what a length field could not hold: a zero for each 255, then 1 to 255.
    fn extension(&mut self, rest: usize) {
        debug_assert!(rest > 0);
        let zeros = (rest - 1) / 255;
        self.bytes.resize(self.bytes.len() + zeros, 0);
        self.bytes.push(low_byte(rest - zeros * 255));
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&END_OF_STREAM);
        self.bytes
    }
}

/// The fields above are composed of bits below 256; what is higher belongs to the next byte.
fn low_byte(value: usize) -> u8 {
    value.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assert_survives(plain: &[u8]) {
        let mut encoder = Encoder::default();
        let stream = encoder.encode(plain);
        let mut decoded = vec![0; plain.len()];
        let length = lzokay::decompress::decompress(stream, &mut decoded);
        assert_eq!(length, Ok(plain.len()), "{} bytes", plain.len());
        assert!(decoded == plain, "{} bytes", plain.len());
    }

    /// Numbers that never repeat within reach.
    fn noise(length: usize) -> Vec<u8> {
        let words = (1u32..).flat_map(|n| {
            n.wrapping_mul(0x9e37_79b1)
                .rotate_left(n % 31)
                .to_le_bytes()
        });
        words.take(length).collect()
    }

    #[test]
    fn the_empty_stream_is_its_end() {
        assert_eq!(Encoder::default().encode(&[]), END_OF_STREAM);
        assert_survives(&[]);
    }

    #[test]
    fn literals_of_every_length_survive() {
        for length in 0..1200 {
            assert_survives(&noise(length));
        }
    }

    #[test]
    fn runs_of_every_length_survive() {
        for length in 0..1200 {
            assert_survives(&vec![7; length]);
        }
    }

    #[test]
    fn matches_at_the_edge_of_every_distance_and_length_survive() {
        let edges = [
            4, 5, 7, 8, 9, 2047, 2048, 2049, 2050, 16383, 16384, 16385, 16386, 32767, 32768, 32769,
            49150, 49151, 49152, 49153,
        ];
        for distance in edges {
            for length in [4, 5, 8, 9, 10, 33, 34, 264, 265, 288, 289, 544] {
                for trailing in [0, 1, 2, 3, 4, 18, 19] {
                    let mut plain = noise(distance);
                    let repeat: Vec<u8> = (0..length).map(|n| plain[n % distance]).collect();
                    plain.extend_from_slice(&repeat);
                    plain.extend(noise(distance + 400).into_iter().rev().take(trailing));
                    assert_survives(&plain);
                }
            }
        }
    }

    #[test]
    fn text_shrinks() {
        let plain = include_bytes!("lzo.rs");
        let mut encoder = Encoder::default();
        let stream = encoder.encode(plain);
        assert!(stream.len() * 10 < plain.len() * 6, "{}", stream.len());
        assert_survives(plain);
    }

    proptest! {
        #[test]
        fn anything_survives(plain in proptest::collection::vec(any::<u8>(), 0..3000)) {
            assert_survives(&plain);
        }

        #[test]
        fn anything_repetitive_survives(
            pieces in proptest::collection::vec((0usize..40_000, 1usize..700), 0..60),
        ) {
            let source = noise(41_000);
            let mut plain = Vec::new();
            for (from, length) in pieces {
                plain.extend_from_slice(&source[from..from + length]);
            }
            assert_survives(&plain);
        }
    }
}
