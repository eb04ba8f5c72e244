//! A run: rounds of limits and contestants, and what is done to each.

use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;

use crate::contestant::{Contestant, Peer, Running, Setup};
use crate::cpus::Cpus;
use crate::laps::{Clock, median, quantile};
use crate::limit::{self, Exchange, Way};
use crate::machine::{self, Machine};
use crate::report::{Cell, Circumstances, Figure, Kind, Report, RoundTrips, Subject};
use crate::session::Session;
use crate::{Options, liveness, null};

/// The exchange and a contestant take turns of this length, so that whatever slows the machine down
/// slows both.
const TURN_BYTES: u64 = 16 << 20;

/// The same for round trips.
const TURN_ROUND_TRIPS: u64 = 200;

/// A run under way.
pub(crate) struct Run<'a> {
    options: &'a Options,
    setup: Setup,
    cpus: Cpus,
    /// Those that are still in, in the order of the next round.
    contestants: Vec<Contestant>,
    report: Report,
}

impl<'a> Run<'a> {
    /// Returns a run that has not begun.
    pub(crate) fn new(options: &'a Options) -> Result<Self> {
        let cpus = Cpus::new(!options.unpinned)?;
        let setup = Setup {
            capstan: options.capstan.clone(),
            directory: options.directory.clone().unwrap_or_else(std::env::temp_dir),
        };
        let null = (!options.no_null).then_some(Contestant::Null);
        let ours = options.compression.iter().cloned();
        let peers = options.peers.iter().copied();
        let contestants: Vec<Contestant> = null
            .into_iter()
            .chain(ours.map(|compression| Contestant::Capstan { compression }))
            .chain(peers.map(Contestant::Peer))
            .collect();
        let mut versions: Vec<String> = contestants
            .iter()
            .filter_map(|contestant| contestant.version(&setup))
            .collect();
        versions.dedup();
        let report = Report::new(Circumstances {
            revision: options.revision.clone(),
            machine: Machine::this(),
            client_and_target_cpu: cpus.pair(),
            versions,
            random_percent: options.random,
            amount_mib: options.amount,
            commands: options.depth,
            drives: options.drives,
            load_averages: Vec::new(),
            left_out: Vec::new(),
        });
        Ok(Self {
            options,
            setup,
            cpus,
            contestants,
            report,
        })
    }

    /// Returns what was measured so far.
    pub(crate) fn report(&self) -> &Report {
        &self.report
    }

    /// Measures everything once.
    pub(crate) fn round(&mut self, round: u32) -> Result<()> {
        let load = machine::load_average();
        self.report.circumstances.load_averages.push(load);
        for &kib in &self.options.blocks {
            eprintln!("round {round} of {}: {kib} KiB", self.options.rounds);
            let block = half_random(kib << 10, self.options.random)?;
            self.limits(round, kib, &block)?;
            for contestant in self.contestants.clone() {
                self.contest(&contestant, round, kib, &block)?;
            }
        }
        self.contestants.rotate_left(1);
        Ok(())
    }

    /// Times the answers of a busy gateway.
    pub(crate) fn liveness(&mut self) -> Result<()> {
        self.cpus.free_this_thread()?;
        self.report.latencies = liveness::measure(&self.setup, self.options.liveness)?;
        Ok(())
    }

    fn limits(&mut self, round: u32, kib: u64, block: &Bytes) -> Result<()> {
        let cell = |way| Cell::single(round, way, kib);
        let count = self.count(kib);
        let bytes = count * block.len() as u64;
        for way in Way::ALL {
            let mut exchange = Exchange::start(way, block.len(), &self.cpus)?;
            let mut clock = Clock::new(1);
            clock.time(|laps| exchange.turns(count, laps))?;
            let subject = Subject::new(Kind::Exchange, "exchange");
            let figure = Figure::new(cell(way), subject, bytes, &clock.stop());
            self.report.add(figure);
        }
        let timings = limit::page_cache(&self.setup.directory, block, count)?;
        for (way, timing) in Way::ALL.into_iter().zip(timings) {
            let subject = Subject::new(Kind::PageCache, "page cache");
            self.report
                .add(Figure::new(cell(way), subject, bytes, &timing));
        }
        Ok(())
    }

