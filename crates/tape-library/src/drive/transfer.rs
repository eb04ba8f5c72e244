//! How much a READ or WRITE moves.

use scsi::Sense;
use scsi::ssc::read_write::Transfer;

use super::Machine;

/// The most bytes that one READ or WRITE moves. A fixed transfer may ask for terabytes; no initiator
/// has the room, and we would have to gather them before the first byte goes out. Twice the longest
/// block, which is also what transports keep memory for.
pub const TRANSFER_BYTES_MAX: u32 = 32 << 20;

/// A transfer length with its meaning resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// How many blocks; 1 for a variable transfer.
    pub(super) blocks: u32,
    /// How long each is; for a variable transfer the length asked for.
    pub(super) block_length: u32,
    /// The unit of INFORMATION: one block in a fixed transfer, one byte in a variable one.
    pub(super) fixed: bool,
}

impl Run {
    /// The bytes of the whole run.
    pub(super) const fn bytes(self) -> u32 {
        self.blocks * self.block_length
    }

    /// INFORMATION after `done` blocks: "the requested transfer length minus the actual number of
    /// blocks read" or written, in blocks or in bytes (SSC-5 §6.4, §6.8).
    pub(super) const fn residue(self, done: u32) -> i64 {
        let left = (self.blocks - done) as i64;
        if self.fixed {
            left
        } else {
            left * self.block_length as i64
        }
    }
}

impl Machine {
    /// Resolves a transfer length. FIXED=1 needs a block length (SSC-5 §6.4, §6.8).
    pub(super) fn run(&self, transfer: Transfer) -> Result<Run, Sense> {
        let run = match transfer {
            Transfer::Bytes(length) => Run {
                blocks: 1,
                block_length: length,
                fixed: false,
            },
            Transfer::Blocks(_) if self.mode.block_length == 0 => {
                return Err(Transfer::no_block_length());
            }
            Transfer::Blocks(blocks) => Run {
                blocks,
                block_length: self.mode.block_length,
                fixed: true,
            },
        };
        let bytes = u64::from(run.blocks) * u64::from(run.block_length);
        if bytes > u64::from(TRANSFER_BYTES_MAX) {
            return Err(Transfer::invalid_length());
        }
        Ok(run)
    }
}
