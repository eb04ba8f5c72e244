//! `capstan import mhvtl`: a whole mhvtl, or single cartridges.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use cartridge::{KeyRing, Settings};
use clap::Args;
use serde::Serialize;

use super::{Common, Importing, importer, verdict};
use crate::cli::Global;
use crate::cli::show::say;
use crate::config::{Config, LibraryConfig};
use crate::convert::brake::Brake;
use crate::convert::import::ImportOptions;
use crate::convert::import::copy::{Reading, copy};
use crate::convert::mhvtl::{Plan, PlannedLibrary, PlannedTape, open_tape};
use crate::convert::report::{Outcome, TapeReport, text};
use crate::convert::source::is_mhvtl_tape;
use crate::gateway::libraries;
use crate::gateway::lock::DataLock;

/// `capstan import mhvtl`
#[derive(Debug, Args)]
pub struct Mhvtl {
    /// The directory of device.conf, or cartridges
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Where the cartridges are [default: where the configuration says]
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Write the configuration of the new gateway there instead of printing it; never over a file
    #[arg(long, value_name = "FILE")]
    write_config: Option<PathBuf>,
    /// Import blocks in clear that a host had encrypted; their keys lie beside them
    #[arg(long)]
    decrypt: bool,
    /// What every import understands.
    #[command(flatten)]
    common: Common,
}

/// What is printed as JSON for a whole mhvtl.
#[derive(Serialize)]
struct Migration {
    configuration: String,
    remarks: Vec<String>,
    tapes: Vec<TapeReport>,
}

impl Mhvtl {
    /// Imports and prints.
    pub(super) fn run(self, global: &Global) -> anyhow::Result<()> {
        if let [path] = &*self.paths
            && path.join("device.conf").exists()
        {
            return self.migrate(global, path);
        }
        anyhow::ensure!(
            self.write_config.is_none() && self.home.is_none(),
            "--home and --write-config go with the directory of a device.conf"
        );
        let mut importing = Importing::begin(global, &self.common, self.decrypt)?;
        for path in &self.paths {
            // `.` and the like have a name as well.
            let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
            let name = whole.file_name().unwrap_or_default().to_string_lossy();
            importing.import(&name, path, |path, media| {
                anyhow::ensure!(
                    is_mhvtl_tape(path),
                    "{}: neither a cartridge of mhvtl nor the directory of its device.conf",
                    path.display()
                );
                open_tape(&name, path, media)
            });
        }
        importing.finish()
    }

    fn migrate(&self, global: &Global, from: &Path) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.common.media.is_none() && self.common.size.is_none(),
            "--media and --size go with single cartridges"
        );
        let mut config = self.common.config(global)?;
        let profiles = config.load_profiles()?;
        let plan = Plan::read(from, self.home.as_deref(), &profiles)?;
        let data = std::path::absolute(&config.data)?;
        let configuration = plan.configuration(&data, from, &config.encryption);
        take_over(&mut config, &plan);
        for library in &plan.libraries {
            let spec = library.machine.spec(&profiles);
            spec.with_context(|| format!("library {}", library.name))?;
        }
        let brake = Brake::on_signals()?;
        let mut tapes = Vec::new();
        if self.common.dry_run {
            if config.encryption.is_empty() {
                self.common.check_keys(&config, &KeyRing::default())?;
            }
            let planned = plan.libraries.iter();
            for (library, tape) in planned.flat_map(|it| it.tapes.iter().map(move |t| (it, t))) {
                tapes.push(self.look_at(library, tape, &brake));
            }
        } else {
            let _lock = DataLock::take(&config.data)?;
            let settings = self.common.settings(&config)?;
            libraries::create_all(&config)?;
            if let Some(path) = &self.write_config {
                write_new(path, &configuration)?;
            }
            for library in &plan.libraries {
                tapes.extend(self.import_library(&config, library, &settings, &brake)?);
            }
        }
        let print = |migration: &Migration| {
            let mut said = migration.remarks.join("\n");
            if self.write_config.is_none() || self.common.dry_run {
                said = format!("{}\n{said}", migration.configuration);
            }
            format!("{said}\n{}", text(&migration.tapes))
                .trim_start()
                .to_owned()
        };
        let migration = Migration {
            configuration,
            remarks: plan.remarks,
            tapes,
        };
        self.common.format.print(&migration, print)?;
        let is_done = brake.halt().is_none() && !self.common.dry_run;
        if let (Some(path), false, true) = (&self.write_config, self.common.format.json, is_done) {
            let path = path.display();
            say(format!("Start it with `capstan --config {path} serve`."))?;
        }
        verdict(&migration.tapes, &brake)
    }

    fn options(&self) -> ImportOptions {
        ImportOptions {
            keep_going: self.common.keep_going,
            decrypt: self.decrypt,
            dry_run: self.common.dry_run,
        }
    }

    fn import_library(
        &self,
        config: &Config,
        library: &PlannedLibrary,
        settings: &Settings,
        brake: &Brake,
    ) -> anyhow::Result<Vec<TapeReport>> {
        let mut importer = importer(
            config,
            &library.name,
            settings.clone(),
            brake,
            self.options(),
        )?;
        let mut reports = Vec::new();
        for planned in &library.tapes {
            let layout = importer.library().layout().clone();
            let mut report = importer.import(&planned.barcode, planned.path.clone(), || {
                let mut tape = planned.open(&library.native)?;
                tape.element = planned.element.and_then(|name| layout.address(name));
                Ok(tape)
            });
            report.library = Some(library.name.to_string());
            reports.push(report);
        }
        importer.close()?;
        Ok(reports)
    }

    /// Reads a cartridge and writes nothing: there may be no library yet.
    fn look_at(
        &self,
        library: &PlannedLibrary,
        planned: &PlannedTape,
        brake: &Brake,
    ) -> TapeReport {
        if brake.check().is_err() {
            return TapeReport::not_tried(&planned.barcode, planned.path.clone());
        }
        let looked = || -> anyhow::Result<TapeReport> {
            let mut tape = planned.open(&library.native)?;
            let reading = Reading {
                options: self.options(),
                brake,
                name: &planned.barcode,
                path: &planned.path.display().to_string(),
            };
            let read = copy(&mut tape.partitions, reading, None)?;
            let place = planned.element.map(|name| name.to_string());
            tape.remarks.extend(read.remarks);
            Ok(TapeReport {
                barcode: planned.barcode.clone(),
                outcome: match read.stopped {
                    None => Outcome::Readable,
                    Some(_) => Outcome::ReadableInPart,
                },
                library: Some(library.name.to_string()),
                path: planned.path.clone(),
                media: Some(tape.media.name.clone()),
                place: Some(place.unwrap_or_else(|| "a free slot".to_owned())),
                digest: Some(read.digest),
                encryption_key: None,
                remarks: tape.remarks,
                error: read.stopped,
            })
        };
        looked().unwrap_or_else(|error| {
            TapeReport::failed(&planned.barcode, planned.path.clone(), &error)
        })
    }
}

/// Lets the configuration say what the plan says.
fn take_over(config: &mut Config, plan: &Plan) {
    config.libraries.clear();
    for library in &plan.libraries {
        if library.name.is_main() {
            config.machine = Some(library.machine.clone());
        } else {
            config.libraries.push(LibraryConfig {
                name: library.name.clone(),
                preset: config.preset,
                targets: config.iscsi.targets,
                machine: Some(library.machine.clone()),
            });
        }
    }
}

/// Writes a file that is not there yet, or says the same already.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(()); // by the import that this one goes on with
    }
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    opened
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .with_context(|| format!("cannot write {}", path.display()))
}
