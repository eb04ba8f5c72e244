//! Making cartridges: barcodes, places, files.
//!
//! # Crash
//! Files come first and the catalogue last, in one transaction. A crash between them leaves
//! directories that no catalogue knows; a rebuild would take them up as blank cartridges, unless
//! another cartridge with data bears the barcode. A creation that fails removes them.

use std::collections::HashSet;
use std::path::Path;

use cartridge::{Cartridge, CartridgeSpec, Environment, LocalStore};
use scsi::ElementAddress;
use scsi::smc::ElementType;

use super::robot::Robot;
use super::station::Asker;
use crate::element::Layout;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::inventory::{CartridgeRecord, CartridgeState};
use crate::profile::{Form, MachineSpec, Media, NewCartridgesGo};

/// The most cartridges that one call makes: each costs a few waits for the disk.
pub const CARTRIDGES_AT_ONCE_MAX: usize = 16_384;

/// The longest barcode: the volume identifier in a volume tag (SMC-3) has 32 characters.
const BARCODE_LENGTH_MAX: usize = 32;

/// Cartridges to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTapes {
    /// How many. With [`BarcodeSource::List`] the length of the list counts.
    pub count: u32,
    /// What they are called.
    pub barcodes: BarcodeSource,
    /// The kind of medium, `LTO-5`; `None` for what each barcode of a list names, else the library's
    /// own.
    pub media: Option<String>,
    /// What they are for; `None` for what the kind of medium is for. `LTO-5` as WORM is `LTO-5W`.
    pub form: Option<Form>,
    /// The capacity; `None` for the medium's native capacity. Space is taken as data come.
    pub capacity_bytes: Option<u64>,
}

/// Where barcodes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BarcodeSource {
    /// These.
    List(Vec<String>),
    /// `prefix`, a number of at least three digits, and the suffix of the medium: `CAP001L5`.
    /// Numbers that are taken are left out.
    Sequence {
        /// What they begin with.
        prefix: String,
        /// The first number to try.
        first: u32,
    },
    /// `prefix` and six random hexadecimal digits, as the tape gateways of the cloud do it.
    Random {
        /// What they begin with.
        prefix: String,
    },
}

impl super::Library {
    /// Makes cartridges, all or none of them visible. Durable when it returns.
    pub fn create_cartridges(&self, new: &NewTapes) -> Result<Vec<CartridgeRecord>, Error> {
        self.robot.create_cartridges(new, &self.gateway)
    }
}

impl Robot {
    fn create_cartridges(
        &self,
        new: &NewTapes,
        gateway: &Gateway,
    ) -> Result<Vec<CartridgeRecord>, Error> {
        let mut inventory = self.arm();
        let existing: Vec<_> = self.map().cartridges().cloned().collect();
        let records = plan(new, gateway, self.layout(), &existing, self.environment())?;
        let made = records
            .iter()
            .try_for_each(|record| create_files(&self.directory(record.uuid), record))
            .and_then(|()| inventory.insert(&records));
        if let Err(error) = made {
            for record in &records {
                if let Err(error) = self.remove_files(record.uuid) {
                    let uuid = record.uuid;
                    tracing::warn!(%uuid, %error, "a directory of no cartridge stays behind");
                }
            }
            return Err(error);
        }
        let mut map = self.map();
        for record in &records {
            map.insert(record.clone());
        }
        drop(map);
        let elements = records.iter().filter_map(|record| record.element);
        self.tell_of_change(Asker::Operator, elements);
        tracing::info!(count = records.len(), "cartridges made");
        Ok(records)
    }
}

/// Decides what the new cartridges are called and where they go; nothing is written.
pub(super) fn plan(
    new: &NewTapes,
    gateway: &Gateway,
    layout: &Layout,
    existing: &[CartridgeRecord],
    environment: &dyn Environment,
) -> Result<Vec<CartridgeRecord>, Error> {
    let machine = &gateway.machine;
    let taken: HashSet<&str> = existing.iter().map(|record| &*record.barcode).collect();
    let barcodes = barcodes(new, machine, &taken, environment)?;
    let media = barcodes.iter().map(|barcode| match new.barcodes {
        BarcodeSource::List(_) => media_of(new, machine, Some(barcode)),
        BarcodeSource::Sequence { .. } | BarcodeSource::Random { .. } => {
            media_of(new, machine, None)
        }
    });
    let media: Vec<_> = media.collect::<Result<_, _>>()?;
    let places = free_elements(machine.new_cartridges, layout, existing, barcodes.len())?;
    let created_unix_ms = environment.now_unix_ms();
    let records = barcodes.into_iter().zip(media).zip(places);
    Ok(records
        .map(|((barcode, media), element)| CartridgeRecord {
            uuid: environment.new_uuid(),
            barcode,
            media: media.name.clone(),
            // A cleaning cartridge holds nothing, but no label says 0.
            capacity_bytes: new
                .capacity_bytes
                .unwrap_or_else(|| media.capacity_bytes().max(1)),
            created_unix_ms,
            element: Some(element),
            source: None,
            state: CartridgeState::Present,
            write_protected: false,
            archive_intent: None,
        })
        .collect())
}

/// Writes the label of a new cartridge into `directory`. Durable when it returns.
pub(super) fn create_files(directory: &Path, record: &CartridgeRecord) -> Result<(), Error> {
    let store = LocalStore::create(directory).map_err(Error::io(directory))?;
    Cartridge::create(Box::new(store), &label(record)).map_err(|source| Error::Cartridge {
        barcode: record.barcode.clone(),
        source,
    })
}

