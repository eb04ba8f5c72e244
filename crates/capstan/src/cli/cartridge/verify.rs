//! `capstan cartridge verify`: reads everything.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, bail, ensure};
use cartridge::LocalStore;
use cartridge::inspect::{self, Finding, Inspection, PartitionReport, Severity, Verification};
use clap::Args;
use serde::Serialize;

use super::progress::Progress;
use super::which::Chosen;
use super::{Keys, Outcome};
use crate::cli::Global;
use crate::cli::show::{Format, count, say, size};
use crate::cli::table::Table;
use crate::convert::brake::Brake;

/// `capstan cartridge verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// The cartridges: barcodes, or directories with their files
    #[arg(value_name = "BARCODE|DIR", required_unless_present = "all")]
    cartridges: Vec<String>,
    /// All cartridges of the library
    #[arg(long, conflicts_with = "cartridges")]
    all: bool,
    /// Keys
    #[command(flatten)]
    keys: Keys,
    /// How to print
    #[command(flatten)]
    format: Format,
}

/// What was found on one cartridge.
#[derive(Serialize)]
struct Report {
    path: PathBuf,
    barcode: Option<String>,
    uuid: Option<String>,
    /// `clean` or `damaged`.
    status: &'static str,
    partitions: Vec<PartitionRow>,
    findings: Vec<FindingRow>,
    #[serde(skip)]
    verification: Verification,
}

#[derive(Serialize)]
struct PartitionRow {
    objects: u64,
    files: u64,
    blocks: u64,
    sealed_blocks: u64,
    lost_blocks: u64,
    filemarks: u64,
    host_bytes: u64,
}

/// A finding for programs.
#[derive(Serialize)]
pub(super) struct FindingRow {
    severity: &'static str,
    file: String,
    first_byte: Option<u64>,
    last_byte: Option<u64>,
    partition: Option<u8>,
    first_object: Option<u64>,
    last_object: Option<u64>,
    filemarks: Option<u64>,
    tape_file: Option<u64>,
    block: Option<u64>,
    first_host_byte: Option<u64>,
    last_host_byte: Option<u64>,
    reason: String,
}

impl Verify {
    pub(super) fn run(self, global: &Global, brake: &Brake) -> anyhow::Result<Outcome> {
        let keys = self.keys.read(global)?;
        let chosen = Chosen::find(global, &self.cartridges, self.all)?;
        let reports = verify_all(&chosen.directories, &keys, brake)?;
        let damaged = reports.iter().any(|it| it.verification.is_damaged());
        self.format.print(&reports, |reports| text(reports))?;
        Ok(if damaged {
            Outcome::Damaged
        } else {
            Outcome::Good
        })
    }
}

/// Opens the cartridge in `directory` for looking into it.
pub(super) fn look_into(directory: &Path, keys: &inspect::Keys) -> anyhow::Result<Inspection> {
    ensure!(
        directory.is_dir(),
        "{}: there is no such directory",
        directory.display()
    );
    check_readable(directory)?;
    let store = Box::new(LocalStore::new(directory));
    let inspection =
        Inspection::open(store, keys).with_context(|| directory.display().to_string())?;
    let empty = inspection.label().is_none() && inspection.segments().is_empty();
    ensure!(!empty, "{}: holds no cartridge", directory.display());
    Ok(inspection)
}

/// Fails when somebody else may read the files, and this user may not: that is no damage.
fn check_readable(directory: &Path) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        // What is no file, a pipe say, is not opened.
        let is_file = std::fs::metadata(&path).is_ok_and(|it| it.is_file());
        if is_file
            && let Err(error) = std::fs::File::open(&path)
            && error.kind() == std::io::ErrorKind::PermissionDenied
        {
            let user = "run this as the user of the gateway, or as root";
            bail!("cannot read {}: {error}; {user}", path.display());
        }
    }
    Ok(())
}

/// Verifies several cartridges, as many at a time as there are processors.
fn verify_all(
    directories: &[PathBuf],
    keys: &inspect::Keys,
    brake: &Brake,
) -> anyhow::Result<Vec<Report>> {
    let mut total = 0;
    for directory in directories {
        total += look_into(directory, keys)?.length_bytes();
    }
    let name = count(directories.len(), "tape");
    let progress = Progress::new(&name, "verify", total);
    let waiting = Mutex::new(directories.iter().enumerate());
    let done = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = waiting.lock().map(|mut it| it.next()).unwrap_or_default();
            let Some((number, directory)) = next else {
                return;
            };
            let report = verify(directory, keys, &progress, brake);
            if let Ok(mut done) = done.lock() {
                done.push((number, report));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..threads.min(directories.len()) {
            scope.spawn(work);
        }
        work();
    });
    progress.finish();
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, report)| report).collect()
}

