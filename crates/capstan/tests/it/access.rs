//! Access rules: an initiator sees only what it may log in to.

use capstan::config::AccessRule;
use capstan::config::access::all_networks;
use capstan::gateway::targets::Device;

use crate::support::TestGateway;
use crate::support::host::{Host, NAME, params};

fn rule(initiators: &str, network: Option<&str>, targets: &str) -> AccessRule {
    AccessRule {
        initiators: vec![initiators.parse().unwrap()],
        networks: network.map_or_else(all_networks, |network| vec![network.parse().unwrap()]),
        targets: vec![targets.parse().unwrap()],
        authentication: None,
    }
}

fn visible(gateway: &TestGateway, name: &str) -> Vec<String> {
    let mut host = Host::try_log_in(gateway.portal(), params(name, None)).unwrap();
    let keys = host.text(&[("SendTargets", "All")]);
    host.log_out();
    keys.into_iter()
        .filter(|(key, _)| key == "TargetName")
        .map(|(_, value)| value.rsplit_once('-').unwrap().1.to_owned())
        .collect()
}

#[test]
fn names_decide_what_is_shown_and_served() {
    let gateway = TestGateway::start_with(|config| {
        config.iscsi.access = vec![
            rule("iqn.2020-01.org.example:*", None, "*-tapedrive-0*"),
            rule("iqn.2020-01.org.example:robot", None, "*-mediachanger"),
        ];
    });
    assert_eq!(visible(&gateway, NAME), ["01", "02", "03", "04"]);
    assert_eq!(
        visible(&gateway, "iqn.2020-01.org.example:robot"),
        ["mediachanger", "01", "02", "03", "04"]
    );
    assert!(visible(&gateway, "iqn.1993-08.org.debian:01:abc").is_empty());

    let changer = gateway.target(Device::Changer);
    let refused = Host::try_log_in(gateway.portal(), params(NAME, Some(&changer)));
    assert_eq!(refused.err(), Some(0x0202));
    Host::log_in(gateway.portal(), &gateway.target(Device::Drive(0))).log_out();
}

#[test]
fn networks_decide_too() {
    let gateway = TestGateway::start_with(|config| {
        config.iscsi.access = vec![
            rule("*", Some("192.0.2.0/24"), "*"),
            rule("*", Some("127.0.0.0/8"), "*-tapedrive-01"),
        ];
    });
    assert_eq!(visible(&gateway, NAME), ["01"]);
    let second = gateway.target(Device::Drive(1));
    let refused = Host::try_log_in(gateway.portal(), params(NAME, Some(&second)));
    assert_eq!(refused.err(), Some(0x0202));
}
