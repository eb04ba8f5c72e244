//! What is compared: counts, and a hash over what is on a tape.
//!
//! The hash is SHA-256 over, for a block, 01h, its length (u32, little-endian) and its bytes, for a filemark 02h, and
//! for the beginning of partitions after the first, 03h. So lengths of blocks and the order of everything count, not
//! how it is stored.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Counts, and what the hash became.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Blocks.
    pub blocks: u64,
    /// Filemarks.
    pub filemarks: u64,
    /// Bytes in blocks.
    pub bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Counts and hashes.
#[derive(Clone, Debug, Default)]
pub struct Digester {
    hash: Sha256,
    digest: Digest,
}

impl Digester {
    /// Takes a block.
    pub fn block(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.hash.update([1]);
        self.hash.update(length.to_le_bytes());
        self.hash.update(bytes);
        self.digest.blocks += 1;
        self.digest.bytes += bytes.len() as u64;
    }

    /// Takes a filemark.
    pub fn filemark(&mut self) {
        self.hash.update([2]);
        self.digest.filemarks += 1;
    }

    /// Takes the beginning of a partition after the first.
    pub fn partition(&mut self) {
        self.hash.update([3]);
    }

    /// Returns what became of it.
    pub fn finish(self) -> Digest {
        let hash = self.hash.finalize();
        let mut sha256 = String::new();
        for byte in hash {
            let _ = write!(sha256, "{byte:02x}"); // a string takes everything
        }
        Digest {
            sha256,
            ..self.digest
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_block_ends_counts() {
        let digest = |blocks: &[&[u8]]| {
            let mut digester = Digester::default();
            for block in blocks {
                digester.block(block);
            }
            digester.filemark();
            digester.finish()
        };
        let (one, two) = (digest(&[b"abc"]), digest(&[b"ab", b"c"]));
        assert_eq!((one.bytes, one.filemarks), (two.bytes, two.filemarks));
        assert_ne!(one.sha256, two.sha256);
        // sha256sum of 01 03000000 616263 02
        assert_eq!(
            one.sha256,
            "4da95a9c65a5dca83e91a08f22845b9632873c74d0033441d90a24cbd2bbb472"
        );
    }
}
