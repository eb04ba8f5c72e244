//! The gateway: library, targets, portals and HTTP interface, wired together.
//!
//! # Shut-down
//! In this order, in five seconds at most: portals accept nothing more; sessions are asked to log
//! out, and commands in flight end; the HTTP interface closes; every drive brings what it accepted to
//! stable storage; the lock on the data directory goes.

pub mod banner;
pub mod lock;
pub mod operations;
pub mod problem;
pub mod reservations;
pub mod service;
pub mod sessions;
pub mod status;
pub mod targets;
pub mod trace;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use cartridge::Codec;
use iscsi::MemoryPool;
use scsi::Lun;
use scsi::smc::ElementType;
use tape_library::{DriveBay, ElementName, Library, NewLibrary, OpenOptions, Target};

use self::banner::Facts;
use self::lock::DataLock;
use self::targets::{Device, TargetPlan};
use crate::api::server::Server;
use crate::config::{Compression, Config, Preset};
use crate::portal::sessions::{Sessions, unix_ms};
use crate::portal::{Bound, NamedTarget, Portals};

/// A gateway that runs.
pub struct Gateway {
    config: Config,
    name: String,
    started_unix_ms: u64,
    library: Arc<Library>,
    plans: Vec<TargetPlan>,
    /// What the plans became, in their order.
    targets: Vec<NamedTarget>,
    sessions: Arc<Sessions>,
    portals: Vec<SocketAddr>,
    memory: MemoryPool,
    running: Mutex<Option<Running>>,
}

/// What has to be ended in order.
struct Running {
    portals: Portals,
    server: Server,
    lock: DataLock,
}

