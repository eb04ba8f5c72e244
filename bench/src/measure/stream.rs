//! Blocks are written up to a filemark, which makes them durable, and read back.
//!
//! The clock runs from the first block until the filemark is answered; for reading, until the last
//! block is there. Meanwhile the target's memory, CPU time and writes are watched from outside.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use bytes::Bytes;

use crate::cell::{Cell, Figure, Measure, Work};
use crate::contestant::Running;
use crate::data::{Pool, Verifier};
use crate::null;
use crate::server::{Files, Server};
use crate::session::Session;
use crate::statistics::as_float;

/// What is written and read.
pub(crate) struct Stream<'a> {
    /// The cell, of whichever work.
    pub(crate) cell: Cell,
    /// Where the blocks come from.
    pub(crate) pool: &'a Pool,
    /// How much each drive moves.
    pub(crate) bytes: u64,
    /// What reads back.
    pub(crate) reads_back: ReadsBack,
}

/// What reads back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadsBack {
    /// What was written.
    Written,
    /// What null cartridges give.
    Pattern,
}

impl Stream<'_> {
    /// Writes and reads on as many drives as the cell says, from the beginning of their cartridges.
    pub(crate) fn measure(&self, running: &mut Running) -> Result<Vec<Figure>> {
        let Running { drives, server } = running;
        let drives = &mut drives[..usize::from(self.cell.drives)];
        for drive in &mut *drives {
            drive.clear()?;
        }
        server.settle()?;
        let before = server.files()?;
        let mut figures = self.watched(server, Work::Write, || {
            at_once(drives, |drive| self.write(drive))
        })?;
        figures.extend(self.growth(before, server.files()?));
        for drive in &mut *drives {
            drive.rewind()?;
        }
        figures.extend(self.watched(server, Work::Read, || {
            at_once(drives, |drive| self.read(drive))
        })?);
        Ok(figures)
    }

    fn write(&self, drive: &mut Session) -> Result<()> {
        let length = self.block_bytes();
        let block = |number| self.pool.block(number, length);
        drive.write_blocks(length, self.count(), self.cell.depth, block)?;
        drive.write_filemark()
    }

    fn read(&self, drive: &mut Session) -> Result<Verifying<'_>> {
        let length = self.block_bytes();
        let expected: Box<dyn Fn(u64) -> Bytes + Send + '_> = match self.reads_back {
            ReadsBack::Written => Box::new(move |number| self.pool.block(number, length)),
            ReadsBack::Pattern => {
                let pattern = null::pattern(length);
                Box::new(move |_| pattern.clone())
            }
        };
        let mut verifier = Verifier::new(expected);
        drive.read_blocks(length, self.count(), self.cell.depth, |data| {
            verifier.take(data)
        })?;
        Ok(verifier)
    }

    /// Runs `work` on all drives and returns what was seen meanwhile. What `work` leaves to be checked
    /// is checked afterwards.
    fn watched<T: Finish>(
        &self,
        server: &Server,
        work: Work,
        run: impl FnOnce() -> Result<(Vec<T>, Duration)>,
    ) -> Result<Vec<Figure>> {
        server.forget_peak()?;
        let before = server.usage()?;
        let (left, elapsed) = run()?;
        let after = server.usage()?;
        let peak = server.peak_mebibytes()?;
        for left in left {
            left.finish()?;
        }
        let bytes = as_float(self.bytes_of_all());
        let mut values = vec![
            (
                Measure::MegabytesPerSecond,
                bytes / elapsed.as_secs_f64() / 1e6,
            ),
            (
                Measure::CpuSecondsPerGigabyte,
                (after.cpu_seconds - before.cpu_seconds) / bytes * 1e9,
            ),
            (Measure::PeakMebibytes, peak),
        ];
        if work == Work::Write {
            let written = as_float(after.written_bytes - before.written_bytes);
            values.push((Measure::WrittenPerByte, written / bytes));
        }
        let cell = Cell { work, ..self.cell };
        let figure = |(measure, value)| Figure {
            cell,
            measure,
            value,
        };
        Ok(values.into_iter().map(figure).collect())
    }

    /// Returns by how much the files grew.
    fn growth(&self, before: Files, after: Files) -> [Figure; 2] {
        let bytes = as_float(self.bytes_of_all());
        let cell = Cell {
            work: Work::Write,
            ..self.cell
        };
        let figure = |measure, before: u64, after: u64| Figure {
            cell,
            measure,
            value: as_float(after.saturating_sub(before)) / bytes,
        };
        [
            figure(
                Measure::StoredPerByte,
                before.length_bytes,
                after.length_bytes,
            ),
            figure(
                Measure::AllocatedPerByte,
                before.allocated_bytes,
                after.allocated_bytes,
            ),
        ]
    }

    fn block_bytes(&self) -> usize {
        usize::try_from(self.cell.kib << 10).expect("a block fits into memory")
    }

    /// Returns how many blocks each drive moves.
    fn count(&self) -> u64 {
        self.bytes.div_ceil(self.cell.kib << 10)
    }

    fn bytes_of_all(&self) -> u64 {
        self.count() * (self.cell.kib << 10) * u64::from(self.cell.drives)
    }
}

/// What is left to be done when the clock has stopped.
trait Finish {
    fn finish(self) -> Result<()>;
}

impl Finish for () {
    fn finish(self) -> Result<()> {
        Ok(())
    }
}

type Verifying<'a> = Verifier<Box<dyn Fn(u64) -> Bytes + Send + 'a>>;

impl Finish for Verifying<'_> {
    fn finish(self) -> Result<()> {
        Verifier::finish(self)
    }
}

/// Does `work` on all of `drives` at once, each with a thread of its own when there are several, and
/// returns how long the last took.
fn at_once<T>(
    drives: &mut [Session],
    work: impl Fn(&mut Session) -> Result<T> + Sync,
) -> Result<(Vec<T>, Duration)>
where
    T: Send,
{
    let start = Instant::now();
    if let [drive] = drives {
        let done = work(drive)?;
        return Ok((vec![done], start.elapsed()));
    }
    thread::scope(|scope| {
        let work = &work;
        let workers: Vec<_> = drives
            .iter_mut()
            .map(|drive| scope.spawn(move || work(drive)))
            .collect();
        let mut done = Vec::new();
        for worker in workers {
            done.push(worker.join().map_err(|_| anyhow!("a client panicked"))??);
        }
        Ok((done, start.elapsed()))
    })
}
