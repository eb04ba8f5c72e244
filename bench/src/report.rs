//! The figures, and what follows from them.
//!
//! A ratio compares two figures of the same round: neighbours on the machine and its clock rate
//! change over minutes, and meet both.

mod markdown;

use anyhow::Result;
use serde::Serialize;

use crate::laps::{Timing, median};
use crate::limit::Way;
use crate::liveness::Latency;
use crate::machine::Machine;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// The exchange over loopback.
    Exchange,
    /// The page cache.
    PageCache,
    /// Us.
    Capstan,
    /// Another target.
    Peer,
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// From 1.
    pub(crate) round: u32,
    /// Which way the data went.
    pub(crate) way: Way,
    /// Block size.
    pub(crate) kib: u64,
    /// Whose it is.
    pub(crate) kind: Kind,
    /// Its name.
    pub(crate) name: String,
    /// Over all, including the filemark that ends a write.
    pub(crate) megabytes_per_second: f64,
    /// In the median mebibyte.
    pub(crate) median_mebibyte_megabytes_per_second: f64,
    /// What the target alone used; limits have none.
    pub(crate) cpu_seconds_per_gigabyte: Option<f64>,
}

/// The circumstances.
#[derive(Serialize)]
pub(crate) struct Circumstances {
    /// Which source was measured.
    pub(crate) revision: Option<String>,
    /// Where.
    pub(crate) machine: Machine,
    /// What each program says of itself.
    pub(crate) versions: Vec<String>,
    /// How much of each block is random.
    pub(crate) random_percent: usize,
    /// How much was written and read for each figure.
    pub(crate) amount_mib: u64,
    /// The load average before each round.
    pub(crate) load_averages: Vec<f64>,
    /// Who was not measured, or not in every round, and why.
    pub(crate) left_out: Vec<String>,
}

/// All figures of a run.
#[derive(Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    pub(crate) circumstances: Circumstances,
    figures: Vec<Figure>,
    /// How long a busy gateway lets requests wait.
    pub(crate) latencies: Vec<Latency>,
}

/// A figure's subject.
pub(crate) struct Subject {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its name.
    pub(crate) name: String,
}

impl Subject {
    /// Returns the subject `name`.
    pub(crate) fn new(kind: Kind, name: &str) -> Self {
        let name = name.to_owned();
        Self { kind, name }
    }
}

/// What a figure is about.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    /// From 1.
    pub(crate) round: u32,
    /// Which way the data went.
    pub(crate) way: Way,
    /// Block size.
    pub(crate) kib: u64,
    /// How much was moved.
    pub(crate) bytes: u64,
}

/// A way and a block size of one subject over all rounds.
struct Row<'a> {
    name: &'a str,
    megabytes_per_second: Vec<f64>,
    median_mebibyte: Vec<f64>,
    cpu_seconds_per_gigabyte: Vec<f64>,
    of_the_exchange: Vec<f64>,
    of_the_best_peer: Vec<f64>,
    over_all_of_the_best_peer: Vec<f64>,
}

impl Report {
    /// Returns a report without figures.
    pub(crate) fn new(circumstances: Circumstances) -> Self {
        Self {
            circumstances,
            figures: Vec::new(),
            latencies: Vec::new(),
        }
    }

    /// Adds a measurement.
    pub(crate) fn add(&mut self, cell: Cell, subject: &Subject, timing: &Timing, cpu: Option<f64>) {
        #[allow(clippy::cast_precision_loss)] // far below 2^52 bytes
        let bytes = cell.bytes as f64;
        self.figures.push(Figure {
            round: cell.round,
            way: cell.way,
            kib: cell.kib,
            kind: subject.kind,
            name: subject.name.clone(),
            megabytes_per_second: bytes / timing.elapsed.as_secs_f64() / 1e6,
            median_mebibyte_megabytes_per_second: median(&timing.laps).unwrap_or(f64::NAN),
            cpu_seconds_per_gigabyte: cpu.map(|cpu| cpu / bytes * 1e9),
        });
    }

    /// Returns every figure of every round.
    pub(crate) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Returns the block sizes that there are figures for, in the order of their first.
    fn block_sizes(&self) -> Vec<u64> {
        let mut sizes = Vec::new();
        for figure in &self.figures {
            if !sizes.contains(&figure.kib) {
                sizes.push(figure.kib);
            }
        }
        sizes
    }

