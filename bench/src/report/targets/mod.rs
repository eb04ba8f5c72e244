//! What was to be reached, and whether it is: a line for each target.
//!
//! A target is judged by the median of the rounds' ratios.

mod cost;

use super::{Report, Series, combine, ratios};
use crate::cell::{Cell, Compression, Data, Measure, Peer, Placement, Sealing, Subject, Work};
use crate::statistics::{median, spread};

/// A target and what was measured.
pub(crate) struct Line {
    /// What is judged.
    pub(crate) what: String,
    /// What it has to be.
    pub(crate) wanted: String,
    /// What it is: minimum, median and maximum.
    pub(crate) figure: String,
    /// Whether it is what it has to be; nothing when it was not measured.
    pub(crate) reached: Option<bool>,
}

/// Which side of the limit is good.
#[derive(Clone, Copy)]
enum Wanted {
    AtLeast(f64),
    Below(f64),
}

/// The block sizes that have targets.
const KIB: [u64; 3] = [64, 256, 1024];

/// The block size of targets that name none.
const USUAL_KIB: u64 = 256;

/// Returns a line for each target.
pub(crate) fn lines(report: &Report) -> Vec<Line> {
    let mut lines = Vec::new();
    for placement in [Placement::Apart, Placement::Free] {
        for work in [Work::Write, Work::Read] {
            for kib in KIB {
                lines.extend(against_peers(report, placement, work, kib));
                lines.push(against_limit(report, placement, work, kib));
            }
        }
    }
    for kib in KIB {
        lines.push(lz4(report, kib));
    }
    lines.extend(cost::encryption(report));
    for compression in [Compression::None, Compression::Zstd] {
        let cell = Cell::new(clear(compression), Work::LocateRead, 1);
        let milliseconds: Vec<f64> = report
            .values(&cell, Measure::MedianMicroseconds)
            .iter()
            .map(|microseconds| microseconds / 1e3)
            .collect();
        let what = format!("random LOCATE and READ, {}: median, ms", compression.name());
        lines.push(Line::new(what, Wanted::Below(1.0), &milliseconds));
    }
    for (compression, data) in usual() {
        for work in [Work::Write, Work::Read] {
            lines.push(four_drives(report, compression, data, work));
        }
    }
    lines.extend(cost::memory(report));
    lines.extend(cost::amplification(report));
    lines
}

impl Line {
    fn new(what: String, wanted: Wanted, values: &[f64]) -> Self {
        let reached = median(values).map(|value| match wanted {
            Wanted::AtLeast(least) => value >= least,
            Wanted::Below(most) => value < most,
        });
        let wanted = match wanted {
            Wanted::AtLeast(least) => format!("≥ {least}"),
            Wanted::Below(most) => format!("< {most}"),
        };
        Self {
            what,
            wanted,
            figure: spread(values, if wanted_is_large(values) { 0 } else { 2 }),
            reached,
        }
    }
}

fn wanted_is_large(values: &[f64]) -> bool {
    median(values).is_some_and(|value| value >= 20.0)
}

fn clear(compression: Compression) -> Subject {
    Subject::Capstan {
        compression,
        sealing: Sealing::Clear,
    }
}

/// What each codec is good for.
fn usual() -> [(Compression, Data); 4] {
    [
        (Compression::None, Data::Incompressible),
        (Compression::Lz4, Data::Text),
        (Compression::Zstd, Data::Text),
        (Compression::Lzo, Data::Text),
    ]
}

/// Returns codec none's cell.
fn uncompressed(placement: Placement, work: Work, kib: u64) -> Cell {
    Cell {
        placement,
        ..Cell::new(clear(Compression::None), work, kib)
    }
}

/// Codec none beside the fastest other target. Of writes first beside those that make them durable, as
/// we do, then beside all.
fn against_peers(report: &Report, placement: Placement, work: Work, kib: u64) -> Vec<Line> {
    let ours = uncompressed(placement, work, kib);
    let line = |peers: &[Peer], whom: &str| {
        let peers = best_of(report, peers, &ours);
        Line::new(
            format!("{}: of {whom}", streamed(&ours)),
            Wanted::AtLeast(1.5),
            &ratios(report.speed(&ours), &peers),
        )
    };
    if work == Work::Read {
        return vec![line(&Peer::ALL, "the best peer")];
    }
    let durable: Vec<Peer> = Peer::ALL.into_iter().filter(|p| p.is_durable()).collect();
    vec![
        line(&durable, "the best durable peer"),
        line(&Peer::ALL, "the best peer, durable or not"),
    ]
}

