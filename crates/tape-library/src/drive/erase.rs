//! ERASE(6) and ERASE(16) (SSC-5 §5.2, §6.2).

use scsi::ssc::erase::Erase;
use scsi::{Cdb, Response, Sense};

use super::Machine;

impl Machine {
    /// ERASE: everything from the position on is gone, and durably so. LONG=0 only demands an end of
    /// data here, LONG=1 the rest erased as well; both are the same to a cartridge that has nothing
    /// behind its end of data. IMMED permits an earlier answer, which we do not give.
    pub(super) fn erase(&mut self, cdb: &Cdb) -> Result<Response, Sense> {
        let erase = Erase::parse(cdb);
        self.check_writable()?;
        self.begin(erase.start)?;
        self.synchronize()?;
        let mounted = self.loaded()?;
        match mounted.erase() {
            Ok(()) => Ok(Response::good()),
            Err(error) => Err(self.write_fault(&error)),
        }
    }
}
