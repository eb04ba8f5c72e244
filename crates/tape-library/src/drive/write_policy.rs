//! What may be overwritten: append-only mode and ALLOW OVERWRITE (SSC-5 §4.2.17, §5.1).
//!
//! A WORM cartridge sees to itself: the cartridge refuses. Append-only mode is the drive's, and asks
//! the same of any cartridge, but for what ALLOW OVERWRITE has named. As on a WORM cartridge,
//! filemarks right before the end of data are no data.

use cartridge::Error;
use scsi::spc::attribute::definition::VOLUME_COHERENCY_INFORMATION;
use scsi::ssc::allow_overwrite::AllowOverwrite;
use scsi::{AdditionalSense, Cdb, Response, Sense};

use super::Machine;
use super::mounted::Mounted;

/// What the drive may overwrite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WritePolicy {
    append_only: bool,
    /// What ALLOW OVERWRITE has named since. The first command that makes use of it uses it up.
    allowed: AllowOverwrite,
}

impl Default for WritePolicy {
    fn default() -> Self {
        Self {
            append_only: false,
            allowed: AllowOverwrite::Disabled,
        }
    }
}

impl Machine {
    /// ALLOW OVERWRITE. A drive without append-only mode does not have the command; out of that mode
    /// there is nothing to allow.
    pub(super) fn allow_overwrite(&mut self, cdb: &Cdb) -> Result<Response, Sense> {
        let extension = &self.mode.parameters.device_configuration_extension;
        if !extension.append_only_capable {
            return Err(Sense::illegal_request(
                AdditionalSense::INVALID_COMMAND_OPERATION_CODE,
            ));
        }
        let append_only = extension.append_only;
        let allowed = AllowOverwrite::parse(cdb)?;
        let mounted = self.loaded()?;
        mounted.policy.allowed = AllowOverwrite::Disabled;
        if !append_only {
            return Err(Sense::illegal_request(
                AdditionalSense::COMMAND_SEQUENCE_ERROR,
            ));
        }
        if let AllowOverwrite::Position(place) = allowed {
            let at = mounted.cartridge.position();
            if (place.partition, place.object) != (at.partition, at.object) {
                return Err(Sense::illegal_request(
                    AdditionalSense::SEQUENTIAL_POSITIONING_ERROR,
                ));
            }
        }
        mounted.policy.allowed = allowed;
        Ok(Response::good())
    }
}

impl Mounted {
    /// Turns append-only mode on or off. What ALLOW OVERWRITE named before is forgotten then.
    pub(super) fn set_append_only(&mut self, append_only: bool) {
        if self.policy.append_only != append_only {
            self.policy = WritePolicy {
                append_only,
                ..WritePolicy::default()
            };
        }
    }

    /// Refuses what would overwrite data that may not be.
    pub(super) fn check_overwrite(&self) -> Result<(), Error> {
        let (at, end) = (self.cartridge.position(), self.cartridge.end_of_data());
        let only_filemarks = end.filemarks - at.filemarks == end.object - at.object;
        let allowed = match self.policy.allowed {
            AllowOverwrite::Position(place) => {
                (place.partition, place.object) == (at.partition, at.object)
            }
            AllowOverwrite::Disabled | AllowOverwrite::Format => false,
        };
        if self.policy.append_only && !only_filemarks && !allowed {
            return Err(Error::WriteOnce);
        }
        Ok(())
    }

    /// Makes the cartridge new, unless data may not be overwritten.
    pub(super) fn format(&mut self, partition_bytes: &[u64]) -> Result<(), Error> {
        self.check_named_position()?;
        let allowed = self.policy.allowed == AllowOverwrite::Format;
        if self.policy.append_only && !allowed && self.holds_data() {
            return Err(Error::WriteOnce);
        }
        self.before_change()?;
        self.forget_partitions()?;
        match self.cartridge.format(partition_bytes) {
            Ok(()) => {
                self.used_overwrite();
                self.zones.forget();
                Ok(())
            }
            Err(error) => Err(self.forget_lost(error)),
        }
    }

    /// What the memory says of the partitions goes with them. It goes first: a memory that knows too
    /// little makes an application look for itself, one that is wrong deceives it.
    fn forget_partitions(&mut self) -> Result<(), Error> {
        let mut memory = self.memory();
        memory.formats += 1;
        memory
            .attributes
            .retain(|partition, id| partition == 0 && id != VOLUME_COHERENCY_INFORMATION);
        self.set_memory(memory)
    }

    /// What ALLOW OVERWRITE has named is used up.
    pub(super) fn used_overwrite(&mut self) {
        self.policy.allowed = AllowOverwrite::Disabled;
    }
}
