//! Several libraries in one gateway.

use capstan::config::{LibraryConfig, LibraryName, Preset, TargetLayout};
use capstan::gateway::libraries::ServedLibrary;
use capstan::gateway::targets::{Device, find};
use iscsi::initiator::DataTransfer;
use serde_json::Value;

use crate::support::TestGateway;
use crate::support::child::{capstan_fails, capstan_ok};
use crate::support::host::Host;

fn name(text: &str) -> LibraryName {
    text.parse().unwrap()
}

/// A gateway `lab` with the library `east` beside the main one.
fn two(targets: TargetLayout) -> TestGateway {
    TestGateway::start_with(|config| {
        config.name = Some("lab".parse().unwrap());
        config.libraries = vec![LibraryConfig {
            machine: None,
            name: name("east"),
            preset: Preset::Default,
            targets,
        }];
    })
}

fn east(gateway: &TestGateway) -> &ServedLibrary {
    gateway.gateway().library(Some(&name("east"))).unwrap()
}

fn json(gateway: &TestGateway, arguments: &[&str]) -> Value {
    serde_json::from_str(&capstan_ok(gateway.data(), arguments)).unwrap()
}

#[test]
fn each_has_its_own_targets_and_no_serial_number_twice() {
    let gateway = two(TargetLayout::Single);
    let prefix = "iqn.2026-11.io.capstan:lab";
    let mut expected = vec![format!("{prefix}-mediachanger")];
    expected.extend((1..=4).map(|drive| format!("{prefix}-tapedrive-{drive:02}")));
    expected.push(format!("{prefix}.east"));
    assert_eq!(gateway.targets(), expected);
    let status = json(&gateway, &["status", "--json"]);
    let mut serials = Vec::new();
    for library in status["libraries"].as_array().unwrap() {
        serials.push(library["changer"]["serial"].clone());
        let drives = library["drives"].as_array().unwrap();
        serials.extend(drives.iter().map(|drive| drive["serial"].clone()));
    }
    assert_eq!(serials.len(), 10);
    serials.sort_by_key(ToString::to_string);
    serials.dedup();
    assert_eq!(serials.len(), 10, "{serials:?}");
    assert_eq!(status["storage"]["tapes"], 40);
    let east = json(&gateway, &["--library", "east", "status", "--json"]);
    let libraries = east["libraries"].as_array().unwrap();
    assert_eq!(libraries.len(), 1);
    assert_eq!(libraries[0]["name"], "east");
    let failure = capstan_fails(gateway.data(), &["--library", "west", "status"]);
    assert!(failure.contains("library west: there is none"), "{failure}");
}

#[test]
fn a_host_reaches_the_drives_of_the_library_that_it_moves_tapes_in() {
    let gateway = two(TargetLayout::PerDevice);
    let targets = gateway.gateway().targets();
    let east_targets = &targets[targets.len() - 5..];
    let target = |device| find(east_targets, device).unwrap().0.name.clone();
    let mut robot = Host::log_in(gateway.portal(), &target(Device::Changer));
    robot.attentions();
    let mut tape = Host::log_in(gateway.portal(), &target(Device::Drive(0)));
    tape.attentions();
    assert_eq!(robot.move_medium(1000, 500).status, 0);
    tape.attentions();
    tape.write_block(b"in the east");
    let drives = |library: &ServedLibrary| library.drives()[0].tape.clone();
    assert_eq!(drives(east(&gateway)).unwrap().barcode, "CAP001L5");
    assert_eq!(
        drives(gateway.library()),
        None,
        "the other one is untouched"
    );
    // What this changer says of its drives is what they say of themselves.
    let report = [0xb8, 0x04, 0x01, 0xf4, 0, 1, 1, 0, 0xff, 0xff, 0, 0];
    let elements = robot.good(&report, DataTransfer::In(65535));
    let serial = tape.good(&[0x12, 1, 0x80, 0, 0xff, 0], DataTransfer::In(255));
    assert!(elements.ends_with(&serial[4..]), "{elements:?}");
    let sessions = gateway.gateway().sessions();
    assert_eq!(sessions.len(), 2);
    tape.good(&[0x1e, 0, 0, 0, 1, 0], DataTransfer::None); // PREVENT
    let holds = &gateway.gateway().sessions()[1].holds;
    assert_eq!(holds[0].device, "drive:0 of east");
    tape.log_out();
    robot.log_out();
}

