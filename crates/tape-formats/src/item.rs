//! What is on a tape, whoever keeps it.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::Error;

/// One thing on a tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A block.
    Block(Block),
    /// A filemark.
    Filemark,
}

/// A block as somebody else has kept it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its bytes: 1 to [`crate::BLOCK_BYTES_MAX`].
    pub bytes: Vec<u8>,
    /// The image says that the block was read with an error: its bytes may be wrong.
    pub is_bad: bool,
    /// The key that it was written under, when the image has that beside plain bytes.
    pub key: Option<Arc<Key>>,
}

impl Block {
    /// Returns a good block that has no key.
    pub fn plain(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            is_bad: false,
            key: None,
        }
    }
}

/// A key that lies beside a block, with what the host told with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// The key. Wiped with the last copy, and never printed.
    pub key: Zeroizing<Vec<u8>>,
    /// U-KAD.
    pub unauthenticated: Vec<u8>,
    /// A-KAD.
    pub authenticated: Vec<u8>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

/// A tape that is read from its beginning to its end.
pub trait TapeReader {
    /// Reads the next item, `None` at the end. Not asked again after that, nor after an error.
    fn read_item(&mut self) -> Result<Option<Item>, Error>;

    /// Returns where the reader keeps that nothing more comes.
    fn has_ended(&mut self) -> &mut bool;

    /// Returns the next item, `None` at the end. After an error there is nothing more to come.
    fn next_item(&mut self) -> Result<Option<Item>, Error> {
        if *self.has_ended() {
            return Ok(None);
        }
        let item = self.read_item();
        *self.has_ended() = !matches!(item, Ok(Some(_)));
        item
    }

    /// Returns how many bytes of the file were read, for whoever waits.
    fn bytes_read(&self) -> u64;

    /// Returns what a person should know about what was read so far, in words.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }
}
