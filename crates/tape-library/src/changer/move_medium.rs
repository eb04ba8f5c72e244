//! MOVE MEDIUM (SMC-3), and what initiators are told when it fails.
//!
//! | what | sense |
//! | --- | --- |
//! | no such element | ILLEGAL REQUEST 21/01 |
//! | source empty, destination full | ILLEGAL REQUEST 3B/0E, 3B/0D |
//! | the drive's medium removal is prevented | ILLEGAL REQUEST 53/02 |
//! | the drive does not take the medium | ILLEGAL REQUEST 30/00 |
//! | the cartridge's files are missing or damaged | MEDIUM ERROR 53/00 |
//! | the disk under the drive or the catalogue failed | HARDWARE ERROR 53/00, 44/00 |
//!
//! A cartridge without files is the medium's fault and not the hardware's: backup software then
//! retires the cartridge, where a HARDWARE ERROR would make it retire the drive.

use scsi::smc::MoveMedium;
use scsi::{AdditionalSense, Cdb, Response, Sense, SenseKey};

use super::Changer;
use crate::library::MoveError;

impl Changer {
    pub(super) fn move_medium(&self, cdb: &Cdb) -> Response {
        let command = match MoveMedium::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        if let Err(sense) = self.check_transport(command.transport) {
            return sense.into();
        }
        match self
            .robot
            .move_cartridge(command.source, command.destination)
        {
            Ok(()) => Response::good(),
            Err(error) => {
                let sense = sense(&error);
                if sense.key != SenseKey::IllegalRequest {
                    tracing::error!(%error, "move failed");
                }
                sense.into()
            }
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
        MoveError::SourceEmpty(_) => Sense::illegal_request(A::MEDIUM_SOURCE_ELEMENT_EMPTY),
        MoveError::DestinationFull(_) => Sense::illegal_request(A::MEDIUM_DESTINATION_ELEMENT_FULL),
        MoveError::RemovalPrevented(_) => Sense::illegal_request(A::MEDIUM_REMOVAL_PREVENTED),
        MoveError::Incompatible { .. } => Sense::illegal_request(A::INCOMPATIBLE_MEDIUM_INSTALLED),
        MoveError::FilesMissing { .. } | MoveError::Unloadable { .. } => {
            Sense::new(SenseKey::MediumError, A::MEDIA_LOAD_OR_EJECT_FAILED)
        }
        MoveError::UnloadFailed { .. } => {
            Sense::new(SenseKey::HardwareError, A::MEDIA_LOAD_OR_EJECT_FAILED)
        }
        MoveError::Catalogue(_) => Sense::new(SenseKey::HardwareError, A::INTERNAL_TARGET_FAILURE),
    }
}
