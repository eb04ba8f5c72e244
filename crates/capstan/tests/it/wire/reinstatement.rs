//! Sessions and their connections: L4 to L7 (RFC 7143 §6.3.4, §6.3.5, §11.12.6).

use std::thread;

use capstan::gateway::targets::Device;
use iscsi::wire::Stage;

use super::chap::{demand_chap, log_in_with_chap};
use super::peer::{Login, OPERATIONAL, Peer, status, text_of};
use super::scsi::TEST_UNIT_READY;
use crate::support::{TestGateway, eventually};

fn changer(gateway: &TestGateway) -> Login {
    Login::to(&gateway.target(Device::Changer))
}

fn wait_for_sessions(gateway: &TestGateway, count: usize) {
    eventually("sessions", || gateway.gateway().sessions().len() == count);
}

/// RFC 7143 §11.12.6, §11.13.3.
#[test]
fn l4_a_new_session_gets_a_handle_and_an_unknown_handle_is_refused() {
    let gateway = TestGateway::start();
    let first = Peer::log_in(gateway.portal(), &changer(&gateway));
    let second = Peer::log_in(gateway.portal(), &changer(&gateway).port(2));
    assert_ne!(first.tsih, 0);
    assert_ne!(second.tsih, 0);
    assert_ne!(first.tsih, second.tsih);
    let unknown = Login {
        tsih: first.tsih.wrapping_add(1000),
        ..changer(&gateway)
    };
    assert_eq!(
        Peer::try_log_in(gateway.portal(), &unknown).err(),
        Some(0x020a)
    );
    // Another's handle is as unknown: the session is named by ISID and names too.
    let stolen = Login {
        tsih: second.tsih,
        ..changer(&gateway)
    };
    assert_eq!(
        Peer::try_log_in(gateway.portal(), &stolen).err(),
        Some(0x020a)
    );
}

/// RFC 7143 §6.3.5: the old session is gone, with all that it held, when the new login is answered.
#[test]
fn l5_reinstatement_ends_the_old_session_before_the_new_login_is_answered() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let login = Login::to(&gateway.target(Device::Drive(0)));
    let mut old = Peer::log_in(gateway.portal(), &login);
    old.attentions();
    old.plain(&[0x1e, 0, 0, 0, 1, 0]).assert_good(); // PREVENT
    let mut other = Peer::log_in(gateway.portal(), &login.clone().port(2));
    other.attentions();
    old.plain(&[0x16, 0, 0, 0, 0, 0]).assert_good(); // RESERVE(6)
    assert_eq!(other.plain(&TEST_UNIT_READY).status, 0x18, "reserved");
    let write = old.write_command(4096);
    old.send(write.emit(), b"");
    old.r2t(write.task_tag); // a task that waits for data

    let mut new = Peer::log_in(gateway.portal(), &login);
    assert_ne!(new.tsih, old.tsih);
    other.plain(&TEST_UNIT_READY).assert_good();
    let sessions = gateway.gateway().sessions();
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    assert!(sessions.iter().any(|session| session.tsih == new.tsih));
    old.expect_end(); // no status for the write
    let attentions = new.attentions();
    assert_eq!(attentions, [(0x29, 0x07)], "I_T NEXUS LOSS OCCURRED");
    // Without the old session's PREVENT the tape comes out.
    new.plain(&[0x1b, 0, 0, 0, 0, 0]).assert_good();
}

/// RFC 7143 §6.3.5: names, ISID and target make the session; another of any is another session.
#[test]
fn l5_other_initiator_ports_and_targets_are_left_alone() {
    let gateway = TestGateway::start();
    let other_name = Login {
        initiator: "iqn.2020-01.org.example:host2".to_owned(),
        ..changer(&gateway)
    };
    let logins = [
        changer(&gateway),
        changer(&gateway).port(2),
        other_name,
        Login::to(&gateway.target(Device::Drive(0))),
        Login::discovery(),
        Login::discovery(),
    ];
    let mut peers: Vec<Peer> = logins
        .iter()
        .map(|login| Peer::log_in(gateway.portal(), login))
        .collect();
    for peer in &mut peers {
        peer.ping();
    }
    // Names are compared without regard to case (§4.2.7.2).
    let upper = Login {
        initiator: logins[0].initiator.to_uppercase().replace("IQN.", "iqn."),
        ..changer(&gateway)
    };
    let mut again = Peer::log_in(gateway.portal(), &upper);
    peers.remove(0).expect_end();
    again.ping();
}

