//! A session of the sans-IO initiator over a blocking socket.

mod tape;

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use iscsi::initiator::{DataTransfer, Finished, Initiator, InitiatorEvent, InitiatorParams};
use scsi::Lun;

/// How we call ourselves.
const NAME: &str = "iqn.2026-11.io.capstan:bench";

/// The same keys as open-iscsi's defaults, but for the longer bursts that large blocks deserve.
const KEYS: &[(&str, &str)] = &[
    ("HeaderDigest", "None"),
    ("DataDigest", "None"),
    ("InitialR2T", "No"),
    ("ImmediateData", "Yes"),
    ("MaxRecvDataSegmentLength", "1048576"),
    ("FirstBurstLength", "262144"),
    ("MaxBurstLength", "16776192"),
    ("MaxOutstandingR2T", "1"),
];

/// The most slices for one send.
const SLICES_MAX: usize = 64;

/// How long anything may take.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);

/// Tells our sessions apart.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// One session.
pub(crate) struct Session {
    stream: TcpStream,
    pub(crate) initiator: Initiator,
    pub(crate) lun: Lun,
    /// How many commands have ended that nobody waited for.
    pub(crate) finished: usize,
}

impl Session {
    /// Returns the names of all targets.
    pub(crate) fn discover(address: SocketAddr) -> Result<Vec<String>> {
        let mut session = Self::begin(address, None, Lun::new(0), &[])?;
        session.initiator.text(&[("SendTargets", "All")]);
        let InitiatorEvent::Text { keys, .. } = session.next()? else {
            bail!("discovery: another answer than a text response");
        };
        Ok(keys
            .into_iter()
            .filter(|(key, _)| key == "TargetName")
            .map(|(_, name)| name)
            .collect())
    }

    /// Logs in to `target`, for its unit `lun`.
    pub(crate) fn log_in(address: SocketAddr, target: &str, lun: Lun) -> Result<Self> {
        Self::begin(address, Some(target), lun, KEYS)
    }

    fn begin(
        address: SocketAddr,
        target: Option<&str>,
        lun: Lun,
        keys: &[(&str, &str)],
    ) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let random = Box::new(|bytes: &mut [u8]| {
            getrandom::fill(bytes).expect("the kernel has random bytes");
        });
        let mut params = InitiatorParams::new(NAME, target, random)
            .with_keys(keys)
            .tolerant();
        // Sessions of one initiator and target differ in it; the same one would end the older session.
        let [_, _, high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        params.isid[4..].copy_from_slice(&[high, low]);
        let mut session = Self {
            stream,
            initiator: Initiator::new(params),
            lun,
            finished: 0,
        };
        match session.next()? {
            InitiatorEvent::LoggedIn { .. } => Ok(session),
            event => bail!("login: {event:?}"),
        }
    }

    /// Sends what there is and returns the next event.
    pub(crate) fn next(&mut self) -> Result<InitiatorEvent> {
        loop {
            self.send()?;
            if let Some(event) = self.initiator.next_event() {
                if let InitiatorEvent::Failed(rule) = event {
                    bail!("the target broke a rule: {rule}");
                }
                return Ok(event);
            }
            let [certain, ahead] = self.initiator.want_ahead();
            let mut places = [IoSliceMut::new(certain), IoSliceMut::new(ahead)];
            let count = self.stream.read_vectored(&mut places)?;
            ensure!(count > 0, "the target closed the connection");
            self.initiator.received(count);
        }
    }

    fn send(&mut self) -> Result<()> {
        while self.initiator.has_output() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let mut used = 0;
            for (slice, bytes) in slices.iter_mut().zip(self.initiator.transmit()) {
                *slice = IoSlice::new(bytes);
                used += 1;
            }
            let count = self.stream.write_vectored(&slices[..used])?;
            self.initiator.sent(count);
        }
        Ok(())
    }

    /// Waits for the next command to end.
    fn next_end(&mut self) -> Result<Finished> {
        loop {
            if let InitiatorEvent::Finished(finished) = self.next()? {
                return Ok(finished);
            }
        }
    }

    fn command(&mut self, cdb: &[u8], data: DataTransfer) -> Result<Finished> {
        self.initiator.command(self.lun, cdb, data);
        self.next_end()
    }

    /// Sends a command that has to end GOOD.
    fn good(&mut self, cdb: &[u8], data: DataTransfer) -> Result<Finished> {
        let finished = self.command(cdb, data)?;
        ended_good(cdb, &finished)?;
        Ok(finished)
    }

    /// TEST UNIT READY until the unit attentions are told.
    pub(crate) fn wait_until_ready(&mut self) -> Result<()> {
        for _ in 0..16 {
            if self.command(&[0; 6], DataTransfer::None)?.status == 0 {
                return Ok(());
            }
        }
        bail!("the unit does not become ready")
    }

    /// TEST UNIT READY on a unit that is ready.
    pub(crate) fn test_unit_ready(&mut self) -> Result<()> {
        self.good(&[0; 6], DataTransfer::None)?;
        Ok(())
    }

    /// Moves the cartridges of the first storage elements into the first drives.
    pub(crate) fn load_cartridges(&mut self, drives: u16) -> Result<()> {
        self.wait_until_ready()?;
        for number in 0..drives {
            let move_medium = self.move_medium(number)?;
            self.good(&move_medium, DataTransfer::None)?;
        }
        Ok(())
    }

    /// Returns the MOVE MEDIUM (SMC-3 §6.6) of the cartridge in storage element `number` into drive
    /// `number`, both from 0. The addresses come from mode page 1Dh (SMC-3 §7.3.4).
    pub(crate) fn move_medium(&mut self, number: u16) -> Result<[u8; 12]> {
        let sense = self.good(&[0x1a, 0x08, 0x1d, 0, 255, 0], DataTransfer::In(255))?;
        let address = |offset: usize, number: u16| -> Result<[u8; 2]> {
            let bytes = sense
                .data
                .get(4 + offset..6 + offset)
                .context("mode page 1Dh is short")?;
            let first = u16::from_be_bytes([bytes[0], bytes[1]]);
            Ok((first + number).to_be_bytes())
        };
        let [r0, r1] = address(2, 0)?;
        let [s0, s1] = address(6, number)?;
        let [d0, d1] = address(14, number)?;
        Ok([0xa5, 0, r0, r1, s0, s1, d0, d1, 0, 0, 0, 0])
    }
}

fn ended_good(cdb: &[u8], finished: &Finished) -> Result<()> {
    ensure!(
        finished.status == 0,
        "CDB {cdb:02x?}: status {:02x}, sense {:02x?}",
        finished.status,
        finished.sense
    );
    Ok(())
}
