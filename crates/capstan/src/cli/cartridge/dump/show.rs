//! What label, memory, headers, trailers and frames say: tables for people, JSON for programs.

use std::fmt::Write as _;
use std::path::Path;

use cartridge::inspect::{
    FooterChain, FrameSummary, Inspection, SegmentState, SegmentSummary, Severity,
};
use cartridge::{Label, Memory, MemoryState};
use serde::Serialize;

use super::super::Outcome;
use super::super::verify::{FindingRow, row, say_findings};
use crate::cli::show::{Format, age, say, size};
use crate::cli::table::Table;

/// A cartridge for programs.
#[derive(Serialize)]
struct CartridgeRow<'a> {
    path: &'a Path,
    uuid: Option<String>,
    label: Option<&'a Label>,
    memory: Option<&'a Memory>,
    segments: Vec<SegmentRow>,
    findings: Vec<FindingRow>,
}

#[derive(Serialize)]
struct SegmentRow {
    name: String,
    state: &'static str,
    length_bytes: u64,
    header_copies_good: [bool; 2],
    encrypted: bool,
    epoch: u64,
    generation: u64,
    previous: Option<String>,
    first_object: u64,
    first_filemark: u64,
    first_host_byte: u64,
    created_unix_ms: u64,
    trailer: Option<TrailerRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frames: Option<Vec<FrameRow>>,
}

#[derive(Serialize)]
struct TrailerRow {
    reason: &'static str,
    objects: u64,
    filemarks: u64,
    host_bytes: u64,
    charged_bytes: u64,
    index_at: u64,
    entries: u32,
    sealed_unix_ms: u64,
    checksum: String,
    /// The checksum of the trailer that was before it when it was sealed.
    before: Option<String>,
    /// `untold`, `absent`, `fits` or `differs`.
    chain: &'static str,
}

#[derive(Serialize)]
struct FrameRow {
    offset: u64,
    sequence: u32,
    kind: &'static str,
    first_object: u64,
    objects: u32,
    filemarks_before: u32,
    codec: String,
    plain_length: u32,
    body_length: u32,
    seal_length: u16,
    block_length: Option<u32>,
    durable_upto: u64,
}

/// Shows everything but the blocks.
pub(super) fn show(
    directory: &Path,
    inspection: &Inspection,
    with_frames: bool,
    format: Format,
) -> anyhow::Result<Outcome> {
    if format.json {
        format.print(&of(directory, inspection, with_frames), |_| "")?;
    } else {
        say(format!("directory  {}", directory.display()))?;
        say(about(inspection))?;
        say(segments(inspection.segments()))?;
        if with_frames {
            for (number, segment) in inspection.segments().iter().enumerate() {
                say(format!("\n{}", segment.name))?;
                say(frames(&inspection.frames(number)))?;
            }
        }
        say_findings(inspection.findings())?;
    }
    let worst = inspection.findings().iter().map(|it| it.severity).max();
    Ok(if worst > Some(Severity::Note) {
        Outcome::Damaged
    } else {
        Outcome::Good
    })
}

fn of<'a>(directory: &'a Path, inspection: &'a Inspection, with_frames: bool) -> CartridgeRow<'a> {
    let segments = inspection.segments().iter().enumerate();
    let segments = segments.map(|(number, segment)| SegmentRow {
        name: segment.name.to_string(),
        state: state(segment.state),
        length_bytes: segment.length_bytes,
        header_copies_good: segment.header_copies,
        encrypted: segment.encrypted,
        epoch: segment.epoch,
        generation: segment.generation,
        previous: segment.previous.map(|uuid| uuid.to_string()),
        first_object: segment.first_object,
        first_filemark: segment.first_filemark,
        first_host_byte: segment.first_host_byte,
        created_unix_ms: segment.created_unix_ms,
        trailer: trailer(segment),
        frames: with_frames.then(|| inspection.frames(number).iter().map(frame).collect()),
    });
    CartridgeRow {
        path: directory,
        uuid: inspection.cartridge().map(|uuid| uuid.to_string()),
        label: inspection.label(),
        memory: inspection.memory(),
        segments: segments.collect(),
        findings: inspection.findings().iter().map(row).collect(),
    }
}

