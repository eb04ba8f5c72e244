//! What a drive counts about the cartridge in it, and when the cartridge's memory hears of it.
//!
//! # Purpose
//! A cartridge's memory tells how often it was loaded, how much was written to it in its life, and
//! with its change reference whether it is still as an application left it.
//!
//! # Crash
//! The memory is written before the first change after a load, when the cartridge is unloaded, when
//! the gateway stops in order, and when an application writes an attribute. What was counted in
//! between is lost with the process; the change reference never is.

use cartridge::{DriveName, Error, Memory, Work};

use super::Volume;

/// The memory of a cartridge in the drive, with what is not written into it yet.
pub(super) struct Life {
    /// As it was written last, but for the counts.
    memory: Memory,
    /// What had been done with the cartridge before this load.
    before: Work,
    /// What was done with it in the load before.
    previous: Work,
    /// What the cartridge had counted before this load: it stays open when an initiator unloads it.
    offset: Work,
    /// Errors of this load. The cartridge does not count them.
    errors: Work,
    /// Whether the cartridge was changed in this load.
    changed: bool,
}

impl Life {
    /// The cartridge was threaded by `drive`.
    pub(super) fn begin(cartridge: &dyn Volume, drive: &DriveName) -> Self {
        let mut memory = cartridge.memory().clone();
        let (before, previous) = (memory.life, memory.last_load);
        memory.count_load(drive.clone());
        Self {
            memory,
            before,
            previous,
            offset: cartridge.work(),
            errors: Work::default(),
            changed: false,
        }
    }

    /// Returns what was done with the cartridge since it was threaded.
    pub(super) fn work(&self, cartridge: &dyn Volume) -> Work {
        cartridge.work().minus(self.offset).plus(self.errors)
    }

    /// Returns the memory with everything that was counted until now.
    pub(super) fn memory(&self, cartridge: &dyn Volume) -> Memory {
        let last_load = self.work(cartridge);
        Memory {
            life: self.before.plus(last_load),
            last_load,
            ..self.memory.clone()
        }
    }

    /// Something on the cartridge is about to change: when it is the first time in this load, its
    /// change reference is another one, durably so, when this returns.
    pub(super) fn before_change(&mut self, cartridge: &mut dyn Volume) -> Result<(), Error> {
        if self.changed {
            return Ok(());
        }
        let mut memory = self.memory(cartridge);
        memory.advance_change_reference();
        memory.write_loads += 1;
        self.write(cartridge, memory)?;
        self.changed = true;
        Ok(())
    }

    /// Writes `memory`, which was [`Life::memory`] a moment ago. Durable when it returns; with an error
    /// everything is as before.
    pub(super) fn write(
        &mut self,
        cartridge: &mut dyn Volume,
        memory: Memory,
    ) -> Result<(), Error> {
        cartridge.set_memory(memory.clone())?;
        self.memory = memory;
        Ok(())
    }

    /// Writes what was counted. Durable when it returns.
    pub(super) fn remember(&mut self, cartridge: &mut dyn Volume) -> Result<(), Error> {
        let memory = self.memory(cartridge);
        self.write(cartridge, memory)
    }

    /// Returns what was done with the cartridge in the load before.
    pub(super) fn previous(&self) -> Work {
        self.previous
    }

    /// A write has failed for good.
    pub(super) fn count_write_error(&mut self) {
        self.errors.write_errors += 1;
    }

    /// A read has failed for good.
    pub(super) fn count_read_error(&mut self) {
        self.errors.read_errors += 1;
    }
}
