//! A disk that is nearly full, for the marks say so: what hosts meet, and what an administrator sees.

use std::time::{Duration, Instant};

use capstan::config::ByteSize;
use capstan::gateway::targets::Device;
use iscsi::initiator::{DataTransfer, InitiatorEvent};
use serde_json::Value;

use crate::support::child::{Child, capstan_ok};
use crate::support::host::{Host, NAME, Sense, params};
use crate::support::tape::Found;
use crate::support::{TestGateway, noise};

/// More than any disk has.
const EVERYTHING: ByteSize = ByteSize(1 << 60);
const ABORT_TASK: u8 = 1;
const WRITE_1000: [u8; 6] = [0x0a, 0, 0, 0x03, 0xe8, 0];
/// Nearly the longest delay: free space is next to nothing beside the marks.
const SLOWED: Duration = Duration::from_millis(200);

fn host(gateway: &TestGateway) -> Host {
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(0)));
    host.attentions();
    host
}

fn block() -> DataTransfer {
    DataTransfer::Out(noise(1, 1000).into())
}

fn storage(gateway: &TestGateway) -> Value {
    let status = capstan_ok(gateway.data(), &["status", "--json"]);
    let status: Value = serde_json::from_str(&status).unwrap();
    status["storage"].clone()
}

#[test]
fn writers_are_slowed_and_nobody_else_then_stopped_then_free_again() {
    let mut gateway = TestGateway::start_with(|config| {
        config.storage.slow_below = Some(EVERYTHING);
        config.storage.stop_below = Some(ByteSize(0));
    });
    gateway.move_tape("slot:1", "drive:0");
    let mut writer = host(&gateway);
    writer.write_block(&noise(1, 1000));
    // The next one is under way, and pings are answered meanwhile, and so is another session.
    let start = Instant::now();
    writer.start(&WRITE_1000, block());
    assert_eq!(writer.nop(b"alive?"), b"alive?");
    let mut other = Host::log_in(gateway.portal(), &gateway.target(Device::Changer));
    other.attentions();
    let Some(InitiatorEvent::Finished(finished)) = writer.event() else {
        panic!("a slowed command ends");
    };
    assert_eq!(finished.status, 0);
    assert!(start.elapsed() > SLOWED, "it was slowed");
    let status = capstan_ok(gateway.data(), &["status"]);
    assert!(
        status.contains("nearly full: writers are slowed"),
        "{status}"
    );
    assert_eq!(storage(&gateway)["writers"], "slowed");
    // One that is aborted does not get an answer, nor keep others from theirs.
    let tag = writer.start(&WRITE_1000, block());
    writer.start_management(ABORT_TASK, Some(tag)).unwrap();
    assert!(matches!(
        writer.event(),
        Some(InitiatorEvent::ManagementDone { response: 0, .. })
    ));
    writer.write_filemarks(1);
    writer.rewind();
    assert_eq!(writer.read_block(1000), Found::Block(noise(1, 1000)));
    writer.unload();
    writer.log_out();
    other.log_out();
    gateway.move_tape("drive:0", "slot:1");

    gateway.restart_with(|config| config.storage.stop_below = Some(EVERYTHING));
    gateway.move_tape("slot:1", "drive:0");
    let mut writer = host(&gateway);
    let found = writer.read_to_end();
    let blocks = found.len() - 1;
    let refused = writer.try_write_block(&noise(2, 1000));
    let sense = Sense::of(&refused);
    assert_eq!((sense.key, sense.additional), (3, (0x0c, 0)), "write error");
    assert!(!sense.end_of_medium && sense.information == 1000, "{sense}");
    writer.write_filemarks(1);
    writer.rewind();
    assert_eq!(writer.read_to_end().len(), blocks + 2, "and the filemark");
    let status = capstan_ok(gateway.data(), &["status"]);
    assert!(
        status.contains("nearly full: writers are stopped"),
        "{status}"
    );
    assert_eq!(storage(&gateway)["writers"], "stopped");
    writer.unload();
    writer.log_out();

    gateway.restart_with(|config| {
        config.storage.slow_below = Some(ByteSize(0));
        config.storage.stop_below = Some(ByteSize(0));
    });
    let mut writer = host(&gateway);
    writer.good(&[0x1b, 0, 0, 0, 1, 0], DataTransfer::None);
    writer.attentions();
    let found = writer.read_to_end();
    writer.write_block(&noise(3, 1000));
    writer.write_filemarks(1);
    writer.rewind();
    let after = writer.read_to_end();
    assert_eq!(after[..found.len()], found[..]);
    assert_eq!(
        after[found.len()..],
        [Found::Block(noise(3, 1000)), Found::Filemark]
    );
    assert_eq!(storage(&gateway)["writers"], "free");
    writer.log_out();
}

#[test]
fn the_log_names_the_directory_and_what_to_do() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = folder.path().join("capstan.toml");
    std::fs::write(
        &config,
        "[storage]\nslow_below = \"1024 PiB\"\nstop_below = \"1024 PiB\"\n",
    )
    .unwrap();
    let data = folder.path().join("data");
    let daemon = Child::serve_with(&data, &["--config", config.to_str().unwrap()]);
    capstan_ok(&data, &["drive", "load", "0", "CAP001L5"]);
    let mut host = Host::try_log_in(daemon.portal, params(NAME, Some(&daemon.targets[1]))).unwrap();
    host.attentions();
    assert_eq!(host.try_write_block(b"a block").status, 2);
    assert_eq!(host.try_write_block(b"another").status, 2);
    host.log_out();
    daemon.signal(rustix::process::Signal::TERM);
    let (status, _, log) = daemon.wait();
    assert!(status.success(), "{log}");
    let told: Vec<_> = log
        .lines()
        .filter(|line| line.contains("nearly full"))
        .collect();
    assert_eq!(told.len(), 1, "{log}");
    for words in [
        "writers are stopped",
        data.to_str().unwrap(),
        "free_bytes",
        "make room",
    ] {
        assert!(told[0].contains(words), "{words}: {log}");
    }
}
