//! The login: what the core asks of us, and what we answer.

use std::sync::Arc;

use iscsi::{
    EstablishSession, LoggedIn, LoginDecision, LoginFailed, LoginRequested, LoginStatus,
    LoginTerms, SessionKind, Tsih,
};
use scsi::InitiatorPort;
use tape_library::Nexus;

use super::super::inbox::Inbox;
use super::super::policy::{PORTAL_GROUP_TAG, Verdict};
use super::super::refusals::{Refusal, What};
use super::super::sessions::{Claim, Join, SessionFacts, Turn};
use super::Connection;

/// How far the end of a login is.
pub(super) enum Establishing {
    /// It is not there, or over.
    Not,
    /// The login waits for [`Message::SessionFree`](super::Message::SessionFree).
    Waits(EstablishSession),
    /// The session is the login's; only a thread is missing.
    Free(EstablishSession),
}

impl Connection {
    pub(super) fn decide(&mut self, request: &LoginRequested) -> LoginDecision {
        self.initiator = Some(request.initiator.clone());
        let inherited = if request.tsih == Tsih(0) {
            None
        } else {
            match self.shared.sessions.join(request) {
                Join::Reinstate(negotiated) => Some(negotiated),
                Join::Unknown => {
                    return self.refuse(LoginStatus::SessionDoesNotExist, "no such session");
                }
                Join::Full => {
                    return self.refuse(
                        LoginStatus::TooManyConnections,
                        "one connection per session",
                    );
                }
            }
        };
        let verdict = match (request.kind, &request.target) {
            (SessionKind::Discovery, _) => Verdict::Allowed(self.shared.policy.discovery()),
            (SessionKind::Normal, Some(target)) => {
                self.shared
                    .policy
                    .login(request, target, self.peer.ip(), self.local)
            }
            (SessionKind::Normal, None) => {
                Verdict::Refused(LoginStatus::MissingParameter, "no target named".to_owned())
            }
        };
        match verdict {
            Verdict::Allowed(authentication) => LoginDecision::Allow(LoginTerms {
                authentication,
                portal_group_tag: PORTAL_GROUP_TAG,
                target_alias: Some(self.shared.alias.clone()),
                inherited,
            }),
            Verdict::Elsewhere(permanence, address) => {
                self.refusal = Some(format!("redirected to {address}"));
                LoginDecision::Redirect {
                    permanence,
                    address,
                }
            }
            Verdict::Refused(status, reason) => self.refuse(status, &reason),
        }
    }

    fn refuse(&mut self, status: LoginStatus, reason: &str) -> LoginDecision {
        self.refusal = Some(reason.to_owned());
        LoginDecision::Refuse(status)
    }

    pub(super) fn claim(&mut self, session: EstablishSession) {
        let (claim, turn) = self.shared.sessions.claim(&session.login, &self.inbox);
        self.claim = Some(claim);
        let is_discovery = session.login.kind == SessionKind::Discovery;
        self.establishing = match turn {
            Turn::Now => Establishing::Free(session),
            Turn::Later => Establishing::Waits(session),
        };
        if is_discovery {
            self.establish(); // nobody else's, and at home in the lobby
        }
    }

    /// The session that the login replaces has gone.
    pub(super) fn session_is_free(&mut self) {
        self.establishing = match std::mem::replace(&mut self.establishing, Establishing::Not) {
            Establishing::Waits(session) => Establishing::Free(session),
            other => other, // the login ended while it waited
        };
    }

    /// The session is ours: the nexus begins, and the last login response may go.
    pub(super) fn establish(&mut self) {
        let establishing = std::mem::replace(&mut self.establishing, Establishing::Not);
        let (Establishing::Free(session), Some(claim)) = (establishing, &self.claim) else {
            return;
        };
        if let Some(name) = &session.login.target {
            let Some(target) = self
                .shared
                .targets
                .iter()
                .find(|target| target.name == *name)
            else {
                self.core.session_refused(LoginStatus::NotFound);
                return;
            };
            let LoginRequested {
                initiator, isid, ..
            } = &session.login;
            // SPC-5 §7.6.4.6: the SCSI name string of an iSCSI initiator port.
            let port = format!("{initiator},i,0x{isid}");
            let sink: Arc<Inbox> = Arc::clone(&self.inbox);
            self.nexus = Some(target.target.attach(InitiatorPort(port.into()), sink));
        }
        self.core.session_established(claim.tsih());
    }

    pub(super) fn logged_in(&mut self, logged_in: LoggedIn) {
        let LoggedIn { login, negotiated } = logged_in;
        let target = login.target.as_deref().unwrap_or("discovery");
        self.session = self.claim.as_ref().map(Claim::id);
        if login.kind == SessionKind::Normal {
            tracing::info!(
                session = self.session,
                initiator = login.initiator,
                target,
                peer = %self.peer,
                "login"
            );
        } else {
            tracing::debug!(initiator = login.initiator, peer = %self.peer, "discovery");
        }
        if let Some(claim) = &self.claim {
            claim.established(SessionFacts {
                login: login.clone(),
                negotiated,
                peer: self.peer,
                local: self.local,
                traffic: Arc::clone(&self.traffic),
                memory: self.core.memory_meter(),
                nexus: self.nexus.as_ref().map(Nexus::watch),
            });
        }
        self.login = Some(login);
    }

    pub(super) fn login_failed(&mut self, failed: &LoginFailed) {
        let reason = self
            .refusal
            .take()
            .unwrap_or_else(|| failed.reason.to_owned());
        let initiator = failed.initiator.clone();
        let what = match failed.status >> 8 {
            REDIRECTION => What::Redirected,
            _ => What::Refused(failed.status),
        };
        self.tell(what, initiator, reason);
    }

    /// The login ended without an answer.
    pub(super) fn login_unfinished(&mut self, reason: &str) {
        let initiator = self.initiator.clone();
        self.tell(What::Unfinished, initiator, reason.to_owned());
    }

    pub(super) fn log_displaced(&mut self, reason: &str) {
        let initiator = self.initiator.clone();
        self.tell(What::Displaced, initiator, reason.to_owned());
    }

    fn tell(&self, what: What, initiator: Option<String>, reason: String) {
        self.shared.refusals.tell(Refusal {
            what,
            peer: self.peer,
            initiator,
            reason,
        });
    }
}

/// The status class of redirections (RFC 7143 §11.13.5).
const REDIRECTION: u16 = 0x01;
