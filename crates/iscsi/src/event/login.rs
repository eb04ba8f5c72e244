//! Events and answers of the login phase.

use crate::chap::ChapPolicy;
use crate::login::{Negotiated, SessionKind};
use crate::wire::{Isid, Tsih};

/// Somebody wants to log in. Nothing of this is proven yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRequested {
    /// The initiator's name, normalised (RFC 7143 §4.2.7.2).
    pub initiator: String,
    /// The initiator's alias, for people.
    pub initiator_alias: Option<String>,
    /// The initiator session ID.
    pub isid: Isid,
    /// Zero for a new session; else the session to which the connection wants to belong.
    pub tsih: Tsih,
    /// The connection's ID in its session.
    pub cid: u16,
    /// The target's name, normalised. Present exactly when `kind` is normal.
    pub target: Option<String>,
    /// Normal or discovery.
    pub kind: SessionKind,
}

/// The answer to [`Event::LoginRequested`](super::Event::LoginRequested).
#[derive(Debug)]
pub enum LoginDecision {
    /// Go on, and let the initiator prove who it is.
    Allow(LoginTerms),
    /// No.
    Refuse(LoginStatus),
    /// The target is elsewhere (status class 01): the address is `host:port`, without the portal
    /// group tag that it has elsewhere (RFC 7143 §13.8).
    Redirect {
        /// Whether the initiator may forget this address.
        permanence: Permanence,
        /// The value of TargetAddress.
        address: String,
    },
}

/// How long a redirection holds (RFC 7143 §11.13.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permanence {
    /// Status 0101.
    Temporary,
    /// Status 0102.
    Permanent,
}

/// On which terms a login may go on.
#[derive(Debug)]
pub struct LoginTerms {
    /// What the initiator has to prove.
    pub authentication: Authentication,
    /// TargetPortalGroupTag (RFC 7143 §13.9), declared in the first response of a normal session.
    pub portal_group_tag: u16,
    /// TargetAlias, for people.
    pub target_alias: Option<String>,
    /// When `tsih` was not zero: what the session had negotiated, see
    /// [`Connection::negotiated`](crate::Connection::negotiated).
    pub inherited: Option<Negotiated>,
}

/// What an initiator has to prove.
#[derive(Debug)]
pub enum Authentication {
    /// Nothing.
    None,
    /// That it knows a secret (RFC 7143 §12.1.3).
    Chap(ChapPolicy),
}

/// Why a login is refused (RFC 7143 §11.13.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum LoginStatus {
    /// The initiator broke the protocol.
    InitiatorError = 0x0200,
    /// It could not prove who it is.
    AuthenticationFailure = 0x0201,
    /// It is not allowed to use the target.
    AuthorizationFailure = 0x0202,
    /// There is no such target.
    NotFound = 0x0203,
    /// The target is gone for good.
    TargetRemoved = 0x0204,
    /// None of the versions suits us.
    UnsupportedVersion = 0x0205,
    /// The session has all the connections that it may have.
    TooManyConnections = 0x0206,
    /// A key is missing.
    MissingParameter = 0x0207,
    /// The session cannot span to this connection.
    CannotIncludeInSession = 0x0208,
    /// The session type is not supported.
    SessionTypeNotSupported = 0x0209,
    /// There is no such session.
    SessionDoesNotExist = 0x020a,
    /// The request is not valid during login.
    InvalidRequest = 0x020b,
    /// Our fault.
    TargetError = 0x0300,
    /// Not now.
    ServiceUnavailable = 0x0301,
    /// No room.
    OutOfResources = 0x0302,
}

/// A login that lacks only its last response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstablishSession {
    /// Who logs in: the same as in [`Event::LoginRequested`](super::Event::LoginRequested), and proven as far as demanded.
    pub login: LoginRequested,
    /// The name under which CHAP succeeded.
    pub user: Option<String>,
}

/// A session that began.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// Who logged in, under which TSIH.
    pub login: LoginRequested,
    /// What was negotiated.
    pub negotiated: Negotiated,
}

/// A login that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginFailed {
    /// The initiator's name, when it told one.
    pub initiator: Option<String>,
    /// The status that the initiator is told: class and detail.
    pub status: u16,
    /// The reason, for the log on our side.
    pub reason: &'static str,
}
