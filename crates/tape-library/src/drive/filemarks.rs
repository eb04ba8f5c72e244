//! WRITE FILEMARKS(6) and (16) (SSC-5 §5.8, §6.9).

use scsi::ssc::mode_header::BufferedMode;
use scsi::ssc::write_filemarks::WriteFilemarks;
use scsi::{Cdb, NexusId, Response, Sense};

use super::Machine;
use super::read::with_residue;

impl Machine {
    /// WRITE FILEMARKS. With IMMED=0 everything written before and the marks are durable when
    /// this answers, whatever the count; with IMMED=1 nothing is promised.
    pub(super) fn write_filemarks(&mut self, nexus: NexusId, cdb: &Cdb) -> Result<Response, Sense> {
        let command = WriteFilemarks::parse(cdb);
        // SSC-5 §6.9: in unbuffered mode an answer before the marks are written is not allowed.
        if command.immediate && self.mode.buffering == BufferedMode::Unbuffered {
            return Err(WriteFilemarks::immediate_refused());
        }
        self.loaded()?;
        let residue = i64::from(command.count);
        if command.count > 0 {
            self.check_writable()?;
            self.begin(command.start)?;
            self.take_over_buffer(nexus)?;
            if let Err(error) = self.loaded()?.append_filemarks(command.count) {
                return Err(with_residue(self.write_fault(&error), residue));
            }
        }
        if !command.immediate || (command.count > 0 && self.synchronizes_here()?) {
            self.synchronize()
                .map_err(|sense| with_residue(sense, residue))?;
        }
        if command.count == 0 {
            return Ok(Response::good()); // who only synchronises has met nothing
        }
        match self.loaded()?.take_warning() {
            Some(warning) => Err(warning.sense()),
            None => Ok(Response::good()),
        }
    }
}
