//! INITIALIZE ELEMENT STATUS, POSITION TO ELEMENT and REZERO UNIT: what costs a real robot minutes.

use scsi::smc::{ElementType, InitializeElementStatus, PositionToElement};
use scsi::{AdditionalSense, Cdb, ElementAddress, Response, Sense, SenseKey};

use super::Changer;
use super::move_medium::invalid_element;

impl Changer {
    /// Looks whether the cartridges' files are there, as a robot reads labels again. A range is
    /// checked, and then all are looked at: it takes no longer.
    pub(super) fn initialize_element_status(&self, cdb: &Cdb) -> Response {
        const START_OFFSET: u16 = 2;
        let command = InitializeElementStatus::parse(cdb);
        if let Some((start, _)) = command.range
            && self.robot.layout().kind(start).is_none()
        {
            return invalid_element(START_OFFSET).into();
        }
        match self.robot.look_at_files() {
            Ok(()) => Response::good(),
            Err(error) => {
                tracing::error!(%error, "elements cannot be initialized");
                let failure = AdditionalSense::INTERNAL_TARGET_FAILURE;
                Sense::new(SenseKey::HardwareError, failure).into()
            }
        }
    }

    /// Moves the picker to its place of rest (SCSI-2 §9.2.13), where it always is: waits until it has put
    /// down what it carries.
    pub(super) fn rezero_unit(&self) -> Response {
        self.robot.wait_until_at_rest();
        Response::good()
    }

    /// Checks the addresses; the picker is everywhere at once.
    pub(super) fn position_to_element(&self, cdb: &Cdb) -> Response {
        const DESTINATION_OFFSET: u16 = 4;
        let command = match PositionToElement::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        if let Err(sense) = self.check_transport(command.transport) {
            return sense.into();
        }
        match self.robot.layout().kind(command.destination) {
            Some(_) => Response::good(),
            None => invalid_element(DESTINATION_OFFSET).into(),
        }
    }

    /// Address 0 stands for the default picker (SMC-3, MOVE MEDIUM), even where it is no picker's address.
    pub(super) fn check_transport(&self, transport: ElementAddress) -> Result<(), Sense> {
        const TRANSPORT_OFFSET: u16 = 2;
        match self.robot.layout().kind(transport) {
            _ if transport == ElementAddress(0) => Ok(()),
            Some(ElementType::MediumTransport) => Ok(()),
            _ => Err(invalid_element(TRANSPORT_OFFSET)),
        }
    }
}