fn verify(
    directory: &Path,
    keys: &inspect::Keys,
    progress: &Progress,
    brake: &Brake,
) -> anyhow::Result<Report> {
    let inspection = look_into(directory, keys)?;
    let verification = read_all(&inspection, progress, brake)?;
    let rows = verification.partitions.iter().map(|it| PartitionRow {
        objects: it.objects,
        files: it.files,
        blocks: it.blocks,
        sealed_blocks: it.sealed_blocks,
        lost_blocks: it.lost_blocks,
        filemarks: it.filemarks,
        host_bytes: it.host_bytes,
    });
    Ok(Report {
        path: directory.to_owned(),
        barcode: inspection.label().map(|label| label.barcode.clone()),
        uuid: inspection.cartridge().map(|uuid| uuid.to_string()),
        status: if verification.is_damaged() {
            "damaged"
        } else {
            "clean"
        },
        partitions: rows.collect(),
        findings: verification.findings.iter().map(row).collect(),
        verification,
    })
}

/// Reads everything of one cartridge. Fails when a signal comes.
pub(super) fn read_all(
    inspection: &Inspection,
    progress: &Progress,
    brake: &Brake,
) -> anyhow::Result<Verification> {
    let done = inspection.try_verify(|bytes| {
        progress.add(bytes);
        go_on(brake)
    });
    match done {
        ControlFlow::Continue(verification) => Ok(verification),
        ControlFlow::Break(()) => {
            brake.check()?;
            bail!("not all was read")
        }
    }
}

/// Breaks when a signal has come.
pub(super) fn go_on(brake: &Brake) -> ControlFlow<()> {
    match brake.check() {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

/// Returns a finding for programs.
pub(super) fn row(finding: &Finding) -> FindingRow {
    let place = finding.place.as_ref();
    let bytes = finding.bytes.as_ref();
    let host = place.and_then(|place| place.host_bytes.as_ref());
    FindingRow {
        severity: match finding.severity {
            Severity::Note => "note",
            Severity::Repairable => "repairable",
            Severity::Lost => "lost",
        },
        file: finding.file.clone(),
        first_byte: bytes.map(|bytes| bytes.start),
        last_byte: bytes.map(|bytes| bytes.end.saturating_sub(1)),
        partition: place.map(|place| place.partition),
        first_object: place.map(|place| *place.objects.start()),
        last_object: place.map(|place| *place.objects.end()),
        filemarks: place.map(|place| place.filemarks),
        tape_file: place.map(|place| place.file),
        block: place.and_then(|place| place.block),
        first_host_byte: host.map(|host| host.start),
        last_host_byte: host.map(|host| host.end.saturating_sub(1)),
        reason: finding.reason.clone(),
    }
}

fn text(reports: &[Report]) -> String {
    let headings = [
        "TAPE",
        "PARTITION",
        "OBJECTS",
        "FILES",
        "BLOCKS",
        "BYTES",
        "LOST",
        "STATE",
    ];
    let mut table = Table::new(headings).right([1, 2, 3, 4, 5, 6]);
    for report in reports {
        let name = report.name();
        for (number, partition) in report.verification.partitions.iter().enumerate() {
            table.row(cells(&name, number, partition, report.status));
        }
    }
    let mut text = table.to_string();
    for report in reports {
        for finding in &report.verification.findings {
            _ = writeln!(text, "{}: {}: {finding}", report.name(), finding.severity); // writing to a string cannot fail
        }
    }
    for report in reports {
        if let Some(advice) = report.advice() {
            _ = writeln!(text, "{}: {advice}", report.name());
        }
    }
    let sealed: u64 = reports
        .iter()
        .flat_map(|report| &report.verification.partitions)
        .map(|partition| partition.sealed_blocks)
        .sum();
    if sealed > 0 {
        let blocks = count(usize::try_from(sealed).unwrap_or(usize::MAX), "block");
        _ = writeln!(
            text,
            "{blocks} encrypted under keys that were not given: checksums good"
        );
    }
    text
}

impl Report {
    /// Says what to do, when anything is damaged.
    fn advice(&self) -> Option<String> {
        let name = self.name();
        let recover = format!("`capstan cartridge recover {name} --output DIR`");
        match self.verification.worst()? {
            Severity::Note => None,
            Severity::Repairable => Some(format!("{recover} writes it anew, with nothing lost")),
            Severity::Lost => Some(format!(
                "if a copy of the named files is left, put it back; {recover} saves what can be read"
            )),
        }
    }

    fn name(&self) -> String {
        let path = || self.path.display().to_string();
        self.barcode.clone().unwrap_or_else(path)
    }
}

fn cells(name: &str, number: usize, it: &PartitionReport, status: &str) -> [String; 8] {
    [
        name.to_owned(),
        number.to_string(),
        it.objects.to_string(),
        it.files.to_string(),
        (it.blocks + it.sealed_blocks).to_string(),
        size(it.host_bytes),
        it.lost_blocks.to_string(),
        status.to_owned(),
    ]
}

/// Prints findings as a list.
pub(super) fn say_findings(findings: &[Finding]) -> anyhow::Result<()> {
    for finding in findings {
        say(format!("{}: {finding}", finding.severity))?;
    }
    Ok(())
}
