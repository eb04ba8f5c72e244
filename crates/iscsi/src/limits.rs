//! What a connection may use, and what it offers its initiator.

use core::time::Duration;

use crate::memory::{MemoryPool, POOL_BYTES_DEFAULT, SESSION_BYTES_MAX, TRANSFER_BYTES_MAX};

/// Bounds on what one connection takes from the machine. Everything that grows has one.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many commands the initiator may have in flight: MaxCmdSN − ExpCmdSN + 1 when idle.
    pub command_window: u32,
    /// How many immediate commands may be in flight besides; more are rejected.
    pub immediate_commands_max: u32,
    /// The most data of one command in bytes, at most [`crate::memory::TRANSFER_BYTES_MAX`]. Commands
    /// that announce more Data-Out are failed; more Data-In is not kept room for.
    pub data_out_max: u32,
    /// The memory of all sessions together, see [`crate::memory`]. Clones of these limits share it.
    pub memory: MemoryPool,
    /// The most of it that this session holds: data and answers, both ways, and what it may send
    /// unasked. Commands for which there is no room wait; the first always fits.
    pub session_memory_max: u64,
    /// How many PDUs, and apart from Data-In how many bytes, may wait for a peer that does not read.
    pub output_pdus_max: usize,
    /// See [`Limits::output_pdus_max`].
    pub output_bytes_max: usize,
    /// How long a login may take from the first byte to the last response.
    pub login_timeout: Duration,
    /// How long the peer may be silent before we ask with NOP-In whether it lives.
    pub ping_after: Duration,
    /// How long the peer may take to answer, with anything, before the connection is dropped.
    pub ping_timeout: Duration,
    /// How long the peer may take to log out when asked to.
    pub logout_timeout: Duration,
    /// How long a session may hold borrowed memory that only its peer can free, and hardly move,
    /// while others wait for memory.
    pub stall_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_window: 32,
            immediate_commands_max: 8,
            data_out_max: TRANSFER_BYTES_MAX,
            memory: MemoryPool::new(POOL_BYTES_DEFAULT),
            session_memory_max: SESSION_BYTES_MAX,
            output_pdus_max: 4096,
            output_bytes_max: 8 << 20,
            login_timeout: Duration::from_secs(15),
            ping_after: Duration::from_secs(15),
            ping_timeout: Duration::from_secs(20),
            logout_timeout: Duration::from_secs(3),
            stall_timeout: Duration::from_secs(20),
        }
    }
}

/// Our side of the negotiation (RFC 7143 §13). The other keys are fixed: one connection,
/// ErrorRecoveryLevel 0, data in order.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The longest data segment that we receive; declared in every login.
    pub max_recv_data_segment_length: u32,
    /// The most that one R2T asks for, and the longest sequence of Data-In.
    pub max_burst_length: u32,
    /// The most unsolicited data of a command.
    pub first_burst_length: u32,
    /// Whether an initiator must wait for R2T before any Data-Out PDU.
    pub initial_r2t: bool,
    /// Whether data may come with the command.
    pub immediate_data: bool,
    /// How many R2Ts of one command may be outstanding.
    pub max_outstanding_r2t: u32,
    /// Seconds that an initiator should wait before it logs in again.
    pub default_time_to_wait: u32,
    /// Digests of the header.
    pub header_digest: DigestPolicy,
    /// Digests of the data.
    pub data_digest: DigestPolicy,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            max_recv_data_segment_length: 1 << 20,
            max_burst_length: 16_776_192,
            first_burst_length: 262_144,
            initial_r2t: false,
            immediate_data: true,
            max_outstanding_r2t: 4,
            default_time_to_wait: 0,
            header_digest: DigestPolicy::Optional,
            data_digest: DigestPolicy::Optional,
        }
    }
}

/// What we answer to an offer of digests (RFC 7143 §13.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestPolicy {
    /// Whatever the initiator prefers.
    Optional,
    /// CRC32C, or no session.
    Required,
}
