//! What can go wrong with a cartridge, and what the operator can do about it.

use std::io;

use uuid::Uuid;

use crate::encryption::KeyId;
use crate::store::SegmentName;

/// A fault of the outside world, or a request that a cartridge cannot follow.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no label: not a cartridge, or its files are gone.
    #[error("label: not found")]
    LabelMissing,
    /// The label cannot be trusted.
    #[error("label: {reason}")]
    LabelDamaged {
        /// What is wrong with it.
        reason: String,
    },
    /// There is a label already where a cartridge was to be created.
    #[error("cartridge: exists already")]
    AlreadyExists,
    /// A field of a new label has no valid value.
    #[error("label: {field}: {reason}")]
    InvalidLabel {
        /// The field.
        field: &'static str,
        /// What is allowed.
        reason: String,
    },
    /// A setting has no valid value.
    #[error("setting {field}: {reason}")]
    InvalidSetting {
        /// The field.
        field: &'static str,
        /// What is allowed.
        reason: String,
    },
    /// The files were written by a newer version, or use what this one does not know.
    #[error("{what}: {found} is not supported")]
    UnsupportedFormat {
        /// The file.
        what: String,
        /// What was found there.
        found: String,
    },
    /// The cartridge is write protected.
    #[error("cartridge: write protected")]
    WriteProtected,
    /// A block has a length that no tape block can have.
    #[error("block: {length} bytes, allowed are 1 to 16777215")]
    BlockLength {
        /// Its length in bytes.
        length: usize,
    },
    /// The capacity is used up. Nothing was appended.
    #[error("cartridge: capacity is used up")]
    VolumeFull,
    /// The disk is full. Nothing was appended; what was accepted before is safe; appending works
    /// again when there is room.
    #[error("cartridge: no space left on the disk")]
    NoSpace,
    /// Objects that had been accepted could not be brought to stable storage. They are gone: the
    /// end of data is now at `first_lost`. Told once; appending is refused until the next move.
    #[error("objects {first_lost} and after ({lost} accepted) did not reach the disk: {source}")]
    Deferred {
        /// The first object that is lost.
        first_lost: u64,
        /// How many accepted objects are lost.
        lost: u64,
        /// What the disk said.
        source: io::Error,
    },
    /// Appending is refused because objects before were lost and nobody has moved since.
    #[error("cartridge: position lost after a failed write")]
    PositionLost,
    /// Appending is refused where it would overwrite what was to be written once, and so is erasing
    /// and formatting.
    #[error("cartridge: written once, cannot be overwritten")]
    WriteOnce,
    /// The cartridge has fewer partitions.
    #[error("partition {partition}: there is none")]
    NoSuchPartition {
        /// The partition.
        partition: u8,
    },
    /// The label could not be replaced, nor the old one be put back. What is on the cartridge can be
    /// read; nothing can be appended until writing the label works.
    #[error("label: a failed replacement cannot be undone: {source}")]
    LabelDoubtful {
        /// What the disk said.
        source: io::Error,
    },
    /// A segment could not be given its name nor be removed again. What is on the cartridge can be read;
    /// nothing can be appended until removing it works.
    #[error("segment {segment}: a failed creation cannot be undone: {source}")]
    Doubtful {
        /// The segment.
        segment: SegmentName,
        /// What the disk said.
        source: io::Error,
    },
    /// These objects are damaged or missing. Objects before and after them are readable.
    #[error("objects {first_object} to {last_object}: {reason}")]
    Damaged {
        /// The first damaged object.
        first_object: u64,
        /// The last damaged object.
        last_object: u64,
        /// Where and what.
        reason: String,
    },
    /// The block at the position is encrypted, and no key was given for reading.
    #[error("object {object}: encrypted, and there is no key")]
    KeyMissing {
        /// The block.
        object: u64,
    },
    /// The block at the position is encrypted under another key than was given for reading.
    #[error("object {object}: encrypted under another key")]
    WrongKey {
        /// The block.
        object: u64,
    },
    /// The block at the position is not encrypted, and only encrypted ones are to be read.
    #[error("object {object}: not encrypted")]
    NotEncrypted {
        /// The block.
        object: u64,
    },
    /// A frame is whole and was sealed with the right key, and it is not what was sealed: somebody has
    /// changed it.
    #[error("objects {first_object} to {last_object}: changed after they were encrypted: {place}")]
    NotAuthentic {
        /// The first object of the frame.
        first_object: u64,
        /// The last object of the frame.
        last_object: u64,
        /// Where.
        place: String,
    },
    /// The cartridge is encrypted, and the key that opens its key is not among those configured.
    #[error("cartridge: encrypted, and key {id} is not there")]
    KeyEncryptionKeyMissing {
        /// The key that is wanted.
        id: KeyId,
    },
    /// The key of the cartridge cannot be trusted.
    #[error("key: {reason}")]
    KeyFileDamaged {
        /// What is wrong with it.
        reason: String,
    },
    /// The cartridge has no key that could be destroyed.
    #[error("cartridge: not encrypted at rest")]
    NotEncryptedAtRest,
    /// Key-associated data are longer than there is room for.
    #[error("key-associated data: {length} bytes, allowed are 128")]
    KeyAssociatedDataLength {
        /// The length in bytes.
        length: usize,
    },
    /// A segment that the chain names is not there, and what it held cannot be told.
    #[error("segment {uuid}: missing, and what it cut off is not known")]
    SegmentMissing {
        /// The missing segment.
        uuid: Uuid,
    },
    /// A segment file of which neither copy of the header can be read. It had a good one once: files are
    /// given their name only then.
    #[error("segment {segment}: both copies of the header are damaged")]
    SegmentHeaderDamaged {
        /// The file.
        segment: SegmentName,
    },
    /// A segment file does not belong where it was found.
    #[error("segment {segment}: {reason}")]
    ForeignSegment {
        /// The file.
        segment: SegmentName,
        /// Why it does not belong.
        reason: String,
    },
    /// There is no room for so many attributes. The memory is as it was.
    #[error("memory: more than {} bytes", crate::limits::MEMORY_BYTES_MAX)]
    MemoryFull,
    /// An operation on the files failed.
    #[error("{operation}: {source}")]
    Io {
        /// What was tried, on what.
        operation: String,
        /// What the disk said.
        source: io::Error,
    },
}

