//! Who may see and log in to which target, and on which terms.

use std::net::IpAddr;

use iscsi::LoginStatus;
use iscsi::chap::{ChapPolicy, Credential, Secret};

use crate::config::chap::ChapAccount;
use crate::config::{AccessRule, Authentication, IscsiConfig};

/// The one portal group of ours (RFC 7143 §13.9).
pub const PORTAL_GROUP_TAG: u16 = 1;

/// The access rules, ready for questions.
pub struct Policy {
    rules: Vec<AccessRule>,
    discovery: Option<Authentication>,
    targets: Vec<String>,
}

/// The answer to a login.
#[derive(Debug)]
pub enum Verdict {
    /// The initiator may log in when it proves what `iscsi::event::Authentication` says.
    Allowed(iscsi::event::Authentication),
    /// It may not, and why, for our log.
    Refused(LoginStatus, String),
}

impl Policy {
    /// Returns the policy of this configuration for these targets.
    pub fn new(config: &IscsiConfig, targets: impl Iterator<Item = String>) -> Self {
        Self {
            rules: config.access.clone(),
            discovery: config.discovery.clone(),
            targets: targets.collect(),
        }
    }

    /// Judges a login of `initiator` from `address` to `target`.
    pub fn login(&self, initiator: &str, address: IpAddr, target: &str) -> Verdict {
        if !self.targets.iter().any(|name| name == target) {
            return Verdict::Refused(
                LoginStatus::NotFound,
                format!("there is no target {target}"),
            );
        }
        match self.access(initiator, address, target) {
            Access::Granted(authentication) => Verdict::Allowed(terms(authentication)),
            Access::Denied => Verdict::Refused(
                LoginStatus::AuthorizationFailure,
                format!("no access rule lets this initiator at this address use {target}"),
            ),
        }
    }

    /// Returns what a discovery session must prove.
    pub fn discovery(&self) -> iscsi::event::Authentication {
        terms(self.discovery.as_ref())
    }

    /// Returns whether `initiator` at `address` may log in to `target`, if it can prove itself:
    /// only then it is shown in discovery.
    pub fn shows(&self, initiator: &str, address: IpAddr, target: &str) -> bool {
        matches!(self.access(initiator, address, target), Access::Granted(_))
    }

    fn access(&self, initiator: &str, address: IpAddr, target: &str) -> Access<'_> {
        if self.rules.is_empty() {
            return Access::Granted(None);
        }
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.fits(initiator, address, target));
        rule.map_or(Access::Denied, |rule| {
            Access::Granted(rule.authentication.as_ref())
        })
    }
}

/// What the rules say of an initiator and a target.
enum Access<'a> {
    /// No.
    Denied,
    /// Yes, if it proves this.
    Granted(Option<&'a Authentication>),
}

fn terms(authentication: Option<&Authentication>) -> iscsi::event::Authentication {
    match authentication {
        None => iscsi::event::Authentication::None,
        Some(Authentication { initiator, target }) => {
            let ours = target.as_ref().map(credential);
            iscsi::event::Authentication::Chap(ChapPolicy::new(vec![credential(initiator)], ours))
        }
    }
}

fn credential(account: &ChapAccount) -> Credential {
    Credential {
        name: account.user.clone(),
        secret: Secret::new(account.secret.expose().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::access::all_networks;

    const CHANGER: &str = "iqn.2026-11.io.capstan:lab-mediachanger";
    const DRIVE: &str = "iqn.2026-11.io.capstan:lab-tapedrive-01";
    const HOST: &str = "iqn.2020-01.org.example:host";
    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn policy(access: Vec<AccessRule>) -> Policy {
        let config = IscsiConfig {
            access,
            ..IscsiConfig::default()
        };
        Policy::new(&config, [CHANGER, DRIVE].map(str::to_owned).into_iter())
    }

    fn rule(initiators: &str, targets: &str) -> AccessRule {
        AccessRule {
            initiators: vec![initiators.parse().unwrap()],
            networks: all_networks(),
            targets: vec![targets.parse().unwrap()],
            authentication: None,
        }
    }

    #[test]
    fn without_rules_everybody_may_do_everything_that_exists() {
        let policy = policy(vec![]);
        assert!(matches!(
            policy.login(HOST, ADDRESS, DRIVE),
            Verdict::Allowed(_)
        ));
        assert!(policy.shows(HOST, ADDRESS, CHANGER));
        let Verdict::Refused(status, reason) = policy.login(HOST, ADDRESS, "iqn.x") else {
            panic!("a target that is not there");
        };
        assert_eq!(status, LoginStatus::NotFound);
        assert!(reason.contains("iqn.x"));
    }

    #[test]
    fn with_rules_what_none_allows_is_hidden_and_refused() {
        let policy = policy(vec![rule(HOST, "*-tapedrive-*"), rule("*:admin", "*")]);
        assert!(policy.shows(HOST, ADDRESS, DRIVE));
        assert!(!policy.shows(HOST, ADDRESS, CHANGER));
        let Verdict::Refused(status, _) = policy.login(HOST, ADDRESS, CHANGER) else {
            panic!("no rule fits");
        };
        assert_eq!(status, LoginStatus::AuthorizationFailure);
        assert!(policy.shows("iqn.2020-01.org.example:admin", ADDRESS, CHANGER));
    }
}
