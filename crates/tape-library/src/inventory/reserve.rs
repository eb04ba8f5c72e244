//! Room on the disk that is kept for the catalogue.
//!
//! Cartridges fill disks. On a full one the catalogue could not even be opened, and no cartridge be
//! moved into a drive to be read, or be deleted to make room. So a file beside the catalogue takes
//! some room, and gives it when SQLite finds none.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Enough for the index of the log and some dozens of moves.
const RESERVE_BYTES: usize = 1 << 20;

/// The file that keeps the room.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// Returns the reserve of the catalogue at `catalogue`.
    pub(super) fn of(catalogue: &Path) -> Self {
        Self {
            path: catalogue.with_extension("reserve"),
        }
    }

    /// Takes the room unless it is taken; on a disk that is full, a later call does.
    pub(super) fn keep(&self) {
        let length = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if length < RESERVE_BYTES as u64
            && let Err(error) = fs::write(&self.path, vec![0; RESERVE_BYTES])
        {
            // A part of it is better than nothing.
            tracing::warn!(path = %self.path.display(), %error, "no room kept for the catalogue");
        }
    }

    /// Does `work`, which does nothing when it fails; a second time, with the room given, when it
    /// failed for want of room.
    pub(super) fn with_room<T>(
        &self,
        mut work: impl FnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        match work() {
            Err(error) if may_want_room(&error) && fs::remove_file(&self.path).is_ok() => {
                tracing::warn!(%error, "the disk is full: the catalogue takes its reserve");
                let result = work();
                self.keep(); // what is left of it, before others take that
                result
            }
            result => result,
        }
    }
}

/// SQLite tells a full disk as such when it writes, and as an I/O error when it maps memory.
fn may_want_room(error: &Error) -> bool {
    use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
    let Error::Catalogue(error) = error else {
        return false;
    };
    matches!(error.sqlite_error_code(), Some(DiskFull | SystemIoFailure))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What SQLite says of a full disk.
    fn full<T>() -> Result<T, Error> {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
        Err(rusqlite::Error::SqliteFailure(code, None).into())
    }

    #[test]
    fn room_is_given_once_and_taken_again() {
        let data = tempfile::tempdir().unwrap();
        let reserve = Reserve::of(&data.path().join("catalog.sqlite"));
        let file = data.path().join("catalog.reserve");
        reserve.keep();
        assert_eq!(file.metadata().unwrap().len(), RESERVE_BYTES as u64);
        let done = reserve.with_room(|| if file.exists() { full() } else { Ok(7) });
        assert_eq!(done.unwrap(), 7);
        assert!(file.exists(), "taken again");
        assert!(reserve.with_room(full::<()>).is_err(), "not for ever");
    }

    #[test]
    fn other_failures_leave_the_room_alone() {
        let data = tempfile::tempdir().unwrap();
        let reserve = Reserve::of(&data.path().join("catalog.sqlite"));
        reserve.keep();
        let failed = reserve.with_room(|| -> Result<(), Error> {
            Err(Error::CatalogueDamaged { reason: "x".into() })
        });
        assert!(failed.is_err());
        assert!(data.path().join("catalog.reserve").exists());
    }
}
