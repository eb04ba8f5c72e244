//! MOVE MEDIUM (SMC-3), and what initiators are told when it fails.
//!
//! | what | sense |
//! | --- | --- |
//! | no such element | ILLEGAL REQUEST 21/01 |
//! | source empty, destination full | ILLEGAL REQUEST 3B/0E, 3B/0D |
//! | the drive's medium removal is prevented | ILLEGAL REQUEST 53/02 |
//! | the import/export station is open | NOT READY 3A/02 |
//! | the drive is out of service | ILLEGAL REQUEST 3B/18 |
//! | the drive does not take the medium | ILLEGAL REQUEST 30/00 |
//! | the cartridge's files are missing or damaged | MEDIUM ERROR 53/00 |
//! | the robot is stuck or has dropped the cartridge (faults on order) | HARDWARE ERROR 15/01 |
//! | the disk under the drive or the catalogue failed | HARDWARE ERROR 53/00, 44/00 |
//!
//! A cartridge without files is the medium's fault and not the hardware's: backup software then
//! retires the cartridge, where a HARDWARE ERROR would make it retire the drive.

use scsi::smc::{DoorAction, ElementType, ExchangeMedium, MoveMedium, StationMotion};
use scsi::{AdditionalSense, Cdb, NexusId, Response, Sense, SenseKey, Status};

use super::Changer;
use crate::library::{Asker, MoveError};

impl Changer {
    pub(super) fn move_medium(&self, nexus: NexusId, cdb: &Cdb) -> Response {
        let command = match MoveMedium::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        if let Err(sense) = self.check_transport(command.transport) {
            return sense.into();
        }
        match command.station {
            StationMotion::Stays => self.move_cartridge(nexus, command),
            StationMotion::OpensAfterwards => self.move_and_open(nexus, command),
            StationMotion::ClosesBefore => match self.move_station(nexus, DoorAction::Close) {
                Ok(()) => self.move_cartridge_unless_at_home(nexus, command),
                Err(sense) => sense.into(),
            },
        }
    }

    fn move_and_open(&self, nexus: NexusId, command: MoveMedium) -> Response {
        // A station that may not open is told before anything has moved.
        if !self.robot.station().preventing_removal().is_empty() {
            return Response::illegal_request(AdditionalSense::MEDIUM_REMOVAL_PREVENTED);
        }
        let moved = self.move_cartridge_unless_at_home(nexus, command);
        if moved.status != Status::Good {
            return moved;
        }
        match self.move_station(nexus, DoorAction::Open) {
            Ok(()) => moved,
            Err(sense) => sense.into(),
        }
    }

    /// mtx(1): `eepos 1 transfer 32 32` moves nothing but the station.
    fn move_cartridge_unless_at_home(&self, nexus: NexusId, command: MoveMedium) -> Response {
        let kind = self.robot.layout().kind(command.source);
        if command.source == command.destination && kind == Some(ElementType::ImportExport) {
            return Response::good();
        }
        self.move_cartridge(nexus, command)
    }

    fn move_cartridge(&self, nexus: NexusId, command: MoveMedium) -> Response {
        let asker = Asker::Initiator(nexus);
        answer(
            self.robot
                .move_cartridge(asker, command.source, command.destination),
        )
    }
}

/// Returns what the initiator is told of a move or an exchange.
pub(super) fn answer(moved: Result<(), MoveError>) -> Response {
    match moved {
        Ok(()) => Response::good(),
        Err(error) => {
            let sense = sense(&error);
            if !matches!(sense.key, SenseKey::IllegalRequest | SenseKey::NotReady) {
                tracing::error!(%error, "move failed");
            }
            sense.into()
        }
    }
}

/// Returns INVALID ELEMENT ADDRESS, pointing at the field at `offset` of the CDB.
pub(super) fn invalid_element(offset: u16) -> Sense {
    Sense {
        additional: AdditionalSense::INVALID_ELEMENT_ADDRESS,
        ..Sense::invalid_field_in_cdb(offset)
    }
}

fn sense(error: &MoveError) -> Sense {
    use AdditionalSense as A;
    match error {
        MoveError::InvalidSource(_) => invalid_element(MoveMedium::SOURCE_OFFSET),
        MoveError::InvalidDestination(_) => invalid_element(MoveMedium::DESTINATION_OFFSET),
        MoveError::InvalidSecondDestination(_) => {
            invalid_element(ExchangeMedium::SECOND_DESTINATION_OFFSET)
        }
        MoveError::SourceEmpty(_) => Sense::illegal_request(A::MEDIUM_SOURCE_ELEMENT_EMPTY),
        MoveError::DestinationFull(_) => Sense::illegal_request(A::MEDIUM_DESTINATION_ELEMENT_FULL),
        MoveError::RemovalPrevented(_) => Sense::illegal_request(A::MEDIUM_REMOVAL_PREVENTED),
        MoveError::OutOfService(_) => Sense::illegal_request(A::ELEMENT_DISABLED),
        MoveError::StationOpen(_) => {
            Sense::new(SenseKey::NotReady, A::MEDIUM_NOT_PRESENT_TRAY_OPEN)
        }
        MoveError::Incompatible { .. } => Sense::illegal_request(A::INCOMPATIBLE_MEDIUM_INSTALLED),
        MoveError::FilesMissing { .. } | MoveError::Unloadable { .. } => {
            Sense::new(SenseKey::MediumError, A::MEDIA_LOAD_OR_EJECT_FAILED)
        }
        MoveError::UnloadFailed { .. } => {
            Sense::new(SenseKey::HardwareError, A::MEDIA_LOAD_OR_EJECT_FAILED)
        }
        MoveError::RobotStuck { .. } | MoveError::RobotDropped { .. } => {
            Sense::new(SenseKey::HardwareError, A::MECHANICAL_POSITIONING_ERROR)
        }
        MoveError::Catalogue(_) => Sense::new(SenseKey::HardwareError, A::INTERNAL_TARGET_FAILURE),
    }
}
