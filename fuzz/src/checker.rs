//! Judges every PDU of a target in full feature phase: numbers (N1, N5), R2Ts (R1), Data-In (D1 to
//! D4), and that each command is answered once (RFC 7143 §4.2.2, §11.4, §11.7, §11.8).

use std::collections::{BTreeMap, BTreeSet};

use crate::wire::Pdu;

/// What was negotiated, as far as it binds a target.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// MaxBurstLength.
    pub max_burst_length: u32,
    /// The longest segment that the initiator receives.
    pub max_recv_data_segment_length: u32,
    /// MaxOutstandingR2T.
    pub max_outstanding_r2t: u32,
}

/// Whether the initiator has kept to the rules so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Each PDU belongs to something that is known.
    Legal,
    /// Nobody knows what the target made of it. The rules of each PDU alone still hold.
    Hostile,
}

/// A command as the initiator sends it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Command {
    /// The LUN field.
    pub lun: [u8; 8],
    /// Data-In is expected.
    pub read: bool,
    /// Data-Out is expected.
    pub write: bool,
    /// Expected data transfer length.
    pub expected: u32,
    /// Up to where data is asked for, or goes unasked.
    pub asked_to: u32,
}

/// A command that is not answered.
#[derive(Clone, Debug, Default)]
struct Watched {
    command: Command,
    /// R2Ts whose data has not been sent.
    outstanding: u32,
    r2ts: u32,
    data_pdus: u32,
    /// Bytes since the last F.
    sequence: u32,
    data: Vec<u8>,
}

/// What a PDU says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A command ended.
    Answer(Answer),
    /// More Data-In to come.
    Data,
    /// Data is asked for.
    ReadyToTransfer {
        /// The task.
        task: u32,
        /// The target's tag.
        transfer_tag: u32,
        /// Where.
        offset: u32,
        /// How much.
        length: u32,
    },
    /// A NOP-In that answers one of ours.
    Echo(u32, Vec<u8>),
    /// A NOP-In without a task tag, and the tag with which it wants to be answered.
    Ping(Option<u32>),
    /// A task management response.
    Managed(u32, u8),
    /// A text response.
    Text {
        /// The task.
        task: u32,
        /// What the next request carries; none when it was the last.
        transfer_tag: Option<u32>,
        /// The text.
        data: Vec<u8>,
    },
    /// A logout response.
    LoggedOut(u8),
    /// An asynchronous message.
    Async(u8),
    /// A reject.
    Reject(u8),
}

/// A command that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The initiator's tag.
    pub task: u32,
    /// The status byte.
    pub status: u8,
    /// What came in.
    pub data: Vec<u8>,
    /// Missing bytes, negative for those that were left over.
    pub residual: i64,
}

/// The judge.
#[derive(Debug)]
pub struct Checker {
    keys: Keys,
    /// Who the initiator is.
    pub peer: Peer,
    stat_sn: u32,
    expected_cmd_sn: u32,
    max_cmd_sn: u32,
    tasks: BTreeMap<u32, Watched>,
    transfer_tags: BTreeSet<u32>,
}

/// RFC 1982: whether `a` is before `b`.
pub fn is_before(a: u32, b: u32) -> bool {
    a != b && b.wrapping_sub(a) < 1 << 31
}

impl Checker {
    /// Returns a judge from the last login response on.
    pub fn new(keys: Keys, last_login_response: &Pdu) -> Self {
        Self {
            keys,
            peer: Peer::Legal,
            stat_sn: last_login_response.u32(24).wrapping_add(1),
            expected_cmd_sn: last_login_response.u32(28),
            max_cmd_sn: last_login_response.u32(32),
            tasks: BTreeMap::new(),
            transfer_tags: BTreeSet::new(),
        }
    }

    /// Returns the last CmdSN that the target accepts.
    pub fn max_cmd_sn(&self) -> u32 {
        self.max_cmd_sn
    }

    /// Takes note of a command that the initiator sends.
    pub fn watch(&mut self, tag: u32, command: Command) {
        let task = Watched {
            command,
            ..Watched::default()
        };
        self.tasks.insert(tag, task);
    }

    /// Takes note that a command must not be answered any more. With a hostile initiator nobody knows
    /// which one the target took it for.
    pub fn forget(&mut self, tag: u32) {
        if self.peer == Peer::Legal {
            self.tasks.remove(&tag);
        }
    }

    /// Takes note that a burst has been sent.
    pub fn burst_sent(&mut self, tag: u32) {
        if let Some(task) = self.tasks.get_mut(&tag) {
            task.outstanding = task.outstanding.saturating_sub(1);
        }
    }

    /// Returns the commands that are not answered.
    pub fn unanswered(&self) -> Vec<u32> {
        self.tasks.keys().copied().collect()
    }