/// RFC 7143 §6.3.5: whatever the order of their requests, one session is left, and it works.
#[test]
fn l5_logins_that_race_for_one_session_leave_exactly_one() {
    let gateway = TestGateway::start();
    let portal = gateway.portal();
    for round in 0..4 {
        let racers: Vec<_> = (0..8)
            .map(|_| {
                let login = changer(&gateway);
                thread::spawn(move || {
                    let mut peer = Peer::connect(portal);
                    let mut pairs = login.names();
                    pairs.push(("MaxRecvDataSegmentLength", "65536"));
                    let request = login.request(OPERATIONAL.0, OPERATIONAL.1);
                    peer.send(request.emit(), &text_of(&pairs));
                    // Whoever was overtaken may be closed before its answer.
                    let pdu = peer.receive_or_end()?;
                    assert_eq!(pdu.header.0[36], 0, "{:?}", pdu.header);
                    peer.tsih = u16::from_be_bytes([pdu.header.0[14], pdu.header.0[15]]);
                    Some(peer)
                })
            })
            .collect();
        let mut peers: Vec<Peer> = racers
            .into_iter()
            .filter_map(|racer| racer.join().unwrap())
            .collect();
        wait_for_sessions(&gateway, 1);
        let owner = gateway.gateway().sessions()[0].tsih;
        let winner = peers.iter().position(|peer| peer.tsih == owner);
        let mut winner = peers.swap_remove(winner.expect("the owner was answered"));
        winner.ping();
        winner.plain(&TEST_UNIT_READY);
        for mut loser in peers {
            loser.expect_end();
        }
        assert_eq!(gateway.gateway().sessions().len(), 1, "round {round}");
    }
}

/// RFC 7143 §6.3.4: the same TSIH and CID again is an implicit logout of the old connection.
#[test]
fn l6_connection_reinstatement_keeps_the_session_handle_and_ends_the_old_connection() {
    let gateway = TestGateway::start();
    let mut old = Peer::log_in(gateway.portal(), &changer(&gateway));
    let again = Login {
        tsih: old.tsih,
        ..changer(&gateway)
    };
    let mut new = Peer::log_in(gateway.portal(), &again);
    assert_eq!(new.tsih, old.tsih);
    old.expect_end();
    new.ping();
    assert_eq!(gateway.gateway().sessions().len(), 1);
}

/// RFC 7143 §11.13.5: MaxConnections is 1.
#[test]
fn l7_a_second_connection_is_refused_and_the_first_is_unhurt() {
    let gateway = TestGateway::start();
    let mut first = Peer::log_in(gateway.portal(), &changer(&gateway));
    first.attentions();
    let second = Login {
        tsih: first.tsih,
        cid: 1,
        ..changer(&gateway)
    };
    for _ in 0..3 {
        assert_eq!(
            Peer::try_log_in(gateway.portal(), &second).err(),
            Some(0x0206)
        );
        first.ping();
    }
    first.plain(&TEST_UNIT_READY).assert_good();
}

/// RFC 7143 §6.3.4, §6.3.5, §9.2: nobody ends a session by pretending to be its initiator. The old
/// session goes only when the new login has proved itself.
#[test]
fn l5_l6_a_login_that_cannot_prove_itself_ends_no_session() {
    let gateway = TestGateway::start_with(demand_chap);
    let login = changer(&gateway);
    let mut owner = log_in_with_chap(&gateway, &login);
    owner.attentions();
    for tsih in [0, owner.tsih] {
        let pretender = Login {
            tsih,
            ..login.clone()
        };
        // Without any proof, and with an exchange that is left open.
        let refused = Peer::try_log_in(gateway.portal(), &pretender);
        assert_eq!(refused.err(), Some(0x0201));
        let mut pending = Peer::connect(gateway.portal());
        let mut pairs = pretender.names();
        pairs.push(("AuthMethod", "CHAP"));
        let request = pretender.request(Stage::SecurityNegotiation, None);
        let (response, _) = pending.exchange(&request, &pairs);
        assert_eq!(status(&response), 0);
        owner.ping();
        owner.plain(&TEST_UNIT_READY).assert_good();
    }
    let sessions = gateway.gateway().sessions();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].tsih, owner.tsih);
}

/// RFC 7143 §6.3.5: a host that hung and comes again does not wait for what its old self has not read,
/// and finds nothing of it.
#[test]
fn l5_reinstatement_does_not_wait_for_an_old_connection_that_does_not_read() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let login = Login::to(&gateway.target(Device::Drive(0)))
        .with(&[("MaxRecvDataSegmentLength", "262144")]);
    let mut old = Peer::log_in(gateway.portal(), &login);
    old.attentions();
    old.plain(&[0x1e, 0, 0, 0, 1, 0]).assert_good(); // PREVENT
    let nop = old.bytes_of(old.nop(0x77).emit(), &vec![0; 256 << 10]);
    for _ in 0..ECHOES {
        old.send_bytes(&nop);
    }
    let mut new = Peer::log_in(gateway.portal(), &login);
    assert_eq!(new.attentions(), [(0x29, 0x07)]);
    new.plain(&[0x1b, 0, 0, 0, 0, 0]).assert_good(); // UNLOAD
}

/// More bytes than the sockets of both sides take, and less than a session is closed for.
const ECHOES: usize = 48;
