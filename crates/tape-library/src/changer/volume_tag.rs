//! SEND VOLUME TAG and REQUEST VOLUME ELEMENT ADDRESS (SMC-3): finding cartridges by barcode.
//!
//! What one initiator looks for and finds is its own, until it looks for something else. Each element is
//! reported once for each search; only whole descriptors are, so that an initiator with little room asks
//! again and gets the rest. An allocation length of eight bytes tells how much room all of it takes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use scsi::smc::{
    ElementDescriptor, ElementStatusReport, RequestVolumeElementAddress, SendVolumeTag, Tags,
    VolumeTagTemplate,
};
use scsi::{Cdb, Command, ElementAddress, NexusId, Response, Sense};

use super::Changer;
use super::read_element_status::add_pages;

/// What each initiator has found and not been told yet.
#[derive(Debug, Default)]
pub(super) struct Searches(Mutex<HashMap<NexusId, Search>>);

#[derive(Debug, Default)]
struct Search {
    action_code: u8,
    /// Ascending.
    found: Vec<ElementAddress>,
}

impl Searches {
    pub(super) fn forget(&self, nexus: NexusId) {
        self.lock().remove(&nexus);
    }

    pub(super) fn forget_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NexusId, Search>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changer {
    pub(super) fn send_volume_tag(&self, nexus: NexusId, command: &Command) -> Response {
        let parsed = match SendVolumeTag::parse(&command.cdb) {
            Ok(parsed) => parsed,
            Err(sense) => return sense.into(),
        };
        let length = u32::from(parsed.parameter_list_length);
        let response = match self.search(nexus, parsed, &command.data_out) {
            Ok(()) => Response::good(),
            Err(sense) => sense.into(),
        };
        response.with_data_out_length(length)
    }

    fn search(&self, nexus: NexusId, command: SendVolumeTag, list: &[u8]) -> Result<(), Sense> {
        if command.parameter_list_length == 0 {
            return Ok(());
        }
        let action = command.action;
        let template = VolumeTagTemplate::parse(list, action)?;
        let is_found = |element: &&ElementDescriptor<'_>| {
            let barcode = element.barcode;
            barcode.is_some_and(|barcode| template.finds(action, barcode))
        };
        let found = self.robot.describe(
            |kind, address| {
                command.element_type.is_none_or(|wanted| wanted == kind) && address >= command.start
            },
            usize::MAX,
            |elements| {
                let found = elements.iter().filter(is_found);
                found.map(|element| element.address).collect()
            },
        );
        let search = Search {
            action_code: action.code,
            found,
        };
        self.searches.lock().insert(nexus, search);
        Ok(())
    }

    pub(super) fn request_volume_element_address(&self, nexus: NexusId, cdb: &Cdb) -> Response {
        let command = match RequestVolumeElementAddress::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        let mut searches = self.searches.lock();
        let search = searches.entry(nexus).or_default();
        let (data, told) = self.robot.describe(
            |kind, address| {
                command.element_type.is_none_or(|wanted| wanted == kind)
                    && address >= command.start
                    && search.found.binary_search(&address).is_ok()
            },
            usize::from(command.count),
            |elements| findings(&command, search.action_code, elements),
        );
        search.found.retain(|address| !told.contains(address));
        Response::allocated(data, command.allocation_length as usize)
    }
}

/// Returns the report, and which elements of it there is room for.
fn findings(
    command: &RequestVolumeElementAddress,
    action_code: u8,
    elements: &[ElementDescriptor<'_>],
) -> (Vec<u8>, Vec<ElementAddress>) {
    let tags = Tags {
        volume_tag: command.volume_tag,
        device_id: false,
    };
    let report = |elements: &[ElementDescriptor<'_>]| {
        let mut report = ElementStatusReport::of_search(tags, action_code);
        add_pages(&mut report, elements);
        report.into_bytes()
    };
    let room = command.allocation_length as usize;
    let fitting = &elements[..ElementStatusReport::count_that_fits(tags, elements, room)];
    // The header tells of everything that was found; what follows of what fits.
    let mut data = report(fitting);
    let header = ..ElementStatusReport::HEADER_LENGTH;
    data[header].copy_from_slice(&report(elements)[header]);
    let told = fitting.iter().map(|element| element.address).collect();
    (data, told)
}
