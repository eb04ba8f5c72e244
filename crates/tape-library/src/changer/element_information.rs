//! REPORT ELEMENT INFORMATION (SMC-3).

use scsi::smc::ReportElementInformation;
use scsi::{Cdb, Response};

use super::Changer;

impl Changer {
    pub(super) fn report_element_information(&self, cdb: &Cdb) -> Response {
        let command = match ReportElementInformation::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        let data = self.robot.describe(
            |kind, address| {
                command.element_type.is_none_or(|wanted| wanted == kind)
                    && u32::from(address.0) >= command.start
            },
            usize::MAX,
            |elements| command.parameter_data(elements),
        );
        Response::allocated(data, command.allocation_length as usize)
    }
}
