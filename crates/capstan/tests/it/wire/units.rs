//! Logical units that come and go: the other half of O7 (RFC 7143 §11.9.1; SPC-5 §6.39; SAM-5 §5.14).

use capstan::config::TargetLayout;
use capstan::gateway::targets::Device;
use iscsi::wire::{AsyncMessage, Opcode, ScsiCommand};

use super::peer::{Login, Peer};
use super::scsi::{CHECK_CONDITION, INQUIRY, REWIND, TEST_UNIT_READY};
use crate::support::TestGateway;

const REPORT_LUNS: [u8; 12] = [0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
const LUNS_CHANGED: (u8, u8) = (0x3f, 0x0e);
/// What the changer says of the bay of a drive that was disabled.
const ELEMENT_DISABLED: (u8, u8) = (0x3b, 0x18);

/// A changer and four drives behind one target.
fn single() -> TestGateway {
    TestGateway::start_with(|config| config.iscsi.targets = TargetLayout::Single)
}

/// Returns the LUNs that REPORT LUNS lists.
fn luns(peer: &mut Peer) -> Vec<u8> {
    let outcome = peer.read(&REPORT_LUNS, 256);
    outcome.assert_good();
    outcome.data[8..].chunks(8).map(|lun| lun[1]).collect()
}

/// Takes an asynchronous message about a change of LUNs.
fn change(peer: &mut Peer) {
    let pdu = peer.receive();
    assert_eq!(pdu.opcode(), Opcode::AsyncMessage, "{:?}", pdu.header);
    let message = AsyncMessage::parse(&pdu.header).unwrap();
    assert_eq!((message.event, message.task_tag), (0, 0xffff_ffff));
    assert_eq!(message.lun, [0; 8]);
    let [0, 18, sense @ ..] = pdu.data.as_slice() else {
        panic!("SenseLength and sense data: {:02x?}", pdu.data);
    };
    assert_eq!((sense[2], sense[12], sense[13]), (0x06, 0x3f, 0x0e));
}

/// Returns the sense of TEST UNIT READY at another logical unit.
fn sense_at(peer: &mut Peer, lun: u8) -> (u8, u8, u8) {
    let mut command = peer.command(&TEST_UNIT_READY);
    command.lun[1] = lun;
    peer.run(command, b"").sense
}

/// Takes the unit attentions of all units.
fn settle(peer: &mut Peer) {
    for lun in 0..=4 {
        while sense_at(peer, lun).0 == 6 {}
    }
}

/// RFC 7143 §11.9.1, event 0; SPC-5 §6.39: told once, at every unit, to every session, and by REPORT
/// LUNS to whoever asks.
#[test]
fn o7_a_change_of_luns_is_reported_with_event_0_and_by_unit_attentions() {
    let gateway = single();
    let login = Login::to(&gateway.targets()[0]);
    let mut one = Peer::log_in(gateway.portal(), &login);
    let mut two = Peer::log_in(gateway.portal(), &login.clone().port(2));
    settle(&mut one);
    settle(&mut two);
    gateway.library().disable_drive(1).unwrap();
    change(&mut one);
    change(&mut two);
    assert_eq!(one.attentions(), [ELEMENT_DISABLED, LUNS_CHANGED]);
    assert_eq!(sense_at(&mut one, 1), (6, 0x3f, 0x0e), "each unit tells it");
    assert_eq!(luns(&mut one), [0, 1, 3, 4]);
    assert_eq!(luns(&mut two), [0, 1, 3, 4]);
    for lun in [0, 1, 3, 4] {
        let sense = sense_at(&mut two, lun);
        assert_ne!(sense, (6, 0x3f, 0x0e), "REPORT LUNS told it");
    }
    assert_eq!(sense_at(&mut one, 2), (5, 0x25, 0x00));
    gateway.library().disable_drive(1).unwrap();
    one.ping(); // it was gone: nothing changed
    gateway.library().enable_drive(1).unwrap();
    change(&mut one);
    assert_eq!(luns(&mut one), [0, 1, 2, 3, 4]);
    let back = sense_at(&mut one, 2);
    assert_eq!(back, (6, 0x29, 0x07), "it has lost what it knew of us");
    assert_eq!(sense_at(&mut one, 2), (2, 0x3a, 0x00), "and is as before");
}

/// A target that loses its only unit stays, and its sessions too.
#[test]
fn o7_a_target_without_units_answers_that_there_is_none() {
    let gateway = TestGateway::start();
    let login = Login::to(&gateway.target(Device::Drive(0)));
    let mut peer = Peer::log_in(gateway.portal(), &login);
    peer.attentions();
    gateway.library().disable_drive(0).unwrap();
    change(&mut peer);
    assert!(luns(&mut peer).is_empty());
    assert_eq!(peer.read(&INQUIRY, 255).data[0], 0x7f);
    assert_eq!(peer.plain(&TEST_UNIT_READY).sense, (5, 0x25, 0x00));
    // Who comes now finds the same, and is told of the change later.
    let mut late = Peer::log_in(gateway.portal(), &login.port(2));
    assert!(luns(&mut late).is_empty());
    gateway.library().enable_drive(0).unwrap();
    for peer in [&mut peer, &mut late] {
        change(peer);
        assert_eq!(luns(peer), [0]);
        assert_eq!(peer.attentions().len(), 1, "29/07 or 29/00");
    }
    gateway.move_tape("slot:1", "drive:0");
    peer.attentions();
    peer.write_block(&[1; 1000]).assert_good();
}

/// SAM-5 §5.11: nothing that was sent stays without an answer, though the unit goes.
#[test]
fn o7_commands_at_a_unit_that_goes_are_answered() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let login = Login::to(&gateway.target(Device::Drive(0)));
    let mut peer = Peer::log_in(gateway.portal(), &login);
    peer.attentions();
    peer.write_block(&[1; 1000]).assert_good();
    let write = peer.write_command(512);
    peer.send(write.emit(), b"");
    let r2t = peer.r2t(write.task_tag);
    gateway.library().disable_drive(0).unwrap();
    change(&mut peer);
    peer.send(peer.data_out(&r2t).emit(), &[2; 512]);
    let outcome = peer.outcome(write.task_tag);
    assert_eq!(
        (outcome.status, outcome.sense),
        (CHECK_CONDITION, (5, 0x25, 0x00))
    );
    gateway.library().enable_drive(0).unwrap();
    change(&mut peer);
    peer.attentions();
    peer.plain(&REWIND).assert_good();
    let read = peer.read(&super::scsi::read6(1000), 1000);
    assert_eq!(read.data, [1; 1000], "the tape is as it was");
}

