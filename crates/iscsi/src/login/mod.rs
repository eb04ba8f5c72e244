//! The login phase (RFC 7143 §6.3 and §11.12).
//!
//! ```text
//!  first request ──► LoginRequested ──► SecurityNegotiation ──► LoginOperationalNegotiation
//!                      (environment)        CHAP                    the table
//!                                              └──────────────┬────────┘
//!                             final response ◄── EstablishSession (environment)
//! ```
//!
//! A refusal is a value that names the status for the initiator and the reason for our log.

mod keys;
mod negotiation;
mod response;
mod table;

use core::time::Duration;
use std::collections::BTreeSet;

use crate::chap::{ChapTarget, Refusal};
use crate::connection::core::{Core, Numbers};
use crate::event::{Authentication, Event, LoginDecision, LoginRequested, LoginStatus, LoginTerms};
use crate::memory::WINDOW_FLOOR;
use crate::wire::text::{self, TEXT_LENGTH_MAX, TextWriter};
use crate::wire::{Header, LoginRequest, Malformed, Opcode, Stage};

pub use negotiation::{Negotiated, SessionKind};

pub(crate) use negotiation::{SEGMENT_LENGTH_DEFAULT, is_operational, our_segment_length};
pub(crate) use table::{LEVEL_OF_RFC_7144, NOT_UNDERSTOOD, REJECT};

/// A connection that is not a session yet.
#[derive(Debug)]
pub(crate) struct Login {
    /// When the first byte could have come.
    pub(crate) started: Duration,
    /// The last request; its header fields are echoed.
    request: Option<LoginRequest>,
    waiting: Waiting,
    /// Text of requests with the C bit, until the one without.
    text: Vec<u8>,
    /// How many requests and bytes of text have come. A login that never ends by itself must not keep
    /// us busy, nor grow [`Login::seen`].
    requests: u32,
    text_bytes: usize,
    /// Keys that were negotiated; none may be negotiated twice.
    seen: BTreeSet<String>,
    identity: Option<LoginRequested>,
    terms: Option<Terms>,
    negotiated: Negotiated,
    /// Whether our MaxRecvDataSegmentLength is declared.
    declared: bool,
    /// Text of ours that did not fit into the last response.
    unsent: Vec<u8>,
    /// Where to go when everything is said.
    next: Option<Stage>,
}

/// What has to happen before the next response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// The initiator has to send a request.
    Initiator,
    /// The environment has to answer [`Event::LoginRequested`].
    Decision,
    /// The environment has to answer [`Event::EstablishSession`].
    Establishment,
}

/// What the environment decided.
#[derive(Debug)]
struct Terms {
    proof: Proof,
    /// TargetPortalGroupTag and TargetAlias, until they are told.
    introduction: Option<(u16, Option<String>)>,
}

/// How far authentication has come.
#[derive(Debug)]
enum Proof {
    /// Not demanded.
    NotNeeded,
    /// Demanded; AuthMethod is not settled.
    Method(ChapTarget),
    /// CHAP goes on, or has succeeded.
    Chap(ChapTarget),
}

impl Proof {
    fn is_complete(&self) -> bool {
        match self {
            Self::NotNeeded => true,
            Self::Method(_) => false,
            Self::Chap(exchange) => exchange.user().is_some(),
        }
    }
}

/// A login that succeeded.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) login: LoginRequested,
    pub(crate) negotiated: Negotiated,
}