    /// Measures a contestant. A peer that fails is left out from now on.
    fn contest(
        &mut self,
        contestant: &Contestant,
        round: u32,
        kib: u64,
        block: &Bytes,
    ) -> Result<()> {
        let name = contestant.name();
        match self.measure(contestant, round, kib, block) {
            Ok(()) => {}
            Err(error) if contestant.kind() == Kind::Peer => {
                let why = format!("{name}, from round {round}, {kib} KiB: {error:#}");
                eprintln!("LEFT OUT: {why}");
                self.report.circumstances.left_out.push(why);
                self.contestants.retain(|other| other != contestant);
            }
            Err(error) => bail!("{name}: {error:#}"),
        }
        Ok(())
    }

    fn measure(
        &mut self,
        contestant: &Contestant,
        round: u32,
        kib: u64,
        block: &Bytes,
    ) -> Result<()> {
        let is_peer = contestant.kind() == Kind::Peer;
        let drives = if is_peer { 1 } else { self.options.drives };
        // It looks at the CPUs when it starts, and is to see what it sees elsewhere.
        self.cpus.free_this_thread()?;
        let mut running = contestant.start(&self.setup, drives)?;
        self.cpus.part(&running.server)?;
        let subject = Subject::new(contestant.kind(), &contestant.name());
        let expected = contestant.reads_back(block);
        if self.options.round_trips > 0 && self.options.blocks.first() == Some(&kib) {
            let trips = round_trips(&mut running.drives[0], self.options.round_trips, &self.cpus)?;
            self.report.add_round_trips(round, subject.clone(), trips);
        }
        for depth in [1, self.options.depth] {
            let count = self.count(kib);
            for way in Way::ALL {
                let cell = Cell {
                    depth,
                    ..Cell::single(round, way, kib)
                };
                let data = if way == Way::Write { block } else { &expected };
                let figure = one_drive(&mut running, &subject, cell, data, count, &self.cpus)
                    .with_context(|| format!("{way:?}, {depth} at a time"))?;
                self.report.add(figure);
            }
            if self.options.depth <= 1 {
                break;
            }
        }
        if drives > 1 {
            self.cpus.free(&running.server)?;
            let count = self.count(kib).div_ceil(2);
            for way in Way::ALL {
                let cell = Cell::single(round, way, kib);
                let data = if way == Way::Write { block } else { &expected };
                let figure = all_drives(&mut running, &subject, cell, data, count)
                    .with_context(|| format!("{way:?}, {drives} drives"))?;
                self.report.add(figure);
            }
        }
        Ok(())
    }

    /// Returns how many blocks are moved for a figure.
    fn count(&self, kib: u64) -> u64 {
        (self.options.amount << 10).div_ceil(kib)
    }
}

/// Moves `count` blocks of `data` from the beginning of the first drive's cartridge, by turns with the
/// exchange of the same block.
fn one_drive(
    running: &mut Running,
    subject: &Subject,
    cell: Cell,
    data: &Bytes,
    count: u64,
    cpus: &Cpus,
) -> Result<Figure> {
    let Running { drives, server } = running;
    let drive = &mut drives[0];
    drive.rewind()?;
    let mut exchange = Exchange::start(cell.way, data.len(), cpus)?;
    let (mut limit, mut clock) = (Clock::new(1), Clock::new(cell.depth));
    let turn = (TURN_BYTES / data.len() as u64).max(1);
    let ((), cpu) = server.timed(|| {
        let mut left = count;
        while left > 0 {
            let now = turn.min(left);
            limit.time(|laps| exchange.turns(now, laps))?;
            clock.time(|laps| match cell.way {
                Way::Write => drive.write_blocks(data, now, cell.depth, laps),
                Way::Read => drive.read_blocks(data, now, cell.depth, laps),
            })?;
            left -= now;
        }
        match cell.way {
            Way::Write => clock.time(|_| drive.write_filemark()),
            Way::Read => Ok(()),
        }
    })?;
    let bytes = count * data.len() as u64;
    let mut figure = Figure::new(cell, subject.clone(), bytes, &clock.stop());
    figure.set_cpu_seconds(cpu, bytes);
    figure.exchange_median_mebibyte = median(&limit.stop().laps);
    Ok(figure)
}

