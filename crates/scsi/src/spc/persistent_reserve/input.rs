//! PERSISTENT RESERVE IN (SPC-5 §6.16): its CDB, and what it returns.

use super::ReservationType;
use crate::sense::Sense;
use crate::spc::transport_id;
use crate::task::{Cdb, InitiatorPort};

/// A parsed PERSISTENT RESERVE IN command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersistentReserveIn {
    /// What to return.
    pub action: ReadAction,
    /// The most bytes that the initiator takes.
    pub allocation_length: u16,
}

/// The service actions (SPC-5 §6.16.1, table 208).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAction {
    /// READ KEYS.
    Keys,
    /// READ RESERVATION.
    Reservation,
    /// REPORT CAPABILITIES.
    Capabilities,
    /// READ FULL STATUS.
    FullStatus,
}

impl PersistentReserveIn {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let action = match cdb.service_action() {
            0x00 => ReadAction::Keys,
            0x01 => ReadAction::Reservation,
            0x02 => ReadAction::Capabilities,
            0x03 => ReadAction::FullStatus,
            _ => return Err(Sense::invalid_field_in_cdb(1).at_bit(4)),
        };
        Ok(Self {
            action,
            allocation_length: cdb.u16(7),
        })
    }
}

/// Returns the data of READ KEYS (SPC-5 §6.16.2).
pub fn keys(generation: u32, keys: impl IntoIterator<Item = u64>) -> Vec<u8> {
    with_header(generation, |data| {
        for key in keys {
            data.extend(key.to_be_bytes());
        }
    })
}

/// Returns the data of READ RESERVATION (SPC-5 §6.16.3): the holder's key, zero when all registrants
/// hold, and the type.
pub fn reservation(generation: u32, held: Option<(u64, ReservationType)>) -> Vec<u8> {
    with_header(generation, |data| {
        if let Some((key, kind)) = held {
            data.extend(key.to_be_bytes());
            data.extend([0; 5]);
            data.push(kind.code()); // SCOPE 0h: the logical unit
            data.extend([0; 2]);
        }
    })
}

/// What a device server can do (SPC-5 §6.16.4). All types of reservation are supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// PTPL_C: registrations can be made to survive a loss of power.
    pub power_loss: bool,
    /// PTPL_A: those that there are do.
    pub power_loss_activated: bool,
}

impl Capabilities {
    /// Returns the data of REPORT CAPABILITIES. CRH, SIP_C, ATP_C and TMV are one, as what this
    /// project does with RESERVE, SPEC_I_PT and ALL_TG_PT; RLR_C is zero: REPLACE LOST RESERVATION is
    /// not needed by who loses none.
    pub fn to_bytes(self) -> [u8; 8] {
        const CRH: u8 = 0x10;
        const SIP_C: u8 = 0x08;
        const ATP_C: u8 = 0x04;
        const TMV: u8 = 0x80;
        const ALLOW_TEST_UNIT_READY: u8 = 0b001 << 4;
        let mut types = [0; 2];
        for kind in ReservationType::ALL {
            // Table 216: the types' codes count the bits of byte 4, then those of byte 5.
            let code = usize::from(kind.code());
            types[code / 8] |= 1 << (code % 8);
        }
        [
            0,
            8,
            CRH | SIP_C | ATP_C | u8::from(self.power_loss),
            TMV | ALLOW_TEST_UNIT_READY | u8::from(self.power_loss_activated),
            types[0],
            types[1],
            0,
            0,
        ]
    }
}

/// A registration in READ FULL STATUS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullStatus<'a> {
    /// The reservation key.
    pub key: u64,
    /// ALL_TG_PT: it was made for all target ports at once.
    pub all_target_ports: bool,
    /// The type of the reservation, if this nexus holds it.
    pub held: Option<ReservationType>,
    /// The relative target port identifier.
    pub relative_target_port: u16,
    /// The initiator port.
    pub initiator: &'a InitiatorPort,
}

