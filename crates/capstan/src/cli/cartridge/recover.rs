//! `capstan cartridge recover`: a new cartridge from what is left of an old one.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use cartridge::inspect::{Inspection, Recovered};
use cartridge::{Error, Label, LocalStore, SegmentStore, Settings};
use clap::Args;
use serde::Serialize;
use tape_library::profile::Media;

use super::progress::Progress;
use super::verify::{FindingRow, go_on, look_into, read_all, row, say_findings};
use super::which::Chosen;
use super::{Keys, Outcome, with_suffix};
use crate::cli::Global;
use crate::cli::show::{Format, say, size};
use crate::convert::brake::Brake;

/// `capstan cartridge recover`
#[derive(Debug, Args)]
pub struct Recover {
    /// The cartridge: its barcode, or the directory with its files
    #[arg(value_name = "BARCODE|DIR")]
    cartridge: String,
    /// Where the new cartridge goes: a directory that does not exist
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// What a lost label said [default: what the segments repeat of it]
    #[arg(long)]
    barcode: Option<String>,
    /// Go on although the last segment is damaged so that nobody knows what it held, nor what it had
    /// overwritten: what lay there before comes back
    #[arg(long)]
    drop_damaged_tail: bool,
    /// Leave out encrypted blocks whose key is not given
    #[arg(long)]
    drop_encrypted: bool,
    /// Keys
    #[command(flatten)]
    keys: Keys,
    /// How to print
    #[command(flatten)]
    format: Format,
}

#[derive(Serialize)]
struct Report {
    output: PathBuf,
    barcode: String,
    uuid: String,
    blocks: u64,
    filemarks: u64,
    host_bytes: u64,
    lost_blocks: u64,
    encrypted_blocks_left_out: u64,
    lost: Vec<FindingRow>,
    #[serde(skip)]
    recovered: Recovered,
}

impl Recover {
    pub(super) fn run(self, global: &Global, brake: &Brake) -> anyhow::Result<Outcome> {
        let keys = self.keys.read(global)?;
        ensure!(
            !self.output.exists(),
            "{}: exists already",
            self.output.display()
        );
        let names = std::slice::from_ref(&self.cartridge);
        let chosen = Chosen::find(global, names, false)?;
        let [directory] = &chosen.directories[..] else {
            bail!("{}: which cartridge?", self.cartridge);
        };
        let inspection = look_into(directory, &keys)?;
        let label = self.label(&inspection)?;
        self.check_tail(&inspection)?;
        let bytes = self.check_keys(&inspection, brake)?;
        let progress = Progress::new(&label.barcode, "recover", bytes);
        let partial = with_suffix(&self.output, ".partial");
        let target = || -> Result<Box<dyn SegmentStore>, Error> {
            let store = LocalStore::create(&partial).map_err(|source| Error::Io {
                operation: format!("create {}", partial.display()),
                source,
            })?;
            Ok(Box::new(store))
        };
        ensure!(
            !partial.exists(),
            "{}: is left of an earlier run; remove it",
            partial.display()
        );
        // What was encrypted stays so: what is without its key is refused above.
        let settings = Settings {
            keys: keys.ring.clone(),
            ..Settings::default()
        };
        let recovered = inspection.try_recover(&target, &label, settings, |bytes| {
            progress.add(bytes);
            go_on(brake)
        });
        progress.finish();
        let whole = recovered.map_err(anyhow::Error::from).and_then(|it| {
            brake.check()?;
            publish(&partial, &self.output)?;
            it.context("not all was written")
        });
        let recovered = whole.inspect_err(|_| discard(&partial))?;
        let report = Report::new(&self.output, &label, recovered);
        let complete = report.lost_blocks == 0 && report.encrypted_blocks_left_out == 0;
        if self.format.json {
            self.format.print(&report, |_| "")?;
        } else {
            report.say()?;
        }
        Ok(if complete {
            Outcome::Good
        } else {
            Outcome::Damaged
        })
    }

