//! SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS.

use scsi::spc::diagnostic::{ReceiveDiagnosticResults, SendDiagnostic};
use scsi::{Cdb, Command, NexusId, Response};

use super::Primary;
use crate::logical_unit::DeviceServer;

impl Primary {
    /// A self-test that fails ends the command with what the device says is wrong.
    pub(in super::super) fn send_diagnostic(
        &self,
        nexus: NexusId,
        device: &dyn DeviceServer,
        command: &Command,
    ) -> Response {
        let done = match SendDiagnostic::parse(&command.cdb, &command.data_out) {
            Ok(SendDiagnostic::SelfTest) => device.self_test(),
            Ok(SendDiagnostic::Dump) => {
                self.history.take_snapshot(nexus);
                Ok(())
            }
            Ok(SendDiagnostic::Page(_) | SendDiagnostic::Nothing) => Ok(()),
            Err(sense) => Err(sense),
        };
        let response = done.map_or_else(Response::from, |()| Response::good());
        let length = SendDiagnostic::parameter_list_length(&command.cdb);
        response.with_data_out_length(u32::from(length))
    }

    pub(in super::super) fn receive_diagnostic_results(cdb: &Cdb) -> Response {
        match ReceiveDiagnosticResults::parse(cdb) {
            Ok(command) => {
                let pages = ReceiveDiagnosticResults::supported_pages();
                Response::allocated(pages, usize::from(command.allocation_length))
            }
            Err(sense) => sense.into(),
        }
    }
}
