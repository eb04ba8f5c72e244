//! The figures, as Markdown and JSON.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::limit::Way;

/// One measurement.
pub(crate) struct Cell {
    /// Which way the data went.
    pub(crate) way: Way,
    /// Block size.
    pub(crate) kib: u64,
    /// How much was moved.
    pub(crate) bytes: u64,
    /// How long the gateway took, the filemark included.
    pub(crate) elapsed: Duration,
    /// How long the ideal exchange took in the same round.
    pub(crate) ideal: Duration,
    /// The gateway's CPU seconds.
    pub(crate) cpu: f64,
}

/// All measurements.
#[derive(Serialize)]
pub(crate) struct Report {
    compression: String,
    random_percent: usize,
    amount_mib: u64,
    rows: BTreeMap<String, Row>,
}

/// One row: a way and a block size, over the rounds.
#[derive(Default, Serialize)]
struct Row {
    megabytes_per_second: Vec<f64>,
    ideal_megabytes_per_second: Vec<f64>,
    ratio: Vec<f64>,
    cpu_seconds_per_gigabyte: Vec<f64>,
}

impl Report {
    /// Returns a report without figures.
    pub(crate) fn new(compression: &str, random_percent: usize, amount_mib: u64) -> Self {
        let rows = BTreeMap::new();
        Self {
            compression: compression.to_owned(),
            random_percent,
            amount_mib,
            rows,
        }
    }

    /// Adds a measurement.
    pub(crate) fn add(&mut self, cell: &Cell) {
        let way = if cell.way == Way::Write {
            "write"
        } else {
            "read"
        };
        let row = self
            .rows
            .entry(format!("{way} {:>5} KiB", cell.kib))
            .or_default();
        #[allow(clippy::cast_precision_loss)] // far below 2^52 bytes
        let bytes = cell.bytes as f64;
        let rate = |elapsed: Duration| bytes / elapsed.as_secs_f64() / 1e6;
        row.megabytes_per_second.push(rate(cell.elapsed));
        row.ideal_megabytes_per_second.push(rate(cell.ideal));
        row.ratio.push(rate(cell.elapsed) / rate(cell.ideal));
        row.cpu_seconds_per_gigabyte.push(cell.cpu / bytes * 1e9);
    }

    /// Returns the table.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!(
            "compression {}, {} % random, {} MiB per cell, one command at a time; min / median / max\n\n\
             | | MB/s | ideal exchange MB/s | ratio | CPU s/GB |\n| --- | --- | --- | --- | --- |\n",
            self.compression, self.random_percent, self.amount_mib
        );
        for (name, row) in &self.rows {
            let _ = writeln!(
                text,
                "| {name} | {} | {} | {} | {} |",
                spread(&row.megabytes_per_second, 0),
                spread(&row.ideal_megabytes_per_second, 0),
                spread(&row.ratio, 2),
                spread(&row.cpu_seconds_per_gigabyte, 2),
            );
        }
        text
    }

    /// Returns every figure of every round.
    pub(crate) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// Minimum, median and maximum.
fn spread(values: &[f64], digits: usize) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else {
        return "-".to_owned();
    };
    let median = sorted[sorted.len() / 2];
    format!("{least:.digits$} / **{median:.digits$}** / {most:.digits$}")
}
