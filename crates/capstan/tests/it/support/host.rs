//! A host: the initiator of crate `iscsi` over a socket of the standard library.

use std::io::{IoSlice, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use iscsi::initiator::{DataTransfer, Finished, Initiator, InitiatorEvent, InitiatorParams};
use scsi::Lun;

/// The host's name when the story does not care.
pub(crate) const NAME: &str = "iqn.2020-01.org.example:host";

/// A session. Dropping it closes the connection without a logout, as a crash would.
pub(crate) struct Host {
    core: Initiator,
    stream: TcpStream,
    /// The session's handle.
    pub(crate) tsih: u16,
    /// The keys of the login responses.
    pub(crate) keys: Vec<(String, String)>,
    lun: Lun,
}

impl Host {
    /// Logs in to `target` with keys as open-iscsi offers them.
    pub(crate) fn log_in(portal: SocketAddr, target: &str) -> Self {
        Self::try_log_in(portal, params(NAME, Some(target))).expect("login")
    }

    /// Logs in as `params` say; the error is the status.
    pub(crate) fn try_log_in(portal: SocketAddr, params: InitiatorParams) -> Result<Self, u16> {
        Self::log_in_unless_dead(portal, params).expect("an answer to the login")
    }

    /// The same; `None` when the target is not there, or dies before it answers.
    pub(crate) fn log_in_unless_dead(
        portal: SocketAddr,
        params: InitiatorParams,
    ) -> Option<Result<Self, u16>> {
        let stream = TcpStream::connect(portal).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let core = Initiator::new(params);
        let mut host = Self {
            core,
            stream,
            tsih: 0,
            keys: Vec::new(),
            lun: Lun::new(0),
        };
        match host.event()? {
            InitiatorEvent::LoggedIn { keys, tsih } => {
                host.tsih = tsih;
                host.keys = keys;
                Some(Ok(host))
            }
            InitiatorEvent::LoginFailed { status, .. } => Some(Err(status)),
            other => panic!("no answer to the login: {other:?}"),
        }
    }

    /// Returns what happens next; `None` when the target closes the connection.
    pub(crate) fn event(&mut self) -> Option<InitiatorEvent> {
        loop {
            self.send();
            match self.core.next_event() {
                Some(InitiatorEvent::Failed(rule)) => panic!("the target broke a rule: {rule}"),
                Some(event) => return Some(event),
                None => {}
            }
            // A reset is as good as an end.
            let count = match self.stream.read(self.core.want()) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("the target says nothing for {PATIENCE:?}")
                }
                result => result.unwrap_or(0),
            };
            if count == 0 {
                return None;
            }
            self.core.received(count);
        }
    }

    fn send(&mut self) {
        while self.core.has_output() {
            let slices: Vec<IoSlice<'_>> = self.core.transmit().map(IoSlice::new).collect();
            match self.stream.write_vectored(&slices) {
                Ok(count) => self.core.sent(count),
                Err(_) => return, // the answer, or its absence, will tell
            }
        }
    }

    /// Talks to this logical unit from now on.
    pub(crate) fn use_lun(&mut self, number: u16) {
        self.lun = Lun::new(number);
    }

    /// Sends a command and does not wait for its end; returns its tag.
    pub(crate) fn start(&mut self, cdb: &[u8], data: DataTransfer) -> u32 {
        let tag = self.core.command(self.lun, cdb, data);
        self.send();
        tag
    }

    /// Returns whether a command is in flight: sent, and without an end that we know of.
    pub(crate) fn is_sent(&self, tag: u32) -> bool {
        self.core.cmd_sn_of(tag).is_some()
    }

    /// Sends a task management request, for one command or for none; returns its tag. `None` when the
    /// command is not in flight.
    pub(crate) fn start_management(&mut self, function: u8, command: Option<u32>) -> Option<u32> {
        let referenced = match command {
            Some(tag) => Some((tag, self.core.cmd_sn_of(tag)?)),
            None => None,
        };
        let tag = self.core.manage(function, self.lun, referenced);
        self.send();
        Some(tag)
    }

    /// Runs a command.
    pub(crate) fn run(&mut self, cdb: &[u8], data: DataTransfer) -> Finished {
        let tag = self.core.command(self.lun, cdb, data);
        loop {
            match self.event() {
                Some(InitiatorEvent::Finished(finished)) => {
                    assert_eq!(finished.task_tag, tag);
                    return finished;
                }
                Some(InitiatorEvent::Pinged { .. }) => {}
                other => panic!("no answer to {cdb:02x?}: {other:?}"),
            }
        }
    }

    /// Runs a command; `None` when the connection ends before it does.
    pub(crate) fn try_run(&mut self, cdb: &[u8], data: DataTransfer) -> Option<Finished> {
        self.core.command(self.lun, cdb, data);
        loop {
            match self.event()? {
                InitiatorEvent::Finished(finished) => return Some(finished),
                InitiatorEvent::Pinged { .. } => {}
                other => panic!("no answer to {cdb:02x?}: {other:?}"),
            }
        }
    }

    /// Runs a command that must end GOOD, and returns what came in.
    pub(crate) fn good(&mut self, cdb: &[u8], data: DataTransfer) -> Vec<u8> {
        let finished = self.run(cdb, data);
        assert_eq!(finished.status, 0, "{cdb:02x?}: {}", Sense::of(&finished));
        finished.data
    }

    /// Asks with Text and returns the target's pairs.
    pub(crate) fn text(&mut self, pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        self.core.text(pairs);
        match self.event() {
            Some(InitiatorEvent::Text { keys, .. }) => keys,
            other => panic!("no answer to {pairs:?}: {other:?}"),
        }
    }

    /// Pings the target and returns the echo.
    pub(crate) fn nop(&mut self, data: &[u8]) -> Vec<u8> {
        self.core.nop(data);
        match self.event() {
            Some(InitiatorEvent::NopIn { data, .. }) => data,
            other => panic!("no answer to NOP-Out: {other:?}"),
        }
    }

    /// Sends a task management request for the logical unit and returns the response.
    pub(crate) fn manage(&mut self, function: u8) -> u8 {
        self.core.manage(function, self.lun, None);
        match self.event() {
            Some(InitiatorEvent::ManagementDone { response, .. }) => response,
            other => panic!("no answer to function {function}: {other:?}"),
        }
    }

    /// Logs out and sees the connection end.
    pub(crate) fn log_out(mut self) {
        self.core.log_out(0);
        let answer = self.event();
        assert_eq!(answer, Some(InitiatorEvent::LogoutDone { response: 0 }));
        assert_eq!(self.event(), None, "the target closes after a logout");
    }

    /// Sees the target close.
    pub(crate) fn expect_end(mut self) {
        assert_eq!(self.event(), None, "nothing but the end");
    }

    /// Takes unit attentions until there is none, and returns their additional sense codes.
    pub(crate) fn attentions(&mut self) -> Vec<(u8, u8)> {
        let mut seen = Vec::new();
        loop {
            let finished = self.run(&[0x00, 0, 0, 0, 0, 0], DataTransfer::None);
            let sense = Sense::of(&finished);
            if sense.key != 0x6 {
                return seen;
            }
            seen.push(sense.additional);
            assert!(seen.len() < 16, "unit attentions without end: {seen:02x?}");
        }
    }
}

