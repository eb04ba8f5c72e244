//! Requests that are not commands, and what answers them.

use iscsi::wire::{NopOut, Opcode, RESERVED_TAG, SerialNumber, TaskManagementRequest, TextRequest};

use super::peer::{Peer, pairs_of, text_of};
use super::scsi::Outcome;

impl Peer {
    /// Proves that the session lives and that nothing else is on its way: the answer to a ping is
    /// the next thing that comes.
    pub(crate) fn ping(&mut self) {
        let tag = self.tag();
        self.send(self.nop(tag).emit(), b"alive");
        let pdu = self.receive_answer();
        assert_eq!(pdu.opcode(), Opcode::NopIn, "{:?}", pdu.header);
        assert_eq!(pdu.header.task_tag(), tag);
        assert_eq!(pdu.data, b"alive");
    }

    /// Returns an immediate ping that wants an answer (RFC 7143 §11.18).
    pub(crate) fn nop(&self, tag: u32) -> NopOut {
        NopOut {
            immediate: true,
            lun: [0; 8],
            task_tag: tag,
            transfer_tag: RESERVED_TAG,
            cmd_sn: SerialNumber(self.cmd_sn),
            expected_stat_sn: self.expected_stat_sn(),
        }
    }

    /// Returns an immediate task management request for LUN 0 (RFC 7143 §11.5).
    pub(crate) fn management(&mut self, function: u8, referenced: u32) -> TaskManagementRequest {
        TaskManagementRequest {
            immediate: true,
            function,
            lun: [0; 8],
            task_tag: self.tag(),
            referenced_task_tag: referenced,
            cmd_sn: SerialNumber(self.cmd_sn),
            expected_stat_sn: self.expected_stat_sn(),
            referenced_cmd_sn: SerialNumber(0),
            expected_data_sn: SerialNumber(0),
        }
    }

    /// Asks for a task management function and returns its response code (§11.6.1).
    pub(crate) fn manage(&mut self, request: TaskManagementRequest) -> u8 {
        self.send(request.emit(), b"");
        let pdu = self.receive_answer();
        assert_eq!(pdu.opcode(), Opcode::TaskManagementResponse, "{pdu:?}");
        assert_eq!(pdu.header.task_tag(), request.task_tag);
        pdu.header.0[2]
    }

    /// Returns an immediate text request with everything in one PDU (RFC 7143 §11.10).
    pub(crate) fn text_request(&mut self) -> TextRequest {
        TextRequest {
            immediate: true,
            is_final: true,
            continues: false,
            lun: [0; 8],
            task_tag: self.tag(),
            transfer_tag: RESERVED_TAG,
            cmd_sn: SerialNumber(self.cmd_sn),
            expected_stat_sn: self.expected_stat_sn(),
        }
    }

    /// Asks with one text request and returns the answer's keys.
    pub(crate) fn text(&mut self, pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let request = self.text_request();
        self.send(request.emit(), &text_of(pairs));
        let pdu = self.receive();
        assert_eq!(pdu.opcode(), Opcode::TextResponse, "{:?}", pdu.header);
        assert!(pdu.header.is_final());
        pairs_of(&pdu.data)
    }

    /// Takes the end of a command: a SCSI response, or Data-In with status, and the data before.
    pub(crate) fn outcome(&mut self, tag: u32) -> Outcome {
        let mut data = Vec::new();
        loop {
            let pdu = self.receive_answer();
            assert_eq!(pdu.header.task_tag(), tag, "{:?}", pdu.header);
            match pdu.opcode() {
                Opcode::DataIn => {
                    data.extend_from_slice(&pdu.data);
                    if pdu.header.0[1] & 1 != 0 {
                        return Outcome::of(&pdu, data);
                    }
                }
                Opcode::ScsiResponse => return Outcome::of(&pdu, data),
                _ => panic!("not the end of a command: {:?}", pdu.header),
            }
        }
    }
}
