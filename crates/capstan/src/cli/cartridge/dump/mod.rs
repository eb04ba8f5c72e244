//! `capstan cartridge dump`: what the files say, for people.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cartridge::MemoryState;
use cartridge::inspect::{
    FrameSummary, Inspection, ObjectKind, SegmentState, SegmentSummary, TapeObject,
};
use clap::Args;

use super::verify::{look_into, say_findings};
use super::which::Chosen;
use super::{Keys, Outcome};
use crate::cli::Global;
use crate::cli::show::{age, say, size};
use crate::cli::table::Table;

/// `capstan cartridge dump`
#[derive(Debug, Args)]
pub struct Dump {
    /// The cartridge: its barcode, or the directory with its files
    #[arg(value_name = "BARCODE|DIR")]
    cartridge: String,
    /// List the frames of every segment
    #[arg(long)]
    frames: bool,
    /// Show the bytes of one object, by its number
    #[arg(long, value_name = "N", conflicts_with_all = ["frames", "file"])]
    object: Option<u64>,
    /// Write the blocks of a tape file, by the number of filemarks before it
    #[arg(long, value_name = "N", conflicts_with = "frames", requires = "output")]
    file: Option<u64>,
    /// Where the tape file goes; - is standard output
    #[arg(short, long, value_name = "FILE", requires = "file")]
    output: Option<PathBuf>,
    /// The partition of --object and --file
    #[arg(long, value_name = "P", default_value_t = 0)]
    partition: u8,
    /// Keys
    #[command(flatten)]
    keys: Keys,
}

impl Dump {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Outcome> {
        let keys = self.keys.read(global)?;
        let names = std::slice::from_ref(&self.cartridge);
        let chosen = Chosen::find(global, names, false)?;
        let [directory] = &chosen.directories[..] else {
            bail!("{}: which cartridge?", self.cartridge);
        };
        let inspection = look_into(directory, &keys)?;
        let partitions = inspection.partitions();
        if self.partition >= partitions {
            bail!(
                "partition {}: there are {partitions}, counted from 0",
                self.partition
            );
        }
        match (self.object, self.file, &self.output) {
            (Some(number), ..) => show_object(&inspection, self.partition, number),
            (_, Some(number), Some(output)) => {
                write_file(&inspection, self.partition, number, output)
            }
            _ => self.show(directory, &inspection),
        }
    }

    fn show(&self, directory: &Path, inspection: &Inspection) -> anyhow::Result<Outcome> {
        say(format!("directory  {}", directory.display()))?;
        say(about(inspection))?;
        say(segments(inspection.segments()))?;
        if self.frames {
            for (number, segment) in inspection.segments().iter().enumerate() {
                say(format!("\n{}", segment.name))?;
                say(frames(&inspection.frames(number)))?;
            }
        }
        say_findings(inspection.findings())?;
        let bad = inspection.findings().iter().map(|it| it.severity).max();
        Ok(if bad > Some(cartridge::inspect::Severity::Note) {
            Outcome::Damaged
        } else {
            Outcome::Good
        })
    }
}

fn about(inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:11}{value}"); // writing to a string cannot fail
    };
    if let Some(label) = inspection.label() {
        line("barcode", label.barcode.clone());
        line("uuid", label.uuid.to_string());
        line(
            "medium",
            format!("{}, density {:02x}h", label.media, label.density),
        );
        let sizes: Vec<_> = label.partition_bytes().iter().map(|it| size(*it)).collect();
        line(
            "capacity",
            format!(
                "{} in partitions of {}",
                size(label.capacity_bytes),
                sizes.join(", ")
            ),
        );
        let formats = label.layout.as_ref().map_or(0, |layout| layout.epoch);
        line(
            "made",
            format!(
                "{} ago, formatted {formats} times",
                age(label.created_unix_ms)
            ),
        );
        line(
            "protected",
            if label.write_protected { "yes" } else { "no" }.to_owned(),
        );
    }
    match (inspection.memory(), inspection.memory_state()) {
        (Some(memory), _) => {
            line(
                "loaded",
                format!(
                    "{} times, {} of them written",
                    memory.loads, memory.write_loads
                ),
            );
            line(
                "life",
                format!(
                    "{} written, {} read",
                    size(memory.life.written_bytes),
                    size(memory.life.read_bytes)
                ),
            );
            line("attributes", memory.attributes.iter().count().to_string());
            for drive in &memory.drives {
                line("drive", format!("{} {}", drive.vendor, drive.serial));
            }
        }
        (None, MemoryState::Lost { reason }) => line("memory", reason.clone()),
        (None, _) => line("memory", "none".to_owned()),
    }
    text
}

