//! MODE SENSE and MODE SELECT (SPC-5 §6.11 to §6.14) with the changer's pages (SMC-3 §7.3).

use std::sync::{MutexGuard, PoisonError};

use scsi::smc::ElementType;
use scsi::smc::mode_pages::{ChangerParameters, ElementAddressAssignment, ElementRange};
use scsi::spc::mode::{ModeSelect, ModeSense, ParameterList, changed_pages, selected_pages};
use scsi::{AdditionalSense, Cdb, Command, NexusId, Response, Sense};

use super::Changer;
use crate::library::Robot;

/// Returns the mode parameters after power on and reset.
pub(super) fn default_parameters(robot: &Robot) -> ChangerParameters {
    let range = |kind| {
        let range = robot.layout().range(kind);
        let count = range.end - range.start;
        // SMC-3: the address is zero when there are no elements of the type.
        let first = if count == 0 { 0 } else { range.start };
        ElementRange { first, count }
    };
    ChangerParameters::new(ElementAddressAssignment {
        medium_transport: range(ElementType::MediumTransport),
        storage: range(ElementType::Storage),
        import_export: range(ElementType::ImportExport),
        data_transfer: range(ElementType::DataTransfer),
    })
}

impl Changer {
    pub(super) fn mode_sense(&self, cdb: &Cdb) -> Response {
        let command = ModeSense::parse(cdb);
        let default = default_parameters(&self.robot);
        selected_pages(&command, &*self.parameters(), &default)
            .and_then(|pages| {
                let list = ParameterList {
                    medium_type: 0,
                    device_specific: 0,
                    block_descriptor: None,
                    pages,
                };
                list.response(&command)
            })
            .unwrap_or_else(Response::from)
    }

    /// Nothing changes unless all of the list is in order.
    pub(super) fn mode_select(&self, nexus: NexusId, command: &Command) -> Response {
        let select = ModeSelect::parse(&command.cdb);
        let response = match self.select(nexus, select, &command.data_out) {
            Ok(()) => Response::good(),
            Err(sense) => sense.into(),
        };
        response.with_data_out_length(u32::from(select.parameter_list_length))
    }

    /// Header and descriptor of the list are not looked at: a changer has no use for what they say.
    fn select(&self, nexus: NexusId, select: ModeSelect, data: &[u8]) -> Result<(), Sense> {
        let Some(list) = select.parameter_list(data)? else {
            return Ok(());
        };
        let (list, first_page) = ParameterList::parse(select.form, list)?;
        let mut current = self.parameters();
        let wanted = changed_pages(&*current, &list.pages, first_page)?;
        if wanted != *current {
            *current = wanted;
            self.attentions
                .establish_for_others(nexus, AdditionalSense::MODE_PARAMETERS_CHANGED);
        }
        Ok(())
    }

    pub(super) fn parameters(&self) -> MutexGuard<'_, ChangerParameters> {
        // A change is one assignment.
        self.parameters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
