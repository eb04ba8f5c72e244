//! The verbs against a running gateway.

use iscsi::initiator::{DataTransfer, InitiatorEvent};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::TestGateway;
use crate::support::child::{capstan_fails, capstan_ok};
use crate::support::host::{Host, Sense};

fn json(gateway: &TestGateway, arguments: &[&str]) -> Value {
    serde_json::from_str(&capstan_ok(gateway.data(), arguments)).unwrap()
}

#[test]
fn tapes_are_created_listed_shown_and_deleted() {
    let gateway = TestGateway::start();
    let created = json(
        &gateway,
        &[
            "tape", "create", "--count", "2", "--prefix", "CAP", "--json",
        ],
    );
    assert_eq!(created[0]["barcode"], "CAP021L5");
    assert_eq!(created[1]["place"], "slot:22");
    let said = capstan_ok(
        gateway.data(),
        &[
            "tape",
            "create",
            "--barcode",
            "WEEK01L6",
            "--media",
            "LTO-6",
            "--size",
            "100G",
        ],
    );
    assert!(
        said.contains("1 tape created") && said.contains("WEEK01L6"),
        "{said}"
    );
    let shown = json(&gateway, &["tape", "show", "WEEK01L6", "--json"]);
    assert_eq!(shown["capacity_bytes"], 100u64 << 30);
    assert_eq!(shown["media"], "LTO-6");
    assert_eq!(
        json(&gateway, &["tape", "list", "--json"])
            .as_array()
            .unwrap()
            .len(),
        23
    );

    assert!(capstan_ok(gateway.data(), &["tape", "delete", "WEEK01L6"]).contains("deleted"));
    let complaint = capstan_fails(gateway.data(), &["tape", "show", "WEEK01L6"]);
    assert!(
        complaint.contains("WEEK01L6") && complaint.contains("tape list"),
        "{complaint}"
    );
    let complaint = capstan_fails(gateway.data(), &["tape", "create", "--barcode", "CAP001L5"]);
    assert!(complaint.contains("exists already"), "{complaint}");
    let complaint = capstan_fails(gateway.data(), &["tape", "create", "--media", "VHS"]);
    assert!(
        complaint.contains("LTO-5"),
        "says what is known: {complaint}"
    );
}

#[test]
fn tapes_are_moved_loaded_and_unloaded() {
    let gateway = TestGateway::start();
    let said = capstan_ok(gateway.data(), &["changer", "move", "slot:3", "drive:1"]);
    assert_eq!(said, "CAP003L5 moved from slot:3 to drive:1\n");
    let said = capstan_ok(gateway.data(), &["drive", "load", "0", "CAP001L5"]);
    assert_eq!(said, "CAP001L5 loaded from slot:1 into drive:0\n");
    let drives = json(&gateway, &["drive", "list", "--json"]);
    assert_eq!(drives[0]["tape"]["barcode"], "CAP001L5");
    assert_eq!(drives[1]["tape"]["source"], "slot:3");
    let table = capstan_ok(gateway.data(), &["changer", "list"]);
    assert!(
        table.contains("drive:1") && table.contains("CAP003L5"),
        "{table}"
    );
    assert!(
        !table.contains("slot:24"),
        "empty slots only with --all: {table}"
    );
    assert!(capstan_ok(gateway.data(), &["changer", "list", "--all"]).contains("slot:24"));

    let said = capstan_ok(gateway.data(), &["drive", "unload", "0"]);
    assert_eq!(said, "CAP001L5 unloaded from drive:0 to slot:1\n");
    let said = capstan_ok(gateway.data(), &["drive", "unload", "1", "--to", "ie:1"]);
    assert_eq!(said, "CAP003L5 unloaded from drive:1 to ie:1\n");

    for (arguments, expected) in [
        (&["drive", "unload", "0"][..], "drive:0: is empty"),
        (&["drive", "load", "9", "CAP001L5"], "numbered from 0 to 3"),
        (&["drive", "load", "0", "NONE"], "there is none"),
        (&["changer", "move", "slot:1", "slot:2"], "is full"),
        (&["changer", "move", "slot:99", "slot:24"], "no such place"),
        (&["changer", "move", "shelf:1", "slot:1"], "slot:N"),
        (&["tape", "delete", "../../etc"], "there is none"),
    ] {
        let complaint = capstan_fails(gateway.data(), arguments);
        assert!(complaint.contains(expected), "{arguments:?}: {complaint}");
    }
}

