//! What can go wrong with a library, besides what initiators are told as sense data.

use std::io;
use std::path::{Path, PathBuf};

use cartridge::Form;
use uuid::Uuid;

use crate::element::ElementName;
use crate::inject::FaultError;
use crate::library::MoveError;
use crate::profile::ProfileError;

/// A fault of the outside world, or a request that the library cannot follow.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no library below the data directory.
    #[error("{}: there is no library here", path.display())]
    NoLibrary {
        /// The data directory.
        path: PathBuf,
    },
    /// A library cannot be made where there is something already.
    #[error("{}: not empty, a library cannot be made here", path.display())]
    NotEmpty {
        /// The file or directory in the way.
        path: PathBuf,
    },
    /// The identity of the gateway cannot be read.
    #[error("{}: {reason}", path.display())]
    GatewayFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A gateway cannot have this name.
    #[error("gateway name {name:?}: write 1 to 64 lower case letters, digits, hyphens and dots")]
    GatewayName {
        /// The name.
        name: String,
    },
    /// The catalogue is not there.
    #[error("{}: missing; `capstan catalog rebuild` makes it from the cartridges", path.display())]
    CatalogueMissing {
        /// The file.
        path: PathBuf,
    },
    /// The catalogue was written by a newer version.
    #[error("catalogue: version {found} is newer than this program, which knows {known}")]
    CatalogueNewer {
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The catalogue belongs to another gateway than `gateway.toml`.
    #[error("catalogue: belongs to gateway {found}, and gateway.toml to {expected}")]
    CatalogueForeign {
        /// Whose catalogue it is.
        found: String,
        /// Whose it should be.
        expected: Uuid,
    },
    /// The catalogue says what cannot be.
    #[error("catalogue: {reason}; `capstan catalog rebuild` makes it anew from the cartridges")]
    CatalogueDamaged {
        /// What it says.
        reason: String,
    },
    /// SQLite failed.
    #[error("catalogue: {0}")]
    Catalogue(rusqlite::Error),
    /// A profile does not exist, or the elements do not fit.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// An operation on a file failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("worker of {unit}: {source}")]
    Worker {
        /// The unit.
        unit: String,
        /// What the system said.
        source: io::Error,
    },
    /// A cartridge's own files failed.
    #[error("cartridge {barcode}: {source}")]
    Cartridge {
        /// Which.
        barcode: String,
        /// What is wrong with it.
        source: cartridge::Error,
    },
    /// Nothing bears this barcode.
    #[error("cartridge {barcode}: there is none")]
    NoSuchCartridge {
        /// The barcode.
        barcode: String,
    },
    /// A cartridge for which a rebuild found no room.
    #[error("cartridge {barcode}: is in no element of the library")]
    NoElement {
        /// Which.
        barcode: String,
    },
    /// A new cartridge would bear the barcode of another.
    #[error("cartridge {barcode}: exists already")]
    BarcodeTaken {
        /// The barcode.
        barcode: String,
    },
    /// A text that cannot be a barcode.
    #[error("barcode {barcode:?}: write 1 to 32 printable ASCII characters without spaces")]
    InvalidBarcode {
        /// The text.
        barcode: String,
    },
    /// No kind of cartridge has this name.
    #[error("media {name:?}: there is none of this name; known are {known}")]
    UnknownMedia {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// A kind of cartridge is not made for this.
    #[error("media {media}: there is no kind of it for {}", match form {
        Form::Data => "data",
        Form::Worm => "writing once (WORM)",
        Form::Cleaning => "cleaning",
    })]
    NoSuchForm {
        /// The kind.
        media: String,
        /// What it should be for.
        form: Form,
    },
    /// A number of new cartridges that cannot be made at once.
    #[error("{count} cartridges: 1 to {max} can be made at once")]
    CartridgeCount {
        /// How many were asked for.
        count: usize,
        /// How many are possible.
        max: usize,
    },
    /// There is no room for new cartridges.
    #[error("{wanted} cartridges: only {free} {place} elements are free")]
    NoFreeElements {
        /// How many cartridges there are to place.
        wanted: usize,
        /// How many elements are free.
        free: usize,
        /// Which kind of element.
        place: &'static str,
    },
    /// Only a cartridge that is in no element can be put into one by hand.
    #[error("cartridge {barcode}: is in {element}; move it instead")]
    HasElement {
        /// Which.
        barcode: String,
        /// Where it is.
        element: ElementName,
    },
    /// There is no drive of this number.
    #[error("drive {number}: there is none")]
    NoSuchDrive {
        /// The number.
        number: u16,
    },
    /// A fault that cannot be had.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// The cartridge is in a drive, where this cannot be done.
    #[error("cartridge {barcode}: is in {element}; unload it first")]
    InDrive {
        /// Which.
        barcode: String,
        /// Where it is.
        element: ElementName,
    },
    /// An initiator prevents the removal of cartridges from the library.
    #[error("cartridge {barcode}: an initiator prevents medium removal")]
    RemovalPrevented {
        /// Which.
        barcode: String,
    },
    /// A move was refused.
    #[error(transparent)]
    Move(#[from] MoveError),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Self::CatalogueDamaged {
                reason: error.to_string(),
            },
            _ => Self::Catalogue(error),
        }
    }
}

impl Error {
    /// Returns what makes an error out of a failed operation on `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
