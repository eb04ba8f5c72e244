//! A whole mhvtl: its libraries become ours, its cartridges go where they were.

mod profiles;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tape_formats::mhvtl::{DeviceConf, Library, LibraryContents, Place};
use tape_library::ElementName;
use tape_library::profile::{Media, NewCartridgesGo, Profiles};

use super::import::Tape;
use super::media;
use super::source::MhvtlTape;
use crate::config::show::encryption_key;
use crate::config::{KeyPlace, KeySource, LibraryName, Machine};

/// What becomes of an mhvtl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its libraries.
    pub libraries: Vec<PlannedLibrary>,
    /// What a person should know.
    pub remarks: Vec<String>,
}

/// A library to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedLibrary {
    /// Its name with us. The first one is `main`.
    pub name: LibraryName,
    /// What it is made of.
    pub machine: Machine,
    /// The kind of cartridge that its first drive takes.
    pub native: String,
    /// Its cartridges, where they are, and their directories.
    pub tapes: Vec<PlannedTape>,
}

/// A cartridge to be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedTape {
    /// Its barcode.
    pub barcode: String,
    /// Where it goes; none for the first free slot.
    pub element: Option<ElementName>,
    /// Its directory or file.
    pub path: PathBuf,
}

impl Plan {
    /// Reads the configuration in `directory`. Cartridges are looked for in `home` instead of where it says
    /// they are, if that is given.
    pub fn read(
        directory: &Path,
        home: Option<&Path>,
        profiles: &Profiles,
    ) -> anyhow::Result<Self> {
        let path = directory.join("device.conf");
        let conf = DeviceConf::parse(&text(&path)?).with_context(|| path.display().to_string())?;
        anyhow::ensure!(
            !conf.libraries.is_empty(),
            "{}: names no library",
            path.display()
        );
        let common_home = home_of_conf(directory);
        let mut remarks = Vec::new();
        let mut libraries = Vec::new();
        for library in &conf.libraries {
            let name = if libraries.is_empty() {
                LibraryName::main()
            } else {
                let name = format!("mhvtl-{}", library.id);
                name.parse().map_err(anyhow::Error::msg)?
            };
            let home = match (home, &library.home) {
                (Some(home), _) => home.to_owned(),
                (None, Some(home)) => PathBuf::from(home),
                (None, None) => common_home.clone(),
            };
            let contents = contents(directory, library, &mut remarks)?;
            let made = plan(
                name,
                library,
                &conf,
                &contents,
                &home,
                profiles,
                &mut remarks,
            );
            libraries.push(made.with_context(|| format!("library {}", library.id))?);
        }
        for drive in conf.drives.iter().filter(|drive| drive.bay.is_none()) {
            remarks.push(format!("drive {} stands alone and is left out", drive.id));
        }
        Ok(Self { libraries, remarks })
    }

    /// Returns the configuration of a gateway with these libraries. Its cartridges are encrypted at rest
    /// under `keys`.
    pub fn configuration(&self, data: &Path, from: &Path, keys: &[KeySource]) -> String {
        let mut text = format!(
            "# Made by `capstan import mhvtl {}`. docs/configuration.md has every setting.\n\ndata = {}\n",
            from.display(),
            quoted(&data.display().to_string())
        );
        for source in keys {
            text.push_str(&encryption_key(&absolute(source)));
        }
        for library in &self.libraries {
            let section = if library.name.is_main() {
                text.push('\n');
                "machine"
            } else {
                let name = quoted(library.name.as_str());
                let _ = write!(text, "\n[[library]]\nname = {name}\n\n"); // a string takes everything
                "library.machine"
            };
            let machine = &library.machine;
            let drives: Vec<_> = machine.drives.iter().map(|it| quoted(it)).collect();
            let _ = write!(
                text,
                "[{section}]\nchanger = {}\ndrives = [{}]\nslots = {}\nimport_export_slots = {}\n",
                quoted(&machine.changer),
                drives.join(", "),
                machine.slots,
                machine.import_export_slots,
            );
        }
        text
    }
}

impl PlannedTape {
    /// Opens the cartridge. One that was no LTO cartridge becomes `native`.
    pub fn open(&self, native: &str) -> anyhow::Result<Tape> {
        let fallback = media::named(Some(native), &self.barcode, Media::all()[0].as_ref())?;
        open_tape(&self.barcode, &self.path, fallback)
    }
}

/// Returns the same source for whoever is in another directory.
fn absolute(source: &KeySource) -> KeySource {
    let mut source = source.clone();
    if let KeyPlace::File(path) = &mut source.place
        && let Ok(whole) = std::path::absolute(&*path)
    {
        *path = whole;
    }
    source
}

