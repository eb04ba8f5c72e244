//! What goes over the wire, for both ends. Times are milliseconds since 1970, sizes bytes.

mod fault;
mod keys;
mod life;
mod reservation;
mod session;
mod trace;

use std::path::PathBuf;

use cartridge::Form;
use serde::{Deserialize, Serialize};

pub use super::place::Place;
use crate::config::LibraryName;
pub use fault::{Fault, FaultEffect, NewFault, Put};
pub use keys::{Key, Keys, Rewrapped, TapeKey};
pub use life::{Alert, DriveLife, TapeLife};
pub use reservation::{Reservation, ReservationHolder};
pub use session::{Drop, DroppedSession, Hold, Session};
pub use trace::{Trace, TracePosition, TraceQuery, TracedCommand};

/// `GET /api/v1/status`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The gateway's name.
    pub gateway: String,
    /// Capstan's version.
    pub version: String,
    /// The process.
    pub process: u32,
    /// The data directory.
    pub data: PathBuf,
    /// When the daemon started.
    pub started_unix_ms: u64,
    /// Addresses that are listened on.
    pub portals: Vec<String>,
    /// Targets in the order of discovery.
    pub targets: Vec<TargetInfo>,
    /// Sessions that are logged in.
    pub sessions: Vec<Session>,
    /// The libraries, the main one first.
    pub libraries: Vec<LibraryStatus>,
    /// What is kept, all libraries together.
    pub storage: Storage,
    /// What sessions hold.
    pub memory: Memory,
    /// The key under which new tapes are encrypted; none when they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<String>,
}

/// A library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryStatus {
    /// Its name; `main` is the one that every gateway has.
    pub name: LibraryName,
    /// Its changer.
    pub changer: Changer,
    /// Its drives.
    pub drives: Vec<Drive>,
    /// Faults on order.
    pub faults: Vec<Fault>,
}

/// The query of whatever is about one library: `?library=east`. It may be left out where there is only
/// one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WhichLibrary {
    /// Its name.
    pub library: Option<LibraryName>,
}

/// The memory that sessions share, and that of cartridges. Reserved is what their peers may make us hold, and so no less than
/// what they do hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Bytes that sessions have reserved.
    pub reserved_bytes: u64,
    /// The most that there may be: `iscsi.memory_max`.
    pub max_bytes: u64,
    /// Sessions with a command that waits for memory.
    pub sessions_waiting: u32,
    /// Bytes held for frames that were read ahead of sequential readers, over all cartridges.
    #[serde(default)]
    pub read_ahead_bytes: u64,
    /// The most that there may be.
    #[serde(default)]
    pub read_ahead_max_bytes: u64,
    /// Bytes of blocks that were accepted and wait to be compressed or written, over all cartridges.
    #[serde(default)]
    pub write_behind_bytes: u64,
    /// The most that there may be.
    #[serde(default)]
    pub write_behind_max_bytes: u64,
    /// Bytes that lie ready for the next blocks, of whichever session or cartridge.
    #[serde(default)]
    pub spare_bytes: u64,
    /// The most that there may be.
    #[serde(default)]
    pub spare_max_bytes: u64,
}

/// A target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetInfo {
    /// Its iSCSI name.
    pub name: String,
    /// What it consists of, by logical unit number: `changer` or `drive:N`.
    pub units: Vec<String>,
}

/// The changer and how full it is; the answer of `POST /api/v1/changer/import-export/open` and
/// `…/close` too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changer {
    /// Vendor, as INQUIRY tells it.
    pub vendor: String,
    /// Product, as INQUIRY tells it.
    pub product: String,
    /// Serial number.
    pub serial: String,
    /// Storage slots.
    pub slots: u32,
    /// Storage slots that hold a tape.
    pub slots_used: u32,
    /// Import/export slots.
    pub import_export: u32,
    /// Import/export slots that hold a tape.
    pub import_export_used: u32,
    /// Whether the import/export station is open, out of the picker's reach.
    pub import_export_open: bool,
}

/// `GET /api/v1/drives`, one of the list, and `GET /api/v1/drives/{number}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drive {
    /// The drive's number, from 0 as in `mtx`.
    pub number: u16,
    /// The target that serves it.
    pub target: String,
    /// Vendor, as INQUIRY tells it.
    pub vendor: String,
    /// Product, as INQUIRY tells it.
    pub product: String,
    /// Serial number.
    pub serial: String,
    /// Initiators that are logged in to its target.
    pub sessions: u32,
    /// Whether hosts see it.
    pub enabled: bool,
    /// What it complains of.
    pub alerts: Vec<Alert>,
    /// What it has done since the gateway was started.
    pub life: DriveLife,
    /// Whether it asks for a cleaning tape.
    pub needs_cleaning: bool,
    /// What is in the drive, if anything.
    pub tape: Option<LoadedTape>,
}

