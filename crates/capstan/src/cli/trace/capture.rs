//! A capture file of commands that were never caught on a wire.
//!
//! The format is pcapng (draft-ietf-opsawg-pcapng), with a comment wherever what stands there is not
//! what went over the network:
//!
//! - Each nexus is a TCP connection of its own between made-up addresses. Digests, R2Ts, NOPs, the login and the split of data
//!   into PDUs are not there; numbers of PDUs count from 1.
//! - A command is a SCSI Command PDU; a Data-Out and a Data-In PDU follow when data were kept, with
//!   what was kept of them; a SCSI Response PDU ends it, always, also where status came with the data.
//! - Each connection begins with an INQUIRY that nobody sent: Wireshark learns from it whether the
//!   unit is a tape drive or a changer, and reads the other commands accordingly.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use iscsi::wire::{
    Counters, DataIn, DataOut, Header, RESERVED_TAG, Residual, ScsiCommand, ScsiResponse,
    SerialNumber, padding,
};
use scsi::Lun;

use super::frames::{End, Segment, frame};
use crate::api::types::{Trace, TracedCommand};
use crate::hex;

/// A capture that is being written.
pub(super) struct Capture<W> {
    out: W,
    lun: [u8; 8],
    device_type: u8,
    connections: HashMap<u64, Connection>,
}

impl<W: Write> Capture<W> {
    /// Begins the file; nothing of `trace` but what it says about the device is written.
    pub(super) fn begin(mut out: W, trace: &Trace) -> io::Result<Self> {
        let application = format!("capstan {}", env!("CARGO_PKG_VERSION"));
        let mut section = Vec::new();
        section.extend_from_slice(&BYTE_ORDER_MAGIC.to_le_bytes());
        section.extend_from_slice(&1_u16.to_le_bytes()); // version 1.0
        section.extend_from_slice(&0_u16.to_le_bytes());
        section.extend_from_slice(&u64::MAX.to_le_bytes()); // length not known
        option(&mut section, OPTION_USER_APPLICATION, &application);
        end_of_options(&mut section);
        block(&mut out, SECTION_HEADER, &section)?;
        let mut interface = Vec::new();
        interface.extend_from_slice(&LINK_ETHERNET.to_le_bytes());
        interface.extend_from_slice(&[0; 2]);
        interface.extend_from_slice(&0_u32.to_le_bytes()); // no limit of length
        let name = format!("{} of {}", trace.device, trace.target);
        option(&mut interface, OPTION_INTERFACE_NAME, &name);
        end_of_options(&mut interface);
        block(&mut out, INTERFACE_DESCRIPTION, &interface)?;
        out.flush()?;
        let lun = trace.lun.min(Lun::MAX);
        Ok(Self {
            out,
            lun: Lun::new(lun).to_bytes(),
            device_type: trace.device_type,
            connections: HashMap::new(),
        })
    }

    /// Writes commands.
    pub(super) fn write(&mut self, trace: &Trace) -> io::Result<()> {
        for command in &trace.commands {
            self.command(command)?;
        }
        self.out.flush()
    }

    fn command(&mut self, command: &TracedCommand) -> io::Result<()> {
        let began = command.began_unix_us;
        if !self.connections.contains_key(&command.nexus) {
            let connection = Connection::new(self.connections.len());
            self.connections.insert(command.nexus, connection);
            self.introduce(command.nexus, began)?;
        }
        let comment = format!(
            "command {} of {}: {} {}",
            command.number, command.initiator, command.name, command.fields
        );
        let exchange = Exchange {
            nexus: command.nexus,
            began,
            ended: began + command.took_us,
            cdb: hex::decode(&command.cdb).unwrap_or_default(),
            data_out: Data::of(command.data_out_bytes, &command.data_out),
            data_in: Data::of(command.data_in_bytes, &command.data_in),
            status: command.status_code,
            sense: command.sense_data.as_deref().and_then(hex::decode),
            answered: command.answered,
            comment: comment.trim_end().to_owned(),
        };
        self.exchange(&exchange)
    }

    /// The INQUIRY that nobody sent.
    fn introduce(&mut self, nexus: u64, at: u64) -> io::Result<()> {
        const LENGTH: u8 = 96;
        let mut data = vec![0; usize::from(LENGTH)];
        data[0] = self.device_type;
        data[2] = 0x06; // VERSION: SPC-4
        data[3] = 0x02; // RESPONSE DATA FORMAT
        data[4] = LENGTH - 5;
        let comment = "not a command of the trace: tells the type of device to whoever reads this";
        self.exchange(&Exchange {
            nexus,
            began: at,
            ended: at,
            cdb: vec![0x12, 0, 0, 0, LENGTH, 0],
            data_out: Data::default(),
            data_in: Data {
                length: data.len() as u64,
                kept: data,
            },
            status: 0,
            sense: None,
            answered: true,
            comment: comment.to_owned(),
        })
    }

