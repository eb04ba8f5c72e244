//! A target in memory with a device that remembers, and two ways to talk to it: PDUs made by hand,
//! and the initiator.

use std::time::Duration;

use bytes::Bytes;
use iscsi::initiator::{Initiator, InitiatorEvent, InitiatorParams};
use iscsi::wire::text::TextWriter;
use iscsi::wire::{
    HEADER_LENGTH, Header, Isid, LoginRequest, LoginResponse, NopOut, RESERVED_TAG, ScsiCommand,
    SerialNumber, Stage, Tsih, padding, text,
};
use iscsi::{
    Authentication, CloseReason, CommandReceived, Connection, ConnectionParams, Event, Limits,
    LoginDecision, LoginFailed, LoginStatus, LoginTerms, ManagementOutcome, Offer, TargetRecord,
    TaskManagement, WhichTargets,
};
use scsi::{Lun, Response, Sense, SenseKey, Status, TaskTag};

pub(crate) const INITIATOR: &str = "iqn.2026-11.io.example:host";
pub(crate) const TARGET: &str = "iqn.2026-11.io.capstan:test";

/// Predictable bytes: tests are replayed.
pub(crate) fn random(seed: u8) -> Box<dyn iscsi::RandomSource> {
    let mut state = seed;
    Box::new(move |bytes: &mut [u8]| {
        for byte in bytes {
            state = state.wrapping_mul(29).wrapping_add(71);
            *byte = state;
        }
    })
}

/// Bytes that tell their place.
pub(crate) fn pattern(length: usize, seed: u8) -> Bytes {
    (0..length)
        .map(|i| (i as u8).wrapping_mul(31) ^ (i >> 8) as u8 ^ (i >> 16) as u8 ^ seed)
        .collect::<Vec<u8>>()
        .into()
}

/// What the environment does with a login.
pub(crate) type Decide = Box<dyn FnMut(&iscsi::LoginRequested) -> LoginDecision>;

pub(crate) fn terms(authentication: Authentication) -> LoginTerms {
    LoginTerms {
        authentication,
        portal_group_tag: 1,
        target_alias: None,
        inherited: None,
    }
}

/// The environment of one connection.
pub(crate) struct Target {
    pub(crate) connection: Connection,
    pub(crate) now: Duration,
    pub(crate) decide: Decide,
    /// Commands are kept instead of executed.
    pub(crate) hold: bool,
    pub(crate) held: Vec<CommandReceived>,
    /// What was executed: operation code and data.
    pub(crate) executed: Vec<(u8, Bytes)>,
    pub(crate) targets: Vec<TargetRecord>,
    pub(crate) managed: Vec<TaskManagement>,
    pub(crate) outcome: ManagementOutcome,
    pub(crate) hold_management: bool,
    pub(crate) closed: Option<CloseReason>,
    pub(crate) failed: Option<LoginFailed>,
    pub(crate) logged_in: bool,
    pub(crate) established: Vec<iscsi::EstablishSession>,
    pub(crate) tsih: u16,
}

impl Target {
    pub(crate) fn new(offer: Offer, limits: Limits) -> Self {
        let now = Duration::from_secs(1000);
        Self {
            connection: Connection::new(ConnectionParams {
                limits,
                offer,
                now,
                random: random(1),
            }),
            now,
            decide: Box::new(|request| match request.target.as_deref() {
                None | Some(TARGET) => LoginDecision::Allow(terms(Authentication::None)),
                Some(_) => LoginDecision::Refuse(LoginStatus::NotFound),
            }),
            hold: false,
            held: Vec::new(),
            executed: Vec::new(),
            targets: vec![TargetRecord {
                name: TARGET.into(),
                addresses: vec!["127.0.0.1:3260,1".into()],
            }],
            managed: Vec::new(),
            outcome: ManagementOutcome::FunctionComplete,
            hold_management: false,
            closed: None,
            failed: None,
            logged_in: false,
            established: Vec::new(),
            tsih: 7,
        }
    }

    pub(crate) fn plain() -> Self {
        Self::new(Offer::default(), Limits::default())
    }

