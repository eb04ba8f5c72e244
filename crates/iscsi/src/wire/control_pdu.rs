//! PDUs that keep order: NOPs, task management, SNACK, Reject, asynchronous messages
//! (RFC 7143 §§11.5, 11.6, 11.9, 11.16 to 11.19).

use super::field::{Counters, at, bits, pdu};
use super::serial::SerialNumber;

pdu! {
    /// NOP-Out (RFC 7143 §11.18).
    NopOut = NopOut + 0x80 {
        /// Not to be ordered by CmdSN.
        immediate: bool = bits(0, 0x40),
        /// The logical unit, echoed from a ping.
        lun: [u8; 8] = at(8),
        /// The initiator's tag, or the reserved tag when no answer is wanted.
        task_tag: u32 = at(16),
        /// The tag of the ping that is answered, or the reserved tag.
        transfer_tag: u32 = at(20),
        /// Its place in the order of commands.
        cmd_sn: SerialNumber = at(24),
        /// The next StatSN that the initiator expects.
        expected_stat_sn: SerialNumber = at(28),
    }
}

pdu! {
    /// NOP-In (RFC 7143 §11.19).
    NopIn = NopIn + 0x80 {
        /// The logical unit that belongs to the transfer tag.
        lun: [u8; 8] = at(8),
        /// The initiator's tag, or the reserved tag.
        task_tag: u32 = at(16),
        /// Our tag when an answer is wanted, or the reserved tag.
        transfer_tag: u32 = at(20),
        /// StatSN, consumed only by an answer, and the command window.
        counters: Counters = at(24),
    }
}

pdu! {
    /// Task Management Function Request (RFC 7143 §11.5).
    TaskManagementRequest = TaskManagementRequest + 0x80 {
        /// Not to be ordered by CmdSN.
        immediate: bool = bits(0, 0x40),
        /// What to do (§11.5.1).
        function: u8 = bits(1, 0x7f),
        /// The logical unit, where the function has one.
        lun: [u8; 8] = at(8),
        /// The initiator's tag of this request.
        task_tag: u32 = at(16),
        /// The task to abort, or the reserved tag.
        referenced_task_tag: u32 = at(20),
        /// Its place in the order of commands.
        cmd_sn: SerialNumber = at(24),
        /// The next StatSN that the initiator expects.
        expected_stat_sn: SerialNumber = at(28),
        /// The CmdSN of the task to abort.
        referenced_cmd_sn: SerialNumber = at(32),
        /// For TASK REASSIGN.
        expected_data_sn: SerialNumber = at(36),
    }
}

pdu! {
    /// Task Management Function Response (RFC 7143 §11.6, RFC 7144).
    TaskManagementResponse = TaskManagementResponse + 0x80 {
        /// What came of it (§11.6.1).
        response: u8 = at(2),
        /// Additional response information (RFC 7144): what QUERY ASYNCHRONOUS EVENT found.
        additional: [u8; 3] = at(8),
        /// The initiator's tag of the request.
        task_tag: u32 = at(16),
        /// StatSN and the command window.
        counters: Counters = at(24),
    }
}

pdu! {
    /// SNACK Request (RFC 7143 §11.16).
    Snack = Snack + 0x80 {
        /// Which sequence is meant.
        kind: u8 = bits(1, 0x0f),
        /// The logical unit.
        lun: [u8; 8] = at(8),
        /// The initiator's tag, or the reserved tag.
        task_tag: u32 = at(16),
        /// A transfer tag, or the reserved tag.
        transfer_tag: u32 = at(20),
        /// The next StatSN that the initiator expects.
        expected_stat_sn: SerialNumber = at(28),
        /// The first number missing.
        begin: u32 = at(40),
        /// How many are missing.
        length: u32 = at(44),
    }
}

pdu! {
    /// Reject (RFC 7143 §11.17). The data segment repeats the header of the rejected PDU.
    Reject = Reject + 0x80 {
        /// Why (§11.17.1).
        reason: u8 = at(2),
        /// The reserved tag.
        task_tag: u32 = at(16),
        /// StatSN and the command window.
        counters: Counters = at(24),
        /// Only for a rejected data sequence.
        data_sn: SerialNumber = at(36),
    }
}

pdu! {
    /// Asynchronous Message (RFC 7143 §11.9).
    AsyncMessage = AsyncMessage + 0x80 {
        /// The logical unit, for SCSI events.
        lun: [u8; 8] = at(8),
        /// The reserved tag.
        task_tag: u32 = at(16),
        /// StatSN and the command window.
        counters: Counters = at(24),
        /// What happened (§11.9.1).
        event: u8 = at(36),
        /// The vendor's own code.
        vendor_code: u8 = at(37),
        /// Parameter1.
        parameter1: u16 = at(38),
        /// Parameter2.
        parameter2: u16 = at(40),
        /// Parameter3: for a logout request the seconds within which to log out.
        parameter3: u16 = at(42),
    }
}
