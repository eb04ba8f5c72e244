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
    /// Us without a medium.
    Null,
    /// Us.
    Capstan,
    /// Another target.
    Peer,
}

/// A figure's subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Cell {
    /// From 1.
    pub(crate) round: u32,
    /// Which way the data went.
    pub(crate) way: Way,
    /// Block size.
    pub(crate) kib: u64,
    /// How many commands at a time for each drive.
    pub(crate) depth: u64,
    /// How many drives at once.
    pub(crate) drives: u16,
}

impl Cell {
    /// Returns the cell of one command at a time on one drive.
    pub(crate) fn single(round: u32, way: Way, kib: u64) -> Self {
        Self {
            round,
            way,
            kib,
            depth: 1,
            drives: 1,
        }
    }
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// What it is about.
    #[serde(flatten)]
    pub(crate) cell: Cell,
    /// Whose it is.
    #[serde(flatten)]
    pub(crate) subject: Subject,
    /// Over all, including the filemark that ends a write; of several drives the sum.
    pub(crate) megabytes_per_second: f64,
    /// In the median mebibyte; of one drive only.
    pub(crate) median_mebibyte_megabytes_per_second: Option<f64>,
    /// The same of the exchange that took turns with it.
    #[serde(rename = "exchange_median_mebibyte_megabytes_per_second")]
    pub(crate) exchange_median_mebibyte: Option<f64>,
    /// What one drive did alone just before, when this is about several.
    pub(crate) one_drive_megabytes_per_second: Option<f64>,
    /// What the target alone used; limits have none.
    pub(crate) cpu_seconds_per_gigabyte: Option<f64>,
}

impl Figure {
    /// Returns the figure for `bytes` that moved as `timing` says.
    pub(crate) fn new(cell: Cell, subject: Subject, bytes: u64, timing: &Timing) -> Self {
        let seconds = timing.elapsed.as_secs_f64();
        Self {
            median_mebibyte_megabytes_per_second: median(&timing.laps),
            ..Self::of_seconds(cell, subject, bytes, seconds)
        }
    }

    /// Returns the figure for `bytes` that took `seconds`.
    pub(crate) fn of_seconds(cell: Cell, subject: Subject, bytes: u64, seconds: f64) -> Self {
        Self {
            cell,
            subject,
            megabytes_per_second: as_float(bytes) / seconds / 1e6,
            median_mebibyte_megabytes_per_second: None,
            exchange_median_mebibyte: None,
            one_drive_megabytes_per_second: None,
            cpu_seconds_per_gigabyte: None,
        }
    }

    /// Takes note of what the target used for `bytes`.
    pub(crate) fn set_cpu_seconds(&mut self, seconds: f64, bytes: u64) {
        self.cpu_seconds_per_gigabyte = Some(seconds / as_float(bytes) * 1e9);
    }
}

#[allow(clippy::cast_precision_loss)] // far below 2^52 bytes
fn as_float(bytes: u64) -> f64 {
    bytes as f64
}

/// How long a command without data takes, in microseconds, beside a bare exchange of as many bytes.
#[allow(clippy::struct_field_names)] // numbers carry their unit
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct RoundTrips {
    /// The median.
    pub(crate) median_us: f64,
    /// What 99 of 100 do not exceed.
    pub(crate) percentile_99_us: f64,
    /// The median of the bare exchanges.
    pub(crate) bare_median_us: f64,
    /// What 99 of 100 of the bare exchanges do not exceed.
    pub(crate) bare_percentile_99_us: f64,
}

/// Round trips of one round.
#[derive(Clone, Debug, Serialize)]
struct RoundTripFigure {
    round: u32,
    #[serde(flatten)]
    subject: Subject,
    #[serde(flatten)]
    trips: RoundTrips,
}