    /// Gives bytes to the connection, at most `step` at a time, and answers its questions.
    pub(crate) fn feed_in(&mut self, mut bytes: &[u8], mut step: impl FnMut() -> usize) {
        while !bytes.is_empty() {
            let places = self.connection.want_ahead();
            assert!(!places[0].is_empty(), "certain bytes are never none");
            let count = scatter(&bytes[..bytes.len().min(step().max(1))], places);
            self.connection.received(count, self.now);
            bytes = &bytes[count..];
            self.answer();
            while self.connection.advance(self.now) {
                self.answer();
            }
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.feed_in(bytes, || usize::MAX);
    }

    /// Answers everything that the connection asks.
    pub(crate) fn answer(&mut self) {
        while let Some(event) = self.connection.next_event() {
            assert_eq!(self.closed, None, "nothing follows Closed");
            match event {
                Event::LoginRequested(request) => {
                    let decision = (self.decide)(&request);
                    self.connection.login_decision(decision);
                }
                Event::EstablishSession(it) => {
                    self.established.push(it);
                    self.connection.session_established(Tsih(self.tsih));
                }
                Event::LoggedIn(_) => self.logged_in = true,
                Event::LoginFailed(failed) => self.failed = Some(failed),
                Event::SendTargets(which) => {
                    let targets: Vec<_> = match which {
                        WhichTargets::All => self.targets.clone(),
                        WhichTargets::Own => self.targets[..1].to_vec(),
                        WhichTargets::Named(name) => {
                            let named = |t: &&TargetRecord| t.name == name;
                            self.targets.iter().filter(named).cloned().collect()
                        }
                    };
                    self.connection.send_targets(&targets);
                }
                Event::Command(command) if self.hold => self.held.push(command),
                Event::Command(command) => self.execute(command),
                Event::TaskManagement(request) => {
                    let tag = request.tag;
                    self.managed.push(request);
                    if !self.hold_management {
                        self.connection.management_done(tag, self.outcome);
                    }
                }
                Event::Closed(reason) => self.closed = Some(reason),
            }
        }
    }

    pub(crate) fn execute(&mut self, received: CommandReceived) {
        let response = respond(&received);
        let code = received.command.cdb.operation_code();
        self.executed.push((code, received.command.data_out));
        self.complete(received.task, response);
    }

    pub(crate) fn complete(&mut self, task: TaskTag, response: Response) {
        self.connection.complete(task, response);
        self.answer();
    }

    /// Takes what the connection sends, at most `step` bytes at a time.
    pub(crate) fn output_in(&mut self, mut step: impl FnMut() -> usize) -> Vec<u8> {
        let mut all = Vec::new();
        while self.connection.has_output() {
            let max = step().max(1);
            let now: Vec<u8> = self
                .connection
                .transmit()
                .flatten()
                .copied()
                .take(max)
                .collect();
            assert!(!now.is_empty(), "has_output() and nothing to send");
            self.connection.sent(now.len());
            all.extend(now);
        }
        all
    }

    /// Takes what the connection sends as PDUs; only without digests.
    pub(crate) fn pdus(&mut self) -> Vec<Pdu> {
        let bytes = self.output_in(|| usize::MAX);
        split_pdus(&bytes)
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.connection.tick(self.now);
        self.answer();
    }
}

/// The device: WRITE(6) remembers, READ(6) gives a pattern, TEST UNIT READY is GOOD. A READ with
/// control byte 1 gives half of it with CHECK CONDITION, and with control byte 2 twice as much.
pub(crate) fn respond(received: &CommandReceived) -> Response {
    let cdb = received.command.cdb;
    let length = cdb.u24(2) as usize;
    match (cdb.operation_code(), cdb.byte(5)) {
        (0x00, _) => Response::good(),
        (0x08, 0) => Response::data(pattern(length, 0x08)),
        (0x08, 1) => Response {
            data_in: pattern(length / 2, 0x08),
            ..Response::check(
                Sense::new(SenseKey::NoSense, scsi::AdditionalSense::NONE)
                    .with_information(length as i64 / 2),
            )
        },
        (0x08, _) => Response::data(pattern(length * 2, 0x08)),
        (0x0a, _) => Response::good().with_data_out_length(length as u32),
        (0xff, _) => Response::status(Status::Busy),
        _ => Response::illegal_request(scsi::AdditionalSense::INVALID_COMMAND_OPERATION_CODE),
    }
}

pub(crate) fn read6(length: u32) -> [u8; 6] {
    let [_, a, b, c] = length.to_be_bytes();
    [0x08, 0, a, b, c, 0]
}

pub(crate) fn write6(length: u32) -> [u8; 6] {
    let [_, a, b, c] = length.to_be_bytes();
    [0x0a, 0, a, b, c, 0]
}

pub(crate) const TEST_UNIT_READY: [u8; 6] = [0; 6];

/// A PDU as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pdu {
    pub(crate) header: Header,
    pub(crate) data: Vec<u8>,
}

