//! LOG SENSE and LOG SELECT (SPC-5 §6.7, §6.8): supported pages and TapeAlert.

use scsi::spc::log::{LogSelect, LogSense, Logs, PageId, Parameter, Thresholds};
use scsi::spc::log::{Selected, log_select, log_sense};
use scsi::spc::tape_alert::{TAPE_ALERT, TAPE_ALERT_RESPONSE, TapeAlertLog};
use scsi::{AdditionalSense, Cdb, Command, NexusId, Response, Sense};

use super::Changer;

/// What the changer logs.
#[derive(Default)]
pub(super) struct Log {
    /// No flag is ever raised: the robot has no parts that wear out.
    pub(super) alerts: TapeAlertLog,
    pub(super) thresholds: Thresholds,
}

impl Changer {
    pub(super) fn log_sense(&self, nexus: NexusId, cdb: &Cdb) -> Response {
        let answer = || -> Result<Response, Sense> {
            let command = LogSense::parse(cdb)?;
            let mut log = self.lock_log();
            let Log { alerts, thresholds } = &mut *log;
            let mut pages = ChangerLogs { alerts, nexus };
            let page = log_sense(&command, &mut pages, thresholds)?;
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
        let mut log = self.lock_log();
        let Log { alerts, thresholds } = &mut *log;
        let mut pages = ChangerLogs { alerts, nexus };
        let selected = log_select(&select, &command.data_out, &mut pages, thresholds);
        drop(log);
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
const PAGES: [u8; 2] = [TAPE_ALERT_RESPONSE, TAPE_ALERT];

impl Logs for ChangerLogs<'_> {
    fn pages(&self) -> Vec<PageId> {
        PAGES.map(PageId::new).to_vec()
    }

    fn parameters(&mut self, page: PageId) -> Vec<Parameter> {
        match page.code {
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
