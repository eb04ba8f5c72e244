//! The lock on the data directory: one daemon at a time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// The data directory is ours until this is dropped. The kernel lets go of the lock when the
/// process ends, however it ends.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

/// Why the data directory is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "data directory {} is in use by process {process}; stop that gateway first, or name \
         another directory with --data DIR", path.display()
    )]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The other process, or `?`.
        process: String,
    },
    /// It cannot be made or locked.
    #[error("cannot use data directory {}: {source}", path.display())]
    Unusable {
        /// The data directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl DataLock {
    /// Makes the data directory if there is none, and locks it.
    pub fn take(data: &Path) -> Result<Self, LockError> {
        let unusable = |source| LockError::Unusable {
            path: data.to_owned(),
            source,
        };
        make_private_directory(data).map_err(unusable)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(data.join(LOCK_NAME))
            .map_err(unusable)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut process = String::new();
                let _ = file.read_to_string(&mut process); // only for the message
                let process = match process.trim() {
                    "" => "?".to_owned(),
                    text => text.to_owned(),
                };
                return Err(LockError::InUse {
                    path: data.to_owned(),
                    process,
                });
            }
            Err(errno) => return Err(unusable(errno.into())),
        }
        file.set_len(0).map_err(unusable)?;
        file.rewind().map_err(unusable)?;
        writeln!(file, "{}", std::process::id()).map_err(unusable)?;
        Ok(Self { _file: file })
    }
}

/// Makes the data directory for its owner alone: backups hold what everybody else may not read. One
/// that exists is left as its owner made it.
fn make_private_directory(data: &Path) -> std::io::Result<()> {
    if let Some(parent) = data.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(data) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

const LOCK_NAME: &str = "lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_and_names_the_first_process() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = DataLock::take(&data).unwrap();
        let error = DataLock::take(&data).unwrap_err().to_string();
        assert!(
            error.contains(&format!("in use by process {}", std::process::id())),
            "{error}"
        );
        drop(first);
        DataLock::take(&data).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_is_named() {
        let error = DataLock::take(Path::new("/dev/null/data"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("/dev/null/data"), "{error}");
    }

    #[test]
    fn a_new_data_directory_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("srv/tapes");
        let _lock = DataLock::take(&data).unwrap();
        let mode = fs::metadata(&data).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
