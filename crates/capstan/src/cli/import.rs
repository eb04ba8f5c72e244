//! `capstan import`: tapes of other programs.

mod mhvtl;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cartridge::{KeyRing, Settings};
use clap::{Args, Subcommand};
use tape_library::OfflineLibrary;
use tape_library::profile::Media;
use tape_library::room::Room;

use super::Global;
use super::at_rest::AtRest;
use super::offline::Offline;
use super::show::{Format, count};
use crate::config::{ByteSize, Config, LibraryName};
use crate::convert::brake::Brake;
use crate::convert::import::{ImportContext, ImportOptions, Importer, Tape};
use crate::convert::journal::Journal;
use crate::convert::media;
use crate::convert::report::{TapeReport, text};
use crate::convert::source::{self, PartitionSource};
use crate::gateway::libraries;
use crate::keys::in_use::InUse;

/// `capstan import`
#[derive(Debug, Subcommand)]
pub enum Import {
    /// Import a whole mhvtl, or single cartridges of one
    #[command(after_long_help = MHVTL_HELP)]
    Mhvtl(mhvtl::Mhvtl),
    /// Import SIMH tape images (.tap)
    #[command(after_long_help = IMAGE_HELP)]
    Simh(Images),
    /// Import tape images of tgt
    #[command(after_long_help = IMAGE_HELP)]
    Tgt(Images),
    /// Import plain files: what `capstan export files` wrote, or any files cut into blocks
    #[command(after_long_help = FILES_HELP)]
    Files(Files),
}

/// What every import understands.
#[derive(Debug, Args)]
pub struct Common {
    /// The generation: LTO-1 to LTO-9 [default: what the barcode ends with, or the library's own]
    #[arg(long)]
    media: Option<String>,
    /// How much a tape holds, such as 100G; it grows if there is more on it
    #[arg(long)]
    size: Option<ByteSize>,
    /// Import what comes before damage, and blocks that were once read with an error
    #[arg(long)]
    keep_going: bool,
    /// Read everything, write nothing
    #[arg(long)]
    dry_run: bool,
    /// Keys.
    #[command(flatten)]
    at_rest: AtRest,
    /// Write in clear, whatever the configuration says and other tapes are
    #[arg(long, conflicts_with = "encryption_key")]
    in_clear: bool,
    /// How to print.
    #[command(flatten)]
    format: Format,
}

/// `capstan import simh` and `capstan import tgt`
#[derive(Debug, Args)]
pub struct Images {
    /// The images
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// The barcode, where there is one image [default: the file's name up to its first dot]
    #[arg(long)]
    barcode: Option<String>,
    /// What every import understands.
    #[command(flatten)]
    common: Common,
}

/// `capstan import files`
#[derive(Debug, Args)]
pub struct Files {
    /// Files, each of which becomes a file of the tape, or one directory with a manifest.json
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The barcode [default: that of the manifest]
    #[arg(long)]
    barcode: Option<String>,
    /// How long blocks are, for files without a manifest
    #[arg(long, default_value = "64K", value_name = "SIZE")]
    block_size: ByteSize,
    /// What every import understands.
    #[command(flatten)]
    common: Common,
}

impl Import {
    /// Imports and prints.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::Mhvtl(import) => import.run(global),
            Self::Simh(images) => images.run(global, source::simh_image),
            Self::Tgt(images) => images.run(global, source::tgt_image),
            Self::Files(files) => files.run(global),
        }
    }
}

impl Images {
    fn run(
        self,
        global: &Global,
        open: fn(&Path) -> anyhow::Result<PartitionSource>,
    ) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.barcode.is_none() || self.paths.len() == 1,
            "--barcode goes with one image"
        );
        let mut importing = Importing::begin(global, &self.common, false)?;
        for path in &self.paths {
            let barcode = match &self.barcode {
                Some(barcode) => barcode.clone(),
                None => barcode_of(path),
            };
            importing.import(&barcode, path, |path, media| {
                Ok(Tape::new(
                    barcode.clone(),
                    path.to_owned(),
                    media,
                    open(path)?,
                ))
            });
        }
        importing.finish()
    }
}