impl Pdu {
    pub(crate) fn opcode(&self) -> u8 {
        self.header.0[0] & 0x3f
    }

    pub(crate) fn u32(&self, offset: usize) -> u32 {
        u32::from_be_bytes(self.header.0[offset..offset + 4].try_into().unwrap())
    }

    pub(crate) fn byte(&self, offset: usize) -> u8 {
        self.header.0[offset]
    }
}

pub(crate) fn split_pdus(mut bytes: &[u8]) -> Vec<Pdu> {
    let mut pdus = Vec::new();
    while !bytes.is_empty() {
        let header = Header(bytes[..HEADER_LENGTH].try_into().unwrap());
        let length = header.data_length();
        let data = bytes[HEADER_LENGTH..HEADER_LENGTH + length].to_vec();
        let pad = padding(length);
        assert_eq!(bytes[HEADER_LENGTH + length..][..pad], vec![0; pad]);
        bytes = &bytes[HEADER_LENGTH + length + pad..];
        pdus.push(Pdu { header, data });
    }
    pdus
}

/// Returns a PDU's bytes, without digests.
pub(crate) fn bytes_of(mut header: Header, data: &[u8]) -> Vec<u8> {
    header.set_data_length(data.len());
    let mut bytes = header.0.to_vec();
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len() + padding(data.len()), 0);
    bytes
}

pub(crate) fn text_of(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = TextWriter::new();
    for (key, value) in pairs {
        writer.pair(key, value);
    }
    writer.into_bytes()
}

pub(crate) fn pairs_of(data: &[u8]) -> Vec<(String, String)> {
    text::parse(data)
        .unwrap()
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn value<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    let pair = pairs.iter().find(|(name, _)| name == key)?;
    Some(&pair.1)
}

/// The first login request of tests that make their PDUs by hand.
pub(crate) fn login_request(stage: Stage, next: Option<Stage>) -> LoginRequest {
    LoginRequest {
        immediate: true,
        transit: next.is_some(),
        continues: false,
        current_stage: stage,
        next_stage_bits: next.map_or(0, |stage| stage as u8),
        version_max: 0,
        version_min: 0,
        isid: Isid([0x80, 0, 0, 0, 0, 1]),
        tsih: Tsih(0),
        task_tag: 0x10,
        cid: 1,
        cmd_sn: SerialNumber(FIRST_CMD_SN),
        expected_stat_sn: SerialNumber(FIRST_STAT_SN),
    }
}

pub(crate) const FIRST_CMD_SN: u32 = 0xffff_fff0;
pub(crate) const FIRST_STAT_SN: u32 = 0xffff_fffc;

pub(crate) const NAMES: [(&str, &str); 3] = [
    ("InitiatorName", INITIATOR),
    ("SessionType", "Normal"),
    ("TargetName", TARGET),
];

/// Feeds one login request and returns the one response with its pairs.
pub(crate) fn exchange(
    target: &mut Target,
    request: LoginRequest,
    pairs: &[(&str, &str)],
) -> (LoginResponse, Vec<(String, String)>) {
    target.feed(&bytes_of(request.emit(), &text_of(pairs)));
    let pdus = target.pdus();
    assert_eq!(pdus.len(), 1, "one response to one request: {pdus:?}");
    assert_eq!(pdus[0].opcode(), 0x23);
    let response = LoginResponse::parse(&pdus[0].header).unwrap();
    (response, pairs_of(&pdus[0].data))
}

pub(crate) fn status(response: &LoginResponse) -> u16 {
    u16::from_be_bytes([response.status_class, response.status_detail])
}

/// Logs in by hand with these operational keys.
pub(crate) fn log_in_by_hand(target: &mut Target, keys: &[(&str, &str)]) -> Vec<(String, String)> {
    let request = login_request(
        Stage::LoginOperationalNegotiation,
        Some(Stage::FullFeaturePhase),
    );
    let mut pairs = NAMES.to_vec();
    pairs.extend_from_slice(keys);
    let (response, answers) = exchange(target, request, &pairs);
    assert_eq!(status(&response), 0);
    assert!(target.logged_in);
    answers
}

