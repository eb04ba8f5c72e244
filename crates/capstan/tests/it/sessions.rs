//! Sessions as an administrator sees them and ends them.

use std::thread;

use capstan::gateway::targets::Device;
use capstan::portal::sessions::Ending;
use iscsi::initiator::{DataTransfer, InitiatorEvent};
use serde_json::{Value, json};

use crate::support::child::{Child, capstan_fails, capstan_ok};
use crate::support::host::{Host, NAME, params};
use crate::support::{TestGateway, eventually, noise};
use crate::wire::peer::{Login, Peer};
use crate::wire::slow::SlowLoad;

const TEST_UNIT_READY: [u8; 6] = [0x00, 0, 0, 0, 0, 0];
const RESERVE: [u8; 6] = [0x16, 0, 0, 0, 0, 0];
const PREVENT: [u8; 6] = [0x1e, 0, 0, 0, 1, 0];
const CONFLICT: u8 = 0x18;
/// RFC 7143 §11.9.1: the target wants a logout.
const LOGOUT_REQUEST: u8 = 1;

/// A host at drive 0 that has been told all that it must be.
fn host(gateway: &TestGateway, name: &str) -> Host {
    let target = gateway.target(Device::Drive(0));
    let mut host = Host::try_log_in(gateway.portal(), params(name, Some(&target))).unwrap();
    host.attentions();
    host
}

fn list(gateway: &TestGateway, arguments: &[&str]) -> Value {
    let arguments = [&["session", "list", "--json"], arguments].concat();
    serde_json::from_str(&capstan_ok(gateway.data(), &arguments)).unwrap()
}

#[test]
fn sessions_are_listed_with_what_they_did_and_what_they_hold() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let mut host = host(&gateway, NAME);
    let before = list(&gateway, &[])[0].clone();
    assert_eq!(before["holds"], json!([]));
    let block = noise(1, 10_000);
    host.write_block(&block);
    host.write_block(&block);
    host.rewind();
    host.read_block(20_000);
    host.good(&RESERVE, DataTransfer::None);
    host.good(&PREVENT, DataTransfer::None);

    let session = list(&gateway, &[])[0].clone();
    let more = |key: &str| session[key].as_u64().unwrap() - before[key].as_u64().unwrap();
    assert_eq!(more("commands"), 6);
    assert_eq!(more("written_bytes"), 20_000);
    assert_eq!(more("read_bytes"), 10_000);
    assert_eq!(session["commands_in_flight"], 0);
    assert_eq!(session["tsih"], host.tsih);
    assert_eq!(session["isid"], "800000000001");
    assert_eq!(session["header_digest"], false);
    assert!(session["last_command_unix_ms"].as_u64() >= session["since_unix_ms"].as_u64());
    assert_eq!(
        session["holds"],
        json!([{"device": "drive:0", "prevents_removal": true, "reservation": "reserved"}])
    );

    let text = capstan_ok(gateway.data(), &["session", "list"]);
    for expected in [
        NAME,
        "-tapedrive-01",
        "19.5 KiB",
        "drive:0 locked, reserved",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let id = session["id"].to_string();
    let text = capstan_ok(gateway.data(), &["session", "show", &id]);
    for expected in ["800000000001", "Digests    none", "locked, reserved"] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let text = capstan_ok(gateway.data(), &["status"]);
    assert!(
        text.contains("Sessions  1 logged in, 0 commands in flight"),
        "{text}"
    );
}

#[test]
fn sessions_are_found_by_names() {
    let gateway = TestGateway::start();
    let _one = host(&gateway, NAME);
    let _two = host(&gateway, "iqn.2020-01.org.example:other");
    let _changer = Host::log_in(gateway.portal(), &gateway.target(Device::Changer));
    let count = |arguments: &[&str]| list(&gateway, arguments).as_array().unwrap().len();
    assert_eq!(count(&[]), 3);
    assert_eq!(count(&["--initiator", NAME]), 2);
    assert_eq!(count(&["--initiator", "*:other"]), 1);
    assert_eq!(count(&["--target", "*-tapedrive-*"]), 2);
    assert_eq!(
        count(&["--target", "*-tapedrive-*", "--initiator", NAME]),
        1
    );
    let said = capstan_ok(
        gateway.data(),
        &["session", "drop", "--target", "*-tapedrive-*"],
    );
    assert_eq!(said.lines().count(), 2, "{said}");
    assert_eq!(count(&[]), 1);
}

/// What a session held is there for others as soon as the command has returned.
#[test]
fn dropped_session_leaves_nothing_behind() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let mut holder = host(&gateway, NAME);
    let mut other = host(&gateway, "iqn.2020-01.org.example:other");
    holder.good(&RESERVE, DataTransfer::None);
    holder.good(&PREVENT, DataTransfer::None);
    assert_eq!(
        other.run(&TEST_UNIT_READY, DataTransfer::None).status,
        CONFLICT
    );
    assert!(capstan_fails(gateway.data(), &["drive", "unload", "0"]).contains("prevents"));

    let id = list(&gateway, &["--initiator", NAME])[0]["id"].to_string();
    let said = capstan_ok(gateway.data(), &["session", "drop", &id]);
    assert!(
        said.starts_with(&format!("session {id} dropped: {NAME} at 127.0.0.1:")),
        "{said}"
    );
    assert!(said.contains("it held drive:0 locked, reserved"), "{said}");
    assert!(!said.contains("still runs"), "{said}");
    assert_eq!(other.run(&TEST_UNIT_READY, DataTransfer::None).status, 0);
    capstan_ok(gateway.data(), &["drive", "unload", "0"]);
    assert_eq!(holder.event(), None, "the connection is closed");
    let complaint = capstan_fails(gateway.data(), &["session", "drop", &id]);
    assert!(complaint.contains("there is none") && complaint.contains("session list"));
    host(&gateway, NAME).log_out(); // whoever comes back is let in
}

