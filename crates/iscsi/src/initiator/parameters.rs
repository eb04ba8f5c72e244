//! What an initiator is told, and what it has negotiated.

use crate::chap::{BinaryEncoding, ChapAlgorithm, Credential};
use crate::random::RandomSource;
use crate::wire::SerialNumber;

/// What an initiator is told.
pub struct InitiatorParams {
    /// InitiatorName.
    pub name: String,
    /// TargetName; without one the session is for discovery.
    pub target: Option<String>,
    /// The initiator session ID.
    pub isid: [u8; 6],
    /// The session to join, or zero.
    pub tsih: u16,
    /// The connection's ID.
    pub cid: u16,
    /// Operational keys to offer, in this order. MaxRecvDataSegmentLength among them is obeyed.
    pub keys: Vec<(String, String)>,
    /// CHAP, when the target demands it.
    pub chap: Option<InitiatorChap>,
    /// The first CmdSN.
    pub first_cmd_sn: SerialNumber,
    /// The first StatSN that we claim to expect.
    pub first_stat_sn: SerialNumber,
    /// The longest segment of data that we send, even where the target takes longer ones.
    pub send_segment_max: u32,
    /// What the target may get away with.
    pub tolerance: Tolerance,
    /// Unpredictable bytes.
    pub random: Box<dyn RandomSource>,
}

/// How a target is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// Like ours: one response ends the negotiation of keys, and ExpDataSN counts Data-In alone (RFC
    /// 7143 §11.4.8).
    Strict,
    /// As other targets are. They may want another exchange before full feature phase. A write may
    /// end with the number of its R2Ts in ExpDataSN, as RFC 3720 §10.4.8 had it.
    /// tgt 1.0.85 sends all of a read as one sequence, whatever MaxBurstLength says.
    OfHabits,
}

impl InitiatorParams {
    /// Returns an initiator that offers nothing and claims nothing.
    pub fn new(name: &str, target: Option<&str>, random: Box<dyn RandomSource>) -> Self {
        Self {
            name: name.to_owned(),
            target: target.map(str::to_owned),
            isid: [0x80, 0, 0, 0, 0, 1],
            tsih: 0,
            cid: 0,
            keys: Vec::new(),
            chap: None,
            first_cmd_sn: SerialNumber(1),
            first_stat_sn: SerialNumber(0),
            send_segment_max: u32::MAX,
            tolerance: Tolerance::Strict,
            random,
        }
    }

    /// Returns the same for a target that is not ours.
    #[must_use]
    pub fn tolerant(mut self) -> Self {
        self.tolerance = Tolerance::OfHabits;
        self
    }

    /// Returns the same, offering `keys`.
    #[must_use]
    pub fn with_keys(mut self, keys: &[(&str, &str)]) -> Self {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        self.keys = keys.iter().map(owned).collect();
        self
    }
}

/// How the initiator proves itself.
pub struct InitiatorChap {
    /// Our name and secret.
    pub ours: Credential,
    /// The target's, when it has to prove itself too.
    pub theirs: Option<Credential>,
    /// What CHAP_A offers, in this order.
    pub algorithms: Vec<ChapAlgorithm>,
    /// How binary values are written.
    pub encoding: BinaryEncoding,
}

/// What both sides agreed on, as far as it matters to us (RFC 7143 §13: the defaults).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // the keys of the standard
pub struct Parameters {
    /// HeaderDigest.
    pub header_digest: bool,
    /// DataDigest.
    pub data_digest: bool,
    /// InitialR2T.
    pub initial_r2t: bool,
    /// ImmediateData.
    pub immediate_data: bool,
    /// The longest segment that the target receives.
    pub max_send_data_segment_length: u32,
    /// The longest segment that we receive.
    pub max_recv_data_segment_length: u32,
    /// MaxBurstLength.
    pub max_burst_length: u32,
    /// FirstBurstLength.
    pub first_burst_length: u32,
    /// MaxOutstandingR2T.
    pub max_outstanding_r2t: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            header_digest: false,
            data_digest: false,
            initial_r2t: true,
            immediate_data: true,
            max_send_data_segment_length: 8192,
            max_recv_data_segment_length: 8192,
            max_burst_length: 262_144,
            first_burst_length: 65_536,
            max_outstanding_r2t: 1,
        }
    }
}

impl Parameters {
    /// Takes a key that the target sent: its answer to an offer, or its declaration.
    pub(super) fn learn(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        if matches!(value, "Reject" | "NotUnderstood" | "Irrelevant") {
            return Ok(()); // the default stays
        }
        let number = || value.parse::<u32>().map_err(|_| "a number is none");
        let boolean = || match value {
            "Yes" => Ok(true),
            "No" => Ok(false),
            _ => Err("a boolean is neither Yes nor No"),
        };
        let digest = || match value {
            "CRC32C" => Ok(true),
            "None" => Ok(false),
            _ => Err("a digest that we did not offer"),
        };
        match key {
            "HeaderDigest" => self.header_digest = digest()?,
            "DataDigest" => self.data_digest = digest()?,
            "InitialR2T" => self.initial_r2t = boolean()?,
            "ImmediateData" => self.immediate_data = boolean()?,
            "MaxRecvDataSegmentLength" => self.max_send_data_segment_length = number()?,
            "MaxBurstLength" => self.max_burst_length = number()?,
            "FirstBurstLength" => self.first_burst_length = number()?,
            "MaxOutstandingR2T" => self.max_outstanding_r2t = number()?,
            _ => (),
        }
        Ok(())
    }
}
