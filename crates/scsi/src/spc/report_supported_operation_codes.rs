//! REPORT SUPPORTED OPERATION CODES (SPC-5 §6.36): the command table, as initiators read it.

use crate::command::{CommandSpec, CommandTable, Timeouts};
use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed REPORT SUPPORTED OPERATION CODES command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportSupportedOperationCodes {
    /// What is asked for.
    pub request: Request,
    /// RCTD: with command timeouts descriptors.
    pub with_timeouts: bool,
    /// The most bytes that the initiator takes.
    pub allocation_length: u32,
}

/// What is asked for (SPC-5 §6.36.1, table 257).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// REPORTING OPTIONS 000b: all commands.
    All,
    /// 001b: one that has no service actions.
    OperationCode(u8),
    /// 010b: one that has service actions.
    ServiceAction(u8, u16),
    /// 011b: one, whether it has service actions or not; without, the number has to be zero.
    Either(u8, u16),
}

impl ReportSupportedOperationCodes {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        const REPORTING_OPTIONS_BIT: u8 = 2;
        let (operation_code, service_action) = (cdb.byte(3), cdb.u16(4));
        let request = match cdb.byte(2) & 0x07 {
            0b000 => Request::All,
            0b001 => Request::OperationCode(operation_code),
            0b010 => Request::ServiceAction(operation_code, service_action),
            0b011 => Request::Either(operation_code, service_action),
            _ => return Err(Sense::invalid_field_in_cdb(2).at_bit(REPORTING_OPTIONS_BIT)),
        };
        Ok(Self {
            request,
            with_timeouts: cdb.bit(2, 7),
            allocation_length: cdb.u32(6),
        })
    }

    /// Returns the parameter data about `commands`.
    pub fn parameter_data(&self, commands: CommandTable) -> Result<Vec<u8>, Sense> {
        Ok(match one(self.request, commands)? {
            Some(found) => one_command(found, self.with_timeouts),
            None => all_commands(commands, self.with_timeouts),
        })
    }
}

