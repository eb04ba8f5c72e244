//! CHAP: C1 to C10 (RFC 7143 §12.1.3, RFC 1994).

use capstan::config::access::all_networks;
use capstan::config::chap::{ChapAccount, Secret};
use capstan::config::{AccessRule, Authentication, Config};
use capstan::gateway::targets::Device;
use iscsi::chap::{BinaryEncoding, decode_binary, encode_binary};
use iscsi::wire::Stage;
use iscsi::{ChapAlgorithm, LoginStatus};

use super::peer::{Login, OPERATIONAL, Peer, status, value};
use crate::support::TestGateway;

const SECURITY: Stage = Stage::SecurityNegotiation;
const NEGOTIATION: Stage = Stage::LoginOperationalNegotiation;

/// As short as a secret may be, and as long as Windows takes.
pub(super) const HOST_SECRET: &str = "twelve bytes";
const OWN_SECRET: &str = "sixteen bytes ok";
const REFUSED: u16 = LoginStatus::AuthenticationFailure as u16;

fn account(user: &str, secret: &str) -> ChapAccount {
    ChapAccount {
        user: user.to_owned(),
        secret_file: "in the test".into(),
        secret: Secret::new(secret.as_bytes().to_vec()).unwrap(),
    }
}

fn authentication(user: &str, secret: &str) -> Authentication {
    Authentication {
        initiator: account(user, secret),
        target: Some(account("capstan", OWN_SECRET)),
    }
}

/// Demands CHAP of everybody for every target, and can prove itself in return.
pub(super) fn demand_chap(config: &mut Config) {
    demand(config, "backup", HOST_SECRET);
}

fn demand(config: &mut Config, user: &str, secret: &str) {
    config.iscsi.access = vec![AccessRule {
        initiators: vec!["*".parse().unwrap()],
        networks: all_networks(),
        targets: vec!["*".parse().unwrap()],
        authentication: Some(authentication(user, secret)),
    }];
}

/// A login that has its challenge.
pub(super) struct Challenged {
    peer: Peer,
    login: Login,
    identifier: u8,
    pub(super) challenge: Vec<u8>,
}

/// Asks for these algorithms; the error is the status of the refusal.
pub(super) fn challenged(
    gateway: &TestGateway,
    login: Login,
    algorithms: &str,
) -> Result<Challenged, u16> {
    let mut peer = Peer::connect(gateway.portal());
    let mut pairs = login.names();
    pairs.push(("AuthMethod", "CHAP"));
    let (response, keys) = peer.exchange(&login.request(SECURITY, None), &pairs);
    assert_eq!(status(&response), 0);
    assert_eq!(value(&keys, "AuthMethod"), Some("CHAP"));
    let (response, keys) = peer.exchange(&login.request(SECURITY, None), &[("CHAP_A", algorithms)]);
    match status(&response) {
        0 => {}
        refused => return Err(refused),
    }
    let (challenge, _) = decode_binary(value(&keys, "CHAP_C").unwrap(), 1024).unwrap();
    Ok(Challenged {
        identifier: value(&keys, "CHAP_I").unwrap().parse().unwrap(),
        challenge,
        peer,
        login,
    })
}

impl Challenged {
    /// Returns the response of one who knows `secret`.
    pub(super) fn response(&self, secret: &str, algorithm: ChapAlgorithm) -> Vec<u8> {
        let secret = iscsi::Secret::new(secret.as_bytes().to_vec());
        algorithm.response(self.identifier, &secret, &self.challenge)
    }

    /// Sends keys with T=1 and returns the status and the answer.
    pub(super) fn prove(&mut self, pairs: &[(&str, &str)]) -> (u16, Vec<(String, String)>) {
        let request = self.login.request(SECURITY, Some(NEGOTIATION));
        let (response, keys) = self.peer.exchange(&request, pairs);
        let told = status(&response);
        assert_eq!(response.transit, told == 0, "{response:?}");
        if told != 0 {
            self.peer.expect_end();
        }
        (told, keys)
    }

    /// Proves with MD5, as text in this encoding.
    fn prove_as(&mut self, name: &str, secret: &str, encoding: BinaryEncoding) -> u16 {
        let response = encode_binary(&self.response(secret, ChapAlgorithm::Md5), encoding);
        self.prove(&[("CHAP_N", name), ("CHAP_R", &response)]).0
    }
}

