//! What a figure is about: what was done, with which data, and in which unit it is.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub(crate) use crate::subject::{Compression, Peer, Sealing, Subject};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Work {
    /// Blocks were written, and a filemark behind them.
    Write,
    /// They were read back.
    Read,
    /// Data were compressed, encrypted or checksummed.
    Encode,
    /// And back.
    Decode,
    /// TEST UNIT READY.
    RoundTrip,
    /// As many bytes without a target, by turns with those.
    BareRoundTrip,
    /// LOCATE to a random block among many, and READ.
    LocateRead,
    /// SPACE over many filemarks from the beginning.
    SpaceFilemarks,
    /// One block and one filemark, again and again.
    SmallFiles,
    /// Unload and load again.
    UnloadLoad,
    /// NOP-Out while the gateway is busy.
    Nop(Busy),
    /// ABORT TASK while the gateway is busy.
    Abort(Busy),
}

/// What the gateway is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Busy {
    /// Nothing.
    Idle,
    /// A motion that does not end.
    Motion,
    /// The same, and many commands behind it.
    FullWindows,
    /// Several long writes at a time through the connection that asks.
    Burst,
}

/// What the blocks hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Data {
    /// Random bytes.
    Incompressible,
    /// A tar of /usr/share.
    Text,
    /// Zeros.
    Zeros,
}

/// Which processors client and target may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Placement {
    /// The client one, the target with all its threads another.
    Apart,
    /// Both all of them.
    Free,
}

/// What a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// What was done.
    pub(crate) work: Work,
    /// With what.
    pub(crate) data: Data,
    /// Block size.
    pub(crate) kib: u64,
    /// How many commands at a time for each drive.
    pub(crate) depth: u64,
    /// How many drives at once.
    pub(crate) drives: u16,
    /// Where client and target ran.
    pub(crate) placement: Placement,
    /// Whose it is.
    pub(crate) subject: Subject,
}

impl Cell {
    /// Returns the cell of one command at a time on one drive with incompressible data.
    pub(crate) fn new(subject: Subject, work: Work, kib: u64) -> Self {
        Self {
            work,
            data: Data::Incompressible,
            kib,
            depth: 1,
            drives: 1,
            placement: Placement::Free,
            subject,
        }
    }
}

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Measure {
    /// Over all, including the filemark that ends a write; of several drives the sum.
    MegabytesPerSecond,
    /// What the target alone used.
    CpuSecondsPerGigabyte,
    /// The most memory that the target's process had resident meanwhile.
    PeakMebibytes,
    /// /proc/PID/io's write_bytes for each byte of the host.
    WrittenPerByte,
    /// The length of the target's files for each byte of the host.
    StoredPerByte,
    /// What those occupy on the disk for each byte of the host.
    AllocatedPerByte,
    /// The median.
    MedianMicroseconds,
    /// What 99 of 100 do not exceed.
    Percentile99Microseconds,
    /// The longest.
    LongestMicroseconds,
    /// How often in a second.
    PerSecond,
}

/// One measurement of one round.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// What it is about.
    #[serde(flatten)]
    pub(crate) cell: Cell,
    /// What the value means.
    pub(crate) measure: Measure,
    /// The value.
    pub(crate) value: f64,
}

impl Data {
    /// Returns the name for steps and tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Incompressible => "incompressible",
            Self::Text => "text",
            Self::Zeros => "zeros",
        }
    }
}

impl Placement {
    /// Returns the name for steps and tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Apart => "apart",
            Self::Free => "free",
        }
    }
}