/// Fixed-format sense data (SPC-5 §4.4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sense {
    pub(crate) key: u8,
    pub(crate) additional: (u8, u8),
    pub(crate) filemark: bool,
    pub(crate) end_of_medium: bool,
    pub(crate) incorrect_length: bool,
    pub(crate) information: i32,
}

impl Sense {
    /// Returns the sense of a command; all zero when there is none.
    pub(crate) fn of(finished: &Finished) -> Self {
        let sense = &finished.sense;
        if sense.len() < 14 {
            return Self::default();
        }
        Self {
            key: sense[2] & 0xf,
            additional: (sense[12], sense[13]),
            filemark: sense[2] & 0x80 != 0,
            end_of_medium: sense[2] & 0x40 != 0,
            incorrect_length: sense[2] & 0x20 != 0,
            information: i32::from_be_bytes(sense[3..7].try_into().unwrap()),
        }
    }
}

impl std::fmt::Display for Sense {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (asc, ascq) = self.additional;
        write!(f, "sense {:x}/{asc:02x}/{ascq:02x}", self.key)
    }
}

/// Returns parameters for `name`, with the keys that open-iscsi offers.
pub(crate) fn params(name: &str, target: Option<&str>) -> InitiatorParams {
    InitiatorParams::new(name, target, Box::new(|bytes: &mut [u8]| bytes.fill(7))).with_keys(&[
        ("HeaderDigest", "None"),
        ("DataDigest", "None"),
        ("InitialR2T", "No"),
        ("ImmediateData", "Yes"),
        ("MaxBurstLength", "16776192"),
        ("FirstBurstLength", "262144"),
        ("MaxRecvDataSegmentLength", "262144"),
        ("MaxOutstandingR2T", "1"),
    ])
}

/// Nothing here takes this long; whoever waits longer has found a bug.
const PATIENCE: Duration = Duration::from_secs(20);
