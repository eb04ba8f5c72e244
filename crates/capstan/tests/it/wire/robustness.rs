//! Bad peers: B1 to B8. RFC 7143 §9 asks for caution; how much is ours to say.

use std::fs;
use std::time::Duration;

use capstan::gateway::targets::Device;
use iscsi::wire::{Header, ScsiCommand};

use super::peer::{Login, OPERATIONAL, Peer, text_of};
use super::scsi::{INQUIRY, TEST_UNIT_READY};
use crate::support::{TestGateway, eventually, noise};

fn changer(gateway: &TestGateway) -> Login {
    Login::to(&gateway.target(Device::Changer))
}

/// A session that has to survive everything here.
fn bystander(gateway: &TestGateway) -> Peer {
    let mut peer = Peer::log_in(gateway.portal(), &changer(gateway).port(99));
    peer.attentions();
    peer
}

/// Sees that a session works, and that another can begin.
fn assert_unhurt(gateway: &TestGateway, bystander: &mut Peer) {
    bystander.plain(&TEST_UNIT_READY).assert_good();
    Peer::log_in(gateway.portal(), &changer(gateway).port(98)).ping();
}

/// Returns the memory that this process has in use, in bytes.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Far more than this test binary needs, far less than what is announced to it.
const GROWTH_MAX: u64 = 256 << 20;

#[test]
fn b1_no_bytes_before_a_login_hurt_anybody() {
    let gateway = TestGateway::start();
    let mut good = bystander(&gateway);
    let before = resident();
    for seed in 0..60 {
        let mut bytes = noise(seed, 4096);
        if seed % 2 == 0 {
            bytes[0] = 0x43; // begins like a login
        }
        let mut peer = Peer::connect(gateway.portal());
        peer.send_bytes(&bytes);
        peer.shut_down();
        while peer.receive_or_end().is_some() {}
    }
    assert!(resident() < before + GROWTH_MAX);
    assert_unhurt(&gateway, &mut good);
}

#[test]
fn b2_announced_lengths_cost_nothing() {
    let gateway = TestGateway::start();
    let mut good = bystander(&gateway);
    let before = resident();
    let login = changer(&gateway);
    let request = login.request(OPERATIONAL.0, OPERATIONAL.1).emit();
    let with = |header: Header, offset: usize, bytes: &[u8]| {
        let mut header = header;
        header.0[offset..offset + bytes.len()].copy_from_slice(bytes);
        header
    };
    // A login of 16 MiB, and one with 1020 bytes of additional header.
    for header in [
        with(request, 5, &[0xff; 3]),
        with(request, 4, &[0xff]),
        with(request, 4, &[0xff; 4]),
    ] {
        let mut peer = Peer::connect(gateway.portal());
        peer.send_bytes(&header.0);
        peer.send_bytes(&[0; 2048]);
        peer.shut_down();
        while peer.receive_or_end().is_some() {}
    }
    // A terabyte of Data-Out is announced, in eight sessions of thirty-two commands.
    let announce = |port| {
        let mut peer = Peer::log_in(gateway.portal(), &changer(&gateway).port(port));
        for _ in 0..32 {
            let command = ScsiCommand {
                write: true,
                expected_length: u32::MAX,
                ..peer.command(&[0x0a, 0, 0xff, 0xff, 0xff, 0])
            };
            peer.send(command.emit(), b"");
        }
        peer.send(peer.nop(1).emit(), b"");
        while peer.receive().header.task_tag() != 1 {}
        peer
    };
    let peers: Vec<Peer> = (1..=8).map(announce).collect();
    assert!(
        resident() < before + GROWTH_MAX,
        "{} grew from {before}",
        resident()
    );
    drop(peers);
    assert_unhurt(&gateway, &mut good);
}

#[test]
fn b3_random_pdus_in_full_feature_phase_hurt_only_their_sender() {
    let gateway = TestGateway::start();
    let mut good = bystander(&gateway);
    let before = resident();
    for session in 0..60 {
        let login = changer(&gateway).port(1 + session % 4);
        let mut peer = Peer::log_in(gateway.portal(), &login);
        let random = noise(u64::from(session), 60 * 48);
        for bytes in random.chunks_exact(48) {
            let mut header = Header(bytes.try_into().unwrap());
            // Mostly opcodes that exist, mostly lengths that are true.
            header.0[0] &= 0x47;
            if header.0[0] & 0x3f == 0x02 {
                header.0[1] &= 0x85; // resets of the whole target hurt others, and may
            }
            header.0[4] &= 0x01 & header.0[7];
            header.set_data_length(0);
            let ahs = header.ahs_length();
            let mut pdu = peer.bytes_of(header, b"");
            pdu.resize(pdu.len() + ahs, 0);
            peer.send_bytes(&pdu);
        }
        peer.shut_down();
    }
    assert!(resident() < before + GROWTH_MAX);
    assert_unhurt(&gateway, &mut good);
}

