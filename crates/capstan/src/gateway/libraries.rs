//! The libraries of a gateway: where they lie, how they are opened, and which one a request is about.
//!
//! Every gateway has the library `main`, which lies in the data directory itself. `[[library]]` adds
//! others, each below `libraries/NAME` with an identity, a catalogue and cartridges of its own, so that
//! no two devices have one serial number and each can be rebuilt alone. The lock on the data directory
//! is for all of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use cartridge::{Codec, KeyRing};
use scsi::Lun;
use tape_library::profile::Profiles;
use tape_library::room::Marks;
use tape_library::{DriveBay, Library, NewLibrary, OpenOptions, Target};

use super::Gateway;
use super::targets::{self, Device, TargetPlan};
use crate::api::error::{Kind, Problem};
use crate::config::{Compression, Config, LibraryName, Machine, Preset, TargetLayout};
use crate::portal::NamedTarget;
use crate::portal::sessions::Sessions;

/// A library with its targets.
pub struct ServedLibrary {
    name: LibraryName,
    pub(super) library: Arc<Library>,
    pub(super) plans: Vec<TargetPlan>,
    /// What the plans became, in their order.
    pub(super) targets: Vec<NamedTarget>,
    pub(super) sessions: Arc<Sessions>,
}

/// A library that is open and has no targets yet.
pub(super) struct OpenLibrary {
    name: LibraryName,
    library: Arc<Library>,
    layout: TargetLayout,
}

impl OpenLibrary {
    /// Returns what `gateway.toml` calls the gateway, or the library.
    pub(super) fn own_name(&self) -> &str {
        &self.library.gateway().name
    }

    /// Makes the targets. `gateway` is the gateway's name.
    pub(super) fn serve(
        self,
        config: &Config,
        gateway: &str,
        sessions: &Arc<Sessions>,
    ) -> ServedLibrary {
        let drives = u16::try_from(self.library.drives().len()).unwrap_or(u16::MAX);
        let name = if self.name.is_main() {
            gateway.to_owned()
        } else {
            format!("{gateway}.{}", self.name)
        };
        let plans = targets::plan(&config.iscsi.iqn_prefix, &name, self.layout, drives);
        let targets = plans.iter().map(|plan| build(plan, &self.library));
        ServedLibrary {
            targets: targets.collect(),
            plans,
            name: self.name,
            library: self.library,
            sessions: Arc::clone(sessions),
        }
    }
}

/// Opens or creates the libraries of a configuration, the main one first.
pub(super) fn open_all(config: &Config) -> anyhow::Result<Vec<OpenLibrary>> {
    let profiles = config.load_profiles()?;
    let keys = crate::keys::load(&config.encryption, &config.data)?;
    if let Some(key) = keys.first() {
        tracing::info!(key = %key.id(), "new tapes are encrypted at rest");
    }
    let wanted = Wanted {
        name: config.name.as_ref().map(|name| name.as_str().to_owned()),
        preset: config.preset,
        machine: config.machine.as_ref(),
    };
    let main = OpenLibrary {
        name: LibraryName::main(),
        library: open_or_create(&config.data, wanted, config, &profiles, &keys)?,
        layout: config.iscsi.targets,
    };
    let mut libraries = vec![main];
    for wanted in &config.libraries {
        let directory = directory(&config.data, &wanted.name);
        let new = Wanted {
            name: Some(wanted.name.to_string()),
            preset: wanted.preset,
            machine: wanted.machine.as_ref(),
        };
        let library = open_or_create(&directory, new, config, &profiles, &keys)
            .with_context(|| format!("library {}", wanted.name))?;
        libraries.push(OpenLibrary {
            name: wanted.name.clone(),
            library,
            layout: wanted.targets,
        });
    }
    for name in on_disk(&config.data) {
        if !config.libraries.iter().any(|library| library.name == name) {
            tracing::warn!(library = %name, "is in the data directory and not in the configuration: not served");
        }
    }
    Ok(libraries)
}

/// Returns where a library lies.
pub fn directory(data: &Path, library: &LibraryName) -> PathBuf {
    if library.is_main() {
        return data.to_owned();
    }
    data.join(LIBRARIES).join(library.as_str())
}

/// Returns the libraries beside the main one that there are below `data`, ordered by name.
pub fn on_disk(data: &Path) -> Vec<LibraryName> {
    let entries = std::fs::read_dir(data.join(LIBRARIES));
    let names = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut found: Vec<LibraryName> = names
        .filter(|name| Library::exists(&directory(data, name)))
        .collect();
    found.sort();
    found
}

/// What a library is when it has to be made.
struct Wanted<'a> {
    name: Option<String>,
    preset: Preset,
    /// Instead of the preset.
    machine: Option<&'a Machine>,
}

