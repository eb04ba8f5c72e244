//! The memory: what a chip in the shell of a real cartridge would hold (docs/cartridge-format.md,
//! "Memory").
//!
//! Attributes that applications have written, for each partition, and what was counted over the
//! cartridge's life. It is not needed to read a single block: a cartridge whose memory is damaged is
//! loaded with a new one.
//!
//! # Crash
//! The file is replaced as a whole, so there is always the old or the new one.

mod attribute;
#[cfg(test)]
mod tests;
mod work;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;
use crate::label::Label;
use crate::limits::MEMORY_BYTES_MAX;
use crate::sealed_line;
use crate::store::SegmentStore;
pub use attribute::{Attribute, Attributes};
pub use work::Work;

/// What is in a cartridge's memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Changes when something is written for the first time after a load, before that is durable:
    /// who knows an older value knows an older content. Never 0 nor 2³²−1.
    pub change_reference: u32,
    /// How often the cartridge was loaded into a drive.
    pub loads: u64,
    /// How often it was loaded and then written.
    pub write_loads: u64,
    /// How often it was formatted.
    pub formats: u64,
    /// What was done with it since it was made.
    pub life: Work,
    /// What was done with it during the last load, or so far in this one.
    pub last_load: Work,
    /// The drives that it was in, the last one first; at most [`Memory::DRIVES_MAX`].
    pub drives: Vec<DriveName>,
    /// What applications have written.
    pub attributes: Attributes,
}

/// A drive that a cartridge was in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriveName {
    /// Its vendor.
    pub vendor: String,
    /// Its serial number.
    pub serial: String,
}

/// What was found of a cartridge's memory when it was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MemoryState {
    /// There is none: the cartridge has not been used yet, or an older version has written it.
    #[default]
    New,
    /// It is as it was left.
    Good,
    /// It could not be trusted: this is a new one.
    Lost {
        /// What was wrong with it.
        reason: String,
    },
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            change_reference: 1,
            loads: 0,
            write_loads: 0,
            formats: 0,
            life: Work::default(),
            last_load: Work::default(),
            drives: Vec::new(),
            attributes: Attributes::default(),
        }
    }
}

/// The line as it is stored: the version and the cartridge first.
#[derive(Serialize, Deserialize)]
struct Line {
    capstan_memory: u32,
    cartridge: Uuid,
    #[serde(flatten)]
    memory: Memory,
}

impl Memory {
    /// The version of the file that is written.
    const VERSION: u32 = 1;
    /// How many drives it remembers: what LTO cartridges do.
    pub const DRIVES_MAX: usize = 4;

    /// Gives [`Memory::change_reference`] another value.
    pub fn advance_change_reference(&mut self) {
        self.change_reference = match self.change_reference {
            // 0 and 2³²−1 say "unknown" (SSC-5, volume change reference).
            0 | 0xffff_fffe.. => 1,
            value => value + 1,
        };
    }

    /// The cartridge has come into a drive.
    pub fn count_load(&mut self, drive: DriveName) {
        self.loads += 1;
        self.last_load = Work::default();
        self.drives.insert(0, drive);
        self.drives.truncate(Self::DRIVES_MAX);
    }

    /// Reads the memory in `store` of the cartridge `cartridge` without loading it. `None` when there is
    /// none that can be trusted.
    pub fn read(store: &dyn SegmentStore, cartridge: Uuid) -> Option<Self> {
        let text = store.read_memory().ok()??;
        Self::parse(&text, cartridge).ok()?
    }

    /// Reads the memory of the cartridge in `store`, which bears `label`. Whatever is wrong with it,
    /// there is one afterwards. A new one of a cartridge that may have been used takes its change
    /// reference from the clock, so that no application takes it for one that it knows.
    pub(crate) fn load(
        store: &dyn SegmentStore,
        label: &Label,
        used: bool,
        now_unix_ms: u64,
    ) -> (Self, MemoryState) {
        let found = match store.read_memory() {
            Ok(Some(text)) => Self::parse(&text, label.uuid),
            Ok(None) if !used => return (Self::default(), MemoryState::New),
            Ok(None) => Ok(None),
            Err(error) => Err(error.to_string()),
        };
        let state = match found {
            Ok(Some(memory)) => return (memory, MemoryState::Good),
            Ok(None) => MemoryState::New,
            Err(reason) => MemoryState::Lost { reason },
        };
        let mut memory = Self::default();
        #[allow(clippy::cast_possible_truncation)] // any 32 bits do, if they differ from others
        {
            memory.change_reference = (now_unix_ms / 1000) as u32;
        }
        memory.advance_change_reference();
        (memory, state)
    }

    /// Reads the text of a memory file.
    pub(crate) fn parse(text: &[u8], cartridge: Uuid) -> Result<Option<Self>, String> {
        let line = sealed_line::open(text)?;
        let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if line.capstan_memory != Self::VERSION {
            return Err(format!("version {} is not supported", line.capstan_memory));
        }
        if line.cartridge != cartridge {
            return Err("belongs to another cartridge".to_owned());
        }
        Ok(Some(line.memory))
    }

    /// Returns the text of the memory file.
    pub(crate) fn emit(&self, cartridge: Uuid) -> Result<Vec<u8>, Error> {
        let line = Line {
            capstan_memory: Self::VERSION,
            cartridge,
            memory: self.clone(),
        };
        let line = serde_json::to_string(&line).expect("numbers and text are always JSON");
        let text = sealed_line::seal(&line);
        if text.len() as u64 > MEMORY_BYTES_MAX {
            return Err(Error::MemoryFull);
        }
        Ok(text)
    }
}
