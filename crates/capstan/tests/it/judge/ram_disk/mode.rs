//! Mode pages Caching and Control (SBC-3, SPC-4 §7.5.8), and the list of log pages.

use scsi::spc::mode::{
    ALL_PAGES, BlockDescriptor, ModeSelect, ModeSense, PageControl, ParameterList, page, pages,
};
use scsi::{AdditionalSense, Cdb, Command, NexusId, Response, Sense};

use super::{BLOCK_LENGTH, BLOCKS, RamDisk};

const CACHING: u8 = 0x08;
const CONTROL: u8 = 0x0a;
/// WP in the device-specific parameter.
const WRITE_PROTECT: u8 = 0x80;
/// DPOFUA in the device-specific parameter: the disk takes both bits.
const DPO_AND_FUA: u8 = 0x10;
/// SWP in byte 4 of the Control page, byte 2 of its body.
const SOFTWARE_WRITE_PROTECT: u8 = 0x08;

impl RamDisk {
    pub(super) fn mode_sense(&self, cdb: &Cdb) -> Result<Response, Sense> {
        let command = ModeSense::parse(cdb);
        if command.page_control == PageControl::Saved {
            let saving = AdditionalSense::SAVING_PARAMETERS_NOT_SUPPORTED;
            return Err(Sense::illegal_request(saving));
        }
        if ![CACHING, CONTROL, ALL_PAGES].contains(&command.page_code) {
            return Err(Sense::invalid_field_in_cdb(2));
        }
        let state = self.lock();
        let software_write_protect = match command.page_control {
            PageControl::Changeable => true,
            PageControl::Default => false,
            _ => state.software_write_protect,
        };
        let mut list = Vec::new();
        if command.wants(CACHING, 0) {
            list.extend(page(CACHING, &[0; 18])); // no cache
        }
        if command.wants(CONTROL, 0) {
            let mut body = [0; 10];
            if software_write_protect {
                body[2] = SOFTWARE_WRITE_PROTECT;
            }
            list.extend(page(CONTROL, &body));
        }
        let protect = if self.is_protected(&state) {
            WRITE_PROTECT
        } else {
            0
        };
        let list = ParameterList {
            medium_type: 0,
            device_specific: protect | DPO_AND_FUA,
            block_descriptor: (!command.disable_block_descriptors).then(block_descriptor),
            pages: list,
        };
        Ok(Response::allocated(
            list.to_bytes(command.form),
            usize::from(command.allocation_length),
        ))
    }

    pub(super) fn mode_select(&self, nexus: NexusId, command: &Command) -> Response {
        let select = ModeSelect::parse(&command.cdb);
        let response = match self.select(nexus, select, &command.data_out) {
            Ok(()) => Response::good(),
            Err(sense) => sense.into(),
        };
        response.with_data_out_length(u32::from(select.parameter_list_length))
    }

    fn select(&self, nexus: NexusId, select: ModeSelect, data: &[u8]) -> Result<(), Sense> {
        let length = usize::from(select.parameter_list_length);
        if length == 0 {
            return Ok(());
        }
        let too_short = Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
        let list = data.get(..length).ok_or(too_short)?;
        let (list, first_page) = ParameterList::parse(select.form, list)?;
        for page in pages(&list.pages, first_page)? {
            match page.page_code {
                CACHING => {}
                CONTROL => {
                    let control = page.body.get(2).ok_or(too_short)?;
                    let protect = control & SOFTWARE_WRITE_PROTECT != 0;
                    self.lock().software_write_protect = protect;
                    self.attentions
                        .establish_for_others(nexus, AdditionalSense::MODE_PARAMETERS_CHANGED);
                }
                _ => return Err(Sense::invalid_field_in_parameter_list(page.offset)),
            }
        }
        Ok(())
    }

    /// The only page is the list of pages.
    pub(super) fn log_sense(cdb: &Cdb) -> Result<Response, Sense> {
        const SUPPORTED_PAGES_ALONE: [u8; 5] = [0, 0, 0, 1, 0];
        if cdb.byte(2) & 0x3f != 0 {
            return Err(Sense::invalid_field_in_cdb(2));
        }
        let allocation_length = usize::from(cdb.u16(7));
        let page = SUPPORTED_PAGES_ALONE.to_vec();
        Ok(Response::allocated(page, allocation_length))
    }
}

fn block_descriptor() -> BlockDescriptor {
    BlockDescriptor {
        density: 0,
        blocks: u32::try_from(BLOCKS).unwrap(),
        block_length: u32::try_from(BLOCK_LENGTH).unwrap(),
    }
}
