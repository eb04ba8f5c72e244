//! What a target uses, and how long it takes to do other things than streaming.

use std::fmt::Write as _;

use crate::cell::{Cell, Data, Measure, Work};
use crate::liveness;
use crate::report::Report;
use crate::statistics::spread;

impl Report {
    /// What one drive costs with blocks of 256 KiB.
    pub(super) fn costs(&self, text: &mut String) {
        let mut lines = String::new();
        for data in [Data::Incompressible, Data::Text, Data::Zeros] {
            let here = |cell: &Cell| cell.data == data && cell.kib == 256;
            for subject in self.subjects(here) {
                let write = Cell {
                    data,
                    ..Cell::new(subject, Work::Write, 256)
                };
                let read = Cell {
                    work: Work::Read,
                    ..write
                };
                let columns = [
                    (write, Measure::CpuSecondsPerGigabyte, 2),
                    (read, Measure::CpuSecondsPerGigabyte, 2),
                    (write, Measure::PeakMebibytes, 0),
                    (read, Measure::PeakMebibytes, 0),
                    (write, Measure::WrittenPerByte, 3),
                    (write, Measure::StoredPerByte, 3),
                    (write, Measure::AllocatedPerByte, 3),
                ]
                .map(|(cell, measure, digits)| spread(&self.values(&cell, measure), digits));
                if columns.iter().any(|column| !column.is_empty()) {
                    let _ = writeln!(
                        lines,
                        "| {subject} | {} | {} |",
                        data.name(),
                        columns.join(" | ")
                    );
                }
            }
        }
        if !lines.is_empty() {
            text.push_str(
                "\n## What the target's process uses, one drive, 256 KiB, free\n\n\
                 | | data | write, CPU s/GB | read, CPU s/GB | write, peak MiB | read, peak MiB \
                 | written to the disk for each byte | files' length | files' blocks |\n\
                 | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
            );
            text.push_str(&lines);
        }
    }

    pub(super) fn latencies(&self, text: &mut String) {
        let mut lines = String::new();
        for cell in self.cells(Measure::MedianMicroseconds) {
            let [median, percentile_99, longest] = [
                Measure::MedianMicroseconds,
                Measure::Percentile99Microseconds,
                Measure::LongestMicroseconds,
            ]
            .map(|measure| spread(&self.values(&cell, measure), 0));
            let often = spread(&self.values(&cell, Measure::PerSecond), 0);
            let _ = writeln!(
                lines,
                "| {} | {} | {median} | {percentile_99} | {longest} | {often} |",
                self.motion(cell.work),
                cell.subject,
            );
        }
        if !lines.is_empty() {
            text.push_str(
                "\n## How long it takes, µs\n\n\
                 | | | median | 99th percentile | longest | in a second |\n\
                 | --- | --- | --- | --- | --- | --- |\n",
            );
            text.push_str(&lines);
        }
    }

    fn motion(&self, work: Work) -> String {
        let about = &self.circumstances;
        match work {
            Work::RoundTrip => "TEST UNIT READY, apart".to_owned(),
            Work::BareRoundTrip => "48 bytes both ways, by turns with it".to_owned(),
            Work::LocateRead => {
                format!(
                    "LOCATE to a random one of {} blocks, and READ",
                    about.places
                )
            }
            Work::SpaceFilemarks => format!("SPACE over {} filemarks", about.filemarks),
            Work::SmallFiles => "a block of 64 KiB and a filemark".to_owned(),
            Work::UnloadLoad => "unload and load".to_owned(),
            Work::Nop(busy) => format!("NOP-Out; busy with {}", liveness::name(busy)),
            Work::Abort(busy) => format!("ABORT TASK; busy with {}", liveness::name(busy)),
            Work::Write | Work::Read | Work::Encode | Work::Decode => String::new(),
        }
    }
}
