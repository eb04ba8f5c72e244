//! Text in full feature phase (RFC 7143 §11.10, §11.11, appendix C): SendTargets, and a new
//! MaxRecvDataSegmentLength.

use bytes::Bytes;

use super::Session;
use crate::connection::core::Core;
use crate::event::{Event, TargetRecord, WhichTargets};
use crate::login::{NOT_UNDERSTOOD, REJECT, is_operational};
use crate::name::normalise;
use crate::wire::text::{self, TEXT_LENGTH_MAX, TextWriter};
use crate::wire::{Header, RESERVED_TAG, RejectReason, TextRequest, TextResponse};

/// An exchange of Text PDUs that has not ended. There is one at a time (RFC 7143 §11.10.4).
#[derive(Debug)]
pub(super) struct Exchange {
    task_tag: u32,
    lun: [u8; 8],
    /// What the next request has to carry.
    transfer_tag: u32,
    /// The initiator's text so far.
    request: Vec<u8>,
    /// Whether the initiator has said all that it wants to say.
    is_final: bool,
    /// Our text that is not sent.
    answer: Vec<u8>,
    /// SendTargets was passed on and is not answered.
    asked: bool,
    /// A declared MaxRecvDataSegmentLength, in force when the exchange has ended (X5).
    segment_length: Option<String>,
}

impl Session {
    /// Takes a Text Request, which has its turn unless it is immediate.
    pub(super) fn receive_text(&mut self, header: &Header, data: Vec<u8>, core: &mut Core) {
        let Ok(request) = TextRequest::parse(header) else {
            return;
        };
        if request.immediate {
            self.answer_text(header, &data, core);
        } else {
            self.enqueue(request.cmd_sn, header, data, core);
        }
    }

    pub(super) fn answer_text(&mut self, header: &Header, data: &[u8], core: &mut Core) {
        let Ok(request) = TextRequest::parse(header) else {
            return;
        };
        if let Err(reason) = self.take_text(&request, data, core) {
            self.exchange = None; // as if it had never been (X5)
            Self::reject(reason, header, core);
        }
    }

    /// Adds a request to the exchange and answers as far as possible.
    fn take_text(
        &mut self,
        request: &TextRequest,
        data: &[u8],
        core: &mut Core,
    ) -> Result<(), RejectReason> {
        if request.task_tag == RESERVED_TAG || (request.continues && request.is_final) {
            return Err(RejectReason::InvalidPduField);
        }
        if request.transfer_tag == RESERVED_TAG {
            self.exchange = Some(Exchange::new(request)); // a new one; an old one is forgotten (X4)
        }
        let exchange = self
            .exchange
            .as_mut()
            .filter(|exchange| exchange.continues(request))
            .ok_or(RejectReason::InvalidPduField)?;
        if exchange.asked || exchange.request.len() + data.len() > TEXT_LENGTH_MAX {
            return Err(RejectReason::ProtocolError);
        }
        if !exchange.answer.is_empty() {
            // RFC 7143 §11.11.2: while our text goes on, requests are empty.
            if !data.is_empty() {
                return Err(RejectReason::ProtocolError);
            }
            self.send_text(core);
            return Ok(());
        }
        exchange.request.extend_from_slice(data);
        exchange.is_final = request.is_final;
        if !request.continues {
            let text = std::mem::take(&mut exchange.request);
            let pairs = text::parse(&text).map_err(|_| RejectReason::InvalidPduField)?;
            self.answer_pairs(&pairs, core)?;
        }
        if self
            .exchange
            .as_ref()
            .is_some_and(|exchange| !exchange.asked)
        {
            self.send_text(core);
        }
        Ok(())
    }