impl Gateway {
    /// Opens or creates the library, listens, and serves; or leaves nothing running.
    pub fn start(config: Config) -> anyhow::Result<Arc<Self>> {
        let lock = DataLock::take(&config.data)?;
        // Whatever can go wrong goes wrong before a library is made.
        let bound = Bound::bind(&config.iscsi)?;
        let library = open_or_create(&config)?;
        let name = match &config.name {
            Some(name) => name.as_str().to_owned(),
            None => library.gateway().name.clone(),
        };
        let drives = u16::try_from(library.drives().len()).unwrap_or(u16::MAX);
        let plans = targets::plan(
            &config.iscsi.iqn_prefix,
            &name,
            config.iscsi.targets,
            drives,
        );
        let targets: Vec<_> = plans.iter().map(|plan| build(plan, &library)).collect();
        let sessions = Arc::new(Sessions::default());
        let portals = Portals::serve(
            bound,
            &config.iscsi,
            targets.clone(),
            format!("Capstan {name}"),
            Arc::clone(&sessions),
        )?;
        let gateway = Arc::new(Self {
            name,
            started_unix_ms: unix_ms(),
            library,
            plans,
            targets,
            sessions,
            portals: portals.addresses(),
            memory: portals.memory(),
            running: Mutex::new(None),
            config,
        });
        let server = Server::start(&gateway.config.data, Arc::clone(&gateway))?;
        for portal in &gateway.portals {
            tracing::info!(gateway = gateway.name, %portal, "listening");
        }
        *gateway
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Running {
            portals,
            server,
            lock,
        });
        Ok(gateway)
    }

    /// Ends everything in good order. The second call does nothing.
    pub fn stop(&self) -> anyhow::Result<()> {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(Running {
            portals,
            server,
            lock,
        }) = running
        else {
            return Ok(());
        };
        let deadline = Instant::now() + STOP_TIMEOUT;
        let left = portals.close(SESSIONS_TIMEOUT);
        if left > 0 {
            tracing::warn!(connections = left, "some connections did not end in time");
        }
        server.stop();
        let stopped = self.synchronize_until(deadline);
        if stopped.is_err() || left > 0 {
            // Something of ours may still write. The kernel lets go of the lock with the process,
            // and not before.
            std::mem::forget(lock);
        }
        stopped
    }

    /// Returns the addresses that are listened on.
    pub fn portals(&self) -> &[SocketAddr] {
        &self.portals
    }

    /// Returns the gateway's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the targets, the changer's first.
    pub fn targets(&self) -> &[TargetPlan] {
        &self.plans
    }

    /// Returns what to print for whoever started this: portals, targets, lines to type.
    pub fn banner(&self) -> String {
        let layout = self.library.layout();
        let slots = layout.range(ElementType::Storage).len();
        let full = self.library.elements().into_iter().find_map(|element| {
            element.cartridge?;
            match element.name {
                ElementName::Slot(number) => Some(number),
                ElementName::ImportExport(number) => Some(
                    u16::try_from(slots)
                        .unwrap_or(u16::MAX)
                        .saturating_add(number),
                ),
                ElementName::Drive(_) | ElementName::Picker(_) => None,
            }
        });
        banner::text(&Facts {
            gateway: &self.name,
            data: self.config.data.display().to_string(),
            portals: &self.portals,
            advertised: self
                .config
                .iscsi
                .advertise
                .iter()
                .map(ToString::to_string)
                .collect(),
            targets: &self.plans,
            models: &|device| self.model(device),
            block_length: self
                .library
                .drives()
                .first()
                .map_or(0, |bay| bay.profile().block_length_default),
            full_slot: full,
            first_import_export: u16::try_from(slots).unwrap_or(u16::MAX).saturating_add(1),
        })
    }

    fn model(&self, device: Device) -> String {
        let identity = match device {
            Device::Changer => Some(self.library.changer_identity()),
            Device::Drive(number) => self
                .library
                .drives()
                .get(usize::from(number))
                .map(DriveBay::identity),
        };
        identity.map_or_else(String::new, |it| format!("{} {}", it.vendor, it.product))
    }

    /// A disk that hangs must not keep a daemon from ending: what is not durable by then was never
    /// promised to be.
    fn synchronize_until(&self, deadline: Instant) -> anyhow::Result<()> {
        let (done, wait) = std::sync::mpsc::channel();
        let library = Arc::clone(&self.library);
        std::thread::Builder::new()
            .name("shut-down".to_owned())
            .spawn(move || {
                let failures = library.shut_down();
                drop(library);
                let _ = done.send(failures); // nobody listens after the deadline
            })?;
        let left = deadline.saturating_duration_since(Instant::now());
        match wait.recv_timeout(left) {
            Ok(failures) if failures.is_empty() => Ok(()),
            Ok(failures) => {
                let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
                anyhow::bail!(
                    "not everything is on stable storage: {}",
                    failures.join("; ")
                )
            }
            Err(_) => anyhow::bail!(
                "the disk did not take everything in time; what hosts wrote since their last \
                 filemark may be lost"
            ),
        }
    }
}

fn open_or_create(config: &Config) -> anyhow::Result<Arc<Library>> {
    if !Library::exists(&config.data) {
        let preset = match config.preset {
            Preset::Default => tape_library::Preset::Default,
            Preset::TapeGateway => tape_library::Preset::TapeGateway,
        };
        let new = NewLibrary {
            name: config.name.as_ref().map(|name| name.as_str().to_owned()),
            ..NewLibrary::of_preset(preset)
        };
        Library::create(&config.data, new).context("cannot create the library")?;
    }
    let settings = cartridge::Settings {
        codec: match config.cartridge.compression {
            Compression::None => Codec::Stored,
            Compression::Lz4 => Codec::Lz4,
            Compression::Zstd => Codec::default(),
            Compression::Lzo => Codec::Lzo,
        },
        segment_size_bytes: u32::try_from(config.cartridge.segment_size.0)
            .context("segment size")?,
        ..cartridge::Settings::default()
    };
    let options = OpenOptions {
        settings,
        ..OpenOptions::default()
    };
    Library::open(&config.data, options).context("cannot open the library")
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

/// How long a stop may take.
const STOP_TIMEOUT: Duration = Duration::from_millis(4800);
/// How much of that sessions may take: their grace, and the end of commands in flight.
const SESSIONS_TIMEOUT: Duration = Duration::from_millis(2500);

const _: () = assert!(
    SESSIONS_TIMEOUT.as_millis() > crate::portal::LOGOUT_GRACE.as_millis()
        && SESSIONS_TIMEOUT.as_millis() < STOP_TIMEOUT.as_millis()
);
