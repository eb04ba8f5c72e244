//! The initiator's login: CHAP if it is told to, then its keys, then full feature phase.

use bytes::Bytes;

use super::{Initiator, InitiatorEvent, InitiatorParams, Tolerance};
use crate::chap::{BinaryEncoding, ChapAlgorithm, Secret, challenge, decode_binary, encode_binary};
use crate::wire::text::{self, TextWriter};
use crate::wire::{Header, Isid, LoginRequest, LoginResponse, Opcode, Stage, Tsih};

/// How far the login has come.
#[derive(Debug)]
pub(super) struct LoginState {
    stage: Stage,
    step: Step,
    /// The target's text so far: a response with C goes on.
    text: Vec<u8>,
    keys: Vec<(String, String)>,
    /// How often the target wanted another exchange.
    exchanges: u32,
}

/// How many exchanges after ours a target may want.
const EXCHANGES_MAX: u32 = 4;

/// What the next response answers.
#[derive(Debug)]
enum Step {
    Method,
    Challenge,
    /// Our proof was sent, with this challenge of our own.
    Proof {
        algorithm: ChapAlgorithm,
        identifier: u8,
        challenge: Vec<u8>,
    },
    Keys,
}

impl LoginState {
    pub(super) fn new(params: &InitiatorParams) -> Self {
        let (stage, step) = if params.chap.is_some() {
            (Stage::SecurityNegotiation, Step::Method)
        } else {
            (Stage::LoginOperationalNegotiation, Step::Keys)
        };
        Self {
            stage,
            step,
            text: Vec::new(),
            keys: Vec::new(),
            exchanges: 0,
        }
    }
}

impl Initiator {
    /// Sends the first request.
    pub(super) fn begin_login(&mut self) {
        let mut text = TextWriter::new();
        text.pair("InitiatorName", &self.params.name);
        match &self.params.target {
            Some(target) => {
                text.pair("SessionType", "Normal");
                text.pair("TargetName", target);
            }
            None => text.pair("SessionType", "Discovery"),
        }
        if self.params.chap.is_some() {
            text.pair("AuthMethod", "CHAP");
            self.send_login(text, None);
        } else {
            self.offer(&mut text);
            self.send_login(text, Some(Stage::FullFeaturePhase));
        }
    }

    /// Offers the operational keys.
    fn offer(&mut self, text: &mut TextWriter) {
        for (key, value) in &self.params.keys {
            text.pair(key, value);
            if key == "MaxRecvDataSegmentLength"
                && let Ok(length) = value.parse()
            {
                self.parameters.max_recv_data_segment_length = length;
            }
        }
    }

    fn send_login(&mut self, text: TextWriter, next: Option<Stage>) {
        let stage = self
            .login
            .as_ref()
            .map_or(Stage::FullFeaturePhase, |l| l.stage);
        let request = LoginRequest {
            immediate: true,
            transit: next.is_some(),
            continues: false,
            current_stage: stage,
            next_stage_bits: next.map_or(0, |stage| stage as u8),
            version_max: 0,
            version_min: 0,
            isid: Isid(self.params.isid),
            tsih: Tsih(self.params.tsih),
            task_tag: 0,
            cid: self.params.cid,
            cmd_sn: self.cmd_sn,
            expected_stat_sn: self.expected_stat_sn,
        };
        self.output
            .push(request.emit(), Bytes::from(text.into_bytes()));
    }

    /// Takes a response.
    pub(super) fn receive_login(&mut self, header: &Header, data: &[u8]) {
        if let Err(reason) = self.advance_login(header, data) {
            self.fail(reason);
        }
    }

