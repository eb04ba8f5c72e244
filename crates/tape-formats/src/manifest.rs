//! Plain files: each of the files of a tape, which filemarks separate, as one file, and a manifest with
//! what the files do not say.
//!
//! `manifest.json` beside them:
//!
//! ```json
//! { "capstan_files": 1, "barcode": "CAP001L5", "partition": 0,
//!   "files": [ { "name": "file000000", "blocks": [[65536, 2], [1000, 1]], "filemark": true } ] }
//! ```
//!
//! `blocks` are runs: two blocks of 65536 bytes, then one of 1000. `filemark` says whether one follows;
//! it is false at most for the last. Two filemarks in a row are an empty file.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{BLOCK_BYTES_MAX, Error};

/// The name of the manifest's file.
pub const MANIFEST_NAME: &str = "manifest.json";

/// The largest manifest that is read.
pub const MANIFEST_BYTES_MAX: u64 = 256 << 20;

/// What goes with plain files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the manifest: 1.
    pub capstan_files: u32,
    /// The barcode of the cartridge.
    pub barcode: String,
    /// The partition that the files are of.
    pub partition: u8,
    /// The files in the order of the tape.
    pub files: Vec<TapeFile>,
}

/// One file of a tape.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TapeFile {
    /// The name of the file with the bytes, beside the manifest.
    pub name: String,
    /// Lengths of blocks and how many of this length follow each other.
    pub blocks: Vec<(u32, u64)>,
    /// Whether a filemark follows.
    pub filemark: bool,
}

impl TapeFile {
    /// Counts a block of `length` bytes.
    pub fn push(&mut self, length: u32) {
        match self.blocks.last_mut() {
            Some((last, count)) if *last == length => *count += 1,
            _ => self.blocks.push((length, 1)),
        }
    }

    /// Returns how many bytes the file has; `None` when that is no number.
    pub fn bytes(&self) -> Option<u64> {
        let lengths = self.blocks.iter();
        lengths
            .map(|(length, count)| u64::from(*length).checked_mul(*count))
            .try_fold(0_u64, |sum, bytes| sum.checked_add(bytes?))
    }

    /// Returns the lengths of the blocks, one after another.
    pub fn lengths(&self) -> impl Iterator<Item = u32> + '_ {
        let runs = self.blocks.iter();
        runs.flat_map(|(length, count)| (0..*count).map(|_| *length))
    }
}

impl Manifest {
    /// The version that we write and read.
    pub const VERSION: u32 = 1;

    /// Reads a manifest. Names that lead out of its directory are refused.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let refused = |line, reason| Err(Error::Text { line, reason });
        let manifest: Self = match serde_json::from_slice(text) {
            Ok(manifest) => manifest,
            Err(error) => return refused(error.line(), error.to_string()),
        };
        if manifest.capstan_files != Self::VERSION {
            return refused(1, format!("version {} is unknown", manifest.capstan_files));
        }
        for (number, file) in manifest.files.iter().enumerate() {
            let name = &file.name;
            let is_plain = Path::new(name)
                .file_name()
                .is_some_and(|it| it == name.as_str());
            if !is_plain || name == MANIFEST_NAME || name.bytes().any(|it| it == 0) {
                return refused(1, format!("file {number}: {name:?} cannot be its name"));
            }
            let is_block =
                |(length, count): &(u32, u64)| (1..=BLOCK_BYTES_MAX).contains(length) && *count > 0;
            if !file.blocks.iter().all(is_block) || file.bytes().is_none() {
                return refused(1, format!("{name}: blocks of 1 to {BLOCK_BYTES_MAX} bytes"));
            }
            if !file.filemark && number + 1 != manifest.files.len() {
                return refused(
                    1,
                    format!("{name}: a filemark is missing before the next file"),
                );
            }
        }
        Ok(manifest)
    }

    /// Returns the text of the manifest.
    pub fn emit(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("numbers and texts are JSON");
        text.push('\n');
        text
    }
}
