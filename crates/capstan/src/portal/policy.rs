//! Who may see and log in to which target, and on which terms.

use std::net::{IpAddr, SocketAddr};

use iscsi::chap::{ChapPolicy, Credential, Secret};
use iscsi::{LoginRequested, LoginStatus, Permanence, Tsih};

use crate::config::chap::ChapAccount;
use crate::config::redirect::{Arrival, RedirectRule};
use crate::config::{self, AccessRule, Authentication, IscsiConfig};

/// The one portal group of ours (RFC 7143 §13.9).
pub const PORTAL_GROUP_TAG: u16 = 1;

/// The access rules, ready for questions.
pub struct Policy {
    rules: Vec<AccessRule>,
    redirections: Vec<RedirectRule>,
    discovery: Option<Authentication>,
    targets: Vec<String>,
}

/// The answer to a login.
#[derive(Debug)]
pub enum Verdict {
    /// The initiator may log in when it proves what `iscsi::event::Authentication` says.
    Allowed(iscsi::event::Authentication),
    /// It shall log in at this address.
    Elsewhere(Permanence, String),
    /// It may not, and why, for our log.
    Refused(LoginStatus, String),
}

impl Policy {
    /// Returns the policy of this configuration for these targets.
    pub fn new(config: &IscsiConfig, targets: impl Iterator<Item = String>) -> Self {
        Self {
            rules: config.access.clone(),
            redirections: config.redirect.clone(),
            discovery: config.discovery.clone(),
            targets: targets.collect(),
        }
    }

    /// Judges a login to `target` that came from `source` to our address `local`.
    ///
    /// First the access rules: whoever may not log in learns nothing. Then the redirections, before
    /// whoever comes has proved anything: RFC 7143 §11.13.5 lets a target redirect "prior to or after
    /// completing a security negotiation", the proof belongs to where the target is, and a target
    /// that has moved is none of ours any more. A login that wants to join a session is not sent
    /// away, because the session is here.
    pub fn login(
        &self,
        login: &LoginRequested,
        target: &str,
        source: IpAddr,
        local: SocketAddr,
    ) -> Verdict {
        let Access::Granted(authentication) = self.access(&login.initiator, source, target) else {
            return if self.serves(target) {
                Verdict::Refused(
                    LoginStatus::AuthorizationFailure,
                    format!("no access rule lets this initiator at this address use {target}"),
                )
            } else {
                not_found(target)
            };
        };
        let arrival = Arrival {
            initiator: &login.initiator,
            source,
            local,
            target,
        };
        let redirection = self.redirections.iter().find(|rule| rule.fits(arrival));
        match redirection {
            Some(rule) if login.tsih == Tsih(0) => {
                Verdict::Elsewhere(permanence(rule.permanence), rule.address.to_string())
            }
            _ if !self.serves(target) => not_found(target),
            _ => Verdict::Allowed(terms(authentication)),
        }
    }

    fn serves(&self, target: &str) -> bool {
        self.targets.iter().any(|name| name == target)
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

fn not_found(target: &str) -> Verdict {
    Verdict::Refused(
        LoginStatus::NotFound,
        format!("there is no target {target}"),
    )
}

fn permanence(permanence: config::Permanence) -> Permanence {
    match permanence {
        config::Permanence::Temporary => Permanence::Temporary,
        config::Permanence::Permanent => Permanence::Permanent,
    }
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
    const MOVED: &str = "iqn.2026-11.io.capstan:old-tapedrive-07";
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

    fn login(policy: &Policy, target: &str, tsih: u16) -> Verdict {
        let login = LoginRequested {
            initiator: HOST.to_owned(),
            initiator_alias: None,
            isid: iscsi::wire::Isid([0; 6]),
            tsih: Tsih(tsih),
            cid: 0,
            target: Some(target.to_owned()),
            kind: iscsi::SessionKind::Normal,
        };
        policy.login(&login, target, ADDRESS, "192.0.2.9:3260".parse().unwrap())
    }

    #[test]
    fn without_rules_everybody_may_do_everything_that_exists() {
        let policy = policy(vec![]);
        assert!(matches!(login(&policy, DRIVE, 0), Verdict::Allowed(_)));
        assert!(policy.shows(HOST, ADDRESS, CHANGER));
        let Verdict::Refused(status, reason) = login(&policy, "iqn.x", 0) else {
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
        let Verdict::Refused(status, _) = login(&policy, CHANGER, 0) else {
            panic!("no rule fits");
        };
        assert_eq!(status, LoginStatus::AuthorizationFailure);
        assert!(policy.shows("iqn.2020-01.org.example:admin", ADDRESS, CHANGER));
    }

    #[test]
    fn who_may_log_in_is_sent_to_where_the_target_is() {
        let mut policy = policy(vec![rule(HOST, "*-tapedrive-*")]);
        policy.redirections = vec![RedirectRule {
            initiators: vec!["*".parse().unwrap()],
            networks: all_networks(),
            targets: vec![
                "*:old-*".parse().unwrap(),
                "*-mediachanger".parse().unwrap(),
            ],
            address: "192.0.2.7".parse().unwrap(),
            permanence: config::Permanence::Permanent,
        }];
        let Verdict::Elsewhere(Permanence::Permanent, address) = login(&policy, MOVED, 0) else {
            panic!("the target has moved");
        };
        assert_eq!(address, "192.0.2.7:3260");
        assert!(matches!(login(&policy, DRIVE, 0), Verdict::Allowed(_)));
        for (target, tsih, told) in [
            (MOVED, 7, LoginStatus::NotFound),
            (CHANGER, 0, LoginStatus::AuthorizationFailure),
            (
                "iqn.2026-11.io.capstan:old-mediachanger",
                0,
                LoginStatus::NotFound,
            ),
        ] {
            let Verdict::Refused(status, _) = login(&policy, target, tsih) else {
                panic!("{target}");
            };
            assert_eq!(status, told, "{target}");
        }
    }
}
