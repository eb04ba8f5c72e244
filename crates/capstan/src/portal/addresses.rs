//! Which addresses discovery tells (RFC 7143 §13.8 and appendix C).

use std::net::SocketAddr;

use iscsi::event::target_address;

use super::policy::PORTAL_GROUP_TAG;

/// The addresses of the one portal group that we are.
#[derive(Clone, Debug)]
pub struct PortalAddresses {
    listening: Vec<SocketAddr>,
    advertised: Vec<String>,
}

impl PortalAddresses {
    /// Returns the addresses for a gateway that listens on `listening`. Addresses that the
    /// administrator says, `advertised`, are told instead: behind NAT ours mean nothing.
    pub fn new(listening: Vec<SocketAddr>, advertised: Vec<String>) -> Self {
        Self {
            listening,
            advertised,
        }
    }

    /// Returns what is listened on.
    pub fn listening(&self) -> &[SocketAddr] {
        &self.listening
    }

    /// Returns the values of TargetAddress for an initiator that came in on `local`: first that
    /// address, which works for this initiator, then the others that may.
    ///
    /// Link-local addresses mean nothing without their zone, which must not be told, and loopback
    /// addresses mean another machine to whoever did not come in on loopback.
    pub fn for_initiator_on(&self, local: SocketAddr) -> Vec<String> {
        if !self.advertised.is_empty() {
            let tagged = |address| format!("{address},{PORTAL_GROUP_TAG}");
            return self.advertised.iter().map(tagged).collect();
        }
        let others = self.listening.iter().copied().filter(|address| {
            let ip = address.ip();
            !ip.is_unspecified()
                && !is_link_local(address)
                && (!ip.is_loopback() || local.ip().is_loopback())
        });
        let mut told = vec![target_address(local, PORTAL_GROUP_TAG)];
        for other in others {
            let address = target_address(other, PORTAL_GROUP_TAG);
            if !told.contains(&address) {
                told.push(address);
            }
        }
        told
    }
}

fn is_link_local(address: &SocketAddr) -> bool {
    match address {
        SocketAddr::V4(v4) => v4.ip().is_link_local(),
        SocketAddr::V6(v6) => v6.ip().is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(listening: &[&str], advertised: &[&str], local: &str) -> Vec<String> {
        PortalAddresses::new(
            listening.iter().map(|text| text.parse().unwrap()).collect(),
            advertised.iter().map(|text| (*text).to_owned()).collect(),
        )
        .for_initiator_on(local.parse().unwrap())
    }

    #[test]
    fn the_address_that_works_comes_first() {
        assert_eq!(
            told(
                &["192.0.2.1:3260", "[2001:db8::1]:3260"],
                &[],
                "[2001:db8::1]:3260"
            ),
            ["[2001:db8::1]:3260,1", "192.0.2.1:3260,1"]
        );
    }

    #[test]
    fn wildcards_loopback_and_link_local_are_not_told_to_others() {
        let listening = [
            "0.0.0.0:3260",
            "127.0.0.1:3261",
            "[fe80::1]:3260",
            "169.254.1.1:3260",
        ];
        assert_eq!(
            told(&listening, &[], "192.0.2.1:3260"),
            ["192.0.2.1:3260,1"]
        );
        assert_eq!(
            told(&listening, &[], "127.0.0.1:3260"),
            ["127.0.0.1:3260,1", "127.0.0.1:3261,1"]
        );
    }

    #[test]
    fn what_the_administrator_says_wins() {
        assert_eq!(
            told(
                &["10.0.0.1:3260"],
                &["tapes.example.org:3260"],
                "10.0.0.1:3260"
            ),
            ["tapes.example.org:3260,1"]
        );
    }
}
