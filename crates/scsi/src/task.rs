//! Commands as a transport hands them over, and what it gets back (SAM-5 §5 and §7).

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::sense::{AdditionalSense, Sense, SenseKey};
use crate::status::Status;

/// A command descriptor block (SPC-5 §4.2). iSCSI carries 16 bytes; shorter ones are padded with
/// zeros by the initiator.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cdb([u8; 16]);

impl Cdb {
    /// Returns a CDB of these bytes, padded with zeros; bytes after the sixteenth are dropped.
    pub fn new(bytes: &[u8]) -> Self {
        let mut cdb = [0; 16];
        let length = bytes.len().min(16);
        cdb[..length].copy_from_slice(&bytes[..length]);
        Self(cdb)
    }

    /// Returns the operation code, byte 0.
    pub const fn operation_code(&self) -> u8 {
        self.0[0]
    }

    /// Returns the service action in byte 1, bits 4 to 0. Meaningful only where the table says so.
    pub const fn service_action(&self) -> u8 {
        self.0[1] & 0x1f
    }

    /// Returns byte `offset`.
    pub const fn byte(&self, offset: usize) -> u8 {
        self.0[offset]
    }

    /// Returns whether bit `bit` of byte `offset` is set.
    pub const fn bit(&self, offset: usize, bit: u8) -> bool {
        self.0[offset] >> bit & 1 == 1
    }

    /// Returns the two bytes from `offset` as a number.
    pub const fn u16(&self, offset: usize) -> u16 {
        u16::from_be_bytes([self.0[offset], self.0[offset + 1]])
    }

    /// Returns the three bytes from `offset` as a number.
    pub const fn u24(&self, offset: usize) -> u32 {
        u32::from_be_bytes([0, self.0[offset], self.0[offset + 1], self.0[offset + 2]])
    }

    /// Returns the four bytes from `offset` as a number.
    pub const fn u32(&self, offset: usize) -> u32 {
        (self.u16(offset) as u32) << 16 | self.u16(offset + 2) as u32
    }

    /// Returns the eight bytes from `offset` as a number.
    pub const fn u64(&self, offset: usize) -> u64 {
        (self.u32(offset) as u64) << 32 | self.u32(offset + 4) as u64
    }

    /// Returns all sixteen bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Cdb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// A whole command: the transport has received every byte of its Data-Out.
#[derive(Clone, Debug)]
pub struct Command {
    /// The descriptor block.
    pub cdb: Cdb,
    /// All data from the initiator. Shorter than the CDB demands when the initiator sent less.
    pub data_out: Bytes,
}

/// The end of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: Status,
    /// Present exactly with [`Status::CheckCondition`].
    pub sense: Option<Sense>,
    /// Everything that the device server returns, already cut at the CDB's allocation length. The
    /// transport cuts it again at what the initiator expects and tells the residual. A CHECK
    /// CONDITION may come with data (a short block, the blocks before a filemark).
    pub data_in: Bytes,
    /// How many bytes of Data-Out the CDB asked for; the transport tells the residual.
    pub data_out_length: u32,
}

impl Response {
    /// Returns GOOD without data.
    pub const fn good() -> Self {
        Self {
            status: Status::Good,
            sense: None,
            data_in: Bytes::new(),
            data_out_length: 0,
        }
    }

    /// Returns GOOD with `data_in`.
    pub fn data(data_in: impl Into<Bytes>) -> Self {
        Self {
            data_in: data_in.into(),
            ..Self::good()
        }
    }

    /// Returns GOOD with `data_in` cut at the CDB's allocation length (SPC-5 §4.2.5.6): a shorter
    /// allocation length is not an error.
    pub fn allocated(mut data_in: Vec<u8>, allocation_length: usize) -> Self {
        data_in.truncate(allocation_length);
        Self::data(data_in)
    }

    /// Returns a status other than CHECK CONDITION, without data.
    pub fn status(status: Status) -> Self {
        Self {
            status,
            ..Self::good()
        }
    }

    /// Returns CHECK CONDITION with `sense`.
    pub fn check(sense: Sense) -> Self {
        Self {
            status: Status::CheckCondition,
            sense: Some(sense),
            ..Self::good()
        }
    }

    /// Returns CHECK CONDITION, ILLEGAL REQUEST with `additional`.
    pub fn illegal_request(additional: AdditionalSense) -> Self {
        Self::check(Sense::illegal_request(additional))
    }