#[test]
fn commands_say_which_library_they_mean() {
    let gateway = two(TargetLayout::PerDevice);
    let data = gateway.data();
    for arguments in [
        &["tape", "list"][..],
        &["drive", "unload", "0"],
        &["changer", "list"],
        &["trace", "changer"],
        &["reservation", "clear", "changer"],
    ] {
        let complaint = capstan_fails(data, arguments);
        assert!(complaint.contains("main, east"), "{complaint}");
        assert!(complaint.contains("--library NAME"), "{complaint}");
    }
    let complaint = capstan_fails(data, &["--library", "west", "drive", "list"]);
    assert!(
        complaint.contains("library west: there is none"),
        "{complaint}"
    );
    let in_east = |arguments: &[&str]| {
        let mut all = vec!["--library", "east"];
        all.extend(arguments);
        capstan_ok(data, &all)
    };
    in_east(&["drive", "load", "1", "CAP002L5"]);
    in_east(&["tape", "delete", "CAP003L5"]);
    in_east(&["drive", "disable", "2"]);
    in_east(&["trace", "drive", "1"]);
    in_east(&["reservation", "clear", "drive:1"]);
    let main = capstan_ok(data, &["tape", "list", "--library", "main"]);
    assert!(main.contains("CAP003L5"), "{main}");
    assert!(!in_east(&["tape", "list"]).contains("CAP003L5"));
    let status = json(&gateway, &["status", "--json"]);
    let [main, east] = [0, 1].map(|library| &status["libraries"][library]);
    assert_eq!(
        (&main["name"], &east["name"]),
        (&"main".into(), &"east".into())
    );
    assert_eq!(main["drives"][1]["tape"], Value::Null);
    assert_eq!(east["drives"][1]["tape"]["barcode"], "CAP002L5");
    assert_eq!(main["drives"][2]["enabled"], true);
    assert_eq!(east["drives"][2]["enabled"], false);
    let text = capstan_ok(data, &["status"]);
    assert!(text.contains("Library   east: STK L700"), "{text}");
}

#[test]
fn libraries_survive_restarts_and_come_back_when_they_are_configured_again() {
    let mut gateway = two(TargetLayout::PerDevice);
    let serial = |gateway: &TestGateway| east(gateway).drives()[0].serial.clone();
    let before = serial(&gateway);
    east(&gateway).load(0, "CAP001L5").unwrap();
    gateway.restart();
    assert_eq!(serial(&gateway), before);
    let mut libraries = Vec::new();
    gateway.restart_with(|config| libraries = std::mem::take(&mut config.libraries));
    assert_eq!(
        gateway.targets().len(),
        5,
        "the folder alone serves nothing"
    );
    capstan_ok(gateway.data(), &["tape", "list"]); // there is only one again
    gateway.restart_with(|config| config.libraries = libraries);
    assert_eq!(serial(&gateway), before);
    assert_eq!(
        east(&gateway).drives()[0].tape.as_ref().unwrap().barcode,
        "CAP001L5"
    );
}

#[test]
fn each_catalogue_is_rebuilt_alone() {
    let mut gateway = two(TargetLayout::PerDevice);
    east(&gateway).delete_tape("CAP020L5").unwrap();
    gateway.stop();
    let data = gateway.data();
    let catalogue = |library: &str| data.join(library).join("catalog.sqlite");
    std::fs::remove_file(catalogue("libraries/east")).unwrap();
    let complaint = capstan_fails(data, &["catalog", "rebuild"]);
    assert!(complaint.contains("main, east"), "{complaint}");
    let said = capstan_ok(data, &["catalog", "rebuild", "--library", "east"]);
    assert_eq!(said, "19 tapes found\n");
    assert!(catalogue("libraries/east").exists());
    assert!(
        !data.join("catalog.sqlite.old").exists(),
        "main is as it was"
    );
    let complaint = capstan_fails(data, &["catalog", "rebuild", "--library", "west"]);
    assert!(complaint.contains("no library here"), "{complaint}");
    gateway.restart();
    assert_eq!(east(&gateway).tapes().unwrap().len(), 19);
}
