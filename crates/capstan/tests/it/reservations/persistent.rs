//! Persistent reservations (SPC-5 §5.14) over TCP: who is shut out, who is told, what survives.

use super::*;
use crate::support::host::Sense;

const REGISTER: u8 = 0;
const RESERVE: u8 = 1;
const CLEAR: u8 = 3;
const PREEMPT_AND_ABORT: u8 = 5;
const REGISTER_AND_IGNORE: u8 = 6;

const WRITE_EXCLUSIVE: u8 = 1;
const EXCLUSIVE_ACCESS: u8 = 3;
const EXCLUSIVE_ACCESS_REGISTRANTS_ONLY: u8 = 6;

/// WRITE(6) of one block of 512 bytes.
const WRITE_BLOCK: [u8; 6] = [0x0a, 0, 0, 0x02, 0, 0];

/// Keys of the hosts `a` and `b`.
const A: u64 = 0xa;
const B: u64 = 0xb;
const APTPL: u8 = 0x01;

/// PERSISTENT RESERVE OUT; returns the status.
fn out(host: &mut Host, action: u8, kind: u8, keys: (u64, u64), flags: u8) -> u8 {
    let cdb = [0x5f, action, kind, 0, 0, 0, 0, 0, 24, 0];
    let mut list = [0; 24];
    list[..8].copy_from_slice(&keys.0.to_be_bytes());
    list[8..16].copy_from_slice(&keys.1.to_be_bytes());
    list[20] = flags;
    host.run(&cdb, DataTransfer::Out(list.to_vec().into()))
        .status
}

/// PERSISTENT RESERVE IN; returns the data behind the header.
fn read(host: &mut Host, action: u8) -> Vec<u8> {
    let cdb = [0x5e, action, 0, 0, 0, 0, 0, 0x04, 0, 0];
    host.good(&cdb, DataTransfer::In(1024)).split_off(8)
}

fn keys(host: &mut Host) -> Vec<u64> {
    read(host, 0)
        .chunks_exact(8)
        .map(|key| u64::from_be_bytes(key.try_into().unwrap()))
        .collect()
}

/// Host `a` holds a reservation of type `kind`.
fn held_by_a(gateway: &TestGateway, device: Device, kind: u8, flags: u8) -> Host {
    let mut a = host(gateway, device, "a");
    assert_eq!(out(&mut a, REGISTER, 0, (0, A), flags), GOOD);
    assert_eq!(out(&mut a, RESERVE, kind, (A, 0), 0), GOOD);
    a
}

#[test]
fn what_a_type_allows_the_others_they_can_do() {
    let gateway = TestGateway::start();
    for device in DEVICES {
        let mut a = held_by_a(&gateway, device, WRITE_EXCLUSIVE, 0);
        let mut b = host(&gateway, device, "b");
        b.good(&MODE_SENSE, DataTransfer::In(255));
        let reset_mode = [0x15, 0x10, 0, 0, 0, 0]; // MODE SELECT of nothing
        assert_eq!(status(&mut b, &reset_mode), CONFLICT);
        assert_eq!(status(&mut a, &reset_mode), GOOD);
        assert_eq!(out(&mut a, CLEAR, 0, (A, 0), 0), GOOD);
        let kind = EXCLUSIVE_ACCESS_REGISTRANTS_ONLY;
        assert_eq!(out(&mut a, REGISTER, 0, (0, A), 0), GOOD);
        assert_eq!(out(&mut a, RESERVE, kind, (A, 0), 0), GOOD);
        assert_eq!(b.run(&MODE_SENSE, DataTransfer::In(255)).status, CONFLICT);
        assert_eq!(out(&mut b, REGISTER, 0, (0, B), 0), GOOD);
        b.good(&MODE_SENSE, DataTransfer::In(255));
        // The holder goes, and those who were admitted are told.
        assert_eq!(out(&mut a, REGISTER, 0, (A, 0), 0), GOOD);
        assert_eq!(b.attentions(), [(0x2a, 0x04)], "RESERVATIONS RELEASED");
        assert_eq!(out(&mut b, CLEAR, 0, (B, 0), 0), GOOD);
    }
}

#[test]
fn full_status_names_ports_and_holder() {
    let gateway = TestGateway::start();
    let mut a = held_by_a(&gateway, Device::Changer, EXCLUSIVE_ACCESS, 0);
    let mut b = host(&gateway, Device::Changer, "b");
    assert_eq!(out(&mut b, REGISTER, 0, (0, B), 0), GOOD);
    let status = read(&mut b, 3);
    assert_eq!(status[..8], A.to_be_bytes());
    assert_eq!(status[12..14], [0x01, EXCLUSIVE_ACCESS], "holder, type");
    assert_eq!(status[18..20], [0, 1], "target port");
    let port = b"\x45\0\0\x2ciqn.2020-01.org.example:a,i,0x800000000001\0";
    assert_eq!(&status[24..24 + port.len()], port);
    assert_eq!(read(&mut a, 1)[..8], A.to_be_bytes());
    assert_eq!(keys(&mut a), [A, B]);
}

