//! An initiator that does as it is told: PDUs made by hand over a socket of the standard library.
//!
//! Whatever a test sends, each PDU that comes back is held against the rules that never rest: StatSN
//! counts status and nothing else, and the command window neither shrinks nor turns inside out
//! (RFC 7143 §4.2.2).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use iscsi::wire::{
    Header, LoginRequest, LoginResponse, Opcode, RESERVED_TAG, SerialNumber, Stage, digest, padding,
};

use super::pdu::counts;

pub(crate) use super::pdu::{Login, OPERATIONAL, Pdu, pairs_of, residual, status, text_of, value};

/// One connection. Dropping it closes the socket without a logout.
pub(crate) struct Peer {
    stream: TcpStream,
    /// The CmdSN of the next command that is not immediate.
    pub(crate) cmd_sn: u32,
    next_tag: u32,
    /// The next StatSN, once one was seen.
    stat_sn: Option<SerialNumber>,
    max_cmd_sn: Option<SerialNumber>,
    /// The session's handle.
    pub(crate) tsih: u16,
    /// The target's keys in the login.
    pub(crate) keys: Vec<(String, String)>,
    header_digest: bool,
    data_digest: bool,
}

impl Peer {
    /// Connects and says nothing.
    pub(crate) fn connect(portal: SocketAddr) -> Self {
        Self::over(TcpStream::connect(portal).unwrap())
    }