impl Login {
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            started: now,
            request: None,
            waiting: Waiting::Initiator,
            text: Vec::new(),
            requests: 0,
            text_bytes: 0,
            seen: BTreeSet::new(),
            identity: None,
            terms: None,
            negotiated: Negotiated::default(),
            declared: false,
            unsent: Vec::new(),
            next: None,
        }
    }

    /// Returns whether a PDU with this header may begin here at all. If not, the connection is
    /// closed without a word: whoever is there does not speak iSCSI, or not with us.
    pub(crate) fn admits(&self, header: &Header) -> bool {
        let is_login = header.opcode() == Some(Opcode::LoginRequest);
        let fits = header.data_length() <= SEGMENT_LENGTH_DEFAULT as usize;
        (is_login || self.request.is_some()) && fits && header.ahs_length() == 0
    }

    /// Takes a whole PDU.
    pub(crate) fn receive(&mut self, header: &Header, data: &[u8], core: &mut Core) {
        if let Err(refusal) = self.advance(header, data, core) {
            self.refuse(refusal, core);
        }
    }

    fn advance(&mut self, header: &Header, data: &[u8], core: &mut Core) -> Result<(), Refusal> {
        if header.opcode() != Some(Opcode::LoginRequest) {
            let reason = "another PDU than Login during login";
            return Err((LoginStatus::InvalidRequest, reason));
        }
        let request = LoginRequest::parse(header).map_err(initiator_error)?;
        self.accept_header(request, core)?;
        self.requests += 1;
        if self.requests > REQUESTS_MAX {
            return Err((LoginStatus::InitiatorError, "the login does not end"));
        }
        if !self.unsent.is_empty() {
            return self.go_on_sending(data, core);
        }
        self.text_bytes += data.len();
        if self.text_bytes > TEXT_LENGTH_MAX {
            return Err((LoginStatus::OutOfResources, "login text is too long"));
        }
        self.text.extend_from_slice(data);
        if request.continues {
            if request.transit {
                return Err((LoginStatus::InitiatorError, "both C and T are set"));
            }
            self.respond(Vec::new(), false, core); // L9: no keys, and the initiator goes on
            return Ok(());
        }
        let text = std::mem::take(&mut self.text);
        if self.identity.is_none() {
            return self.introduce(text, core);
        }
        self.negotiate(&text, core)
    }

    /// Checks what must not change from one request to the next.
    fn accept_header(&mut self, request: LoginRequest, core: &mut Core) -> Result<(), Refusal> {
        let error = |reason| Err((LoginStatus::InitiatorError, reason));
        let first = self.request.replace(request);
        if request.version_min > VERSION {
            return Err((LoginStatus::UnsupportedVersion, "version 0 is the only one"));
        }
        let Some(previous) = first else {
            // As many as need no memory that the session does not own; more when it has begun.
            let window = core.limits.command_window.min(WINDOW_FLOOR);
            core.numbers = Numbers::new(request.expected_stat_sn, request.cmd_sn, window);
            if request.current_stage == Stage::FullFeaturePhase {
                return error("login begins in full feature phase");
            }
            request.next_stage().map_err(initiator_error)?;
            return Ok(());
        };
        if self.waiting != Waiting::Initiator {
            return error("a request before the response to the last one");
        }
        if (request.isid, request.tsih, request.cid, request.task_tag)
            != (
                previous.isid,
                previous.tsih,
                previous.cid,
                previous.task_tag,
            )
        {
            return error("ISID, TSIH, CID or task tag changed during login");
        }
        // After a response with T the initiator is in the next stage.
        let stage = if self.unsent.is_empty() {
            self.next.take().unwrap_or(previous.current_stage)
        } else {
            previous.current_stage
        };
        if request.current_stage != stage {
            return error("the request is not of the current stage");
        }
        request.next_stage().map_err(initiator_error)?;
        Ok(())
    }

    /// Reads who is there from the first text and asks the environment.
    fn introduce(&mut self, text: Vec<u8>, core: &mut Core) -> Result<(), Refusal> {
        let pairs = text::parse(&text).map_err(bad_text)?;
        let request = self.request.ok_or(BUG)?;
        let identity = keys::identity(&pairs, &request)?;
        self.identity = Some(identity.clone());
        self.waiting = Waiting::Decision;
        self.text = text; // negotiated when the environment has answered
        core.events.push_back(Event::LoginRequested(identity));
        Ok(())
    }

    /// Takes the environment's decision.
    pub(crate) fn decide(&mut self, decision: LoginDecision, core: &mut Core) {
        if self.waiting != Waiting::Decision {
            return;
        }
        self.waiting = Waiting::Initiator;
        let result = match decision {
            LoginDecision::Allow(terms) => self.agree(terms, core),
            LoginDecision::Refuse(status) => Err((status, "refused by the gateway")),
            LoginDecision::Redirect {
                permanence,
                address,
            } => {
                self.redirect(permanence, &address, core);
                Ok(())
            }
        };
        if let Err(refusal) = result {
            self.refuse(refusal, core);
        }
    }

    fn agree(&mut self, terms: LoginTerms, core: &mut Core) -> Result<(), Refusal> {
        let identity = self.identity.as_ref().ok_or(BUG)?;
        let request = self.request.ok_or(BUG)?;
        let proof = match terms.authentication {
            Authentication::None => Proof::NotNeeded,
            Authentication::Chap(policy) => Proof::Method(ChapTarget::new(policy)),
        };
        if !proof.is_complete() && request.current_stage != Stage::SecurityNegotiation {
            let reason = "authentication is demanded and was skipped";
            return Err((LoginStatus::AuthenticationFailure, reason));
        }
        let introduction = (identity.kind == SessionKind::Normal)
            .then_some((terms.portal_group_tag, terms.target_alias));
        self.terms = Some(Terms {
            proof,
            introduction,
        });
        if identity.kind == SessionKind::Discovery {
            narrow_for_discovery(core);
        }
        self.negotiated = terms.inherited.unwrap_or_default();
        self.negotiated.max_recv_data_segment_length = core.offer.max_recv_data_segment_length;
        let text = std::mem::take(&mut self.text);
        self.negotiate(&text, core)
    }

    /// Answers a whole text and moves to the next stage when both sides are ready.
    fn negotiate(&mut self, text: &[u8], core: &mut Core) -> Result<(), Refusal> {
        let pairs = text::parse(text).map_err(bad_text)?;
        let request = self.request.ok_or(BUG)?;
        let identity = self.identity.as_ref().ok_or(BUG)?;
        let terms = self.terms.as_mut().ok_or(BUG)?;
        let sorted = keys::sort(&pairs, identity, &mut self.seen)?;
        let mut answer = TextWriter::new();
        if let Some((tag, alias)) = terms.introduction.take() {
            answer.pair("TargetPortalGroupTag", &tag.to_string());
            if let Some(alias) = alias {
                answer.pair("TargetAlias", &alias);
            }
        }
        let security = request.current_stage == Stage::SecurityNegotiation;
        if security {
            keys::prove(&sorted, &mut terms.proof, &mut answer, core.random.as_mut())?;
        } else if sorted.has_security_keys() {
            let reason = "security keys outside their stage";
            return Err((LoginStatus::InitiatorError, reason));
        }
        let answers = self
            .negotiated
            .negotiate(&sorted.operational, identity.kind, &core.offer);
        for (key, value) in &answers {
            answer.pair(key, value);
        }
        // T before the proof is complete leads nowhere (C8): the response says T=0.
        let next = request.next_stage().map_err(initiator_error)?;
        self.next = next.filter(|_| terms.proof.is_complete());
        let last_chance = self.next == Some(Stage::FullFeaturePhase);
        if !self.declared && (!security || last_chance) {
            let (key, value) = our_segment_length(&core.offer);
            // A key stands once in a text: when the initiator's own declaration had to be rejected,
            // ours waits for the next response, and until then the default holds.
            if answers.iter().all(|(answered, _)| *answered != key) {
                self.declared = true;
                answer.pair(key, &value);
            }
        }
        if last_chance && !self.negotiated.satisfies(&core.offer) {
            let reason = "digests are demanded and were not negotiated";
            return Err((LoginStatus::InitiatorError, reason));
        }
        self.unsent = answer.into_bytes();
        self.send(core);
        Ok(())
    }
}

