//! What encryption, memory and the disk may cost.

use super::{KIB, Line, USUAL_KIB, Wanted, clear, name, place, uncompressed, usual};
use crate::cell::{Cell, Compression, Measure, Placement, Sealing, Subject, Work};
use crate::report::{Report, ratios};
use crate::statistics::{median, quantile};

/// What encryption costs on one processor, where no scheduler has a say; with blocks of the usual size; and the
/// worst of all cells.
pub(super) fn encryption(report: &Report) -> Vec<Line> {
    [Sealing::HostKey, Sealing::AtRest]
        .into_iter()
        .flat_map(|sealing| encryption_of(report, sealing))
        .collect()
}

fn encryption_of(report: &Report, sealing: Sealing) -> Vec<Line> {
    let whose = match sealing {
        Sealing::AtRest => "encryption at rest",
        _ => "encryption",
    };
    let cost = |clear: &Cell| -> Option<Vec<f64>> {
        let Subject::Capstan { compression, .. } = clear.subject else {
            return None;
        };
        let subject = Subject::Capstan {
            compression,
            sealing,
        };
        let ratios = ratios(
            report.speed(&Cell { subject, ..*clear }),
            report.speed(clear),
        );
        let costs: Vec<f64> = ratios.iter().map(|ratio| (1.0 - ratio) * 100.0).collect();
        (!costs.is_empty()).then_some(costs)
    };
    let mut lines = Vec::new();
    for work in [Work::Write, Work::Read] {
        for kib in KIB {
            let costs = cost(&uncompressed(Placement::Apart, work, kib)).unwrap_or_default();
            let what = format!("{whose}, {} {kib} KiB, none, apart: cost, %", name(work));
            lines.push(Line::new(what, Wanted::Below(15.0), &costs));
        }
        // At rest it is measured with two codecs only.
        let few = if sealing == Sealing::AtRest { 2 } else { 4 };
        for (compression, data) in usual().into_iter().take(few) {
            let cell = Cell {
                data,
                ..Cell::new(clear(compression), work, USUAL_KIB)
            };
            let what = format!(
                "{whose}, {} {USUAL_KIB} KiB, {}, free: cost, %",
                name(work),
                compression.name()
            );
            lines.push(Line::new(
                what,
                Wanted::Below(15.0),
                &cost(&cell).unwrap_or_default(),
            ));
        }
        let all: Vec<(Cell, Vec<f64>)> = report
            .cells(Measure::MegabytesPerSecond)
            .filter(|cell| cell.work == work && is_clear(cell))
            .filter_map(|cell| Some((cell, cost(&cell)?)))
            .collect();
        let worst = all.iter().max_by(|(_, a), (_, b)| {
            let of = |costs: &[f64]| median(costs).unwrap_or(f64::NEG_INFINITY);
            of(a).total_cmp(&of(b))
        });
        if let Some((cell, costs)) = worst {
            let (count, place) = (all.len(), place(cell));
            let what = format!("{whose}, the worst of {count} cells, {place}: cost, %");
            lines.push(Line::new(what, Wanted::Below(15.0), costs));
        }
    }
    lines
}

fn is_clear(cell: &Cell) -> bool {
    let sealing = Sealing::Clear;
    matches!(cell.subject, Subject::Capstan { sealing: s, .. } if s == sealing)
}

/// The most memory for each drive that any cell of one drive, and of several, had.
pub(super) fn memory(report: &Report) -> Vec<Line> {
    let counts = |several: bool| {
        let cells = report.cells(Measure::PeakMebibytes);
        cells.filter(move |cell| {
            matches!(cell.subject, Subject::Capstan { .. }) && (cell.drives > 1) == several
        })
    };
    let mut lines = Vec::new();
    for several in [false, true] {
        let most = counts(several)
            .map(|cell| {
                let peaks = report.values(&cell, Measure::PeakMebibytes);
                let each = peaks.iter().map(|peak| peak / f64::from(cell.drives));
                (cell, each.collect::<Vec<_>>())
            })
            .max_by(|(_, a), (_, b)| {
                let of = |peaks: &[f64]| quantile(peaks, 1, 1).unwrap_or(0.0);
                of(a).total_cmp(&of(b))
            });
        let (what, values) = match most {
            Some((cell, values)) => (
                format!(
                    "memory for each of {} drives, MiB: the most, {}",
                    cell.drives,
                    place(&cell)
                ),
                values,
            ),
            None => ("memory for each drive, MiB".to_owned(), Vec::new()),
        };
        lines.push(Line::new(what, Wanted::Below(64.0), &values));
    }
    lines
}

/// What is written and kept for each byte that does not compress.
pub(super) fn amplification(report: &Report) -> Vec<Line> {
    let mut lines = Vec::new();
    for (measure, name) in [
        (Measure::WrittenPerByte, "written to the disk"),
        (Measure::StoredPerByte, "length of the files"),
    ] {
        for kib in KIB {
            let cell = Cell::new(clear(Compression::None), Work::Write, kib);
            lines.push(Line::new(
                format!("{name} for each byte, {kib} KiB"),
                Wanted::Below(1.02),
                &report.values(&cell, measure),
            ));
        }
    }
    lines
}
