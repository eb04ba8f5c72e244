//! Data encryption capabilities, page 0010h of SECURITY PROTOCOL IN (SSC-5 §8.5.2.4).

use super::protocol_in::CAPABILITIES;
use super::{ALGORITHM_INDEX, AUTHENTICATED_BYTES_MAX, KEY_BYTES, UNAUTHENTICATED_BYTES_MAX, page};

/// What the page tells of the cartridge; the rest never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// AVFMV and AVFCLP: `None` without a cartridge, else whether it takes encrypted blocks.
    pub valid_for_volume: Option<bool>,
}

impl Capabilities {
    /// Returns the page.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut body = [0; 40];
        body[0] = NO_EXTERNAL_CONTROL | CONFIGURABLE;
        let algorithm = &mut body[16..];
        algorithm[0] = ALGORITHM_INDEX;
        algorithm[3] = 0x14; // DESCRIPTOR LENGTH
        algorithm[4] = MAC_C | DELB_C | DECRYPT_C | ENCRYPT_C;
        algorithm[5] = NONCE_BY_DRIVE | KADF_C | VCELB_C;
        match self.valid_for_volume {
            Some(true) => {
                algorithm[4] |= AVFMV;
                algorithm[5] |= VALID_HERE;
            }
            Some(false) => algorithm[5] |= NOT_VALID_HERE,
            None => {}
        }
        for (at, length) in [
            (6, UNAUTHENTICATED_BYTES_MAX),
            (8, AUTHENTICATED_BYTES_MAX),
            (10, KEY_BYTES),
        ] {
            let length = u16::try_from(length).expect("lengths of some bytes");
            algorithm[at..at + 2].copy_from_slice(&length.to_be_bytes());
        }
        algorithm[12] = KEY_DATA_ALLOWED | NO_EXTERNAL_MODE | NO_RAW_MODE;
        algorithm[20..].copy_from_slice(&AES_256_GCM.to_be_bytes());
        page(CAPABILITIES, &body)
    }
}

/// EXTDECC 01b: nothing else controls encryption.
const NO_EXTERNAL_CONTROL: u8 = 0x04;
/// CFG_P 01b: parameters can be set.
const CONFIGURABLE: u8 = 0x01;
/// The algorithm is valid for the mounted volume.
const AVFMV: u8 = 0x80;
/// The algorithm has a message authentication code.
const MAC_C: u8 = 0x20;
/// Encrypted blocks are known without trying to decrypt.
const DELB_C: u8 = 0x10;
/// DECRYPT_C 10b, ENCRYPT_C 10b: at full speed, as a drive's hardware does it.
const DECRYPT_C: u8 = 0x08;
const ENCRYPT_C: u8 = 0x02;
/// AVFCLP: whether the algorithm is valid at the logical position.
const VALID_HERE: u8 = 0x80;
const NOT_VALID_HERE: u8 = 0x40;
/// NONCE_C 01b: the drive makes nonces itself.
const NONCE_BY_DRIVE: u8 = 0x10;
/// KAD FORMAT is kept.
const KADF_C: u8 = 0x08;
/// Whether a volume contains encrypted blocks is known.
const VCELB_C: u8 = 0x04;
/// DKAD_C 11b: key-associated data are possible for decryption and not needed.
const KEY_DATA_ALLOWED: u8 = 0xc0;
/// EEMC_C 01b: ENCRYPTION MODE EXTERNAL does not exist.
const NO_EXTERNAL_MODE: u8 = 0x10;
/// RDMC_C 001b: DECRYPTION MODE RAW does not exist.
const NO_RAW_MODE: u8 = 0x02;
/// SECURITY ALGORITHM CODE (SPC-5 table 680): AES-256 in Galois counter mode, with a MAC of 16 bytes.
const AES_256_GCM: u32 = 0x0001_0014;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_algorithm_is_described() {
        let bytes = |valid_for_volume| Capabilities { valid_for_volume }.to_bytes();
        let page = bytes(Some(true));
        assert_eq!(page.len(), 44);
        assert_eq!(page[..5], [0, 0x10, 0, 40, 0x05]);
        assert_eq!(page[5..20], [0; 15]);
        assert_eq!(
            page[20..34],
            [1, 0, 0, 0x14, 0xba, 0x9c, 0, 32, 0, 12, 0, 32, 0xd2, 0]
        );
        assert_eq!(page[40..], [0, 1, 0, 0x14]);
        assert_eq!(bytes(Some(false))[24..26], [0x3a, 0x5c]);
        assert_eq!(bytes(None)[24..26], [0x3a, 0x1c]);
    }
}