/// Logs in with the proof that [`demand_chap`] wants.
pub(super) fn log_in_with_chap(gateway: &TestGateway, login: &Login) -> Peer {
    let mut it = challenged(gateway, login.clone(), "5").unwrap();
    assert_eq!(
        it.prove_as("backup", HOST_SECRET, BinaryEncoding::Hexadecimal),
        0
    );
    let (response, keys) = it
        .peer
        .exchange(&login.request(OPERATIONAL.0, OPERATIONAL.1), &[]);
    it.peer.logged_in(login, &response, keys);
    it.peer
}

pub(super) fn drive(gateway: &TestGateway) -> Login {
    Login::to(&gateway.target(Device::Drive(0)))
}

/// RFC 7143 §12.1.3: each key at its place, once.
#[test]
fn c1_every_other_order_of_keys_is_refused() {
    let gateway = TestGateway::start_with(demand_chap);
    let begin = || challenged(&gateway, drive(&gateway), "5").unwrap();
    assert_eq!(
        begin().prove_as("backup", HOST_SECRET, BinaryEncoding::Hexadecimal),
        0
    );
    let right = |it: &Challenged| {
        let response = it.response(HOST_SECRET, ChapAlgorithm::Md5);
        encode_binary(&response, BinaryEncoding::Hexadecimal)
    };
    let cases: [&[(&str, &str)]; 6] = [
        &[],                                                           // nothing
        &[("CHAP_N", "backup")],                                       // no response
        &[("CHAP_R", "right")],                                        // no name
        &[("CHAP_A", "5")],                                            // again
        &[("CHAP_N", "backup"), ("CHAP_R", "right"), ("CHAP_I", "1")], // half a challenge
        &[
            ("CHAP_N", "backup"),
            ("CHAP_N", "backup"),
            ("CHAP_R", "right"),
        ],
    ];
    for pairs in cases {
        let mut it = begin();
        let response = right(&it);
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(key, value)| (*key, if *value == "right" { &response } else { *value }))
            .collect();
        let request = it.login.request(SECURITY, Some(NEGOTIATION));
        let (answer, _) = it.peer.exchange(&request, &pairs);
        let told = status(&answer);
        assert!(
            [0x0200, REFUSED].contains(&told),
            "{told:04x} for {pairs:?}"
        );
        it.peer.expect_end();
    }
    // A response before there is a challenge.
    let mut peer = Peer::connect(gateway.portal());
    let login = drive(&gateway);
    let mut pairs = login.names();
    pairs.push(("AuthMethod", "CHAP"));
    peer.exchange(&login.request(SECURITY, None), &pairs);
    let early = [("CHAP_N", "backup"), ("CHAP_R", "0x00")];
    let (answer, _) = peer.exchange(&login.request(SECURITY, Some(NEGOTIATION)), &early);
    assert!([0x0200, REFUSED].contains(&status(&answer)));
    peer.expect_end();
}

/// RFC 7143 §12.1.3: a list, of which the first that we know is taken.
#[test]
fn c2_algorithms_are_numbers_in_a_list() {
    let gateway = TestGateway::start_with(demand_chap);
    for algorithm in ChapAlgorithm::ALL {
        let number = (algorithm as u8).to_string();
        let mut it = challenged(&gateway, drive(&gateway), &format!("99,{number}")).unwrap();
        let response = it.response(HOST_SECRET, algorithm);
        let response = encode_binary(&response, BinaryEncoding::Hexadecimal);
        let (told, _) = it.prove(&[("CHAP_N", "backup"), ("CHAP_R", &response)]);
        assert_eq!(told, 0, "{algorithm:?}");
    }
    for unknown in ["56", "", "5x", "99", ",", "4294967301"] {
        let told = challenged(&gateway, drive(&gateway), unknown).err();
        assert!(
            matches!(told, Some(0x0200 | REFUSED)),
            "{told:04x?} for {unknown:?}"
        );
    }
}

