//! A run: its steps one after the other, each with a contestant of its own.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::cell::{Cell, Compression, Data, Figure, Placement, Sealing, Work};
use crate::contestant::{Contestant, Running, Setup};
use crate::cpus::Cpus;
use crate::data::Pool;
use crate::extent::{Extent, Options};
use crate::journal::{Entry, Journal};
use crate::measure::answers;
use crate::measure::motion::{self, Motion};
use crate::measure::stream::{ReadsBack, Stream};
use crate::plan::{Part, Step};
use crate::report::{Circumstances, Report};
use crate::{limit, liveness, machine, plan};

/// A run under way.
pub(crate) struct Run {
    extent: Extent,
    setup: Setup,
    cpus: Cpus,
    steps: Vec<Step>,
    journal: Journal,
    pools: BTreeMap<Data, Pool>,
    circumstances: Circumstances,
}

/// How many cartridges' worth of drives a step without several drives wants.
const ONE_DRIVE: u16 = 1;

/// What is written before anything is measured, so that nobody's first buffers are.
const WARM_UP_BYTES: u64 = 16 << 20;

/// The host's key. It guards nothing.
const KEY: [u8; 32] = *b"a key that protects no data here";

impl Run {
    /// Returns a run that has not begun.
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let extent = Extent::new(options);
        let setup = Setup {
            capstan: options.capstan.clone(),
            directory: options.directory.clone().unwrap_or_else(std::env::temp_dir),
        };
        let path = options.output.as_ref();
        let path = path.map(|path| path.with_added_extension("journal"));
        let cpus = Cpus::new()?;
        Ok(Self {
            steps: plan::steps(&extent, &options.only),
            journal: Journal::open(path, options.resume)?,
            pools: BTreeMap::new(),
            circumstances: Circumstances::new(options, &extent, &setup, &cpus),
            extent,
            setup,
            cpus,
        })
    }

    /// Measures what the journal does not have yet, and returns the report. A peer that fails in a
    /// step is left out of the same step in later rounds.
    pub(crate) fn finish(mut self) -> Result<Report> {
        let mut failed = Vec::new();
        for (number, step) in self.steps.clone().into_iter().enumerate() {
            let name = step.to_string();
            if self.journal.has(&name) || failed.contains(&step.part) {
                continue;
            }
            eprintln!("{} of {}: {name}", number + 1, self.steps.len());
            let load_average = machine::load_average();
            let start = Instant::now();
            let measured = self.measure(step.part);
            self.cpus.free_this_thread()?;
            let is_peer = matches!(step.part.contestant(), Some(Contestant::Peer(_)));
            let (figures, left_out) = match measured {
                Ok(figures) => (figures, None),
                Err(error) if is_peer => {
                    failed.push(step.part);
                    let why = format!("{name}: {error:#}");
                    eprintln!("LEFT OUT: {why}");
                    (Vec::new(), Some(why))
                }
                Err(error) => bail!("{name}: {error:#}"),
            };
            self.journal.add(Entry {
                step: name,
                round: step.round,
                load_average,
                seconds: start.elapsed().as_secs_f64(),
                figures,
                left_out,
            })?;
        }
        let report = Report::new(self.circumstances, self.journal.entries());
        self.journal.remove()?;
        Ok(report)
    }

    fn measure(&mut self, part: Part) -> Result<Vec<Figure>> {
        if let Part::Stream(kib, contestant, placement) = part {
            return self.stream(kib, contestant, placement);
        }
        let data = match part {
            Part::Codecs(data) => data,
            _ => Data::Incompressible,
        };
        let pool = self.pool(data)?;
        let start = |contestant: Contestant| -> Result<_> {
            let running = contestant.start(&self.setup, ONE_DRIVE)?;
            Ok((running, contestant.subject(Sealing::Clear)))
        };
        let (extent, directory) = (&self.extent, &self.setup.directory);
        match part {
            Part::Codecs(data) => limit::codecs(&extent.compressions, data, &pool),
            Part::Files => limit::files(directory, &pool, extent.amount_mib(1024)),
            Part::Exchange(kib) => {
                let bytes = extent.amount_mib(kib) << 20;
                limit::exchanges(directory, &pool, kib, bytes, &self.cpus)
            }
            Part::RoundTrips(contestant) => {
                let (mut running, subject) = start(contestant)?;
                answers::round_trips(&mut running, subject, extent.round_trips, &self.cpus)
            }
            Part::Places(contestant) => {
                let (mut running, subject) = start(contestant)?;
                motion::places(Motion::new(&mut running, subject, &pool), extent.places)
            }
            Part::Filemarks(contestant) => {
                let (mut running, subject) = start(contestant)?;
                motion::filemarks(Motion::new(&mut running, subject, &pool), extent.filemarks)
            }
            Part::SmallFiles(contestant) => {
                let (mut running, subject) = start(contestant)?;
                motion::small_files(Motion::new(&mut running, subject, &pool), extent.files)
            }
            Part::Loads(contestant) => {
                let (mut running, subject) = start(contestant)?;
                motion::loads(Motion::new(&mut running, subject, &pool), extent.loads)
            }
            Part::Liveness => liveness::measure(&self.setup, extent.liveness),
            Part::Stream(..) => unreachable!("it is measured above"),
        }
    }

    fn stream(
        &mut self,
        kib: u64,
        contestant: Contestant,
        placement: Placement,
    ) -> Result<Vec<Figure>> {
        let cells = self.cells(kib, contestant, placement);
        let most = cells.iter().map(|(cell, _)| cell.drives).max();
        let mut running = contestant.start(&self.setup, most.unwrap_or(ONE_DRIVE))?;
        self.cpus.place(&running.server, placement)?;
        warm_up(&mut running, &self.pool(Data::Incompressible)?)?;
        let mut figures = Vec::new();
        for (cell, sealing) in cells {
            if let Contestant::Capstan(_) = contestant {
                let key = (sealing == Sealing::HostKey).then_some(KEY);
                for drive in &mut running.drives {
                    drive.set_key(key)?;
                }
            }
            let amount = self.extent.amount_mib(kib) << 20;
            let stream = Stream {
                cell,
                pool: &self.pool(cell.data)?,
                bytes: if cell.drives > 1 { amount / 2 } else { amount },
                reads_back: match contestant {
                    Contestant::Null => ReadsBack::Pattern,
                    _ => ReadsBack::Written,
                },
            };
            figures.extend(stream.measure(&mut running)?);
        }
        Ok(figures)
    }

    /// Returns what one contestant does with blocks of `kib`. What is compared stands together.
    fn cells(
        &self,
        kib: u64,
        contestant: Contestant,
        placement: Placement,
    ) -> Vec<(Cell, Sealing)> {
        let mut cells = Vec::new();
        let mut add = |sealing, data, drives, depth| {
            let cell = Cell {
                data,
                depth,
                drives,
                placement,
                ..Cell::new(contestant.subject(sealing), Work::Write, kib)
            };
            cells.push((cell, sealing));
        };
        let alone = Data::Incompressible;
        match (contestant, placement) {
            (Contestant::Capstan(_), Placement::Free) => {
                for &data in &self.extent.data {
                    for drives in [1, self.extent.drives] {
                        add(Sealing::Clear, data, drives, 1);
                        add(Sealing::HostKey, data, drives, 1);
                        if self.extent.drives == 1 {
                            break;
                        }
                    }
                }
            }
            (Contestant::CapstanAtRest(_), Placement::Free) => {
                for &data in &self.extent.data {
                    add(Sealing::AtRest, data, 1, 1);
                }
            }
            (Contestant::CapstanAtRest(_), Placement::Apart) => add(Sealing::AtRest, alone, 1, 1),
            (Contestant::Null, _) | (Contestant::Peer(_), Placement::Free) => {
                add(Sealing::Clear, alone, 1, 1);
            }
            (Contestant::Capstan(_) | Contestant::Peer(_), Placement::Apart) => {
                add(Sealing::Clear, alone, 1, 1);
                if let Contestant::Capstan(_) = contestant {
                    add(Sealing::HostKey, alone, 1, 1);
                }
                if self.extent.depth > 1 {
                    add(Sealing::Clear, alone, 1, self.extent.depth);
                }
            }
        }
        cells
    }

    /// Returns the pool of `data`, made when it is first wanted.
    fn pool(&mut self, data: Data) -> Result<Pool> {
        if let Some(pool) = self.pools.get(&data) {
            return Ok(pool.clone());
        }
        let length = usize::try_from(self.extent.pool_mib() << 20)?;
        let pool = Pool::new(data, length)?;
        self.pools.insert(data, pool.clone());
        Ok(pool)
    }
}

fn warm_up(running: &mut Running, pool: &Pool) -> Result<()> {
    let length = 64 << 10;
    for drive in &mut running.drives {
        let count = WARM_UP_BYTES.min(pool.all().len() as u64) / length as u64;
        drive.write_blocks(length, count, 1, |number| pool.block(number, length))?;
        drive.write_filemark()?;
    }
    Ok(())
}

/// Who there is to be measured, for the versions.
pub(crate) fn contestants(extent: &Extent) -> Vec<Contestant> {
    let ours = extent.compressions.first().copied();
    let ours = ours.unwrap_or(Compression::None);
    let peers = extent.peers.iter().copied().map(Contestant::Peer);
    std::iter::once(Contestant::Capstan(ours))
        .chain(peers)
        .collect()
}
