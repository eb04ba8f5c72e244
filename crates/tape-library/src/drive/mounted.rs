//! A cartridge in the drive, with what the drive counts about it.

use std::io;

use bytes::Bytes;
use cartridge::{DriveName, Error, Memory, Position, Read, Work};

use super::Volume;
use super::early_warning::Zones;
use super::life::Life;
use super::write_policy::WritePolicy;
use crate::inject::{Append, Injector};

/// A cartridge in the drive.
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(super) struct Mounted {
    pub(super) cartridge: Box<dyn Volume>,
    /// What is counted about it.
    pub(super) life: Life,
    /// The write protect tab, or a drive that can only read such media.
    pub(super) write_protected: bool,
    /// The same without faults on order.
    tab: bool,
    /// Unthreaded by a command with HOLD: inside the drive, and LOAD is all that it needs.
    pub(super) held: bool,
    injector: Injector,
    /// Objects accepted since the last synchronize: what SSC-5 calls the object buffer.
    pub(super) buffered_objects: u64,
    /// The bytes in them.
    pub(super) buffered_bytes: u64,
    pub(super) bytes_written: u64,
    pub(super) bytes_read: u64,
    /// Nobody has said since the cartridge came back where it stands.
    position_distrusted: bool,
    pub(super) zones: Zones,
    pub(super) policy: WritePolicy,
}

impl Mounted {
    /// The cartridge was threaded by `drive`.
    pub(super) fn new(
        cartridge: Box<dyn Volume>,
        write_protected: bool,
        drive: &DriveName,
        injector: Injector,
    ) -> Self {
        Self {
            life: Life::begin(&*cartridge, drive),
            cartridge,
            write_protected,
            tab: write_protected,
            held: false,
            injector,
            buffered_objects: 0,
            buffered_bytes: 0,
            bytes_written: 0,
            bytes_read: 0,
            position_distrusted: false,
            zones: Zones::default(),
            policy: WritePolicy::default(),
        }
    }

    /// An initiator had it unloaded, and it was threaded again by `drive`.
    pub(super) fn begin_load(&mut self, drive: &DriveName) {
        self.life = Life::begin(&*self.cartridge, drive);
    }

    /// Returns its memory with everything that was counted until now.
    pub(super) fn memory(&self) -> Memory {
        self.life.memory(&*self.cartridge)
    }

    /// Returns what was done with it since it was threaded.
    pub(super) fn work(&self) -> Work {
        self.life.work(&*self.cartridge)
    }

    /// Replaces its memory, see [`Life::write`].
    pub(super) fn set_memory(&mut self, memory: Memory) -> Result<(), Error> {
        self.life.write(&mut *self.cartridge, memory)
    }

    /// To be called before anything on the cartridge changes, see [`Life::before_change`].
    pub(super) fn before_change(&mut self) -> Result<(), Error> {
        self.life.before_change(&mut *self.cartridge)
    }

    /// Writes what was counted into its memory. Durable when it returns.
    pub(super) fn remember(&mut self) -> Result<(), Error> {
        self.life.remember(&mut *self.cartridge)
    }

    /// Refuses to append and erase until an initiator names a place, unless nothing can be lost.
    pub(super) fn distrust_position(&mut self) {
        self.position_distrusted = self.holds_data();
    }

    /// Returns whether there is anything in any partition.
    pub(super) fn holds_data(&self) -> bool {
        let mut usages =
            (0..self.cartridge.partitions()).filter_map(|it| self.cartridge.usage_of(it));
        usages.any(|usage| usage.blocks + usage.filemarks > 0)
    }

    /// An initiator has named a place.
    pub(super) fn trust_position(&mut self) {
        self.position_distrusted = false;
    }

    /// Returns whether appending and erasing happen where the initiators believe. At the end of data
    /// nothing can be cut off, wherever they believe to be, unless that is in another partition.
    pub(super) fn check_position(&self) -> Result<(), Error> {
        let at_end = self.cartridge.position().object == self.cartridge.end_of_data().object;
        if at_end && self.cartridge.partitions() == 1 {
            return Ok(());
        }
        self.check_named_position()
    }

    /// The same without a place where it does not matter.
    pub(super) fn check_named_position(&self) -> Result<(), Error> {
        if self.position_distrusted {
            return Err(Error::PositionLost);
        }
        Ok(())
    }

