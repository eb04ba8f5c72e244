//! Commands that change blocks (SBC-3).

use scsi::{AdditionalSense, Command, Response, Sense, SenseKey};

use super::blocks::Blocks;
use super::commands::UNMAP_ANCHOR;
use super::transfer::{Compare, length_of, miscompare};
use super::{Access, BLOCK_LENGTH, RamDisk, State};

/// MAXIMUM COMPARE AND WRITE LENGTH in the Block Limits page.
pub(super) const COMPARE_AND_WRITE_BLOCKS_MAX: u8 = 255;

impl RamDisk {
    /// WRITE. An initiator may offer less than its CDB says; what it offers is written, and the
    /// residual tells the rest.
    pub(super) fn write(&self, command: &Command) -> Response {
        self.change(
            command,
            Blocks::parse(&command.cdb),
            Blocks::length,
            |there, given| {
                there[..given.len()].copy_from_slice(given);
                Ok(())
            },
        )
    }

    /// WRITE AND VERIFY. What is in memory need not be verified.
    pub(super) fn write_and_verify(&self, command: &Command) -> Response {
        match Compare::parse(&command.cdb) {
            Ok(_) => self.write(command),
            Err(sense) => sense.into(),
        }
    }

    /// ORWRITE.
    pub(super) fn or_write(&self, command: &Command) -> Response {
        self.change(
            command,
            Blocks::parse(&command.cdb),
            Blocks::length,
            |there, given| {
                for (there, given) in there.iter_mut().zip(given) {
                    *there |= given;
                }
                Ok(())
            },
        )
    }

    /// COMPARE AND WRITE: first what is expected, then what comes in its place.
    pub(super) fn compare_and_write(&self, command: &Command) -> Response {
        let blocks = Blocks::parse(&command.cdb).and_then(|blocks| {
            let maximum = usize::from(COMPARE_AND_WRITE_BLOCKS_MAX) * BLOCK_LENGTH;
            if blocks.length() > maximum {
                return Err(Sense::invalid_field_in_cdb(13));
            }
            Ok(blocks)
        });
        let both = |blocks: Blocks| 2 * blocks.length();
        self.change(command, blocks, both, |there, given| {
            let Some((expected, new)) = given.split_at_checked(there.len()) else {
                return Err(too_short());
            };
            if there != expected {
                return Err(miscompare());
            }
            there[..new.len()].copy_from_slice(new);
            Ok(())
        })
    }

    /// WRITE SAME. Without thin provisioning there is nothing to unmap or to anchor.
    pub(super) fn write_same(&self, command: &Command) -> Response {
        let blocks = Blocks::parse_to_the_end(&command.cdb);
        self.change(
            command,
            blocks,
            |_| BLOCK_LENGTH,
            |there, given| {
                if command.cdb.byte(1) & UNMAP_ANCHOR != 0 {
                    return Err(Sense::invalid_field_in_cdb(1));
                }
                if given.len() < BLOCK_LENGTH {
                    return Err(too_short());
                }
                for block in there.chunks_mut(BLOCK_LENGTH) {
                    block.copy_from_slice(given);
                }
                Ok(())
            },
        )
    }

    /// Has `change` bring data into the blocks: as many bytes as `wanted` says, or fewer.
    fn change(
        &self,
        command: &Command,
        blocks: Result<Blocks, Sense>,
        wanted: impl Fn(Blocks) -> usize,
        change: impl FnOnce(&mut [u8], &[u8]) -> Result<(), Sense>,
    ) -> Response {
        let mut state = self.lock();
        let blocks = match blocks.and_then(|blocks| self.check_writable(&state).map(|()| blocks)) {
            Ok(blocks) => blocks,
            Err(sense) => return sense.into(),
        };
        let wanted = wanted(blocks);
        let given = &command.data_out[..command.data_out.len().min(wanted)];
        let response = match change(&mut state.data[blocks.range()], given) {
            Ok(()) => Response::good(),
            Err(sense) => sense.into(),
        };
        response.with_data_out_length(length_of(wanted))
    }

    /// Returns whether the medium is protected.
    pub(super) fn is_protected(&self, state: &State) -> bool {
        self.access == Access::ReadOnly || state.software_write_protect
    }

    fn check_writable(&self, state: &State) -> Result<(), Sense> {
        if self.is_protected(state) {
            let protected = AdditionalSense::WRITE_PROTECTED;
            return Err(Sense::new(SenseKey::DataProtect, protected));
        }
        Ok(())
    }
}

fn too_short() -> Sense {
    Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR)
}
