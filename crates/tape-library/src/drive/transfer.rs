//! How much a READ or WRITE moves.

use scsi::ssc::read_write::Transfer;
use scsi::{Cdb, Sense};

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
    /// The bytes of the whole run: at most [`TRANSFER_BYTES_MAX`] when [`Machine::run`] made it.
    pub(super) const fn bytes(self) -> u32 {
        self.blocks * self.block_length
    }

    /// Whether there is nothing to do.
    pub(super) const fn is_empty(self) -> bool {
        self.blocks == 0 || self.block_length == 0
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
    /// Resolves the transfer length of `cdb`, which has to be one that can be moved at once.
    pub(super) fn run(&self, cdb: &Cdb, transfer: Transfer) -> Result<Run, Sense> {
        let run = self.resolve(transfer)?;
        let bytes = u64::from(run.blocks) * u64::from(run.block_length);
        if bytes > u64::from(TRANSFER_BYTES_MAX) {
            return Err(Transfer::invalid_length(cdb));
        }
        Ok(run)
    }

    /// Resolves a transfer length of any size. FIXED=1 needs a block length (SSC-5 §6.4, §6.8).
    pub(super) fn resolve(&self, transfer: Transfer) -> Result<Run, Sense> {
        Ok(match transfer {
            Transfer::Bytes(length) => Run {
                blocks: 1,
                block_length: length,
                fixed: false,
            },
            Transfer::Blocks(blocks) => Run {
                blocks,
                block_length: self.fixed_length()?,
                fixed: true,
            },
        })
    }

    /// Returns the block length in force, which FIXED=1 means.
    pub(super) fn fixed_length(&self) -> Result<u32, Sense> {
        match self.mode.block_length {
            0 => Err(Transfer::no_block_length()),
            length => Ok(length),
        }
    }
}