/// RFC 7143 §4.3: discovery sessions have no SCSI in them.
#[test]
fn o7_a_discovery_session_hears_nothing_of_luns() {
    let gateway = single();
    let mut peer = Peer::log_in(gateway.portal(), &Login::discovery());
    let mut normal = Peer::log_in(gateway.portal(), &Login::to(&gateway.targets()[0]));
    gateway.library().disable_drive(0).unwrap();
    change(&mut normal);
    let answer = peer.text(&[("SendTargets", "All")]);
    assert_eq!(answer[0].0, "TargetName", "and no asynchronous message");
}

/// Disabling a drive while commands for the others run does not disturb them.
#[test]
fn o7_other_units_go_on_meanwhile() {
    let gateway = single();
    let mut peer = Peer::log_in(gateway.portal(), &Login::to(&gateway.targets()[0]));
    settle(&mut peer);
    let command = |peer: &mut Peer| ScsiCommand {
        lun: [0, 1, 0, 0, 0, 0, 0, 0],
        ..peer.command(&TEST_UNIT_READY)
    };
    let inquiry = |peer: &mut Peer| ScsiCommand {
        read: true,
        expected_length: 255,
        cdb: {
            let mut cdb = [0; 16];
            cdb[..6].copy_from_slice(&INQUIRY);
            cdb
        },
        ..command(peer)
    };
    for _ in 0..20 {
        gateway.library().disable_drive(3).unwrap();
        change(&mut peer);
        let request = inquiry(&mut peer);
        assert_eq!(peer.run(request, b"").data[0], 0x01, "a drive");
        gateway.library().enable_drive(3).unwrap();
        change(&mut peer);
        let request = inquiry(&mut peer);
        peer.run(request, b"").assert_good();
    }
    assert_eq!(luns(&mut peer), [0, 1, 2, 3, 4]);
}
