//! REWIND, LOCATE and READ POSITION (SSC-5 §6.3, §7.4, §7.7, §7.10).
//!
//! IMMED only permits an answer before the end of the motion; ours is over at once, so it changes
//! nothing.

use cartridge::Located;
use scsi::ssc::locate::{Destination, Locate};
use scsi::ssc::read_position::{Position, ReadPosition};
use scsi::{Cdb, Response, Sense};

use super::Machine;
use super::read::end_of_data;

impl Machine {
    /// REWIND: synchronises, then moves to the beginning of the partition.
    pub(super) fn rewind(&mut self) -> Result<Response, Sense> {
        self.synchronize()?;
        let mounted = self.loaded()?;
        mounted.trust_position();
        match mounted.cartridge.rewind() {
            Ok(()) => Ok(Response::good()),
            Err(error) => Err(self.read_fault(&error)),
        }
    }

    /// LOCATE(10), LOCATE(16): synchronises, then moves to an object, a file or the end of data.
    pub(super) fn locate(&mut self, cdb: &Cdb) -> Result<Response, Sense> {
        let locate = Locate::parse(cdb)?;
        let at = self.loaded()?.cartridge.position();
        let partition = locate.partition.unwrap_or(at.partition);
        if partition >= self.loaded()?.cartridge.partitions() {
            return Err(locate.invalid_partition());
        }
        if partition == at.partition {
            self.synchronize()?;
        } else {
            self.change_partition(partition)?;
        }
        let mounted = self.loaded()?;
        mounted.trust_position();
        let located = match locate.destination {
            Destination::Object(object) => mounted.cartridge.locate_block(object),
            Destination::File(file) => mounted.cartridge.locate_filemark(file),
            Destination::EndOfData => mounted
                .cartridge
                .space_end_of_data()
                .map(|()| Located::Reached),
        };
        match located {
            Ok(Located::Reached) => Ok(Response::good()),
            // The position is then the end of data (SSC-5 §6.3, §7.4).
            Ok(Located::EndOfData) => Err(end_of_data(mounted)),
            Err(error) => Err(self.read_fault(&error)),
        }
    }

    /// Goes to the beginning of a partition that there is. Synchronises first; when that fails nothing
    /// changes.
    pub(super) fn change_partition(&mut self, partition: u8) -> Result<(), Sense> {
        self.synchronize()?;
        let mounted = self.loaded()?;
        mounted.trust_position();
        match mounted.cartridge.change_partition(partition) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.read_fault(&error)),
        }
    }

    /// READ POSITION: moves nothing and waits for nothing.
    pub(super) fn read_position(&mut self, cdb: &Cdb) -> Result<Response, Sense> {
        let command = ReadPosition::parse(cdb)?;
        let mounted = self.loaded()?;
        let at = mounted.cartridge.position();
        let position = Position {
            beginning_of_partition: at.object == 0,
            end_of_partition: mounted.is_beyond_early_warning(),
            beyond_programmable_early_warning: mounted.is_beyond_programmable_early_warning(),
            partition: at.partition,
            object: at.object,
            file: at.filemarks,
            buffered_objects: mounted.buffered_objects,
            buffered_bytes: mounted.buffered_bytes,
        };
        Ok(Response::allocated(
            position.to_bytes(command.form),
            command.allocation_length,
        ))
    }
}
