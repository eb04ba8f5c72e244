//! Which logins are sent to another address (RFC 7143 §11.13.5, status class 1).

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::access::{any_contains, any_matches};
use super::names::AdvertisedAddress;
use super::pattern::Pattern;

/// One rule. It fits when the initiator's name, its address and the target's name all fit.
#[derive(Clone, Debug, PartialEq)]
pub struct RedirectRule {
    /// Initiator names.
    pub initiators: Vec<Pattern>,
    /// Networks that the connection comes from.
    pub networks: Vec<IpNet>,
    /// Target names. The target need not be one of ours any more.
    pub targets: Vec<Pattern>,
    /// Where the target is.
    pub address: AdvertisedAddress,
    /// Whether it will stay there.
    pub permanence: Permanence,
}

/// How long a redirection holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permanence {
    /// The initiator asks here again the next time (0101).
    Temporary,
    /// The initiator goes there from now on (0102).
    Permanent,
}

/// A login as the rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The initiator's name.
    pub initiator: &'a str,
    /// Where it comes from.
    pub source: IpAddr,
    /// The address of ours that it uses.
    pub local: SocketAddr,
    /// The name of the target that it wants.
    pub target: &'a str,
}

impl RedirectRule {
    /// Returns whether the rule sends this login away. One that comes in where the rule points has
    /// arrived; else a gateway could not send logins from one address of its own to another.
    pub fn fits(&self, login: Arrival<'_>) -> bool {
        any_matches(&self.initiators, login.initiator)
            && any_contains(&self.networks, login.source)
            && any_matches(&self.targets, login.target)
            && !self.address.is(login.local)
    }
}

/// Returns why nobody can be sent to `address`.
pub(super) fn check_address(address: &AdvertisedAddress) -> Result<(), String> {
    match address.numeric() {
        Some(numeric) if numeric.ip().is_unspecified() => Err(format!(
            "`{address}` means every address of ours; name the one to go to, for example \
             192.0.2.11:3260"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::access::all_networks;

    #[test]
    fn a_login_that_has_arrived_is_not_sent_on() {
        for (address, local, fits) in [
            ("192.0.2.7:3260", "192.0.2.7:3260", false),
            ("192.0.2.7:3260", "192.0.2.7:3261", true),
            ("192.0.2.7:3260", "[::ffff:192.0.2.7]:3260", false),
            ("[2001:db8::7]:3260", "[2001:db8::7]:3260", false),
            ("[2001:db8::7]:3260", "[2001:db8::8]:3260", true),
            ("tapes:3260", "192.0.2.7:3260", true),
        ] {
            let rule = RedirectRule {
                initiators: vec![Pattern::any()],
                networks: all_networks(),
                targets: vec!["*-tapedrive-01".parse().unwrap()],
                address: address.parse().unwrap(),
                permanence: Permanence::Temporary,
            };
            let login = Arrival {
                initiator: "iqn.2020-01.org.example:host",
                source: "192.0.2.1".parse().unwrap(),
                local: local.parse().unwrap(),
                target: "iqn.2026-11.io.capstan:lab-tapedrive-01",
            };
            assert_eq!(rule.fits(login), fits, "{address} on {local}");
            let other = Arrival {
                target: "iqn.2026-11.io.capstan:lab-mediachanger",
                ..login
            };
            assert!(!rule.fits(other));
        }
    }
}
