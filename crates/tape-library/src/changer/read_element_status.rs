//! READ ELEMENT STATUS (SMC-3).

use scsi::smc::{ElementDescriptor, ElementStatusReport, ReadElementStatus, Tags};
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
            device_id: command.device_id || self.identity.names_drives_unasked,
        });
        self.robot.describe(
            |kind, address| {
                command.element_type.is_none_or(|wanted| wanted == kind) && address >= command.start
            },
            usize::from(command.count),
            |elements| add_pages(&mut report, elements),
        );
        Response::allocated(report.into_bytes(), command.allocation_length as usize)
    }
}

/// Adds a page for each run of elements of one type.
pub(super) fn add_pages(report: &mut ElementStatusReport, elements: &[ElementDescriptor<'_>]) {
    for page in elements.chunk_by(|one, next| one.element_type == next.element_type) {
        if let Some(first) = page.first() {
            report.page(first.element_type, page);
        }
    }
}