    fn advance_login(&mut self, header: &Header, data: &[u8]) -> Result<(), &'static str> {
        if header.opcode() != Some(Opcode::LoginResponse) {
            return Err("another PDU than Login Response during login");
        }
        let response = LoginResponse::parse(header).map_err(|malformed| malformed.0)?;
        if response.isid.0 != self.params.isid || response.task_tag != 0 {
            return Err("ISID or task tag is not echoed");
        }
        self.expected_stat_sn = response.counters.stat_sn.next();
        self.max_cmd_sn = response.counters.max_cmd_sn;
        let Some(login) = &mut self.login else {
            return Ok(());
        };
        login.text.extend_from_slice(data);
        if response.continues {
            if response.transit {
                return Err("C and T are both set");
            }
            self.send_login(TextWriter::new(), None);
            return Ok(());
        }
        let text = std::mem::take(&mut login.text);
        let pairs = text::parse(&text).map_err(|_| "malformed text")?;
        for (key, value) in &pairs {
            login.keys.push(((*key).to_owned(), (*value).to_owned()));
        }
        let status = u16::from_be_bytes([response.status_class, response.status_detail]);
        if status != 0 {
            let keys = std::mem::take(&mut login.keys);
            self.events
                .push_back(InitiatorEvent::LoginFailed { status, keys });
            self.failed = true;
            return Ok(());
        }
        for (key, value) in &pairs {
            self.parameters.learn(key, value)?;
        }
        self.step(&pairs, &response)
    }

    /// Takes the next step of the login.
    fn step(
        &mut self,
        pairs: &[(&str, &str)],
        response: &LoginResponse,
    ) -> Result<(), &'static str> {
        let find = |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, v)| *v);
        let Some(login) = &mut self.login else {
            return Ok(());
        };
        match std::mem::replace(&mut login.step, Step::Keys) {
            Step::Method => {
                if find("AuthMethod") != Some("CHAP") {
                    return Err("CHAP was not chosen");
                }
                login.step = Step::Challenge;
                let chap = self.params.chap.as_ref().ok_or("no CHAP")?;
                let numbers: Vec<String> = chap
                    .algorithms
                    .iter()
                    .map(|algorithm| algorithm.number().to_string())
                    .collect();
                let mut text = TextWriter::new();
                text.pair("CHAP_A", &numbers.join(","));
                self.send_login(text, None);
            }
            Step::Challenge => {
                let algorithm = find("CHAP_A").and_then(ChapAlgorithm::parse);
                let identifier = find("CHAP_I").and_then(|text| text.parse().ok());
                let challenge = find("CHAP_C").and_then(|text| decode_binary(text, 1024));
                let (Some(algorithm), Some(identifier), Some((challenge, _))) =
                    (algorithm, identifier, challenge)
                else {
                    return Err("CHAP_A, CHAP_I and CHAP_C are not all there");
                };
                self.prove(algorithm, identifier, &challenge)?;
            }
            Step::Proof {
                algorithm,
                identifier,
                challenge,
            } => {
                self.check_target(
                    algorithm,
                    identifier,
                    &challenge,
                    (find("CHAP_N"), find("CHAP_R")),
                )?;
                if !response.transit {
                    return Err("the target does not go on after CHAP");
                }
                self.enter_operational();
            }
            Step::Keys
                if !response.transit
                    && self.params.tolerance == Tolerance::OfHabits
                    && login.exchanges < EXCHANGES_MAX =>
            {
                // RFC 7143 §6.3.4: the target has more to say or wants to hear that we have not.
                login.exchanges += 1;
                self.send_login(TextWriter::new(), Some(Stage::FullFeaturePhase));
            }
            Step::Keys => {
                if !response.transit || response.next_stage_bits != 3 {
                    return Err("the target does not go to full feature phase");
                }
                self.begin_session(response)?;
            }
        }
        Ok(())
    }

    fn prove(
        &mut self,
        algorithm: ChapAlgorithm,
        identifier: u8,
        theirs: &[u8],
    ) -> Result<(), &'static str> {
        let chap = self.params.chap.as_ref().ok_or("no CHAP")?;
        let encoding: BinaryEncoding = chap.encoding;
        let response = algorithm.response(identifier, &chap.ours.secret, theirs);
        let mut text = TextWriter::new();
        text.pair("CHAP_N", &chap.ours.name);
        text.pair("CHAP_R", &encode_binary(&response, encoding));
        let mutual = chap.theirs.is_some();
        let (identifier, ours) = challenge(self.params.random.as_mut());
        if mutual {
            text.pair("CHAP_I", &identifier.to_string());
            text.pair("CHAP_C", &encode_binary(&ours, encoding));
        }
        if let Some(login) = &mut self.login {
            login.step = Step::Proof {
                algorithm,
                identifier,
                challenge: ours,
            };
        }
        self.send_login(text, Some(Stage::LoginOperationalNegotiation));
        Ok(())
    }

    fn check_target(
        &self,
        algorithm: ChapAlgorithm,
        identifier: u8,
        challenge: &[u8],
        (name, response): (Option<&str>, Option<&str>),
    ) -> Result<(), &'static str> {
        let chap = self.params.chap.as_ref().ok_or("no CHAP")?;
        let Some(theirs) = &chap.theirs else {
            return Ok(());
        };
        let secret: &Secret = &theirs.secret;
        let expected = algorithm.response(identifier, secret, challenge);
        let given = response.and_then(|text| decode_binary(text, expected.len()));
        if name != Some(theirs.name.as_str()) || given.map(|(bytes, _)| bytes) != Some(expected) {
            return Err("the target did not prove itself");
        }
        Ok(())
    }

    fn enter_operational(&mut self) {
        if let Some(login) = &mut self.login {
            login.stage = Stage::LoginOperationalNegotiation;
        }
        let mut text = TextWriter::new();
        self.offer(&mut text);
        self.send_login(text, Some(Stage::FullFeaturePhase));
    }

    fn begin_session(&mut self, response: &LoginResponse) -> Result<(), &'static str> {
        if response.tsih.0 == 0 {
            return Err("TSIH is zero in the last response");
        }
        if self.parameters.first_burst_length > self.parameters.max_burst_length {
            // RFC 7143 §13.14; with one of the two at its default.
            self.parameters.first_burst_length = self.parameters.max_burst_length;
        }
        let (header, data) = (self.parameters.header_digest, self.parameters.data_digest);
        self.receiver.set_digests(header, data);
        self.output.set_digests(header, data);
        let keys = self.login.take().map_or_else(Vec::new, |login| login.keys);
        self.events.push_back(InitiatorEvent::LoggedIn {
            keys,
            tsih: response.tsih.0,
        });
        Ok(())
    }
}
