//! MODE SENSE and MODE SELECT (SPC-5) with the control page and the changer's pages (SMC-3).
//!
//! No value can be changed: the elements are where the library was made. MODE SELECT accepts a list
//! that says what is so, as an initiator sends it that writes back what it has read.

use scsi::smc::{
    DEVICE_CAPABILITIES, ELEMENT_ADDRESS_ASSIGNMENT, ElementAddressAssignment, ElementRange,
    ElementType, TRANSPORT_GEOMETRY, device_capabilities, transport_geometry,
};
use scsi::spc::mode::{self, CONTROL, ModeSelect, ModeSense, PageControl, ParameterList};
use scsi::{AdditionalSense, Cdb, Command, Response, Sense};

use super::Changer;

impl Changer {
    pub(super) fn mode_sense(&self, cdb: &Cdb) -> Response {
        let command = ModeSense::parse(cdb);
        if command.page_control == PageControl::Saved {
            // SPC-5, MODE SENSE: the answer of a device that saves nothing.
            return Response::illegal_request(AdditionalSense::SAVING_PARAMETERS_NOT_SUPPORTED);
        }
        let mut pages = Vec::new();
        for (code, page) in self.pages() {
            if command.wants(code, 0) {
                pages.extend(match command.page_control {
                    PageControl::Changeable => unchangeable(page),
                    _ => page,
                });
            }
        }
        if pages.is_empty() {
            let subpage_is_wrong = self.pages().any(|(code, _)| code == command.page_code);
            let offset = if subpage_is_wrong { 3 } else { 2 };
            return Sense::invalid_field_in_cdb(offset).into();
        }
        let list = ParameterList {
            medium_type: 0,
            device_specific: 0,
            block_descriptor: None,
            pages,
        };
        Response::allocated(
            list.to_bytes(command.form),
            usize::from(command.allocation_length),
        )
    }

    pub(super) fn mode_select(&self, command: &Command) -> Response {
        let select = ModeSelect::parse(&command.cdb);
        let length = u32::from(select.parameter_list_length);
        match self.check_select(select, &command.data_out) {
            Ok(()) => Response::good().with_data_out_length(length),
            Err(sense) => Response::check(sense).with_data_out_length(length),
        }
    }

    fn check_select(&self, select: ModeSelect, data_out: &[u8]) -> Result<(), Sense> {
        if select.save_pages {
            return Err(Sense::invalid_field_in_cdb(1));
        }
        if select.parameter_list_length == 0 {
            return Ok(()); // SPC-5, MODE SELECT: not an error
        }
        let length = usize::from(select.parameter_list_length);
        let list = data_out.get(..length).ok_or(Sense::illegal_request(
            AdditionalSense::PARAMETER_LIST_LENGTH_ERROR,
        ))?;
        let (list, first_page) = ParameterList::parse(select.form, list)?;
        for view in mode::pages(&list.pages, first_page)? {
            let page = self.pages().find(|(code, _)| *code == view.page_code);
            let (_, page) = page
                .filter(|_| view.subpage_code == 0)
                .ok_or_else(|| Sense::invalid_field_in_parameter_list(view.offset))?;
            if page[usize::from(view.header_length)..] != *view.body {
                let body = view.offset + view.header_length;
                return Err(Sense::invalid_field_in_parameter_list(body));
            }
        }
        Ok(())
    }

    /// Returns the pages in ascending order (SPC-5, MODE SENSE, for page code 3Fh).
    fn pages(&self) -> impl Iterator<Item = (u8, Vec<u8>)> {
        [
            (CONTROL, mode::control()),
            (
                ELEMENT_ADDRESS_ASSIGNMENT,
                self.element_address_assignment().to_bytes(),
            ),
            (TRANSPORT_GEOMETRY, transport_geometry()),
            (DEVICE_CAPABILITIES, device_capabilities()),
        ]
        .into_iter()
    }

    fn element_address_assignment(&self) -> ElementAddressAssignment {
        let range = |kind| {
            let range = self.robot.layout().range(kind);
            let count = range.end - range.start;
            // SMC-3: the address is zero when there are no elements of the type.
            let first = if count == 0 { 0 } else { range.start };
            ElementRange { first, count }
        };
        ElementAddressAssignment {
            medium_transport: range(ElementType::MediumTransport),
            storage: range(ElementType::Storage),
            import_export: range(ElementType::ImportExport),
            data_transfer: range(ElementType::DataTransfer),
        }
    }
}

/// Returns the mask of a page of which no bit can be changed.
fn unchangeable(mut page: Vec<u8>) -> Vec<u8> {
    page[2..].fill(0);
    page
}
