//! One loaded cartridge.
//!
//! # Ordering
//! Blocks and filemarks lie in the order in which they were appended. An append at a place before
//! the end of data cuts off what follows: from then on it is gone, crash or not, even if the new
//! block itself is lost.
//!
//! # Crash
//! Appended objects may be lost, as a suffix, until [`Cartridge::synchronize`] returned. Moving
//! (rewind, locate, space, read, erase) synchronizes first, as SSC-5 asks of a drive.
//!
//! # Limits
//! Memory: one frame being filled, one decoded for reading and
//! [`crate::limits::READ_AHEAD_BYTES_MAX`] behind it, the index of the segment being written, which has
//! at most [`crate::limits::SEGMENT_FRAMES_MAX`] entries, that of the segment in use and of others up to
//! [`crate::limits::SEGMENTS_OPEN_BYTES_MAX`], and a row for each segment.

mod append;
mod at_rest;
mod background;
mod checkpoint;
mod cut;
mod decode;
mod encrypt;
mod footer;
mod open;
mod partitions;
mod position;
mod read;
mod read_ahead;
mod segments;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::chain::{Chain, Dead, Totals};
use crate::codec::{Codec, Decoder, Prober};
use crate::encryption::{Decryption, Encryption, FrameKey};
use crate::error::Error;
use crate::format::SealReason;
use crate::frame::FrameBuilder;
use crate::label::{CartridgeSpec, Label};
use crate::limits::DEAD_REMOVED_PER_LOAD;
use crate::memory::{Memory, MemoryState, Work};
use crate::settings::Settings;
use crate::store::{SegmentName, SegmentStore};
use crate::writer::SegmentWriter;

pub use append::Appended;
use at_rest::AtRest;
pub use at_rest::crypto_erase;
use background::Background;
use decode::DecodedFrame;
pub use encrypt::NextBlock;
pub(crate) use footer::Footer;
pub use open::{DamagedRange, RecoveryReport, has_encrypted_blocks};
use partitions::Parked;
pub use position::{Located, Spaced, Stop};
pub use read::Read;
use read_ahead::Ahead;
pub use read_ahead::read_ahead_bytes;
use segments::SegmentCache;
pub(crate) use segments::read_trailer;

/// One loaded cartridge. It has one owner, who sees to it that nobody else has the same files.
pub struct Cartridge {
    store: Box<dyn SegmentStore>,
    settings: Settings,
    label: Label,
    /// The partition that everything here is about, unless it says otherwise.
    partition: u8,
    /// The other partitions; what stands at the index of the current one means nothing.
    parked: Vec<Parked>,
    memory: Memory,
    memory_state: MemoryState,
    /// What was done since the cartridge was loaded; no errors among it.
    work: Work,
    chain: Chain,
    cursor: Cursor,
    /// The blocks that wait for their frame to be filled; they lie at the end of data.
    builder: FrameBuilder,
    prober: Prober,
    decoder: Decoder,
    /// The segment that this load session writes, from its first append on.
    writer: Option<SegmentWriter>,
    segments: SegmentCache,
    frame: Option<DecodedFrame>,
    ahead: Ahead,
    /// How the next block is encrypted.
    encryption: Option<Arc<Encryption>>,
    decryption: Decryption,
    /// The key of the cartridge itself.
    at_rest: AtRest,
    /// The key that opened the last sealed frame, and its segment.
    frame_key: Option<(SegmentName, Arc<FrameKey>)>,
    condition: Condition,
    /// A segment whose publication failed and could not be undone: nobody knows whether it, and the cut
    /// that it stands for, would be there after a crash.
    doubtful: Option<SegmentName>,
    /// Replacing the label failed: nobody knows which one there would be after a crash.
    label_doubtful: bool,
    /// Segments that were cut off and whose files are not removed yet, where no thread does that.
    dead: Vec<Dead>,
    /// Removes them and writes the chain file, once there was something to do.
    background: Option<Background>,
    /// Changes of the chain that the chain file does not know.
    unrecorded: u32,
}

/// Where the next object is read or written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    object: u64,
    /// Filemarks before it.
    marks: u64,
}

/// Whether objects can be appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Condition {
    #[default]
    Good,
    /// Accepted objects were lost and nobody has moved since.
    PositionLost,
    /// Accepted objects were lost; their remains may lie behind the end of data until the next
    /// segment cuts them off.
    RemainsBehindEnd,
}

/// A place on the cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub partition: u8,
    /// Blocks and filemarks before it: the logical object number of READ POSITION (SSC-5 §7.7).
    pub object: u64,
    /// Filemarks before it: the logical file number.
    pub filemarks: u64,
}