    fn exchange(&mut self, exchange: &Exchange) -> io::Result<()> {
        let lun = self.lun;
        let Some(connection) = self.connections.get_mut(&exchange.nexus) else {
            return Ok(());
        };
        let (began, ended) = (exchange.began, exchange.ended);
        let out = &mut self.out;
        let tag = connection.next_tag();
        let command = connection.command(lun, tag, exchange);
        let bytes = connection.send(Way::ToTarget, command, &[]);
        packet(out, began, &bytes, &exchange.comment)?;
        if !exchange.data_out.kept.is_empty() {
            let header = connection.data_out(lun, tag);
            let bytes = connection.send(Way::ToTarget, header, &exchange.data_out.kept);
            packet(out, began, &bytes, &exchange.data_out.comment())?;
        }
        if !exchange.data_in.kept.is_empty() {
            let header = connection.data_in(tag);
            let bytes = connection.send(Way::ToInitiator, header, &exchange.data_in.kept);
            packet(out, ended, &bytes, &exchange.data_in.comment())?;
        }
        let header = connection.response(tag, exchange);
        let bytes = connection.send(Way::ToInitiator, header, &exchange.sense_segment());
        packet(out, ended, &bytes, &exchange.response_comment())
    }
}

/// A command and its end, as the capture shows them.
struct Exchange {
    nexus: u64,
    began: u64,
    ended: u64,
    cdb: Vec<u8>,
    data_out: Data,
    data_in: Data,
    status: u8,
    sense: Option<Vec<u8>>,
    answered: bool,
    comment: String,
}

impl Exchange {
    /// RFC 7143 §11.4.7: SenseLength, then the data.
    fn sense_segment(&self) -> Vec<u8> {
        let Some(sense) = &self.sense else {
            return Vec::new();
        };
        #[allow(clippy::cast_possible_truncation)] // at most 252 bytes (SPC-5 §4.4)
        let mut segment = (sense.len() as u16).to_be_bytes().to_vec();
        segment.extend_from_slice(sense);
        segment
    }

    fn response_comment(&self) -> String {
        let mut comment = String::new();
        if !self.answered {
            comment.push_str("never sent: the command was aborted while it ran");
        }
        for (data, way) in [(&self.data_out, "out"), (&self.data_in, "in")] {
            if data.kept.is_empty() && data.length > 0 {
                if !comment.is_empty() {
                    comment.push_str("; ");
                }
                // Writing to a string cannot fail.
                let _ = write!(comment, "{} bytes of data {way} were not kept", data.length);
            }
        }
        comment
    }
}

#[derive(Default)]
struct Data {
    length: u64,
    kept: Vec<u8>,
}

impl Data {
    fn of(length: u64, kept: &str) -> Self {
        let kept = hex::decode(kept).unwrap_or_default();
        Self { length, kept }
    }

    fn comment(&self) -> String {
        match self.kept.len() as u64 {
            all if all == self.length => String::new(),
            part => format!(
                "the first {part} of {} bytes; the rest was not kept",
                self.length
            ),
        }
    }

    fn length(&self) -> u32 {
        u32::try_from(self.length).unwrap_or(u32::MAX)
    }
}

#[derive(Clone, Copy)]
enum Way {
    ToTarget,
    ToInitiator,
}

/// A connection that could have been.
struct Connection {
    initiator: End,
    /// Where both streams stand.
    sent: u32,
    received: u32,
    packets: u16,
    cmd_sn: u32,
    stat_sn: u32,
}

impl Connection {
    fn new(index: usize) -> Self {
        #[allow(clippy::cast_possible_truncation)] // cut on purpose: the port goes on counting
        let number = index as u16;
        Self {
            initiator: End {
                address: [10, 0, 0, 1 + (number % 250) as u8],
                port: 49_152 + number % 16_384,
            },
            sent: 1,
            received: 1,
            packets: 0,
            cmd_sn: 0,
            stat_sn: 0,
        }
    }

    fn next_tag(&mut self) -> u32 {
        self.cmd_sn += 1;
        self.stat_sn += 1;
        self.cmd_sn
    }

    fn command(&self, lun: [u8; 8], task_tag: u32, exchange: &Exchange) -> Header {
        let mut cdb = [0; 16];
        let length = exchange.cdb.len().min(cdb.len());
        cdb[..length].copy_from_slice(&exchange.cdb[..length]);
        let (length_out, length_in) = (exchange.data_out.length(), exchange.data_in.length());
        ScsiCommand {
            immediate: false,
            is_final: exchange.data_out.kept.is_empty(),
            read: length_in > 0,
            write: length_out > 0,
            attribute: SIMPLE,
            lun,
            task_tag,
            expected_length: length_out.max(length_in),
            cmd_sn: SerialNumber(self.cmd_sn),
            expected_stat_sn: SerialNumber(self.stat_sn),
            cdb,
        }
        .emit()
    }

