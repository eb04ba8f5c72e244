//! Discovery: what SendTargets tells (RFC 7143 appendix C).

use capstan::config::ListenAddress;
use capstan::gateway::targets::Device;

use crate::support::TestGateway;
use crate::support::host::{Host, NAME, params};

/// Returns the answer to SendTargets as target names with their addresses.
fn targets(host: &mut Host, which: &str) -> Vec<(String, Vec<String>)> {
    let mut targets: Vec<(String, Vec<String>)> = Vec::new();
    for (key, value) in host.text(&[("SendTargets", which)]) {
        match key.as_str() {
            "TargetName" => targets.push((value, Vec::new())),
            "TargetAddress" => targets.last_mut().unwrap().1.push(value),
            other => panic!("key {other} in the answer to SendTargets"),
        }
    }
    targets
}

fn discover(portal: std::net::SocketAddr) -> Vec<(String, Vec<String>)> {
    let mut host = Host::try_log_in(portal, params(NAME, None)).unwrap();
    let targets = targets(&mut host, "All");
    host.log_out();
    targets
}

#[test]
fn discovery_shows_the_changer_and_each_drive() {
    let gateway = TestGateway::start();
    let name = gateway.gateway().name().to_owned();
    let address = format!("{},1", gateway.portal());
    let expected: Vec<_> = [
        "mediachanger",
        "tapedrive-01",
        "tapedrive-02",
        "tapedrive-03",
        "tapedrive-04",
    ]
    .iter()
    .map(|device| {
        (
            format!("iqn.2026-11.io.capstan:{name}-{device}"),
            vec![address.clone()],
        )
    })
    .collect();
    assert_eq!(discover(gateway.portal()), expected);
}

#[test]
fn the_address_that_was_used_comes_first_and_ipv6_has_brackets() {
    let gateway = TestGateway::start_with(|config| {
        config
            .iscsi
            .listen
            .push(ListenAddress("[::1]:0".parse().unwrap()));
    });
    let [v4, v6] = gateway.gateway().portals() else {
        panic!("two portals")
    };
    let (v4_first, v6_first) = (discover(*v4), discover(*v6));
    assert_eq!(
        v4_first[0].1,
        [format!("{v4},1"), format!("[::1]:{},1", v6.port())]
    );
    assert_eq!(
        v6_first[0].1,
        [format!("[::1]:{},1", v6.port()), format!("{v4},1")]
    );
}

#[test]
fn advertised_addresses_are_told_instead() {
    let gateway = TestGateway::start_with(|config| {
        config.iscsi.advertise = vec!["tapes.example.org".parse().unwrap()];
    });
    assert_eq!(
        discover(gateway.portal())[0].1,
        ["tapes.example.org:3260,1"]
    );
}

#[test]
fn a_single_target_is_discovered_as_one() {
    let gateway = TestGateway::start_with(|config| {
        config.iscsi.targets = capstan::config::TargetLayout::Single;
    });
    let targets = discover(gateway.portal());
    assert_eq!(targets.len(), 1);
    assert_eq!(targets[0].0, gateway.target(Device::Changer));
    assert_eq!(targets[0].0, gateway.target(Device::Drive(3)));
}

#[test]
fn a_normal_session_is_told_its_own_target() {
    let gateway = TestGateway::start();
    let target = gateway.target(Device::Drive(0));
    let mut host = Host::log_in(gateway.portal(), &target);
    let told = targets(&mut host, "");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, target);
    host.log_out();
}

#[test]
fn discovery_sessions_are_not_mistaken_for_each_other() {
    let gateway = TestGateway::start();
    let mut first = Host::try_log_in(gateway.portal(), params(NAME, None)).unwrap();
    let second = Host::try_log_in(gateway.portal(), params(NAME, None)).unwrap();
    assert_eq!(targets(&mut first, "All").len(), 5, "the first still lives");
    second.log_out();
    first.log_out();
}