/// An initiator that is gone, or stands in the middle of a burst, is not waited for.
#[test]
fn dropped_session_need_not_take_part() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let login = Login::to(&gateway.target(Device::Drive(0)));
    let mut stuck = Peer::log_in(gateway.portal(), &login);
    stuck.attentions();
    let write = stuck.write_command(1 << 20);
    stuck.send(write.emit(), b"");
    let session = || list(&gateway, &[])[0].clone();
    eventually("the write waits for its data", || {
        session()["commands_in_flight"] == 1
    });
    let id = session()["id"].to_string();
    let said = capstan_ok(gateway.data(), &["session", "drop", "--json", &id]);
    let dropped: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(dropped[0]["released"], true);
    assert_eq!(dropped[0]["session"]["commands_in_flight"], 1);
    assert_eq!(list(&gateway, &[]), json!([]));
}

/// A motion that runs cannot be stopped; what hangs on it is free when it ends, and only then the
/// drop is complete.
#[test]
fn drop_waits_for_a_motion() {
    let gateway = TestGateway::start();
    let login = Login::to(&gateway.target(Device::Changer));
    let mut mover = Peer::log_in(gateway.portal(), &login);
    mover.attentions();
    let mut slow = SlowLoad::prepare(&gateway);
    let command = mover.command(&slow.move_medium);
    mover.send(command.emit(), b"");
    slow.wait_until_it_hangs();
    let id = gateway.gateway().sessions()[0].id;
    thread::scope(|scope| {
        let drop = scope.spawn(|| gateway.gateway().drop_session(id, Ending::Drop).unwrap());
        eventually("the session is gone", || {
            gateway.gateway().sessions().is_empty()
        });
        slow.release();
        assert!(drop.join().unwrap().released);
    });
    assert_eq!(
        gateway.tape_in("drive:0").as_deref(),
        Some("CAP001L5"),
        "the motion went on"
    );
}

/// Discovery sessions have no nexus and hold nothing; they end all the same.
#[test]
fn discovery_sessions_are_listed_and_dropped() {
    let gateway = TestGateway::start();
    let mut asker = Peer::log_in(gateway.portal(), &Login::discovery());
    let session = gateway.gateway().sessions().remove(0);
    assert_eq!((session.target, session.commands), (None, 0));
    let said = capstan_ok(
        gateway.data(),
        &["session", "drop", &session.id.to_string()],
    );
    assert!(said.contains("(discovery)"), "{said}");
    asker.expect_end();
    assert!(gateway.gateway().sessions().is_empty());
}

/// RFC 7143 §11.9.1: event 1 asks for a logout; whoever does not answer is closed all the same.
#[test]
fn asked_initiators_may_log_out_first() {
    let gateway = TestGateway::start();
    let mut polite = host(&gateway, NAME);
    let drop = |name: &'static str| {
        let data = gateway.data().to_owned();
        thread::spawn(move || capstan_ok(&data, &["session", "drop", "--ask", "--initiator", name]))
    };
    let said = drop(NAME);
    match polite.event() {
        Some(InitiatorEvent::Async { event, .. }) => assert_eq!(event, LOGOUT_REQUEST),
        other => panic!("{other:?}"),
    }
    polite.log_out();
    assert!(said.join().unwrap().contains("dropped"));

    let mut deaf = host(&gateway, "iqn.2020-01.org.example:deaf");
    assert!(
        drop("iqn.2020-01.org.example:deaf")
            .join()
            .unwrap()
            .contains("dropped")
    );
    assert!(matches!(deaf.event(), Some(InitiatorEvent::Async { .. })));
    assert_eq!(deaf.event(), None);
    assert!(gateway.gateway().sessions().is_empty());
}

#[test]
fn the_log_says_who_was_dropped() {
    let data = tempfile::tempdir().unwrap();
    let child = Child::serve(data.path());
    let mut host = Host::log_in(child.portal, &child.targets[1]);
    host.run(&[0x12, 0, 0, 0, 36, 0], DataTransfer::In(36));
    let said = capstan_ok(data.path(), &["session", "drop", "--initiator", NAME]);
    let number = format!("session={}", said.split(' ').nth(1).unwrap());
    child.signal(rustix::process::Signal::TERM);
    let (_, _, log) = child.wait();
    let line = log
        .lines()
        .find(|line| line.contains("dropped by the administrator"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    for expected in [NAME, "-tapedrive-01", "127.0.0.1:", &number] {
        assert!(line.contains(expected), "{expected}: {line}");
    }
    let login = |line: &str| line.contains(" login ") && line.contains(&number);
    assert!(log.lines().any(login), "{log}");
}

#[test]
fn drop_wants_to_be_told_what() {
    let gateway = TestGateway::start();
    for (arguments, expected) in [
        (&["session", "drop"][..], "--initiator"),
        (&["session", "drop", "--target", "*"], "no session fits"),
        (
            &["session", "drop", "1", "--target", "*"],
            "cannot be used with",
        ),
        (&["session", "drop", "first"], "invalid value"),
        (&["session", "drop", "1"], "there is none"),
        (&["session", "show", "1"], "there is none"),
    ] {
        let complaint = capstan_fails(gateway.data(), arguments);
        assert!(complaint.contains(expected), "{arguments:?}: {complaint}");
    }
    assert_eq!(
        capstan_ok(gateway.data(), &["session", "list"]),
        "No initiator is logged in.\n"
    );
}
