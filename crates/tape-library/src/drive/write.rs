//! WRITE(6) (SSC-5 §6.8).

use bytes::Bytes;
use scsi::ssc::read_write::{Transfer, Write};
use scsi::{Command, Response, Sense, SenseKey};

use super::Machine;
use super::fault::end_of_medium;
use super::read::with_residue;
use super::transfer::Run;

impl Machine {
    /// WRITE(6). The blocks are accepted, not durable, when this answers GOOD; in unbuffered mode
    /// they are durable.
    pub(super) fn write(&mut self, command: &Command) -> Response {
        let write = Write::parse(&command.cdb);
        let run = match self.run(write.transfer) {
            Ok(run) => run,
            Err(sense) => return sense.into(),
        };
        let response = match self.write_run(run, &command.data_out) {
            Ok(()) => Response::good(),
            Err(sense) => sense.into(),
        };
        response.with_data_out_length(run.bytes())
    }

    fn write_run(&mut self, run: Run, data: &Bytes) -> Result<(), Sense> {
        if run.bytes() == 0 {
            return self.loaded().map(|_| ());
        }
        // A fixed block length was checked when MODE SELECT set it.
        if !run.fixed && !self.block_limits().allow(run.block_length) {
            return Err(Transfer::invalid_length());
        }
        self.check_writable()?;
        // An initiator that offers less than its CDB demands: nothing is written, rather than a
        // part. Surplus is left over (RFC 7143 §11.4.5.1 tells both as residual).
        if data.len() < run.bytes() as usize {
            return Err(Transfer::invalid_length());
        }
        let warned = self.append_run(run, data)?;
        if !self.mode.buffered {
            self.synchronize()
                .map_err(|sense| with_residue(sense, run.residue(0)))?;
        }
        if warned {
            // All of it is written: "the INFORMATION field" is 0 (SSC-5 §6.8).
            return Err(end_of_medium(SenseKey::NoSense).with_information(0));
        }
        Ok(())
    }

    /// Appends the blocks of `run`; returns whether early warning was met.
    fn append_run(&mut self, run: Run, data: &Bytes) -> Result<bool, Sense> {
        let mounted = self.loaded()?;
        let length = run.block_length as usize;
        let mut warned = false;
        for done in 0..run.blocks {
            let start = done as usize * length;
            match mounted.append_block(data.slice(start..start + length)) {
                Ok(met) => warned |= met,
                Err(error) => {
                    let sense = self.write_fault(&error);
                    return Err(with_residue(sense, run.residue(done)));
                }
            }
        }
        Ok(warned)
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
