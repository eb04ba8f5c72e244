//! REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-5 §6.37).

use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportSupportedTaskManagementFunctions {
    /// REPD: with how long they may take.
    pub extended: bool,
    /// The most bytes that the initiator takes.
    pub allocation_length: u32,
}

/// Task management functions as bits of bytes 0 and 1 of the parameter data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskManagementFunctions(u16);

impl TaskManagementFunctions {
    /// ABORT TASK.
    pub const ABORT_TASK: Self = Self(0x8000);
    /// ABORT TASK SET.
    pub const ABORT_TASK_SET: Self = Self(0x4000);
    /// CLEAR TASK SET.
    pub const CLEAR_TASK_SET: Self = Self(0x1000);
    /// LOGICAL UNIT RESET.
    pub const LOGICAL_UNIT_RESET: Self = Self(0x0800);
    /// QUERY TASK.
    pub const QUERY_TASK: Self = Self(0x0400);
    /// TARGET RESET, obsolete in SAM-5, alive in iSCSI.
    pub const TARGET_RESET: Self = Self(0x0200);
    /// QUERY ASYNCHRONOUS EVENT.
    pub const QUERY_ASYNCHRONOUS_EVENT: Self = Self(0x0004);
    /// QUERY TASK SET.
    pub const QUERY_TASK_SET: Self = Self(0x0002);
    /// I_T NEXUS RESET.
    pub const IT_NEXUS_RESET: Self = Self(0x0001);

    /// Returns these functions together.
    pub const fn all(functions: &[Self]) -> Self {
        let mut bits = 0;
        let mut rest = functions;
        while let [first, others @ ..] = rest {
            bits |= first.0;
            rest = others;
        }
        Self(bits)
    }
}

/// The shortest allocation length that is allowed (SPC-5 §6.37).
const ALLOCATION_LENGTH_MIN: u32 = 4;

/// How long a function may take: ours wait for nothing.
const TIMEOUT_TENTHS_S: u32 = 100;

impl ReportSupportedTaskManagementFunctions {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let allocation_length = cdb.u32(6);
        if allocation_length < ALLOCATION_LENGTH_MIN {
            return Err(Sense::invalid_field_in_cdb(6));
        }
        Ok(Self {
            extended: cdb.bit(2, 7),
            allocation_length,
        })
    }

    /// Returns the parameter data for a unit that has `functions`.
    pub fn parameter_data(&self, functions: TaskManagementFunctions) -> Vec<u8> {
        let mut data = functions.0.to_be_bytes().to_vec();
        if !self.extended {
            data.extend([0, 0]);
            return data;
        }
        data.extend([0, 12]); // reserved, ADDITIONAL DATA LENGTH
        data.extend([0x01, 0]); // TMFTMOV: the timeouts are valid
        data.extend(functions.0.to_be_bytes()); // which take the short timeout
        data.extend(TIMEOUT_TENTHS_S.to_be_bytes()); // the long one
        data.extend(TIMEOUT_TENTHS_S.to_be_bytes()); // the short one
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: TaskManagementFunctions = TaskManagementFunctions::all(&[
        TaskManagementFunctions::ABORT_TASK,
        TaskManagementFunctions::LOGICAL_UNIT_RESET,
        TaskManagementFunctions::IT_NEXUS_RESET,
    ]);

    #[test]
    fn short_and_extended_data() {
        let short = [0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0];
        let command = ReportSupportedTaskManagementFunctions::parse(&Cdb::new(&short)).unwrap();
        assert_eq!(command.parameter_data(SOME), [0x88, 0x01, 0, 0]);
        let extended = [0xa3, 0x0d, 0x80, 0, 0, 0, 0, 0, 0, 16, 0, 0];
        let command = ReportSupportedTaskManagementFunctions::parse(&Cdb::new(&extended)).unwrap();
        assert_eq!(
            command.parameter_data(SOME),
            [
                0x88, 0x01, 0, 12, 0x01, 0, 0x88, 0x01, 0, 0, 0, 100, 0, 0, 0, 100
            ]
        );
    }

    #[test]
    fn allocation_length_under_four_is_refused() {
        let cdb = Cdb::new(&[0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0]);
        let refused = ReportSupportedTaskManagementFunctions::parse(&cdb);
        assert_eq!(refused, Err(Sense::invalid_field_in_cdb(6)));
    }
}