/// Codec none beside the lowest limit that applies.
fn against_limit(report: &Report, placement: Placement, work: Work, kib: u64) -> Line {
    let ours = uncompressed(placement, work, kib);
    let limit = lowest_limit(report, work, kib, placement);
    Line::new(
        format!("{}: of the lowest limit", streamed(&ours)),
        Wanted::AtLeast(0.7),
        &ratios(report.speed(&ours), &limit),
    )
}

fn streamed(cell: &Cell) -> String {
    let (work, placed) = (name(cell.work), cell.placement.name());
    format!("none, {work} {} KiB, {placed}", cell.kib)
}

/// Returns what the fastest of `peers` did in each round, in the cell that is otherwise `cell`.
pub(super) fn best_of(report: &Report, peers: &[Peer], cell: &Cell) -> Series {
    let speeds: Vec<&[Option<f64>]> = peers
        .iter()
        .map(|&peer| {
            let subject = Subject::Peer(peer);
            report.speed(&Cell { subject, ..*cell })
        })
        .collect();
    combine(&speeds, f64::max)
}

/// Returns the lowest of the limits in each round: the exchange, and for writing the faster way to a
/// durable file, which has no block size.
pub(super) fn lowest_limit(report: &Report, work: Work, kib: u64, placement: Placement) -> Series {
    let exchange = report.speed(&Cell {
        placement,
        ..Cell::new(Subject::Exchange, work, kib)
    });
    if work != Work::Write {
        return exchange.to_vec();
    }
    combine(&[exchange, &durable_file(report)], f64::min)
}

/// Returns what the faster way to a durable file did in each round.
fn durable_file(report: &Report) -> Series {
    let files = [Subject::DurableFile, Subject::DirectFile]
        .map(|subject| report.speed(&Cell::new(subject, Work::Write, 1024)));
    combine(&files, f64::max)
}

/// LZ4 beside the codec alone on one core, unless the exchange or the disk is slower than that.
fn lz4(report: &Report, kib: u64) -> Line {
    let cell = |subject, work, kib| Cell {
        data: Data::Text,
        ..Cell::new(subject, work, kib)
    };
    let ours = report.speed(&cell(clear(Compression::Lz4), Work::Write, kib));
    let codec = cell(Subject::Codec(Compression::Lz4), Work::Encode, 256);
    let limit = lowest_limit(report, Work::Write, kib, Placement::Free);
    let limit = combine(&[report.speed(&codec), &limit], f64::min);
    Line::new(
        format!("LZ4, write {kib} KiB, text: of the codec alone on one core"),
        Wanted::AtLeast(0.8),
        &ratios(ours, &limit),
    )
}

fn four_drives(report: &Report, compression: Compression, data: Data, work: Work) -> Line {
    let one = Cell {
        data,
        ..Cell::new(clear(compression), work, USUAL_KIB)
    };
    let several = report
        .cells(Measure::MegabytesPerSecond)
        .find(|cell| cell.drives > 1 && Cell { drives: 1, ..*cell } == one);
    let values = several.map(|several| ratios(report.speed(&several), report.speed(&one)));
    let drives = several.map_or(4, |cell| cell.drives);
    Line::new(
        format!(
            "{drives} drives, {} {USUAL_KIB} KiB, {}: times one",
            name(work),
            compression.name()
        ),
        Wanted::AtLeast(1.0),
        &values.unwrap_or_default(),
    )
}

/// Says which cell it is.
fn place(cell: &Cell) -> String {
    let drives = match cell.drives {
        1 => String::new(),
        drives => format!(", {drives} drives"),
    };
    let apart = match cell.placement {
        Placement::Apart => ", apart",
        Placement::Free => "",
    };
    format!(
        "{} {} KiB, {}, {}{drives}{apart}",
        name(cell.work),
        cell.kib,
        cell.subject,
        cell.data.name()
    )
}

/// Returns the verb of a stream.
pub(super) fn name(work: Work) -> &'static str {
    if work == Work::Read { "read" } else { "write" }
}
