//! Why a cartridge was not moved.

use scsi::ElementAddress;

use crate::element::ElementName;
use crate::error::Error;

/// Why nothing was moved. Every cartridge is where it was, but for one that the robot has dropped.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The source is not an element of the library that can hold a cartridge.
    #[error("{0}: the library has no such element to move from")]
    InvalidSource(ElementAddress),
    /// The destination is not an element of the library that can hold a cartridge.
    #[error("{0}: the library has no such element to move to")]
    InvalidDestination(ElementAddress),
    /// The place for the second cartridge of an exchange is not an element of the library that can hold
    /// one.
    #[error("{0}: the library has no such element to move the other cartridge to")]
    InvalidSecondDestination(ElementAddress),
    /// There is nothing to move.
    #[error("{0}: is empty")]
    SourceEmpty(ElementName),
    /// There is something already.
    #[error("{0}: is full")]
    DestinationFull(ElementName),
    /// An initiator prevents medium removal from the drive.
    #[error("{0}: an initiator prevents medium removal")]
    RemovalPrevented(ElementName),
    /// The drive is out of service: initiators have nothing to do with it.
    #[error("{0}: is out of service")]
    OutOfService(ElementName),
    /// The import/export station is open: the picker cannot reach its elements.
    #[error("{0}: the import/export station is open")]
    StationOpen(ElementName),
    /// The drive does not take this kind of cartridge.
    #[error("{element}: a {product} does not take {media} cartridges such as {barcode}")]
    Incompatible {
        /// The drive.
        element: ElementName,
        /// Its model.
        product: String,
        /// The cartridge.
        barcode: String,
        /// Its kind.
        media: String,
    },
    /// The robot does not move: a fault on order.
    #[error("cartridge {barcode}: the robot is stuck; it stays where it is")]
    RobotStuck {
        /// Which.
        barcode: String,
    },
    /// The robot has lost the cartridge: a fault on order. It is in no element any more.
    #[error(
        "cartridge {barcode}: the robot has dropped it; put it back with `capstan changer put`"
    )]
    RobotDropped {
        /// Which.
        barcode: String,
    },
    /// The cartridge's files are missing.
    #[error("cartridge {barcode}: its files are missing, restore them to load it")]
    FilesMissing {
        /// Which.
        barcode: String,
    },
    /// The cartridge's files cannot be opened.
    #[error("cartridge {barcode}: cannot be loaded: {source}")]
    Unloadable {
        /// Which.
        barcode: String,
        /// What is wrong with it.
        source: cartridge::Error,
    },
    /// The drive cannot bring what was written to the disk; it keeps the cartridge loaded.
    #[error("{element}: cannot unload cartridge {barcode}: {source}")]
    UnloadFailed {
        /// The drive.
        element: ElementName,
        /// The cartridge.
        barcode: String,
        /// What the disk said.
        source: cartridge::Error,
    },
    /// The catalogue cannot be changed.
    #[error(transparent)]
    Catalogue(Box<Error>),
}

impl From<Error> for MoveError {
    fn from(error: Error) -> Self {
        Self::Catalogue(Box::new(error))
    }
}