    /// Judges a PDU.
    ///
    /// # Panics
    /// When it breaks a rule.
    pub fn receive(&mut self, pdu: &Pdu) -> Said {
        let said = match pdu.opcode() {
            0x20 => self.nop_in(pdu),
            0x21 => self.response(pdu),
            0x22 => {
                self.count_status(pdu);
                Said::Managed(pdu.tag(), pdu.header[2])
            }
            0x24 => self.text(pdu),
            0x25 => self.data_in(pdu),
            0x26 => {
                self.count_status(pdu);
                Said::LoggedOut(pdu.header[2])
            }
            0x31 => self.ready_to_transfer(pdu),
            0x32 => {
                self.count_status(pdu);
                assert_eq!(pdu.tag(), u32::MAX);
                Said::Async(pdu.header[36])
            }
            0x3f => {
                self.count_status(pdu);
                assert_eq!((pdu.tag(), pdu.data.len()), (u32::MAX, 48), "Reject");
                Said::Reject(pdu.header[2])
            }
            other => panic!("a target does not send {other:#x}"),
        };
        assert!(
            pdu.data.len() <= self.keys.max_recv_data_segment_length as usize
                || matches!(pdu.opcode(), 0x21 | 0x3f),
            "a segment over MaxRecvDataSegmentLength"
        );
        if pdu.opcode() != 0x25 {
            assert_eq!(
                pdu.header[1] & 0x80,
                if pdu.opcode() == 0x24 {
                    pdu.header[1] & 0x80
                } else {
                    0x80
                }
            );
        }
        said
    }

    /// N5: a PDU with status has the next StatSN and uses it up.
    fn count_status(&mut self, pdu: &Pdu) {
        self.count_window(pdu);
        assert_eq!(
            pdu.u32(24),
            self.stat_sn,
            "N5: StatSN of {:#x}",
            pdu.opcode()
        );
        self.stat_sn = self.stat_sn.wrapping_add(1);
    }

    /// N1: the window is never below nothing, and neither end of it goes back.
    fn count_window(&mut self, pdu: &Pdu) {
        let (expected, max) = (pdu.u32(28), pdu.u32(32));
        assert!(
            !is_before(expected, self.expected_cmd_sn),
            "ExpCmdSN went back"
        );
        assert!(!is_before(max, self.max_cmd_sn), "N1: MaxCmdSN went back");
        assert!(!is_before(max, expected.wrapping_sub(1)), "N1: MaxCmdSN");
        self.expected_cmd_sn = expected;
        self.max_cmd_sn = max;
    }

    fn nop_in(&mut self, pdu: &Pdu) -> Said {
        let transfer_tag = pdu.u32(20);
        if pdu.tag() != u32::MAX {
            self.count_status(pdu);
            assert_eq!(transfer_tag, u32::MAX);
            return Said::Echo(pdu.tag(), pdu.data.clone());
        }
        self.count_window(pdu);
        assert_eq!(pdu.u32(24), self.stat_sn, "N5: not used up");
        assert!(pdu.data.is_empty(), "a ping has no data");
        let wants_answer = transfer_tag != u32::MAX;
        if wants_answer {
            self.take_transfer_tag(transfer_tag);
        }
        Said::Ping(wants_answer.then_some(transfer_tag))
    }

    /// A transfer tag means one thing only while the connection lasts.
    fn take_transfer_tag(&mut self, tag: u32) {
        assert_ne!(tag, u32::MAX);
        assert!(
            self.transfer_tags.insert(tag),
            "transfer tag {tag:#x} again"
        );
    }

    fn text(&mut self, pdu: &Pdu) -> Said {
        self.count_status(pdu);
        let is_final = pdu.header[1] & 0x80 != 0;
        assert!(!is_final || pdu.header[1] & 0x40 == 0, "F and C");
        let transfer_tag = pdu.u32(20);
        assert_eq!(transfer_tag == u32::MAX, is_final);
        if !is_final {
            self.take_transfer_tag(transfer_tag);
        }
        Said::Text {
            task: pdu.tag(),
            transfer_tag: (!is_final).then_some(transfer_tag),
            data: pdu.data.clone(),
        }
    }

    /// Returns the task of a PDU; one that nobody knows only where the initiator was hostile.
    fn task(&mut self, pdu: &Pdu) -> &mut Watched {
        let tag = pdu.tag();
        match self.peer {
            Peer::Legal => self
                .tasks
                .get_mut(&tag)
                .unwrap_or_else(|| panic!("{:#x} for no task: {tag:#x}", pdu.opcode())),
            Peer::Hostile => self.tasks.entry(tag).or_default(),
        }
    }