impl Files {
    fn run(self, global: &Global) -> anyhow::Result<()> {
        let block_bytes = u32::try_from(self.block_size.0).ok();
        let block_bytes = block_bytes.filter(|it| (1..=tape_formats::BLOCK_BYTES_MAX).contains(it));
        let block_bytes = block_bytes.context("--block-size: 1 to 16777215 bytes are possible")?;
        let mut importing = Importing::begin(global, &self.common, false)?;
        let first = &self.paths[0];
        if self.paths.len() == 1 && first.is_dir() {
            let (named, partition) = source::exported_files(first)?;
            let barcode = self.barcode.unwrap_or(named);
            importing.import(&barcode, first, |path, media| {
                Ok(Tape::new(
                    barcode.clone(),
                    path.to_owned(),
                    media,
                    partition,
                ))
            });
        } else {
            let barcode = self
                .barcode
                .context("files without a manifest need --barcode")?;
            importing.import(&barcode, first, |path, media| {
                let partition = source::plain_files(&self.paths, block_bytes)?;
                Ok(Tape::new(
                    barcode.clone(),
                    path.to_owned(),
                    media,
                    partition,
                ))
            });
        }
        importing.finish()
    }
}

impl Common {
    /// Returns the configuration with the keys that were given.
    fn config(&self, global: &Global) -> anyhow::Result<Config> {
        let mut config = self.at_rest.load(global)?.config;
        if self.in_clear {
            config.encryption.clear();
        }
        Ok(config)
    }

    /// Returns how cartridges are written.
    fn settings(&self, config: &Config) -> anyhow::Result<Settings> {
        let settings = libraries::cartridge_settings(config)?;
        self.check_keys(config, &settings.keys)?;
        Ok(settings)
    }

    /// Refuses to write in clear beside cartridges that are encrypted at rest, unless that is wanted: a
    /// gateway that is started with `--encryption-key` has its key in no configuration.
    fn check_keys(&self, config: &Config, keys: &KeyRing) -> anyhow::Result<()> {
        let InUse::Unknown(needed) = InUse::below(&config.data, keys) else {
            return Ok(());
        };
        match keys.first() {
            _ if self.in_clear => {}
            None => bail!(
                "tapes of this gateway are encrypted at rest, and there is no key for new ones\n\
                 name it as for `capstan serve`, with --encryption-key FILE or --config FILE; --in-clear \
                 imports in clear"
            ),
            Some(key) => eprintln!(
                "capstan: none of the keys opens any tape that is here: they need {}; new ones will be \
                 under key {}",
                needed.join(", "),
                key.id()
            ),
        }
        Ok(())
    }
}

/// An import into one library.
struct Importing<'a> {
    common: &'a Common,
    importer: Importer,
    native: &'static Media,
    brake: Brake,
    reports: Vec<TapeReport>,
    _offline: Offline,
}

impl<'a> Importing<'a> {
    /// Takes the library; it must be there.
    fn begin(global: &Global, common: &'a Common, decrypt: bool) -> anyhow::Result<Self> {
        let config = common.config(global)?;
        let offline = Offline::take(global, &config)?;
        let options = ImportOptions {
            keep_going: common.keep_going,
            decrypt,
            dry_run: common.dry_run,
        };
        let settings = common.settings(&config)?;
        let brake = Brake::on_signals()?;
        let importer = importer(&config, &offline.name, settings, &brake, options)?;
        let native = media::named(
            Some(&importer.library().gateway().machine.new_cartridges_media),
            "",
            Media::all()[0].as_ref(),
        )?;
        Ok(Self {
            common,
            importer,
            native,
            brake,
            reports: Vec::new(),
            _offline: offline,
        })
    }

