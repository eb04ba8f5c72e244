//! Commands by hand: what a test puts into a SCSI Command PDU, and what comes of it.

use iscsi::wire::{
    DataOut, Opcode, RESERVED_TAG, ReadyToTransfer, Residual, ScsiCommand, SerialNumber,
};

use super::peer::{Pdu, Peer, residual};

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: u8,
    /// Sense key, additional sense code and qualifier; zeros without sense.
    pub(crate) sense: (u8, u8, u8),
    pub(crate) residual: Residual,
    pub(crate) data: Vec<u8>,
    /// The sense data as they came, without their length.
    pub(crate) raw_sense: Vec<u8>,
}

impl Outcome {
    pub(crate) fn of(last: &Pdu, data: Vec<u8>) -> Self {
        // RFC 7143 §11.4.7: two bytes of length go before the sense data.
        let raw_sense = match last.opcode() {
            Opcode::ScsiResponse if last.data.len() > 2 => last.data[2..].to_vec(),
            _ => Vec::new(),
        };
        let sense = match raw_sense.as_slice() {
            sense if sense.len() >= 14 => (sense[2] & 0xf, sense[12], sense[13]),
            _ => (0, 0, 0),
        };
        Self {
            status: last.header.0[3],
            sense,
            residual: residual(last),
            data,
            raw_sense,
        }
    }

    /// Sees that the command ended GOOD.
    pub(crate) fn assert_good(&self) {
        assert_eq!(self.status, GOOD, "{self:02x?}");
    }
}

impl Peer {
    /// Returns a command for LUN 0 without data; it takes the next CmdSN.
    pub(crate) fn command(&mut self, cdb: &[u8]) -> ScsiCommand {
        let mut bytes = [0; 16];
        bytes[..cdb.len()].copy_from_slice(cdb);
        ScsiCommand {
            immediate: false,
            is_final: true,
            read: false,
            write: false,
            attribute: 1,
            lun: [0; 8],
            task_tag: self.tag(),
            expected_length: 0,
            cmd_sn: self.take_cmd_sn(),
            expected_stat_sn: self.expected_stat_sn(),
            cdb: bytes,
        }
    }

    /// Returns WRITE(6) of one variable block, and as much expected.
    pub(crate) fn write_command(&mut self, length: u32) -> ScsiCommand {
        ScsiCommand {
            write: true,
            expected_length: length,
            ..self.command(&write6(length))
        }
    }

    /// Returns READ(6) of one variable block, and as much expected.
    pub(crate) fn read_command(&mut self, length: u32) -> ScsiCommand {
        ScsiCommand {
            read: true,
            expected_length: length,
            ..self.command(&read6(length))
        }
    }

    /// Sends a command with immediate data and returns its end.
    pub(crate) fn run(&mut self, command: ScsiCommand, immediate: &[u8]) -> Outcome {
        self.send(command.emit(), immediate);
        self.outcome(command.task_tag)
    }

    /// Runs a command without data.
    pub(crate) fn plain(&mut self, cdb: &[u8]) -> Outcome {
        let command = self.command(cdb);
        self.run(command, b"")
    }

    /// Runs a command that sends at most `length` bytes back.
    pub(crate) fn read(&mut self, cdb: &[u8], length: u32) -> Outcome {
        let command = ScsiCommand {
            read: true,
            expected_length: length,
            ..self.command(cdb)
        };
        self.run(command, b"")
    }

    /// Takes unit attentions until there is none; returns their codes.
    pub(crate) fn attentions(&mut self) -> Vec<(u8, u8)> {
        let mut seen = Vec::new();
        loop {
            let outcome = self.plain(&TEST_UNIT_READY);
            let (key, asc, ascq) = outcome.sense;
            if key != UNIT_ATTENTION {
                return seen;
            }
            seen.push((asc, ascq));
            assert!(seen.len() < 16, "without end: {seen:02x?}");
        }
    }

    /// Takes an R2T for a task.
    pub(crate) fn r2t(&mut self, tag: u32) -> ReadyToTransfer {
        let pdu = self.receive();
        assert_eq!(pdu.opcode(), Opcode::ReadyToTransfer, "{:?}", pdu.header);
        assert_eq!(pdu.header.task_tag(), tag);
        ReadyToTransfer::parse(&pdu.header).unwrap()
    }

    /// Returns Data-Out for an R2T: its first PDU, and the last.
    pub(crate) fn data_out(&self, r2t: &ReadyToTransfer) -> DataOut {
        DataOut {
            is_final: true,
            lun: r2t.lun,
            task_tag: r2t.task_tag,
            transfer_tag: r2t.transfer_tag,
            expected_stat_sn: self.expected_stat_sn(),
            data_sn: SerialNumber(0),
            buffer_offset: r2t.buffer_offset,
        }
    }

    /// Returns unsolicited Data-Out for a command, from `offset`.
    pub(crate) fn unsolicited(&self, command: &ScsiCommand, offset: u32) -> DataOut {
        DataOut {
            is_final: true,
            lun: command.lun,
            task_tag: command.task_tag,
            transfer_tag: RESERVED_TAG,
            expected_stat_sn: self.expected_stat_sn(),
            data_sn: SerialNumber(0),
            buffer_offset: offset,
        }
    }

    /// Writes one block as it may be written: without unsolicited data.
    pub(crate) fn write_block(&mut self, block: &[u8]) -> Outcome {
        let length = u32::try_from(block.len()).unwrap();
        let command = self.write_command(length);
        self.send(command.emit(), b"");
        while {
            let r2t = self.r2t(command.task_tag);
            let end = r2t.buffer_offset + r2t.desired_length;
            let part = &block[r2t.buffer_offset as usize..end as usize];
            self.send(self.data_out(&r2t).emit(), part);
            end < length
        } {}
        self.outcome(command.task_tag)
    }
}

/// READ(6), one variable block, with SILI off (SSC-5 §6.2).
pub(crate) fn read6(length: u32) -> [u8; 6] {
    let [_, a, b, c] = length.to_be_bytes();
    [0x08, 0, a, b, c, 0]
}

/// WRITE(6), one variable block (SSC-5 §5.4).
pub(crate) fn write6(length: u32) -> [u8; 6] {
    let [_, a, b, c] = length.to_be_bytes();
    [0x0a, 0, a, b, c, 0]
}

pub(crate) const TEST_UNIT_READY: [u8; 6] = [0; 6];
pub(crate) const REWIND: [u8; 6] = [0x01, 0, 0, 0, 0, 0];
/// INQUIRY for at most 255 bytes.
pub(crate) const INQUIRY: [u8; 6] = [0x12, 0, 0, 0, 255, 0];

pub(crate) const GOOD: u8 = 0;
pub(crate) const CHECK_CONDITION: u8 = 2;
pub(crate) const UNIT_ATTENTION: u8 = 6;
pub(crate) const ABORTED_COMMAND: u8 = 0xb;
