//! What one core does: each codec, the cipher and the checksum, alone.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use cartridge::{Codec, CodecAlone};

use crate::cell::Compression;
use crate::data::Pool;

/// What a cartridge compresses at a time, too.
const PIECE_BYTES: usize = 256 << 10;

/// How many bytes went which way in which time.
#[derive(Clone, Copy, Default)]
pub(crate) struct Passed {
    /// How many, uncompressed.
    pub(crate) bytes: u64,
    /// How long it took.
    pub(crate) elapsed: Duration,
}

impl Passed {
    fn add(&mut self, piece: &[u8], since: Instant) {
        self.elapsed += since.elapsed();
        self.bytes += piece.len() as u64;
    }
}

/// Compresses and decompresses all of the pool.
pub(crate) fn compress(compression: Compression, pool: &Pool) -> Result<[Passed; 2]> {
    let codec = match compression {
        Compression::None => Codec::Stored,
        Compression::Lz4 => Codec::Lz4,
        Compression::Zstd => Codec::Zstd,
        Compression::Lzo => Codec::Lzo,
    };
    let mut alone = CodecAlone::default();
    let mut plain = vec![0; PIECE_BYTES];
    let (mut encoding, mut decoding) = (Passed::default(), Passed::default());
    for piece in pool.all().chunks(PIECE_BYTES) {
        let start = Instant::now();
        let encoded = alone.compress(codec, piece);
        encoding.add(piece, start);
        // What does not shrink is stored as it is.
        let Some(encoded) = encoded else { continue };
        let plain = &mut plain[..piece.len()];
        let start = Instant::now();
        let worked = alone.decompress(codec, &encoded, plain);
        decoding.add(piece, start);
        ensure!(worked && plain == piece, "{codec:?} lost something");
    }
    Ok([encoding, decoding])
}

/// Encrypts and decrypts all of the pool.
pub(crate) fn encrypt(pool: &Pool) -> Result<[Passed; 2]> {
    let failed = |_| anyhow!("the cipher failed");
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).map_err(failed)?);
    let nonce = |number: usize| -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&number.to_be_bytes());
        nonce
    };
    let mut buffer = Vec::with_capacity(PIECE_BYTES + 64);
    let (mut encoding, mut decoding) = (Passed::default(), Passed::default());
    for (number, piece) in pool.all().chunks(PIECE_BYTES).enumerate() {
        buffer.clear();
        buffer.extend_from_slice(piece);
        let with = || Nonce::assume_unique_for_key(nonce(number));
        let start = Instant::now();
        key.seal_in_place_append_tag(with(), Aad::empty(), &mut buffer)
            .map_err(failed)?;
        encoding.add(piece, start);
        let start = Instant::now();
        let opened = key
            .open_in_place(with(), Aad::empty(), &mut buffer)
            .map_err(failed)?;
        decoding.add(piece, start);
        ensure!(opened == piece, "the cipher lost something");
    }
    Ok([encoding, decoding])
}

/// Checksums all of the pool.
pub(crate) fn checksum(pool: &Pool) -> Passed {
    let start = Instant::now();
    let pieces = pool.all().chunks(PIECE_BYTES);
    let sum = pieces.fold(0, |sum, piece| sum ^ crc_fast::crc32_iscsi(piece));
    std::hint::black_box(sum);
    let mut passed = Passed::default();
    passed.add(pool.all(), start);
    passed
}
