//! LOG SENSE and LOG SELECT (SPC-5 §6.7, §6.8): supported pages, temperature and TapeAlert.
//!
//! What raises the flags is told in `library/alerts.rs`.

use scsi::spc::log::{LogSelect, LogSense, Logs, PageId, Parameter};
use scsi::spc::log::{Selected, log_select, log_sense};
use scsi::spc::tape_alert::{TAPE_ALERT, TAPE_ALERT_RESPONSE, TapeAlertLog};
use scsi::{AdditionalSense, Cdb, Command, NexusId, Response, Sense};

use super::Changer;

impl Changer {
    pub(super) fn log_sense(&self, nexus: NexusId, cdb: &Cdb) -> Response {
        let answer = || -> Result<Response, Sense> {
            let command = LogSense::parse(cdb)?;
            let thresholds = self.thresholds();
            let mut alerts = self.robot.alerts();
            let mut pages = ChangerLogs {
                alerts: &mut alerts,
                nexus,
            };
            let page = log_sense(&command, &mut pages, &thresholds)?;
            let allocation_length = usize::from(command.allocation_length);
            Ok(Response::allocated(page, allocation_length))
        };
        answer().unwrap_or_else(Response::from)
    }

    pub(super) fn log_select(&self, nexus: NexusId, command: &Command) -> Response {
        let select = match LogSelect::parse(&command.cdb) {
            Ok(select) => select,
            Err(sense) => return sense.into(),
        };
        let length = u32::from(select.parameter_list_length);
        let selected = {
            let mut thresholds = self.thresholds();
            let mut alerts = self.robot.alerts();
            let mut pages = ChangerLogs {
                alerts: &mut alerts,
                nexus,
            };
            log_select(&select, &command.data_out, &mut pages, &mut thresholds)
        };
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
}

/// The changer's pages, as a nexus sees them.
struct ChangerLogs<'a> {
    alerts: &'a mut TapeAlertLog,
    nexus: NexusId,
}

/// The pages in ascending order.
const PAGES: [u8; 3] = [TEMPERATURE, TAPE_ALERT_RESPONSE, TAPE_ALERT];

/// Temperature (SPC-5 §7.3.21).
const TEMPERATURE: u8 = 0x0d;
/// Reserved, then degrees Celsius: FFh says that there is no thermometer.
const NO_THERMOMETER: [u8; 2] = [0, 0xff];

impl Logs for ChangerLogs<'_> {
    fn pages(&self) -> Vec<PageId> {
        PAGES.map(PageId::new).to_vec()
    }

    fn parameters(&mut self, page: PageId) -> Vec<Parameter> {
        match page.code {
            TEMPERATURE => vec![Parameter::binary(0, NO_THERMOMETER)],
            TAPE_ALERT_RESPONSE => self.alerts.raised().response_parameters(),
            TAPE_ALERT => self.alerts.seen_by(self.nexus).parameters(),
            _ => Vec::new(),
        }
    }

    /// Reading page 2Eh lowers the flags for who reads.
    fn were_told(&mut self, page: PageId, codes: &[u16]) {
        if page.code == TAPE_ALERT {
            self.alerts.were_told(self.nexus, codes);
        }
    }

    fn reset(&mut self, page: PageId) {
        if page.code == TAPE_ALERT {
            self.alerts.clear();
        }
    }
}
