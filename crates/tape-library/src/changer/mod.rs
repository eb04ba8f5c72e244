//! The changer's SCSI device server (SMC-3).
//!
//! Its state is the library's: what it reports is the robot's map, what it moves the robot moves.

mod element_information;
mod exchange_medium;
mod import_export;
mod initialize;
mod log;
mod mode;
mod move_medium;
mod read_element_status;
#[cfg(test)]
mod tests;
mod volume_tag;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scsi::smc::mode_pages::ChangerParameters;
use scsi::spc::log::Thresholds;
use scsi::spc::tape_alert::Flag;
use scsi::{
    AdditionalSense, Cdb, Command, CommandTable, DeviceType, NexusId, Response, SenseFormat,
};

use crate::identity::DeviceIdentity;
use crate::inject::Injector;
use crate::library::Robot;
use crate::logical_unit::DeviceServer;
use crate::nexus::ItNexus;
use crate::unit_attention::UnitAttentions;
use volume_tag::Searches;

/// The changer of a library.
pub(crate) struct Changer {
    identity: DeviceIdentity,
    robot: Arc<Robot>,
    attentions: Arc<UnitAttentions>,
    /// All nexuses share them.
    parameters: Mutex<ChangerParameters>,
    thresholds: Mutex<Thresholds>,
    searches: Searches,
}

impl Changer {
    /// Returns the changer of `robot`. `attentions` are those of its logical unit.
    pub(crate) fn new(
        identity: DeviceIdentity,
        robot: Arc<Robot>,
        attentions: Arc<UnitAttentions>,
    ) -> Self {
        let parameters = mode::default_parameters(&robot);
        Self {
            identity,
            robot,
            attentions,
            parameters: Mutex::new(parameters),
            thresholds: Mutex::default(),
            searches: Searches::default(),
        }
    }

    fn thresholds(&self) -> MutexGuard<'_, Thresholds> {
        self.thresholds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// PREVENT ALLOW MEDIUM REMOVAL (SPC-5, SMC-3): nobody may take cartridges out of the library;
    /// the picker still moves them inside.
    fn prevent_allow(&self, nexus: NexusId, cdb: &Cdb) -> Response {
        // PREVENT 10b and 11b are for the medium in a changer that is attached to the device.
        self.robot.station().prevent_removal(nexus, cdb.bit(4, 0));
        Response::good()
    }
}

impl DeviceServer for Changer {
    fn commands(&self) -> CommandTable {
        CommandTable::of(DeviceType::MediaChanger)
    }

    fn execute(&self, nexus: &ItNexus, command: &Command) -> Response {
        let cdb = &command.cdb;
        match cdb.operation_code() {
            0x00 => Response::good(), // TEST UNIT READY: a robot in memory is always ready
            0x01 => self.rezero_unit(),
            0x07 | 0x37 | 0xe7 => self.initialize_element_status(cdb),
            0x12 => self.identity.inquiry(nexus, cdb),
            0x15 | 0x55 => self.mode_select(nexus.id, command),
            0x1a | 0x5a => self.mode_sense(cdb),
            0x1b => self.open_close_import_export_element(nexus.id, cdb),
            0x1e => self.prevent_allow(nexus.id, cdb),
            0x2b => self.position_to_element(cdb),
            0x4c => self.log_select(nexus.id, command),
            0x4d => self.log_sense(nexus.id, cdb),
            0x9e => self.report_element_information(cdb), // its only service action
            0xa5 => self.move_medium(nexus.id, cdb),
            0xa6 => self.exchange_medium(nexus.id, cdb),
            0xb5 => self.request_volume_element_address(nexus.id, cdb),
            0xb6 => self.send_volume_tag(nexus.id, command),
            0xb8 => self.read_element_status(cdb),
            // A row in the table without an arm here: refused like a command without a row.
            _ => Response::illegal_request(AdditionalSense::INVALID_COMMAND_OPERATION_CODE),
        }
    }

    fn sense_format(&self) -> SenseFormat {
        if self.parameters().control.descriptor_sense {
            SenseFormat::Descriptor
        } else {
            SenseFormat::Fixed
        }
    }

    fn catch_up(&self) {
        let injector = self.robot.injector();
        if injector.is_armed() {
            for flag in injector.alerts() {
                if let Some(flag) = Flag::new(flag) {
                    self.robot.alerts().raise(flag);
                }
            }
        }
    }

    fn injector(&self) -> Option<&Injector> {
        Some(self.robot.injector())
    }

    fn preventing_removal(&self) -> Vec<NexusId> {
        self.robot.station().preventing_removal()
    }

    fn nexus_lost(&self, nexus: NexusId) {
        self.robot.station().prevent_removal(nexus, false);
        self.robot.alerts().forget(nexus);
        self.searches.forget(nexus);
    }

    fn reset(&self) {
        self.robot.station().allow_removal();
        *self.parameters() = mode::default_parameters(&self.robot);
        self.searches.forget_all();
        *self.thresholds() = Thresholds::default();
    }
}
