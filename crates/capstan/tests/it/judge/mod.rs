//! An independent judge: Debian's `iscsi-test-cu` against a disk in memory, a drive and the changer.
//!
//! What is expected stands in [`expectations`], with the reason where it is not a pass;
//! `docs/iscsi-test-cu.md` is generated from it.

mod document;
mod expectations;
mod judging;
mod programs;
mod ram_disk;
mod report;
mod suites;
mod tool;

use std::sync::Arc;
use std::time::Duration;

use capstan::config::{Config, ListenAddress};
use capstan::gateway::targets::{Device, port_name};
use capstan::portal::{Bound, NamedTarget, Portals};
use iscsi::initiator::DataTransfer;
use scsi::Lun;
use tape_library::unit_attention::UnitAttentions;
use tape_library::{DeviceServer, LogicalUnit, Target};

use self::expectations::{CHANGER, RAM_DISK, TAPE};
use self::judging::judge;
use self::ram_disk::{Access, RamDisk};
use self::tool::{Tool, Verdict, url};
use crate::support::TestGateway;
use crate::support::host::Host;
use crate::support::tape::Found;

/// Disks that are judged at the same time. Most of the time the tool waits for nothing to happen.
const DISKS: u8 = 4;
/// Libraries whose changers are judged at the same time.
const CHANGERS: usize = 3;
/// Drives of the default library.
const DRIVES: u16 = 4;

#[test]
fn the_tool_has_the_tests_that_are_expected_of_it() {
    let Some(tool) = Tool::find() else { return };
    let known: Vec<String> = suites::tests().collect();
    assert_eq!(
        tool.tests, known,
        "another version than 1.19; judge/suites.rs lists what that one has"
    );
}

#[test]
fn a_disk_in_memory_is_judged() {
    let Some(tool) = Tool::find() else { return };
    let numbers: Vec<u8> = (0..DISKS).collect();
    judge(&RAM_DISK, &tool.tests, &numbers, |number, test| {
        judge_disk(&tool, *number, test)
    });
}

/// Runs one test against a disk of its own.
fn judge_disk(tool: &Tool, number: u8, test: &str) -> Verdict {
    const NAME: &str = "iqn.2026-11.io.capstan.test:disk";
    let access = if test.starts_with("ReadOnly.") {
        Access::ReadOnly
    } else {
        Access::ReadWrite
    };
    let attentions: Arc<UnitAttentions> = Arc::default();
    let disk: Arc<dyn DeviceServer> = Arc::new(RamDisk::new(number, access, attentions.clone()));
    let unit = Arc::new(LogicalUnit::start("disk", disk, attentions).unwrap());
    let target = NamedTarget {
        name: NAME.to_owned(),
        target: Target::new(&port_name(NAME), vec![(Lun::new(0), unit)]),
    };
    let mut config = Config::default().iscsi;
    config.listen = vec![ListenAddress("127.0.0.1:0".parse().unwrap())];
    let bound = Bound::bind(&config).unwrap();
    let alias = "judge".to_owned();
    let portals = Portals::serve(bound, &config, vec![target], alias, Arc::default()).unwrap();

    // Both paths to a unit may lead through the same port: a session each.
    let paths = if test.starts_with("MultipathIO.") {
        2
    } else {
        1
    };
    let urls = vec![url(portals.addresses()[0], NAME); paths];
    let verdict = tool.run(test, &urls, None);
    assert_eq!(portals.close(PATIENCE), 0, "{test}: connections stay");
    verdict
}

#[test]
fn a_drive_with_a_cartridge_is_judged() {
    let Some(tool) = Tool::find() else { return };
    let Some(preload) = tool.build_preload() else {
        return;
    };
    let gateway = TestGateway::start();
    let drives: Vec<u16> = (0..DRIVES).collect();
    for drive in &drives {
        gateway.move_tape(&format!("slot:{}", drive + 1), &format!("drive:{drive}"));
    }
    judge(&TAPE, &tool.tests, &drives, |drive, test| {
        let name = gateway.target(Device::Drive(*drive));
        make_ready(&mut Host::log_in(gateway.portal(), &name));
        tool.run(test, &[url(gateway.portal(), &name)], Some(&preload))
    });
    for drive in drives {
        let name = gateway.target(Device::Drive(drive));
        let mut host = Host::log_in(gateway.portal(), &name);
        make_ready(&mut host);
        host.write_block(b"still a tape");
        host.rewind();
        assert_eq!(host.read_block(100), Found::Block(b"still a tape".to_vec()));
    }
}

/// Loads a cartridge that a test may have unloaded.
fn make_ready(host: &mut Host) {
    host.attentions();
    host.good(&[0x1b, 0, 0, 0, 0x01, 0], DataTransfer::None); // LOAD UNLOAD with LOAD=1
}

#[test]
fn the_changer_is_judged() {
    let Some(tool) = Tool::find() else { return };
    let Some(preload) = tool.build_preload() else {
        return;
    };
    let gateways: Vec<TestGateway> = (0..CHANGERS).map(|_| TestGateway::start()).collect();
    judge(&CHANGER, &tool.tests, &gateways, |gateway, test| {
        let name = gateway.target(Device::Changer);
        tool.run(test, &[url(gateway.portal(), &name)], Some(&preload))
    });
    for gateway in gateways {
        gateway.move_tape("slot:1", "drive:0");
        assert_eq!(gateway.tape_in("slot:1"), None, "still a changer");
    }
}

/// Nobody takes this long to log out of a portal that closes.
const PATIENCE: Duration = Duration::from_secs(10);
