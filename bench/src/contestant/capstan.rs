//! `capstan serve` with a new library; its changer loads the first cartridge into the first drive.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use scsi::Lun;

use super::Running;
use crate::server::{Place, Server};
use crate::session::Session;

pub(super) fn version(capstan: &Path) -> Command {
    let mut command = Command::new(capstan);
    command.arg("--version");
    command
}

pub(super) fn start(capstan: &Path, place: Place, compression: &str) -> Result<Running> {
    let configuration = place.path("bench.toml");
    std::fs::write(
        &configuration,
        format!("[cartridge]\ncompression = \"{compression}\"\n"),
    )?;
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
    let drive = loaded_drive(&server)?;
    Ok(Running { drive, server })
}

fn loaded_drive(server: &Server) -> Result<Session> {
    let targets = Session::discover(server.address())?;
    let target = |suffix: &str| {
        let found = targets.iter().find(|name| name.ends_with(suffix));
        found.with_context(|| format!("no target …{suffix}"))
    };
    let lun = Lun::new(0);
    let mut changer = Session::log_in(server.address(), target("-mediachanger")?, lun)?;
    changer.load_first_cartridge()?;
    let mut drive = Session::log_in(server.address(), target("-tapedrive-01")?, lun)?;
    drive.wait_until_ready()?;
    Ok(drive)
}
