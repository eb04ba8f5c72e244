//! CRC32C digests (RFC 7143 §13.1, RFC 3720 appendix B.4).

use crc_fast::{CrcAlgorithm, crc32_iscsi};

/// The length of a digest.
pub const DIGEST_LENGTH: usize = 4;

/// Returns the digest of `bytes` as it stands on the wire.
///
/// The CRC is sent with its bytes in the order in which a reflected CRC is stored, least significant
/// first, unlike every other number of the protocol.
pub fn digest(bytes: &[u8]) -> [u8; DIGEST_LENGTH] {
    crc32_iscsi(bytes).to_le_bytes()
}

/// A digest over bytes that arrive in pieces.
#[derive(Debug)]
pub struct RunningDigest(crc_fast::Digest);

impl RunningDigest {
    /// Returns the digest of no bytes.
    pub fn new() -> Self {
        Self(crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi))
    }

    /// Takes in the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest and starts again with no bytes.
    pub fn finish(&mut self) -> [u8; DIGEST_LENGTH] {
        let crc = self.0.finalize_reset();
        #[allow(clippy::cast_possible_truncation)] // a CRC of 32 bits in a u64
        let crc = crc as u32;
        crc.to_le_bytes()
    }
}

impl Default for RunningDigest {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_rfc_3720_appendix_b_4() {
        assert_eq!(digest(&[0; 32]), [0xaa, 0x36, 0x91, 0x8a]);
        assert_eq!(digest(&[0xff; 32]), [0x43, 0xab, 0xa8, 0x62]);
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(digest(&ascending), [0x4e, 0x79, 0xdd, 0x46]);
    }

    #[test]
    fn pieces_give_the_digest_of_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
        let mut running = RunningDigest::new();
        for piece in bytes.chunks(7) {
            running.update(piece);
        }
        assert_eq!(running.finish(), digest(&bytes));
        running.update(&bytes[..9]);
        assert_eq!(running.finish(), digest(&bytes[..9]), "starts afresh");
    }
}