    /// Returns whether something may be appended at the position, and what follows be cut off.
    fn check_append(&self) -> Result<(), Error> {
        self.check_position()?;
        self.check_overwrite()
    }

    /// Appends a block. Not durable before [`Mounted::synchronize`]. Which zone was met tells
    /// [`Mounted::take_warning`].
    pub(super) fn append_block(&mut self, block: Bytes) -> Result<(), Error> {
        self.check_append()?;
        self.meet_append_fault()?;
        self.before_change()?;
        let length = block.len() as u64;
        let from = self.cartridge.position();
        match self.cartridge.append_block(block) {
            Ok(_) => {
                self.buffered_objects += 1;
                self.buffered_bytes += length;
                self.bytes_written += length;
                self.used_overwrite();
                self.appended(from);
                Ok(())
            }
            Err(error) => Err(self.forget_lost(error)),
        }
    }

    /// Appends filemarks, as [`Mounted::append_block`].
    pub(super) fn append_filemarks(&mut self, count: u32) -> Result<(), Error> {
        if count > 0 {
            self.check_append()?;
            self.meet_append_fault()?;
            self.before_change()?;
        }
        let from = self.cartridge.position();
        match self.cartridge.append_filemarks(count) {
            Ok(_) => {
                self.buffered_objects += u64::from(count);
                if count > 0 {
                    self.used_overwrite();
                }
                self.appended(from);
                Ok(())
            }
            Err(error) => Err(self.forget_lost(error)),
        }
    }

    /// Reads the next object. As [`Volume::read_block`], but for faults on order.
    pub(super) fn read_block(&mut self) -> Result<Read, Error> {
        if self.injector.is_armed() {
            let Position {
                partition, object, ..
            } = self.cartridge.position();
            let barcode = &self.cartridge.label().barcode;
            if let Some(reason) = self.injector.reads(barcode, partition, object) {
                return Err(Error::Damaged {
                    first_object: object,
                    last_object: object,
                    reason,
                });
            }
        }
        self.cartridge.read_block()
    }

    /// Looks again at the faults that are a state of the cartridge.
    pub(super) fn heed_faults(&mut self) {
        let barcode = &self.cartridge.label().barcode;
        self.write_protected = self.tab || self.injector.protects(barcode);
    }

    fn meet_append_fault(&self) -> Result<(), Error> {
        if !self.injector.is_armed() {
            return Ok(());
        }
        let Position {
            partition, object, ..
        } = self.cartridge.position();
        let barcode = &self.cartridge.label().barcode;
        match self.injector.appends(barcode, partition, object) {
            None => Ok(()),
            Some(Append::EndOfMedium) => Err(Error::VolumeFull),
            Some(Append::Fails(blame)) => Err(Error::Io {
                operation: "append".to_owned(),
                source: io::Error::other(blame),
            }),
        }
    }

    /// Takes note of what was appended from `from` on.
    fn appended(&mut self, from: Position) {
        self.settle_programmable();
        self.zones.appended(from, self.cartridge.usage());
        let barcode = &self.cartridge.label().barcode;
        if self.injector.warns(barcode, from.partition, from.object) {
            self.zones.force_early_warning(from);
        }
    }

    /// Erases from the position on, unless data may not be. Durable when it returns.
    pub(super) fn erase(&mut self) -> Result<(), Error> {
        self.check_append()?;
        self.before_change()?;
        let erased = self.cartridge.erase();
        self.used_overwrite();
        erased.map_err(|error| self.forget_lost(error))
    }

    /// Returns when everything accepted is on stable storage.
    pub(super) fn synchronize(&mut self) -> Result<(), Error> {
        match self.cartridge.synchronize() {
            Ok(()) => {
                self.empty_buffer();
                Ok(())
            }
            Err(error) => Err(self.forget_lost(error)),
        }
    }

    /// After a deferred error nothing is in the buffer: it did not reach the medium and is gone.
    pub(super) fn forget_lost(&mut self, error: Error) -> Error {
        if let Error::Deferred { .. } = error {
            self.empty_buffer();
        }
        error
    }

    fn empty_buffer(&mut self) {
        self.buffered_objects = 0;
        self.buffered_bytes = 0;
    }
}
