//! Login: who gets in, with which proof, and what others are told.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use capstan::config::access::all_networks;
use capstan::config::chap::{ChapAccount, Secret};
use capstan::config::{AccessRule, Authentication, Config};
use capstan::gateway::targets::Device;
use iscsi::chap::BinaryEncoding;
use iscsi::initiator::{InitiatorChap, InitiatorParams};
use iscsi::{ChapAlgorithm, Credential};

use crate::support::TestGateway;
use crate::support::host::{Host, NAME, params};

const HOST_SECRET: &str = "secret of the host";
const OWN_SECRET: &str = "secret of our own";

fn account(user: &str, secret: &str) -> ChapAccount {
    ChapAccount {
        user: user.to_owned(),
        secret_file: "in the test".into(),
        secret: Secret::new(secret.as_bytes().to_vec()).unwrap(),
    }
}

fn credential(name: &str, secret: &str) -> Credential {
    Credential {
        name: name.to_owned(),
        secret: iscsi::Secret::new(secret.as_bytes().to_vec()),
    }
}

/// Demands CHAP of everybody for everything, and can prove itself in return.
fn demand_chap(config: &mut Config) {
    let authentication = Authentication {
        initiator: account("backup", HOST_SECRET),
        target: Some(account("capstan", OWN_SECRET)),
    };
    config.iscsi.access = vec![AccessRule {
        initiators: vec!["*".parse().unwrap()],
        networks: all_networks(),
        targets: vec!["*".parse().unwrap()],
        authentication: Some(authentication),
    }];
}

fn with_chap(
    target: Option<&str>,
    ours: Credential,
    theirs: Option<Credential>,
    algorithm: ChapAlgorithm,
) -> InitiatorParams {
    let mut params = params(NAME, target);
    // Challenges have to differ from login to login.
    params.random = Box::new(|bytes: &mut [u8]| getrandom::fill(bytes).unwrap());
    params.chap = Some(InitiatorChap {
        ours,
        theirs,
        algorithms: vec![algorithm],
        encoding: BinaryEncoding::Hexadecimal,
    });
    params
}

#[test]
fn chap_lets_in_who_knows_the_secret_with_every_algorithm() {
    let gateway = TestGateway::start_with(demand_chap);
    let target = gateway.target(Device::Changer);
    for algorithm in ChapAlgorithm::ALL {
        let host = credential("backup", HOST_SECRET);
        let params = with_chap(Some(&target), host, None, algorithm);
        Host::try_log_in(gateway.portal(), params)
            .unwrap()
            .log_out();
    }
}

#[test]
fn mutual_chap_proves_the_gateway_too() {
    let gateway = TestGateway::start_with(demand_chap);
    let target = gateway.target(Device::Changer);
    let host = credential("backup", HOST_SECRET);
    let ours = credential("capstan", OWN_SECRET);
    let params = with_chap(Some(&target), host, Some(ours), ChapAlgorithm::Sha256);
    Host::try_log_in(gateway.portal(), params)
        .unwrap()
        .log_out();
}

#[test]
fn wrong_secrets_wrong_names_and_no_proof_are_all_refused_alike() {
    let gateway = TestGateway::start_with(demand_chap);
    let target = gateway.target(Device::Changer);
    for host in [
        credential("backup", "not the secret at all"),
        credential("somebody", HOST_SECRET),
    ] {
        let params = with_chap(Some(&target), host, None, ChapAlgorithm::Md5);
        assert_eq!(
            Host::try_log_in(gateway.portal(), params).err(),
            Some(0x0201)
        );
    }
    let without = params(NAME, Some(&target));
    assert_eq!(
        Host::try_log_in(gateway.portal(), without).err(),
        Some(0x0201)
    );
    assert!(gateway.gateway().sessions().is_empty());
}

#[test]
fn discovery_demands_proof_when_it_is_told_to() {
    let gateway = TestGateway::start_with(|config| {
        config.iscsi.discovery = Some(Authentication {
            initiator: account("backup", HOST_SECRET),
            target: None,
        });
    });
    assert_eq!(
        Host::try_log_in(gateway.portal(), params(NAME, None)).err(),
        Some(0x0201)
    );
    let host = credential("backup", HOST_SECRET);
    let params = with_chap(None, host, None, ChapAlgorithm::Md5);
    Host::try_log_in(gateway.portal(), params)
        .unwrap()
        .log_out();
}

#[test]
fn a_target_that_is_not_there_is_not_found() {
    let gateway = TestGateway::start();
    let params = params(NAME, Some("iqn.2026-11.io.capstan:elsewhere"));
    assert_eq!(
        Host::try_log_in(gateway.portal(), params).err(),
        Some(0x0203)
    );
}

#[test]
fn a_session_that_is_not_there_cannot_be_joined() {
    let gateway = TestGateway::start();
    let mut params = params(NAME, Some(&gateway.target(Device::Changer)));
    params.tsih = 4711;
    assert_eq!(
        Host::try_log_in(gateway.portal(), params).err(),
        Some(0x020a)
    );
}

#[test]
fn target_names_are_compared_without_regard_to_case() {
    let gateway = TestGateway::start();
    let target = gateway
        .target(Device::Changer)
        .to_uppercase()
        .replace("IQN.", "iqn.");
    Host::log_in(gateway.portal(), &target).log_out();
}

#[test]
fn who_says_nothing_is_shown_the_door_and_holds_up_nobody() {
    let gateway = TestGateway::start_with(|config| {
        config.iscsi.login_timeout = Duration::from_secs(1);
    });
    let silent: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(gateway.portal()).unwrap())
        .collect();
    let start = Instant::now();
    Host::log_in(gateway.portal(), &gateway.target(Device::Changer)).log_out();
    assert!(
        start.elapsed() < Duration::from_millis(900),
        "a good login does not wait"
    );
    for mut stream in silent {
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        assert_eq!(
            stream.read(&mut [0; 1]).unwrap(),
            0,
            "closed after the timeout"
        );
    }
}

#[test]
fn who_speaks_another_protocol_is_shown_the_door_at_once() {
    let gateway = TestGateway::start();
    let mut stream = TcpStream::connect(gateway.portal()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: tapes.example.org\r\nAccept: */*\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    // Closed, perhaps with a reset; nothing that looks like a session.
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.len() <= 48 + 8, "at most a Reject");
}

#[test]
fn sessions_over_the_limit_are_refused_and_room_is_given_back() {
    let gateway = TestGateway::start_with(|config| config.iscsi.connections_max = 2);
    let changer = gateway.target(Device::Changer);
    let first = Host::log_in(gateway.portal(), &changer);
    let second = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(0)));
    let third = || {
        let target = gateway.target(Device::Drive(1));
        Host::try_log_in(gateway.portal(), params(NAME, Some(&target)))
    };
    assert_eq!(third().err(), Some(0x0302), "out of resources");
    // Discovery takes no place, and a session that is replaced gives its own.
    Host::try_log_in(gateway.portal(), params(NAME, None))
        .unwrap()
        .log_out();
    let again = Host::log_in(gateway.portal(), &changer);
    first.expect_end();
    again.log_out();
    second.log_out();
    assert!(third().is_ok(), "there is room when a logout was answered");
}
