//! What an inspection finds, and where.

use std::fmt;
use std::ops::{Range, RangeInclusive};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// No damage: what a crash or an overwrite leaves behind.
    Note,
    /// Something is damaged that is there twice, or that can be made anew; no object is lost.
    Repairable,
    /// Objects are lost.
    Lost,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file.
    pub file: String,
    /// Which bytes of it, when that is known.
    pub bytes: Option<Range<u64>>,
    /// Which objects are concerned.
    pub place: Option<Place>,
    /// What is wrong.
    pub reason: String,
}

/// A run of objects, as whoever wrote them counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The partition.
    pub partition: u8,
    /// Their numbers; filemarks count.
    pub objects: RangeInclusive<u64>,
    /// How many of them are filemarks. Where among them these were is not known; they count as the last.
    pub filemarks: u64,
    /// The tape file of the first one: the filemarks before it.
    pub file: u64,
    /// Which block of that file the first one is, from 0; `None` when filemarks in damage before it make
    /// that unknown.
    pub block: Option<u64>,
    /// The bytes of the partition as the host wrote it.
    pub host_bytes: Option<Range<u64>>,
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        file: impl fmt::Display,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            file: file.to_string(),
            bytes: None,
            place: None,
            reason: reason.into(),
        }
    }

    pub(super) fn at(mut self, bytes: Range<u64>) -> Self {
        self.bytes = Some(bytes);
        self
    }

    pub(super) fn concerning(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Repairable => "damaged, nothing lost",
            Self::Lost => "lost",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: {}", self.file, self.reason)?;
        match &self.bytes {
            Some(bytes) => write!(f, " (bytes {} to {})", bytes.start, bytes.end.max(1) - 1),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.objects.start(), self.objects.end());
        if self.partition > 0 {
            write!(f, "partition {}, ", self.partition)?;
        }
        if first == last {
            write!(f, "object {first}")?;
        } else {
            write!(f, "objects {first} to {last}")?;
        }
        match self.filemarks {
            0 => {}
            1 => write!(f, ", 1 filemark among them")?,
            marks => write!(f, ", {marks} filemarks among them")?,
        }
        match self.block {
            Some(block) => write!(f, " (file {} from block {block})", self.file),
            None => write!(f, " (file {})", self.file),
        }
    }
}
