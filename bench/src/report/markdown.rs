//! The report for people.

use std::fmt::Write as _;

use super::{Report, Row};
use crate::laps::median;
use crate::limit::Way;

impl Report {
    /// Returns the circumstances and a table for each way and block size.
    pub(crate) fn markdown(&self) -> String {
        let mut text = self.preface();
        for way in Way::ALL {
            for kib in self.block_sizes() {
                let rows = self.rows(way, kib);
                let verb = if way == Way::Write { "Write" } else { "Read" };
                let _ = write!(
                    text,
                    "\n## {verb} {kib} KiB\n\n\
                     | | MB/s | median MiB, MB/s | CPU s/GB | of the exchange | of the best peer | over all, of the best peer |\n\
                     | --- | --- | --- | --- | --- | --- | --- |\n"
                );
                for row in &rows {
                    text.push_str(&line(row));
                }
            }
        }
        text.push_str(&self.liveness());
        text
    }

    /// How long a busy gateway lets a request wait.
    fn liveness(&self) -> String {
        if self.latencies.is_empty() {
            return String::new();
        }
        let mut text = "\n## Answers of a busy gateway\n\n\
             | busy with | request | samples | median, ms | 99th percentile, ms | longest, ms |\n\
             | --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
        for latency in &self.latencies {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {:.3} | **{:.3}** | {:.3} |",
                latency.busy.name(),
                latency.request,
                latency.samples,
                latency.median_ms,
                latency.percentile_99_ms,
                latency.longest_ms,
            );
        }
        text
    }

    fn preface(&self) -> String {
        let about = &self.circumstances;
        let loads: Vec<_> = about
            .load_averages
            .iter()
            .map(|load| format!("{load:.1}"))
            .collect();
        let mut text = format!(
            "# Capstan {} beside its peers and the machine's limits\n\n\
             Minimum / **median** / maximum over the rounds. Ratios compare the same round: the median MiB, and in the last column all of the data. \
             [How to read and repeat this](../README.md).\n\n\
             - {}, {} processors, Linux {}\n\
             - {} rounds of {} MiB, one command at a time, {} % of the data random, the rest zeros; \
             load average before each round: {}\n",
            about.revision.as_deref().unwrap_or_default(),
            about.machine.processor,
            about.machine.processors,
            about.machine.kernel,
            about.load_averages.len(),
            about.amount_mib,
            about.random_percent,
            loads.join(", "),
        );
        for version in &about.versions {
            let _ = writeln!(text, "- {version}");
        }
        for who in &about.left_out {
            let _ = writeln!(text, "- **Left out: {who}**");
        }
        text
    }
}

fn line(row: &Row<'_>) -> String {
    format!(
        "| {} | {} | {} | {} | {} | {} | {} |\n",
        row.name,
        spread(&row.megabytes_per_second, 0),
        spread(&row.median_mebibyte, 0),
        spread(&row.cpu_seconds_per_gigabyte, 2),
        spread(&row.of_the_exchange, 2),
        spread(&row.of_the_best_peer, 2),
        spread(&row.over_all_of_the_best_peer, 2),
    )
}

/// Minimum, median and maximum.
fn spread(values: &[f64], digits: usize) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(least), Some(median), Some(most)) = (sorted.first(), median(values), sorted.last())
    else {
        return String::new();
    };
    format!("{least:.digits$} / **{median:.digits$}** / {most:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn spreads() {
        assert_eq!(spread(&[3.0, 1.0, 2.0], 0), "1 / **2** / 3");
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0], 1), "1.0 / **2.0** / 4.0");
        assert_eq!(spread(&[], 0), "");
    }
}