    /// R1.
    fn ready_to_transfer(&mut self, pdu: &Pdu) -> Said {
        self.count_window(pdu);
        assert_eq!(pdu.u32(24), self.stat_sn, "N5: not used up");
        let (transfer_tag, sequence) = (pdu.u32(20), pdu.u32(36));
        let (offset, length) = (pdu.u32(40), pdu.u32(44));
        self.take_transfer_tag(transfer_tag);
        let (keys, peer) = (self.keys, self.peer);
        assert!(pdu.data.is_empty());
        assert!((1..=keys.max_burst_length).contains(&length), "R1: length");
        let end = u64::from(offset) + u64::from(length);
        let task = self.task(pdu);
        if peer == Peer::Legal {
            assert!(task.command.write, "an R2T for a command without Data-Out");
            assert_eq!(sequence, task.r2ts, "R1: R2TSN");
            assert_eq!(offset, task.command.asked_to, "R1: contiguous");
            assert!(
                end <= u64::from(task.command.expected),
                "R1: beyond what there is"
            );
            assert_eq!(pdu.header[8..16], task.command.lun, "R1: LUN");
            task.outstanding += 1;
            assert!(
                task.outstanding <= keys.max_outstanding_r2t,
                "MaxOutstandingR2T"
            );
        } else {
            assert!(sequence == 0 || sequence == task.r2ts, "R1: R2TSN");
        }
        task.r2ts = sequence + 1;
        task.command.asked_to = end as u32;
        Said::ReadyToTransfer {
            task: pdu.tag(),
            transfer_tag,
            offset,
            length,
        }
    }

    /// D1, D2.
    fn data_in(&mut self, pdu: &Pdu) -> Said {
        let flags = pdu.header[1];
        let (is_final, has_status) = (flags & 0x80 != 0, flags & 0x01 != 0);
        self.count_window(pdu);
        if has_status {
            self.count_status(pdu);
            assert!(is_final, "D2: S without F");
            assert_eq!(pdu.header[3], 0, "D2: status other than GOOD in Data-In");
        } else {
            assert_eq!(flags & 0x06, 0, "residual flags without S");
        }
        assert_eq!(flags & 0x40, 0, "D2: A at ErrorRecoveryLevel 0");
        assert_eq!(pdu.u32(20), u32::MAX, "D2: transfer tag");
        let burst_max = self.keys.max_burst_length;
        let peer = self.peer;
        let (sequence, offset) = (pdu.u32(36), pdu.u32(40));
        let length = pdu.data.len() as u32;
        let task = self.task(pdu);
        if peer == Peer::Legal {
            assert!(
                task.command.read,
                "Data-In for a command that reads nothing"
            );
            assert_eq!(sequence, task.data_pdus, "D1: DataSN");
            assert_eq!(offset as usize, task.data.len(), "D1: offset");
            let end = u64::from(offset) + u64::from(length);
            assert!(
                end <= u64::from(task.command.expected),
                "D3: more than expected"
            );
        } else if sequence == 0 && offset == 0 {
            *task = Watched::default();
        } else {
            assert_eq!(
                (sequence, offset as usize),
                (task.data_pdus, task.data.len()),
                "D1"
            );
        }
        task.data_pdus = sequence + 1;
        task.data.extend_from_slice(&pdu.data);
        task.sequence += length;
        assert!(task.sequence <= burst_max, "D2: F is late");
        if is_final {
            task.sequence = 0;
        } else {
            assert!(length > 0 && length.is_multiple_of(4), "D1: odd segment");
        }
        if has_status {
            let data = std::mem::take(&mut task.data);
            return self.end(pdu, data);
        }
        Said::Data
    }

    fn response(&mut self, pdu: &Pdu) -> Said {
        self.count_status(pdu);
        assert_eq!(pdu.header[2], 0, "command completed at target");
        let status = pdu.header[3];
        let has_sense = status == 2;
        assert_eq!(
            !pdu.data.is_empty(),
            has_sense,
            "sense with CHECK CONDITION"
        );
        if let [high, low, sense @ ..] = &pdu.data[..] {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            assert!(length <= sense.len(), "SenseLength");
        }
        let peer = self.peer;
        let task = self.task(pdu);
        let expected_data_sn = pdu.u32(36);
        if peer == Peer::Legal {
            assert_eq!(task.sequence, 0, "the last sequence has no F");
            // RFC 3720 §10.4.8 counted R2Ts, RFC 7143 §11.4.8 counts Data-In alone.
            let right = expected_data_sn == task.data_pdus
                || (task.command.write && expected_data_sn == task.r2ts);
            assert!(right, "ExpDataSN is {expected_data_sn} after {task:?}");
        }
        let data = std::mem::take(&mut task.data);
        self.end(pdu, data)
    }

    fn end(&mut self, pdu: &Pdu, data: Vec<u8>) -> Said {
        self.tasks.remove(&pdu.tag());
        let count = i64::from(pdu.u32(44));
        let residual = match pdu.header[1] & 0x06 {
            0 => {
                assert_eq!(count, 0, "a residual without its flag");
                0
            }
            0x02 => count,
            0x04 => -count,
            _ => panic!("both residual flags"),
        };
        Said::Answer(Answer {
            task: pdu.tag(),
            status: pdu.header[3],
            data,
            residual,
        })
    }
}