#[test]
fn drives_and_tapes_show_what_was_done_with_them() {
    let gateway = TestGateway::start();
    let unused = json(&gateway, &["tape", "show", "CAP001L5", "--json"]);
    assert_eq!(unused["life"], Value::Null, "it was never used");
    gateway.move_tape("slot:1", "drive:0");
    let drive = json(&gateway, &["drive", "show", "0", "--json"]);
    assert_eq!(drive["tape"]["barcode"], "CAP001L5");
    assert_eq!(drive["life"]["loads"], 1);
    assert_eq!(drive["alerts"], Value::Array(Vec::new()));
    let text = capstan_ok(gateway.data(), &["drive", "show", "0"]);
    for expected in ["CAP001L5, beginning", "no flag is up", "IBM ULT3580-TD5"] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let loaded = json(&gateway, &["tape", "show", "CAP001L5", "--json"]);
    assert_eq!(loaded["life"]["loads"], 1, "as of now");
    gateway.move_tape("drive:0", "slot:1");
    let text = capstan_ok(gateway.data(), &["tape", "show", "CAP001L5"]);
    for expected in ["Loads      1", "Last drive IBM "] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let complaint = capstan_fails(gateway.data(), &["drive", "show", "9"]);
    assert!(complaint.contains("numbered from 0 to 3"), "{complaint}");
}

#[test]
fn status_shows_sessions_drives_slots_and_storage() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let host = Host::log_in(gateway.portal(), &gateway.targets()[1]);
    let text = capstan_ok(gateway.data(), &["status"]);
    for expected in [
        gateway.gateway().name(),
        &gateway.portal().to_string(),
        "STK L700",
        "slots 19 used, 5 free",
        "20 tapes",
        "sessions have reserved 9.5 MiB of 1 GiB",
        "CAP001L5  beginning",
        "iqn.2020-01.org.example:host",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let status = json(&gateway, &["status", "--json"]);
    assert_eq!(
        status["sessions"][0]["initiator"],
        "iqn.2020-01.org.example:host"
    );
    assert_eq!(status["sessions"][0]["isid"], "800000000001");
    let reserved = &status["memory"]["reserved_bytes"];
    assert_eq!(&status["sessions"][0]["reserved_bytes"], reserved);
    assert_eq!(status["libraries"][0]["drives"][0]["sessions"], 1);
    assert_eq!(status["libraries"][0]["changer"]["slots_used"], 19);
    host.log_out();
}

#[test]
fn tapes_are_exchanged_and_the_station_opened() {
    let gateway = TestGateway::start();
    capstan_ok(gateway.data(), &["drive", "load", "0", "CAP001L5"]);
    let said = capstan_ok(
        gateway.data(),
        &["changer", "exchange", "slot:2", "drive:0"],
    );
    assert_eq!(
        said,
        "CAP002L5 moved from slot:2 to drive:0\nCAP001L5 moved from drive:0 to slot:2\n"
    );
    let exchange = ["changer", "exchange", "slot:2", "drive:0", "ie:1"];
    let said = capstan_ok(gateway.data(), &exchange);
    assert!(
        said.contains("CAP002L5 moved from drive:0 to ie:1"),
        "{said}"
    );
    let said = capstan_ok(gateway.data(), &["changer", "ie", "open"]);
    assert_eq!(said, "the import/export station is open\n");
    let status = json(&gateway, &["status", "--json"]);
    assert_eq!(
        status["libraries"][0]["changer"]["import_export_open"],
        true
    );
    assert!(capstan_ok(gateway.data(), &["status"]).contains("3 free, open"));
    let complaint = capstan_fails(gateway.data(), &["changer", "move", "ie:1", "slot:2"]);
    assert!(complaint.contains("station is open"), "{complaint}");
    assert!(
        complaint.contains("capstan changer ie close"),
        "{complaint}"
    );
    let said = capstan_ok(gateway.data(), &["changer", "ie", "close"]);
    assert_eq!(said, "the import/export station is closed\n");
    capstan_ok(gateway.data(), &["changer", "move", "ie:1", "slot:2"]);
}

