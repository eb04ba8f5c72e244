//! The login phase: L1 to L16 (RFC 7143 §6, §11.12, §11.13).

use std::thread;
use std::time::Duration;

use capstan::config::AccessRule;
use capstan::config::access::all_networks;
use capstan::gateway::targets::Device;
use iscsi::wire::{Isid, LoginRequest, LoginResponse, Stage};

use super::chap::demand_chap;
use super::peer::{Login, OPERATIONAL, Peer, pairs_of, status, text_of, value};
use super::scsi::TEST_UNIT_READY;
use crate::support::{TestGateway, eventually};

const SECURITY: Stage = Stage::SecurityNegotiation;
const NEGOTIATION: Stage = Stage::LoginOperationalNegotiation;
const FULL: Stage = Stage::FullFeaturePhase;

fn changer(gateway: &TestGateway) -> Login {
    Login::to(&gateway.target(Device::Changer))
}

/// Sends one request that must be refused, sees the connection end, and returns the status.
fn refusal(gateway: &TestGateway, request: &LoginRequest, pairs: &[(&str, &str)]) -> u16 {
    let mut peer = Peer::connect(gateway.portal());
    let (response, _) = peer.exchange(request, pairs);
    assert!(!response.transit, "a refusal leads nowhere");
    peer.expect_end(); // L15
    status(&response)
}

fn wait_for_sessions(gateway: &TestGateway, count: usize) {
    eventually("sessions", || gateway.gateway().sessions().len() == count);
}

/// RFC 7143 §6.1: the first PDU of a connection is a Login Request.
#[test]
fn l1_anything_but_login_first_ends_the_connection_without_a_word() {
    let gateway = TestGateway::start();
    let mut peer = Peer::connect(gateway.portal());
    let nop = peer.nop(1);
    let text = peer.text_request();
    let command = peer.command(&TEST_UNIT_READY);
    let headers = [nop.emit(), text.emit(), command.emit()];
    for header in headers {
        let mut peer = Peer::connect(gateway.portal());
        peer.send(header, b"");
        peer.expect_end();
    }
    assert!(gateway.gateway().sessions().is_empty());
}

/// RFC 7143 §11.12.1: whatever comes in the middle of a login must be a login too.
#[test]
fn l1_nothing_but_login_comes_before_full_feature_phase() {
    let gateway = TestGateway::start();
    let login = changer(&gateway);
    let mut peer = Peer::connect(gateway.portal());
    let (response, _) = peer.exchange(&login.request(NEGOTIATION, None), &login.names());
    assert_eq!(status(&response), 0);
    peer.send(peer.nop(1).emit(), b"");
    if let Some(pdu) = peer.receive_or_end() {
        assert_ne!(pdu.header.0[36], 0, "a refusal: {:?}", pdu.header);
        peer.expect_end();
    }
    assert!(gateway.gateway().sessions().is_empty());
}

/// RFC 7143 §11.12.5, §11.13.4: only version 0 exists.
#[test]
fn l2_tags_are_echoed_and_only_version_0_is_spoken() {
    let gateway = TestGateway::start();
    let login = Login {
        cid: 0x55aa,
        ..changer(&gateway)
    };
    let mut request = login.request(OPERATIONAL.0, OPERATIONAL.1);
    request.task_tag = 0xdead_beef;
    request.isid = Isid([0x80, 1, 2, 3, 4, 5]);
    request.version_max = 7;
    let mut peer = Peer::connect(gateway.portal());
    let (response, _) = peer.exchange(&request, &login.names());
    assert_eq!(status(&response), 0);
    assert_eq!(response.task_tag, 0xdead_beef);
    assert_eq!(response.isid, request.isid);
    assert_eq!((response.version_active, response.version_max), (0, 0));
    request.version_min = 1;
    assert_eq!(refusal(&gateway, &request, &login.names()), 0x0205);
}

