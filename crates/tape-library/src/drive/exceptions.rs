//! Informational exceptions: TapeAlert flags that do not wait until somebody looks (SSC-5 §8.5.6).
//!
//! With DEXCPT=0 the first command that ends GOOD after a flag was raised ends with RECOVERED ERROR
//! instead; it has done all that it should. MODE SELECT itself stays GOOD, so that TEST=1 is answered
//! by the command behind it.

use scsi::spc::mode_pages::AlertTest;
use scsi::spc::tape_alert::Flag;
use scsi::{AdditionalSense, Cdb, Response, Sense, SenseKey, Status};

use super::Machine;

const MODE_SELECT_6: u8 = 0x15;
const MODE_SELECT_10: u8 = 0x55;

impl Machine {
    /// Looks for flags that were raised since the last command, and tells of them in place of GOOD.
    pub(super) fn report_exceptions(&mut self, cdb: &Cdb, mut response: Response) -> Response {
        let raised = self.alerts.raised();
        let is_news = !raised.without(self.alerts_known).is_empty();
        self.alerts_known = raised;
        if !self.mode.parameters.informational_exceptions.reported {
            self.exception = None;
            return response;
        }
        if is_news {
            self.exception = Some(AdditionalSense::FAILURE_PREDICTION_THRESHOLD_EXCEEDED);
        }
        let is_select = matches!(cdb.operation_code(), MODE_SELECT_6 | MODE_SELECT_10);
        if response.status == Status::Good
            && !is_select
            && let Some(exception) = self.exception.take()
        {
            response.status = Status::CheckCondition;
            response.sense = Some(Sense::new(SenseKey::RecoveredError, exception));
        }
        response
    }

    /// Does what TEST=1 asks for.
    pub(super) fn test_alerts(&mut self, test: AlertTest) {
        match test {
            AlertTest::Report => {
                let untrue = AdditionalSense::FAILURE_PREDICTION_THRESHOLD_EXCEEDED_FALSE;
                self.exception = Some(untrue);
            }
            AlertTest::Raise(flag) => self.alerts.raise(flag),
            AlertTest::Lower(flag) => self.alerts.lower(flag),
            AlertTest::RaiseAll => Flag::all().for_each(|flag| self.alerts.raise(flag)),
        }
    }
}
