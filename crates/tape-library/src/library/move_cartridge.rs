//! Moving a cartridge from element to element, and exchanging two: what speaks against it.
//!
//! For MOVE MEDIUM, EXCHANGE MEDIUM and the API. See [`carry`](super::carry) for each step of what
//! follows.

use scsi::ElementAddress;
use scsi::smc::ElementType;
use scsi::ssc::log_pages::TapeAlert;

use super::bay::DriveBay;
use super::carry::Leg;
use super::move_error::MoveError;
use super::robot::Robot;
use super::station::Asker;
use crate::error::Error;
use crate::inventory::CartridgeRecord;
use crate::profile::MediaAccess;

/// An exchange: the cartridge in `source` goes to `first`, and what was there to `second`, which may be
/// `source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Where the one cartridge is.
    pub source: ElementAddress,
    /// Where it goes, and where the other one is.
    pub first: ElementAddress,
    /// Where the other one goes.
    pub second: ElementAddress,
}

impl Robot {
    /// Moves the cartridge in element `from` to element `to`. Out of a drive: everything written is
    /// durable when it returns. Waits for a command of that drive that runs.
    pub(crate) fn move_cartridge(
        &self,
        asker: Asker,
        from: ElementAddress,
        to: ElementAddress,
    ) -> Result<(), MoveError> {
        self.take_time(&[from], || self.plan_move(asker, from, to).map(|_| ()))?;
        let mut inventory = self.arm();
        self.plan_move(asker, from, to)
            .and_then(|leg| self.carry(&mut inventory, asker, &[leg]))
            .inspect_err(|error| self.alert_of_failure(asker, error))
    }

    /// Lets the robot and the drives take the time that a way takes, before anything happens and with
    /// the arm free for others. What speaks against the way is told at once.
    fn take_time(
        &self,
        sources: &[ElementAddress],
        check: impl FnOnce() -> Result<(), MoveError>,
    ) -> Result<(), MoveError> {
        let mut time = self.injector().delays().transport;
        for bay in sources.iter().filter_map(|source| self.bay(*source)) {
            time += bay.drive().time_to_unload();
        }
        if !time.is_zero() {
            check()?;
            self.travel(time);
        }
        Ok(())
    }

    /// Moves the cartridge that bears `barcode` to element `to`, wherever it is by the time that the
    /// robot has a free arm. Returns where that was.
    pub(super) fn move_named(
        &self,
        barcode: &str,
        to: ElementAddress,
    ) -> Result<ElementAddress, Error> {
        let from = self.whereabouts(barcode)?;
        self.take_time(&[from], || {
            self.plan_move(Asker::Operator, from, to).map(|_| ())
        })?;
        let mut inventory = self.arm();
        let from = self.whereabouts(barcode)?;
        self.plan_move(Asker::Operator, from, to)
            .and_then(|leg| self.carry(&mut inventory, Asker::Operator, &[leg]))
            .inspect_err(|error| self.alert_of_failure(Asker::Operator, error))?;
        Ok(from)
    }

    /// Returns the element in which the cartridge that bears `barcode` is.
    fn whereabouts(&self, barcode: &str) -> Result<ElementAddress, Error> {
        let element = self.map().find(barcode).map(|record| record.element);
        let element = element.ok_or_else(|| Error::NoSuchCartridge {
            barcode: barcode.to_owned(),
        })?;
        element.ok_or_else(|| Error::NoElement {
            barcode: barcode.to_owned(),
        })
    }

    /// Exchanges two cartridges: both change their places, or none does. Otherwise as
    /// [`Robot::move_cartridge`].
    pub(crate) fn exchange(&self, asker: Asker, exchange: Exchange) -> Result<(), MoveError> {
        self.take_time(&[exchange.source, exchange.first], || {
            self.plan_exchange(asker, exchange).map(|_| ())
        })?;
        let mut inventory = self.arm();
        self.plan_exchange(asker, exchange)
            .and_then(|legs| self.carry(&mut inventory, asker, &legs))
            .inspect_err(|error| self.alert_of_failure(asker, error))
    }