    /// Returns the rows of a way and a block size: limits, us, peers.
    fn rows(&self, way: Way, kib: u64) -> Vec<Row<'_>> {
        let here: Vec<&Figure> = self
            .figures
            .iter()
            .filter(|figure| figure.way == way && figure.kib == kib)
            .collect();
        let mut rows: Vec<(Kind, Row<'_>)> = Vec::new();
        for figure in &here {
            let index = rows.iter().position(|(_, row)| row.name == figure.name);
            let index = index.unwrap_or_else(|| {
                rows.push((figure.kind, Row::new(&figure.name)));
                rows.len() - 1
            });
            rows[index].1.add(figure, &here);
        }
        // Contestants take turns in the rounds; the table keeps one order.
        rows.sort_by_key(|(kind, row)| (*kind as u8, row.name));
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

impl<'a> Row<'a> {
    fn new(name: &'a str) -> Self {
        Self {
            name,
            megabytes_per_second: Vec::new(),
            median_mebibyte: Vec::new(),
            cpu_seconds_per_gigabyte: Vec::new(),
            of_the_exchange: Vec::new(),
            of_the_best_peer: Vec::new(),
            over_all_of_the_best_peer: Vec::new(),
        }
    }

    /// Adds a figure, which is among those `here`, of the same way and block size.
    fn add(&mut self, figure: &Figure, here: &[&Figure]) {
        let best = |kind, speed: fn(&Figure) -> f64| {
            here.iter()
                .filter(|other| other.round == figure.round && other.kind == kind)
                .map(|other| speed(other))
                .max_by(f64::total_cmp)
        };
        let median_mebibyte = |figure: &Figure| figure.median_mebibyte_megabytes_per_second;
        let over_all = |figure: &Figure| figure.megabytes_per_second;
        let rate = figure.median_mebibyte_megabytes_per_second;
        self.megabytes_per_second.push(figure.megabytes_per_second);
        self.median_mebibyte.push(rate);
        self.cpu_seconds_per_gigabyte
            .extend(figure.cpu_seconds_per_gigabyte);
        if matches!(figure.kind, Kind::Capstan | Kind::Peer) {
            self.of_the_exchange
                .extend(best(Kind::Exchange, median_mebibyte).map(|exchange| rate / exchange));
            self.of_the_best_peer
                .extend(best(Kind::Peer, median_mebibyte).map(|peer| rate / peer));
            self.over_all_of_the_best_peer
                .extend(best(Kind::Peer, over_all).map(|peer| over_all(figure) / peer));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report(figures: &[(u32, Kind, &str, f64)]) -> Report {
        let mut report = Report::new(Circumstances {
            revision: None,
            machine: Machine::this(),
            versions: Vec::new(),
            random_percent: 50,
            amount_mib: 1,
            load_averages: vec![0.5],
            left_out: vec!["tgt: not there".to_owned()],
        });
        for &(round, kind, name, rate) in figures {
            let cell = Cell {
                round,
                way: Way::Write,
                kib: 64,
                bytes: 1_000_000,
            };
            let timing = Timing {
                elapsed: Duration::from_secs(1),
                laps: vec![rate],
            };
            report.add(cell, &Subject::new(kind, name), &timing, None);
        }
        report
    }

    fn about(values: &[f64], expected: &[f64]) -> bool {
        values.len() == expected.len()
            && values
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn ratios_are_of_the_same_round_and_the_best_peer_of_it() {
        let report = report(&[
            (1, Kind::Exchange, "exchange", 1000.0),
            (1, Kind::Capstan, "capstan", 500.0),
            (1, Kind::Peer, "tgt", 250.0),
            (1, Kind::Peer, "istgt", 400.0),
            (2, Kind::Exchange, "exchange", 500.0),
            (2, Kind::Peer, "tgt", 100.0),
            (2, Kind::Capstan, "capstan", 300.0),
        ]);
        let rows = report.rows(Way::Write, 64);
        let names: Vec<_> = rows.iter().map(|row| row.name).collect();
        assert_eq!(names, ["exchange", "capstan", "istgt", "tgt"]);
        assert!(about(&rows[1].of_the_exchange, &[0.5, 0.6]));
        assert!(about(&rows[1].of_the_best_peer, &[1.25, 3.0]));
        assert!(rows[0].of_the_exchange.is_empty(), "a limit has no ratio");
        assert!(report.rows(Way::Read, 64).is_empty());
    }

    #[test]
    fn who_was_left_out_is_in_both_outputs() {
        let report = report(&[(1, Kind::Capstan, "capstan", 500.0)]);
        assert!(report.markdown().contains("tgt: not there"));
        assert!(report.json().unwrap().contains("tgt: not there"));
    }
}
