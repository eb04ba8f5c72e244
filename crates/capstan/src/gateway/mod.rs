//! The gateway: libraries, targets, portals and HTTP interface, wired together.
//!
//! # Shut-down
//! In this order, in five seconds at most: portals accept nothing more; sessions are asked to log
//! out, and commands in flight end; the HTTP interface closes; every drive brings what it accepted to
//! stable storage; the lock on the data directory goes.

pub mod banner;
pub mod faults;
mod keys;
pub mod libraries;
mod life;
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

use iscsi::MemoryPool;
use scsi::smc::ElementType;
use tape_library::ElementName;

use self::banner::Facts;
use self::libraries::ServedLibrary;
use self::lock::DataLock;
use self::targets::TargetPlan;
use crate::api::server::Server;
use crate::config::Config;
use crate::portal::sessions::{Sessions, unix_ms};
use crate::portal::{Bound, Portals};

/// A gateway that runs.
pub struct Gateway {
    config: Config,
    name: String,
    started_unix_ms: u64,
    /// The main one first.
    libraries: Vec<ServedLibrary>,
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
        let open = libraries::open_all(&config)?;
        let name = match (&config.name, open.first()) {
            (Some(name), _) => name.as_str().to_owned(),
            (None, Some(main)) => main.own_name().to_owned(),
            (None, None) => anyhow::bail!("there is no library"),
        };
        let sessions = Arc::new(Sessions::default());
        let libraries: Vec<_> = open
            .into_iter()
            .map(|library| library.serve(&config, &name, &sessions))
            .collect();
        let targets = libraries.iter().flat_map(|library| &library.targets);
        let portals = Portals::serve(
            bound,
            &config.iscsi,
            targets.cloned().collect(),
            format!("Capstan {name}"),
            Arc::clone(&sessions),
        )?;
        let gateway = Arc::new(Self {
            name,
            started_unix_ms: unix_ms(),
            libraries,
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

    /// Returns the targets, library by library, and of each the changer's first.
    pub fn targets(&self) -> Vec<TargetPlan> {
        let libraries = self.libraries.iter();
        libraries
            .flat_map(|library| library.plans.iter().cloned())
            .collect()
    }

    /// Returns what to print for whoever started this: portals, targets, lines to type for the main
    /// library.
    pub fn banner(&self) -> String {
        let Some(main) = self.libraries.first() else {
            return String::new();
        };
        let slots = main.library.layout().range(ElementType::Storage).len();
        let slots = u16::try_from(slots).unwrap_or(u16::MAX);
        let full = main.library.elements().into_iter().find_map(|element| {
            element.cartridge?;
            match element.name {
                ElementName::Slot(number) => Some(number),
                ElementName::ImportExport(number) => Some(slots.saturating_add(number)),
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
            targets: &main.plans,
            models: &|device| main.model(device),
            others: &self.libraries[1..],
            block_length: main
                .library
                .drives()
                .first()
                .map_or(0, |bay| bay.profile().block_length_default),
            full_slot: full,
            first_import_export: slots.saturating_add(1),
        })
    }

    /// A disk that hangs must not keep a daemon from ending: what is not durable by then was never
    /// promised to be.
    fn synchronize_until(&self, deadline: Instant) -> anyhow::Result<()> {
        let (done, wait) = std::sync::mpsc::channel();
        for served in &self.libraries {
            let (library, done) = (Arc::clone(&served.library), done.clone());
            std::thread::Builder::new()
                .name("shut-down".to_owned())
                .spawn(move || {
                    let failures = library.shut_down();
                    drop(library);
                    let _ = done.send(failures); // nobody listens after the deadline
                })?;
        }
        let mut failures = Vec::new();
        for _ in &self.libraries {
            let left = deadline.saturating_duration_since(Instant::now());
            match wait.recv_timeout(left) {
                Ok(of_one) => failures.extend(of_one.iter().map(ToString::to_string)),
                Err(_) => anyhow::bail!(
                    "the disk did not take everything in time; what hosts wrote since their last \
                     filemark may be lost"
                ),
            }
        }
        anyhow::ensure!(
            failures.is_empty(),
            "not everything is on stable storage: {}",
            failures.join("; ")
        );
        Ok(())
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
