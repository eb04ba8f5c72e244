//! WRITE(6) and WRITE(16) (SSC-5 §5.7, §6.8).

use bytes::Bytes;
use cartridge::Error;
use scsi::ssc::mode_header::BufferedMode;
use scsi::ssc::read_write::{Transfer, Write};
use scsi::{Cdb, Command, NexusId, Response, Sense};

use super::Machine;
use super::protection::{added_length, unprotected};
use super::read::with_residue;
use super::transfer::Run;
use crate::room::Passage;

impl Machine {
    /// WRITE. The blocks are accepted, not durable, when this answers GOOD; in unbuffered mode
    /// they are durable.
    pub(super) fn write(&mut self, nexus: NexusId, command: &Command) -> Response {
        let write = Write::parse(&command.cdb);
        let run = match self.run(&command.cdb, write.transfer) {
            Ok(run) => run,
            Err(sense) => return sense.into(),
        };
        let response = match self.write_run(nexus, write, run, command) {
            Ok(()) => Response::good(),
            Err(sense) => sense.into(),
        };
        response.with_data_out_length(run.bytes())
    }

    fn write_run(
        &mut self,
        nexus: NexusId,
        write: Write,
        run: Run,
        command: &Command,
    ) -> Result<(), Sense> {
        if run.is_empty() {
            return self.loaded().map(|_| ());
        }
        let Command { cdb, data_out } = command;
        self.check_run(run, cdb, data_out.len())?;
        self.begin(write.start)?;
        self.take_over_buffer(nexus)?;
        self.admit_run(run)
            .map_err(|sense| with_residue(sense, run.residue(0)))?;
        self.append_run(run, data_out)?;
        if self.mode.buffering == BufferedMode::Unbuffered || self.synchronizes_here()? {
            self.synchronize()
                .map_err(|sense| with_residue(sense, run.residue(0)))?;
        }
        match self.loaded()?.take_warning() {
            Some(warning) => Err(warning.sense()),
            None => Ok(()),
        }
    }

    /// Refuses what cannot be written, before anything is.
    fn check_run(&mut self, run: Run, cdb: &Cdb, offered: usize) -> Result<(), Sense> {
        // Without its protection information a block has to have a length that blocks may have.
        let added = added_length(self.protection().for_writing());
        if !self
            .block_limits()
            .allow(run.block_length.saturating_sub(added))
        {
            return Err(if run.fixed {
                Transfer::no_block_length()
            } else {
                Transfer::invalid_length(cdb)
            });
        }
        self.check_writable()?;
        // An initiator that offers less than its CDB demands: nothing is written, rather than a
        // part. Surplus is left over (RFC 7143 §11.4.5.1 tells both as residual).
        if offered < run.bytes() as usize {
            return Err(Transfer::invalid_length(cdb));
        }
        Ok(())
    }

    /// Heeds the room on the disk, before anything is written: the command is held up, or refused as by a
    /// disk that is full.
    fn admit_run(&mut self, run: Run) -> Result<(), Sense> {
        let Some(room) = self.room.clone() else {
            return Ok(());
        };
        let cartridge = &self.loaded()?.cartridge;
        let cuts = cartridge.position().object < cartridge.end_of_data().object;
        match room.admit(u64::from(run.bytes()), cuts) {
            Passage::Go => Ok(()),
            Passage::Slow(wait) => {
                self.mechanics.owe(wait);
                Ok(())
            }
            Passage::Stop => Err(self.write_fault(&Error::NoSpace)),
        }
    }

    /// Appends the blocks of `run`. A block whose protection information is wrong ends it: those
    /// before it are accepted.
    fn append_run(&mut self, run: Run, data: &Bytes) -> Result<(), Sense> {
        let protection = self.protection().for_writing();
        let mounted = self.loaded()?;
        let length = run.block_length as usize;
        for done in 0..run.blocks {
            let start = done as usize * length;
            let transferred = data.slice(start..start + length);
            let block = unprotected(transferred, protection)
                .map_err(|sense| sense.with_information(run.residue(done)))?;
            if let Err(error) = mounted.append_block(block) {
                let sense = self.write_fault(&error);
                return Err(with_residue(sense, run.residue(done)));
            }
        }
        Ok(())
    }

    /// SEW: whether what is written here goes to the medium before the drive answers.
    pub(super) fn synchronizes_here(&mut self) -> Result<bool, Sense> {
        let configuration = &self.mode.parameters.device_configuration;
        Ok(configuration.synchronize_at_early_warning && self.loaded()?.is_beyond_early_warning())
    }

    /// In buffered mode 2, what another nexus has in the buffer goes to the medium before this one puts
    /// anything in (SSC-5 §8.5.1).
    pub(super) fn take_over_buffer(&mut self, nexus: NexusId) -> Result<(), Sense> {
        let by_another = self.buffer_owner.replace(nexus) != Some(nexus);
        let holds_objects = self.loaded()?.buffered_objects > 0;
        if by_another && holds_objects && self.mode.buffering == BufferedMode::BufferedAlone {
            self.synchronize()?;
        }
        Ok(())
    }

    /// Returns the sense of a drive without cartridge or of one that must not be written.
    pub(super) fn check_writable(&mut self) -> Result<(), Sense> {
        let software = self.is_software_write_protected();
        if self.loaded()?.write_protected || software {
            return Err(self.refuse_writing());
        }
        Ok(())
    }
}
