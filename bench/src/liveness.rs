//! How long a NOP and a task management request wait for their answer while the target is busy.
//!
//! What is in the way: nothing; a motion that does not end; the same with every command window of
//! several sessions full behind it; writes of several megabytes that stream through the same
//! connection. Initiators give up on a session whose NOP is not answered in seconds (open-iscsi: five),
//! so this is what keeps sessions alive.
//!
//! The motion that does not end is a MOVE MEDIUM into a drive of a cartridge whose label is a FIFO.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use serde::Serialize;

use crate::contestant::{self, Contestant, Setup};
use crate::server::Server;
use crate::session::Session;

/// What the target is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Busy {
    /// Nothing.
    Idle,
    /// A motion that does not end.
    Motion,
    /// The same, and [`QUEUED`] commands behind it.
    FullWindows,
    /// [`STREAMED`] writes at a time through the connection that asks.
    Burst,
}

impl Busy {
    const ALL: [Self; 4] = [Self::Idle, Self::Motion, Self::FullWindows, Self::Burst];

    /// Returns the words for the table.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Idle => "nothing".to_owned(),
            Self::Motion => "a motion that does not end".to_owned(),
            Self::FullWindows => format!("the same, and {QUEUED} commands behind it"),
            Self::Burst => format!("{STREAMED} writes of {} MiB at a time", BLOCK_BYTES >> 20),
        }
    }
}

/// How long the answers took, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Latency {
    /// What the target was busy with.
    pub(crate) busy: Busy,
    /// `NOP-Out` or `ABORT TASK`.
    pub(crate) request: &'static str,
    /// How many there were.
    pub(crate) samples: usize,
    /// The median.
    pub(crate) median_ms: f64,
    /// The 99th percentile.
    pub(crate) percentile_99_ms: f64,
    /// The longest.
    pub(crate) longest_ms: f64,
}

/// How many commands wait behind the motion, over all sessions.
const QUEUED: usize = 128;

/// How many sessions queue them: a window is 32.
const SESSIONS: usize = 4;

/// How many writes are in flight when a burst streams.
const STREAMED: usize = 4;

/// How long each of those is.
const BLOCK_BYTES: usize = 4 << 20;

/// How long a motion is given to begin.
const BEGIN: Duration = Duration::from_millis(200);

const TEST_UNIT_READY: [u8; 6] = [0; 6];

/// Measures `samples` NOPs and as many ABORT TASKs in each state, with a gateway of its own for each.
pub(crate) fn measure(setup: &Setup, samples: usize) -> Result<Vec<Latency>> {
    let mut latencies = Vec::new();
    for busy in Busy::ALL {
        eprintln!("liveness: {}", busy.name());
        let compression = "none".to_owned();
        let mut running = Contestant::Capstan { compression }.start(setup, 1)?;
        let drive = running.drives.remove(0);
        let mut queuing = Vec::new();
        let mut stream = None;
        let mut session = match busy {
            Busy::Idle => drive,
            Busy::Motion => hanging_changer(&running.server)?,
            Busy::FullWindows => {
                let changer = hanging_changer(&running.server)?;
                queuing = full_windows(&running.server)?;
                changer
            }
            Busy::Burst => {
                stream = Some(Stream::new());
                drive
            }
        };
        let (mut nops, mut aborts) = (Vec::new(), Vec::new());
        for sample in 0..2 * samples {
            if let Some(stream) = &mut stream {
                stream.flow(&mut session)?;
            }
            // Of several sessions each has its turn: all wait for the same motion.
            let count = queuing.len() + 1;
            let asking = queuing.get_mut(sample / 2 % count).unwrap_or(&mut session);
            // In turn, so that neither hides behind the other.
            match sample % 2 {
                0 => nops.push(asking.ping()?),
                _ => aborts.push(asking.abort_nothing()?),
            }
        }
        latencies.push(Latency::of(busy, "NOP-Out", nops));
        latencies.push(Latency::of(busy, "ABORT TASK", aborts));
    }
    Ok(latencies)
}

/// Returns a session with the changer, whose MOVE MEDIUM hangs.
fn hanging_changer(server: &Server) -> Result<Session> {
    let mut changer = contestant::capstan::changer(server)?;
    for cartridge in fs::read_dir(server.path("data").join("cartridges"))? {
        replace_by_fifo(&cartridge?.path().join("label"))?;
    }
    let move_medium = changer.move_medium(1)?;
    changer.begin_command(&move_medium);
    let started = Instant::now();
    while started.elapsed() < BEGIN {
        changer.ping()?;
    }
    ensure!(changer.finished() == 0, "the motion did not hang");
    Ok(changer)
}

fn replace_by_fifo(label: &Path) -> Result<()> {
    fs::remove_file(label)?;
    let made = Command::new("mkfifo").arg(label).status()?;
    ensure!(made.success(), "mkfifo {}", label.display());
    Ok(())
}

/// Returns sessions with the changer whose [`QUEUED`] commands wait for the motion.
fn full_windows(server: &Server) -> Result<Vec<Session>> {
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        let mut session = contestant::capstan::changer_unasked(server)?;
        for _ in 0..QUEUED / SESSIONS {
            session.begin_command(&TEST_UNIT_READY);
        }
        session.ping()?;
        ensure!(session.finished() == 0, "a command did not wait");
        sessions.push(session);
    }
    Ok(sessions)
}

/// Writes that never stop coming.
struct Stream {
    block: Bytes,
    begun: usize,
}

impl Stream {
    fn new() -> Self {
        Self {
            block: vec![0x5a; BLOCK_BYTES].into(),
            begun: 0,
        }
    }

    /// Waits for the end of a write once all are begun, and begins another: what is asked next stands
    /// behind its data.
    fn flow(&mut self, drive: &mut Session) -> Result<()> {
        if self.begun == drive.finished() + STREAMED {
            drive.wait_for_an_end()?;
        }
        while self.begun < drive.finished() + STREAMED {
            drive.begin_write(&self.block)?;
            self.begun += 1;
        }
        Ok(())
    }
}

impl Latency {
    fn of(busy: Busy, request: &'static str, mut samples: Vec<Duration>) -> Self {
        samples.sort();
        let at = |percent: usize| {
            let index = (samples.len() * percent).div_ceil(100).saturating_sub(1);
            samples
                .get(index)
                .map_or(f64::NAN, |sample| sample.as_secs_f64() * 1e3)
        };
        Self {
            busy,
            request,
            samples: samples.len(),
            median_ms: at(50),
            percentile_99_ms: at(99),
            longest_ms: at(100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let samples = (1..=200).rev().map(Duration::from_millis).collect();
        let latency = Latency::of(Busy::Idle, "NOP-Out", samples);
        let close = |is: f64, should: f64| (is - should).abs() < 1e-9;
        assert!(close(latency.median_ms, 100.0));
        assert!(close(latency.percentile_99_ms, 198.0));
        assert!(close(latency.longest_ms, 200.0));
    }
}