    /// Uses a connection.
    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            cmd_sn: 1,
            next_tag: 0x100,
            stat_sn: None,
            max_cmd_sn: None,
            tsih: 0,
            keys: Vec::new(),
            header_digest: false,
            data_digest: false,
        }
    }

    /// Logs in with one request.
    pub(crate) fn log_in(portal: SocketAddr, login: &Login) -> Self {
        match Self::try_log_in(portal, login) {
            Ok(peer) => peer,
            Err(status) => panic!("login refused with {status:04x}"),
        }
    }

    /// Logs in with one request; the error is the status.
    pub(crate) fn try_log_in(portal: SocketAddr, login: &Login) -> Result<Self, u16> {
        let mut peer = Self::connect(portal);
        let mut pairs = login.names();
        pairs.extend_from_slice(&login.keys);
        let (stage, next) = OPERATIONAL;
        let (response, keys) = peer.exchange(&login.request(stage, next), &pairs);
        match status(&response) {
            0 => peer.logged_in(login, &response, keys),
            refused => return Err(refused),
        }
        Ok(peer)
    }

    /// Takes note of a login's last response.
    pub(crate) fn logged_in(
        &mut self,
        login: &Login,
        response: &LoginResponse,
        keys: Vec<(String, String)>,
    ) {
        assert!(response.transit, "the login goes on: {response:?}");
        assert_eq!(response.next_stage_bits, Stage::FullFeaturePhase as u8);
        self.cmd_sn = login.cmd_sn;
        self.tsih = response.tsih.0;
        let is_on = |key| value(&keys, key) == Some("CRC32C");
        self.header_digest = is_on("HeaderDigest");
        self.data_digest = is_on("DataDigest");
        self.keys = keys;
    }

    /// Sends one login request and returns the one response with its keys.
    pub(crate) fn exchange(
        &mut self,
        request: &LoginRequest,
        pairs: &[(&str, &str)],
    ) -> (LoginResponse, Vec<(String, String)>) {
        let request = LoginRequest {
            expected_stat_sn: self.stat_sn.unwrap_or(SerialNumber(0)),
            ..*request
        };
        self.send(request.emit(), &text_of(pairs));
        self.login_response()
    }

    /// Takes a login response.
    pub(crate) fn login_response(&mut self) -> (LoginResponse, Vec<(String, String)>) {
        let pdu = self.receive();
        assert_eq!(pdu.opcode(), Opcode::LoginResponse, "{:?}", pdu.header);
        let response = LoginResponse::parse(&pdu.header).unwrap();
        (response, pairs_of(&pdu.data))
    }

    /// Sends a PDU with its padding and digests.
    pub(crate) fn send(&mut self, header: Header, data: &[u8]) {
        let bytes = self.bytes_of(header, data);
        self.send_bytes(&bytes);
    }

    /// Returns a PDU as bytes, with padding and digests.
    pub(crate) fn bytes_of(&self, mut header: Header, data: &[u8]) -> Vec<u8> {
        header.set_data_length(data.len());
        let mut bytes = header.0.to_vec();
        if self.header_digest {
            bytes.extend(digest(&header.0));
        }
        let start = bytes.len();
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len() + padding(data.len()), 0);
        if self.data_digest && !data.is_empty() {
            let data_digest = digest(&bytes[start..]);
            bytes.extend(data_digest);
        }
        bytes
    }

    /// Sends bytes, whatever they mean. The target may have closed; the next receive will tell.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends what goes without waiting for a target that does not take it; returns how much.
    pub(crate) fn send_some(&mut self, bytes: &[u8], patience: Duration) -> usize {
        self.stream.set_write_timeout(Some(patience)).unwrap();
        let sent = self.stream.write(bytes).unwrap_or(0);
        self.stream.set_write_timeout(Some(PATIENCE)).unwrap();
        sent
    }

    /// Ends our side of the connection.
    pub(crate) fn shut_down(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Returns the next PDU.
    pub(crate) fn receive(&mut self) -> Pdu {
        self.receive_or_end()
            .expect("the target closed the connection")
    }

    /// Returns the next PDU that is not about the command window alone (RFC 7143 §11.19): such a
    /// NOP-In may come whenever commands have ended without an answer.
    pub(crate) fn receive_answer(&mut self) -> Pdu {
        loop {
            let pdu = self.receive();
            let is_nop = pdu.opcode() == Opcode::NopIn;
            if !is_nop || pdu.header.task_tag() != RESERVED_TAG || pdu.u32(20) != RESERVED_TAG {
                return pdu;
            }
        }
    }

    /// Returns the next PDU, or `None` when the target closes.
    pub(crate) fn receive_or_end(&mut self) -> Option<Pdu> {
        let mut header = [0; 48];
        if !self.fill(&mut header, Start::OfPdu) {
            return None;
        }
        let header = Header(header);
        if self.header_digest {
            assert_eq!(self.take(4), digest(&header.0), "header digest");
        }
        assert_eq!(header.ahs_length(), 0, "targets send no AHS");
        let length = header.data_length();
        let mut data = self.take(length + padding(length));
        if self.data_digest && length > 0 {
            assert_eq!(self.take(4), digest(&data), "data digest");
        }
        assert!(data[length..].iter().all(|byte| *byte == 0), "padding");
        data.truncate(length);
        let pdu = Pdu { header, data };
        self.check_counters(&pdu);
        Some(pdu)
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        assert!(self.fill(&mut bytes, Start::Within), "cut off");
        bytes
    }

    /// Fills `buffer`; `false` when the target closes before its first byte.
    fn fill(&mut self, buffer: &mut [u8], start: Start) -> bool {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.stream.read(&mut buffer[filled..]) {
                Ok(0) if filled == 0 && start == Start::OfPdu => return false,
                Ok(0) => panic!("the target closed in the middle of a PDU"),
                Ok(count) => filled += count,
                // Whoever closes with our bytes unread resets.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("no answer for {PATIENCE:?}: {error}"),
            }
        }
        true
    }

    /// N1 and N5, for everything that comes.
    fn check_counters(&mut self, pdu: &Pdu) {
        let counters = pdu.counters();
        let is_refusal = pdu.opcode() == Opcode::LoginResponse && pdu.header.0[36] != 0;
        let told = pdu.opcode() != Opcode::DataIn || pdu.header.0[1] & 1 != 0;
        if told && let Some(expected) = self.stat_sn {
            assert_eq!(counters.stat_sn, expected, "StatSN: {:?}", pdu.header);
        }
        if counts(pdu) {
            self.stat_sn = Some(counters.stat_sn.next());
        }
        if is_refusal {
            return; // RFC 7143 §11.13.5: the numbers mean nothing then
        }
        assert!(
            !counters
                .max_cmd_sn
                .next()
                .is_before(counters.expected_cmd_sn),
            "MaxCmdSN {:?} under ExpCmdSN {:?} - 1",
            counters.max_cmd_sn,
            counters.expected_cmd_sn
        );
        if let Some(before) = self.max_cmd_sn {
            assert!(!counters.max_cmd_sn.is_before(before), "MaxCmdSN goes back");
        }
        self.max_cmd_sn = Some(counters.max_cmd_sn);
    }

    /// Returns the last MaxCmdSN that the target told.
    pub(crate) fn max_cmd_sn(&self) -> u32 {
        self.max_cmd_sn.expect("after a login").0
    }

    /// Sees the target close without another word.
    pub(crate) fn expect_end(&mut self) {
        let pdu = self.receive_or_end();
        assert_eq!(pdu, None, "nothing but the end");
    }

    /// Returns an initiator task tag that was not used before.
    pub(crate) fn tag(&mut self) -> u32 {
        self.next_tag += 1;
        self.next_tag
    }

    /// Returns the CmdSN for a request and counts.
    pub(crate) fn take_cmd_sn(&mut self) -> SerialNumber {
        let cmd_sn = SerialNumber(self.cmd_sn);
        self.cmd_sn = self.cmd_sn.wrapping_add(1);
        cmd_sn
    }

    pub(crate) fn expected_stat_sn(&self) -> SerialNumber {
        self.stat_sn.unwrap_or(SerialNumber(0))
    }
}

/// Where the end of the stream may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    OfPdu,
    Within,
}

/// Nothing here takes this long; whoever waits longer has found a bug.
const PATIENCE: Duration = Duration::from_secs(20);
