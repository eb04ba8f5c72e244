//! The changer as hosts see it.

use capstan::gateway::targets::Device;
use iscsi::initiator::DataTransfer;

use crate::support::host::{Host, Sense};
use crate::support::tape::Found;
use crate::support::{TestGateway, eventually};

fn changer(gateway: &TestGateway) -> Host {
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Changer));
    host.attentions();
    host
}

#[test]
fn a_host_loads_writes_and_puts_back() {
    let gateway = TestGateway::start();
    let (slot, drive) = (gateway.address("slot:3"), gateway.address("drive:1"));
    let mut robot = changer(&gateway);
    let mut tape = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(1)));
    tape.attentions();
    // TEST UNIT READY of an empty drive: NOT READY, MEDIUM NOT PRESENT.
    let finished = tape.run(&[0; 6], DataTransfer::None);
    let sense = Sense::of(&finished);
    assert_eq!((sense.key, sense.additional), (0x2, (0x3a, 0x00)));

    assert_eq!(robot.move_medium(slot, drive).status, 0);
    assert_eq!(gateway.tape_in("drive:1").as_deref(), Some("CAP003L5"));
    assert_eq!(
        tape.attentions(),
        [(0x28, 0x00)],
        "the medium may have changed"
    );
    tape.write_block(b"through the changer");
    assert_eq!(robot.move_medium(drive, slot).status, 0);
    assert_eq!(gateway.tape_in("drive:1"), None);
    assert_eq!(robot.move_medium(slot, drive).status, 0);
    tape.attentions();
    assert_eq!(
        tape.read_block(100),
        Found::Block(b"through the changer".to_vec())
    );
    tape.log_out();
    robot.log_out();
}

#[test]
fn moves_that_cannot_be_are_answered_as_smc_says() {
    let gateway = TestGateway::start();
    let (full, empty) = (gateway.address("slot:1"), gateway.address("slot:24"));
    let also_full = gateway.address("slot:2");
    let mut robot = changer(&gateway);
    for (from, to, additional) in [
        (empty, full, (0x3b, 0x0e)),
        (full, also_full, (0x3b, 0x0d)),
        (full, 0xfffe, (0x21, 0x01)),
    ] {
        let finished = robot.move_medium(from, to);
        let sense = Sense::of(&finished);
        assert_eq!(
            (sense.key, sense.additional),
            (0x5, additional),
            "{from} to {to}"
        );
    }
    robot.log_out();
}

#[test]
fn read_element_status_tells_barcodes() {
    let gateway = TestGateway::start();
    let mut robot = changer(&gateway);
    // READ ELEMENT STATUS with VOLTAG of all elements.
    let data = robot.good(
        &[0xb8, 0x10, 0, 0, 0xff, 0xff, 0, 1, 0, 0, 0, 0],
        DataTransfer::In(65536),
    );
    let count = u16::from_be_bytes([data[2], data[3]]);
    assert_eq!(
        count,
        1 + 4 + 24 + 4,
        "picker, drives, slots, import/export slots"
    );
    let text = String::from_utf8_lossy(&data);
    assert!(text.contains("CAP001L5") && text.contains("CAP020L5"));
    robot.log_out();
}

#[test]
fn a_host_that_prevents_removal_is_respected_until_it_goes() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(0)));
    host.attentions();
    host.good(&[0x1e, 0, 0, 0, 1, 0], DataTransfer::None); // PREVENT
    let problem = gateway.library().unload(0, None).unwrap_err();
    assert!(
        problem.message.contains("prevents medium removal"),
        "{problem:?}"
    );
    assert!(
        gateway.library().drives()[0]
            .tape
            .as_ref()
            .unwrap()
            .removal_prevented
    );
    host.log_out();
    // The drive's worker takes note of the lost nexus after the logout was answered.
    eventually("removal is allowed again", || {
        gateway.library().unload(0, None).is_ok()
    });
    assert_eq!(gateway.tape_in("slot:1").as_deref(), Some("CAP001L5"));
}
