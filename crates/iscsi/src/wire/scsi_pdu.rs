//! PDUs of SCSI commands and their data (RFC 7143 §§11.3, 11.4, 11.7, 11.8).

use bytes::Bytes;
use scsi::Sense;

use super::field::{Counters, Residual, at, bits, pdu};
use super::serial::SerialNumber;

pdu! {
    /// SCSI Command (RFC 7143 §11.3).
    #[allow(clippy::struct_excessive_bools)] // the bits of the header
    ScsiCommand = ScsiCommand + 0x00 {
        /// Not to be ordered by CmdSN.
        immediate: bool = bits(0, 0x40),
        /// No unsolicited Data-Out follows.
        is_final: bool = bits(1, 0x80),
        /// Data-In is expected.
        read: bool = bits(1, 0x40),
        /// Data-Out is expected.
        write: bool = bits(1, 0x20),
        /// The task attribute (§11.3.1).
        attribute: u8 = bits(1, 0x07),
        /// The logical unit, as it came.
        lun: [u8; 8] = at(8),
        /// The initiator's tag.
        task_tag: u32 = at(16),
        /// How many bytes the initiator expects to transfer.
        expected_length: u32 = at(20),
        /// Its place in the order of commands.
        cmd_sn: SerialNumber = at(24),
        /// The next StatSN that the initiator expects.
        expected_stat_sn: SerialNumber = at(28),
        /// The command descriptor block.
        cdb: [u8; 16] = at(32),
    }
}

pdu! {
    /// SCSI Response (RFC 7143 §11.4).
    ScsiResponse = ScsiResponse + 0x80 {
        /// 0 for "completed at target", 1 for "target failure".
        response: u8 = at(2),
        /// The SCSI status.
        status: u8 = at(3),
        /// The initiator's tag.
        task_tag: u32 = at(16),
        /// StatSN and the command window.
        counters: Counters = at(24),
        /// How many Data-In or R2T PDUs were sent for the command (§11.4.8).
        expected_data_sn: SerialNumber = at(36),
        /// The residual.
        residual: Residual = at(44),
    }
}

pdu! {
    /// SCSI Data-Out (RFC 7143 §11.7).
    DataOut = DataOut + 0x00 {
        /// The last PDU of its sequence.
        is_final: bool = bits(1, 0x80),
        /// The logical unit; some initiators leave it empty.
        lun: [u8; 8] = at(8),
        /// The initiator's tag.
        task_tag: u32 = at(16),
        /// The tag of the R2T, or the reserved tag for unsolicited data.
        transfer_tag: u32 = at(20),
        /// The next StatSN that the initiator expects.
        expected_stat_sn: SerialNumber = at(28),
        /// The number of this PDU in its sequence.
        data_sn: SerialNumber = at(36),
        /// Where in the command's data this segment begins.
        buffer_offset: u32 = at(40),
    }
}

pdu! {
    /// SCSI Data-In (RFC 7143 §11.7).
    DataIn = DataIn + 0x00 {
        /// The last PDU of its sequence.
        is_final: bool = bits(1, 0x80),
        /// The target asks for an acknowledgement; never at ErrorRecoveryLevel 0.
        acknowledge: bool = bits(1, 0x40),
        /// The status is part of this PDU.
        has_status: bool = bits(1, 0x01),
        /// The SCSI status.
        status: u8 = at(3),
        /// The logical unit; reserved without `acknowledge`.
        lun: [u8; 8] = at(8),
        /// The initiator's tag.
        task_tag: u32 = at(16),
        /// The tag for the acknowledgement, else the reserved tag.
        transfer_tag: u32 = at(20),
        /// StatSN, meaningful with `has_status`, and the command window.
        counters: Counters = at(24),
        /// The number of this PDU in its command.
        data_sn: SerialNumber = at(36),
        /// Where in the command's data this segment begins.
        buffer_offset: u32 = at(40),
        /// The residual, meaningful with `has_status`.
        residual: Residual = at(44),
    }
}

pdu! {
    /// Ready To Transfer (RFC 7143 §11.8).
    ReadyToTransfer = ReadyToTransfer + 0x80 {
        /// The logical unit of the command.
        lun: [u8; 8] = at(8),
        /// The initiator's tag.
        task_tag: u32 = at(16),
        /// Our tag for this burst.
        transfer_tag: u32 = at(20),
        /// The next StatSN, not consumed, and the command window.
        counters: Counters = at(24),
        /// The number of this R2T in its command.
        r2t_sn: SerialNumber = at(36),
        /// Where in the command's data the burst begins.
        buffer_offset: u32 = at(40),
        /// How many bytes are asked for.
        desired_length: u32 = at(44),
    }
}

/// Returns a data segment with sense data (RFC 7143 §11.4.7): SenseLength, then the data.
pub(crate) fn sense_segment(sense: &Sense) -> Bytes {
    let sense = sense.to_bytes();
    let mut segment = Vec::with_capacity(2 + sense.len());
    #[allow(clippy::cast_possible_truncation)] // some dozens
    segment.extend_from_slice(&(sense.len() as u16).to_be_bytes());
    segment.extend_from_slice(&sense);
    segment.into()
}
