//! PDUs as they come, logins as they are asked for, and text as pairs.

use iscsi::wire::text::TextWriter;
use iscsi::wire::{
    Counters, Header, Isid, LoginRequest, LoginResponse, Opcode, RESERVED_TAG, Residual,
    SerialNumber, Stage, Tsih, text,
};

use crate::support::host::NAME;

/// A PDU as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pdu {
    pub(crate) header: Header,
    pub(crate) data: Vec<u8>,
}

impl Pdu {
    pub(crate) fn opcode(&self) -> Opcode {
        self.header.opcode().expect("the target sends what exists")
    }

    /// Returns StatSN, ExpCmdSN and MaxCmdSN, which stand at the same place in every PDU.
    pub(crate) fn counters(&self) -> Counters {
        let at = |offset: usize| SerialNumber(self.u32(offset));
        Counters {
            stat_sn: at(24),
            expected_cmd_sn: at(28),
            max_cmd_sn: at(32),
        }
    }

    pub(crate) fn u32(&self, offset: usize) -> u32 {
        u32::from_be_bytes(self.header.0[offset..offset + 4].try_into().unwrap())
    }

    /// Returns the reason of a Reject (RFC 7143 §11.17.1).
    pub(crate) fn reject_reason(&self) -> u8 {
        assert_eq!(self.opcode(), Opcode::Reject, "{:?}", self.header);
        self.header.0[2]
    }
}

/// Who logs in, to what, with which keys.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) initiator: String,
    /// `None` for a discovery session.
    pub(crate) target: Option<String>,
    pub(crate) isid: [u8; 6],
    pub(crate) tsih: u16,
    pub(crate) cid: u16,
    pub(crate) cmd_sn: u32,
    pub(crate) keys: Vec<(&'static str, &'static str)>,
}

impl Login {
    /// A normal session with `target`.
    pub(crate) fn to(target: &str) -> Self {
        Self {
            initiator: NAME.to_owned(),
            target: Some(target.to_owned()),
            isid: [0x80, 0, 0, 0, 0, 1],
            tsih: 0,
            cid: 0,
            cmd_sn: 1,
            keys: Vec::new(),
        }
    }

    /// A discovery session.
    pub(crate) fn discovery() -> Self {
        Self {
            target: None,
            ..Self::to("")
        }
    }

    /// The same from another initiator port: the last byte of the ISID is `port`.
    pub(crate) fn port(mut self, port: u8) -> Self {
        self.isid[5] = port;
        self
    }

    /// The same with these operational keys.
    pub(crate) fn with(mut self, keys: &[(&'static str, &'static str)]) -> Self {
        self.keys.extend_from_slice(keys);
        self
    }

    /// Returns the first request, in this stage.
    pub(crate) fn request(&self, stage: Stage, next: Option<Stage>) -> LoginRequest {
        LoginRequest {
            immediate: true,
            transit: next.is_some(),
            continues: false,
            current_stage: stage,
            next_stage_bits: next.map_or(0, |stage| stage as u8),
            version_max: 0,
            version_min: 0,
            isid: Isid(self.isid),
            tsih: Tsih(self.tsih),
            task_tag: LOGIN_TAG,
            cid: self.cid,
            cmd_sn: SerialNumber(self.cmd_sn),
            expected_stat_sn: SerialNumber(0),
        }
    }

    /// Returns the keys that say who wants what.
    pub(crate) fn names(&self) -> Vec<(&str, &str)> {
        let mut pairs = vec![("InitiatorName", self.initiator.as_str())];
        match &self.target {
            Some(target) => pairs.extend([("SessionType", "Normal"), ("TargetName", target)]),
            None => pairs.push(("SessionType", "Discovery")),
        }
        pairs
    }
}

/// Operational negotiation, and full feature phase wanted after it.
pub(crate) const OPERATIONAL: (Stage, Option<Stage>) = (
    Stage::LoginOperationalNegotiation,
    Some(Stage::FullFeaturePhase),
);

/// Returns whether a PDU takes a StatSN (RFC 7143 §4.2.2.2).
pub(super) fn counts(pdu: &Pdu) -> bool {
    match pdu.opcode() {
        Opcode::DataIn => pdu.header.0[1] & 1 != 0,
        Opcode::ReadyToTransfer => false,
        Opcode::NopIn => pdu.header.task_tag() != RESERVED_TAG,
        _ => true,
    }
}

/// Returns the residual of a SCSI response or of a Data-In with status.
pub(crate) fn residual(pdu: &Pdu) -> Residual {
    match pdu.opcode() {
        Opcode::DataIn => iscsi::wire::DataIn::parse(&pdu.header).unwrap().residual,
        _ => {
            iscsi::wire::ScsiResponse::parse(&pdu.header)
                .unwrap()
                .residual
        }
    }
}

/// Returns class and detail of a login response as one number.
pub(crate) fn status(response: &LoginResponse) -> u16 {
    u16::from_be_bytes([response.status_class, response.status_detail])
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

const LOGIN_TAG: u32 = 0x10;
