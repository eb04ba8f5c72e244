//! What the library refuses, with advice for the one who asked.

use tape_library::{Error, MoveError, RemovalPrevented};

use crate::api::error::{Kind, Problem};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = |kind| Self::new(kind, &error);
        match &error {
            Error::Move(_) => match error {
                Error::Move(error) => error.into(),
                _ => problem(Kind::Internal),
            },
            Error::NoSuchCartridge { .. } => {
                problem(Kind::NotFound).hint("`capstan tape list` shows all tapes")
            }
            Error::NoElement { .. } => problem(Kind::Conflict)
                .hint("put it into a free slot with `capstan changer put BARCODE slot:N`"),
            Error::HasElement { .. }
            | Error::Cartridge {
                source:
                    cartridge::Error::NotEncryptedAtRest
                    | cartridge::Error::WriteProtected
                    | cartridge::Error::WriteOnce,
                ..
            } => problem(Kind::Conflict),
            Error::NoSuchDrive { .. } => {
                problem(Kind::NotFound).hint("`capstan drive list` shows all drives")
            }
            Error::BarcodeTaken { .. } => {
                problem(Kind::Conflict).hint("choose another barcode or prefix")
            }
            Error::NoFreeElements { .. } => problem(Kind::Conflict)
                .hint("delete tapes, or move some out of the way with `capstan changer move`"),
            Error::InDrive { .. } => problem(Kind::Conflict).hint(
                "`capstan drive unload N` puts it back; `capstan drive list` shows the drives",
            ),
            Error::RemovalPrevented { .. } => problem(Kind::Conflict)
                .hint("let the backup software release it, or log its session out"),
            Error::Cartridge {
                source: cartridge::Error::KeyEncryptionKeyMissing { .. },
                ..
            } => problem(Kind::Conflict).hint("`capstan key list` shows which keys are there"),
            Error::Fault(_)
            | Error::InvalidBarcode { .. }
            | Error::UnknownMedia { .. }
            | Error::NoSuchForm { .. }
            | Error::CartridgeCount { .. }
            | Error::GatewayName { .. }
            | Error::Cartridge {
                source: cartridge::Error::InvalidLabel { .. },
                ..
            } => problem(Kind::BadRequest),
            _ => logged(problem(Kind::Internal)),
        }
    }
}

impl From<MoveError> for Problem {
    fn from(error: MoveError) -> Self {
        let problem = |kind| Self::new(kind, &error);
        match &error {
            MoveError::InvalidSource(_)
            | MoveError::InvalidDestination(_)
            | MoveError::InvalidSecondDestination(_) => problem(Kind::NotFound).hint(PLACES),
            MoveError::SourceEmpty(_) | MoveError::DestinationFull(_) => {
                problem(Kind::Conflict).hint(PLACES)
            }
            MoveError::RemovalPrevented(_) => problem(Kind::Conflict)
                .hint("let the backup software release the drive, or log its session out"),
            MoveError::OutOfService(_) => {
                problem(Kind::Conflict).hint("`capstan drive enable N` puts a drive into service")
            }
            MoveError::StationOpen(_) => {
                problem(Kind::Conflict).hint("`capstan changer ie close` closes it")
            }
            MoveError::Incompatible { .. } => {
                problem(Kind::Conflict).hint("`capstan drive list` shows the models of the drives")
            }
            MoveError::FilesMissing { .. } | MoveError::Unloadable { .. } => {
                problem(Kind::Conflict)
                    .hint("restore the cartridge's files from another copy, then try again")
            }
            MoveError::UnloadFailed { .. } => problem(Kind::Internal)
                .hint("see to the disk of the data directory, then try again"),
            MoveError::RobotStuck { .. } | MoveError::RobotDropped { .. } => {
                problem(Kind::Conflict).hint("a fault on order: see `capstan fault list`")
            }
            MoveError::Catalogue(_) => logged(problem(Kind::Internal)),
        }
    }
}

impl From<RemovalPrevented> for Problem {
    fn from(error: RemovalPrevented) -> Self {
        Self::new(Kind::Conflict, error)
            .hint("let the backup software release the changer, or log its session out")
    }
}

/// The log has it too: whoever asked may not be the one who can mend it.
fn logged(problem: Problem) -> Problem {
    tracing::error!("{}", problem.message);
    problem.hint("the daemon's log may say more")
}

/// Advice for a place that is not as it was thought to be.
pub const PLACES: &str = "`capstan changer list --all` shows all places and what is in them";