/// RFC 7143 §11.13.5: each mistake has its status.
#[test]
fn l3_missing_wrong_and_forbidden_names_have_their_own_status() {
    let gateway = TestGateway::start_with(|config| {
        config.iscsi.access = vec![AccessRule {
            initiators: vec!["*:host".parse().unwrap()],
            networks: all_networks(),
            targets: vec!["*-mediachanger".parse().unwrap()],
            authentication: None,
        }];
    });
    let changer = gateway.target(Device::Changer);
    let drive = gateway.target(Device::Drive(0));
    let host = ("InitiatorName", "iqn.2020-01.org.example:host");
    let normal = ("SessionType", "Normal");
    let request = Login::to(&changer).request(OPERATIONAL.0, OPERATIONAL.1);
    let cases: [(&[(&str, &str)], u16); 7] = [
        (&[normal, ("TargetName", &changer)], 0x0207),
        (&[host, normal], 0x0207),
        (&[host], 0x0207),
        (
            &[host, normal, ("TargetName", "iqn.2020-01.org.example:none")],
            0x0203,
        ),
        (&[host, normal, ("TargetName", &drive)], 0x0202),
        (
            &[
                ("InitiatorName", "iqn.2020-01.org.example:other"),
                normal,
                ("TargetName", &changer),
            ],
            0x0202,
        ),
        (
            &[host, ("SessionType", "Strange"), ("TargetName", &changer)],
            0x0209,
        ),
    ];
    for (pairs, expected) in cases {
        let told = refusal(&gateway, &request, pairs);
        assert_eq!(told, expected, "{told:04x} for {pairs:?}");
    }
    // SessionType is Normal when nobody says it (§13.21).
    let mut peer = Peer::connect(gateway.portal());
    let (response, _) = peer.exchange(&request, &[host, ("TargetName", &changer)]);
    assert_eq!(status(&response), 0);
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
    let write = old.write_command(4096);
    old.send(write.emit(), b"");
    old.r2t(write.task_tag); // a task that waits for data

    let mut new = Peer::log_in(gateway.portal(), &login);
    assert_ne!(new.tsih, old.tsih);
    let sessions = gateway.gateway().sessions();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!(sessions[0].tsih, new.tsih);
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

/// RFC 7143 §6.1, §11.12.3: stages go forward, and only where they exist.
#[test]
fn l8_stages_only_go_forward_and_only_when_asked() {
    let gateway = TestGateway::start();
    let login = changer(&gateway);
    let names = login.names();
    let strange = |current, bits| LoginRequest {
        transit: true,
        next_stage_bits: bits,
        ..login.request(current, None)
    };
    for request in [
        strange(NEGOTIATION, 1), // the stage that we are in
        strange(NEGOTIATION, 0), // back
        strange(SECURITY, 0),
        strange(SECURITY, 2), // does not exist
        strange(NEGOTIATION, 2),
    ] {
        let told = refusal(&gateway, &request, &names);
        assert_eq!(told, 0x0200, "{told:04x} for {request:?}");
    }
    // A transition happens when it is asked for and not before.
    let mut peer = Peer::connect(gateway.portal());
    let (response, _) = peer.exchange(&login.request(SECURITY, None), &names);
    assert!(!response.transit);
    let (response, _) = peer.exchange(&login.request(SECURITY, Some(NEGOTIATION)), &[]);
    assert!(response.transit);
    assert_eq!(response.next_stage_bits, NEGOTIATION as u8);
    // Back again.
    let (response, _) = peer.exchange(&login.request(SECURITY, Some(FULL)), &[]);
    assert_eq!(status(&response), 0x0200);
    peer.expect_end();
}

/// RFC 7143 §6.2, §11.12.2: text that goes over several PDUs is one text.
#[test]
fn l9_text_continued_with_c_is_one_text_and_has_an_end() {
    let gateway = TestGateway::start();
    let login = changer(&gateway).with(&[("MaxBurstLength", "65536")]);
    let mut pairs = login.names();
    pairs.extend_from_slice(&login.keys);
    let whole = text_of(&pairs);
    let (head, tail) = whole.split_at(21); // in the middle of a value
    let mut peer = Peer::connect(gateway.portal());
    let part = LoginRequest {
        continues: true,
        ..login.request(NEGOTIATION, None)
    };
    peer.send(part.emit(), head);
    let (response, keys) = peer.login_response();
    assert_eq!((status(&response), response.transit), (0, false));
    assert!(keys.is_empty(), "an empty answer in between: {keys:?}");
    peer.send(login.request(OPERATIONAL.0, OPERATIONAL.1).emit(), tail);
    let (response, keys) = peer.login_response();
    assert_eq!(value(&keys, "MaxBurstLength"), Some("65536"));
    peer.logged_in(&login, &response, keys);
    peer.ping();

    // Text without end is refused at 64 KiB.
    let mut peer = Peer::connect(gateway.portal());
    let mut answers = 0;
    loop {
        peer.send(part.emit(), &[b'X'; 8192]);
        let (response, _) = peer.login_response();
        answers += 1;
        match status(&response) {
            0 => assert!(answers <= 9, "more than 64 KiB of text"),
            told => {
                assert!(told == 0x0200 || told == 0x0302, "{told:04x}");
                break;
            }
        }
    }
    peer.expect_end();
}

/// RFC 7143 §6.2, §11.13.2: a response longer than the initiator takes goes over several PDUs.
#[test]
fn l10_a_long_answer_is_split_with_c() {
    let gateway = TestGateway::start();
    let login = changer(&gateway);
    let unknown: Vec<String> = (0..480).map(|number| format!("X-{number:08}")).collect();
    let mut pairs = login.names();
    pairs.extend(unknown.iter().map(|key| (key.as_str(), "1")));
    let mut peer = Peer::connect(gateway.portal());
    peer.send(
        login.request(OPERATIONAL.0, OPERATIONAL.1).emit(),
        &text_of(&pairs),
    );
    let mut text = Vec::new();
    let mut pdus = 0;
    let last = loop {
        let pdu = peer.receive();
        let response = LoginResponse::parse(&pdu.header).unwrap();
        assert_eq!(status(&response), 0);
        assert!(pdu.data.len() <= 8192, "{} bytes", pdu.data.len());
        text.extend(pdu.data);
        pdus += 1;
        if !response.continues {
            break response;
        }
        assert!(!response.transit, "C and T exclude each other");
        peer.send(login.request(NEGOTIATION, None).emit(), b"");
    };
    assert!(pdus > 1);
    let keys = pairs_of(&text);
    for key in &unknown {
        assert_eq!(value(&keys, key), Some("NotUnderstood"));
    }
    if !last.transit {
        let (response, _) = peer.exchange(&login.request(OPERATIONAL.0, OPERATIONAL.1), &[]);
        assert!(response.transit);
    }
    peer.ping();
}

/// RFC 7143 §13.9, §13.6: the first response of a normal session names the portal group.
#[test]
fn l11_the_first_response_of_a_normal_session_names_the_portal_group() {
    let gateway = TestGateway::start();
    for (stage, next) in [(SECURITY, Some(NEGOTIATION)), OPERATIONAL] {
        let login = changer(&gateway);
        let mut peer = Peer::connect(gateway.portal());
        let (_, keys) = peer.exchange(&login.request(stage, next), &login.names());
        assert_eq!(value(&keys, "TargetPortalGroupTag"), Some("1"));
        assert!(value(&keys, "TargetAlias").is_some());
    }
    let discovery = Peer::log_in(gateway.portal(), &Login::discovery());
    assert_eq!(value(&discovery.keys, "TargetPortalGroupTag"), None);
}

/// RFC 7143 §11.12.8, §11.13.6; that StatSN counts by one is watched in every exchange.
#[test]
fn l12_numbering_begins_with_the_login() {
    let gateway = TestGateway::start();
    let login = Login {
        cmd_sn: 0xffff_fffe,
        ..changer(&gateway)
    };
    let mut peer = Peer::connect(gateway.portal());
    let (first, _) = peer.exchange(&login.request(SECURITY, Some(NEGOTIATION)), &login.names());
    assert_eq!(first.counters.expected_cmd_sn.0, 0xffff_fffe);
    let (last, keys) = peer.exchange(&login.request(NEGOTIATION, Some(FULL)), &[]);
    assert_eq!(last.counters.stat_sn, first.counters.stat_sn.next());
    assert_eq!(last.counters.expected_cmd_sn.0, 0xffff_fffe);
    peer.logged_in(&login, &last, keys);
    // The first command has the login's CmdSN (§4.2.2.1).
    peer.plain(&TEST_UNIT_READY);
    peer.ping();
}

/// A login has a deadline (RFC 7143 leaves it to us: 15 s unless configured), slow or silent, and
/// nobody waits for it.
#[test]
fn l13_slow_logins_are_dropped_and_delay_nobody() {
    assert_eq!(
        capstan::config::IscsiConfig::default().login_timeout,
        Duration::from_secs(15)
    );
    let gateway = TestGateway::start_with(|config| {
        config.iscsi.login_timeout = Duration::from_millis(700);
    });
    let login = changer(&gateway);
    let mut silent = Peer::connect(gateway.portal());
    let mut partial = Peer::connect(gateway.portal());
    partial.send_bytes(&[0x43, 0x87, 0, 0]);
    let mut stuck = Peer::connect(gateway.portal());
    stuck.exchange(&login.request(NEGOTIATION, None), &login.names());
    let mut good = Peer::log_in(gateway.portal(), &login.clone().port(9));
    for slow in [&mut silent, &mut partial, &mut stuck] {
        slow.expect_end();
    }
    good.ping();
}

/// RFC 7143 §11.13.5: the initiator learns why, and then the connection is closed.
#[test]
fn l15_a_refusal_is_told_before_the_connection_is_closed() {
    let gateway = TestGateway::start();
    let login = Login::to("iqn.2020-01.org.example:none");
    let mut peer = Peer::connect(gateway.portal());
    // Bytes that nobody will read must not turn the close into a reset that overtakes the answer.
    let request = login.request(OPERATIONAL.0, OPERATIONAL.1);
    let mut bytes = peer.bytes_of(request.emit(), &text_of(&login.names()));
    bytes.extend([0; 4096]);
    peer.send_bytes(&bytes);
    let (response, _) = peer.login_response();
    assert_eq!(status(&response), 0x0203);
    peer.expect_end();
}

/// RFC 7143 §12.1, §6.3.2: whoever demands proof cannot be talked out of it.
#[test]
fn l16_authentication_can_be_neither_skipped_nor_declined() {
    let gateway = TestGateway::start_with(demand_chap);
    let login = changer(&gateway);
    let names = login.names();
    let offer = |methods| {
        let mut pairs = names.clone();
        pairs.push(("AuthMethod", methods));
        pairs
    };
    let in_security = login.request(SECURITY, Some(NEGOTIATION));
    let skipping = login.request(OPERATIONAL.0, OPERATIONAL.1);
    assert_eq!(refusal(&gateway, &skipping, &names), 0x0201);
    for methods in ["None", "KRB5,SRP", "SRP,None"] {
        assert_eq!(
            refusal(&gateway, &in_security, &offer(methods)),
            0x0201,
            "{methods}"
        );
    }
    for methods in ["CHAP", "CHAP,None", "None,CHAP", "SRP,CHAP"] {
        let mut peer = Peer::connect(gateway.portal());
        let (response, keys) = peer.exchange(&in_security, &offer(methods));
        assert_eq!(status(&response), 0);
        assert!(!response.transit, "the proof is still to come");
        assert_eq!(value(&keys, "AuthMethod"), Some("CHAP"), "{methods}");
    }
    // Where nothing is demanded, None is taken, and a method that we could not check is not.
    let open = TestGateway::start();
    let login = changer(&open);
    let mut peer = Peer::connect(open.portal());
    let mut pairs = login.names();
    pairs.push(("AuthMethod", "CHAP,None"));
    let (response, keys) = peer.exchange(&login.request(SECURITY, Some(NEGOTIATION)), &pairs);
    assert_eq!(status(&response), 0);
    assert_eq!(value(&keys, "AuthMethod"), Some("None"));
}
