//! Listens to both directions of a connection and judges what the target says, from the login to the
//! end. The initiator is taken to keep the rules.

use std::collections::BTreeMap;

use iscsi::Negotiated;

use crate::checker::{Checker, Command, Keys, Said};
use crate::wire::{Deframer, Digests, Header, Pdu, data_length, u32_at};

/// The listener.
#[derive(Debug, Default)]
pub struct Tap {
    up: Deframer,
    down: Deframer,
    session: Option<Session>,
}

#[derive(Debug)]
struct Session {
    checker: Checker,
    first_burst_length: u32,
    /// Commands in the order in which they came, with their logical units.
    commands: Vec<(u32, u8)>,
    /// Task management: the function, the logical unit, the task, and how many commands came before.
    functions: BTreeMap<u32, (u8, u8, u32, usize)>,
}

impl Tap {
    /// Takes what arrives at the target, before the target does.
    pub fn arrives(&mut self, bytes: &[u8]) {
        self.up.push(bytes);
        loop {
            // A header alone may have an answer: data can be asked for while some still comes.
            if let (Some(header), Some(session)) = (self.up.next_header(), &mut self.session) {
                session.hear(&header);
            }
            if self.up.next_pdu().is_none() {
                return;
            }
        }
    }

    /// Takes what the target sends.
    ///
    /// # Panics
    /// When it breaks a rule.
    pub fn leaves(&mut self, bytes: &[u8], negotiated: Option<&Negotiated>) {
        self.down.push(bytes);
        while let Some(pdu) = self.down.next_pdu() {
            match &mut self.session {
                Some(session) => session.judge(&pdu),
                None => self.login(&pdu, negotiated),
            }
        }
    }

    /// Takes a login response; the last one begins the session.
    fn login(&mut self, response: &Pdu, negotiated: Option<&Negotiated>) {
        assert_eq!(response.opcode(), 0x23, "only login responses in a login");
        let is_last = response.header[1] & 0x83 == 0x83 && response.header[36] == 0;
        if !is_last {
            return;
        }
        let negotiated = negotiated.expect("a session after its last login response");
        let digests = Digests {
            header: negotiated.header_digest,
            data: negotiated.data_digest,
        };
        (self.up.digests, self.down.digests) = (digests, digests);
        let keys = Keys {
            max_burst_length: negotiated.max_burst_length,
            max_recv_data_segment_length: negotiated.max_send_data_segment_length,
            max_outstanding_r2t: negotiated.max_outstanding_r2t,
        };
        self.session = Some(Session {
            checker: Checker::new(keys, response),
            first_burst_length: negotiated.first_burst_length,
            commands: Vec::new(),
            functions: BTreeMap::new(),
        });
    }
}

impl Session {
    fn hear(&mut self, header: &Header) {
        let tag = u32_at(header, 16);
        let is_final = header[1] & 0x80 != 0;
        match header[0] & 0x3f {
            0x01 => {
                let expected = u32_at(header, 20);
                let asked_to = if is_final {
                    data_length(header) as u32
                } else {
                    self.first_burst_length.min(expected)
                };
                let mut lun = [0; 8];
                lun.copy_from_slice(&header[8..16]);
                self.commands.push((tag, header[9]));
                self.checker.watch(
                    tag,
                    Command {
                        lun,
                        read: header[1] & 0x40 != 0,
                        write: header[1] & 0x20 != 0,
                        expected,
                        asked_to,
                    },
                );
            }
            0x02 => {
                let function = (
                    header[1] & 0x7f,
                    header[9],
                    u32_at(header, 20),
                    self.commands.len(),
                );
                self.functions.insert(tag, function);
            }
            0x05 if is_final && u32_at(header, 20) != u32::MAX => self.checker.burst_sent(tag),
            _ => (),
        }
    }

    fn judge(&mut self, pdu: &Pdu) {
        match self.checker.receive(pdu) {
            Said::Managed(tag, response) => {
                let function = self.functions.remove(&tag);
                let (code, lun, referenced, before) = function.expect("an answer to a request");
                for (tag, unit) in &self.commands[..before] {
                    let ended = match code {
                        1 => *tag == referenced,
                        2 | 4 | 5 => *unit == lun,
                        6 | 7 | 11 => true,
                        _ => false,
                    };
                    if response == 0 && ended {
                        self.checker.forget(*tag); // T6: from now on nobody answers it
                    }
                }
            }
            Said::Reject(reason) => panic!("reject {reason:#x}: {:02x?}", pdu.data),
            _ => (),
        }
    }
}