/// Returns the data of READ FULL STATUS (SPC-5 §6.16.5).
pub fn full_status<'a>(
    generation: u32,
    registrations: impl IntoIterator<Item = FullStatus<'a>>,
) -> Vec<u8> {
    with_header(generation, |data| {
        for registration in registrations {
            let transport_id = transport_id::to_bytes(registration.initiator);
            data.extend(registration.key.to_be_bytes());
            data.extend([0; 4]);
            let all_target_ports = u8::from(registration.all_target_ports) << 1;
            data.push(all_target_ports | u8::from(registration.held.is_some()));
            data.push(registration.held.map_or(0, ReservationType::code));
            data.extend([0; 4]);
            data.extend(registration.relative_target_port.to_be_bytes());
            data.extend(length_of(&transport_id));
            data.extend(transport_id);
        }
    })
}

/// PRGENERATION, ADDITIONAL LENGTH, and what `body` adds.
fn with_header(generation: u32, body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    const HEADER_LENGTH: usize = 8;
    let mut data = vec![0; HEADER_LENGTH];
    body(&mut data);
    data[..4].copy_from_slice(&generation.to_be_bytes());
    let length = length_of(&data[HEADER_LENGTH..]);
    data[4..HEADER_LENGTH].copy_from_slice(&length);
    data
}

fn length_of(data: &[u8]) -> [u8; 4] {
    #[allow(clippy::cast_possible_truncation)] // registrations are bounded
    let length = data.len() as u32;
    length.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_their_order() {
        assert_eq!(keys(3, []), [0, 0, 0, 3, 0, 0, 0, 0]);
        assert_eq!(
            keys(4, [1, 0x0203]),
            [
                0, 0, 0, 4, 0, 0, 0, 16, // generation, length
                0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 3,
            ]
        );
    }

    #[test]
    fn reservation_of_a_holder_and_of_nobody() {
        assert_eq!(reservation(1, None), [0, 0, 0, 1, 0, 0, 0, 0]);
        let held = Some((0xabcd, ReservationType::ExclusiveAccess));
        assert_eq!(
            reservation(1, held),
            [
                0, 0, 0, 1, 0, 0, 0, 16, // generation, length
                0, 0, 0, 0, 0, 0, 0xab, 0xcd, // key
                0, 0, 0, 0, 0, 0x03, 0, 0, // scope and type
            ]
        );
    }

    #[test]
    fn capabilities_name_all_types() {
        let capabilities = Capabilities {
            power_loss: true,
            power_loss_activated: false,
        };
        assert_eq!(
            capabilities.to_bytes(),
            [0, 8, 0x1d, 0x90, 0xea, 0x01, 0, 0]
        );
        let nothing_kept = Capabilities {
            power_loss: false,
            power_loss_activated: false,
        };
        assert_eq!(nothing_kept.to_bytes()[2], 0x1c);
    }

    #[test]
    fn full_status_of_a_holder() {
        let initiator = InitiatorPort("iqn.a,i,0x800000000001".into());
        let data = full_status(
            9,
            [FullStatus {
                key: 0x11,
                all_target_ports: true,
                held: Some(ReservationType::WriteExclusiveAllRegistrants),
                relative_target_port: 1,
                initiator: &initiator,
            }],
        );
        assert_eq!(data[..8], [0, 0, 0, 9, 0, 0, 0, 52]);
        assert_eq!(data[8..16], [0, 0, 0, 0, 0, 0, 0, 0x11], "key");
        assert_eq!(data[20..22], [0x03, 0x07], "ALL_TG_PT and R_HOLDER, type");
        assert_eq!(data[26..28], [0, 1], "relative target port");
        assert_eq!(data[28..32], [0, 0, 0, 28], "additional descriptor length");
        assert_eq!(data[32..], transport_id::to_bytes(&initiator));
    }
}