/// A discovery session exchanges text; whoever finds targets gets no memory for data. It may be
/// anybody: discovery is often open to all.
fn narrow_for_discovery(core: &mut Core) {
    let (offer, limits) = (&mut core.offer, &mut core.limits);
    offer.max_recv_data_segment_length = offer
        .max_recv_data_segment_length
        .min(DISCOVERY_SEGMENT_LENGTH_MAX);
    limits.output_bytes_max = limits.output_bytes_max.min(DISCOVERY_OUTPUT_BYTES_MAX);
    limits.output_pdus_max = limits.output_pdus_max.min(DISCOVERY_OUTPUT_PDUS_MAX);
}

/// MaxRecvDataSegmentLength of discovery sessions: a whole text fits.
const DISCOVERY_SEGMENT_LENGTH_MAX: u32 = 64 << 10;
/// Answers that may wait for an initiator in discovery that does not read.
const DISCOVERY_OUTPUT_BYTES_MAX: usize = 256 << 10;
/// See [`DISCOVERY_OUTPUT_BYTES_MAX`].
const DISCOVERY_OUTPUT_PDUS_MAX: usize = 64;

/// The only version there is (RFC 7143 §11.12.4).
const VERSION: u8 = 0;

/// The most requests of one login: as many as [`TEXT_LENGTH_MAX`] takes in segments of 512 bytes each
/// way. Logins of initiators in use take two to six.
const REQUESTS_MAX: u32 = 256;

/// Unreachable unless this module is wrong; the initiator is told that it is our fault.
const BUG: Refusal = (LoginStatus::TargetError, "login state is inconsistent");

fn initiator_error(malformed: Malformed) -> Refusal {
    (LoginStatus::InitiatorError, malformed.0)
}

fn bad_text(_: text::TextError) -> Refusal {
    (LoginStatus::InitiatorError, "malformed login text")
}
