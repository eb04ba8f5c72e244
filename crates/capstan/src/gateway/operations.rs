//! What can be asked of a library of a running gateway, for the HTTP interface. Everything may wait for disks.

use scsi::ElementAddress;
use scsi::smc::DoorAction;
use tape_library::{BarcodeSource, DriveBay, ElementName, Exchange, MoveError};

use super::libraries::ServedLibrary;
use super::life;
use super::problem::PLACES;
use crate::api::error::{Kind, Problem};
use crate::api::types::{Changer, Element, ExchangeTapes, Moved, NewTapes, Place, Tape};

impl ServedLibrary {
    /// Returns all tapes, ordered by barcode.
    pub fn tapes(&self) -> Result<Vec<Tape>, Problem> {
        Ok(self
            .library
            .cartridges()
            .iter()
            .map(|record| self.describe_tape(record))
            .collect())
    }

    /// Returns one tape.
    pub fn tape(&self, barcode: &str) -> Result<Tape, Problem> {
        let record = self.library.cartridge(barcode)?;
        let memory = self.library.memory_of(record.uuid);
        Ok(Tape {
            life: memory.as_ref().map(life::tape_life),
            has_encrypted_blocks: self.library.has_encrypted_blocks(record.uuid),
            ..self.describe_tape(&record)
        })
    }

    /// Makes tapes.
    pub fn create_tapes(&self, new: NewTapes) -> Result<Vec<Tape>, Problem> {
        let records = self.library.create_cartridges(&self.plan_tapes(new)?)?;
        Ok(records
            .iter()
            .map(|record| self.describe_tape(record))
            .collect())
    }

    /// Deletes a tape and everything on it.
    pub fn delete_tape(&self, barcode: &str) -> Result<(), Problem> {
        Ok(self.library.delete_cartridge(barcode)?)
    }

    /// Returns all elements, drives first.
    pub fn elements(&self) -> Result<Vec<Element>, Problem> {
        let mut elements: Vec<Element> = self
            .library
            .elements()
            .into_iter()
            .map(|element| Element {
                place: Place(element.name),
                address: element.address.0,
                source: element
                    .cartridge
                    .as_ref()
                    .and_then(|cartridge| self.library.layout().name(cartridge.source?))
                    .map(Place),
                barcode: element.cartridge.map(|cartridge| cartridge.barcode),
            })
            .collect();
        elements.retain(|element| !element.place.is_picker());
        elements.sort_by_key(|element| element.place.order());
        Ok(elements)
    }

    /// Moves the tape in `from` to `to`.
    pub fn move_tape(&self, from: Place, to: Place) -> Result<Moved, Problem> {
        let source = self.address(from)?;
        self.moved(source, self.address(to)?)
    }

    /// Exchanges two tapes: the one in `source` goes to `first`, and what was there to `second`, which is
    /// `source` if nobody says otherwise. Returns both, in this order.
    pub fn exchange_tapes(&self, wanted: ExchangeTapes) -> Result<Vec<Moved>, Problem> {
        let exchange = Exchange {
            source: self.address(wanted.source)?,
            first: self.address(wanted.first)?,
            second: self.address(wanted.second.unwrap_or(wanted.source))?,
        };
        // Before the exchange, as for a move.
        let barcode = |address| {
            let record = self.occupant(address);
            record.map(|record| record.barcode).unwrap_or_default()
        };
        let (one, other) = (barcode(exchange.source), barcode(exchange.first));
        self.library.exchange(exchange)?;
        Ok(vec![
            self.told(one, exchange.source, exchange.first)?,
            self.told(other, exchange.first, exchange.second)?,
        ])
    }

    /// Opens or closes the import/export station.
    pub fn move_station(&self, action: DoorAction) -> Result<Changer, Problem> {
        self.library.move_station(action)?;
        Ok(self.changer())
    }

