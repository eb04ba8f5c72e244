//! REPORT IDENTIFYING INFORMATION and SET IDENTIFYING INFORMATION.
//!
//! # Crash
//! What is set is on the disk first and told second, and survives everything.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scsi::spc::identifying_information::{
    InformationKind, ReportIdentifyingInformation, SetIdentifyingInformation,
};
use scsi::{AdditionalSense, Cdb, Command, NexusId, Response, Sense, SenseKey};

use super::Primary;
use crate::error::Error;

/// The place for one logical unit's identifying information.
pub(crate) trait InformationStore: Send + Sync + fmt::Debug {
    /// Returns what was saved last; nothing of a kind that was never saved.
    fn load(&self) -> Result<HashMap<InformationKind, Vec<u8>>, Error>;

    /// Replaces what was saved of `kind`; empty for nothing. It is durable when this returns; with an
    /// error, what was there before is still there.
    fn save(&self, kind: InformationKind, information: &[u8]) -> Result<(), Error>;
}

#[derive(Debug, Default)]
pub(super) struct Information(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    information: HashMap<InformationKind, Vec<u8>>,
    /// Where it is kept; without one it is kept until the end.
    store: Option<Arc<dyn InformationStore>>,
}

impl Information {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Primary {
    /// Restores what was set before the last restart, and keeps it in `store` from now on.
    pub(in super::super) fn keep_information_in(
        &self,
        store: Arc<dyn InformationStore>,
    ) -> Result<(), Error> {
        let mut state = self.information.lock();
        state.information = store.load()?;
        state.store = Some(store);
        Ok(())
    }

    pub(in super::super) fn report_identifying_information(&self, cdb: &Cdb) -> Response {
        let command = match ReportIdentifyingInformation::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        let data = match command.kind {
            None => ReportIdentifyingInformation::supported_types(),
            Some(kind) => {
                let state = self.information.lock();
                let information = state.information.get(&kind).map_or(&[][..], Vec::as_slice);
                ReportIdentifyingInformation::parameter_data(information)
            }
        };
        Response::allocated(data, command.allocation_length as usize)
    }

    pub(in super::super) fn set_identifying_information(
        &self,
        nexus: NexusId,
        command: &Command,
    ) -> Response {
        let length = SetIdentifyingInformation::parameter_list_length(&command.cdb);
        let done = SetIdentifyingInformation::parse(&command.cdb, &command.data_out)
            .and_then(|parsed| self.set(nexus, &parsed));
        let response = done.map_or_else(Response::from, |()| Response::good());
        response.with_data_out_length(length)
    }

    fn set(&self, nexus: NexusId, wanted: &SetIdentifyingInformation<'_>) -> Result<(), Sense> {
        let mut state = self.information.lock();
        if let Some(store) = &state.store {
            store
                .save(wanted.kind, wanted.information)
                .map_err(|error| {
                    tracing::error!(%error, "identifying information could not be kept");
                    let failure = AdditionalSense::INTERNAL_TARGET_FAILURE;
                    Sense::new(SenseKey::HardwareError, failure)
                })?;
        }
        let information = wanted.information.to_vec();
        let before = state.information.insert(wanted.kind, information);
        drop(state);
        if before.unwrap_or_default() != wanted.information {
            // SPC-5 §6.46.
            self.tell_others(nexus, AdditionalSense::DEVICE_IDENTIFIER_CHANGED);
        }
        Ok(())
    }
}
