//! Data encryption status and next block encryption status, pages 0020h and 0021h of SECURITY PROTOCOL
//! IN (SSC-5 §8.5.2.7, §8.5.2.8).

use super::key_data::{Authenticated, KeyData};
use super::protocol_in::{NEXT_BLOCK, STATUS};
use super::{ALGORITHM_INDEX, CheckExternal, DecryptionMode, EncryptionMode, Scope, page};

/// Page 0020h: the data encryption parameters of a nexus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataEncryptionStatus {
    /// I_T NEXUS SCOPE: what the nexus itself has asked for.
    pub nexus_scope: Scope,
    /// KEY SCOPE: with which scope the parameters that it has were set.
    pub key_scope: Scope,
    /// ENCRYPTION MODE.
    pub encryption: EncryptionMode,
    /// DECRYPTION MODE.
    pub decryption: DecryptionMode,
    /// KEY INSTANCE COUNTER.
    pub key_instance: u32,
    /// VCELB: the volume contains encrypted blocks.
    pub volume_has_encrypted_blocks: bool,
    /// CEEMS.
    pub check_external: CheckExternal,
    /// RDMD: blocks are marked as not to be read raw.
    pub forbid_raw_reading: bool,
    /// What the application told with the key.
    pub key_data: KeyData,
}

impl DataEncryptionStatus {
    /// Returns the page.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body = vec![0; 20];
        body[0] = (self.nexus_scope as u8) << 5 | self.key_scope as u8;
        body[1] = self.encryption as u8;
        body[2] = self.decryption as u8;
        let disabled = self.encryption == EncryptionMode::Disable
            && self.decryption == DecryptionMode::Disable;
        body[3] = if disabled { 0 } else { ALGORITHM_INDEX };
        body[4..8].copy_from_slice(&self.key_instance.to_be_bytes());
        body[8] = NO_EXTERNAL_CONTROL
            | u8::from(self.volume_has_encrypted_blocks) << 3
            | (self.check_external as u8) << 1
            | u8::from(self.forbid_raw_reading);
        body[9] = self.key_data.format;
        body.extend(self.key_data.to_bytes(Authenticated::NotTried));
        page(STATUS, &body)
    }
}

/// PARAMETERS CONTROL 001b: nothing but this protocol controls the parameters.
const NO_EXTERNAL_CONTROL: u8 = 0x10;

/// Page 0021h: how the block at the position is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextBlockStatus {
    /// LOGICAL OBJECT NUMBER: the position.
    pub object: u64,
    /// What lies there.
    pub block: NextBlock,
}

/// ENCRYPTION STATUS (SSC-5 table 173), with what goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextBlock {
    /// 0h: there is no volume, or one that takes no encrypted blocks.
    Incapable,
    /// 1h: not known now: the end of data, or a block that cannot be read.
    Unknown,
    /// 2h: not a logical block.
    NotABlock,
    /// 3h: not encrypted.
    Plain,
    /// 5h or 6h: encrypted.
    Encrypted {
        /// 5h: and the drive has the key and may decrypt.
        readable: bool,
        /// RDMDS.
        forbid_raw_reading: bool,
        /// What the application told with the key.
        key_data: KeyData,
    },
}

impl NextBlockStatus {
    /// Returns the page. COMPRESSION STATUS is 0h, not determined, as in LTO drives.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body = vec![0; 12];
        body[..8].copy_from_slice(&self.object.to_be_bytes());
        match &self.block {
            NextBlock::Incapable => {}
            NextBlock::Unknown => body[8] = 0x1,
            NextBlock::NotABlock => body[8] = 0x2,
            NextBlock::Plain => body[8] = 0x3,
            NextBlock::Encrypted {
                readable,
                forbid_raw_reading,
                key_data,
            } => {
                body[8] = if *readable { 0x5 } else { 0x6 };
                body[9] = ALGORITHM_INDEX;
                body[10] = u8::from(*forbid_raw_reading); // EMES is zero: no block is external
                body[11] = key_data.format;
                let authenticated = if *readable {
                    Authenticated::Good
                } else {
                    Authenticated::NotTried
                };
                body.extend(key_data.to_bytes(authenticated));
            }
        }
        page(NEXT_BLOCK, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_data() -> KeyData {
        KeyData {
            unauthenticated: Some(b"k".to_vec()),
            authenticated: Some(b"a".to_vec()),
            format: 2,
        }
    }

    #[test]
    fn status_of_encryption_for_all_and_of_none() {
        let status = DataEncryptionStatus {
            nexus_scope: Scope::AllNexuses,
            key_scope: Scope::AllNexuses,
            encryption: EncryptionMode::Encrypt,
            decryption: DecryptionMode::Mixed,
            key_instance: 0x0102_0304,
            volume_has_encrypted_blocks: true,
            check_external: CheckExternal::Unchecked,
            forbid_raw_reading: true,
            key_data: key_data(),
        };
        let page = status.to_bytes();
        assert_eq!(
            page[..16],
            [0, 0x20, 0, 30, 0x42, 2, 3, 1, 1, 2, 3, 4, 0x1b, 2, 0, 0]
        );
        assert_eq!(page[16..24], [0; 8]);
        assert_eq!(page[24..], *b"\x00\x01\x00\x01k\x01\x02\x00\x01a");
        let none = DataEncryptionStatus {
            nexus_scope: Scope::Local,
            key_scope: Scope::Local,
            encryption: EncryptionMode::Disable,
            decryption: DecryptionMode::Disable,
            volume_has_encrypted_blocks: false,
            check_external: CheckExternal::Unspecified,
            forbid_raw_reading: false,
            key_data: KeyData::default(),
            ..status
        };
        let page = none.to_bytes();
        assert_eq!(page[..8], [0, 0x20, 0, 20, 0x21, 0, 0, 0]);
        assert_eq!(page[12], 0x10);
        assert_eq!(page.len(), 24);
    }

    #[test]
    fn next_block_in_every_state() {
        let bytes = |block| NextBlockStatus { object: 258, block }.to_bytes();
        for (block, status) in [
            (NextBlock::Incapable, 0),
            (NextBlock::Unknown, 1),
            (NextBlock::NotABlock, 2),
            (NextBlock::Plain, 3),
        ] {
            let page = bytes(block);
            assert_eq!(
                page,
                [0, 0x21, 0, 12, 0, 0, 0, 0, 0, 0, 1, 2, status, 0, 0, 0]
            );
        }
        for (readable, status, known) in [(true, 5, 3), (false, 6, 2)] {
            let page = bytes(NextBlock::Encrypted {
                readable,
                forbid_raw_reading: true,
                key_data: key_data(),
            });
            assert_eq!(page[2..4], [0, 22]);
            assert_eq!(page[12..16], [status, 1, 1, 2]);
            assert_eq!(page[16..], [0, 1, 0, 1, b'k', 1, known, 0, 1, b'a']);
        }
    }
}