/// Returns a target in full feature phase.
pub(crate) fn session(keys: &[(&str, &str)]) -> Target {
    let mut target = Target::plain();
    log_in_by_hand(&mut target, keys);
    target
}

/// Returns a SCSI command by hand: not immediate, CmdSN counted from the first.
pub(crate) fn command(itt: u32, index: u32, cdb: &[u8]) -> ScsiCommand {
    let mut bytes = [0; 16];
    bytes[..cdb.len()].copy_from_slice(cdb);
    ScsiCommand {
        immediate: false,
        is_final: true,
        read: false,
        write: false,
        attribute: 1,
        lun: [0; 8],
        task_tag: itt,
        expected_length: 0,
        cmd_sn: cmd_sn(index),
        expected_stat_sn: SerialNumber(0),
        cdb: bytes,
    }
}

pub(crate) fn write_command(itt: u32, index: u32, length: u32) -> ScsiCommand {
    ScsiCommand {
        write: true,
        expected_length: length,
        ..command(itt, index, &write6(length))
    }
}

pub(crate) fn read_command(itt: u32, index: u32, length: u32) -> ScsiCommand {
    ScsiCommand {
        read: true,
        expected_length: length,
        ..command(itt, index, &read6(length))
    }
}

/// The CmdSN of the command with this index.
pub(crate) fn cmd_sn(index: u32) -> SerialNumber {
    SerialNumber(FIRST_CMD_SN).add(index)
}

pub(crate) fn nop_out(itt: u32) -> NopOut {
    NopOut {
        immediate: true,
        lun: [0; 8],
        task_tag: itt,
        transfer_tag: RESERVED_TAG,
        cmd_sn: SerialNumber(0),
        expected_stat_sn: SerialNumber(0),
    }
}

/// Moves bytes both ways until nothing moves, in steps that `step` chooses.
pub(crate) fn run(target: &mut Target, initiator: &mut Initiator, mut step: impl FnMut() -> usize) {
    loop {
        let out: Vec<u8> = initiator
            .transmit()
            .flatten()
            .copied()
            .take(step().max(1))
            .collect();
        if !out.is_empty() {
            initiator.sent(out.len());
            target.feed_in(&out, &mut step);
        }
        let max = step().max(1);
        let back: Vec<u8> = target
            .connection
            .transmit()
            .flatten()
            .copied()
            .take(max)
            .collect();
        target.connection.sent(back.len());
        let mut rest = &back[..];
        while !rest.is_empty() {
            let arriving = &rest[..rest.len().min(step().max(1))];
            let count = scatter(arriving, initiator.want_ahead());
            initiator.received(count);
            rest = &rest[count..];
        }
        if out.is_empty() && back.is_empty() {
            return;
        }
    }
}

/// Does what a vectored read does; returns how many bytes found a place.
pub(crate) fn scatter(bytes: &[u8], places: [&mut [u8]; 2]) -> usize {
    let mut rest = bytes;
    for place in places {
        let (now, later) = rest.split_at(place.len().min(rest.len()));
        place[..now.len()].copy_from_slice(now);
        rest = later;
    }
    bytes.len() - rest.len()
}

pub(crate) fn events(initiator: &mut Initiator) -> Vec<InitiatorEvent> {
    std::iter::from_fn(|| initiator.next_event()).collect()
}

/// Returns an initiator that has logged in, with its events so far.
pub(crate) fn log_in(
    target: &mut Target,
    params: InitiatorParams,
) -> (Initiator, Vec<InitiatorEvent>) {
    let mut initiator = Initiator::new(params);
    run(target, &mut initiator, || usize::MAX);
    let events = events(&mut initiator);
    (initiator, events)
}

pub(crate) fn lun0() -> Lun {
    Lun::new(0)
}

/// Returns a target in a discovery session.
pub(crate) fn discovery_session() -> Target {
    let mut target = Target::plain();
    let request = login_request(
        Stage::LoginOperationalNegotiation,
        Some(Stage::FullFeaturePhase),
    );
    let pairs = [("InitiatorName", INITIATOR), ("SessionType", "Discovery")];
    let (response, _) = exchange(&mut target, request, &pairs);
    assert_eq!(status(&response), 0);
    target
}
