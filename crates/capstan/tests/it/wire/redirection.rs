//! Login redirection: L14 (RFC 7143 §11.13.5, §13.8).

use capstan::config::access::all_networks;
use capstan::config::{AccessRule, ListenAddress, Permanence, RedirectRule};
use capstan::gateway::targets::Device;
use iscsi::wire::Stage;

use super::chap::demand_chap;
use super::peer::{Login, OPERATIONAL, Peer, status, value};
use crate::support::TestGateway;

fn redirect(targets: &str, address: &str, permanence: Permanence) -> RedirectRule {
    RedirectRule {
        initiators: vec!["*".parse().unwrap()],
        networks: all_networks(),
        targets: vec![targets.parse().unwrap()],
        address: address.parse().unwrap(),
        permanence,
    }
}

/// Asks to log in, sees the refusal and the end, and returns the status and where to go.
fn answer(gateway: &TestGateway, login: &Login) -> (u16, Option<String>) {
    let mut peer = Peer::connect(gateway.portal());
    let request = login.request(OPERATIONAL.0, OPERATIONAL.1);
    let (response, keys) = peer.exchange(&request, &login.names());
    assert!(!response.transit, "nothing but the address follows");
    peer.expect_end();
    let address = value(&keys, "TargetAddress").map(str::to_owned);
    assert_eq!(keys.len(), usize::from(address.is_some()), "{keys:?}");
    (status(&response), address)
}

/// RFC 7143 §11.13.5: 0101 and 0102 bring TargetAddress; §13.8: without a portal group tag, IPv6 in
/// brackets.
#[test]
fn l14_both_statuses_say_where_the_target_is() {
    let gateway = TestGateway::start_with(|config| {
        config.iscsi.redirect = vec![
            redirect("*-tapedrive-01", "192.0.2.7", Permanence::Temporary),
            redirect("*-tapedrive-02", "[2001:db8::7]:860", Permanence::Permanent),
            redirect("*:old-*", "tapes-2.example.org", Permanence::Permanent),
            redirect("*-tapedrive-01", "192.0.2.8", Permanence::Permanent),
        ];
    });
    for (target, told, address) in [
        (gateway.target(Device::Drive(0)), 0x0101, "192.0.2.7:3260"),
        (
            gateway.target(Device::Drive(1)),
            0x0102,
            "[2001:db8::7]:860",
        ),
        (
            "iqn.2020-01.org.example:old-tape".to_owned(), // none of ours any more
            0x0102,
            "tapes-2.example.org:3260",
        ),
    ] {
        let login = Login::to(&target);
        assert_eq!(answer(&gateway, &login), (told, Some(address.to_owned())));
    }
    assert!(gateway.gateway().sessions().is_empty());
    // What no rule speaks of is served, and discovery is nobody's target.
    Peer::log_in(
        gateway.portal(),
        &Login::to(&gateway.target(Device::Drive(2))),
    )
    .ping();
    Peer::log_in(gateway.portal(), &Login::discovery()).text(&[("SendTargets", "All")]);
}

/// RFC 7143 §11.13.5: "A redirection response MAY be issued by a target prior to or after completing
/// a security negotiation". DECIDED: before, because the proof belongs to where the target is; and
/// after the access rules, so that a stranger learns nothing.
#[test]
fn l14_redirection_asks_for_no_proof_and_tells_strangers_nothing() {
    let gateway = TestGateway::start_with(|config| {
        demand_chap(config);
        let stranger = AccessRule {
            initiators: vec!["*:elsewhere".parse().unwrap()],
            ..config.iscsi.access.remove(0)
        };
        config.iscsi.access = vec![stranger];
        let rule = redirect("*-mediachanger", "192.0.2.7", Permanence::Temporary);
        config.iscsi.redirect = vec![rule];
    });
    let changer = gateway.target(Device::Changer);
    assert_eq!(answer(&gateway, &Login::to(&changer)), (0x0202, None));
    let known = ("InitiatorName", "iqn.2020-01.org.example:elsewhere");
    let login = Login::to(&changer);
    for (stage, next) in [
        (Stage::SecurityNegotiation, None),
        (OPERATIONAL.0, OPERATIONAL.1),
    ] {
        let mut peer = Peer::connect(gateway.portal());
        let pairs = [
            known,
            ("TargetName", &changer),
            ("SessionType", "Normal"),
            ("AuthMethod", "CHAP"),
        ];
        let (response, keys) = peer.exchange(&login.request(stage, next), &pairs);
        assert_eq!(status(&response), 0x0101, "{stage:?}");
        assert_eq!(value(&keys, "TargetAddress"), Some("192.0.2.7:3260"));
        peer.expect_end();
    }
}

/// RFC 7143 §11.13.5: whoever goes where it was sent is served there, over IPv6 too.
#[test]
fn l14_who_follows_a_redirection_to_another_portal_is_served() {
    let listen = |address: &str| ListenAddress(address.parse().unwrap());
    let mut gateway = TestGateway::start_with(|config| {
        config.iscsi.listen = vec![listen("127.0.0.1:0"), listen("[::1]:0")];
    });
    let portals = gateway.gateway().portals().to_vec();
    gateway.restart_with(|config| {
        config.iscsi.listen = portals.iter().copied().map(ListenAddress).collect();
        let there = portals[1].to_string();
        config.iscsi.redirect = vec![redirect("*", &there, Permanence::Temporary)];
    });
    let login = Login::to(&gateway.target(Device::Changer));
    let (told, address) = answer(&gateway, &login);
    assert_eq!(told, 0x0101);
    let there = address.unwrap().parse().unwrap();
    assert_eq!(there, portals[1]);
    Peer::log_in(there, &login).ping();
}
