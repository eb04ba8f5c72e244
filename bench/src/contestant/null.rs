//! The gateway with null cartridges, served by this very binary.

use std::process::Command;

use anyhow::Result;
use scsi::Lun;

use super::Running;
use crate::null::target_name;
use crate::server::{Place, Server};
use crate::session::Session;

pub(super) fn start(place: Place, drives: u16) -> Result<Running> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("serve-null")
        .arg(place.address.to_string())
        .arg(drives.to_string());
    let server = Server::start(command, place)?;
    let drives = (0..drives)
        .map(|number| {
            let name = target_name(number);
            let mut drive = Session::log_in(server.address(), &name, Lun::new(0))?;
            drive.wait_until_ready()?;
            Ok(drive)
        })
        .collect::<Result<_>>()?;
    Ok(Running { drives, server })
}
