//! One cartridge, from reading to verifying.

pub mod copy;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use cartridge::{Attribute, Cartridge, Form, Settings, Writing};
use scsi::ElementAddress;
use tape_formats::mhvtl::{self, AttributeFormat};
use tape_library::profile::Media;
use tape_library::room::{Room, Writers};
use tape_library::{CartridgeRecord, Error, Incoming, IncomingSpec, OfflineLibrary};
use uuid::Uuid;

use self::copy::{Copied, Destination, Reading, admit, copy};
use super::brake::Brake;
use super::digest::Digester;
use super::journal::{Entry, Journal};
use super::progress::Progress;
use super::read_back;
use super::report::{Outcome, TapeReport};
use super::source::PartitionSource;
use crate::cli::show::size;

/// How an import goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// What comes before damage is imported, and blocks that were once read with an error are taken.
    pub keep_going: bool,
    /// Blocks that lie beside their key are imported in clear.
    pub decrypt: bool,
    /// Everything is read, and nothing written.
    pub dry_run: bool,
}

/// A cartridge to import.
pub struct Tape {
    /// Its barcode.
    pub barcode: String,
    /// Where it comes from.
    pub path: PathBuf,
    /// What it becomes.
    pub media: &'static Media,
    /// Its capacity; without one, what it had, or that of its kind. It grows when there is more on it.
    pub capacity_bytes: Option<u64>,
    /// Where it goes.
    pub element: Option<ElementAddress>,
    /// Whether it is write protected.
    pub write_protected: bool,
    /// How often it was loaded.
    pub loads: u64,
    /// What applications have written into its memory.
    pub attributes: Vec<mhvtl::Attribute>,
    /// What is on it: one partition to four.
    pub partitions: Vec<PartitionSource>,
    /// What a person should know.
    pub remarks: Vec<String>,
}

impl Tape {
    /// Returns a cartridge of one partition and nothing else.
    pub fn new(
        barcode: String,
        path: PathBuf,
        media: &'static Media,
        partition: PartitionSource,
    ) -> Self {
        Self {
            barcode,
            path,
            media,
            capacity_bytes: None,
            element: None,
            write_protected: false,
            loads: 0,
            attributes: Vec::new(),
            partitions: vec![partition],
            remarks: Vec::new(),
        }
    }

    /// Returns the capacity of each partition: what it had, and room for what is on it.
    fn capacities(&self) -> Vec<u64> {
        let one = self.partitions.len() == 1;
        let capacity = |partition: &PartitionSource| {
            let content = partition.content_bytes;
            // Each frame has a header, and what waits counts before it is compressed.
            let needed = content.saturating_add(content / 32).saturating_add(4 << 20);
            let native = if one { self.media.capacity_bytes() } else { 0 };
            let had = match (
                self.capacity_bytes.filter(|_| one),
                partition.capacity_bytes,
            ) {
                (Some(wanted), _) => wanted,
                (None, 0) => native,
                (None, had) => had,
            };
            had.max(needed)
        };
        self.partitions.iter().map(capacity).collect()
    }
}

/// What an import works with.
pub struct ImportContext {
    /// How cartridges are written.
    pub settings: Settings,
    /// How much the disk has left.
    pub room: Room,
    /// What ends it before its end.
    pub brake: Brake,
    /// What is asked for.
    pub options: ImportOptions,
}

/// Imports cartridges into one library.
pub struct Importer {
    library: OfflineLibrary,
    journal: Journal,
    context: ImportContext,
    /// Whether it was told that drives will be slowed.
    has_told_of_room: bool,
}

impl Importer {
    /// Returns an importer into `library`, whose journal is `journal`.
    pub fn new(library: OfflineLibrary, journal: Journal, context: ImportContext) -> Self {
        Self {
            library,
            journal,
            context,
            has_told_of_room: false,
        }
    }

    /// Returns the library.
    pub fn library(&self) -> &OfflineLibrary {
        &self.library
    }

    /// Closes the library.
    pub fn close(self) -> anyhow::Result<()> {
        Ok(self.library.close()?)
    }