/// Moves `count` blocks of `data` from the beginning of each drive's cartridge, all at once, after the
/// first drive alone has done the same.
fn all_drives(
    running: &mut Running,
    subject: &Subject,
    cell: Cell,
    data: &Bytes,
    count: u64,
) -> Result<Figure> {
    let bytes = count * data.len() as u64;
    let alone = together(&mut running.drives[..1], cell.way, data, count)?;
    let drives = running.drives.len() as u64;
    let Running {
        drives: all,
        server,
    } = running;
    let (seconds, cpu) = server.timed(|| together(all, cell.way, data, count))?;
    let cell = Cell {
        drives: u16::try_from(drives)?,
        ..cell
    };
    let mut figure = Figure::of_seconds(cell, subject.clone(), bytes * drives, seconds);
    figure.set_cpu_seconds(cpu, bytes * drives);
    let one = Figure::of_seconds(cell, subject.clone(), bytes, alone);
    figure.one_drive_megabytes_per_second = Some(one.megabytes_per_second);
    Ok(figure)
}

/// Returns how many seconds all of `drives` took, each with a thread of its own.
fn together(drives: &mut [Session], way: Way, data: &Bytes, count: u64) -> Result<f64> {
    for drive in &mut *drives {
        drive.rewind()?;
    }
    let start = Instant::now();
    thread::scope(|scope| {
        let workers: Vec<_> = drives
            .iter_mut()
            .map(|drive| {
                scope.spawn(move || {
                    Clock::new(1).time(|laps| match way {
                        Way::Write => {
                            drive.write_blocks(data, count, 1, laps)?;
                            drive.write_filemark()
                        }
                        Way::Read => drive.read_blocks(data, count, 1, laps),
                    })
                })
            })
            .collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        Ok(start.elapsed().as_secs_f64())
    })
}

/// Times TEST UNIT READY, by turns with bare exchanges of as many bytes.
fn round_trips(drive: &mut Session, count: u64, cpus: &Cpus) -> Result<RoundTrips> {
    let mut exchange = Exchange::start(Way::Write, 0, cpus)?;
    let (mut bare, mut unit_ready) = (Vec::new(), Vec::new());
    for _ in 0..count.div_ceil(TURN_ROUND_TRIPS) {
        for _ in 0..TURN_ROUND_TRIPS {
            let start = Instant::now();
            exchange.turn()?;
            bare.push(start.elapsed().as_secs_f64() * 1e6);
        }
        for _ in 0..TURN_ROUND_TRIPS {
            let start = Instant::now();
            drive.test_unit_ready()?;
            unit_ready.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    let of = |values: &[f64], part, whole| quantile(values, part, whole).unwrap_or(f64::NAN);
    Ok(RoundTrips {
        median_us: of(&unit_ready, 1, 2),
        percentile_99_us: of(&unit_ready, 99, 100),
        bare_median_us: of(&bare, 1, 2),
        bare_percentile_99_us: of(&bare, 99, 100),
    })
}

impl Contestant {
    /// Returns what reads back when `block` was written.
    fn reads_back(&self, block: &Bytes) -> Bytes {
        match self {
            Self::Null => null::pattern(block.len()),
            Self::Capstan { .. } | Self::Peer(Peer::Tgt | Peer::TgtTuned | Peer::Istgt) => {
                block.clone()
            }
        }
    }
}

/// Returns a block whose first part is random and whose rest is zeros, alternating every KiB, so that
/// compressors find what they find in half-compressible data.
fn half_random(length: u64, random_percent: usize) -> Result<Bytes> {
    let mut block = vec![0; usize::try_from(length)?];
    for chunk in block.chunks_mut(1024) {
        let random = chunk.len() * random_percent.min(100) / 100;
        getrandom::fill(&mut chunk[..random])?;
    }
    Ok(block.into())
}