/// What the operator can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: the answer belongs to the host (full, protected, a block of no valid length).
    TellHost,
    /// Load the cartridge again, then write again what was lost.
    Retry,
    /// Make room on the disk.
    FreeSpace,
    /// Restore the cartridge's files from another copy.
    Restore,
    /// Correct the configuration or the request.
    FixConfiguration,
}

impl Error {
    /// Returns what the operator can do.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::WriteProtected
            | Self::WriteOnce
            | Self::NoSuchPartition { .. }
            | Self::BlockLength { .. }
            | Self::VolumeFull
            | Self::KeyMissing { .. }
            | Self::WrongKey { .. }
            | Self::NotEncrypted { .. }
            | Self::KeyAssociatedDataLength { .. }
            | Self::PositionLost
            | Self::MemoryFull => Remedy::TellHost,
            Self::NoSpace => Remedy::FreeSpace,
            Self::Deferred { source, .. }
            | Self::Doubtful { source, .. }
            | Self::LabelDoubtful { source }
            | Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Remedy::FreeSpace,
                _ => Remedy::Retry,
            },
            Self::AlreadyExists
            | Self::InvalidLabel { .. }
            | Self::InvalidSetting { .. }
            | Self::KeyEncryptionKeyMissing { .. }
            | Self::NotEncryptedAtRest
            | Self::UnsupportedFormat { .. } => Remedy::FixConfiguration,
            Self::LabelMissing
            | Self::LabelDamaged { .. }
            | Self::KeyFileDamaged { .. }
            | Self::Damaged { .. }
            | Self::NotAuthentic { .. }
            | Self::SegmentMissing { .. }
            | Self::SegmentHeaderDamaged { .. }
            | Self::ForeignSegment { .. } => Remedy::Restore,
        }
    }

    /// Returns the error for a failed operation on the files.
    pub(crate) fn io(operation: impl Into<String>, source: io::Error) -> Self {
        Self::Io {
            operation: operation.into(),
            source,
        }
    }
}

/// Returns true when `error` says that there is no room.
pub(crate) fn is_no_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_disk_is_answered_with_making_room() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(Error::NoSpace.remedy(), Remedy::FreeSpace);
        assert_eq!(
            Error::io("segment 1: write", full()).remedy(),
            Remedy::FreeSpace
        );
        assert!(is_no_space(&full()));
        assert!(!is_no_space(&io::Error::from(io::ErrorKind::NotFound)));
    }
}