/// The circumstances.
#[derive(Serialize)]
pub(crate) struct Circumstances {
    /// Which source was measured.
    pub(crate) revision: Option<String>,
    /// Where.
    pub(crate) machine: Machine,
    /// Where they ran while there was one session; nothing when they ran anywhere.
    pub(crate) client_and_target_cpu: Option<[usize; 2]>,
    /// What each program says of itself.
    pub(crate) versions: Vec<String>,
    /// How much of each block is random.
    pub(crate) random_percent: usize,
    /// How much was written and read for each figure; for each drive of several, half of it.
    pub(crate) amount_mib: u64,
    /// How many commands at a time, where there was more than one.
    pub(crate) commands: u64,
    /// How many drives at once, where there was more than one.
    pub(crate) drives: u16,
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
    round_trips: Vec<RoundTripFigure>,
    figures: Vec<Figure>,
    /// How long a busy gateway lets requests wait.
    pub(crate) latencies: Vec<Latency>,
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
            round_trips: Vec::new(),
            figures: Vec::new(),
            latencies: Vec::new(),
        }
    }

    /// Adds a measurement.
    pub(crate) fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// Adds the round trips of `subject` in a round.
    pub(crate) fn add_round_trips(&mut self, round: u32, subject: Subject, trips: RoundTrips) {
        self.round_trips.push(RoundTripFigure {
            round,
            subject,
            trips,
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
            if !sizes.contains(&figure.cell.kib) {
                sizes.push(figure.cell.kib);
            }
        }
        sizes
    }

    /// Returns everybody that there are figures for: limits, us, peers.
    fn subjects(&self) -> Vec<&Subject> {
        let mut subjects: Vec<&Subject> = Vec::new();
        for figure in &self.figures {
            if !subjects.contains(&&figure.subject) {
                subjects.push(&figure.subject);
            }
        }
        // Contestants take turns in the rounds; the tables keep one order.
        subjects.sort_by_key(|subject| (subject.kind as u8, &subject.name));
        subjects
    }

    /// Returns the figures of `subject` that `chosen` takes, in the order of the rounds.
    fn figures_of<'a>(
        &'a self,
        subject: &'a Subject,
        chosen: impl Fn(&Cell) -> bool + 'a,
    ) -> impl Iterator<Item = &'a Figure> {
        self.figures
            .iter()
            .filter(move |figure| figure.subject == *subject && chosen(&figure.cell))
    }

    /// Returns the rows of a way and a block size, with one command at a time on one drive.
    fn rows(&self, way: Way, kib: u64) -> Vec<Row<'_>> {
        let is_here = |cell: &Cell| *cell == Cell::single(cell.round, way, kib);
        let here: Vec<&Figure> = self
            .figures
            .iter()
            .filter(|figure| is_here(&figure.cell))
            .collect();
        let mut rows = Vec::new();
        for subject in self.subjects() {
            let mut row = Row::new(&subject.name);
            for figure in self.figures_of(subject, is_here) {
                row.add(figure, &here);
            }
            if !row.megabytes_per_second.is_empty() {
                rows.push(row);
            }
        }
        rows
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
        let best = |speed: fn(&Figure) -> f64| {
            here.iter()
                .filter(|other| other.cell.round == figure.cell.round)
                .filter(|other| other.subject.kind == Kind::Peer)
                .map(|other| speed(other))
                .max_by(f64::total_cmp)
        };
        let over_all = |figure: &Figure| figure.megabytes_per_second;
        let rate = median_mebibyte(figure);
        self.megabytes_per_second.push(figure.megabytes_per_second);
        self.median_mebibyte.push(rate);
        self.cpu_seconds_per_gigabyte
            .extend(figure.cpu_seconds_per_gigabyte);
        self.of_the_exchange.extend(of_the_exchange(figure));
        if matches!(figure.subject.kind, Kind::Capstan | Kind::Peer) {
            self.of_the_best_peer
                .extend(best(median_mebibyte).map(|peer| rate / peer));
            self.over_all_of_the_best_peer
                .extend(best(over_all).map(|peer| over_all(figure) / peer));
        }
    }
}

fn median_mebibyte(figure: &Figure) -> f64 {
    let rate = figure.median_mebibyte_megabytes_per_second;
    rate.unwrap_or(f64::NAN)
}

/// Returns the share of the exchange that took turns with the figure.
fn of_the_exchange(figure: &Figure) -> Option<f64> {
    let exchange = figure.exchange_median_mebibyte?;
    Some(median_mebibyte(figure) / exchange)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report(figures: &[(u32, Kind, &str, f64, Option<f64>)]) -> Report {
        let mut report = Report::new(Circumstances {
            revision: None,
            machine: Machine::this(),
            client_and_target_cpu: None,
            versions: Vec::new(),
            random_percent: 50,
            amount_mib: 1,
            commands: 4,
            drives: 4,
            load_averages: vec![0.5],
            left_out: vec!["tgt: not there".to_owned()],
        });
        for &(round, kind, name, rate, exchange) in figures {
            let timing = Timing {
                elapsed: Duration::from_secs(1),
                laps: vec![rate],
            };
            let cell = Cell::single(round, Way::Write, 64);
            let mut figure = Figure::new(cell, Subject::new(kind, name), 1_000_000, &timing);
            figure.exchange_median_mebibyte = exchange;
            report.add(figure);
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
    fn ratios_are_of_the_own_exchange_and_of_the_best_peer_of_the_round() {
        let report = report(&[
            (1, Kind::Exchange, "exchange", 1000.0, None),
            (1, Kind::Capstan, "capstan", 500.0, Some(1000.0)),
            (1, Kind::Peer, "tgt", 250.0, Some(900.0)),
            (1, Kind::Peer, "istgt", 400.0, Some(900.0)),
            (2, Kind::Exchange, "exchange", 500.0, None),
            (2, Kind::Peer, "tgt", 100.0, Some(500.0)),
            (2, Kind::Capstan, "capstan", 300.0, Some(500.0)),
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
        let report = report(&[(1, Kind::Capstan, "capstan", 500.0, None)]);
        assert!(report.markdown().contains("tgt: not there"));
        assert!(report.json().unwrap().contains("tgt: not there"));
    }

    #[test]
    fn several_commands_and_drives_are_compared_with_one_of_the_same_round() {
        let mut report = report(&[(1, Kind::Null, "null", 500.0, Some(1000.0))]);
        let single = Cell::single(1, Way::Write, 64);
        let timing = Timing {
            elapsed: Duration::from_secs(1),
            laps: vec![750.0],
        };
        let null = || Subject::new(Kind::Null, "null");
        report.add(Figure::new(
            Cell { depth: 4, ..single },
            null(),
            1_000_000,
            &timing,
        ));
        let four_drives = Cell {
            drives: 4,
            ..single
        };
        let mut sum = Figure::of_seconds(four_drives, null(), 8_000_000, 2.0);
        sum.one_drive_megabytes_per_second = Some(1.0);
        report.add(sum);
        let text = report.markdown();
        assert!(
            text.contains("| null | **750** (1.50 / **1.50** / 1.50) |"),
            "{text}"
        );
        assert!(
            text.contains("| null | **4** (4.00 / **4.00** / 4.00) |"),
            "{text}"
        );
        assert!(text.contains("| null | 0.50 / **0.50** / 0.50 |"), "{text}");
    }
}
