//! `capstan serve` with a new library; its changer loads the first cartridges into the drives.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use scsi::Lun;

use super::Running;
use crate::cell::Compression;
use crate::server::{Place, Server};
use crate::session::Session;

/// Whether cartridges are encrypted at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtRest {
    /// They are not.
    InClear,
    /// They are.
    Encrypted,
}

/// The gateway's key. It guards nothing.
const KEY: [u8; 32] = *b"a key that protects no data here";

pub(super) fn version(capstan: &Path) -> Command {
    let mut command = Command::new(capstan);
    command.arg("--version");
    command
}

pub(super) fn start(
    capstan: &Path,
    place: Place,
    compression: Compression,
    at_rest: AtRest,
    drives: u16,
) -> Result<Running> {
    let configuration = place.path("bench.toml");
    let mut text = format!("[cartridge]\ncompression = \"{}\"\n", compression.name());
    if at_rest == AtRest::Encrypted {
        let key = place.path("key");
        std::fs::write(&key, KEY)?;
        // It refuses a file that others can read.
        std::fs::set_permissions(&key, Permissions::from_mode(0o600))?;
        let _ = write!(text, "[[encryption.key]]\nfile = \"{}\"\n", key.display());
    }
    std::fs::write(&configuration, text)?;
    let mut command = Command::new(capstan);
    command
        .arg("serve")
        .arg("--config")
        .arg(&configuration)
        .arg("--data")
        .arg(place.path("data"))
        .arg("--listen")
        .arg(place.address.to_string());
    let server = Server::start(command, place)?;
    let drives = loaded_drives(&server, drives)?;
    Ok(Running { drives, server })
}

/// Returns a session with the changer, which is ready.
pub(crate) fn changer(server: &Server) -> Result<Session> {
    let mut changer = changer_unasked(server)?;
    changer.wait_until_ready()?;
    Ok(changer)
}

/// Returns a session with the changer, which nobody has asked anything.
pub(crate) fn changer_unasked(server: &Server) -> Result<Session> {
    log_in(server, "-mediachanger")
}

fn loaded_drives(server: &Server, drives: u16) -> Result<Vec<Session>> {
    changer(server)?.load_cartridges(drives)?;
    (1..=drives)
        .map(|number| {
            let mut drive = log_in(server, &format!("-tapedrive-{number:02}"))?;
            drive.wait_until_ready()?;
            Ok(drive)
        })
        .collect()
}

fn log_in(server: &Server, suffix: &str) -> Result<Session> {
    let targets = Session::discover(server.address())?;
    let target = targets.iter().find(|name| name.ends_with(suffix));
    let target = target.with_context(|| format!("no target …{suffix}"))?;
    Session::log_in(server.address(), target, Lun::new(0))
}
