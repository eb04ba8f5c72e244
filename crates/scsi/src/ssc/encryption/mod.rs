//! Tape data encryption: SECURITY PROTOCOL IN and OUT (SPC-5 §6.40, §6.41; SSC-5 §4.2.21, §8.5).
//!
//! Protocol 00h tells which protocols there are, protocol 20h is about encryption. Its pages have the
//! extent that LTO drives give them: one algorithm, AES-256-GCM, with keys in plain text, key-associated
//! data of at most 32 and 12 bytes, and nonces that the drive makes itself.
//!
//! - [`protocol_in`]: SECURITY PROTOCOL IN, and the pages that never change.
//! - [`capabilities`], [`status`]: the pages that do.
//! - [`set_data_encryption`]: the page that SECURITY PROTOCOL OUT brings.
//! - [`key_data`]: the descriptors of key-associated data, which several pages have.
//!
//! Raw reading and external encryption, for copying without a key, do not exist: what encrypted blocks
//! look like on the cartridge belongs to their place there.

pub mod capabilities;
pub mod key_data;
pub mod protocol_in;
pub mod set_data_encryption;
pub mod status;

pub use key_data::KeyData;
pub use set_data_encryption::{PlainKey, SetDataEncryption};

use crate::sense::Sense;
use crate::task::Cdb;

/// SECURITY PROTOCOL: which protocols there are.
pub const INFORMATION: u8 = 0x00;
/// SECURITY PROTOCOL: tape data encryption.
pub const TAPE_DATA_ENCRYPTION: u8 = 0x20;

/// The one ALGORITHM INDEX.
pub const ALGORITHM_INDEX: u8 = 1;
/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// The most bytes of U-KAD.
pub const UNAUTHENTICATED_BYTES_MAX: usize = 32;
/// The most bytes of A-KAD.
pub const AUTHENTICATED_BYTES_MAX: usize = 12;

/// What is done with blocks that are written (SSC-5 table 176, ENCRYPTION MODE).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum EncryptionMode {
    /// Nothing.
    #[default]
    Disable = 0,
    /// They are encrypted.
    Encrypt = 2,
}

/// What is done with blocks that are read (SSC-5 table 177, DECRYPTION MODE).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum DecryptionMode {
    /// Encrypted ones are refused.
    #[default]
    Disable = 0,
    /// Encrypted ones are decrypted, others refused.
    Decrypt = 2,
    /// Encrypted ones are decrypted, others read.
    Mixed = 3,
}

/// Whose data encryption parameters (SSC-5 §4.2.21.8, SCOPE).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Scope {
    /// Those that another nexus has set for all, or none.
    #[default]
    Public = 0,
    /// A nexus's own.
    Local = 1,
    /// Those of all nexuses that have none of their own.
    AllNexuses = 2,
}

/// CHECK EXTERNAL ENCRYPTION MODE. Which blocks an application had encrypted cannot be asked for: it is
/// not recorded (EAREM is zero), because there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum CheckExternal {
    /// Vendor specific: not checked.
    #[default]
    Unspecified = 0,
    /// Not checked.
    Unchecked = 1,
}

/// What both commands have: protocol, page and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityProtocol {
    /// SECURITY PROTOCOL.
    pub protocol: u8,
    /// SECURITY PROTOCOL SPECIFIC: a page.
    pub page: u16,
    /// ALLOCATION LENGTH or TRANSFER LENGTH, in bytes.
    pub length: u32,
}

impl SecurityProtocol {
    /// Parses SECURITY PROTOCOL IN or OUT. Lengths in units of 512 bytes (INC_512) make no sense for
    /// pages of a few bytes, and drives refuse them.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let protocol = cdb.byte(1);
        if protocol != INFORMATION && protocol != TAPE_DATA_ENCRYPTION {
            return Err(Sense::invalid_field_in_cdb(1));
        }
        if cdb.bit(4, INC_512) {
            return Err(Sense::invalid_field_in_cdb(4).at_bit(INC_512));
        }
        Ok(Self {
            protocol,
            page: cdb.u16(2),
            length: cdb.u32(6),
        })
    }

    /// Returns the sense for a page that there is not.
    pub const fn invalid_page() -> Sense {
        Sense::invalid_field_in_cdb(2)
    }
}

/// Byte 4.
const INC_512: u8 = 7;

/// Returns a page: its code, the length of what follows, and that.
fn page(code: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("pages of ours are short");
    [&code.to_be_bytes(), &length.to_be_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_protocols_and_lengths_in_512_bytes_are_refused() {
        let parse = |protocol, inc_512| {
            let cdb = [0xa2, protocol, 0x12, 0x34, inc_512, 0, 0, 1, 2, 3, 0, 0];
            SecurityProtocol::parse(&Cdb::new(&cdb))
        };
        assert_eq!(parse(0xef, 0), Err(Sense::invalid_field_in_cdb(1)));
        assert_eq!(
            parse(0x20, 0x80),
            Err(Sense::invalid_field_in_cdb(4).at_bit(7))
        );
        let parsed = parse(0x20, 0).unwrap();
        assert_eq!((parsed.page, parsed.length), (0x1234, 0x01_0203));
    }
}