/// Returns what the label of a new cartridge says.
pub(super) fn label(record: &CartridgeRecord) -> CartridgeSpec {
    let media = Media::find(&record.media);
    CartridgeSpec {
        uuid: record.uuid,
        barcode: record.barcode.clone(),
        media: record.media.clone(),
        density: media.map_or(0, |media| media.density),
        capacity_bytes: record.capacity_bytes,
        created_unix_ms: record.created_unix_ms,
        write_protected: record.write_protected,
        form: media.map_or(Form::Data, |media| media.form),
        layout: None,
    }
}

/// Returns where a cartridge goes that comes alone.
pub(super) fn free_slot(
    gateway: &Gateway,
    layout: &Layout,
    existing: &[CartridgeRecord],
) -> Result<ElementAddress, Error> {
    let go = gateway.machine.new_cartridges;
    let mut free = free_elements(go, layout, existing, 1)?;
    free.pop().ok_or(Error::NoFreeElements {
        wanted: 1,
        free: 0,
        place: "storage",
    })
}

/// Returns the kind of medium of a new cartridge; `barcode` is one that somebody has chosen.
fn media_of(
    new: &NewTapes,
    machine: &MachineSpec,
    barcode: Option<&str>,
) -> Result<&'static Media, Error> {
    let media = match (&new.media, barcode.and_then(Media::of_barcode)) {
        (Some(name), _) => find_media(name)?,
        (None, Some(media)) => media,
        (None, None) => find_media(&machine.new_cartridges_media)?,
    };
    let Some(form) = new.form else {
        return Ok(media);
    };
    media
        .in_form(form)
        .map(|media| &**media)
        .ok_or_else(|| Error::NoSuchForm {
            media: media.name.clone(),
            form,
        })
}

fn find_media(name: &str) -> Result<&'static Media, Error> {
    let media = Media::find(name).ok_or_else(|| {
        let known: Vec<_> = Media::all().iter().map(|media| &*media.name).collect();
        Error::UnknownMedia {
            name: name.to_owned(),
            known: known.join(", "),
        }
    })?;
    Ok(media)
}

fn barcodes(
    new: &NewTapes,
    machine: &MachineSpec,
    taken: &HashSet<&str>,
    environment: &dyn Environment,
) -> Result<Vec<String>, Error> {
    let wanted = match &new.barcodes {
        BarcodeSource::List(list) => list.len(),
        _ => new.count as usize,
    };
    if wanted == 0 || wanted > CARTRIDGES_AT_ONCE_MAX {
        return Err(Error::CartridgeCount {
            count: wanted,
            max: CARTRIDGES_AT_ONCE_MAX,
        });
    }
    let barcodes: Vec<String> = match &new.barcodes {
        BarcodeSource::List(list) => list.clone(),
        BarcodeSource::Sequence { prefix, first } => {
            let suffix = &media_of(new, machine, None)?.barcode_suffix;
            (*first..=u32::MAX)
                .map(|number| format!("{prefix}{number:03}{suffix}"))
                .filter(|barcode| !taken.contains(barcode.as_str()))
                .take(wanted)
                .collect()
        }
        BarcodeSource::Random { prefix } => {
            let mut drawn = HashSet::new();
            std::iter::repeat_with(|| random_barcode(prefix, environment))
                .filter(|barcode| !taken.contains(&**barcode) && drawn.insert(barcode.clone()))
                .take(wanted)
                .collect()
        }
    };
    let mut seen = HashSet::new();
    for barcode in &barcodes {
        check_barcode(barcode)?;
        if taken.contains(&**barcode) || !seen.insert(barcode) {
            return Err(Error::BarcodeTaken {
                barcode: barcode.clone(),
            });
        }
    }
    Ok(barcodes)
}

fn random_barcode(prefix: &str, environment: &dyn Environment) -> String {
    let number = environment.new_uuid().as_fields().0 & 0xff_ffff;
    format!("{prefix}{number:06X}")
}

pub(super) fn check_barcode(barcode: &str) -> Result<(), Error> {
    let fits = !barcode.is_empty() && barcode.len() <= BARCODE_LENGTH_MAX;
    if fits && barcode.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Error::InvalidBarcode {
        barcode: barcode.to_owned(),
    })
}

/// Returns where `wanted` new cartridges go: free elements, those first that nobody will want back.
fn free_elements(
    go: NewCartridgesGo,
    layout: &Layout,
    existing: &[CartridgeRecord],
    wanted: usize,
) -> Result<Vec<ElementAddress>, Error> {
    let (kind, place) = match go {
        NewCartridgesGo::Storage => (ElementType::Storage, "storage"),
        NewCartridgesGo::ImportExport => (ElementType::ImportExport, "import/export"),
    };
    let occupied: HashSet<_> = existing
        .iter()
        .filter_map(|record| record.element)
        .collect();
    let mut free: Vec<_> = layout
        .range(kind)
        .map(ElementAddress)
        .filter(|address| !occupied.contains(address))
        .collect();
    if free.len() < wanted {
        return Err(Error::NoFreeElements {
            wanted,
            free: free.len(),
            place,
        });
    }
    // The slot of a cartridge that is in a drive looks free, but `mtx unload` will want it back.
    let in_drives = existing.iter().filter(|record| is_in_drive(layout, record));
    let homes: HashSet<_> = in_drives.filter_map(|record| record.source).collect();
    free.sort_by_key(|address| (homes.contains(address), *address));
    free.truncate(wanted);
    Ok(free)
}

fn is_in_drive(layout: &Layout, record: &CartridgeRecord) -> bool {
    let kind = record.element.and_then(|element| layout.kind(element));
    kind == Some(ElementType::DataTransfer)
}
