//! WRITE FILEMARKS(6) and (16) (SSC-5 §5.8, §6.9).

use scsi::ssc::mode_header::BufferedMode;
use scsi::ssc::write_filemarks::WriteFilemarks;
use scsi::{Cdb, NexusId, Response, Sense, SenseKey};

use super::Machine;
use super::fault::end_of_medium;
use super::read::with_residue;

impl Machine {
    /// WRITE FILEMARKS. With IMMED=0 everything written before and the marks are durable when
    /// this answers, whatever the count; with IMMED=1 nothing is promised.
    pub(super) fn write_filemarks(&mut self, nexus: NexusId, cdb: &Cdb) -> Result<Response, Sense> {
        let command = WriteFilemarks::parse(cdb);
        // SSC-5 §6.9: in unbuffered mode an answer before the marks are written is not allowed.
        if command.immediate && self.mode.buffered_mode == BufferedMode::Unbuffered {
            return Err(WriteFilemarks::immediate_refused());
        }
        self.loaded()?;
        let mut warned = false;
        let residue = i64::from(command.count);
        if command.count > 0 {
            self.check_writable()?;
            self.begin(command.start)?;
            self.take_over_buffer(nexus)?;
            match self.loaded()?.append_filemarks(command.count) {
                Ok(met) => warned = met,
                Err(error) => return Err(with_residue(self.write_fault(&error), residue)),
            }
        }
        if !command.immediate {
            self.synchronize()
                .map_err(|sense| with_residue(sense, residue))?;
        }
        if warned {
            return Err(end_of_medium(SenseKey::NoSense).with_information(0));
        }
        Ok(Response::good())
    }
}
