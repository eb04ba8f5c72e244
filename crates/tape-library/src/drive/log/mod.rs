//! LOG SENSE and LOG SELECT (SPC-5 §6.7, §6.8, SSC-5 §8.2).
//!
//! What the pages tell is counted where it happens: in the cartridge ([`cartridge::Work`]), in its
//! memory, and in [`history`]. Nothing is made up but the temperature. What only mechanics could count
//! is left out, or zero where the page's layout has a place for it.
//!
//! - [`history`]: what the drive remembers of its own life.
//! - [`pages`]: which pages there are, and where each gets its values from.

pub(super) mod history;
mod pages;

use scsi::spc::log::{LogSelect, LogSense, Selected, Thresholds, log_select, log_sense};
use scsi::ssc::log_pages::error_counters::ErrorCounters;
use scsi::{AdditionalSense, Cdb, Command, NexusId, Response, Sense};

use super::{Machine, Medium};
use history::History;
use pages::DriveLogs;

/// What the log pages need that nothing else of the drive does.
#[derive(Default)]
pub(super) struct Log {
    pub(super) thresholds: Thresholds,
    /// Where the counters of page 02h begin, and of page 03h: an initiator may have set them.
    write_base: ErrorCounters,
    read_base: ErrorCounters,
    pub(super) history: History,
}

impl Machine {
    /// LOG SENSE.
    pub(super) fn log_sense(&mut self, nexus: NexusId, cdb: &Cdb) -> Result<Response, Sense> {
        let command = LogSense::parse(cdb)?;
        let thresholds = std::mem::take(&mut self.log.thresholds);
        let page = log_sense(&command, &mut self.logs_for(nexus), &thresholds);
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
        let mut logs = self.logs_for(nexus);
        let selected = log_select(&select, &command.data_out, &mut logs, &mut thresholds);
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

    fn logs_for(&mut self, nexus: NexusId) -> DriveLogs<'_> {
        DriveLogs {
            machine: self,
            nexus,
        }
    }

    /// A cartridge was threaded.
    pub(super) fn begin_load(&mut self) {
        self.log.write_base = ErrorCounters::default();
        self.log.read_base = ErrorCounters::default();
        self.log.history.begin_load();
    }

    /// The cartridge is going to be unthreaded.
    pub(super) fn end_load(&mut self) {
        if let Medium::Loaded(mounted) = &self.medium {
            self.log.history.end_load(mounted.work());
        }
    }
}