    /// Returns what is to be said of a cartridge that is there already: its report, when it was imported
    /// from `path`.
    pub fn before(&self, barcode: &str, path: &PathBuf) -> anyhow::Result<Option<TapeReport>> {
        let Ok(record) = self.library.cartridge(barcode) else {
            return Ok(None);
        };
        let entry = self
            .journal
            .find(&record)
            .filter(|entry| entry.source == *path);
        let Some(entry) = entry else {
            let known = self.journal.find(&record);
            let from = known.map_or_else(String::new, |entry| {
                format!(", imported from {}", entry.source.display())
            });
            bail!(
                "a tape with this barcode is in the library already{from}; delete that one first"
            );
        };
        if !entry.is_whole {
            bail!("was imported in part before; delete that one first to import it again");
        }
        Ok(Some(TapeReport {
            barcode: barcode.to_owned(),
            outcome: Outcome::ImportedBefore,
            library: None,
            path: path.clone(),
            media: Some(record.media.clone()),
            place: self.place(record.element),
            digest: Some(entry.digest.clone()),
            encryption_key: keys_of(&self.library, record.uuid),
            remarks: Vec::new(),
            error: None,
        }))
    }

    /// Imports the cartridge that `open` opens. What goes wrong stands in the report. After what concerns all
    /// cartridges nothing is opened any more.
    pub fn import(
        &mut self,
        barcode: &str,
        path: PathBuf,
        open: impl FnOnce() -> anyhow::Result<Tape>,
    ) -> TapeReport {
        if self.context.brake.check().is_err() {
            return TapeReport::not_tried(barcode, path);
        }
        open()
            .and_then(|tape| self.try_import(tape))
            .unwrap_or_else(|error| {
                self.context.brake.mind(&error);
                TapeReport::failed(barcode, path, &error)
            })
    }

    fn try_import(&mut self, mut tape: Tape) -> anyhow::Result<TapeReport> {
        if let Some(report) = self.before(&tape.barcode, &tape.path)? {
            return Ok(report);
        }
        let mut report = TapeReport {
            barcode: tape.barcode.clone(),
            outcome: Outcome::Readable,
            library: None,
            path: tape.path.clone(),
            media: Some(tape.media.name.clone()),
            place: None,
            digest: None,
            encryption_key: None,
            remarks: std::mem::take(&mut tape.remarks),
            error: None,
        };
        let copied = if self.context.options.dry_run {
            self.read(&mut tape, None)?
        } else {
            let (copied, record) = self.take(&mut tape)?;
            report.outcome = Outcome::Imported;
            report.place = self.place(record.element);
            report.encryption_key = keys_of(&self.library, record.uuid);
            report.remarks.extend(self.tell_of_room());
            copied
        };
        if copied.stopped.is_some() {
            report.outcome = match report.outcome {
                Outcome::Readable => Outcome::ReadableInPart,
                _ => Outcome::ImportedInPart,
            };
        }
        if copied.encrypted_blocks > 0 {
            let count = copied.encrypted_blocks;
            report.remarks.push(if self.context.options.decrypt {
                format!("{count} blocks that a host had encrypted are now in clear")
            } else {
                format!("{count} blocks are encrypted under the keys of their host")
            });
        }
        report.digest = Some(copied.digest);
        report.remarks.extend(copied.remarks);
        report.error = copied.stopped;
        Ok(report)
    }

    fn place(&self, element: Option<ElementAddress>) -> Option<String> {
        let name = self.library.layout().name(element?)?;
        Some(name.to_string())
    }

    /// Writes a cartridge, verifies it and takes it into the library.
    fn take(&mut self, tape: &mut Tape) -> anyhow::Result<(Copied, CartridgeRecord)> {
        admit(&self.context.room, 0)?;
        let capacities = tape.capacities();
        let spec = IncomingSpec {
            barcode: tape.barcode.clone(),
            media: tape.media,
            capacity_bytes: capacities.iter().sum(),
            element: tape.element,
        };
        let environment = Arc::clone(&self.context.settings.environment);
        let incoming = match self.library.begin(spec, &*environment) {
            Err(Error::NoFreeElements { .. }) => bail!("no slot is free for it"),
            begun => begun?,
        };
        let mut cartridge = self.open(&incoming)?;
        if capacities.len() > 1 {
            cartridge.format(&capacities)?;
        }
        let room = &self.context.room;
        let destination = Destination {
            cartridge: &mut cartridge,
            room,
        };
        let copied = self.read(tape, Some(destination))?;
        if let Some(stopped) = &copied.stopped
            && copied.digest.blocks + copied.digest.filemarks == 0
        {
            bail!("{stopped}\nnothing comes before it");
        }
        remember(&mut cartridge, tape)?;
        if tape.write_protected {
            cartridge.set_write_protected(true)?;
        }
        cartridge.unload()?;
        self.verify(&incoming, &copied)?;
        self.journal.add(Entry {
            uuid: incoming.record().uuid.to_string(),
            source: tape.path.clone(),
            digest: copied.digest.clone(),
            is_whole: copied.stopped.is_none(),
        })?;
        let record = self.library.take_in(incoming, tape.write_protected)?;
        Ok((copied, record))
    }