    /// Finds what speaks against the move: addresses first, then what is in the elements, then whether
    /// they can be reached, then the drives.
    fn plan_move(
        &self,
        asker: Asker,
        from: ElementAddress,
        to: ElementAddress,
    ) -> Result<Leg<'_>, MoveError> {
        self.check_address(from, MoveError::InvalidSource)?;
        self.check_address(to, MoveError::InvalidDestination)?;
        let record = self.occupant(from)?;
        self.check_free(to)?;
        self.check_reach(asker, &[from, to])?;
        self.check_removal(from)?;
        self.leg(record, from, to)
    }

    /// As [`Robot::plan_move`], for both cartridges. The first destination is a source too, and so must be
    /// full.
    fn plan_exchange(&self, asker: Asker, wanted: Exchange) -> Result<[Leg<'_>; 2], MoveError> {
        let Exchange {
            source,
            first,
            second,
        } = wanted;
        self.check_address(source, MoveError::InvalidSource)?;
        self.check_address(first, MoveError::InvalidDestination)?;
        self.check_address(second, MoveError::InvalidSecondDestination)?;
        let one = self.occupant(source)?;
        let other = self.occupant(first)?;
        if first == source {
            return Err(MoveError::DestinationFull(self.name(first)));
        }
        if second != source {
            self.check_free(second)?; // where the first destination is no free place either
        }
        self.check_reach(asker, &[source, first, second])?;
        self.check_removal(source)?;
        self.check_removal(first)?;
        Ok([
            self.leg(one, source, first)?,
            self.leg(other, first, second)?,
        ])
    }

    fn check_address(
        &self,
        address: ElementAddress,
        otherwise: impl Fn(ElementAddress) -> MoveError,
    ) -> Result<(), MoveError> {
        // The picker holds a cartridge only on its way.
        match self.layout().kind(address) {
            Some(ElementType::Storage | ElementType::ImportExport | ElementType::DataTransfer) => {
                Ok(())
            }
            Some(ElementType::MediumTransport) | None => Err(otherwise(address)),
        }
    }

    fn occupant(&self, from: ElementAddress) -> Result<CartridgeRecord, MoveError> {
        let record = self.map().occupant(from).cloned();
        record.ok_or_else(|| MoveError::SourceEmpty(self.name(from)))
    }

    fn check_free(&self, to: ElementAddress) -> Result<(), MoveError> {
        if self.map().occupant(to).is_some() {
            return Err(MoveError::DestinationFull(self.name(to)));
        }
        Ok(())
    }

    fn check_reach(&self, asker: Asker, elements: &[ElementAddress]) -> Result<(), MoveError> {
        for element in elements {
            let is_port = self.layout().kind(*element) == Some(ElementType::ImportExport);
            if is_port && self.station().is_open() {
                return Err(MoveError::StationOpen(self.name(*element)));
            }
            let out_of_service = self.bay(*element).is_some_and(|bay| !bay.is_in_service());
            if out_of_service && asker != Asker::Operator {
                return Err(MoveError::OutOfService(self.name(*element)));
            }
        }
        Ok(())
    }

    fn check_removal(&self, from: ElementAddress) -> Result<(), MoveError> {
        if self.bay(from).is_some_and(|bay| bay.drive().is_prevented()) {
            return Err(MoveError::RemovalPrevented(self.name(from)));
        }
        Ok(())
    }

    fn leg(
        &self,
        record: CartridgeRecord,
        from: ElementAddress,
        to: ElementAddress,
    ) -> Result<Leg<'_>, MoveError> {
        let destination = match self.bay(to) {
            Some(bay) => Some((bay, self.compatible(bay, &record)?)),
            None => None,
        };
        Ok(Leg {
            record,
            from,
            to,
            destination,
        })
    }

    fn compatible(
        &self,
        bay: &DriveBay,
        record: &CartridgeRecord,
    ) -> Result<MediaAccess, MoveError> {
        bay.profile().access(&record.media).ok_or_else(|| {
            bay.drive().raise(TapeAlert::UnsupportedFormat);
            MoveError::Incompatible {
                element: self.name(bay.element()),
                product: bay.profile().product.clone(),
                barcode: record.barcode.clone(),
                media: record.media.clone(),
            }
        })
    }
}
