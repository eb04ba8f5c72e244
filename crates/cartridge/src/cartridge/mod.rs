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
//! Memory: one frame being filled, one decoded for reading, the index of the segment being written
//! and of [`crate::limits::SEGMENTS_OPEN_MAX`] others, and a row for each segment.

mod append;
mod cut;
mod open;
mod position;
mod read;
mod segments;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::chain::{Chain, Totals};
use crate::codec::{Codec, Decoder, Encoder};
use crate::error::Error;
use crate::format::SealReason;
use crate::frame::FrameBuilder;
use crate::label::{CartridgeSpec, Label};
use crate::limits::DEAD_REMOVED_PER_LOAD;
use crate::settings::Settings;
use crate::store::{SegmentName, SegmentStore};
use crate::writer::SegmentWriter;

pub use append::Appended;
pub use open::{DamagedRange, RecoveryReport};
pub use position::{Located, Spaced, Stop};
use read::DecodedFrame;
pub use read::Read;
use segments::SegmentCache;

/// One loaded cartridge. It has one owner, who sees to it that nobody else has the same files.
pub struct Cartridge {
    store: Box<dyn SegmentStore>,
    settings: Settings,
    label: Label,
    chain: Chain,
    cursor: Cursor,
    /// The blocks that wait for their frame to be filled; they lie at the end of data.
    builder: FrameBuilder,
    encoder: Encoder,
    decoder: Decoder,
    /// The segment that this load session writes, from its first append on.
    writer: Option<SegmentWriter>,
    segments: SegmentCache,
    frame: Option<DecodedFrame>,
    condition: Condition,
    /// A segment whose creation failed and could not be undone: nobody knows whether it, and the cut
    /// that it stands for, would be there after a crash.
    doubtful: Option<SegmentName>,
    /// Segments that were cut off and whose files are not removed yet.
    dead: Vec<SegmentName>,
}

/// Where the next object is read or written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    object: u64,
    /// Filemarks before it.
    marks: u64,
}

/// Whether objects can be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
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
    /// The partition, 0 for now.
    pub partition: u8,
    /// Blocks and filemarks before it: the logical object number of READ POSITION (SSC-5 §7.7).
    pub object: u64,
    /// Filemarks before it: the logical file number.
    pub filemarks: u64,
}

/// What a cartridge holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes as the host wrote them.
    pub host_bytes: u64,
    /// Bytes as they count against the capacity: blocks after compression, and
    /// [`crate::limits::FILEMARK_CHARGE_BYTES`] for each filemark.
    pub stored_bytes: u64,
    /// The native capacity in bytes.
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
        let text = label.emit()?;
        self.store
            .replace_label(&text)
            .map_err(|source| Error::io("label: write", source))?;
        self.label = label;
        Ok(())
    }

    /// Returns where the next object is read or written.
    pub fn position(&self) -> Position {
        Position {
            partition: 0,
            object: self.cursor.object,
            filemarks: self.cursor.marks,
        }
    }

    /// Returns the place after the last object.
    pub fn end_of_data(&self) -> Position {
        Position {
            partition: 0,
            object: self.chain.end.objects,
            filemarks: self.chain.end.marks,
        }
    }

    /// Returns what the cartridge holds. Blocks that wait to be compressed count in full.
    pub fn usage(&self) -> Usage {
        let end = &self.chain.end;
        Usage {
            host_bytes: end.host_bytes,
            stored_bytes: end.charged_bytes + self.builder.plain_length() as u64,
            capacity_bytes: self.label.capacity_bytes,
            blocks: end.objects - end.marks,
            filemarks: end.marks,
        }
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
        if self.condition == Condition::PositionLost
            || self.condition == Condition::RemainsBehindEnd
        {
            // What was reported lost must not be there when the cartridge is loaded again.
            self.start_segment(self.chain.end, 0, SealReason::Cut)?;
        }
        self.close_writer(SealReason::Unload);
        self.remove_dead(DEAD_REMOVED_PER_LOAD);
        synchronized
    }

    /// The place after the last object.
    fn end_cursor(&self) -> Cursor {
        Cursor::at(self.chain.end)
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