fn trailer(segment: &SegmentSummary) -> Option<TrailerRow> {
    let seal = segment.seal.as_ref()?;
    Some(TrailerRow {
        reason: seal.reason,
        objects: seal.objects,
        filemarks: seal.filemarks,
        host_bytes: seal.host_bytes,
        charged_bytes: seal.charged_bytes,
        index_at: seal.index_at,
        entries: seal.entries,
        sealed_unix_ms: seal.sealed_unix_ms,
        checksum: format!("{:08x}", seal.checksum),
        before: seal.before.map(|it| format!("{it:08x}")),
        chain: chain(segment.footer_chain),
    })
}

fn frame(frame: &FrameSummary) -> FrameRow {
    FrameRow {
        offset: frame.offset,
        sequence: frame.sequence,
        kind: frame.kind,
        first_object: frame.first_object,
        objects: frame.objects,
        filemarks_before: frame.filemarks_before,
        codec: format!("{:?}", frame.codec).to_lowercase(),
        plain_length: frame.plain_length,
        body_length: frame.body_length,
        seal_length: frame.seal_length,
        block_length: frame.block_length,
        durable_upto: frame.durable_upto,
    }
}

fn state(state: SegmentState) -> &'static str {
    match state {
        SegmentState::Live => "live",
        SegmentState::CutOff => "cut off",
        SegmentState::Foreign => "foreign",
        SegmentState::Unreadable => "unreadable",
    }
}

fn chain(chain: FooterChain) -> &'static str {
    match chain {
        FooterChain::Untold => "untold",
        FooterChain::Absent => "absent",
        FooterChain::Fits => "fits",
        FooterChain::Differs => "differs",
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
        let medium = format!("{}, density {:02x}h", label.media, label.density);
        line("medium", medium);
        let sizes: Vec<_> = label.partition_bytes().iter().map(|it| size(*it)).collect();
        let capacity = size(label.capacity_bytes);
        line(
            "capacity",
            format!("{capacity} in partitions of {}", sizes.join(", ")),
        );
        let formats = label.layout.as_ref().map_or(0, |layout| layout.epoch);
        let age = age(label.created_unix_ms);
        line("made", format!("{age} ago, formatted {formats} times"));
        let protected = if label.write_protected { "yes" } else { "no" };
        line("protected", protected.to_owned());
    }
    match (inspection.memory(), inspection.memory_state()) {
        (Some(memory), _) => {
            let (loads, writes) = (memory.loads, memory.write_loads);
            line("loaded", format!("{loads} times, {writes} of them written"));
            let [written, read] = [memory.life.written_bytes, memory.life.read_bytes].map(size);
            line("life", format!("{written} written, {read} read"));
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
        "FOOTER",
        "ONE BEFORE",
        "STATE",
    ];
    let mut table = Table::new(headings).right([1, 2, 3, 4, 5]);
    for segment in all {
        let seal = segment.seal.as_ref();
        let before = seal.and_then(|seal| seal.before);
        let encrypted = if segment.encrypted { ", encrypted" } else { "" };
        table.row([
            segment.name.to_string(),
            segment.length_bytes.to_string(),
            segment.generation.to_string(),
            segment.first_object.to_string(),
            segment.first_filemark.to_string(),
            seal.map_or_else(|| "?".to_owned(), |seal| seal.objects.to_string()),
            seal.map_or("no", |seal| seal.reason).to_owned(),
            seal.map_or_else(|| "-".to_owned(), |seal| format!("{:08x}", seal.checksum)),
            before.map_or_else(
                || "-".to_owned(),
                |before| format!("{before:08x} {}", chain(segment.footer_chain)),
            ),
            format!("{}{encrypted}", state(segment.state)),
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
