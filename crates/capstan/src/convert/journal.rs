//! What was imported: `imports.jsonl` in the library's directory, a line of JSON for each cartridge.
//!
//! # Crash
//! A line is durable before its cartridge is in the catalogue, and counts only when that has the identifier. So
//! no line is missing, and one too many does no harm.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tape_library::CartridgeRecord;

use super::digest::Digest;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The cartridge's identifier.
    pub uuid: String,
    /// Where it came from: an absolute path.
    pub source: PathBuf,
    /// What was on it.
    pub digest: Digest,
    /// Whether everything was imported, and not only what came before damage.
    pub is_whole: bool,
}

/// The journal of a library.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    entries: Vec<Entry>,
}

impl Journal {
    /// Reads the journal of the library in `directory`. A last line that is torn is no line.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join("imports.jsonl");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let lines = text.lines();
        let entries = lines.filter_map(|line| serde_json::from_str(line).ok());
        Ok(Self {
            entries: entries.collect(),
            path,
        })
    }

    /// Returns what is known of a cartridge that is in the library.
    pub fn find(&self, record: &CartridgeRecord) -> Option<&Entry> {
        let uuid = record.uuid.to_string();
        self.entries.iter().rev().find(|entry| entry.uuid == uuid)
    }

    /// Adds a line. Durable when it returns.
    pub fn add(&mut self, entry: Entry) -> anyhow::Result<()> {
        let failed = || self.path.display().to_string();
        let is_new = !self.path.exists();
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)
            .with_context(failed)?;
        // A line that an interruption has torn is ended first.
        let line = format!("\n{}\n", serde_json::to_string(&entry)?);
        file.write_all(line.as_bytes())
            .and_then(|()| file.sync_all())
            .with_context(failed)?;
        if is_new && let Some(directory) = self.path.parent() {
            File::open(directory)
                .and_then(|directory| directory.sync_all())
                .with_context(failed)?;
        }
        self.entries.push(entry);
        Ok(())
    }
}
