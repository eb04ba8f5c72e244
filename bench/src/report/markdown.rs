//! The report for people.

use std::fmt::Write as _;

use super::{Cell, Figure, Kind, Report, Row, Subject, median_mebibyte, of_the_exchange};
use crate::laps::median;
use crate::limit::Way;

impl Report {
    /// Returns the circumstances, what is to be learned at a glance, and a table for each way and
    /// block size.
    pub(crate) fn markdown(&self) -> String {
        let mut text = self.preface();
        if !self.figures.is_empty() {
            self.shares_of_the_exchange(&mut text);
            self.round_trips(&mut text);
            self.several_commands(&mut text);
            self.several_drives(&mut text);
        }
        for way in Way::ALL {
            for kib in self.block_sizes() {
                let rows = self.rows(way, kib);
                let _ = write!(
                    text,
                    "\n## {} {kib} KiB\n\n\
                     | | MB/s | median MiB, MB/s | CPU s/GB | of the exchange | of the best peer | over all, of the best peer |\n\
                     | --- | --- | --- | --- | --- | --- | --- |\n",
                    verb(way),
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

    fn shares_of_the_exchange(&self, text: &mut String) {
        text.push_str("\n## Share of the exchange, one command at a time\n\n");
        self.matrix(text, |subject, way, kib| {
            let is_here = move |cell: &Cell| *cell == Cell::single(cell.round, way, kib);
            let shares: Vec<f64> = self
                .figures_of(subject, is_here)
                .filter_map(of_the_exchange)
                .collect();
            spread(&shares, 2)
        });
    }

    fn round_trips(&self, text: &mut String) {
        if self.round_trips.is_empty() {
            return;
        }
        text.push_str(
            "\n## TEST UNIT READY beside a bare exchange of 48 bytes\n\n\
             | | round trip, µs | 99th percentile, µs | bare, µs | bare, 99th percentile, µs | times the bare |\n\
             | --- | --- | --- | --- | --- | --- |\n",
        );
        for subject in self.subjects() {
            let here = self.round_trips.iter().filter(|f| f.subject == *subject);
            let trips: Vec<_> = here.map(|figure| figure.trips).collect();
            if trips.is_empty() {
                continue;
            }
            let column = |value: fn(&super::RoundTrips) -> f64, digits| {
                spread(&trips.iter().map(value).collect::<Vec<_>>(), digits)
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                subject.name,
                column(|t| t.median_us, 1),
                column(|t| t.percentile_99_us, 0),
                column(|t| t.bare_median_us, 1),
                column(|t| t.bare_percentile_99_us, 0),
                column(|t| t.median_us / t.bare_median_us, 2),
            );
        }
    }

    /// The median MiB with several commands at a time, and how many times one command's that is.
    fn several_commands(&self, text: &mut String) {
        let commands = self.circumstances.commands;
        if commands <= 1 {
            return;
        }
        let _ = write!(
            text,
            "\n## {commands} commands at a time: median 16 MiB, MB/s (times one command at a time)\n\n"
        );
        self.matrix(text, |subject, way, kib| {
            let of_depth = |depth| {
                let is_here = move |cell: &Cell| {
                    let single = Cell::single(cell.round, way, kib);
                    *cell == Cell { depth, ..single }
                };
                self.figures_of(subject, is_here)
            };
            let one = |round| {
                let mut ones = of_depth(1);
                ones.find(|figure| figure.cell.round == round)
            };
            let times: Vec<f64> = of_depth(commands)
                .filter_map(|f| Some(median_mebibyte(f) / median_mebibyte(one(f.cell.round)?)))
                .collect();
            let rates: Vec<f64> = of_depth(commands).map(median_mebibyte).collect();
            rate_and_times(&rates, &times)
        });
    }

    /// The sum over several drives, and how many times one drive's that is.
    fn several_drives(&self, text: &mut String) {
        let drives = self.circumstances.drives;
        if drives <= 1 {
            return;
        }
        let _ = write!(
            text,
            "\n## {drives} drives at once: sum over all, MB/s (times one drive)\n\n"
        );
        self.matrix(text, |subject, way, kib| {
            let is_here = move |cell: &Cell| {
                let single = Cell::single(cell.round, way, kib);
                *cell == Cell { drives, ..single }
            };
            let figures: Vec<&Figure> = self.figures_of(subject, is_here).collect();
            let sums: Vec<f64> = figures.iter().map(|f| f.megabytes_per_second).collect();
            let times: Vec<f64> = figures
                .iter()
                .filter_map(|f| Some(f.megabytes_per_second / f.one_drive_megabytes_per_second?))
                .collect();
            rate_and_times(&sums, &times)
        });
    }

    /// A table with a column for each way and block size, and a row for each target of which `cell`
    /// says anything.
    fn matrix(&self, text: &mut String, cell: impl Fn(&Subject, Way, u64) -> String) {
        let columns: Vec<(Way, u64)> = Way::ALL
            .into_iter()
            .flat_map(|way| self.block_sizes().into_iter().map(move |kib| (way, kib)))
            .collect();
        let titles = columns
            .iter()
            .map(|(way, kib)| format!(" {} {kib} KiB |", verb(*way)));
        let _ = writeln!(text, "| |{}", titles.collect::<String>());
        let _ = writeln!(text, "| --- |{}", " --- |".repeat(columns.len()));
        for subject in self.subjects() {
            if matches!(subject.kind, Kind::Exchange | Kind::PageCache) {
                continue;
            }
            let cells: Vec<String> = columns
                .iter()
                .map(|(way, kib)| cell(subject, *way, *kib))
                .collect();
            if cells.iter().any(|cell| !cell.is_empty()) {
                let _ = writeln!(text, "| {} | {} |", subject.name, cells.join(" | "));
            }
        }
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
             Minimum / **median** / maximum over the rounds. Ratios compare the same round: the median MiB, and in the last column all of the data; \
             the exchange takes turns with each target. [How to read and repeat this](../README.md).\n\n\
             - {}, {} processors, Linux {}\n\
             - {} rounds of {} MiB, {} % of the data random, the rest zeros; \
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
        let _ = match about.client_and_target_cpu {
            Some([client, target]) => writeln!(
                text,
                "- one session: the client on CPU {client}, the target with all its threads on CPU {target}, \
                 the exchange's ends likewise; several drives: on all CPUs",
            ),
            None => writeln!(text, "- nothing pinned: client and target on all CPUs"),
        };
        for version in &about.versions {
            let _ = writeln!(text, "- {version}");
        }
        for who in &about.left_out {
            let _ = writeln!(text, "- **Left out: {who}**");
        }
        text
    }
}

fn verb(way: Way) -> &'static str {
    match way {
        Way::Write => "Write",
        Way::Read => "Read",
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

/// The median rate, and the spread of a ratio.
fn rate_and_times(rates: &[f64], times: &[f64]) -> String {
    match median(rates) {
        None => String::new(),
        Some(rate) => format!("**{rate:.0}** ({})", spread(times, 2)),
    }
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