fn segments(all: &[SegmentSummary]) -> Table {
    let headings = [
        "SEGMENT",
        "LENGTH",
        "GENERATION",
        "FIRST OBJECT",
        "FILEMARKS BEFORE",
        "OBJECTS",
        "SEALED",
        "STATE",
    ];
    let mut table = Table::new(headings).right([1, 2, 3, 4, 5]);
    for segment in all {
        let seal = segment.seal.as_ref();
        table.row([
            segment.name.to_string(),
            segment.length_bytes.to_string(),
            segment.generation.to_string(),
            segment.first_object.to_string(),
            segment.first_filemark.to_string(),
            seal.map_or_else(|| "?".to_owned(), |seal| seal.objects.to_string()),
            seal.map_or("no", |seal| seal.reason).to_owned(),
            match segment.state {
                SegmentState::Live if segment.encrypted => "live, encrypted",
                SegmentState::Live => "live",
                SegmentState::CutOff => "cut off",
                SegmentState::Foreign => "foreign",
                SegmentState::Unreadable => "unreadable",
            }
            .to_owned(),
        ]);
    }
    table
}

fn frames(all: &[FrameSummary]) -> Table {
    let headings = [
        "OFFSET",
        "FRAME",
        "KIND",
        "FIRST OBJECT",
        "OBJECTS",
        "CODEC",
        "PLAIN",
        "BODY",
        "SEAL",
        "DURABLE",
    ];
    let mut table = Table::new(headings).right([0, 1, 3, 4, 6, 7, 8, 9]);
    for frame in all {
        table.row([
            frame.offset.to_string(),
            frame.sequence.to_string(),
            frame.kind.to_owned(),
            frame.first_object.to_string(),
            frame.objects.to_string(),
            format!("{:?}", frame.codec).to_lowercase(),
            frame.plain_length.to_string(),
            frame.body_length.to_string(),
            frame.seal_length.to_string(),
            frame.durable_upto.to_string(),
        ]);
    }
    table
}

fn show_object(inspection: &Inspection, partition: u8, number: u64) -> anyhow::Result<Outcome> {
    let mut at_or_before = None;
    for object in inspection.objects(partition) {
        if object.number > number {
            break;
        }
        at_or_before = Some(object);
    }
    let Some(object) = at_or_before else {
        bail!("object {number}: there is none");
    };
    match &object.kind {
        ObjectKind::Damage(finding) => {
            let last = finding.place.as_ref().map(|place| *place.objects.end());
            if last.is_some_and(|last| last < number) {
                bail!("object {number}: there is none");
            }
            say(finding)?;
            return Ok(Outcome::Damaged);
        }
        _ if object.number != number => bail!("object {number}: there is none"),
        ObjectKind::Filemark => say(format!(
            "object {number}: a filemark, behind file {}",
            object.file
        ))?,
        ObjectKind::Sealed(_) => {
            bail!(
                "object {number}: encrypted; give its key with --host-key or --encryption-key FILE"
            )
        }
        ObjectKind::Block { bytes, codec, .. } => {
            let codec = format!("{codec:?}").to_lowercase();
            say(format!(
                "object {number}: a block of {} bytes in file {}, {codec}",
                bytes.len(),
                object.file
            ))?;
            say(hexdump(bytes))?;
        }
    }
    Ok(Outcome::Good)
}

/// Sixteen bytes a line, with what can be printed beside them.
fn hexdump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (line, part) in bytes.chunks(16).enumerate() {
        let digits: Vec<_> = part.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = part.iter().map(|byte| match byte {
            0x20..0x7f => char::from(*byte),
            _ => '.',
        });
        let shown: String = shown.collect();
        let _ = writeln!(
            text,
            "{:08x}  {:47}  |{shown}|",
            line * 16,
            digits.join(" ")
        );
    }
    text
}

fn write_file(
    inspection: &Inspection,
    partition: u8,
    number: u64,
    output: &Path,
) -> anyhow::Result<Outcome> {
    let mut seen = None;
    let mut damaged = false;
    let failed = || format!("cannot write {}", output.display());
    let mut out: Box<dyn std::io::Write> = if output == Path::new("-") {
        Box::new(BufWriter::new(stdout().lock()))
    } else {
        Box::new(BufWriter::new(File::create(output).with_context(failed)?))
    };
    for TapeObject {
        number: object,
        file,
        kind,
    } in inspection.objects(partition)
    {
        seen = Some(file);
        if file > number {
            break;
        }
        match kind {
            _ if file < number => {}
            ObjectKind::Block { bytes, .. } => out.write_all(&bytes).with_context(failed)?,
            ObjectKind::Filemark => {}
            ObjectKind::Sealed(_) => {
                bail!(
                    "object {object}: encrypted; give its key with --host-key or --encryption-key FILE"
                )
            }
            ObjectKind::Damage(finding) => {
                damaged = true;
                eprintln!("capstan: {finding}");
            }
        }
    }
    out.flush().with_context(failed)?;
    if seen.is_none_or(|last| last < number) {
        bail!("file {number}: partition {partition} has fewer");
    }
    Ok(if damaged {
        Outcome::Damaged
    } else {
        Outcome::Good
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hexdump_has_offsets_digits_and_text() {
        let text = hexdump(b"0123456789abcdef\x00z");
        let first =
            "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|\n";
        assert!(text.starts_with(first), "{text}");
        assert!(text.ends_with("|.z|\n"), "{text}");
    }
}