#[test]
fn b5_whoever_never_reads_loses_its_session_alone() {
    let gateway = TestGateway::start();
    let mut good = bystander(&gateway);
    let login = changer(&gateway).with(&[("MaxRecvDataSegmentLength", "262144")]);
    let mut deaf = Peer::log_in(gateway.portal(), &login);
    let nop = deaf.bytes_of(deaf.nop(5).emit(), &vec![0; 256 << 10]);
    let mut sent = 0;
    loop {
        match deaf.send_some(&nop, Duration::from_secs(10)) {
            0 => break, // closed
            count => sent += count,
        }
        assert!(
            sent < 256 << 20,
            "answers pile up for a peer that does not read"
        );
        good.ping();
    }
    eventually("the session is gone", || {
        gateway.gateway().sessions().len() == 1
    });
    assert_unhurt(&gateway, &mut good);
}

/// Every split of a whole story gives the same answers in the core (`crates/iscsi/tests/it/splits.rs`);
/// here TCP carries a login and commands byte by byte.
#[test]
fn b6_bytes_that_come_one_by_one_mean_the_same() {
    let gateway = TestGateway::start();
    let login = changer(&gateway);
    let mut peer = Peer::connect(gateway.portal());
    let one_by_one = |peer: &mut Peer, bytes: &[u8]| {
        for byte in bytes {
            peer.send_bytes(&[*byte]);
        }
    };
    let request = login.request(OPERATIONAL.0, OPERATIONAL.1).emit();
    let bytes = peer.bytes_of(request, &text_of(&login.names()));
    one_by_one(&mut peer, &bytes);
    let (response, keys) = peer.login_response();
    peer.logged_in(&login, &response, keys);
    peer.attentions();
    let command = ScsiCommand {
        read: true,
        expected_length: 255,
        ..peer.command(&INQUIRY)
    };
    let mut bytes = peer.bytes_of(command.emit(), b"");
    bytes.extend(peer.bytes_of(peer.nop(0x77).emit(), b"odd"));
    one_by_one(&mut peer, &bytes);
    let outcome = peer.outcome(command.task_tag);
    assert_eq!(outcome.data, inquiry(&gateway), "as in one piece");
    let echo = peer.receive();
    assert_eq!(
        (echo.header.task_tag(), echo.data.as_slice()),
        (0x77, b"odd".as_slice())
    );
}

/// INQUIRY as it is usually asked.
fn inquiry(gateway: &TestGateway) -> Vec<u8> {
    let login = changer(gateway).port(97);
    Peer::log_in(gateway.portal(), &login)
        .read(&INQUIRY, 255)
        .data
}

/// What the host left is free again: prevention of removal, the session.
#[test]
fn b7_e4_a_host_that_dies_in_a_burst_leaves_nothing_behind() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let login = Login::to(&gateway.target(Device::Drive(0)));
    let mut other = Peer::log_in(gateway.portal(), &login.clone().port(2));
    other.attentions();
    let mut dying = Peer::log_in(gateway.portal(), &login);
    dying.attentions();
    dying.plain(&[0x1e, 0, 0, 0, 1, 0]).assert_good(); // PREVENT
    let unload = [0x1b, 0, 0, 0, 0, 0];
    assert_eq!(
        other.plain(&unload).sense,
        (5, 0x53, 0x02),
        "MEDIUM REMOVAL PREVENTED"
    );
    dying.plain(&[0x16, 0, 0, 0, 0, 0]).assert_good(); // RESERVE(6)
    assert_eq!(other.plain(&unload).status, 0x18, "RESERVATION CONFLICT");
    let write = dying.write_command(64 << 10);
    dying.send(write.emit(), b"");
    let r2t = dying.r2t(write.task_tag);
    let bytes = dying.bytes_of(dying.data_out(&r2t).emit(), &vec![1; 64 << 10]);
    dying.send_bytes(&bytes[..20_000]);
    drop(dying);
    eventually("the session is gone", || {
        gateway.gateway().sessions().len() == 1
    });
    let position = other.read(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0], 20);
    assert_eq!(position.data[4..8], [0; 4], "no part of a block is written");
    eventually("removal is allowed again", || {
        other.plain(&unload).status == 0
    });
}
