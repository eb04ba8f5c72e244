//! Memory that sessions may take from the process.
//!
//! # Purpose
//! Everything that a peer can make us keep is reserved before it can arrive: unsolicited data when
//! the command window promises room for it, solicited data before the first R2T, Data-In before the
//! command goes to the device, answers and text as they come up. A reservation is a number and costs
//! nothing; the bytes behind it are allocated as they arrive. So what is reserved is an upper bound of
//! what is held, and it never exceeds [`MemoryPool::max_bytes`].
//!
//! # Guarantees
//! - A session that has logged in owns [`SESSION_GUARANTEED_BYTES`] until it ends: a command window of
//!   [`WINDOW_FLOOR`], one command that moves [`BLOCK_GUARANTEED_BYTES`], and its answers. Nobody can
//!   take that from it. When there is not that much left, the login is refused with 0302.
//! - Whatever a session needs beyond is borrowed. The pool always keeps room for one command of
//!   [`COMMAND_BYTES_MAX`]; sessions that hold no data and wait for more than they own are served in
//!   the order in which they came.
//! - A command gets all that it needs at once or nothing, so that two never wait for each other.
//!
//! # Limits
//! ```text
//! 0       promised to sessions              borrowed                                       max
//! ├────────────────────────────────┼───────────────────┬─────────────────────┬────────────┤
//!  what each owns, and wide         answers, second     first command of a    logins to
//!  windows up to 1/4 of all         commands: to 1/2    session               come: 1/8
//!                                   of the rest
//! ```
//! Wide windows are the first to go when memory gets short, then answers that pile up and the second
//! command of a session. What is promised never takes the room of the longest command. What can only be freed by the peer, an unanswered R2T or Data-In that it does
//! not take, ends with its session when it stands still while others wait; see
//! [`Limits::stall_timeout`](crate::Limits::stall_timeout).
//!
//! Not counted, because each is bounded by itself: connections that have not logged in (64 KiB of text
//! each), the fixed part of a connection (its stack, its tables, 64 KiB for unwanted bytes), what
//! a device works on (one command for each logical unit), and spare buffers (32 MiB in all; one in use
//! may be 64 KiB longer than its command).

mod pool;
mod share;
#[cfg(test)]
mod tests;

pub use pool::MemoryPool;
pub use share::MemoryMeter;

pub(crate) use pool::{Line, Waker};
pub(crate) use share::{Lane, Need, Share};

/// The least command window of a session, in commands.
pub const WINDOW_FLOOR: u32 = 2;

/// The longest block that a session can always move, whatever others do: what tape software writes.
pub const BLOCK_GUARANTEED_BYTES: u64 = 1 << 20;

/// How much more memory than its length an answer of a device may keep in use: blocks are slices of
/// decompressed frames.
pub const DATA_IN_SLACK_BYTES: u64 = 256 << 10;

/// How much of answers other than Data-In, and of requests other than commands, a session may always
/// have waiting.
pub const CONTROL_GUARANTEED_BYTES: u64 = 256 << 10;

/// The longest transfer of a command, either way: twice the longest block of a tape.
pub const TRANSFER_BYTES_MAX: u32 = 32 << 20;

/// What one command can need: the longest transfer, and what an answer keeps beyond its length.
pub const COMMAND_BYTES_MAX: u64 = TRANSFER_BYTES_MAX as u64 + DATA_IN_SLACK_BYTES;

/// What a session owns from login to its end when FirstBurstLength is 256 KiB; less when it is less.
pub const SESSION_GUARANTEED_BYTES: u64 = WINDOW_FLOOR as u64 * (256 << 10)
    + BLOCK_GUARANTEED_BYTES
    + DATA_IN_SLACK_BYTES
    + CONTROL_GUARANTEED_BYTES;

/// What one session can hold at most, its own and borrowed memory together.
pub const SESSION_BYTES_MAX: u64 = 64 << 20;

/// What the process reserves for all sessions together when nobody says anything.
pub const POOL_BYTES_DEFAULT: u64 = 1 << 30;

/// The smallest pool that is of use: a dozen sessions, and one command of any length.
pub const POOL_BYTES_MIN: u64 = 64 << 20;

const _: () = assert!(COMMAND_BYTES_MAX + 12 * SESSION_GUARANTEED_BYTES <= POOL_BYTES_MIN);