    fn answer_pairs(
        &mut self,
        pairs: &[(&str, &str)],
        core: &mut Core,
    ) -> Result<(), RejectReason> {
        let mut answer = TextWriter::new();
        let mut which = None;
        let mut segment_length = None;
        for &(key, value) in pairs {
            match key {
                "SendTargets" => match self.which_targets(value) {
                    // One list per exchange: the answer could not be told apart.
                    Some(_) if which.is_some() => return Err(RejectReason::ProtocolError),
                    Some(targets) => which = Some(targets),
                    None => answer.pair(key, REJECT),
                },
                "MaxRecvDataSegmentLength" => {
                    let mut trial = self.negotiated;
                    match trial.redeclare_segment_length(value) {
                        Some(()) => segment_length = Some(value.to_owned()),
                        None => answer.pair(key, REJECT),
                    }
                }
                // Known, but only for the login.
                _ if is_operational(key) => answer.pair(key, REJECT),
                _ => answer.pair(key, NOT_UNDERSTOOD),
            }
        }
        let Some(exchange) = &mut self.exchange else {
            return Ok(());
        };
        exchange.answer = answer.into_bytes();
        exchange.segment_length = segment_length.or(exchange.segment_length.take());
        if let Some(which) = which {
            exchange.asked = true;
            core.events.push_back(Event::SendTargets(which));
        }
        Ok(())
    }

    /// Returns which targets a value of SendTargets asks for, `None` where the standard forbids it
    /// (appendix C): All belongs to discovery, the empty value to normal sessions (X1).
    fn which_targets(&self, value: &str) -> Option<WhichTargets> {
        let own = self.login.target.as_ref();
        match (self.is_discovery(), value) {
            (true, "All") => Some(WhichTargets::All),
            (true, "") | (false, "All") => None,
            (false, "") => Some(WhichTargets::Own),
            (true, name) => normalise(name).map(WhichTargets::Named),
            (false, name) => {
                let name = normalise(name)?;
                (Some(&name) == own).then_some(WhichTargets::Own)
            }
        }
    }

    /// Takes the environment's answer to SendTargets.
    pub(crate) fn send_targets(&mut self, targets: &[TargetRecord], core: &mut Core) {
        let Some(exchange) = self.exchange.as_mut().filter(|exchange| exchange.asked) else {
            return;
        };
        exchange.asked = false;
        let mut text = TextWriter::new();
        for target in targets {
            text.pair("TargetName", &target.name);
            for address in &target.addresses {
                text.pair("TargetAddress", address);
            }
        }
        exchange.answer.extend(text.into_bytes());
        self.send_text(core);
    }

    /// Sends what fits of our text. The exchange ends when both sides have said everything.
    fn send_text(&mut self, core: &mut Core) {
        let limit = self.negotiated.max_send_data_segment_length as usize;
        let transfer_tag = self.transfer_tag();
        let Some(exchange) = &mut self.exchange else {
            return;
        };
        let rest = exchange.answer.split_off(limit.min(exchange.answer.len()));
        let piece = std::mem::replace(&mut exchange.answer, rest);
        let continues = !exchange.answer.is_empty();
        let is_final = exchange.is_final && !continues;
        exchange.transfer_tag = if is_final { RESERVED_TAG } else { transfer_tag };
        let response = TextResponse {
            is_final,
            continues,
            lun: exchange.lun,
            task_tag: exchange.task_tag,
            transfer_tag: exchange.transfer_tag,
            counters: core.numbers.with_status(),
        };
        core.output.push(response.emit(), Bytes::from(piece));
        if is_final {
            let declared = self.exchange.take().and_then(|it| it.segment_length);
            if let Some(value) = declared {
                let _ = self.negotiated.redeclare_segment_length(&value); // checked when it came
            }
        }
    }
}

impl Exchange {
    /// Returns how much text it keeps.
    pub(super) fn length(&self) -> usize {
        self.request.len() + self.answer.len()
    }

    fn new(request: &TextRequest) -> Self {
        Self {
            task_tag: request.task_tag,
            lun: request.lun,
            transfer_tag: RESERVED_TAG,
            request: Vec::new(),
            is_final: false,
            answer: Vec::new(),
            asked: false,
            segment_length: None,
        }
    }

    /// Returns whether `request` is the next one of this exchange.
    fn continues(&self, request: &TextRequest) -> bool {
        self.transfer_tag == request.transfer_tag && self.task_tag == request.task_tag
    }
}
