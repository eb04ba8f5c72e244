//! The login phase: L1 to L16 (RFC 7143 §6.3, §11.12, §11.13).

use std::time::Duration;

use capstan::config::AccessRule;
use capstan::config::access::all_networks;
use capstan::gateway::targets::Device;
use iscsi::wire::{Isid, LoginRequest, LoginResponse, Stage};

use super::chap::demand_chap;
use super::peer::{Login, OPERATIONAL, Peer, pairs_of, status, text_of, value};
use super::scsi::TEST_UNIT_READY;
use crate::support::TestGateway;

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

/// RFC 7143 §6.3: the first PDU of a connection is a Login Request.
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

/// RFC 7143 §6.3: whatever comes in the middle of a login must be a login too.
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

/// RFC 7143 §11.12.4, §11.13.2: only version 0 exists.
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

/// RFC 7143 §6.3, §11.12.3: stages go forward, and only where they exist.
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

/// RFC 7143 §6.2, §11.13.7: a response longer than the initiator takes goes over several PDUs.
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

/// RFC 7143 §11.12.8, §11.13.4; that StatSN counts by one is watched in every exchange.
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