    /// The label, or what can be made of a lost one.
    fn label(&self, inspection: &Inspection) -> anyhow::Result<Label> {
        if let Some(label) = inspection.label() {
            let barcode = self.barcode.as_ref().filter(|it| **it != label.barcode);
            ensure!(
                barcode.is_none(),
                "the label is good and says {}",
                label.barcode
            );
            return Ok(label.clone());
        }
        let mut label = inspection
            .label_of_segments()
            .context("the label is lost, and no segment is left that repeats it")?;
        if let Some(barcode) = &self.barcode {
            label.barcode.clone_from(barcode);
        }
        let media = Media::of_barcode(&label.barcode).with_context(|| {
            format!(
                "{}: does not tell the kind of tape; give --barcode with a known end such as L5",
                label.barcode
            )
        })?;
        label.media.clone_from(&media.name);
        label.density = media.density;
        label.form = media.form;
        Ok(label)
    }

    fn check_tail(&self, inspection: &Inspection) -> anyhow::Result<()> {
        let tail = inspection.unreadable_tail();
        let Some(segment) = tail.first() else {
            return Ok(());
        };
        ensure!(
            self.drop_damaged_tail,
            "segment {}: damaged so that nobody knows what it held, nor what it had overwritten\n\
             With --drop-damaged-tail it is left out, and what lay there before comes back.",
            segment.name
        );
        Ok(())
    }

    /// Refuses to lose what a key would open. Returns how many bytes there are to copy.
    fn check_keys(&self, inspection: &Inspection, brake: &Brake) -> anyhow::Result<u64> {
        let progress = Progress::new(&self.cartridge, "verify", inspection.length_bytes());
        let verification = read_all(inspection, &progress, brake)?;
        progress.finish();
        let partitions = verification.partitions.iter();
        let sealed: u64 = partitions.clone().map(|it| it.sealed_blocks).sum();
        ensure!(
            sealed == 0 || self.drop_encrypted,
            "{sealed} encrypted blocks cannot be moved without their key\n\
             Give it with --host-key FILE or --encryption-key FILE, or leave them out with --drop-encrypted."
        );
        Ok(partitions.map(|it| it.host_bytes).sum())
    }
}

/// Gives the finished cartridge its name. Durable when it returns.
fn publish(partial: &Path, output: &Path) -> anyhow::Result<()> {
    std::fs::rename(partial, output)
        .and_then(|()| {
            let parent = output.parent().filter(|it| !it.as_os_str().is_empty());
            std::fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
        })
        .with_context(|| {
            format!(
                "cannot rename {} to {}",
                partial.display(),
                output.display()
            )
        })
}

/// Removes what is not whole.
fn discard(partial: &Path) {
    match std::fs::remove_dir_all(partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let path = partial.display();
            eprintln!("capstan: cannot remove {path}: {error}; remove it, it is of no use");
        }
        _ => {}
    }
}

impl Report {
    fn new(output: &Path, label: &Label, recovered: Recovered) -> Self {
        let sum = |field: fn(&cartridge::inspect::RecoveredPartition) -> u64| {
            recovered.partitions.iter().map(field).sum()
        };
        Self {
            output: output.to_owned(),
            barcode: label.barcode.clone(),
            uuid: label.uuid.to_string(),
            blocks: sum(|it| it.blocks),
            filemarks: sum(|it| it.filemarks),
            host_bytes: sum(|it| it.host_bytes),
            lost_blocks: sum(|it| it.lost_blocks),
            encrypted_blocks_left_out: sum(|it| it.sealed_blocks),
            lost: recovered.lost.iter().map(row).collect(),
            recovered,
        }
    }

    fn say(&self) -> anyhow::Result<()> {
        say_findings(&self.recovered.lost)?;
        let lost = match (self.lost_blocks, self.encrypted_blocks_left_out) {
            (0, 0) => "nothing was lost".to_owned(),
            (lost, 0) => format!("{lost} blocks were lost"),
            (lost, sealed) => format!("{lost} blocks were lost, {sealed} encrypted ones left out"),
        };
        say(format!(
            "{}: {} blocks with {} and {} filemarks in {}; {lost}",
            self.barcode,
            self.blocks,
            size(self.host_bytes),
            self.filemarks,
            self.output.display(),
        ))?;
        say(format!(
            "It takes the place of the directory {} in the library's cartridges.",
            self.uuid
        ))
    }
}
