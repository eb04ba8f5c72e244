//! From a cartridge to files of others.
//!
//! # Crash
//! What is written has another name until it is whole, was synchronised, and was read again and found to be the
//! same. A file or directory that is there already is never replaced.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cartridge::{Cartridge, LocalStore, Read, Settings};
use tape_formats::manifest::{MANIFEST_NAME, Manifest, TapeFile};
use tape_formats::{Item, TapeReader, simh};
use tape_library::{CartridgeRecord, OfflineLibrary};

use super::brake::Brake;
use super::digest::{Digest, Digester};
use super::progress::Progress;
use super::report::{Outcome, TapeReport};
use super::source;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// `BARCODE.tap`.
    Simh,
    /// A directory `BARCODE` with a file for each file of the tape, and a manifest.
    Files,
}

/// How an export goes.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// What is written.
    pub format: ExportFormat,
    /// Into which directory.
    pub output: PathBuf,
    /// Which partition.
    pub partition: u8,
    /// What is damaged is left out.
    pub keep_going: bool,
}

/// What a partition is written to.
trait Sink {
    fn block(&mut self, bytes: &[u8]) -> anyhow::Result<()>;
    fn filemark(&mut self) -> anyhow::Result<()>;
    /// Durable when it returns.
    fn finish(&mut self) -> anyhow::Result<()>;
}

/// Exports a cartridge. What goes wrong stands in the report.
pub fn export(
    library: &OfflineLibrary,
    settings: &Settings,
    options: &ExportOptions,
    barcode: &str,
    brake: &Brake,
) -> TapeReport {
    let path = options.output.join(match options.format {
        ExportFormat::Simh => format!("{barcode}.tap"),
        ExportFormat::Files => barcode.to_owned(),
    });
    if brake.check().is_err() {
        return TapeReport::not_tried(barcode, path);
    }
    let done = library
        .cartridge(barcode)
        .map_err(anyhow::Error::new)
        .and_then(|record| to_path(library, settings, options, &record, &path, brake));
    done.unwrap_or_else(|error| {
        brake.mind(&error);
        TapeReport::failed(barcode, path, &error)
    })
}

fn to_path(
    library: &OfflineLibrary,
    settings: &Settings,
    options: &ExportOptions,
    record: &CartridgeRecord,
    path: &Path,
    brake: &Brake,
) -> anyhow::Result<TapeReport> {
    let barcode = &record.barcode;
    // A barcode is printable, and may still be no name for a file.
    anyhow::ensure!(
        !barcode.contains('/') && !barcode.starts_with('.'),
        "its barcode cannot be the name of a file"
    );
    refuse_what_is_there(path)?;
    let store = LocalStore::new(library.directory(record.uuid));
    let (mut cartridge, _) = Cartridge::open(Box::new(store), settings.clone())?;
    let mut remarks = other_partitions(&cartridge, options.partition);
    cartridge.change_partition(options.partition)?;
    fs::create_dir_all(&options.output).with_context(|| options.output.display().to_string())?;
    let temporary = Temporary::new(options, barcode)?;
    let mut sink: Box<dyn Sink> = match options.format {
        ExportFormat::Simh => Box::new(SimhSink::create(&temporary.path)?),
        ExportFormat::Files => Box::new(FilesSink::create(
            &temporary.path,
            barcode,
            options.partition,
        )?),
    };
    let (digest, damage) = copy(&mut cartridge, options, barcode, &mut *sink, brake)?;
    sink.finish()?;
    drop(sink);
    let found = read_again(
        options.format,
        &temporary.path,
        barcode,
        digest.bytes,
        brake,
    )?;
    if found != digest {
        bail!("what was read again differs: {found:?} instead of {digest:?}");
    }
    refuse_what_is_there(path)?;
    temporary.becomes(path)?;
    let is_whole = damage.is_empty();
    remarks.extend(damage);
    Ok(TapeReport {
        barcode: barcode.clone(),
        outcome: if is_whole {
            Outcome::Exported
        } else {
            Outcome::ExportedInPart
        },
        library: None,
        path: path.to_owned(),
        media: Some(record.media.clone()),
        place: Some(path.display().to_string()),
        digest: Some(digest),
        encryption_key: None,
        remarks,
        error: None,
    })
}

