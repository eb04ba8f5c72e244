//! Debian's `tgt`: the SCSI target framework with its tape (`--device-type tape --bstype ssc`).

use std::process::Command;

use anyhow::{Context, Result, ensure};
use scsi::Lun;

use super::Running;
use crate::server::{Place, Server, system_program};
use crate::session::Session;

/// A target's parameters that differ from tgt's own.
type Parameters = &'static [(&'static str, &'static str)];

/// As it comes: segments of 8192 bytes, and an R2T before all but the first 64 KiB.
pub(super) const DEFAULT: Parameters = &[];

/// What an administrator who knows iSCSI would set.
pub(super) const TUNED: Parameters = &[
    ("MaxRecvDataSegmentLength", "262144"),
    ("FirstBurstLength", "262144"),
    ("MaxBurstLength", "16776192"),
    ("InitialR2T", "No"),
    ("MaxOutstandingR2T", "8"),
];

const TARGET: &str = "iqn.2026-11.io.capstan:bench-tgt";

/// LUN 0 is a controller.
const TAPE: u16 = 1;

/// The cartridge's size in MB.
const CAPACITY: &str = "65536";

/// Where tgtd and tgtadm meet is a socket whose name this variable begins.
const MEETING_PLACE: &str = "TGT_IPC_SOCKET";

pub(super) fn version() -> Command {
    let mut command = system_program("tgtd");
    command.arg("--version");
    command
}

pub(super) fn start(place: Place, parameters: Parameters) -> Result<Running> {
    let cartridge = place.path("cartridge").display().to_string();
    let meeting_place = place.path("tgtd");
    let new_cartridge = "--op new --device-type tape --type data --barcode BENCH1 --size";
    run(system_program("tgtimg")
        .args(new_cartridge.split(' '))
        .args([CAPACITY, "--file", &cartridge]))?;
    let mut command = system_program("tgtd");
    command
        .env(MEETING_PLACE, &meeting_place)
        .args(["--foreground", "--iscsi"])
        .arg(format!("portal={}", place.address));
    let server = Server::start(command, place)?;

    let administer = |arguments: &str, more: &[&str]| {
        let mut command = system_program("tgtadm");
        command
            .env(MEETING_PLACE, &meeting_place)
            .args(["--lld", "iscsi", "--tid", "1", "--mode"]);
        run(command.args(arguments.split(' ')).args(more))
    };
    administer("target --op new --targetname", &[TARGET])?;
    for &(name, value) in parameters {
        administer("target --op update --name", &[name, "--value", value])?;
    }
    let new_unit = "logicalunit --op new --lun 1 --device-type tape --bstype ssc --backing-store";
    administer(new_unit, &[&cartridge])?;
    administer("target --op bind --initiator-address ALL", &[])?;

    let mut drive = Session::log_in(server.address(), TARGET, Lun::new(TAPE))?;
    drive.wait_until_ready()?;
    Ok(Running {
        drives: vec![drive],
        server,
    })
}

/// Runs a helper to its end.
fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("{name}: cannot start"))?;
    ensure!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
