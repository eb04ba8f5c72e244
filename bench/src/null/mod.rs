//! The gateway with null cartridges: everything of the product but the medium.
//!
//! The benchmark's own binary serves it in a process of its own, so that its CPU time can be told
//! from the client's. Portal, protocol core, target, logical unit and the drive's commands are the
//! code of `capstan serve`, built with the same profile. Nothing in the gateway can make a null
//! cartridge, so nobody's backup can end on one.

mod cartridge;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use capstan::config::{IscsiConfig, ListenAddress};
use capstan::portal::sessions::Sessions;
use capstan::portal::{Bound, NamedTarget, Portals};
use scsi::Lun;
use tape_library::drive::{Drive, DriveConfig};
use tape_library::identity::DeviceIdentity;
use tape_library::profile::{DriveProfile, MediaAccess};
use tape_library::unit_attention::UnitAttentions;
use tape_library::{DeviceServer, LogicalUnit, Target};
use uuid::Uuid;

use self::cartridge::NullCartridge;
pub(crate) use self::cartridge::pattern;

/// The drives that the default preset of `capstan serve` has, too.
const PROFILE: &str = "ibm-ult3580-td5";

/// Returns the name of the target that drive `number` stands behind.
pub(crate) fn target_name(number: u16) -> String {
    format!("iqn.2026-11.io.capstan:bench-null-{number}")
}

/// Serves `drives` drives with null cartridges at `address` until the process is ended.
pub(crate) fn serve(address: SocketAddr, drives: u16) -> Result<()> {
    let config = IscsiConfig {
        listen: vec![ListenAddress(address)],
        ..IscsiConfig::default()
    };
    let targets = (0..drives).map(target).collect::<Result<_>>()?;
    let _portals = Portals::serve(
        Bound::bind(&config)?,
        &config,
        targets,
        "NULL CARTRIDGES: WHAT IS WRITTEN IS LOST".to_owned(),
        Arc::new(Sessions::default()),
    )?;
    eprintln!("NULL CARTRIDGES on {address}: what is written is lost");
    loop {
        std::thread::park();
    }
}

fn target(number: u16) -> Result<NamedTarget> {
    let profile = DriveProfile::builtin(PROFILE).context("no such profile")?;
    let attentions = Arc::new(UnitAttentions::new());
    let config = DriveConfig {
        number,
        identity: DeviceIdentity::drive(&profile, Uuid::nil(), number),
        profile,
        codec: ::cartridge::Codec::Stored,
    };
    let drive = Arc::new(Drive::new(config, Arc::clone(&attentions)));
    drive.load(NullCartridge::new(), MediaAccess::ReadWrite);
    let device: Arc<dyn DeviceServer> = drive;
    let unit = LogicalUnit::start(&format!("drive-{number}"), device, attentions)?;
    let name = target_name(number);
    Ok(NamedTarget {
        target: Target::new(
            &format!("{name},t,0x0001"),
            vec![(Lun::new(0), Arc::new(unit))],
        ),
        name,
    })
}
