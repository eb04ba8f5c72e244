//! Login responses: success piece by piece, the last one, refusals and redirections.

use bytes::Bytes;

use super::{
    Established, Login, Negotiated, Proof, SEGMENT_LENGTH_DEFAULT, SessionKind, VERSION, Waiting,
};
use crate::chap::Refusal;
use crate::connection::core::Core;
use crate::event::{CloseReason, EstablishSession, Event, LoginFailed, LoginStatus, Permanence};
use crate::wire::text::TextWriter;
use crate::wire::{Isid, LoginResponse, Stage, Tsih};

impl Login {
    /// Takes the empty request that asks for the rest of a long text (L10).
    pub(super) fn go_on_sending(&mut self, data: &[u8], core: &mut Core) -> Result<(), Refusal> {
        if !data.is_empty() {
            let reason = "text before ours was complete";
            return Err((LoginStatus::InitiatorError, reason));
        }
        self.send(core);
        Ok(())
    }

    /// Sends what fits of our text; before the last response of all asks the environment.
    pub(super) fn send(&mut self, core: &mut Core) {
        let limit = SEGMENT_LENGTH_DEFAULT as usize;
        if self.unsent.len() > limit {
            let rest = self.unsent.split_off(limit);
            let piece = std::mem::replace(&mut self.unsent, rest);
            self.respond(piece, true, core);
        } else if self.next == Some(Stage::FullFeaturePhase) {
            self.waiting = Waiting::Establishment;
            let user = match self.terms.as_ref().map(|terms| &terms.proof) {
                Some(Proof::Chap(exchange)) => exchange.user().map(str::to_owned),
                _ => None,
            };
            if let Some(login) = self.identity.clone() {
                core.events
                    .push_back(Event::EstablishSession(EstablishSession { login, user }));
            }
        } else {
            let text = std::mem::take(&mut self.unsent);
            self.respond(text, false, core);
        }
    }

    /// Returns what was agreed on when only the environment's word is missing.
    pub(crate) fn agreed(&self) -> Option<(SessionKind, &Negotiated)> {
        let identity = self.identity.as_ref()?;
        (self.waiting == Waiting::Establishment).then_some((identity.kind, &self.negotiated))
    }

    /// Sends the final response: the session is `tsih`. `None` when nothing waits for this.
    pub(crate) fn establish(&mut self, tsih: Tsih, core: &mut Core) -> Option<Established> {
        if self.waiting != Waiting::Establishment {
            return None;
        }
        let mut login = self.identity.take()?;
        login.tsih = tsih;
        let text = std::mem::take(&mut self.unsent);
        self.identity = Some(login.clone());
        self.respond(text, false, core);
        Some(Established {
            login,
            negotiated: self.negotiated,
        })
    }

    /// Refuses a login for which there is no memory.
    pub(crate) fn refuse_for_memory(&mut self, core: &mut Core) {
        let reason = "the memory for sessions is used up (iscsi.memory_max)";
        self.refuse((LoginStatus::OutOfResources, reason), core);
    }

    /// Refuses a login that only waits for the environment.
    pub(crate) fn refuse_established(&mut self, status: LoginStatus, core: &mut Core) {
        if self.waiting == Waiting::Establishment {
            self.refuse((status, "refused by the gateway"), core);
        }
    }

    pub(super) fn respond(&mut self, text: Vec<u8>, continues: bool, core: &mut Core) {
        let next = self.next.filter(|_| !continues);
        let mut response = self.response(core);
        response.transit = next.is_some();
        response.next_stage_bits = next.map_or(0, |stage| stage as u8);
        response.continues = continues;
        if next == Some(Stage::FullFeaturePhase) {
            response.tsih = self.identity.as_ref().map_or(Tsih(0), |login| login.tsih);
        }
        core.output.push(response.emit(), Bytes::from(text));
    }

    pub(super) fn refuse(&mut self, (status, reason): Refusal, core: &mut Core) {
        self.fail(status as u16, reason, Vec::new(), core);
    }

    pub(super) fn redirect(&mut self, permanence: Permanence, address: &str, core: &mut Core) {
        let mut text = TextWriter::new();
        text.pair("TargetAddress", address);
        let status = match permanence {
            Permanence::Temporary => 0x0101,
            Permanence::Permanent => 0x0102,
        };
        self.fail(status, "redirected", text.into_bytes(), core);
    }

    /// Sends a response with a status other than success and closes (L15).
    fn fail(&mut self, status: u16, reason: &'static str, text: Vec<u8>, core: &mut Core) {
        let mut response = self.response(core);
        [response.status_class, response.status_detail] = status.to_be_bytes();
        core.output.push(response.emit(), Bytes::from(text));
        core.events.push_back(Event::LoginFailed(LoginFailed {
            initiator: self.identity.as_ref().map(|login| login.initiator.clone()),
            status,
            reason,
        }));
        core.close(CloseReason::LoginRefused);
    }

    /// Returns a response that echoes the last request.
    fn response(&self, core: &mut Core) -> LoginResponse {
        let request = self.request;
        LoginResponse {
            transit: false,
            continues: false,
            current_stage: request.map_or(Stage::SecurityNegotiation, |r| r.current_stage),
            next_stage_bits: 0,
            version_max: VERSION,
            version_active: VERSION,
            isid: request.map_or(Isid([0; 6]), |r| r.isid),
            tsih: request.map_or(Tsih(0), |r| r.tsih),
            task_tag: request.map_or(0, |r| r.task_tag),
            counters: core.numbers.with_status(),
            status_class: 0,
            status_detail: 0,
        }
    }
}
