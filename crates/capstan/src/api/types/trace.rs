//! The trace of commands on the wire.

use serde::{Deserialize, Serialize};

use crate::config::LibraryName;

/// What of `GET /api/v1/trace/{device}` is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraceQuery {
    /// The library; may be left out where there is only one.
    pub library: Option<LibraryName>,
    /// Only commands after this number.
    pub after: u64,
    /// At most so many, the newest ones; all that are remembered when it is left out.
    pub count: Option<usize>,
}

/// `GET /api/v1/trace/{device}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// `changer` or `drive:N`.
    pub device: String,
    /// The peripheral device type that INQUIRY tells.
    pub device_type: u8,
    /// The target that serves it.
    pub target: String,
    /// Its logical unit number there.
    pub lun: u16,
    /// The commands, oldest first.
    pub commands: Vec<TracedCommand>,
    /// The number of the device's last command: what to ask after next.
    pub last: u64,
}

/// A command that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedCommand {
    /// Its number at the device, from 1.
    pub number: u64,
    /// When it began to run, in microseconds since 1970.
    pub began_unix_us: u64,
    /// How many microseconds it ran.
    pub took_us: u64,
    /// The initiator's port: its name, `,i,0x` and its ISID.
    pub initiator: String,
    /// The initiator's session; none when it has ended.
    pub session: Option<u64>,
    /// Tells the sessions of the trace apart, also those that have ended.
    pub nexus: u64,
    /// The command descriptor block in hexadecimal digits.
    pub cdb: String,
    /// The command's name; empty for one that the device does not have.
    pub name: String,
    /// Its fields in words.
    pub fields: String,
    /// Where the tape stood before; none for a changer and without a tape.
    pub before: Option<TracePosition>,
    /// Where it stood afterwards.
    pub after: Option<TracePosition>,
    /// Bytes from the initiator.
    pub data_out_bytes: u64,
    /// The first of them in hexadecimal digits; empty for blocks and for keys.
    pub data_out: String,
    /// Bytes to the initiator.
    pub data_in_bytes: u64,
    /// The first of them in hexadecimal digits; empty for blocks.
    pub data_in: String,
    /// The status, such as `CHECK CONDITION`.
    pub status: String,
    /// The status as a number.
    pub status_code: u8,
    /// The sense data in words.
    pub sense: Option<String>,
    /// The sense data as they were sent, in hexadecimal digits.
    pub sense_data: Option<String>,
    /// Whether the initiator was told; not when the command was aborted while it ran.
    pub answered: bool,
}

/// Where a tape stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracePosition {
    /// The partition.
    pub partition: u8,
    /// The block: blocks and filemarks before this place, as READ POSITION and `mt tell` count.
    pub block: u64,
    /// The file: filemarks before this place.
    pub file: u64,
}