#[test]
fn a_persistent_reservation_survives_all_but_a_restart() {
    const LOGICAL_UNIT_RESET: u8 = 5;
    let mut gateway = TestGateway::start();
    let a = held_by_a(&gateway, Device::Changer, EXCLUSIVE_ACCESS, 0);
    let mut b = host(&gateway, Device::Changer, "b");
    a.log_out();
    assert_eq!(status(&mut b, &[0x1e, 0, 0, 0, 1, 0]), CONFLICT);
    assert_eq!(b.manage(LOGICAL_UNIT_RESET), 0);
    b.attentions();
    assert_eq!(status(&mut b, &[0x1e, 0, 0, 0, 1, 0]), CONFLICT);
    // The same port is the same nexus: it has its key and its reservation again.
    let mut a = host(&gateway, Device::Changer, "a");
    assert_eq!(status(&mut a, &[0x1e, 0, 0, 0, 0, 0]), GOOD);
    a.good(&MODE_SENSE, DataTransfer::In(255));
    gateway.restart();
    let mut b = host(&gateway, Device::Changer, "b");
    assert_eq!(keys(&mut b), [0_u64; 0]);
    b.good(&MODE_SENSE, DataTransfer::In(255));
}

#[test]
fn with_aptpl_it_survives_a_restart_too() {
    let mut gateway = TestGateway::start();
    for device in DEVICES {
        held_by_a(&gateway, device, EXCLUSIVE_ACCESS, APTPL);
        gateway.restart();
        let mut b = host(&gateway, device, "b");
        assert_eq!(b.run(&MODE_SENSE, DataTransfer::In(255)).status, CONFLICT);
        assert_eq!(keys(&mut b), [A]);
        let mut a = host(&gateway, device, "a");
        a.good(&MODE_SENSE, DataTransfer::In(255));
        // Given up, it does not come back.
        assert_eq!(out(&mut a, REGISTER_AND_IGNORE, 0, (0, 0), APTPL), GOOD);
        gateway.restart();
        assert_eq!(keys(&mut host(&gateway, device, "b")), [0_u64; 0]);
    }
}

/// A host that has died holds the drive; the next one takes it over with all its commands.
#[test]
fn a_stranger_takes_over_from_a_host_that_has_gone() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let mut a = held_by_a(&gateway, Device::Drive(0), EXCLUSIVE_ACCESS, 0);
    let mut b = host(&gateway, Device::Drive(0), "b");
    let block = || DataTransfer::Out(vec![7; 512].into());
    assert_eq!(b.run(&WRITE_BLOCK, block()).status, CONFLICT);
    assert_eq!(
        out(&mut b, PREEMPT_AND_ABORT, EXCLUSIVE_ACCESS, (B, A), 0),
        CONFLICT
    );
    assert_eq!(out(&mut b, REGISTER, 0, (0, B), 0), GOOD);
    assert_eq!(
        out(&mut b, PREEMPT_AND_ABORT, EXCLUSIVE_ACCESS, (B, A), 0),
        GOOD
    );
    b.good(&WRITE_BLOCK, block());
    // Whoever was preempted is shut out, and learns why with the first command that is let through.
    assert_eq!(a.run(&WRITE_BLOCK, block()).status, CONFLICT);
    assert_eq!(a.attentions(), [(0x2a, 0x05)], "REGISTRATIONS PREEMPTED");
    assert_eq!(a.run(&WRITE_BLOCK, block()).status, CONFLICT);
}

#[test]
fn errors_point_at_their_field() {
    let gateway = TestGateway::start();
    let mut a = host(&gateway, Device::Changer, "a");
    for action in 4..0x20 {
        let finished = a.run(&[0x5e, action, 0, 0, 0, 0, 0, 0, 8, 0], DataTransfer::In(8));
        assert_eq!(Sense::of(&finished).additional, (0x24, 0x00), "{action}");
        assert_eq!(finished.sense[15..18], [0xcc, 0, 1], "byte 1, bit 4");
    }
    let short = [0x5f, 0, 0, 0, 0, 0, 0, 0, 16, 0];
    let finished = a.run(&short, DataTransfer::Out(vec![0; 16].into()));
    assert_eq!(Sense::of(&finished).additional, (0x1a, 0x00));
    assert_eq!(out(&mut a, REGISTER, 0, (0, A), 0), GOOD);
    let cdb = [0x5f, RESERVE, 0x02, 0, 0, 0, 0, 0, 24, 0];
    let mut list = vec![0; 24];
    list[7] = 0xa;
    let finished = a.run(&cdb, DataTransfer::Out(list.into()));
    assert_eq!(Sense::of(&finished).additional, (0x24, 0x00));
    assert_eq!(finished.sense[15..18], [0xcb, 0, 2], "byte 2, bit 3: TYPE");
}