    /// Loads the tape with this barcode, wherever it is, into drive `number`.
    pub fn load(&self, number: u16, barcode: &str) -> Result<Moved, Problem> {
        let to = self.drive(number)?.element();
        let record = self.library.cartridge(barcode)?;
        if record.element == Some(to) {
            let message = format!("tape {barcode}: is in drive {number} already");
            return Err(Problem::new(Kind::Conflict, message));
        }
        // By its barcode: somebody may put another tape into its place before the robot gets there.
        let from = self.library.move_named(barcode, to)?;
        self.told(barcode.to_owned(), from, to)
    }

    /// Takes the tape out of drive `number`: to `to`, or back to where it came from.
    pub fn unload(&self, number: u16, to: Option<Place>) -> Result<Moved, Problem> {
        let from = self.drive(number)?.element();
        if let Some(to) = to {
            return self.moved(from, self.address(to)?);
        }
        let empty = MoveError::SourceEmpty(ElementName::Drive(number));
        let record = self.occupant(from).ok_or(empty)?;
        let to = self
            .library
            .return_address(&record)
            .ok_or_else(|| Problem::new(Kind::Conflict, "no slot is free").hint(PLACES))?;
        self.moved(from, to)
    }

    fn moved(&self, from: ElementAddress, to: ElementAddress) -> Result<Moved, Problem> {
        // Before the move: afterwards somebody else may have moved it on.
        let barcode = self
            .occupant(from)
            .map(|record| record.barcode)
            .unwrap_or_default();
        self.library.move_cartridge(from, to)?;
        self.told(barcode, from, to)
    }

    fn told(
        &self,
        barcode: String,
        from: ElementAddress,
        to: ElementAddress,
    ) -> Result<Moved, Problem> {
        let name = |address| self.library.layout().name(address).map(Place);
        match (name(from), name(to)) {
            (Some(from), Some(to)) => Ok(Moved { barcode, from, to }),
            _ => Err(Problem::new(Kind::Internal, "an element without a name")),
        }
    }

    fn occupant(&self, address: ElementAddress) -> Option<tape_library::CartridgeRecord> {
        let mut cartridges = self.library.cartridges().into_iter();
        cartridges.find(|record| record.element == Some(address))
    }

    pub(super) fn drive(&self, number: u16) -> Result<&DriveBay, Problem> {
        let drives = self.library.drives();
        drives.get(usize::from(number)).ok_or_else(|| {
            let last = drives.len().saturating_sub(1);
            Problem::new(Kind::NotFound, format!("drive {number}: there is none"))
                .hint(format!("drives are numbered from 0 to {last}"))
        })
    }

    pub(super) fn address(&self, place: Place) -> Result<ElementAddress, Problem> {
        self.library.layout().address(place.0).ok_or_else(|| {
            Problem::new(
                Kind::NotFound,
                format!("{place}: the library has no such place"),
            )
            .hint(PLACES)
        })
    }

    fn plan_tapes(&self, new: NewTapes) -> Result<tape_library::NewTapes, Problem> {
        let NewTapes {
            count,
            barcodes,
            prefix,
            media,
            form,
            capacity_bytes,
        } = new;
        if !barcodes.is_empty() && (prefix.is_some() || count.is_some()) {
            let message = "barcodes: either a list of them, or a count and a prefix";
            return Err(Problem::new(Kind::BadRequest, message));
        }
        let prefix = prefix.unwrap_or_else(|| PREFIX_DEFAULT.to_owned());
        let barcodes = match (barcodes.is_empty(), self.library.gateway().preset) {
            (false, _) => BarcodeSource::List(barcodes),
            (true, tape_library::Preset::TapeGateway) => BarcodeSource::Random { prefix },
            (true, tape_library::Preset::Default) => BarcodeSource::Sequence { prefix, first: 1 },
        };
        Ok(tape_library::NewTapes {
            count: count.unwrap_or(1),
            barcodes,
            media,
            form,
            capacity_bytes,
        })
    }
}

/// What made-up barcodes begin with when nobody says anything.
const PREFIX_DEFAULT: &str = "CAP";
