//! OPEN/CLOSE IMPORT/EXPORT ELEMENT (SMC-3), and the `eepos` of mtx, which does the same in a move.

use scsi::smc::{DoorAction, ElementType, OpenCloseImportExportElement};
use scsi::{AdditionalSense, Cdb, NexusId, Response, Sense};

use super::Changer;
use super::move_medium::invalid_element;
use crate::library::Asker;

impl Changer {
    /// Any of the import/export elements stands for the one door that they have.
    pub(super) fn open_close_import_export_element(&self, nexus: NexusId, cdb: &Cdb) -> Response {
        let command = match OpenCloseImportExportElement::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        let kind = self.robot.layout().kind(command.element);
        if kind != Some(ElementType::ImportExport) {
            return invalid_element(OpenCloseImportExportElement::ELEMENT_OFFSET).into();
        }
        match self.move_station(nexus, command.action) {
            Ok(()) => Response::good(),
            Err(sense) => sense.into(),
        }
    }

    pub(super) fn move_station(&self, nexus: NexusId, action: DoorAction) -> Result<(), Sense> {
        let moved = self.robot.move_station(action, Asker::Initiator(nexus));
        moved
            .map_err(|_prevented| Sense::illegal_request(AdditionalSense::MEDIUM_REMOVAL_PREVENTED))
    }
}