/// The answer about one command.
#[derive(Clone, Copy)]
enum Found {
    Supported(&'static CommandSpec),
    NotSupported,
}

/// Returns the one command that is asked for, `None` when all are. Asking for an operation code in
/// the way of the other kind is an error (SPC-5 §6.36.1).
fn one(request: Request, commands: CommandTable) -> Result<Option<Found>, Sense> {
    let (operation_code, service_action) = match request {
        Request::All => return Ok(None),
        Request::OperationCode(code) => (code, None),
        Request::ServiceAction(code, action) | Request::Either(code, action) => {
            (code, Some(action))
        }
    };
    let mut rows = commands
        .rows()
        .filter(|spec| spec.operation_code == operation_code)
        .peekable();
    let Some(first) = rows.peek() else {
        return Ok(Some(Found::NotSupported));
    };
    let spec = match (request, first.service_action.is_some()) {
        (Request::OperationCode(_), true) | (Request::ServiceAction(..), false) => {
            return Err(Sense::invalid_field_in_cdb(2).at_bit(2));
        }
        (_, true) => rows.find(|spec| spec.service_action.map(u16::from) == service_action),
        (_, false) if service_action.is_some_and(|action| action != 0) => None,
        (_, false) => rows.next(),
    };
    Ok(Some(spec.map_or(Found::NotSupported, Found::Supported)))
}

/// SPC-5 §6.36.2: eight bytes for each command, and twelve with timeouts.
fn all_commands(commands: CommandTable, with_timeouts: bool) -> Vec<u8> {
    const SERVACTV: u8 = 0x01;
    const CTDP: u8 = 0x02;
    let mut data = vec![0; 4];
    for spec in commands.rows() {
        let mut flags = 0;
        if spec.service_action.is_some() {
            flags |= SERVACTV;
        }
        if with_timeouts {
            flags |= CTDP;
        }
        let action = spec.service_action.unwrap_or(0);
        data.extend([spec.operation_code, 0, 0, action, 0, flags]);
        data.extend(cdb_length(spec).to_be_bytes());
        if with_timeouts {
            data.extend(timeouts_descriptor(spec.timeouts));
        }
    }
    #[allow(clippy::cast_possible_truncation)] // some dozens of commands
    let length = (data.len() - 4) as u32;
    data[..4].copy_from_slice(&length.to_be_bytes());
    data
}

/// SPC-5 §6.36.3.
fn one_command(found: Found, with_timeouts: bool) -> Vec<u8> {
    const CTDP: u8 = 0x80;
    const NOT_SUPPORTED: u8 = 0b001;
    const AS_IN_THE_STANDARD: u8 = 0b011;
    const IN_A_VENDOR_SPECIFIC_MANNER: u8 = 0b101;
    /// Operation codes from here on are vendor specific (SPC-5 §4.2.5.1).
    const VENDOR_SPECIFIC: u8 = 0xc0;
    let spec = match found {
        Found::NotSupported => return vec![0, NOT_SUPPORTED, 0, 0],
        Found::Supported(spec) => spec,
    };
    let support = if spec.operation_code >= VENDOR_SPECIFIC {
        IN_A_VENDOR_SPECIFIC_MANNER
    } else {
        AS_IN_THE_STANDARD
    };
    let ctdp = if with_timeouts { CTDP } else { 0 };
    let mut data = vec![0, ctdp | support];
    data.extend(cdb_length(spec).to_be_bytes());
    data.extend(spec.usage);
    if with_timeouts {
        data.extend(timeouts_descriptor(spec.timeouts));
    }
    data
}

fn cdb_length(spec: &CommandSpec) -> u16 {
    #[allow(clippy::cast_possible_truncation)] // at most 16
    let length = spec.usage.len() as u16;
    length
}

/// SPC-5 §6.36.4.
fn timeouts_descriptor(timeouts: Timeouts) -> [u8; 12] {
    let mut descriptor = [0; 12];
    descriptor[1] = 10; // DESCRIPTOR LENGTH: what follows it
    descriptor[4..8].copy_from_slice(&timeouts.nominal_s.to_be_bytes());
    descriptor[8..12].copy_from_slice(&timeouts.recommended_s.to_be_bytes());
    descriptor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::DeviceType;

    const DRIVE: CommandTable = CommandTable::of(DeviceType::SequentialAccess);
    const CHANGER: CommandTable = CommandTable::of(DeviceType::MediaChanger);

    /// Asks with REPORTING OPTIONS and RCTD in byte 2, for one command.
    fn ask(commands: CommandTable, byte_2: u8, code: u8, action: u8) -> Result<Vec<u8>, Sense> {
        let cdb = [0xa3, 0x0c, byte_2, code, 0, action, 0, 0, 0x10, 0, 0, 0];
        ReportSupportedOperationCodes::parse(&Cdb::new(&cdb))?.parameter_data(commands)
    }

    #[test]
    fn all_commands_with_and_without_timeouts() {
        for (byte_2, step) in [(0x00, 8), (0x80, 20)] {
            let data = ask(DRIVE, byte_2, 0, 0).unwrap();
            let length = u32::from_be_bytes(data[..4].try_into().unwrap());
            assert_eq!(length as usize, data.len() - 4);
            assert_eq!(data.len() - 4, DRIVE.rows().count() * step);
            let first = &data[4..4 + step];
            let flags = if step == 20 { 0x02 } else { 0 };
            assert_eq!(
                first[..8],
                [0x00, 0, 0, 0, 0, flags, 0, 6],
                "TEST UNIT READY"
            );
            if step == 20 {
                let timeouts = [0, 10, 0, 0, 0, 0, 0, 1, 0, 0, 0, 60];
                assert_eq!(first[8..], timeouts, "length, nominal, recommended");
            }
        }
    }

    /// What option 000b lists, 001b, 010b and 011b confirm.
    #[test]
    fn each_listed_command_is_confirmed_one_by_one() {
        for table in [DRIVE, CHANGER] {
            let list = ask(table, 0, 0, 0).unwrap();
            for entry in list[4..].chunks_exact(8) {
                let (code, action, has_actions) = (entry[0], entry[3], entry[5] & 1 == 1);
                assert!(has_actions || action == 0, "SERVACTV");
                let option = if has_actions { 0b010 } else { 0b001 };
                let data = ask(table, 0x80 | option, code, action).unwrap();
                assert_eq!(data[1] & 0x80, 0x80, "CTDP");
                assert!([0b011, 0b101].contains(&(data[1] & 0x07)));
                assert_eq!(data[2..4], entry[6..8], "CDB length");
                let length = usize::from(entry[7]);
                assert_eq!(data.len(), 4 + length + 12);
                assert_eq!(data[4], code, "usage data begin with the operation code");
                if has_actions {
                    assert_eq!(data[5] & 0x1f, action, "and the service action");
                }
                assert_eq!(ask(table, 0x80 | 0b011, code, action).unwrap(), data);
                // Asked for as the other kind it is an error.
                let other = ask(table, option ^ 0b011, code, action);
                assert_eq!(other, Err(Sense::invalid_field_in_cdb(2).at_bit(2)));
            }
        }
    }

    #[test]
    fn what_is_not_there_is_not_supported() {
        let not_supported = Ok(vec![0, 0b001, 0, 0]);
        assert_eq!(ask(DRIVE, 0b001, 0x28, 0), not_supported, "READ(10)");
        assert_eq!(ask(DRIVE, 0b010, 0x9e, 0x10), not_supported);
        assert_eq!(ask(DRIVE, 0b011, 0x9e, 0x10), not_supported);
        assert_eq!(
            ask(DRIVE, 0b010, 0xa3, 0x1f),
            not_supported,
            "only the action"
        );
        assert_eq!(
            ask(DRIVE, 0b011, 0x12, 1),
            not_supported,
            "INQUIRY has none"
        );
        assert!(ask(CHANGER, 0b001, 0x08, 0).unwrap()[1] == 0b001, "READ(6)");
    }

    #[test]
    fn unknown_option_is_refused() {
        for option in 4..8 {
            let refused = ask(DRIVE, option, 0, 0);
            assert_eq!(refused, Err(Sense::invalid_field_in_cdb(2).at_bit(2)));
        }
    }
}
