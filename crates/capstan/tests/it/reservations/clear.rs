//! What an administrator sees of reservations and can do about them.

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::support::child::{capstan_fails, capstan_ok};

const RESERVE_6: [u8; 6] = [0x16, 0, 0, 0, 0, 0];

/// Registers a key and reserves the unit for its holder alone (SPC-5 §6.16: REGISTER, RESERVE, type
/// 3h, Exclusive Access).
fn reserve_persistently(host: &mut Host) {
    let mut register = [0; 24];
    register[15] = 7; // SERVICE ACTION RESERVATION KEY
    let mut reserve = [0; 24];
    reserve[7] = 7; // RESERVATION KEY
    for (action, kind, parameters) in [(0, 0, register), (1, 3, reserve)] {
        let cdb = [0x5f, action, kind, 0, 0, 0, 0, 0, 24, 0];
        host.good(&cdb, DataTransfer::Out(Bytes::copy_from_slice(&parameters)));
    }
}

fn mode_sense(host: &mut Host) -> u8 {
    host.run(&MODE_SENSE, DataTransfer::In(255)).status
}

fn list(gateway: &TestGateway) -> Value {
    let said = capstan_ok(gateway.data(), &["reservation", "list", "--json"]);
    serde_json::from_str(&said).unwrap()
}

#[test]
fn persistent_reservation_of_a_host_that_is_gone_is_cleared_by_the_administrator() {
    let gateway = TestGateway::start();
    let mut gone = host(&gateway, Device::Drive(1), "gone");
    let mut here = host(&gateway, Device::Drive(1), "here");
    reserve_persistently(&mut gone);
    let sessions = gateway.gateway().sessions();
    assert_eq!(sessions[0].holds[0].device, "drive:1");
    let kind = sessions[0].holds[0].reservation.clone().unwrap();
    assert!(kind.contains("persistent"), "{kind}");
    assert_eq!(list(&gateway)[0]["holders"][0]["session"], sessions[0].id);
    let name = ["--initiator", "*:gone"];
    capstan_ok(gateway.data(), &[&["session", "drop"], &name[..]].concat());
    assert_eq!(list(&gateway)[0]["holders"][0]["session"], json!(null));
    // TEST UNIT READY passes a persistent reservation (SPC-5 §5.14.1); MODE SENSE does not.
    assert_eq!(mode_sense(&mut here), CONFLICT, "it outlives the session");

    let said = capstan_ok(gateway.data(), &["reservation", "list"]);
    for expected in ["drive:1", &kind, ":gone,i,0x", "(not logged in)"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let said = capstan_ok(gateway.data(), &["reservation", "clear", "drive:1"]);
    assert!(
        said.starts_with("drive:1 is free; it was persistent"),
        "{said}"
    );
    assert_eq!(mode_sense(&mut here), GOOD);
    assert_eq!(list(&gateway), json!([]));
}

#[test]
fn reservations_of_all_devices_are_listed_and_cleared() {
    let gateway = TestGateway::start();
    assert_eq!(
        capstan_ok(gateway.data(), &["reservation", "list"]),
        "Nothing is reserved.\n"
    );
    for (device, name) in DEVICES.into_iter().zip(["changer", "drive:0"]) {
        let mut holder = host(&gateway, device, "holder");
        let mut other = host(&gateway, device, "other");
        holder.good(&RESERVE_6, DataTransfer::None);
        assert_eq!(status(&mut other, &TEST_UNIT_READY), CONFLICT);
        let listed = list(&gateway);
        assert_eq!(listed[0]["device"], name);
        assert_eq!(listed[0]["kind"], "reserved");
        let said = capstan_ok(gateway.data(), &["reservation", "clear", name, "--json"]);
        let was: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(was, listed[0]);
        // RESERVATIONS PREEMPTED, SPC-5 §5.14.11.
        assert_eq!(holder.attentions(), [(0x2a, 0x03)], "who had it is told");
        assert_ne!(status(&mut other, &TEST_UNIT_READY), CONFLICT);
        let again = capstan_ok(gateway.data(), &["reservation", "clear", name]);
        assert!(again.contains("was not reserved"), "{again}");
    }
    for (device, expected) in [("drive:9", "numbered from 0 to 3"), ("slot:1", "drive:N")] {
        let complaint = capstan_fails(gateway.data(), &["reservation", "clear", device]);
        assert!(complaint.contains(expected), "{complaint}");
    }
}
