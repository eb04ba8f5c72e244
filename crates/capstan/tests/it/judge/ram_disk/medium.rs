//! The medium goes out and in: START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL (SBC-3).

use scsi::ssc::prevent_allow::MediumRemoval;
use scsi::{AdditionalSense, Cdb, NexusId, Response, Sense};

use super::RamDisk;

impl RamDisk {
    /// LOEJ moves the medium, unless somebody prevents it; power conditions are taken note of, that
    /// is all.
    pub(super) fn start_stop_unit(&self, nexus: NexusId, cdb: &Cdb) -> Result<Response, Sense> {
        let power_condition = cdb.byte(4) >> 4;
        let (load_eject, start) = (cdb.bit(4, 1), cdb.bit(4, 0));
        // SBC-3, START STOP UNIT: beside a power condition, START and LOEJ are ignored.
        if power_condition != 0 || !load_eject {
            return Ok(Response::good());
        }
        let mut state = self.lock();
        if !state.preventing.is_empty() {
            let prevented = AdditionalSense::MEDIUM_REMOVAL_PREVENTED;
            return Err(Sense::illegal_request(prevented));
        }
        if start && !state.loaded {
            self.attentions
                .establish_for_others(nexus, AdditionalSense::NOT_READY_TO_READY_CHANGE);
        }
        state.loaded = start;
        Ok(Response::good())
    }

    pub(super) fn prevent_allow(&self, nexus: NexusId, cdb: &Cdb) -> Result<Response, Sense> {
        let mut state = self.lock();
        match MediumRemoval::parse(cdb)? {
            MediumRemoval::Prevent => state.preventing.insert(nexus),
            MediumRemoval::Allow => state.preventing.remove(&nexus),
        };
        Ok(Response::good())
    }
}
