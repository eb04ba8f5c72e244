//! REPORT TARGET PORT GROUPS: one group, with the one port through which the command came.

use scsi::spc::target_port_groups::ReportTargetPortGroups;
use scsi::{Cdb, Response};

use super::Primary;
use crate::nexus::{ItNexus, TARGET_PORT_GROUP};

impl Primary {
    pub(in super::super) fn report_target_port_groups(nexus: &ItNexus, cdb: &Cdb) -> Response {
        match ReportTargetPortGroups::parse(cdb) {
            Ok(command) => {
                let data = command.parameter_data(TARGET_PORT_GROUP, nexus.target_port.relative);
                Response::allocated(data, command.allocation_length as usize)
            }
            Err(sense) => sense.into(),
        }
    }
}
