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

use crate::cell::{Busy, Cell, Compression, Figure, Sealing, Work};
use crate::contestant::{self, Contestant, Setup};
use crate::measure::latencies;
use crate::server::Server;
use crate::session::Session;

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

/// What the target is busy with, in the order of the table.
const ALL: [Busy; 4] = [Busy::Idle, Busy::Motion, Busy::FullWindows, Busy::Burst];

/// Returns the words for the table.
pub(crate) fn name(busy: Busy) -> String {
    match busy {
        Busy::Idle => "nothing".to_owned(),
        Busy::Motion => "a motion that does not end".to_owned(),
        Busy::FullWindows => format!("the same, and {QUEUED} commands behind it"),
        Busy::Burst => format!("{STREAMED} writes of {} MiB at a time", BLOCK_BYTES >> 20),
    }
}

/// Measures `samples` NOPs and as many ABORT TASKs in each state, with a gateway of its own for each.
pub(crate) fn measure(setup: &Setup, samples: usize) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let contestant = Contestant::Capstan(Compression::None);
    for busy in ALL {
        let mut running = contestant.start(setup, 1)?;
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
        let subject = contestant.subject(Sealing::Clear);
        for (work, samples) in [(Work::Nop(busy), nops), (Work::Abort(busy), aborts)] {
            figures.extend(latencies(Cell::new(subject, work, 0), &samples));
        }
    }
    Ok(figures)
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
