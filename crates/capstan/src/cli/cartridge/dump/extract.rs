//! One object, or one tape file.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cartridge::inspect::{Inspection, ObjectKind, TapeObject};
use serde::Serialize;

use super::super::Outcome;
use super::super::verify::{FindingRow, row};
use crate::cli::cartridge::progress::Progress;
use crate::cli::show::{Format, say};
use crate::convert::brake::Brake;

/// A cartridge and the number of a partition.
type Partition<'a> = (&'a Inspection, u8);

/// An object for programs.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum ObjectRow {
    Block {
        object: u64,
        file: u64,
        bytes: usize,
        codec: String,
        /// In base64.
        data: String,
    },
    Filemark {
        object: u64,
        file: u64,
    },
    Damage {
        finding: Box<FindingRow>,
    },
}

/// A tape file that was written, for programs.
#[derive(Serialize)]
struct FileRow<'a> {
    partition: u8,
    file: u64,
    output: &'a Path,
    blocks: u64,
    bytes: u64,
    lost: Vec<FindingRow>,
}

/// Shows the object `number`.
pub(super) fn object(
    (inspection, partition): Partition<'_>,
    number: u64,
    format: Format,
    brake: &Brake,
) -> anyhow::Result<Outcome> {
    let object = find(inspection, partition, number, brake)?;
    let object =
        object.with_context(|| format!("object {number}: partition {partition} ends before it"))?;
    let found = match object.kind {
        ObjectKind::Damage(finding) => {
            format.print(
                &ObjectRow::Damage {
                    finding: row(&finding).into(),
                },
                |_| &finding,
            )?;
            return Ok(Outcome::Damaged);
        }
        ObjectKind::Sealed(_) => bail!(encrypted(number)),
        ObjectKind::Filemark => ObjectRow::Filemark {
            object: number,
            file: object.file,
        },
        ObjectKind::Block { bytes, codec, .. } => {
            let codec = format!("{codec:?}").to_lowercase();
            if !format.json {
                say(format!(
                    "object {number}: a block of {} bytes in file {}, {codec}",
                    bytes.len(),
                    object.file
                ))?;
                say(hexdump(&bytes))?;
                return Ok(Outcome::Good);
            }
            ObjectRow::Block {
                object: number,
                file: object.file,
                bytes: bytes.len(),
                codec,
                data: STANDARD.encode(&bytes),
            }
        }
    };
    format.print(&found, |_| {
        format!("object {number}: a filemark, behind file {}", object.file)
    })?;
    Ok(Outcome::Good)
}

/// Returns the object `number`, or the damage in which it lies.
fn find(
    inspection: &Inspection,
    partition: u8,
    number: u64,
    brake: &Brake,
) -> anyhow::Result<Option<TapeObject>> {
    let mut before = None;
    for object in inspection.objects(partition) {
        brake.check()?;
        if object.number > number {
            break;
        }
        before = Some(object);
    }
    Ok(before.filter(|object| match &object.kind {
        ObjectKind::Damage(finding) => {
            let last = finding.place.as_ref().map(|place| *place.objects.end());
            last.is_none_or(|last| last >= number)
        }
        _ => object.number == number,
    }))
}

fn encrypted(object: u64) -> String {
    format!("object {object}: encrypted; give its key with --host-key or --encryption-key FILE")
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

/// Writes the tape file `number` to `output`.
pub(super) fn file(
    (inspection, partition): Partition<'_>,
    number: u64,
    output: &Path,
    format: Format,
    brake: &Brake,
) -> anyhow::Result<Outcome> {
    let mut out = Output::create(output)?;
    let progress = Progress::new(&format!("file {number}"), "read", inspection.length_bytes());
    let mut written = FileRow {
        partition,
        file: number,
        output,
        blocks: 0,
        bytes: 0,
        lost: Vec::new(),
    };
    let mut seen = None;
    for TapeObject {
        number: object,
        file,
        kind,
    } in inspection.objects(partition)
    {
        brake.check()?;
        seen = Some(file);
        if file > number {
            break;
        }
        if let ObjectKind::Block { bytes, .. } = &kind {
            progress.add(bytes.len() as u64);
        }
        match kind {
            _ if file < number => {}
            ObjectKind::Block { bytes, .. } => {
                out.write(&bytes)?;
                written.blocks += 1;
                written.bytes += bytes.len() as u64;
            }
            ObjectKind::Filemark => {}
            ObjectKind::Sealed(_) => bail!(encrypted(object)),
            ObjectKind::Damage(finding) => {
                written.lost.push(row(&finding));
                progress.finish();
                eprintln!("capstan: {finding}");
            }
        }
    }
    progress.finish();
    ensure!(
        seen.is_some_and(|last| last >= number),
        "file {number}: partition {partition} has fewer"
    );
    out.publish()?;
    if format.json {
        format.print(&written, |_| "")?;
    }
    Ok(if written.lost.is_empty() {
        Outcome::Good
    } else {
        Outcome::Damaged
    })
}

/// Where a tape file goes. A file has another name until it is whole, and is removed when it never is.
struct Output {
    writer: Option<Box<dyn io::Write>>,
    path: PathBuf,
    partial: Option<PathBuf>,
}

impl Output {
    fn create(path: &Path) -> anyhow::Result<Self> {
        // A pipe or a device is written as it is.
        let is_file = path != Path::new("-") && fs::metadata(path).map_or(true, |it| it.is_file());
        let partial = is_file.then(|| super::super::with_suffix(path, ".partial"));
        let writer: Box<dyn io::Write> = if path == Path::new("-") {
            Box::new(BufWriter::new(stdout().lock()))
        } else {
            let path = partial.as_deref().unwrap_or(path);
            let file = File::create(path);
            let file = file.with_context(|| format!("cannot write {}", path.display()))?;
            Box::new(BufWriter::new(file))
        };
        Ok(Self {
            writer: Some(writer),
            path: path.to_owned(),
            partial,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let written = writer.write_all(bytes);
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Gives it its name.
    fn publish(mut self) -> anyhow::Result<()> {
        let flushed = self.writer.take().map_or(Ok(()), |mut it| it.flush());
        let done = flushed.and_then(|()| match &self.partial {
            Some(partial) => fs::rename(partial, &self.path),
            None => Ok(()),
        });
        done.with_context(|| format!("cannot write {}", self.path.display()))?;
        self.partial = None;
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial {
            drop(self.writer.take());
            if let Err(error) = fs::remove_file(partial) {
                eprintln!("capstan: cannot remove {}: {error}", partial.display());
            }
        }
    }
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

    #[test]
    fn an_output_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut output = Output::create(&path).unwrap();
        output.write(b"half").unwrap();
        drop(output);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut output = Output::create(&path).unwrap();
        output.write(b"whole").unwrap();
        assert!(!path.exists());
        output.publish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