/// Opens a cartridge of mhvtl. One that was no LTO cartridge becomes `fallback`.
pub fn open_tape(barcode: &str, path: &Path, fallback: &'static Media) -> anyhow::Result<Tape> {
    anyhow::ensure!(
        path.exists(),
        "{}: there is no such cartridge",
        path.display()
    );
    let path = path
        .canonicalize()
        .with_context(|| path.display().to_string())?;
    let source = MhvtlTape::open(&path)?;
    let (media, remark) = media::of_mhvtl(barcode, source.memory.as_ref(), fallback);
    let memory = source.memory.unwrap_or_default();
    Ok(Tape {
        barcode: barcode.to_owned(),
        path,
        media,
        capacity_bytes: None,
        element: None,
        write_protected: memory.is_write_protected,
        loads: memory.loads,
        attributes: memory.attributes,
        partitions: source.partitions,
        remarks: remark.into_iter().collect(),
    })
}

fn plan(
    name: LibraryName,
    library: &Library,
    conf: &DeviceConf,
    contents: &LibraryContents,
    home: &Path,
    profiles: &Profiles,
    remarks: &mut Vec<String>,
) -> anyhow::Result<PlannedLibrary> {
    let mut remark = |remark: Option<String>| {
        remarks.extend(remark.map(|remark| format!("library {}: {remark}", library.id)));
    };
    let (changer, said) = profiles::changer(profiles, &library.vendor, &library.product)
        .context("there is no profile for its changer")?;
    remark(said);
    let mut drives = Vec::new();
    let mut native = None;
    for drive in conf.drives_of(library.id) {
        let (profile, said) = profiles::drive(profiles, &drive.vendor, &drive.product)
            .with_context(|| format!("there is no profile for drive {}", drive.id))?;
        remark(said);
        native.get_or_insert_with(|| profile.native().name.clone());
        drives.push(profile.name.clone());
    }
    let Some(native) = native else {
        bail!("has no drives");
    };
    let in_station = |place: &Place| matches!(place, Place::Map(_));
    let inside = contents
        .cartridges
        .keys()
        .filter(|place| !in_station(place));
    let inside = u16::try_from(inside.count()).context("too many cartridges")?;
    let slots = contents.slots.max(inside).max(1);
    if slots > contents.slots {
        remark(Some(format!(
            "gets {slots} slots instead of {}",
            contents.slots
        )));
    }
    let tapes = contents
        .cartridges
        .iter()
        .map(|(place, barcode)| PlannedTape {
            barcode: barcode.clone(),
            element: match place {
                Place::Slot(number) => Some(ElementName::Slot(*number)),
                Place::Map(number) => Some(ElementName::ImportExport(*number)),
                Place::Drive(_) => None,
            },
            path: home.join(barcode),
        });
    // Those without a place of their own come last, and take what is left.
    let mut tapes: Vec<_> = tapes.collect();
    tapes.sort_by_key(|tape| tape.element.is_none());
    Ok(PlannedLibrary {
        name,
        machine: Machine {
            changer: changer.name.clone(),
            drives,
            slots,
            import_export_slots: contents.maps,
            cartridges: 0,
            barcode_prefix: "CAP".to_owned(),
            media: None,
            new_cartridges: NewCartridgesGo::Storage,
            elements: None,
        },
        native,
        tapes,
    })
}

/// Reads what is in a library: the newer one of what was configured and what mhvtl wrote when it ended.
fn contents(
    directory: &Path,
    library: &Library,
    remarks: &mut Vec<String>,
) -> anyhow::Result<LibraryContents> {
    let configured = directory.join(format!("library_contents.{}", library.id));
    let kept = directory.join(format!("library_contents.{}.persist", library.id));
    let time = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
    let is_newer = library.persist && time(&kept) > time(&configured);
    let path = if is_newer { kept } else { configured };
    if is_newer {
        let name = path.display();
        remarks.push(format!(
            "library {}: its contents are those of {name}",
            library.id
        ));
    }
    LibraryContents::parse(&text(&path)?).with_context(|| path.display().to_string())
}

/// Returns where cartridges are when a library does not say: what `mhvtl.conf` says.
fn home_of_conf(directory: &Path) -> PathBuf {
    let text = fs::read_to_string(directory.join("mhvtl.conf")).unwrap_or_default();
    let lines = text.lines().rev();
    let mut homes = lines.filter_map(|line| line.trim().strip_prefix("MHVTL_HOME_PATH="));
    let home = homes.next().map(|home| home.trim_matches(['"', '\'']));
    PathBuf::from(home.unwrap_or(HOME_DEFAULT))
}

const HOME_DEFAULT: &str = "/opt/mhvtl";

/// Reads a text of the configuration.
fn text(path: &Path) -> anyhow::Result<String> {
    let failed = || path.display().to_string();
    let length = fs::metadata(path).with_context(failed)?.len();
    anyhow::ensure!(
        length <= TEXT_BYTES_MAX,
        "{}: {length} bytes",
        path.display()
    );
    let bytes = fs::read(path).with_context(failed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// More than 1024 devices, or 65,535 elements, need.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// Returns a text as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
