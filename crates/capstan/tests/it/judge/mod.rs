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
mod served_disk;
mod suites;
mod tool;

use capstan::gateway::targets::Device;
use iscsi::initiator::DataTransfer;

use self::expectations::{CHANGER, RAM_DISK, TAPE};
use self::judging::judge;
use self::tool::{Tool, url};
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
fn a_disk_in_memory_is_judged() {
    let Some(tool) = Tool::find() else { return };
    let numbers: Vec<u8> = (0..DISKS).collect();
    judge(&RAM_DISK, &tool.tests, &numbers, |number, test| {
        served_disk::judge(&tool, *number, test)
    });
}

/// Whatever is judged above is as good with digests: libiscsi's CRC32C against ours.
#[test]
fn a_disk_in_memory_is_judged_with_header_digests() {
    let Some(tool) = Tool::find().and_then(|tool| tool.with_preload("header_digest")) else {
        return;
    };
    let suites = [
        "MultipathIO",
        "Read16",
        "Reserve6",
        "TestUnitReady",
        "Write16",
        "iSCSI",
    ];
    let of_suites = |test: &&String| suites.iter().any(|suite| test.starts_with(suite));
    let tests: Vec<String> = tool.tests.iter().filter(of_suites).cloned().collect();
    let numbers: Vec<u8> = (0..DISKS).collect();
    judge(&RAM_DISK, &tests, &numbers, |number, test| {
        let verdict = served_disk::judge(&tool, *number, test);
        let demanded = verdict.output.contains("HeaderDigest=CRC32C");
        assert!(demanded, "{test}: {}", verdict.output);
        verdict
    });
}

/// The tool aborts a write and resets the unit while the disk is busy with it; with a quick disk, as
/// above, both always come too late.
#[test]
fn abort_and_reset_meet_a_write_that_runs() {
    let Some(tool) = Tool::find() else { return };
    for (test, answered) in [
        ("iSCSITMF.AbortTaskSimpleAsync", "ABORT TASK completed"),
        ("iSCSITMF.LUNResetSimpleAsync", "LU RESET completed"),
    ] {
        let verdict = served_disk::judge_while_writing(&tool, test);
        let told = verdict.told();
        assert!(told.contains(answered), "{told}");
        assert!(!told.contains("WRITE10 successful"), "{told}");
        let explained = RAM_DISK
            .exception(test)
            .map_or(&[][..], |line| line.failing);
        assert_eq!(report::failing(told), explained);
    }
}

#[test]
fn a_drive_with_a_cartridge_is_judged() {
    let Some(tool) = Tool::find().and_then(|tool| tool.with_preload("capacity")) else {
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
        tool.run(test, &[url(gateway.portal(), &name)])
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
    let Some(tool) = Tool::find().and_then(|tool| tool.with_preload("capacity")) else {
        return;
    };
    let gateways: Vec<TestGateway> = (0..CHANGERS).map(|_| TestGateway::start()).collect();
    judge(&CHANGER, &tool.tests, &gateways, |gateway, test| {
        let name = gateway.target(Device::Changer);
        tool.run(test, &[url(gateway.portal(), &name)])
    });
    for gateway in gateways {
        gateway.move_tape("slot:1", "drive:0");
        assert_eq!(gateway.tape_in("slot:1"), None, "still a changer");
    }
}