    /// Says once that drives will be slowed.
    fn tell_of_room(&mut self) -> Option<String> {
        let (space, writers) = self.context.room.look();
        let is_news = writers != Writers::Free && !self.has_told_of_room;
        self.has_told_of_room |= is_news;
        let (mark_bytes, _) = self.context.room.marks_of(space);
        is_news.then(|| {
            format!(
                "the disk is nearly full now, {} free: drives are slowed below {}",
                size(space.free_bytes),
                size(mark_bytes)
            )
        })
    }

    fn open(&self, incoming: &Incoming) -> Result<Cartridge, cartridge::Error> {
        let settings = Settings {
            writing: Writing::Behind,
            ..self.context.settings.clone()
        };
        let (cartridge, _) = Cartridge::open(Box::new(incoming.store()), settings)?;
        Ok(cartridge)
    }

    fn read(
        &self,
        tape: &mut Tape,
        destination: Option<Destination<'_>>,
    ) -> anyhow::Result<Copied> {
        let reading = Reading {
            options: self.context.options,
            brake: &self.context.brake,
            name: &tape.barcode,
            path: &tape.path.display().to_string(),
        };
        let copied = copy(&mut tape.partitions, reading, destination)?;
        let is_cleaning = tape.media.form == Form::Cleaning;
        anyhow::ensure!(
            !is_cleaning || copied.digest.blocks == 0,
            "a cleaning cartridge with data on it"
        );
        Ok(copied)
    }

    /// Reads everything again that was written and compares.
    fn verify(&self, incoming: &Incoming, copied: &Copied) -> anyhow::Result<()> {
        let mut cartridge = self.open(incoming)?;
        let mut digester = Digester::default();
        for (number, keys) in (0_u8..).zip(&copied.keys) {
            cartridge.change_partition(number)?;
            if number > 0 {
                digester.partition();
            }
            let total = cartridge.usage().host_bytes;
            let mut progress = Progress::new(&incoming.record().barcode, "verify", total);
            let brake = &self.context.brake;
            read_back::partition(&mut cartridge, keys, &mut digester, &mut progress, brake)?;
        }
        let found = digester.finish();
        if found != copied.digest {
            bail!(
                "what was read again differs: {found:?} instead of {:?}",
                copied.digest
            );
        }
        Ok(())
    }
}

/// Returns the keys that a cartridge is encrypted at rest under.
pub fn keys_of(library: &OfflineLibrary, cartridge: Uuid) -> Option<String> {
    let ids = library.key_ids(cartridge).unwrap_or_default();
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    (!ids.is_empty()).then(|| ids.join(", "))
}

/// Gives a cartridge the memory that it had.
fn remember(cartridge: &mut Cartridge, tape: &Tape) -> Result<(), cartridge::Error> {
    if tape.loads == 0 && tape.attributes.is_empty() {
        return Ok(());
    }
    let mut memory = cartridge.memory().clone();
    memory.loads = tape.loads;
    for attribute in &tape.attributes {
        let format = match attribute.format {
            AttributeFormat::Binary => 0,
            AttributeFormat::Ascii => 1,
            AttributeFormat::Text => 2,
        };
        let value = attribute.value.clone();
        let partition = attribute.partition;
        let attribute_id = attribute.id;
        memory
            .attributes
            .set(partition, attribute_id, Attribute { format, value });
    }
    cartridge.set_memory(memory)
}
