//! The figures of all rounds, and what follows from them.
//!
//! A ratio compares two figures of the same round: neighbours on the machine and its clock rate
//! change over minutes, and meet both.

#[cfg(test)]
mod document;
mod markdown;
mod tables;
mod targets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::cell::{Cell, Measure, Subject};
use crate::contestant::Setup;
use crate::cpus::Cpus;
use crate::extent::{Extent, Options};
use crate::journal::Entry;
use crate::machine::{self, Machine};
use crate::run::contestants;

/// The circumstances; without them the figures mean nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Circumstances {
    /// Which source was measured.
    pub(crate) revision: Option<String>,
    /// Where.
    pub(crate) machine: Machine,
    /// What the data lay on.
    pub(crate) file_system: String,
    /// Which processors client and target had when they were apart.
    pub(crate) client_and_target_cpu: Option<[usize; 2]>,
    /// What each program says of itself.
    pub(crate) versions: Vec<String>,
    /// Whether it was a quick run.
    pub(crate) quick: bool,
    /// How often everything was measured.
    pub(crate) rounds: u32,
    /// How much was written and read with blocks of 1 MiB; see README.md for others.
    pub(crate) amount_mib: u64,
    /// Among how many blocks places were sought.
    pub(crate) places: u32,
    /// Over how many filemarks was spaced.
    pub(crate) filemarks: u64,
    /// The load average at the beginning of each round: neighbours show there.
    pub(crate) load_averages: Vec<f64>,
    /// How long it took.
    pub(crate) seconds: f64,
    /// Who was not measured, or not in every round, and why.
    pub(crate) left_out: Vec<String>,
}

/// A measure of a cell in all rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    #[serde(flatten)]
    cell: Cell,
    measure: Measure,
    /// From the first round on; a round may have none.
    values: Vec<Option<f64>>,
}

/// All figures of a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    pub(crate) circumstances: Circumstances,
    rows: Vec<Row>,
}

/// The values of a measure by round.
pub(crate) type Series = Vec<Option<f64>>;

impl Circumstances {
    /// Returns those of a run that has not begun.
    pub(crate) fn new(options: &Options, extent: &Extent, setup: &Setup, cpus: &Cpus) -> Self {
        let mut versions: Vec<String> = contestants(extent)
            .into_iter()
            .filter_map(|contestant| contestant.version(setup))
            .collect();
        versions.dedup();
        Self {
            revision: options.revision.clone(),
            machine: Machine::this(),
            file_system: machine::file_system(&setup.directory),
            client_and_target_cpu: cpus.pair(),
            versions,
            quick: options.quick,
            rounds: extent.rounds,
            amount_mib: extent.amount_mib(1024),
            places: extent.places,
            filemarks: extent.filemarks,
            load_averages: Vec::new(),
            seconds: 0.0,
            left_out: Vec::new(),
        }
    }
}

impl Report {
    /// Returns the report of what `entries` hold.
    pub(crate) fn new(mut circumstances: Circumstances, entries: &[Entry]) -> Self {
        let rounds = circumstances.rounds as usize;
        let mut rows: BTreeMap<(Cell, Measure), Series> = BTreeMap::new();
        for entry in entries {
            let round = entry.round as usize;
            if circumstances.load_averages.len() < round {
                circumstances.load_averages.push(entry.load_average);
            }
            circumstances.seconds += entry.seconds;
            circumstances.left_out.extend(entry.left_out.clone());
            for figure in &entry.figures {
                let series = rows.entry((figure.cell, figure.measure)).or_default();
                series.resize(rounds.max(round), None);
                // More digits would say more than was measured.
                series[round - 1] = Some((figure.value * 1e4).round() / 1e4);
            }
        }
        let rows = rows.into_iter().map(|((cell, measure), values)| Row {
            cell,
            measure,
            values,
        });
        Self {
            circumstances,
            rows: rows.collect(),
        }
    }

    /// Returns the report in `json`.
    pub(crate) fn parse(json: &str) -> Result<Self> {
        Ok(serde_json::from_str(json)?)
    }

    /// Returns every figure of every round, a line for each row.
    pub(crate) fn json(&self) -> Result<String> {
        let about = serde_json::to_string_pretty(&self.circumstances)?;
        let rows: Vec<String> = self
            .rows
            .iter()
            .map(serde_json::to_string)
            .collect::<Result<_, _>>()?;
        let about = about.trim_end_matches(['}', '\n']);
        Ok(format!(
            "{about},\n  \"rows\": [\n{}\n  ]\n}}\n",
            rows.join(",\n")
        ))
    }

    /// Returns the values of `measure` by round; nothing when the cell was not measured.
    pub(crate) fn series(&self, cell: &Cell, measure: Measure) -> &[Option<f64>] {
        let row = self
            .rows
            .iter()
            .find(|row| row.cell == *cell && row.measure == measure);
        row.map_or(&[], |row| &row.values)
    }

    /// Returns the values of `measure` in the rounds that have one.
    pub(crate) fn values(&self, cell: &Cell, measure: Measure) -> Vec<f64> {
        self.series(cell, measure)
            .iter()
            .flatten()
            .copied()
            .collect()
    }

    /// Returns the MB/s by round.
    pub(crate) fn speed(&self, cell: &Cell) -> &[Option<f64>] {
        self.series(cell, Measure::MegabytesPerSecond)
    }

    /// Returns the cells that have `measure`, in their order.
    pub(crate) fn cells(&self, measure: Measure) -> impl Iterator<Item = Cell> {
        let rows = self.rows.iter();
        rows.filter(move |row| row.measure == measure)
            .map(|row| row.cell)
    }

    /// Returns the subjects that `chosen` takes, in the order of the tables.
    pub(crate) fn subjects(&self, chosen: impl Fn(&Cell) -> bool) -> Vec<Subject> {
        let cells = self.rows.iter().map(|row| row.cell);
        let mut subjects: Vec<Subject> = cells.filter(chosen).map(|cell| cell.subject).collect();
        subjects.sort();
        subjects.dedup();
        subjects
    }

    /// Returns the block sizes of streams, in their order.
    pub(crate) fn block_sizes(&self) -> Vec<u64> {
        let mut sizes: Vec<u64> = self
            .cells(Measure::CpuSecondsPerGigabyte)
            .map(|cell| cell.kib)
            .collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }
}

/// Returns `part` / `whole` in the rounds that have both.
pub(crate) fn ratios(part: &[Option<f64>], whole: &[Option<f64>]) -> Vec<f64> {
    part.iter()
        .zip(whole)
        .filter_map(|(part, whole)| Some((*part)? / (*whole)?))
        .collect()
}

/// Returns what `choose` takes of all `series` in each round, among those that have a value.
pub(crate) fn combine(series: &[&[Option<f64>]], choose: fn(f64, f64) -> f64) -> Series {
    let rounds = series.iter().map(|values| values.len()).max().unwrap_or(0);
    (0..rounds)
        .map(|round| {
            let values = series.iter().filter_map(|values| *values.get(round)?);
            values.reduce(choose)
        })
        .collect()
}
