//! What a restart keeps.

use capstan::gateway::targets::Device;

use crate::support::host::Host;
use crate::support::tape::Found;
use crate::support::{TestGateway, noise};

#[test]
fn names_places_and_data_survive_a_restart() {
    let mut gateway = TestGateway::start();
    let name = gateway.gateway().name().to_owned();
    let serial = gateway.library().drives()[0].serial.clone();
    gateway.move_tape("slot:5", "drive:0");
    gateway.move_tape("slot:6", "ie:2");
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(0)));
    host.attentions();
    for n in 0..10 {
        host.write_block(&noise(n, 70_000));
    }
    // No filemark: an orderly stop brings everything to the disk all the same.
    host.log_out();

    gateway.restart();
    assert_eq!(gateway.gateway().name(), name);
    assert_eq!(gateway.library().drives()[0].serial, serial);
    assert_eq!(gateway.tape_in("drive:0").as_deref(), Some("CAP005L5"));
    assert_eq!(gateway.tape_in("ie:2").as_deref(), Some("CAP006L5"));
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(0)));
    host.attentions();
    let expected: Vec<Found> = (0..10).map(|n| Found::Block(noise(n, 70_000))).collect();
    assert_eq!(host.read_to_end(), expected);
    host.log_out();
}

#[test]
fn a_rebuild_without_a_library_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("typo");
    let complaint = crate::support::child::capstan_fails(&data, &["catalog", "rebuild"]);
    assert!(
        complaint.contains("typo: there is no library here"),
        "{complaint}"
    );
    assert!(!data.exists());
}

#[test]
fn a_rebuilt_catalogue_finds_every_tape_and_its_data() {
    let mut gateway = TestGateway::start();
    gateway.move_tape("slot:9", "drive:0");
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(0)));
    host.attentions();
    host.write_block(b"on CAP009L5");
    host.log_out();
    gateway.library().unload(0, None).unwrap();

    let refused = crate::support::child::capstan_fails(gateway.data(), &["catalog", "rebuild"]);
    assert!(refused.contains("in use by process"), "{refused}");
    gateway.stop();
    std::fs::remove_file(gateway.data().join("catalog.sqlite")).unwrap();
    let said = crate::support::child::capstan_ok(gateway.data(), &["catalog", "rebuild"]);
    assert!(said.contains("20 tapes found"), "{said}");

    gateway.restart();
    gateway.library().load(0, "CAP009L5").unwrap();
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(0)));
    host.attentions();
    assert_eq!(host.read_block(100), Found::Block(b"on CAP009L5".to_vec()));
    host.log_out();
}
