//! Faults on order: what an administrator says, and what hosts meet.

use std::time::{Duration, Instant};

use capstan::gateway::targets::Device;
use iscsi::initiator::{DataTransfer, InitiatorEvent};
use serde_json::Value;

use crate::support::child::{capstan_fails, capstan_ok};
use crate::support::host::{Host, Sense};
use crate::support::tape::Found;
use crate::support::{TestGateway, noise};

fn host_with_tape(gateway: &TestGateway) -> Host {
    gateway.move_tape("slot:1", "drive:0");
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(0)));
    host.attentions();
    host
}

fn fault(gateway: &TestGateway, words: &str) -> String {
    let mut arguments = vec!["fault", "add"];
    arguments.extend(words.split(' '));
    capstan_ok(gateway.data(), &arguments)
}

#[test]
fn any_sense_on_the_nth_command_of_a_kind() {
    let gateway = TestGateway::start();
    let mut host = host_with_tape(&gateway);
    let said = fault(
        &gateway,
        "drive:0 sense 4/44/00 --on write --nth 3 --times 2 --eom",
    );
    assert_eq!(
        said,
        "fault 1 of drive:0: HARDWARE ERROR 4/44/00 INTERNAL TARGET FAILURE, EOM \
         (WRITE(6), WRITE(16), 2 times, from the 3. time on)\n"
    );
    let written: Vec<u8> = (0..6)
        .map(|number| host.try_write_block(&noise(number, 100)).status)
        .collect();
    assert_eq!(written, [0, 0, 2, 2, 0, 0]);
    assert_eq!(
        host.position(),
        4,
        "what ended in the fault was not written"
    );
    let list = capstan_ok(gateway.data(), &["fault", "list", "--json"]);
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list[0]["struck"], 2);
    assert_eq!(list[0]["over"], true);
    let status = capstan_ok(gateway.data(), &["status"]);
    assert!(status.contains("2, over"), "{status}");

    fault(
        &gateway,
        "tape:CAP001L5 sense 3/11/01 --on 0x08 --information 7",
    );
    host.rewind();
    let finished = host.run(&[0x08, 0, 0, 0, 100, 0], DataTransfer::In(100));
    let sense = Sense::of(&finished);
    assert_eq!((sense.key, sense.information), (3, 7), "{sense}");
    assert_eq!(host.read_block(100), Found::Block(noise(0, 100)), "once");
    let cleared = capstan_ok(gateway.data(), &["fault", "clear", "all"]);
    assert_eq!(cleared, "2 faults cleared\n");
    let list = capstan_ok(gateway.data(), &["fault", "list"]);
    assert_eq!(list, "No fault is on order.\n");
    host.log_out();
}

#[test]
fn a_slow_command_holds_up_neither_nops_nor_other_sessions() {
    let gateway = TestGateway::start();
    let mut host = host_with_tape(&gateway);
    fault(&gateway, "drive:0 slow 700ms --on write");
    let start = Instant::now();
    let block = DataTransfer::Out(noise(1, 1000).into());
    host.start(&[0x0a, 0, 0, 0x03, 0xe8, 0], block);
    let mut other = Host::log_in(gateway.portal(), &gateway.target(Device::Changer));
    other.attentions();
    assert_eq!(host.nop(b"alive?"), b"alive?");
    assert!(
        start.elapsed() < Duration::from_millis(600),
        "all that at once"
    );
    let Some(InitiatorEvent::Finished(finished)) = host.event() else {
        panic!("the command has to end");
    };
    assert_eq!(finished.status, 0);
    assert!(start.elapsed() >= Duration::from_millis(700));
    assert_eq!(host.position(), 1, "and it was run");
    let trace = capstan_ok(gateway.data(), &["trace", "drive", "0", "--json"]);
    let trace: Value = serde_json::from_str(&trace).unwrap();
    let commands = trace["commands"].as_array().unwrap();
    let write = commands.iter().find(|it| it["name"] == "WRITE(6)").unwrap();
    assert!(write["took_us"].as_u64().unwrap() >= 700_000);
    other.log_out();
    host.log_out();
}

#[test]
fn a_dropped_tape_is_put_back_by_hand() {
    let gateway = TestGateway::start();
    fault(&gateway, "changer robot-drop");
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Changer));
    host.attentions();
    let (slot, drive) = (gateway.address("slot:1"), gateway.address("drive:0"));
    let finished = host.move_medium(slot, drive);
    let sense = Sense::of(&finished);
    assert_eq!((finished.status, sense.key), (2, 4), "{sense}");
    assert_eq!(gateway.tape_in("slot:1"), None);
    assert_eq!(gateway.tape_in("drive:0"), None);
    let complaint = capstan_fails(gateway.data(), &["drive", "load", "0", "CAP001L5"]);
    assert!(complaint.contains("changer put"), "{complaint}");
    let said = capstan_ok(gateway.data(), &["changer", "put", "CAP001L5", "slot:1"]);
    assert_eq!(said, "CAP001L5 put into slot:1\n");
    host.attentions(); // somebody was at the elements
    assert_eq!(host.move_medium(slot, drive).status, 0);
    host.log_out();
}

#[test]
fn complaints_say_what_can_be_ordered() {
    let gateway = TestGateway::start();
    let complain = |words: &str| {
        let mut arguments = vec!["fault", "add"];
        arguments.extend(words.split(' '));
        capstan_fails(gateway.data(), &arguments)
    };
    for (words, advice) in [
        ("drive:9 needs-cleaning", "drive list"),
        ("tape:NONE write-protect", "tape list"),
        ("slot:1 write-protect", "tape:BARCODE"),
        ("drive:0 sense 3/11", "3/11/00"),
        ("drive:0 sense 3/11/00 --on fly", "REWIND"),
        ("drive:0 robot-stuck", "for the changer"),
        ("changer bad-block 7", "for a tape or a drive"),
        ("drive:0 slow 3", "500ms"),
        ("drive:0 write-protect --times 3", "until it is cleared"),
        ("drive:0 bad-block 3 --on read", "only sense and slow"),
        ("drive:0 tape-alert 65", "1 to 64"),
    ] {
        let complaint = complain(words);
        assert!(complaint.contains(advice), "{words}: {complaint}");
    }
    let complaint = capstan_fails(gateway.data(), &["fault", "clear", "7"]);
    assert!(complaint.contains("fault list"), "{complaint}");
}

#[test]
fn a_restart_ends_all_faults_and_keeps_configured_delays() {
    let mut gateway = TestGateway::start();
    fault(&gateway, "changer robot-stuck --until-cleared");
    gateway.restart_with(|config| config.delays.load = Duration::from_hours(1));
    assert!(gateway.library().faults().is_empty());
    gateway.move_tape("slot:1", "drive:0");
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(0)));
    host.attentions();
    let ready = host.run(&[0; 6], DataTransfer::None);
    assert_eq!(Sense::of(&ready).key, 2, "becoming ready");
    let status = capstan_ok(gateway.data(), &["status"]);
    assert!(status.contains("loading"), "{status}");
    host.log_out();
}
