//! PERSISTENT RESERVE OUT (SPC-5 §6.17): its CDB and its parameter lists.

use super::ReservationType;
use crate::sense::{AdditionalSense, Sense};
use crate::spc::transport_id;
use crate::task::{Cdb, InitiatorPort};

/// A parsed PERSISTENT RESERVE OUT command with its parameter list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersistentReserveOut {
    /// REGISTER, and REGISTER AND IGNORE EXISTING KEY.
    Register(Registration),
    /// RESERVE.
    Reserve {
        /// The nexus's own key.
        key: u64,
        /// What to reserve.
        kind: ReservationType,
    },
    /// RELEASE.
    Release {
        /// The nexus's own key.
        key: u64,
        /// What was reserved.
        kind: ReservationType,
    },
    /// CLEAR.
    Clear {
        /// The nexus's own key.
        key: u64,
    },
    /// PREEMPT, and PREEMPT AND ABORT.
    Preempt {
        /// The nexus's own key.
        key: u64,
        /// The key of those to remove.
        victim: u64,
        /// What to reserve when the holder is among them; otherwise scope and type are ignored, so
        /// that wrong ones are an error only then (SPC-5 §5.14.11.4.4).
        kind: Result<ReservationType, Sense>,
        /// Whether their commands end with their registrations.
        abort: bool,
    },
    /// REGISTER AND MOVE.
    RegisterAndMove(RegisterAndMove),
}

/// Which key a registering nexus has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registering {
    /// REGISTER: its own, zero if it has none.
    WithKey(u64),
    /// REGISTER AND IGNORE EXISTING KEY: none.
    IgnoringKey,
}

/// What REGISTER asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The key that proves the right.
    pub existing: Registering,
    /// SERVICE ACTION RESERVATION KEY: the new key; zero to unregister.
    pub new_key: u64,
    /// SPEC_I_PT: these ports, too.
    pub other_ports: Option<Vec<InitiatorPort>>,
    /// ALL_TG_PT: through all target ports.
    pub all_target_ports: bool,
    /// APTPL: registrations and reservation survive a loss of power from now on.
    pub persist: bool,
}

/// What REGISTER AND MOVE asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterAndMove {
    /// The nexus's own key.
    pub key: u64,
    /// The key to register the other nexus with.
    pub new_key: u64,
    /// UNREG: the nexus's own registration ends.
    pub unregister: bool,
    /// APTPL.
    pub persist: bool,
    /// The other nexus's target port.
    pub relative_target_port: u16,
    /// The other nexus's initiator port.
    pub initiator: InitiatorPort,
}

/// The length of the basic parameter list (SPC-5 §6.17.3).
const BASIC_LENGTH: usize = 24;

/// Where the length of the TransportIDs of SPEC_I_PT stands, and where they begin.
const PORTS_LENGTH_OFFSET: usize = 24;
const PORTS_OFFSET: usize = 28;

/// Where the one TransportID of REGISTER AND MOVE begins (SPC-5 §6.17.4).
const MOVE_PORT_OFFSET: usize = 24;

const LIST_LENGTH_ERROR: Sense =
    Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);

impl PersistentReserveOut {
    /// Returns PARAMETER LIST LENGTH.
    pub fn parameter_list_length(cdb: &Cdb) -> u32 {
        cdb.u32(5)
    }

    /// Parses the CDB and the parameter list in `data`. A list that is shorter than the CDB says, or
    /// has not the length of its service action, is PARAMETER LIST LENGTH ERROR.
    pub fn parse(cdb: &Cdb, data: &[u8]) -> Result<Self, Sense> {
        let length = Self::parameter_list_length(cdb) as usize;
        let list = data.get(..length).ok_or(LIST_LENGTH_ERROR)?;
        let action = cdb.service_action();
        if action == 0x07 {
            return RegisterAndMove::parse(list).map(Self::RegisterAndMove);
        }
        let basic: &[u8; BASIC_LENGTH] = list.first_chunk().ok_or(LIST_LENGTH_ERROR)?;
        let flags = Flags::parse(basic[20])?;
        if flags.other_ports && action != 0x00 {
            // "If the SPEC_I_PT bit is set to one" it is REGISTER (SPC-5 §6.17.3).
            return Err(Sense::invalid_field_in_parameter_list(20).at_bit(3));
        }
        if !flags.other_ports && length != BASIC_LENGTH {
            return Err(LIST_LENGTH_ERROR);
        }
        let (key, second_key) = keys_of(basic);
        let register = |existing| -> Result<Self, Sense> {
            Ok(Self::Register(Registration {
                existing,
                new_key: second_key,
                other_ports: flags.other_ports.then(|| ports_of(list)).transpose()?,
                all_target_ports: flags.all_target_ports,
                persist: flags.persist,
            }))
        };
        let preempt = |abort| Self::Preempt {
            key,
            victim: second_key,
            kind: kind_of(cdb),
            abort,
        };
        match action {
            0x00 => register(Registering::WithKey(key)),
            0x01 => Ok(Self::Reserve {
                key,
                kind: kind_of(cdb)?,
            }),
            0x02 => Ok(Self::Release {
                key,
                kind: kind_of(cdb)?,
            }),
            0x03 => Ok(Self::Clear { key }),
            0x04 => Ok(preempt(false)),
            0x05 => Ok(preempt(true)),
            0x06 => register(Registering::IgnoringKey),
            _ => Err(Sense::invalid_field_in_cdb(1).at_bit(4)),
        }
    }
}

