//! The gateway's own identity, in a file of its own.
//!
//! `<data>/gateway.toml` holds what must survive the loss of the catalogue: the identifier from
//! which names and serial numbers are made, and what the machine consists of. It is written once.
//! While it is still called `gateway.toml.new`, the library was never whole, and its creation starts
//! again.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;
use crate::identity::short_id;
use crate::profile::{MachineSpec, Preset};

/// Who the gateway is and what its machine consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Never changes; serial numbers and world wide names come from it.
    pub id: Uuid,
    /// The name in target names.
    pub name: String,
    /// The preset that the machine was made from.
    pub preset: Preset,
    /// When it was made, in milliseconds since 1970.
    pub created_unix_ms: u64,
    /// The changer, the drives and the numbers of elements.
    pub machine: MachineSpec,
}

/// The longest name of a gateway: it stands in target names of at most 223 bytes.
pub const NAME_LENGTH_MAX: usize = 64;

const FILE: &str = "gateway.toml";
const UNFINISHED: &str = "gateway.toml.new";

impl Gateway {
    /// Returns the name of a gateway that nobody named: `gw-` and its short identifier.
    pub fn default_name(id: Uuid) -> String {
        format!("gw-{}", short_id(id))
    }

    /// Checks a name: lower case letters, digits, `-` and `.`, as iSCSI names allow (RFC 7143
    /// §4.2.7.2).
    pub fn check_name(name: &str) -> Result<(), Error> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
        if name.is_empty() || name.len() > NAME_LENGTH_MAX || !name.bytes().all(allowed) {
            return Err(Error::GatewayName {
                name: name.to_owned(),
            });
        }
        Ok(())
    }

    /// Returns whether there is a whole library below `data`.
    pub fn exists(data: &Path) -> bool {
        data.join(FILE).exists()
    }

    /// Reads the identity of the library below `data`.
    pub fn read(data: &Path) -> Result<Self, Error> {
        Self::read_file(&data.join(FILE)).map(|gateway| {
            gateway.ok_or(Error::NoLibrary {
                path: data.to_owned(),
            })
        })?
    }

    /// Reads the identity of a library whose creation was interrupted, if there is one.
    pub(crate) fn read_unfinished(data: &Path) -> Result<Option<Self>, Error> {
        match Self::read_file(&data.join(UNFINISHED)) {
            // Not even the file was whole: nothing was made after it.
            Err(Error::GatewayFile { .. }) => Ok(None),
            result => result,
        }
    }

    /// Marks the beginning of a library's creation. Durable.
    pub(crate) fn begin(&self, data: &Path) -> Result<(), Error> {
        let path = data.join(UNFINISHED);
        let text = toml::to_string(self).map_err(|error| Error::GatewayFile {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let header = "# Written by capstan once, when the library was made. Do not change it:\n\
                      # serial numbers and world wide names come from the id.\n\n";
        let mut file = File::create(&path).map_err(Error::io(&path))?;
        file.write_all(header.as_bytes())
            .and_then(|()| file.write_all(text.as_bytes()))
            .and_then(|()| file.sync_all())
            .map_err(Error::io(&path))?;
        sync_directory(data)
    }

    /// Marks the end of a library's creation. Durable.
    pub(crate) fn finish(data: &Path) -> Result<(), Error> {
        let path = data.join(FILE);
        fs::rename(data.join(UNFINISHED), &path).map_err(Error::io(&path))?;
        sync_directory(data)
    }

    fn read_file(path: &Path) -> Result<Option<Self>, Error> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(path)(error)),
        };
        toml::from_str(&text)
            .map(Some)
            .map_err(|error| Error::GatewayFile {
                path: path.to_owned(),
                reason: error.to_string(),
            })
    }
}

/// Returns the directory that holds a directory for each cartridge.
pub(crate) fn cartridges_directory(data: &Path) -> PathBuf {
    data.join("cartridges")
}

/// Returns when the names in `directory` are on stable storage.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), Error> {
    File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(Error::io(directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway() -> Gateway {
        let id = Uuid::from_u128(0xab65_87c2_0000_4000_8000_0000_0000_0001);
        Gateway {
            id,
            name: Gateway::default_name(id),
            preset: Preset::TapeGateway,
            created_unix_ms: 1_800_000_000_000,
            machine: Preset::TapeGateway.machine(),
        }
    }

    #[test]
    fn what_was_written_is_read_once_it_is_finished() {
        let data = tempfile::tempdir().unwrap();
        gateway().begin(data.path()).unwrap();
        assert!(!Gateway::exists(data.path()));
        assert!(matches!(
            Gateway::read(data.path()),
            Err(Error::NoLibrary { .. })
        ));
        assert_eq!(
            Gateway::read_unfinished(data.path()).unwrap(),
            Some(gateway())
        );
        Gateway::finish(data.path()).unwrap();
        assert_eq!(Gateway::read(data.path()).unwrap(), gateway());
        assert_eq!(gateway().name, "gw-ab6587c2");
    }

    #[test]
    fn file_that_was_changed_by_hand_is_named() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(FILE), "id = 7").unwrap();
        let error = Gateway::read(data.path()).unwrap_err().to_string();
        assert!(error.contains("gateway.toml"), "{error}");
    }

    #[test]
    fn names_that_do_not_fit_a_target_name() {
        for name in ["", "Upper", "a b", "a_b", "a:b", &"x".repeat(65)] {
            assert!(Gateway::check_name(name).is_err(), "{name}");
        }
        Gateway::check_name("backup-1.example").unwrap();
    }
}