/// Makes the libraries of a configuration that are not there yet. Those that are there must be what it says.
pub fn create_all(config: &Config) -> anyhow::Result<()> {
    let profiles = config.load_profiles()?;
    let others = config.libraries.iter();
    let others = others.map(|library| (library.name.clone(), library.preset, &library.machine));
    let main = (LibraryName::main(), config.preset, &config.machine);
    for (name, preset, machine) in std::iter::once(main).chain(others) {
        let directory = directory(&config.data, &name);
        let wanted = Wanted {
            name: if name.is_main() {
                config.name.as_ref().map(|name| name.as_str().to_owned())
            } else {
                Some(name.to_string())
            },
            preset,
            machine: machine.as_ref(),
        };
        create_unless_there(&directory, wanted, &profiles)
            .with_context(|| format!("library {name}"))?;
        let Some(machine) = machine else {
            continue;
        };
        let found = tape_library::Gateway::read(&directory)?.machine;
        anyhow::ensure!(
            found == machine.spec(&profiles)?,
            "{}: another library is here already; choose another data directory with --data DIR",
            directory.display()
        );
    }
    Ok(())
}

fn open_or_create(
    directory: &Path,
    wanted: Wanted<'_>,
    config: &Config,
    profiles: &Arc<Profiles>,
    keys: &KeyRing,
) -> anyhow::Result<Arc<Library>> {
    create_unless_there(directory, wanted, profiles)?;
    let options = OpenOptions {
        settings: settings(config, keys)?,
        delays: config.delays,
        marks: marks(config),
        profiles: Arc::clone(profiles),
    };
    Library::open(directory, options).context("cannot open the library")
}

fn create_unless_there(
    directory: &Path,
    wanted: Wanted<'_>,
    profiles: &Arc<Profiles>,
) -> anyhow::Result<()> {
    if !Library::exists(directory) {
        let preset = match wanted.preset {
            Preset::Default => tape_library::Preset::Default,
            Preset::TapeGateway => tape_library::Preset::TapeGateway,
        };
        let mut new = NewLibrary {
            name: wanted.name,
            profiles: Arc::clone(profiles),
            ..NewLibrary::of_preset(preset)
        };
        if let Some(machine) = wanted.machine {
            new.machine = Some(machine.spec(profiles).context("[machine]")?);
            new.cartridges = machine.initial_cartridges();
        }
        Library::create(directory, new).context("cannot create the library")?;
    }
    Ok(())
}

/// Returns the marks of free space, for whoever writes.
pub fn marks(config: &Config) -> Marks {
    Marks {
        slow_below_bytes: config.storage.slow_below.map(|size| size.0),
        stop_below_bytes: config.storage.stop_below.map(|size| size.0),
    }
}

/// Returns how cartridges are written, for whoever works on a library that is not served.
pub fn cartridge_settings(config: &Config) -> anyhow::Result<cartridge::Settings> {
    let keys = crate::keys::load(&config.encryption, &config.data)?;
    settings(config, &keys)
}

fn settings(config: &Config, keys: &KeyRing) -> anyhow::Result<cartridge::Settings> {
    Ok(cartridge::Settings {
        codec: match config.cartridge.compression {
            Compression::None => Codec::Stored,
            Compression::Lz4 => Codec::Lz4,
            Compression::Zstd => Codec::default(),
            Compression::Lzo => Codec::Lzo,
        },
        segment_size_bytes: u32::try_from(config.cartridge.segment_size.0)
            .context("segment size")?,
        keys: keys.clone(),
        ..cartridge::Settings::default()
    })
}

fn build(plan: &TargetPlan, library: &Library) -> NamedTarget {
    let units = plan
        .units
        .iter()
        .filter_map(|(lun, device)| {
            let unit = match device {
                Device::Changer => library.changer(),
                Device::Drive(number) => library.drives().get(usize::from(*number))?.unit(),
            };
            Some((*lun, unit))
        })
        .collect::<Vec<(Lun, _)>>();
    NamedTarget {
        name: plan.name.clone(),
        target: Target::new(&targets::port_name(&plan.name), units),
    }
}

impl ServedLibrary {
    /// Returns its name.
    pub fn name(&self) -> &LibraryName {
        &self.name
    }

    /// Returns vendor and product of a device.
    pub(super) fn model(&self, device: Device) -> String {
        let identity = match device {
            Device::Changer => Some(self.library.changer_identity()),
            Device::Drive(number) => {
                let bay = self.library.drives().get(usize::from(number));
                bay.map(DriveBay::identity)
            }
        };
        identity.map_or_else(String::new, |it| format!("{} {}", it.vendor, it.product))
    }
}

impl Gateway {
    /// Returns the libraries, the main one first.
    pub fn libraries(&self) -> &[ServedLibrary] {
        &self.libraries
    }

    /// Returns the library that a request is about. Where there are several, it has to say.
    pub fn library(&self, name: Option<&LibraryName>) -> Result<&ServedLibrary, Problem> {
        let names = || {
            let names = self.libraries.iter().map(|library| library.name.as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        match (name, &self.libraries[..]) {
            (None, [only]) => Ok(only),
            (None, _) => Err(Problem::new(
                Kind::BadRequest,
                format!("this gateway has several libraries: {}", names()),
            )
            .hint("say which one with --library NAME, or over HTTP with ?library=NAME")),
            (Some(name), libraries) => libraries
                .iter()
                .find(|library| library.name == *name)
                .ok_or_else(|| {
                    Problem::new(Kind::NotFound, format!("library {name}: there is none"))
                        .hint(format!("the libraries are {}", names()))
                }),
        }
    }
}

/// The folder of all libraries but the main one.
const LIBRARIES: &str = "libraries";