/// What a partition of a cartridge holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes as the host wrote them.
    pub host_bytes: u64,
    /// Bytes as they count against the capacity: blocks after compression, and
    /// [`crate::limits::FILEMARK_CHARGE_BYTES`] for each filemark.
    pub stored_bytes: u64,
    /// The native capacity of the partition in bytes.
    pub capacity_bytes: u64,
    /// Blocks.
    pub blocks: u64,
    /// Filemarks.
    pub filemarks: u64,
}

impl Cartridge {
    /// Makes a new cartridge in an empty `store`. Durable when it returns.
    pub fn create(mut store: Box<dyn SegmentStore>, spec: &CartridgeSpec) -> Result<(), Error> {
        let text = spec.emit()?;
        let read = store.read_label();
        if read
            .map_err(|source| Error::io("label: read", source))?
            .is_some()
        {
            return Err(Error::AlreadyExists);
        }
        let names = store.segments();
        if !names
            .map_err(|source| Error::io("directory: read", source))?
            .is_empty()
        {
            return Err(Error::AlreadyExists);
        }
        store
            .replace_label(&text)
            .map_err(|source| Error::io("label: write", source))
    }

    /// Returns what is written on the cartridge.
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// Sets or clears the write protect tab. Durable when it returns.
    pub fn set_write_protected(&mut self, write_protected: bool) -> Result<(), Error> {
        let label = Label {
            write_protected,
            ..self.label.clone()
        };
        self.replace_label(label)
    }

    /// Returns what is in its memory.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Returns what was found of its memory when it was loaded.
    pub fn memory_state(&self) -> &MemoryState {
        &self.memory_state
    }

    /// Replaces the memory. Durable when it returns; with an error it is as before.
    pub fn set_memory(&mut self, memory: Memory) -> Result<(), Error> {
        let text = memory.emit(self.label.uuid)?;
        self.store
            .replace_memory(&text)
            .map_err(|source| Error::io("memory: write", source))?;
        self.memory = memory;
        Ok(())
    }

    /// Returns what was done with it since it was loaded, without the errors: these are for the drive
    /// to count. Nothing of it is in the memory yet.
    pub fn work(&self) -> Work {
        self.work
    }

    /// Returns where the next object is read or written.
    pub fn position(&self) -> Position {
        Position {
            partition: self.partition,
            object: self.cursor.object,
            filemarks: self.cursor.marks,
        }
    }

    /// Returns the place after the last object of the partition.
    pub fn end_of_data(&self) -> Position {
        Position {
            partition: self.partition,
            object: self.chain.end.objects,
            filemarks: self.chain.end.marks,
        }
    }

    /// Returns what the partition holds. Blocks that wait to be compressed count in full; which ones do
    /// may be a matter of timing, until everything is synchronized ([`Cartridge::settle_usage`]).
    pub fn usage(&self) -> Usage {
        let waiting = self.waiting_charge();
        let capacity_bytes = self.capacity_of(self.partition);
        Usage::of(&self.chain, waiting, capacity_bytes)
    }

    /// Returns how new frames are compressed.
    pub fn codec(&self) -> Codec {
        self.settings.codec
    }

    /// Compresses with `codec` from the next block on.
    pub fn set_codec(&mut self, codec: Codec) {
        self.settings.codec = codec;
    }

    /// Puts the cartridge away: everything appended is on stable storage when it returns.
    pub fn unload(mut self) -> Result<(), Error> {
        let synchronized = self.synchronize();
        self.undo_doubtful()?;
        for partition in 0..self.partitions() {
            self.switch_to(partition);
            if self.condition != Condition::Good {
                // What was reported lost must not be there when the cartridge is loaded again.
                self.start_segment(self.chain.end, 0, SealReason::Cut, false)?;
            }
            let _ = self.close_writer(SealReason::Unload); // nothing follows that would name it
        }
        if let Some(background) = self.background.take() {
            self.dead.extend(background.stop());
        }
        self.remove_dead(DEAD_REMOVED_PER_LOAD);
        self.record_chain();
        synchronized
    }

    /// The place after the last object.
    fn end_cursor(&self) -> Cursor {
        Cursor::at(self.chain.end)
    }
}

impl Usage {
    fn of(chain: &Chain, waiting_bytes: u64, capacity_bytes: u64) -> Self {
        let end = &chain.end;
        Self {
            host_bytes: end.host_bytes,
            stored_bytes: end.charged_bytes + waiting_bytes,
            capacity_bytes,
            blocks: end.objects - end.marks,
            filemarks: end.marks,
        }
    }
}

impl Cursor {
    fn at(totals: Totals) -> Self {
        Self {
            object: totals.objects,
            marks: totals.marks,
        }
    }
}

impl fmt::Debug for Cartridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cartridge")
            .field("barcode", &self.label.barcode)
            .field("position", &self.position())
            .field("end_of_data", &self.end_of_data())
            .finish_non_exhaustive()
    }
}