/// What is in a drive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // JSON has no smaller word for independent facts
pub struct LoadedTape {
    /// The barcode.
    pub barcode: String,
    /// Whether the drive can use it; not after an UNLOAD that left the cartridge in the drive.
    pub ready: bool,
    /// What goes on although no command runs: `loading`, `unloading`, `rewinding`, `locating` or
    /// `cleaning`.
    pub activity: Option<String>,
    /// Where it was before, if that is known.
    pub source: Option<Place>,
    /// Where it stands, as of the end of the last command.
    pub position: Position,
    /// Whether it refuses writing.
    pub write_protected: bool,
    /// Whether the end of the tape is near.
    pub early_warning: bool,
    /// Whether an initiator prevents its removal.
    pub removal_prevented: bool,
    /// Bytes that count against the capacity, after compression.
    pub used_bytes: u64,
    /// How much it holds.
    pub capacity_bytes: u64,
}

/// Where a tape stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The file: filemarks before this place.
    pub file: u64,
    /// The block: blocks and filemarks before this place, as READ POSITION and `mt tell` count.
    pub block: u64,
}

/// What is kept, all tapes together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// How many tapes exist.
    pub tapes: u32,
    /// Bytes that their files take on the disk.
    pub stored_bytes: u64,
    /// Bytes still free in the file system of the data directory.
    pub free_bytes: u64,
    /// How drives fare that write: worse than `free` when the disk is nearly full.
    #[serde(default)]
    pub writers: Writers,
    /// Writers are slowed with less free than this; 0: never.
    #[serde(default)]
    pub slow_below_bytes: u64,
    /// Writers are stopped with less free than this; 0: never.
    #[serde(default)]
    pub stop_below_bytes: u64,
}

/// How drives fare that write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Writers {
    /// They write as fast as they can.
    #[default]
    Free,
    /// The disk is nearly full: each write takes a little longer.
    Slowed,
    /// The disk is nearly full: blocks are refused.
    Stopped,
}

/// `GET /api/v1/tapes`, one of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tape {
    /// The barcode.
    pub barcode: String,
    /// The identity of the cartridge's files.
    pub uuid: String,
    /// The generation, such as `LTO-5`; `LTO-5W` for WORM.
    pub media: String,
    /// What it is for: `data`, `worm` or `cleaning`.
    pub form: Form,
    /// How much it holds.
    pub capacity_bytes: u64,
    /// Bytes that its files take on the disk, after compression.
    pub stored_bytes: u64,
    /// Whether it refuses writing.
    pub write_protected: bool,
    /// Where it is; none when it is in no place of the library.
    pub place: Option<Place>,
    /// `available`, or why not.
    pub state: String,
    /// The key that opens it when it is encrypted at rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<String>,
    /// Whether there are blocks on it that a host has encrypted. Only `GET` of one tape tells it, when its
    /// files can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_encrypted_blocks: Option<bool>,
    /// When it was made.
    pub created_unix_ms: u64,
    /// What its memory says; told of a tape that is asked for by its barcode, once it was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<TapeLife>,
}

/// `POST /api/v1/tapes`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTapes {
    /// How many. Default: as many as there are barcodes, or one.
    #[serde(default)]
    pub count: Option<u32>,
    /// Explicit barcodes.
    #[serde(default)]
    pub barcodes: Vec<String>,
    /// What made-up barcodes begin with; a number and the media's code follow, or six hexadecimal
    /// digits in a gateway of preset `tape-gateway`. Default: `CAP`.
    #[serde(default)]
    pub prefix: Option<String>,
    /// The generation, such as `LTO-5`. Default: what an explicit barcode ends with, else the
    /// library's own.
    #[serde(default)]
    pub media: Option<String>,
    /// What they are for: `data`, `worm` (written once) or `cleaning`. Default: what the media is for.
    #[serde(default)]
    pub form: Option<Form>,
    /// How much each holds. Default: what the generation holds without compression.
    #[serde(default)]
    pub capacity_bytes: Option<u64>,
}

/// `GET /api/v1/changer/elements`, one of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// The place.
    pub place: Place,
    /// The element address that READ ELEMENT STATUS tells.
    pub address: u16,
    /// The barcode of the tape in it, if any.
    pub barcode: Option<String>,
    /// Where the tape was before, if that is known.
    pub source: Option<Place>,
}

/// `POST /api/v1/changer/move`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Where the tape is.
    pub from: Place,
    /// Where it shall go.
    pub to: Place,
}

/// `POST /api/v1/changer/exchange`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeTapes {
    /// Where the one tape is.
    pub source: Place,
    /// Where it goes, and where the other one is.
    pub first: Place,
    /// Where the other one goes. Default: to `source`.
    #[serde(default)]
    pub second: Option<Place>,
}

/// The answer to a move, a load and an unload; an exchange answers two of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// What moved.
    pub barcode: String,
    /// Where it was.
    pub from: Place,
    /// Where it is.
    pub to: Place,
}

/// `POST /api/v1/drives/{number}/load`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The tape.
    pub barcode: String,
}

/// `POST /api/v1/drives/{number}/unload`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unload {
    /// Where to put the tape. Default: where it came from, else the first free slot.
    #[serde(default)]
    pub to: Option<Place>,
}

/// Every failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For programs: `not_found`, `conflict`, `bad_request`, `internal`.
    pub error: String,
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
