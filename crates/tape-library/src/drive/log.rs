//! LOG SENSE and LOG SELECT (SPC-5 §6.7, §6.8, SSC-5 §8.2).

use scsi::spc::log::{LogSelect, LogSense, Logs, PageId, Parameter, Selected, Thresholds};
use scsi::spc::log::{log_select, log_sense};
use scsi::spc::tape_alert::TAPE_ALERT_RESPONSE;
use scsi::ssc::log_pages::tape_capacity::PartitionCapacity;
use scsi::ssc::log_pages::{TAPE_ALERT, TAPE_CAPACITY, TapeCapacity};
use scsi::{AdditionalSense, Cdb, Command, NexusId, Response, Sense};

use super::{Machine, Medium};

/// What the log pages need that nothing else of the drive does.
#[derive(Default)]
pub(super) struct Log {
    pub(super) thresholds: Thresholds,
}

impl Machine {
    /// LOG SENSE.
    pub(super) fn log_sense(&mut self, nexus: NexusId, cdb: &Cdb) -> Result<Response, Sense> {
        let command = LogSense::parse(cdb)?;
        let thresholds = std::mem::take(&mut self.log.thresholds);
        let page = log_sense(&command, &mut self.pages_for(nexus), &thresholds);
        self.log.thresholds = thresholds;
        let allocation_length = usize::from(command.allocation_length);
        Ok(Response::allocated(page?, allocation_length))
    }

    /// LOG SELECT.
    pub(super) fn log_select(&mut self, nexus: NexusId, command: &Command) -> Response {
        let select = match LogSelect::parse(&command.cdb) {
            Ok(select) => select,
            Err(sense) => return sense.into(),
        };
        let length = u32::from(select.parameter_list_length);
        let mut thresholds = std::mem::take(&mut self.log.thresholds);
        let mut pages = self.pages_for(nexus);
        let selected = log_select(&select, &command.data_out, &mut pages, &mut thresholds);
        self.log.thresholds = thresholds;
        let response = match selected {
            Ok(Selected::Nothing) => Response::good(),
            Ok(Selected::Changed) => {
                self.attentions
                    .establish_for_others(nexus, AdditionalSense::LOG_PARAMETERS_CHANGED);
                Response::good()
            }
            Err(sense) => sense.into(),
        };
        response.with_data_out_length(length)
    }

    fn pages_for(&mut self, nexus: NexusId) -> DriveLogs<'_> {
        DriveLogs {
            machine: self,
            nexus,
        }
    }

    /// Page 31h, live. Zeros without a cartridge.
    fn tape_capacity(&self) -> TapeCapacity {
        let partitions = match &self.medium {
            Medium::Loaded(mounted) => {
                let usage = mounted.cartridge.usage();
                let capacity = PartitionCapacity {
                    remaining_bytes: usage.capacity_bytes.saturating_sub(usage.stored_bytes),
                    capacity_bytes: usage.capacity_bytes,
                };
                vec![capacity]
            }
            Medium::Empty | Medium::Unloaded(_) => Vec::new(),
        };
        TapeCapacity { partitions }
    }
}

/// The drive's pages, as a nexus sees them.
struct DriveLogs<'a> {
    machine: &'a mut Machine,
    nexus: NexusId,
}

/// The pages in ascending order.
const PAGES: [u8; 3] = [TAPE_ALERT_RESPONSE, TAPE_ALERT, TAPE_CAPACITY];

impl Logs for DriveLogs<'_> {
    fn pages(&self) -> Vec<PageId> {
        PAGES.map(PageId::new).to_vec()
    }

    fn parameters(&mut self, page: PageId) -> Vec<Parameter> {
        let machine = &*self.machine;
        match page.code {
            TAPE_ALERT_RESPONSE => machine.alerts.raised().response_parameters(),
            TAPE_ALERT => machine.alerts.seen_by(self.nexus).parameters(),
            TAPE_CAPACITY => machine.tape_capacity().parameters(),
            _ => Vec::new(),
        }
    }

    /// Reading page 2Eh lowers the flags for who reads (SSC-5 §8.2.3).
    fn were_told(&mut self, page: PageId, codes: &[u16]) {
        if page.code == TAPE_ALERT {
            self.machine.alerts.were_told(self.nexus, codes);
        }
    }

    fn reset(&mut self, page: PageId) {
        if page.code == TAPE_ALERT {
            self.machine.alerts.clear();
        }
    }
}
