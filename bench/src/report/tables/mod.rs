//! The tables of the report.

mod uses;

use std::fmt::Write as _;

use super::targets::{best_of, lowest_limit, name};
use super::{Report, ratios};
use crate::cell::{Cell, Compression, Data, Measure, Peer, Placement, Sealing, Subject, Work};
use crate::statistics::{median, spread};

/// A column of a table of streams.
#[derive(Clone, Copy)]
struct Column {
    work: Work,
    kib: u64,
}

impl Report {
    /// Returns all tables that there are figures for.
    pub(super) fn tables(&self) -> String {
        let mut text = String::new();
        self.limits(&mut text);
        for placement in [Placement::Apart, Placement::Free] {
            self.beside_others(&mut text, placement);
        }
        self.several_commands(&mut text);
        for data in [Data::Incompressible, Data::Text, Data::Zeros] {
            for drives in self.drive_counts() {
                self.ours(&mut text, data, drives);
            }
        }
        self.costs(&mut text);
        self.latencies(&mut text);
        text
    }

    fn limits(&self, text: &mut String) {
        let alone = |cell: &Cell| {
            matches!(
                cell.subject,
                Subject::PageCache
                    | Subject::DirectFile
                    | Subject::DurableFile
                    | Subject::Codec(_)
                    | Subject::Aes
                    | Subject::Crc
            )
        };
        let mut lines = String::new();
        let mut cells: Vec<Cell> = self
            .cells(Measure::MegabytesPerSecond)
            .filter(alone)
            .collect();
        cells.sort_by_key(|cell| (cell.subject, cell.data, cell.work));
        for cell in cells {
            let work = match cell.work {
                Work::Encode => "encode",
                Work::Decode => "decode",
                work => name(work),
            };
            let data = cell.data.name();
            let speeds = spread(&self.values(&cell, Measure::MegabytesPerSecond), 0);
            let _ = writeln!(lines, "| {} | {work} | {data} | {speeds} |", cell.subject);
        }
        if !lines.is_empty() {
            text.push_str(
                "\n## The disk and one core, MB/s\n\n| | | data | |\n| --- | --- | --- | --- |\n",
            );
            text.push_str(&lines);
        }
    }

    /// Codec none, peers and the exchange: speeds, and ratios of one round.
    fn beside_others(&self, text: &mut String, placement: Placement) {
        let compared = |subject: Subject| match subject {
            Subject::Exchange | Subject::ExchangeToFile | Subject::Null | Subject::Peer(_) => true,
            Subject::Capstan {
                compression,
                sealing,
            } => compression == Compression::None && sealing == Sealing::Clear,
            _ => false,
        };
        let about = |subject, column: Column, say: &dyn Fn(&Cell) -> String| {
            if !compared(subject) {
                return String::new();
            }
            say(&Cell {
                placement,
                ..Cell::new(subject, column.work, column.kib)
            })
        };
        let placed = placement.name();
        let title = format!("One drive, one command at a time, incompressible, {placed}: MB/s");
        self.matrix(text, &title, |subject, column| {
            about(subject, column, &|cell| {
                spread(&self.values(cell, Measure::MegabytesPerSecond), 0)
            })
        });
        let title = format!("The same, times the best peer, {placed}");
        self.matrix(text, &title, |subject, column| {
            about(subject, column, &|cell| {
                spread(
                    &ratios(self.speed(cell), &best_of(self, &Peer::ALL, cell)),
                    2,
                )
            })
        });
        let title = format!("The same, of the lowest limit, {placed}");
        self.matrix(text, &title, |subject, column| {
            about(subject, column, &|cell| {
                let limit = lowest_limit(self, cell.work, cell.kib, placement);
                spread(&ratios(self.speed(cell), &limit), 2)
            })
        });
    }

    fn several_commands(&self, text: &mut String) {
        let depths = self
            .cells(Measure::MegabytesPerSecond)
            .map(|cell| cell.depth);
        let Some(depth) = depths.max().filter(|&depth| depth > 1) else {
            return;
        };
        let title =
            format!("{depth} commands at a time, incompressible, apart: MB/s (times one command)");
        self.matrix(text, &title, |subject, column| {
            let one = Cell {
                placement: Placement::Apart,
                ..Cell::new(subject, column.work, column.kib)
            };
            let several = Cell { depth, ..one };
            self.rate_and_times(&several, &one)
        });
    }

    /// Ours with all codecs.
    fn ours(&self, text: &mut String, data: Data, drives: u16) {
        let cell = |subject, column: Column| Cell {
            data,
            drives,
            ..Cell::new(subject, column.work, column.kib)
        };
        let ours = |subject| matches!(subject, Subject::Capstan { .. });
        if drives == 1 {
            let title = format!("One drive, {}: MB/s", data.name());
            self.matrix(text, &title, |subject, column| {
                let values = self.values(&cell(subject, column), Measure::MegabytesPerSecond);
                if ours(subject) {
                    spread(&values, 0)
                } else {
                    String::new()
                }
            });
            return;
        }
        let title = format!(
            "{drives} drives at once, {}: sum, MB/s (times one drive)",
            data.name()
        );
        self.matrix(text, &title, |subject, column| {
            let several = cell(subject, column);
            self.rate_and_times(
                &several,
                &Cell {
                    drives: 1,
                    ..several
                },
            )
        });
    }

    /// A table with a column for each way and block size, and a row for each subject of which `cell`
    /// says anything; no table if it says nothing at all.
    fn matrix(&self, text: &mut String, title: &str, cell: impl Fn(Subject, Column) -> String) {
        let columns: Vec<Column> = [Work::Write, Work::Read]
            .into_iter()
            .flat_map(|work| {
                let sizes = self.block_sizes().into_iter();
                sizes.map(move |kib| Column { work, kib })
            })
            .collect();
        let mut lines = String::new();
        for subject in self.subjects(|cell| matches!(cell.work, Work::Write | Work::Read)) {
            let cells: Vec<String> = columns
                .iter()
                .map(|column| cell(subject, *column))
                .collect();
            if cells.iter().any(|cell| !cell.is_empty()) {
                let _ = writeln!(lines, "| {subject} | {} |", cells.join(" | "));
            }
        }
        if lines.is_empty() {
            return;
        }
        let titles: Vec<String> = columns
            .iter()
            .map(|Column { work, kib }| format!("{} {kib} KiB", name(*work)))
            .collect();
        let titles = titles.join(" | ");
        let rule = " --- |".repeat(columns.len());
        let _ = write!(
            text,
            "\n## {title}\n\n| | {titles} |\n| --- |{rule}\n{lines}"
        );
    }

    /// The median rate, and the spread of its ratio to another cell's.
    fn rate_and_times(&self, cell: &Cell, one: &Cell) -> String {
        match median(&self.values(cell, Measure::MegabytesPerSecond)) {
            None => String::new(),
            Some(rate) => {
                let times = ratios(self.speed(cell), self.speed(one));
                format!("**{rate:.0}** ({})", spread(&times, 2))
            }
        }
    }

    /// Returns how many drives were at work at once, in the order of the tables.
    fn drive_counts(&self) -> Vec<u16> {
        let mut counts: Vec<u16> = self
            .cells(Measure::MegabytesPerSecond)
            .map(|cell| cell.drives)
            .collect();
        counts.sort_unstable();
        counts.dedup();
        counts
    }
}
