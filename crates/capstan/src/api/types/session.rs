//! Sessions on the wire.

use serde::{Deserialize, Serialize};

/// `GET /api/v1/sessions`, one of the list; `GET /api/v1/sessions/{id}`. A session that is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The session's number. Never used twice while the daemon runs.
    pub id: u64,
    /// The number that the initiator knows, TSIH.
    pub tsih: u16,
    /// The initiator's name.
    pub initiator: String,
    /// What the initiator calls itself besides, for people.
    pub alias: Option<String>,
    /// The initiator's session number, ISID, as twelve hexadecimal digits.
    pub isid: String,
    /// The target's name; none for a discovery session.
    pub target: Option<String>,
    /// Where the connection comes from.
    pub address: String,
    /// Which of our addresses it uses.
    pub portal: String,
    /// When it logged in.
    pub since_unix_ms: u64,
    /// When its last SCSI command came, if one has.
    pub last_command_unix_ms: Option<u64>,
    /// SCSI commands since it logged in.
    pub commands: u64,
    /// Commands of it that are not answered yet.
    pub commands_in_flight: u64,
    /// Bytes that came with commands.
    pub written_bytes: u64,
    /// Bytes that went out in answer to commands.
    pub read_bytes: u64,
    /// Memory that it has reserved, of what all sessions share.
    pub reserved_bytes: u64,
    /// Whether headers have a digest (HeaderDigest=CRC32C).
    pub header_digest: bool,
    /// Whether data have a digest (DataDigest=CRC32C).
    pub data_digest: bool,
    /// The devices of which it holds something.
    pub holds: Vec<Hold>,
}

/// What a session holds of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// `changer` or `drive:N`.
    pub device: String,
    /// Whether it prevents the removal of tapes.
    pub prevents_removal: bool,
    /// `reserved`, or the kind of its persistent reservation.
    pub reservation: Option<String>,
}

/// `DELETE /api/v1/sessions/{id}?ask=true`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drop {
    /// Ask the initiator to log out first.
    pub ask: bool,
}

/// The answer to a drop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedSession {
    /// The session as it was.
    pub session: Session,
    /// Whether all that ended with it is free by now: its commands, its reservations but persistent
    /// ones, its prevention of removal. If not, a command of it still runs, and what it held is free
    /// when that ends.
    pub released: bool,
}