/// Byte 20 of the basic parameter list.
struct Flags {
    other_ports: bool,
    all_target_ports: bool,
    persist: bool,
}

impl Flags {
    const SPEC_I_PT: u8 = 0x08;
    const ALL_TG_PT: u8 = 0x04;
    const APTPL: u8 = 0x01;

    fn parse(byte: u8) -> Result<Self, Sense> {
        let reserved = byte & !(Self::SPEC_I_PT | Self::ALL_TG_PT | Self::APTPL);
        if reserved != 0 {
            #[allow(clippy::cast_possible_truncation)] // 0 to 7
            let bit = reserved.ilog2() as u8;
            return Err(Sense::invalid_field_in_parameter_list(20).at_bit(bit));
        }
        Ok(Self {
            other_ports: byte & Self::SPEC_I_PT != 0,
            all_target_ports: byte & Self::ALL_TG_PT != 0,
            persist: byte & Self::APTPL != 0,
        })
    }
}

/// SCOPE and TYPE (SPC-5 §6.17.2): of the scopes only the logical unit is left.
fn kind_of(cdb: &Cdb) -> Result<ReservationType, Sense> {
    let (scope, code) = (cdb.byte(2) >> 4, cdb.byte(2) & 0x0f);
    if scope != 0 {
        return Err(Sense::invalid_field_in_cdb(2).at_bit(7));
    }
    ReservationType::of_code(code).ok_or(Sense::invalid_field_in_cdb(2).at_bit(3))
}

/// RESERVATION KEY and SERVICE ACTION RESERVATION KEY.
fn keys_of(list: &[u8; BASIC_LENGTH]) -> (u64, u64) {
    let number = |from: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&list[from..from + 8]);
        u64::from_be_bytes(bytes)
    };
    (number(0), number(8))
}

/// The TransportIDs of SPEC_I_PT.
fn ports_of(list: &[u8]) -> Result<Vec<InitiatorPort>, Sense> {
    let length: &[u8; 4] = list
        .get(PORTS_LENGTH_OFFSET..)
        .and_then(<[u8]>::first_chunk)
        .ok_or(LIST_LENGTH_ERROR)?;
    if u32::from_be_bytes(*length) as usize != list.len() - PORTS_OFFSET {
        return Err(LIST_LENGTH_ERROR);
    }
    let mut ports = Vec::new();
    let mut offset = PORTS_OFFSET;
    while offset < list.len() {
        let (port, length) = transport_id::parse(&list[offset..], offset)?;
        ports.push(port);
        offset += length;
    }
    Ok(ports)
}

impl RegisterAndMove {
    fn parse(list: &[u8]) -> Result<Self, Sense> {
        const UNREG: u8 = 0x02;
        const APTPL: u8 = 0x01;
        let basic: &[u8; BASIC_LENGTH] = list.first_chunk().ok_or(LIST_LENGTH_ERROR)?;
        let length = u32::from_be_bytes([basic[20], basic[21], basic[22], basic[23]]);
        if length as usize != list.len() - MOVE_PORT_OFFSET {
            return Err(LIST_LENGTH_ERROR);
        }
        let port = &list[MOVE_PORT_OFFSET..];
        let (initiator, used) = transport_id::parse(port, MOVE_PORT_OFFSET)?;
        if used != port.len() {
            return Err(LIST_LENGTH_ERROR); // there is room for one port only
        }
        let (key, new_key) = keys_of(basic);
        Ok(Self {
            key,
            new_key,
            unregister: basic[17] & UNREG != 0,
            persist: basic[17] & APTPL != 0,
            relative_target_port: u16::from_be_bytes([basic[18], basic[19]]),
            initiator,
        })
    }

    /// Returns the parameter list.
    pub fn to_bytes(&self) -> Vec<u8> {
        let port = transport_id::to_bytes(&self.initiator);
        let mut list = Vec::with_capacity(MOVE_PORT_OFFSET + port.len());
        list.extend(self.key.to_be_bytes());
        list.extend(self.new_key.to_be_bytes());
        let flags = u8::from(self.unregister) << 1 | u8::from(self.persist);
        list.extend([0, flags]);
        list.extend(self.relative_target_port.to_be_bytes());
        list.extend(length_of(&port));
        list.extend(port);
        list
    }
}

impl Registration {
    /// Returns the parameter list.
    pub fn to_bytes(&self) -> Vec<u8> {
        let key = match self.existing {
            Registering::WithKey(key) => key,
            Registering::IgnoringKey => 0,
        };
        let mut list = Vec::with_capacity(BASIC_LENGTH);
        list.extend(key.to_be_bytes());
        list.extend(self.new_key.to_be_bytes());
        list.extend([0; 4]);
        let other_ports = u8::from(self.other_ports.is_some()) << 3;
        let all_target_ports = u8::from(self.all_target_ports) << 2;
        list.push(other_ports | all_target_ports | u8::from(self.persist));
        list.extend([0; 3]);
        if let Some(ports) = &self.other_ports {
            let ports: Vec<u8> = ports.iter().flat_map(transport_id::to_bytes).collect();
            list.extend(length_of(&ports));
            list.extend(ports);
        }
        list
    }
}

fn length_of(data: &[u8]) -> [u8; 4] {
    #[allow(clippy::cast_possible_truncation)] // some names
    let length = data.len() as u32;
    length.to_be_bytes()
}

#[cfg(test)]
mod tests;