    /// Returns the same response, telling that the CDB asked for `length` bytes of Data-Out.
    #[must_use]
    pub fn with_data_out_length(mut self, length: u32) -> Self {
        self.data_out_length = length;
        self
    }
}

impl From<Sense> for Response {
    fn from(sense: Sense) -> Self {
        Self::check(sense)
    }
}

/// The name of an initiator port as its transport spells it; for iSCSI `<name>,i,0x<isid>`
/// (SPC-5 §7.6.4.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InitiatorPort(pub Arc<str>);

impl fmt::Display for InitiatorPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An I_T nexus while it exists (SAM-5 §4.6). Numbers are never used twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NexusId(pub u64);

/// Identifies a command inside its nexus until its response has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskTag(pub u64);

/// Task management functions (SAM-5 §7; TARGET RESET is SAM-2's, and iSCSI kept it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskManagementFunction {
    /// Ends one command of this nexus.
    AbortTask(TaskTag),
    /// Ends all commands of this nexus at the logical unit.
    AbortTaskSet,
    /// Ends all commands of all nexuses at the logical unit.
    ClearTaskSet,
    /// Resets the logical unit.
    LogicalUnitReset,
    /// Resets every logical unit of the target.
    TargetReset,
    /// The same as though the target had been switched off and on (RFC 7143 §11.5.1): nothing is
    /// remembered of any initiator. Ending the sessions is the transport's part.
    TargetColdReset,
    /// Ends all commands of this nexus and drops what it held, at every logical unit of the target:
    /// a loss of the nexus, after which the nexus goes on (SAM-5 §7.6).
    ItNexusReset,
    /// Asks whether a command of this nexus is there; `None` for one that the transport does not
    /// know either.
    QueryTask(Option<TaskTag>),
    /// Asks whether any command of this nexus is there.
    QueryTaskSet,
    /// Asks what the next command of this nexus would be told first.
    QueryAsynchronousEvent,
}

impl TaskManagementFunction {
    /// Returns whether the function only asks.
    pub const fn is_query(self) -> bool {
        matches!(
            self,
            Self::QueryTask(_) | Self::QueryTaskSet | Self::QueryAsynchronousEvent
        )
    }

    /// Returns whether the function is about the whole target and not about one logical unit.
    pub const fn is_of_target(self) -> bool {
        matches!(
            self,
            Self::TargetReset | Self::TargetColdReset | Self::ItNexusReset
        )
    }
}

/// What waits to be told: the answer to QUERY ASYNCHRONOUS EVENT (SAM-5 §7.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsynchronousEvent {
    /// The key of the sense data that the next command would get.
    pub key: SenseKey,
    /// Their code and qualifier.
    pub additional: AdditionalSense,
    /// Whether more waits behind it.
    pub depth: EventDepth,
}

/// UADE DEPTH (SAM-5 §7.10): how many unit attention conditions wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventDepth {
    /// This one alone.
    One = 1,
    /// More than this one.
    Several = 2,
}

impl AsynchronousEvent {
    /// Returns the additional response information (SAM-5 §7.10): UADE DEPTH and SENSE KEY,
    /// ADDITIONAL SENSE CODE, ADDITIONAL SENSE CODE QUALIFIER.
    pub const fn to_bytes(self) -> [u8; 3] {
        let first = (self.depth as u8) << 4 | self.key as u8;
        [first, self.additional.0, self.additional.1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_cdb_are_big_endian() {
        let cdb = Cdb::new(&[0x92, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(cdb.u16(1), 0x0102);
        assert_eq!(cdb.u24(1), 0x01_0203);
        assert_eq!(cdb.u32(1), 0x0102_0304);
        assert_eq!(cdb.u64(4), 0x0405_0607_0809_0a0b);
        assert_eq!(cdb.byte(15), 0, "padded with zeros");
    }

    #[test]
    fn event_in_three_bytes() {
        let event = AsynchronousEvent {
            key: SenseKey::UnitAttention,
            additional: AdditionalSense::IT_NEXUS_LOSS_OCCURRED,
            depth: EventDepth::Several,
        };
        assert_eq!(event.to_bytes(), [0x26, 0x29, 0x07]);
    }

    #[test]
    fn allocation_length_cuts_without_complaint() {
        let response = Response::allocated(vec![1, 2, 3], 2);
        assert_eq!(response.status, Status::Good);
        assert_eq!(&response.data_in[..], [1, 2]);
    }
}