    fn data_out(&self, lun: [u8; 8], task_tag: u32) -> Header {
        DataOut {
            is_final: true,
            lun,
            task_tag,
            transfer_tag: RESERVED_TAG,
            expected_stat_sn: SerialNumber(self.stat_sn),
            data_sn: SerialNumber(0),
            buffer_offset: 0,
        }
        .emit()
    }

    fn data_in(&self, task_tag: u32) -> Header {
        DataIn {
            is_final: true,
            acknowledge: false,
            has_status: false,
            status: 0,
            lun: [0; 8],
            task_tag,
            transfer_tag: RESERVED_TAG,
            counters: self.counters(),
            data_sn: SerialNumber(0),
            buffer_offset: 0,
            residual: Residual::None,
        }
        .emit()
    }

    fn response(&self, task_tag: u32, exchange: &Exchange) -> Header {
        ScsiResponse {
            response: 0,
            status: exchange.status,
            task_tag,
            counters: self.counters(),
            expected_data_sn: SerialNumber(u32::from(!exchange.data_in.kept.is_empty())),
            residual: Residual::None,
        }
        .emit()
    }

    fn counters(&self) -> Counters {
        Counters {
            stat_sn: SerialNumber(self.stat_sn),
            expected_cmd_sn: SerialNumber(self.cmd_sn + 1),
            max_cmd_sn: SerialNumber(self.cmd_sn + WINDOW),
        }
    }

    /// Returns the frame that takes a PDU on its way.
    fn send(&mut self, way: Way, mut header: Header, data: &[u8]) -> Vec<u8> {
        header.set_data_length(data.len());
        let mut pdu = header.0.to_vec();
        pdu.extend_from_slice(data);
        pdu.resize(pdu.len() + padding(data.len()), 0);
        self.packets = self.packets.wrapping_add(1);
        let segment = |from, to, sequence, acknowledged| Segment {
            from,
            to,
            sequence,
            acknowledged,
            identification: self.packets,
        };
        #[allow(clippy::cast_possible_truncation)] // a PDU with at most 256 bytes of data
        let length = pdu.len() as u32;
        match way {
            Way::ToTarget => {
                let segment = segment(self.initiator, TARGET, self.sent, self.received);
                self.sent = self.sent.wrapping_add(length);
                frame(segment, &pdu)
            }
            Way::ToInitiator => {
                let segment = segment(TARGET, self.initiator, self.received, self.sent);
                self.received = self.received.wrapping_add(length);
                frame(segment, &pdu)
            }
        }
    }
}

/// Writes an Enhanced Packet Block (§4.3).
fn packet(out: &mut impl Write, unix_us: u64, frame: &[u8], comment: &str) -> io::Result<()> {
    let mut body = Vec::new();
    body.extend_from_slice(&0_u32.to_le_bytes()); // the interface
    #[allow(clippy::cast_possible_truncation)] // two halves
    let (high, low) = ((unix_us >> 32) as u32, unix_us as u32);
    body.extend_from_slice(&high.to_le_bytes());
    body.extend_from_slice(&low.to_le_bytes());
    #[allow(clippy::cast_possible_truncation)] // a frame
    let length = frame.len() as u32;
    body.extend_from_slice(&length.to_le_bytes()); // what is here
    body.extend_from_slice(&length.to_le_bytes()); // what there was
    padded(&mut body, frame);
    if !comment.is_empty() {
        option(&mut body, OPTION_COMMENT, comment);
        end_of_options(&mut body);
    }
    block(out, ENHANCED_PACKET, &body)
}

/// Writes a block (§3.1): its type and, before and after its body, its length.
fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    #[allow(clippy::cast_possible_truncation)] // a frame and a comment
    let length = (body.len() + 12) as u32;
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(body)?;
    out.write_all(&length.to_le_bytes())
}

fn option(body: &mut Vec<u8>, code: u16, text: &str) {
    let text = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
    body.extend_from_slice(&code.to_le_bytes());
    #[allow(clippy::cast_possible_truncation)] // cut above
    body.extend_from_slice(&(text.len() as u16).to_le_bytes());
    padded(body, text);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend_from_slice(&[0; 4]);
}

fn padded(body: &mut Vec<u8>, bytes: &[u8]) {
    body.extend_from_slice(bytes);
    body.resize(body.len() + padding(bytes.len()), 0);
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const LINK_ETHERNET: u16 = 1;
const OPTION_COMMENT: u16 = 1;
const OPTION_INTERFACE_NAME: u16 = 2;
const OPTION_USER_APPLICATION: u16 = 4;

const TARGET: End = End {
    address: [10, 0, 1, 1],
    port: 3260,
};
/// Task attribute (RFC 7143 §11.3.1).
const SIMPLE: u8 = 1;
/// The commands that the target would take.
const WINDOW: u32 = 32;