    fn import(
        &mut self,
        barcode: &str,
        path: &Path,
        open: impl FnOnce(&Path, &'static Media) -> anyhow::Result<Tape>,
    ) {
        let (media, native) = (self.common.media.as_deref(), self.native);
        let capacity_bytes = self.common.size.map(|size| size.0);
        let report = self.importer.import(barcode, path.to_owned(), || {
            let path = path
                .canonicalize()
                .with_context(|| path.display().to_string())?;
            let media = media::named(media, barcode, native)?;
            let mut tape = open(&path, media)?;
            tape.capacity_bytes = capacity_bytes;
            Ok(tape)
        });
        self.reports.push(report);
    }

    fn finish(self) -> anyhow::Result<()> {
        self.importer.close()?;
        self.common
            .format
            .print(&self.reports, |reports| text(reports))?;
        verdict(&self.reports, &self.brake)
    }
}

/// Opens a library for an import.
fn importer(
    config: &Config,
    name: &LibraryName,
    settings: Settings,
    brake: &Brake,
    options: ImportOptions,
) -> anyhow::Result<Importer> {
    let directory = libraries::directory(&config.data, name);
    let library = OfflineLibrary::open(&directory)?;
    let journal = Journal::open(&directory)?;
    let context = ImportContext {
        settings,
        room: Room::of_directory(&directory, libraries::marks(config)),
        brake: brake.clone(),
        options,
    };
    Ok(Importer::new(library, journal, context))
}

/// Fails when not everything went well: the exit status says so.
pub(super) fn verdict(reports: &[TapeReport], brake: &Brake) -> anyhow::Result<()> {
    if let Some(halt) = brake.halt() {
        let there = reports.iter().filter(|it| !it.is_absent()).count();
        let all = count(reports.len(), "tape");
        let said = format!("{there} of {all} done, and nothing is there of the others");
        return Err(anyhow::Error::new(halt.clone()).context(said));
    }
    let bad = reports.iter().filter(|report| !report.is_good()).count();
    anyhow::ensure!(
        bad == 0,
        "{bad} of {} tapes failed, or came in part",
        reports.len()
    );
    Ok(())
}

/// The barcode that a file's name says.
fn barcode_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let barcode = name.split('.').next().unwrap_or_default();
    barcode.to_owned()
}

const MHVTL_HELP: &str = "\
A directory with a device.conf is a whole mhvtl: its libraries are made, with drives, slots and import/export
slots, and every cartridge goes where it was. Anything else is a cartridge, a directory or a single file that
bears its barcode, and goes into the library that is there.

The gateway of the data directory must not run. Each cartridge appears when it was written and read again and
found to be the same. Ctrl-C ends it in good order; the same command again goes on where the last one ended.

Examples:
  capstan --data /srv/tapes import mhvtl /etc/mhvtl --dry-run
  capstan --data /srv/tapes import mhvtl /etc/mhvtl --write-config /etc/capstan.toml
  capstan --data /srv/tapes import mhvtl /opt/mhvtl/E01001L8 --encryption-key /etc/capstan/tapes.key

docs/migrating-from-mhvtl.md walks through it.";

const IMAGE_HELP: &str = "\
The gateway of the data directory must not run. Each cartridge appears when it was written and read again and
found to be the same.

Examples:
  capstan --data /srv/tapes import simh OLD001L5.tap OLD002L5.tap
  capstan --data /srv/tapes import simh backup.tap --barcode OLD001L5
  capstan --data /srv/tapes import tgt TGT001L5.img --media LTO-5 --keep-going";

const FILES_HELP: &str = "\
The gateway of the data directory must not run. After each file comes a filemark; a manifest may say otherwise.

Examples:
  capstan --data /srv/tapes import files exported/CAP001L5
  capstan --data /srv/tapes import files label.bin dump.bin --barcode OLD001L5 --block-size 10K";