/// RFC 7143 §9.2.1: challenges cannot be foretold.
#[test]
fn c3_challenges_are_fresh_and_reflections_are_refused() {
    let gateway = TestGateway::start_with(demand_chap);
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for _ in 0..8 {
        let it = challenged(&gateway, drive(&gateway), "5").unwrap();
        assert!((16..=1024).contains(&it.challenge.len()));
        assert!(!seen.contains(&it.challenge));
        seen.push(it.challenge);
    }
    // Our own challenge sent back to us is an attack, whatever comes with it.
    let mut it = challenged(&gateway, drive(&gateway), "5").unwrap();
    let response = it.response(HOST_SECRET, ChapAlgorithm::Md5);
    let response = encode_binary(&response, BinaryEncoding::Hexadecimal);
    let reflected = encode_binary(&it.challenge.clone(), BinaryEncoding::Hexadecimal);
    let (told, _) = it.prove(&[
        ("CHAP_N", "backup"),
        ("CHAP_R", &response),
        ("CHAP_I", "7"),
        ("CHAP_C", &reflected),
    ]);
    assert_eq!(told, REFUSED);
}

/// RFC 7143 §6.1, §12.1.3: large binary values in both encodings, of the right length.
#[test]
fn c4_responses_come_in_both_encodings_and_lengths_are_checked() {
    let gateway = TestGateway::start_with(demand_chap);
    let begin = || challenged(&gateway, drive(&gateway), "5").unwrap();
    for encoding in [BinaryEncoding::Hexadecimal, BinaryEncoding::Base64] {
        assert_eq!(
            begin().prove_as("backup", HOST_SECRET, encoding),
            0,
            "{encoding:?}"
        );
    }
    let mut it = begin();
    let response = it.response(HOST_SECRET, ChapAlgorithm::Md5);
    let upper = encode_binary(&response, BinaryEncoding::Hexadecimal).to_uppercase();
    assert_eq!(it.prove(&[("CHAP_N", "backup"), ("CHAP_R", &upper)]).0, 0);
    for wrong in [
        String::new(),
        "0x".to_owned(),
        "0x00".to_owned(),
        format!("0x{}", "00".repeat(17)),
        format!("0b{}", "A".repeat(1000)),
        format!("0x{}", "00".repeat(1024)),
        "no number".to_owned(),
    ] {
        let mut it = begin();
        let (told, _) = it.prove(&[("CHAP_N", "backup"), ("CHAP_R", &wrong)]);
        assert!(
            [0x0200, REFUSED].contains(&told),
            "{told:04x} for {wrong:.20}"
        );
    }
}

/// RFC 7143 §12.1.3: CHAP_N is text.
#[test]
fn c5_a_name_that_looks_like_a_number_is_a_name() {
    for name in ["0x6261636b7570", "0bYmFja3Vw", &"n".repeat(255)] {
        let gateway = TestGateway::start_with(|config| demand(config, name, HOST_SECRET));
        let mut it = challenged(&gateway, drive(&gateway), "5").unwrap();
        assert_eq!(
            it.prove_as(name, HOST_SECRET, BinaryEncoding::Hexadecimal),
            0
        );
        let mut it = challenged(&gateway, drive(&gateway), "5").unwrap();
        assert_eq!(
            it.prove_as("backup", HOST_SECRET, BinaryEncoding::Hexadecimal),
            REFUSED
        );
    }
}

/// RFC 7143 §9.2.1: 96 bits at least; Windows takes 16 bytes at most, others more.
#[test]
fn c6_secrets_of_12_to_255_bytes_work_and_shorter_ones_cannot_be_configured() {
    for length in [12, 16, 255] {
        let secret = "s".repeat(length);
        let gateway = TestGateway::start_with(|config| demand(config, "backup", &secret));
        let mut it = challenged(&gateway, drive(&gateway), "5").unwrap();
        let told = it.prove_as("backup", &secret, BinaryEncoding::Hexadecimal);
        assert_eq!(told, 0, "{length} bytes");
    }
    for length in [0, 11, 256] {
        assert!(Secret::new(vec![b's'; length]).is_err(), "{length} bytes");
    }
}

