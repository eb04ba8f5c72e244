//! Keys, and what is known of encrypted blocks without them.

use std::sync::Arc;

use super::Cartridge;
use super::decode::FrameFault;
use crate::chain::Chain;
use crate::encryption::{
    AT_REST_SEAL_BYTES, BlockEncryption, Decryption, Encryption, FrameKey, Preamble, SegmentKeys,
};
use crate::error::Error;
use crate::format::EntryKind;
use crate::index;

/// What lies at the position, as far as that is known without a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextBlock {
    /// Nothing.
    EndOfData,
    /// A filemark.
    Filemark,
    /// A block that is not encrypted.
    Plain,
    /// An encrypted block.
    Encrypted(BlockEncryption),
}

impl Cartridge {
    /// Encrypts as `encryption` says from the next block on; with `None` blocks are not encrypted.
    /// Blocks that wait are written as they were accepted first, so that the key before is nowhere
    /// afterwards. Not durable. With an error it is set all the same; the error is that of
    /// the blocks that waited, or tells that `encryption` was refused and nothing is encrypted.
    pub fn set_encryption(&mut self, encryption: Option<Encryption>) -> Result<(), Error> {
        let wanted = encryption
            .map(|it| it.data.check().map(|()| it))
            .transpose();
        let flushed = match self.builder.encryption() {
            before if before == wanted.as_ref().ok().and_then(Option::as_ref) => Ok(()),
            // What is still to be sealed holds the key.
            _ => self.flush().and_then(|()| self.write_pending()),
        };
        let parked = self.parked.iter_mut().filter_map(|it| it.writer.as_mut());
        for writer in parked.chain(&mut self.writer) {
            writer.forget_keys();
        }
        self.encryption = None;
        self.encryption = wanted?.map(Arc::new);
        flushed
    }

    /// Returns how the next block will be encrypted.
    pub fn encryption(&self) -> Option<&Encryption> {
        self.encryption.as_deref()
    }

    /// Reads encrypted blocks as `decryption` says from now on. What was decrypted before is forgotten.
    pub fn set_decryption(&mut self, decryption: Decryption) {
        if self.decryption != decryption {
            self.decryption = decryption;
            self.frame_key = None;
            self.frame = None;
            self.ahead.stop();
        }
    }

    /// Returns whether there are encrypted blocks in any partition.
    pub fn holds_encrypted_blocks(&self) -> bool {
        let parked = self.parked.iter().map(|it| &it.chain);
        parked
            .chain([&self.chain])
            .any(Chain::holds_encrypted_blocks)
    }

    /// Returns what lies at the position and moves nothing. Waits for the disk.
    pub fn next_block(&mut self) -> Result<NextBlock, Error> {
        let object = self.cursor.object;
        let Some(row) = self.chain.row_of_object(object) else {
            return Ok(NextBlock::EndOfData);
        };
        let entry = index::entry_of_object(self.entries(row)?, object).copied();
        let entry = entry.expect("the index of a row covers all its objects");
        match entry.kind {
            EntryKind::Filemarks => return Ok(NextBlock::Filemark),
            EntryKind::Damaged => return Err(self.damaged(row, &entry, "lost with its segment")),
            EntryKind::Data if !entry.is_under_host_key() => return Ok(NextBlock::Plain),
            EntryKind::Data => {}
        }
        let frame = self.fetch_frame(row, &entry)?;
        let Some(preamble) = frame.preamble().and_then(Preamble::parse) else {
            return Err(self.fault(row, &entry, FrameFault::Damaged("no preamble")));
        };
        let key = self.frame_key(row);
        Ok(NextBlock::Encrypted(BlockEncryption {
            key_fits: key.is_some_and(|key| key.fits(&preamble)),
            data: preamble.data,
            forbid_raw_reading: preamble.forbid_raw_reading,
        }))
    }

    /// Returns the key for sealed frames of row `row`; `None` without a key of the host.
    pub(super) fn frame_key(&mut self, row: usize) -> Option<Arc<FrameKey>> {
        let row = &self.chain.rows()[row];
        let (host_key, salt) = (self.decryption.key()?, row.salt?);
        if let Some((segment, key)) = &self.frame_key
            && *segment == row.name
        {
            return Some(Arc::clone(key));
        }
        let keys = SegmentKeys {
            cartridge: self.label.uuid,
            segment: row.name,
            salt,
        };
        let key = Arc::new(FrameKey::derive(host_key, keys));
        self.frame_key = Some((row.name, Arc::clone(&key)));
        Some(key)
    }

    /// How much longer a frame gets when blocks join those that wait.
    pub(super) fn seal_bytes(&self) -> u64 {
        let own = AT_REST_SEAL_BYTES.into();
        let seal = self.encryption.as_deref().map_or(own, Preamble::seal_bytes);
        seal as u64
    }

    /// Returns whether the next block cannot go into the segment that is being written, because that
    /// one was not begun for encrypted blocks.
    pub(super) fn needs_segment_with_salt(&self) -> bool {
        let writer = self.writer.as_ref();
        self.encryption.is_some() && writer.is_some_and(|it| !it.header().takes_host_blocks())
    }
}

impl Decryption {
    /// Returns whether blocks that are not encrypted are refused.
    pub(super) fn refuses_plain_blocks(&self) -> bool {
        matches!(self, Self::Encrypted(_))
    }
}
