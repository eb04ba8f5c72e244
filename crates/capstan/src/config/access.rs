//! Who may see and log in to which target, and what it must prove.

use std::net::IpAddr;

use ipnet::IpNet;

use super::chap::ChapAccount;
use super::pattern::Pattern;

/// One rule. It fits when the initiator's name, its address and the target's name all fit.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessRule {
    /// Initiator names.
    pub initiators: Vec<Pattern>,
    /// Networks that the connection comes from.
    pub networks: Vec<IpNet>,
    /// Target names.
    pub targets: Vec<Pattern>,
    /// What the initiator must prove. `None`: nothing.
    pub authentication: Option<Authentication>,
}

/// CHAP (RFC 7143 §12.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// The initiator's name and secret.
    pub initiator: ChapAccount,
    /// Ours, when the initiator wants proof in return.
    pub target: Option<ChapAccount>,
}

impl AccessRule {
    /// Returns whether the rule speaks about this initiator, at this address, and this target.
    pub fn fits(&self, initiator: &str, address: IpAddr, target: &str) -> bool {
        any_matches(&self.initiators, initiator)
            && any_contains(&self.networks, address)
            && any_matches(&self.targets, target)
    }
}

pub(super) fn any_matches(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

pub(super) fn any_contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical(); // ::ffff:10.0.0.1 is 10.0.0.1
    networks.iter().any(|network| network.contains(&address))
}

/// Returns every network of both families: what a rule without `networks` means.
pub fn all_networks() -> Vec<IpNet> {
    vec![
        IpNet::V4(ipnet::Ipv4Net::default()),
        IpNet::V6(ipnet::Ipv6Net::default()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_fits_when_name_address_and_target_fit() {
        let rule = AccessRule {
            initiators: vec!["iqn.2020-01.org.example:*".parse().unwrap()],
            networks: vec![
                "10.0.0.0/8".parse().unwrap(),
                "2001:db8::/32".parse().unwrap(),
            ],
            targets: vec!["*-tapedrive-*".parse().unwrap()],
            authentication: None,
        };
        let host = "iqn.2020-01.org.example:host";
        let drive = "iqn.2026-11.io.capstan:lab-tapedrive-01";
        let inside: IpAddr = "10.1.2.3".parse().unwrap();
        assert!(rule.fits(host, inside, drive));
        assert!(
            rule.fits(host, "::ffff:10.1.2.3".parse().unwrap(), drive),
            "mapped IPv4"
        );
        assert!(rule.fits(host, "2001:db8::1".parse().unwrap(), drive));
        assert!(!rule.fits(host, "192.0.2.1".parse().unwrap(), drive));
        assert!(!rule.fits("iqn.1993-08.org.debian:1", inside, drive));
        assert!(!rule.fits(host, inside, "iqn.2026-11.io.capstan:lab-mediachanger"));
    }

    #[test]
    fn a_rule_without_networks_means_all_of_them() {
        for address in ["192.0.2.1", "2001:db8::1", "::1"] {
            let address: IpAddr = address.parse().unwrap();
            assert!(
                all_networks()
                    .iter()
                    .any(|network| network.contains(&address))
            );
        }
    }
}
