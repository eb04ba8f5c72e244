//! PDUs that begin, parametrise and end a session (RFC 7143 §§11.10 to 11.15).

use super::field::{Counters, Field, Place, at, bits, pdu};
use super::header::{Header, Malformed};
use super::serial::SerialNumber;

/// The stage of a login (RFC 7143 §11.12.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// Who is there.
    SecurityNegotiation = 0,
    /// On which terms.
    LoginOperationalNegotiation = 1,
    /// The session works.
    FullFeaturePhase = 3,
}

impl Field for Stage {
    fn read(header: &Header, place: Place) -> Result<Self, Malformed> {
        match u8::read(header, place)? {
            0 => Ok(Self::SecurityNegotiation),
            1 => Ok(Self::LoginOperationalNegotiation),
            3 => Ok(Self::FullFeaturePhase),
            _ => Err(Malformed("stage 2 does not exist")),
        }
    }

    fn write(&self, header: &mut Header, place: Place) {
        (*self as u8).write(header, place);
    }
}

/// An initiator session ID (RFC 7143 §11.12.5): with the initiator's name it names the SCSI
/// initiator port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Isid(pub [u8; 6]);

impl Field for Isid {
    fn read(header: &Header, place: Place) -> Result<Self, Malformed> {
        Field::read(header, place).map(Self)
    }

    fn write(&self, header: &mut Header, place: Place) {
        self.0.write(header, place);
    }
}

impl std::fmt::Display for Isid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A target session identifying handle (RFC 7143 §11.12.6); zero stands for "a new session".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tsih(pub u16);

impl Field for Tsih {
    fn read(header: &Header, place: Place) -> Result<Self, Malformed> {
        Field::read(header, place).map(Self)
    }

    fn write(&self, header: &mut Header, place: Place) {
        self.0.write(header, place);
    }
}

pdu! {
    /// Login Request (RFC 7143 §11.12).
    LoginRequest = LoginRequest + 0x00 {
        /// Always set by a conforming initiator.
        immediate: bool = bits(0, 0x40),
        /// Ready to go to `next_stage`: the T bit.
        transit: bool = bits(1, 0x80),
        /// The text goes on in the next request: the C bit.
        continues: bool = bits(1, 0x40),
        /// CSG. NSG is `next_stage_bits`: without T it means nothing.
        current_stage: Stage = bits(1, 0x0c),
        /// NSG as it came; read it with [`LoginRequest::next_stage`].
        next_stage_bits: u8 = bits(1, 0x03),
        /// The highest version that the initiator speaks.
        version_max: u8 = at(2),
        /// The lowest version that the initiator speaks.
        version_min: u8 = at(3),
        /// The initiator session ID.
        isid: Isid = at(8),
        /// The session to join, or zero.
        tsih: Tsih = at(14),
        /// The initiator's tag, the same in all requests of a login.
        task_tag: u32 = at(16),
        /// The connection's ID in its session.
        cid: u16 = at(20),
        /// The first CmdSN of a new session; not consumed.
        cmd_sn: SerialNumber = at(24),
        /// The next StatSN that the initiator expects.
        expected_stat_sn: SerialNumber = at(28),
    }
}

impl LoginRequest {
    /// Returns the stage to go to, `None` without T; an error when it is none or not ahead
    /// (RFC 7143 §11.12.3).
    pub fn next_stage(&self) -> Result<Option<Stage>, Malformed> {
        if !self.transit {
            return Ok(None);
        }
        let next = match self.next_stage_bits {
            1 => Stage::LoginOperationalNegotiation,
            3 => Stage::FullFeaturePhase,
            0 => return Err(Malformed("the next stage is behind the current one")),
            _ => return Err(Malformed("stage 2 does not exist")),
        };
        if next <= self.current_stage {
            return Err(Malformed("the next stage is not ahead of the current one"));
        }
        Ok(Some(next))
    }
}

pdu! {
    /// Login Response (RFC 7143 §11.13).
    LoginResponse = LoginResponse + 0x00 {
        /// The target goes to `next_stage` with this response.
        transit: bool = bits(1, 0x80),
        /// The text goes on in the next response.
        continues: bool = bits(1, 0x40),
        /// CSG.
        current_stage: Stage = bits(1, 0x0c),
        /// NSG, zero without T.
        next_stage_bits: u8 = bits(1, 0x03),
        /// The highest version that the target speaks.
        version_max: u8 = at(2),
        /// The version in use.
        version_active: u8 = at(3),
        /// The initiator session ID, echoed.
        isid: Isid = at(8),
        /// The session, not zero in the last response.
        tsih: Tsih = at(14),
        /// The initiator's tag, echoed.
        task_tag: u32 = at(16),
        /// StatSN and the command window.
        counters: Counters = at(24),
        /// The status class (§11.13.5).
        status_class: u8 = at(36),
        /// The status detail.
        status_detail: u8 = at(37),
    }
}

pdu! {
    /// Text Request (RFC 7143 §11.10).
    TextRequest = TextRequest + 0x00 {
        /// Not to be ordered by CmdSN.
        immediate: bool = bits(0, 0x40),
        /// The initiator has no more to say.
        is_final: bool = bits(1, 0x80),
        /// The text goes on in the next request.
        continues: bool = bits(1, 0x40),
        /// The logical unit, echoed from the response that gave the transfer tag.
        lun: [u8; 8] = at(8),
        /// The initiator's tag, the same in all requests of an exchange.
        task_tag: u32 = at(16),
        /// The reserved tag in the first request, then the one of the last response.
        transfer_tag: u32 = at(20),
        /// Its place in the order of commands.
        cmd_sn: SerialNumber = at(24),
        /// The next StatSN that the initiator expects.
        expected_stat_sn: SerialNumber = at(28),
    }
}

pdu! {
    /// Text Response (RFC 7143 §11.11).
    TextResponse = TextResponse + 0x00 {
        /// The exchange ends here.
        is_final: bool = bits(1, 0x80),
        /// The text goes on in the next response.
        continues: bool = bits(1, 0x40),
        /// The logical unit that belongs to the transfer tag.
        lun: [u8; 8] = at(8),
        /// The initiator's tag.
        task_tag: u32 = at(16),
        /// The tag for the next request, or the reserved tag when final.
        transfer_tag: u32 = at(20),
        /// StatSN and the command window.
        counters: Counters = at(24),
    }
}

pdu! {
    /// Logout Request (RFC 7143 §11.14).
    LogoutRequest = LogoutRequest + 0x80 {
        /// Not to be ordered by CmdSN.
        immediate: bool = bits(0, 0x40),
        /// 0 closes the session, 1 the connection, 2 removes it for recovery.
        reason: u8 = bits(1, 0x7f),
        /// The initiator's tag.
        task_tag: u32 = at(16),
        /// The connection that is meant.
        cid: u16 = at(20),
        /// Its place in the order of commands.
        cmd_sn: SerialNumber = at(24),
        /// The next StatSN that the initiator expects.
        expected_stat_sn: SerialNumber = at(28),
    }
}

pdu! {
    /// Logout Response (RFC 7143 §11.15).
    LogoutResponse = LogoutResponse + 0x80 {
        /// 0 closed, 1 no such connection, 2 recovery not supported, 3 cleanup failed.
        response: u8 = at(2),
        /// The initiator's tag.
        task_tag: u32 = at(16),
        /// StatSN and the command window.
        counters: Counters = at(24),
        /// Seconds to wait before the next login.
        time_to_wait: u16 = at(40),
        /// Seconds for which tasks are kept after that.
        time_to_retain: u16 = at(42),
    }
}
