//! What raises the changer's TapeAlert flags, and what lowers them again.
//!
//! | flag | raised by | lowered when |
//! | --- | --- | --- |
//! | 1 library hardware A | a drive that cannot bring its data to the disk | the next move out of a drive works |
//! | 2 library hardware B | a robot that is stuck (a fault on order) | the next move works |
//! | 3 library hardware C | a catalogue that cannot be changed | the next move works |
//! | 12 library stray cartridge | a robot that drops a cartridge (a fault on order) | it is put back |
//! | 15 library load retry | a cartridge that cannot be loaded | the next load works |
//! | 16 library door | a move to or from the open station | the station closes |
//! | 22 library drive offline | a drive taken out of service | all are in service |
//! | 24 library inventory | files of a cartridge that are missing | a look finds all of them |
//! | 25 library illegal operation | a host's move that cannot be | the next move of a host works |

use scsi::smc::ChangerAlert;

use super::bay::DriveBay;
use super::carry::Leg;
use super::move_error::MoveError;
use super::robot::Robot;
use super::station::Asker;

impl Robot {
    /// A move or an exchange has failed.
    pub(super) fn alert_of_failure(&self, asker: Asker, error: &MoveError) {
        use MoveError as E;
        let alert = match error {
            E::InvalidSource(_)
            | E::InvalidDestination(_)
            | E::InvalidSecondDestination(_)
            | E::SourceEmpty(_)
            | E::DestinationFull(_)
            | E::RemovalPrevented(_)
            | E::OutOfService(_)
            | E::Incompatible { .. } => match asker {
                Asker::Initiator(_) => ChangerAlert::IllegalOperation,
                Asker::Operator => return, // who is told at once
            },
            E::StationOpen(_) => ChangerAlert::Door,
            E::FilesMissing { .. } => ChangerAlert::Inventory,
            E::Unloadable { .. } => ChangerAlert::LoadRetry,
            E::UnloadFailed { .. } => ChangerAlert::HardwareA,
            E::RobotStuck { .. } => ChangerAlert::HardwareB,
            E::RobotDropped { .. } => ChangerAlert::StrayCartridge,
            E::Catalogue(_) => ChangerAlert::HardwareC,
        };
        self.alerts().raise(alert);
    }

    /// A move or an exchange has worked.
    pub(super) fn alert_of_success(&self, asker: Asker, legs: &[Leg<'_>]) {
        let mut alerts = self.alerts();
        alerts.lower(ChangerAlert::HardwareB);
        alerts.lower(ChangerAlert::HardwareC);
        if legs.iter().any(|leg| leg.destination.is_some()) {
            alerts.lower(ChangerAlert::LoadRetry);
        }
        if legs.iter().any(|leg| self.bay(leg.from).is_some()) {
            alerts.lower(ChangerAlert::HardwareA);
        }
        if asker != Asker::Operator {
            alerts.lower(ChangerAlert::IllegalOperation);
        }
    }

    /// A drive was taken out of service or put back.
    pub(super) fn alert_of_service(&self) {
        let all_serve = self.bays().iter().all(DriveBay::is_in_service);
        self.tell_whether(ChangerAlert::DriveOffline, !all_serve);
    }

    /// Raises a flag that is not up, or lowers it.
    pub(super) fn tell_whether(&self, alert: ChangerAlert, holds: bool) {
        let mut alerts = self.alerts();
        if !holds {
            alerts.lower(alert);
        } else if !alerts.raised().is_raised(alert) {
            alerts.raise(alert); // not again for those who know
        }
    }
}