#[test]
fn without_a_daemon_every_verb_says_where_it_was_expected() {
    let data = TempDir::new().unwrap();
    for arguments in [
        &["status"][..],
        &["tape", "list"],
        &["changer", "list"],
        &["drive", "list"],
        &["session", "list"],
        &["reservation", "list"],
        &["session", "drop", "1"],
    ] {
        let complaint = capstan_fails(data.path(), arguments);
        let socket = data.path().join("capstan.sock");
        assert!(
            complaint.contains(&socket.display().to_string()),
            "{complaint}"
        );
        assert!(complaint.contains("capstan serve --data"), "{complaint}");
        assert!(complaint.contains("CAPSTAN_DATA"), "{complaint}");
    }
}

#[test]
fn completions_and_manual_pages_are_made() {
    let folder = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            capstan_ok(folder.path(), &["completions", shell]).contains("unload"),
            "{shell}"
        );
    }
    assert!(capstan_ok(folder.path(), &["man"]).contains(".TH"));
    let pages = folder.path().join("man");
    capstan_ok(folder.path(), &["man", pages.to_str().unwrap()]);
    for page in ["capstan.1", "capstan-serve.1", "capstan-session-drop.1"] {
        assert!(pages.join(page).exists(), "{page}");
    }
}

#[test]
fn drives_go_out_of_service_and_come_back() {
    let gateway = TestGateway::start();
    let enabled =
        |drive: usize| json(&gateway, &["drive", "list", "--json"])[drive]["enabled"].clone();
    let ready = [0; 6]; // TEST UNIT READY
    let target = gateway.target(capstan::gateway::targets::Device::Drive(1));
    let mut host = Host::log_in(gateway.portal(), &target);
    host.attentions();
    let said = capstan_ok(gateway.data(), &["drive", "disable", "1"]);
    assert!(said.contains("out of service"), "{said}");
    assert_eq!((enabled(0), enabled(1)), (true.into(), false.into()));
    let listed = capstan_ok(gateway.data(), &["drive", "list"]);
    assert_eq!(listed.matches("out of service").count(), 1, "{listed}");
    let told = host.event();
    assert!(
        matches!(told, Some(InitiatorEvent::Async { event: 0, .. })),
        "{told:?}"
    );
    let sense = Sense::of(&host.run(&ready, DataTransfer::None));
    assert_eq!((sense.key, sense.additional), (5, (0x25, 0x00)));
    capstan_ok(gateway.data(), &["drive", "disable", "1"]); // it is: no harm
    // The robot still reaches it.
    capstan_ok(gateway.data(), &["drive", "load", "1", "CAP001L5"]);
    let said = capstan_ok(gateway.data(), &["drive", "enable", "1"]);
    assert!(said.contains("in service"), "{said}");
    assert_eq!(enabled(1), true);
    assert!(matches!(host.event(), Some(InitiatorEvent::Async { .. })));
    host.attentions();
    host.good(&ready, DataTransfer::None);
    let complaint = capstan_fails(gateway.data(), &["drive", "disable", "9"]);
    assert!(complaint.contains("drive 9"), "{complaint}");
}

#[test]
fn worm_tapes_are_made_and_shown() {
    let gateway = TestGateway::start();
    let created = json(
        &gateway,
        &["tape", "create", "--worm", "--prefix", "LAW", "--json"],
    );
    assert_eq!(created[0]["barcode"], "LAW001LV");
    assert_eq!(created[0]["media"], "LTO-5W");
    assert_eq!(created[0]["form"], "worm");
    let said = capstan_ok(gateway.data(), &["tape", "show", "LAW001LV"]);
    assert!(said.contains("LTO-5W, written once (WORM)"), "{said}");
    // A barcode says it, too.
    capstan_ok(gateway.data(), &["tape", "create", "--barcode", "LAW900LV"]);
    let shown = json(&gateway, &["tape", "show", "LAW900LV", "--json"]);
    assert_eq!(shown["form"], "worm");
    let plain = json(&gateway, &["tape", "show", "CAP001L5", "--json"]);
    assert_eq!(plain["form"], "data");
    let complaint = capstan_fails(
        gateway.data(),
        &["tape", "create", "--worm", "--media", "LTO-1"],
    );
    assert!(complaint.contains("no kind of it"), "{complaint}");
}
