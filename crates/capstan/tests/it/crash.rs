//! kill -9 right after a command that promises durability: everything up to there reads back.
//!
//! The daemon is a child process; what it has only in memory dies with it. (What a power cut would
//! add, the loss of what the system has not written yet, is tested in crate cartridge.)

use std::path::Path;

use capstan::gateway::targets::Device;
use iscsi::initiator::DataTransfer;
use tempfile::TempDir;

use crate::support::child::{Child, capstan_ok};
use crate::support::host::Host;
use crate::support::noise;
use crate::support::tape::Found;

/// What a host does last before the daemon dies.
type LastAct = fn(&mut Host, &Child);

fn target(child: &Child, device: Device) -> &str {
    match device {
        Device::Changer => &child.targets[0],
        Device::Drive(number) => &child.targets[1 + usize::from(number)],
    }
}

fn host(child: &Child) -> Host {
    let mut host = Host::log_in(child.portal, target(child, Device::Drive(0)));
    host.attentions();
    host
}

fn block(n: u64) -> Vec<u8> {
    noise(n, 1 + 9_973 * usize::try_from(n).unwrap())
}

/// Writes two files and the beginning of a third, does `last`, dies. Then everything is there.
fn survives(last: LastAct, loaded_afterwards: bool) {
    let data = TempDir::new().unwrap();
    let child = Child::serve(data.path());
    capstan_ok(data.path(), &["drive", "load", "0", "CAP001L5"]);
    let mut tape = host(&child);
    for file in 0..2 {
        for n in 0..8 {
            tape.write_block(&block(file * 8 + n));
        }
        if file == 0 {
            tape.write_filemarks(1);
        }
    }
    last(&mut tape, &child);
    child.kill();
    drop(tape);
    verify(data.path(), loaded_afterwards);
}

fn verify(data: &Path, loaded: bool) {
    let child = Child::serve(data);
    let drives = capstan_ok(data, &["drive", "list", "--json"]);
    assert_eq!(drives.contains("CAP001L5"), loaded, "{drives}");
    if !loaded {
        capstan_ok(data, &["drive", "load", "0", "CAP001L5"]);
    }
    let mut tape = host(&child);
    let mut expected: Vec<Found> = (0..8).map(|n| Found::Block(block(n))).collect();
    expected.push(Found::Filemark);
    expected.extend((8..16).map(|n| Found::Block(block(n))));
    let found = tape.read_to_end();
    // A filemark that was the last act, or that closed the file on the way out, may follow.
    assert_eq!(found[..expected.len().min(found.len())], expected[..]);
    assert!(
        found[expected.len()..]
            .iter()
            .all(|rest| *rest == Found::Filemark)
    );
    // And writing goes on.
    tape.write_block(b"life goes on");
    tape.write_filemarks(1);
    tape.log_out();
}

#[test]
fn after_write_filemarks() {
    survives(|tape, _| tape.write_filemarks(1), true);
}

#[test]
fn after_write_filemarks_of_none() {
    survives(|tape, _| tape.write_filemarks(0), true);
}

#[test]
fn after_rewind() {
    survives(|tape, _| tape.rewind(), true);
}

#[test]
fn after_locate() {
    survives(|tape, _| tape.locate(2), true);
}

#[test]
fn after_unload() {
    survives(|tape, _| tape.unload(), true);
}

#[test]
fn after_move_medium() {
    let last: LastAct = |_, child| {
        let mut robot = Host::log_in(child.portal, target(child, Device::Changer));
        robot.attentions();
        // INITIALIZE ELEMENT STATUS does no harm; then drive 0 to slot 24 of the STK L700.
        robot.good(&[0x07, 0, 0, 0, 0, 0], DataTransfer::None);
        assert_eq!(robot.move_medium(500, 1023).status, 0);
    };
    survives(last, false);
}

#[test]
fn a_torn_tail_costs_only_what_was_not_synchronised() {
    let data = TempDir::new().unwrap();
    let child = Child::serve(data.path());
    capstan_ok(data.path(), &["drive", "load", "0", "CAP001L5"]);
    let mut tape = host(&child);
    for n in 0..4 {
        tape.write_block(&block(n));
    }
    tape.write_filemarks(1);
    for n in 4..40 {
        tape.write_block(&block(n)); // GOOD, and not durable
    }
    child.kill();
    drop(tape);

    let child = Child::serve(data.path());
    let mut tape = host(&child);
    let found = tape.read_to_end();
    let mut whole: Vec<Found> = (0..4).map(|n| Found::Block(block(n))).collect();
    whole.push(Found::Filemark);
    whole.extend((4..40).map(|n| Found::Block(block(n))));
    assert!(found.len() >= 5, "what was synchronised is there");
    assert_eq!(
        found[..],
        whole[..found.len()],
        "and the rest is a prefix of what was written"
    );
    tape.log_out();
}