/// RFC 7143 §11.13.5: one status for all failures.
#[test]
fn c7_a_wrong_secret_and_an_unknown_name_look_the_same() {
    let gateway = TestGateway::start_with(demand_chap);
    for (name, secret) in [
        ("backup", "twelve bytez"),
        ("nobody", HOST_SECRET),
        ("", HOST_SECRET),
        ("capstan", OWN_SECRET),
    ] {
        let mut it = challenged(&gateway, drive(&gateway), "5").unwrap();
        let told = it.prove_as(name, secret, BinaryEncoding::Hexadecimal);
        assert_eq!(told, REFUSED, "{name}");
    }
}

/// RFC 7143 §6.3.2, §12.1.3: T=1 cannot leave out the proof.
#[test]
fn c8_the_exchange_cannot_be_left_early() {
    let gateway = TestGateway::start_with(demand_chap);
    let login = drive(&gateway);
    for next in [NEGOTIATION, Stage::FullFeaturePhase] {
        let mut peer = Peer::connect(gateway.portal());
        let mut pairs = login.names();
        pairs.push(("AuthMethod", "CHAP"));
        let leap = login.request(SECURITY, Some(next));
        let (response, _) = peer.exchange(&leap, &pairs);
        assert!(!response.transit, "{response:?}");
        let (response, _) = peer.exchange(&leap, &[("CHAP_A", "5")]);
        assert!(!response.transit, "{response:?}");
        let operational = login.request(OPERATIONAL.0, OPERATIONAL.1);
        let (response, _) = peer.exchange(&operational, &[]);
        assert!([0x0200, REFUSED].contains(&status(&response)));
        peer.expect_end();
    }
    assert!(gateway.gateway().sessions().is_empty());
}

/// RFC 7143 §12.1.3: we prove ourselves, but only to one who has proved itself.
#[test]
fn c9_the_target_proves_itself_after_the_initiator_and_not_before() {
    let gateway = TestGateway::start_with(demand_chap);
    let ask = |secret: &str| {
        let mut it = challenged(&gateway, drive(&gateway), "5").unwrap();
        let response = it.response(secret, ChapAlgorithm::Md5);
        let response = encode_binary(&response, BinaryEncoding::Hexadecimal);
        it.prove(&[
            ("CHAP_N", "backup"),
            ("CHAP_R", &response),
            ("CHAP_I", "42"),
            ("CHAP_C", "0x00112233445566778899aabbccddeeff"),
        ])
    };
    let (told, keys) = ask(HOST_SECRET);
    assert_eq!(told, 0);
    assert_eq!(value(&keys, "CHAP_N"), Some("capstan"));
    let challenge = decode_binary("0x00112233445566778899aabbccddeeff", 64)
        .unwrap()
        .0;
    let secret = iscsi::Secret::new(OWN_SECRET.as_bytes().to_vec());
    let expected = ChapAlgorithm::Md5.response(42, &secret, &challenge);
    let (proof, _) = decode_binary(value(&keys, "CHAP_R").unwrap(), 64).unwrap();
    assert_eq!(proof, expected);
    let (told, keys) = ask("twelve bytez");
    assert_eq!(told, REFUSED);
    assert_eq!(value(&keys, "CHAP_R"), None, "no proof for strangers");
}

/// RFC 7143 §4.3: discovery has terms of its own. DECIDED: nobody has to prove anything to ask for
/// targets unless `iscsi.discovery` says so, for the answer only ever shows what the asker's name
/// and address may log in to, and every login is still judged.
#[test]
fn c10_discovery_sessions_have_their_own_policy() {
    let open = TestGateway::start_with(demand_chap);
    Peer::log_in(open.portal(), &Login::discovery()).ping();
    assert_eq!(
        Peer::try_log_in(open.portal(), &drive(&open)).err(),
        Some(REFUSED)
    );

    let closed = TestGateway::start_with(|config| {
        config.iscsi.discovery = Some(authentication("finder", "secret of finders"));
    });
    Peer::log_in(closed.portal(), &drive(&closed)).ping();
    let skipped = Peer::try_log_in(closed.portal(), &Login::discovery());
    assert_eq!(skipped.err(), Some(REFUSED));
    let begin = || challenged(&closed, Login::discovery(), "5").unwrap();
    let hexadecimal = BinaryEncoding::Hexadecimal;
    assert_eq!(
        begin().prove_as("finder", "secret of finders", hexadecimal),
        0
    );
    assert_eq!(
        begin().prove_as("finder", HOST_SECRET, hexadecimal),
        REFUSED
    );
}
