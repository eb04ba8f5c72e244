//! A disk in memory behind portals of its own, served as the gateway serves its tapes.

use std::sync::Arc;
use std::time::Duration;

use capstan::config::{Config, ListenAddress};
use capstan::gateway::targets::port_name;
use capstan::portal::{Bound, NamedTarget, Portals};
use scsi::Lun;
use tape_library::unit_attention::UnitAttentions;
use tape_library::{DeviceServer, LogicalUnit, Target};

use super::ram_disk::{Access, RamDisk};
use super::tool::{Tool, Verdict, url};

const NAME: &str = "iqn.2026-11.io.capstan.test:disk";
/// Nobody takes this long to log out of a portal that closes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs one test against a disk of its own.
pub(super) fn judge(tool: &Tool, number: u8, test: &str) -> Verdict {
    let access = if test.starts_with("ReadOnly.") {
        Access::ReadOnly
    } else {
        Access::ReadWrite
    };
    let (_, portals) = serve(number, access);
    // Both paths to a unit may lead through the same port: a session each.
    let paths = if test.starts_with("MultipathIO.") {
        2
    } else {
        1
    };
    run(tool, test, paths, portals, || {})
}

/// Runs one test against a disk of which no write ends before the tool has gone.
pub(super) fn judge_while_writing(tool: &Tool, test: &str) -> Verdict {
    let (disk, portals) = serve(0, Access::ReadWrite);
    disk.hold_writes();
    run(tool, test, 1, portals, || disk.release_writes())
}

fn run(tool: &Tool, test: &str, paths: usize, portals: Portals, then: impl FnOnce()) -> Verdict {
    let urls = vec![url(portals.addresses()[0], NAME); paths];
    let verdict = tool.run(test, &urls);
    then();
    assert_eq!(portals.close(PATIENCE), 0, "{test}: connections stay");
    verdict
}

fn serve(number: u8, access: Access) -> (Arc<RamDisk>, Portals) {
    let attentions: Arc<UnitAttentions> = Arc::default();
    let disk = Arc::new(RamDisk::new(number, access, attentions.clone()));
    let server: Arc<dyn DeviceServer> = disk.clone();
    let unit = Arc::new(LogicalUnit::start("disk", server, attentions).unwrap());
    let target = NamedTarget {
        name: NAME.to_owned(),
        target: Target::new(&port_name(NAME), vec![(Lun::new(0), unit)]),
    };
    let mut config = Config::default().iscsi;
    config.listen = vec![ListenAddress("127.0.0.1:0".parse().unwrap())];
    let bound = Bound::bind(&config).unwrap();
    let alias = "judge".to_owned();
    let portals = Portals::serve(bound, &config, vec![target], alias, Arc::default()).unwrap();
    (disk, portals)
}
