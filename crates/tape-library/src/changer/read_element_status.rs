//! READ ELEMENT STATUS (SMC-3).

use scsi::smc::{ElementStatusReport, ReadElementStatus, Tags};
use scsi::{Cdb, Response};

use super::Changer;

impl Changer {
    /// Reports elements in the ascending order of their addresses, one page for each type. So an
    /// initiator that asks again from the last address on, because its buffer was small, misses
    /// none, whichever bases the profile has.
    pub(super) fn read_element_status(&self, cdb: &Cdb) -> Response {
        let command = match ReadElementStatus::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        let mut report = ElementStatusReport::new(Tags {
            volume_tag: command.volume_tag,
            device_id: command.device_id,
        });
        let mut left = command.count;
        for (kind, _) in self.robot.layout().ranges() {
            if command.element_type.is_none_or(|wanted| wanted == *kind) {
                left -= self.robot.report(&mut report, *kind, command.start, left);
            }
        }
        Response::allocated(report.into_bytes(), command.allocation_length as usize)
    }
}