fn refuse_what_is_there(path: &Path) -> anyhow::Result<()> {
    let is_there = path.symlink_metadata().is_ok();
    anyhow::ensure!(!is_there, "{} is there already", path.display());
    Ok(())
}

/// Says what an export of one partition leaves out.
fn other_partitions(cartridge: &Cartridge, partition: u8) -> Vec<String> {
    let others = (0..cartridge.partitions()).filter(|other| *other != partition);
    let used = others.filter(|other| {
        let usage = cartridge.usage_of(*other);
        usage.is_some_and(|usage| usage.stored_bytes > 0)
    });
    used.map(|other| format!("partition {other} is left out; export it with --partition {other}"))
        .collect()
}

/// Copies the current partition. Returns what was copied, and what is damaged and was left out.
fn copy(
    cartridge: &mut Cartridge,
    options: &ExportOptions,
    barcode: &str,
    sink: &mut dyn Sink,
    brake: &Brake,
) -> anyhow::Result<(Digest, Vec<String>)> {
    let mut digester = Digester::default();
    let mut damage = Vec::new();
    let mut bytes = 0;
    let mut progress = Progress::new(barcode, "export", cartridge.usage().host_bytes);
    loop {
        brake.check()?;
        match cartridge.read_block() {
            Ok(Read::Block(block)) => {
                sink.block(&block)?;
                digester.block(&block);
                bytes += block.len() as u64;
                progress.at(bytes);
            }
            Ok(Read::Filemark) => {
                sink.filemark()?;
                digester.filemark();
            }
            Ok(Read::EndOfData) => return Ok((digester.finish(), damage)),
            Err(error @ cartridge::Error::Damaged { .. }) if options.keep_going => {
                if damage.len() < DAMAGE_TOLD_MAX {
                    let object = cartridge.position().object;
                    damage.push(format!("object {object} is left out: {error}"));
                }
                cartridge.space_blocks(1)?;
            }
            Err(error @ cartridge::Error::KeyEncryptionKeyMissing { .. }) => bail!(
                "{error}\nname it as for `capstan serve`, with --encryption-key FILE or --config FILE"
            ),
            Err(error @ cartridge::Error::KeyMissing { .. }) => {
                bail!("{error}; only a host that has the key can read it")
            }
            Err(error @ cartridge::Error::Damaged { .. }) => {
                bail!("{error}\n--keep-going leaves out what is damaged")
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// More is not told of one cartridge.
const DAMAGE_TOLD_MAX: usize = 100;

/// Reads what was written.
fn read_again(
    format: ExportFormat,
    path: &Path,
    barcode: &str,
    bytes: u64,
    brake: &Brake,
) -> anyhow::Result<Digest> {
    let mut partition = match format {
        ExportFormat::Simh => source::simh_image(path)?,
        ExportFormat::Files => source::exported_files(path)?.1,
    };
    let mut digester = Digester::default();
    let mut progress = Progress::new(barcode, "verify", bytes);
    let reader: &mut dyn TapeReader = &mut *partition.reader;
    while let Some(item) = reader.next_item()? {
        brake.check()?;
        match item {
            Item::Block(block) => digester.block(&block.bytes),
            Item::Filemark => digester.filemark(),
        }
        progress.at(reader.bytes_read());
    }
    Ok(digester.finish())
}

/// A file or directory that is not whole yet. Dropping it removes it.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    fn new(options: &ExportOptions, barcode: &str) -> anyhow::Result<Self> {
        let path = options.output.join(format!(".{barcode}.partial"));
        // Left by whoever was interrupted.
        remove(&path).with_context(|| path.display().to_string())?;
        Ok(Self { path })
    }

    fn becomes(self, path: &Path) -> anyhow::Result<()> {
        let failed = || path.display().to_string();
        fs::rename(&self.path, path).with_context(failed)?;
        sync_directory(path.parent().unwrap_or(Path::new("."))).with_context(failed)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = remove(&self.path); // the next export does
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    File::open(path)?.sync_all()
}

/// A SIMH image.
struct SimhSink {
    path: PathBuf,
    writer: simh::Writer<BufWriter<File>>,
    file: File,
}

impl SimhSink {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let failed = || path.display().to_string();
        let file = File::create_new(path).with_context(failed)?;
        let writer = BufWriter::with_capacity(BUFFER_BYTES, file.try_clone().with_context(failed)?);
        Ok(Self {
            path: path.to_owned(),
            writer: simh::Writer::new(writer),
            file,
        })
    }
}

impl Sink for SimhSink {
    fn block(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let written = self.writer.block(bytes);
        written.with_context(|| self.path.display().to_string())
    }

    fn filemark(&mut self) -> anyhow::Result<()> {
        let written = self.writer.filemark();
        written.with_context(|| self.path.display().to_string())
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.writer
            .get_mut()
            .flush()
            .and_then(|()| self.file.sync_all())
            .with_context(|| self.path.display().to_string())
    }
}

/// Plain files and a manifest.
struct FilesSink {
    directory: PathBuf,
    manifest: Manifest,
    current: Option<(TapeFile, BufWriter<File>)>,
}

impl FilesSink {
    fn create(directory: &Path, barcode: &str, partition: u8) -> anyhow::Result<Self> {
        fs::create_dir(directory).with_context(|| directory.display().to_string())?;
        Ok(Self {
            directory: directory.to_owned(),
            manifest: Manifest {
                capstan_files: Manifest::VERSION,
                barcode: barcode.to_owned(),
                partition,
                files: Vec::new(),
            },
            current: None,
        })
    }

    /// Returns the file that is being written; begins one when there is none.
    fn current(&mut self) -> anyhow::Result<&mut (TapeFile, BufWriter<File>)> {
        let current = if let Some(current) = self.current.take() {
            current
        } else {
            let name = format!("file{:06}", self.manifest.files.len());
            let path = self.directory.join(&name);
            let file = File::create_new(&path).with_context(|| path.display().to_string())?;
            let file = BufWriter::with_capacity(BUFFER_BYTES, file);
            let tape_file = TapeFile {
                name,
                ..TapeFile::default()
            };
            (tape_file, file)
        };
        Ok(self.current.insert(current))
    }

    fn end_file(&mut self, filemark: bool) -> anyhow::Result<()> {
        let Some((mut tape_file, mut file)) = self.current.take() else {
            return Ok(());
        };
        file.flush()
            .and_then(|()| file.get_ref().sync_all())
            .with_context(|| self.directory.join(&tape_file.name).display().to_string())?;
        tape_file.filemark = filemark;
        self.manifest.files.push(tape_file);
        Ok(())
    }
}

impl Sink for FilesSink {
    fn block(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let directory = self.directory.clone();
        let (tape_file, file) = self.current()?;
        tape_file.push(u32::try_from(bytes.len())?);
        file.write_all(bytes)
            .with_context(|| directory.join(&tape_file.name).display().to_string())
    }

    fn filemark(&mut self) -> anyhow::Result<()> {
        self.current()?; // two filemarks in a row are an empty file
        self.end_file(true)
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.end_file(false)?;
        let path = self.directory.join(MANIFEST_NAME);
        let written = File::create_new(&path).and_then(|mut file| {
            file.write_all(self.manifest.emit().as_bytes())?;
            file.sync_all()
        });
        written
            .and_then(|()| sync_directory(&self.directory))
            .with_context(|| path.display().to_string())
    }
}

/// How much is gathered before it is written.
const BUFFER_BYTES: usize = 1 << 20;
