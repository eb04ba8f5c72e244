//! Debian's `istgt` with its tape, a DLT8000.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use anyhow::Result;
use scsi::Lun;

use super::Running;
use crate::server::{Place, Server, free_address, system_program};
use crate::session::Session;

const TARGET: &str = "iqn.2026-11.io.capstan:bench-istgt";

pub(super) fn version() -> Command {
    let mut command = system_program("istgt");
    command.arg("-V");
    command
}

pub(super) fn start(place: Place) -> Result<Running> {
    let configuration = place.path("istgt.conf");
    let users = place.path("auth.conf");
    std::fs::write(&users, "")?;
    // It refuses a file that others can read.
    std::fs::set_permissions(&users, Permissions::from_mode(0o600))?;
    std::fs::write(&configuration, self::configuration(&place)?)?;
    let mut command = system_program("istgt");
    command.arg("-D").arg("-c").arg(&configuration);
    let server = Server::start(command, place)?;
    let mut drive = Session::log_in(server.address(), TARGET, Lun::new(0))?;
    drive.wait_until_ready()?;
    Ok(Running {
        drives: vec![drive],
        server,
    })
}

/// The lengths are those of the example that comes with it. Its tape works with queue depth 0 only,
/// and "InitialR2T No" is refused.
fn configuration(place: &Place) -> Result<String> {
    let (base, name) = TARGET.split_at(TARGET.len() - "bench-istgt".len());
    Ok(format!(
        r#"[Global]
  NodeBase "{base}"
  PidFile {pid}
  AuthFile {users}
  MediaDirectory {media}
  LogFacility "local7"
  Timeout 30
  NopInInterval 20
  DiscoveryAuthMethod Auto
  MaxSessions 16
  MaxConnections 4
  MaxR2T 32
  MaxOutstandingR2T 16
  DefaultTime2Wait 2
  DefaultTime2Retain 60
  FirstBurstLength 262144
  MaxBurstLength 1048576
  MaxRecvDataSegmentLength 262144
  InitialR2T Yes
  ImmediateData Yes
  DataPDUInOrder Yes
  DataSequenceInOrder Yes
  ErrorRecoveryLevel 0
[UnitControl]
  AuthMethod None
  Portal UC1 {control}
  Netmask 127.0.0.1
[PortalGroup1]
  Portal DA1 {portal}
[InitiatorGroup1]
  InitiatorName "ALL"
  Netmask 127.0.0.0/8
[LogicalUnit1]
  TargetName {name}
  Mapping PortalGroup1 InitiatorGroup1
  AuthMethod None
  UseDigest Auto
  ReadOnly No
  UnitType Tape
  UnitOnline Yes
  QueueDepth 0
  LUN0 Removable "rw" {cartridge} 64GB
"#,
        base = base.trim_end_matches(':'),
        pid = place.path("pid").display(),
        users = place.path("auth.conf").display(),
        media = place.path("").display(),
        control = free_address()?,
        portal = place.address,
        cartridge = place.path("cartridge").display(),
    ))
}
