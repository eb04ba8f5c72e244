//! The iSCSI side: sockets and threads around the sans-IO connections of the `iscsi` crate.
//!
//! # Purpose
//! One thread, the [`lobby`], accepts on all addresses and serves everybody who is logging in or in
//! discovery; each session has a thread of its own. Whoever's turn it is owns the
//! [`iscsi::Connection`] alone; others that have something for it (workers of logical units, other
//! sessions, the shut-down) post into its [`inbox`] and never touch it.
//!
//! # Guarantees
//! The receiving thread never waits for a disk, a robot, or a peer that does not read: commands that
//! do run on their logical unit's worker, the socket does not block, and what cannot be sent waits in
//! the connection, which bounds it. READ and WRITE run here as long as the page cache has what is read
//! and write-behind has room; they compress.
//!
//! # Limits
//! `iscsi.connections_max` sessions, which together hold `iscsi.memory_max` bytes at most; see
//! [`iscsi::memory`]. For logins see the [`lobby`]; those that fail are told in the log, but do not
//! fill it: [`refusals`].
//!
//! # Shut-down
//! Doors close, sessions are asked to log out (RFC 7143 §11.9), tasks in flight end, and what has
//! not gone after the grace is closed.
//!
//! - [`descriptors`]: how many there are, and who may have them.
//! - [`policy`]: who may see and do what.
//! - [`sessions`]: who is logged in; one session for each initiator port and target.
//! - [`traffic`]: what a session has done.

pub mod addresses;
pub mod admission;
pub mod connection;
pub mod descriptors;
pub mod discovery;
pub mod inbox;
pub mod lobby;
pub mod policy;
pub mod refusals;
pub mod sessions;
pub mod socket;
pub mod traffic;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use iscsi::MemoryPool;
use tape_library::Target;

use self::addresses::PortalAddresses;
use self::admission::Admission;
use self::lobby::Lobby;
use self::policy::Policy;
use self::refusals::Refusals;
use self::sessions::Sessions;
use crate::config::{IscsiConfig, ListenAddress};

/// A target with its name.
#[derive(Clone)]
pub struct NamedTarget {
    /// The iSCSI name, lower case.
    pub name: String,
    /// What commands go to.
    pub target: Arc<Target>,
}

/// What all connections share.
pub struct Shared {
    /// In the order of discovery.
    pub targets: Vec<NamedTarget>,
    /// Who may do what.
    pub policy: Policy,
    /// Who is logged in.
    pub sessions: Arc<Sessions>,
    /// Who is connected, and how many sessions there may be.
    pub admission: Arc<Admission>,
    /// Who could not log in.
    pub refusals: Refusals,
    /// What discovery tells.
    pub addresses: PortalAddresses,
    /// TargetAlias, for people.
    pub alias: String,
    /// Bounds of each connection.
    pub limits: iscsi::Limits,
    /// How long a discovery session may say nothing.
    pub discovery_idle_max: Duration,
}

/// Sockets that listen and are not served yet.
pub struct Bound {
    sockets: Vec<(TcpListener, SocketAddr)>,
}

impl Bound {
    /// Listens on all addresses of `config`, or on none. Initiators that come wait.
    pub fn bind(config: &IscsiConfig) -> anyhow::Result<Self> {
        let bind = |address: &ListenAddress| -> std::io::Result<_> {
            let socket = socket::listen(address.0)?;
            let local = socket.local_addr()?;
            Ok((socket, local))
        };
        let sockets = config
            .listen
            .iter()
            .map(|address| {
                bind(address).with_context(|| {
                    format!(
                        "cannot listen on {address}; is another program using the port? \
                         --listen names another one"
                    )
                })
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { sockets })
    }
}

/// The open portals. Dropping them closes them in a hurry; see [`Portals::close`].
pub struct Portals {
    lobby: Lobby,
    shared: Arc<Shared>,
}

impl Portals {
    /// Serves `targets`. `alias` is their TargetAlias.
    pub fn serve(
        bound: Bound,
        config: &IscsiConfig,
        targets: Vec<NamedTarget>,
        alias: String,
        sessions: Arc<Sessions>,
    ) -> std::io::Result<Self> {
        let local = bound.sockets.iter().map(|(_, local)| *local).collect();
        let advertised = config.advertise.iter().map(ToString::to_string).collect();
        let shared = Arc::new(Shared {
            policy: Policy::new(config, targets.iter().map(|target| target.name.clone())),
            targets,
            sessions,
            admission: Admission::new(config.connections_max),
            refusals: Refusals::default(),
            addresses: PortalAddresses::new(local, advertised),
            alias,
            limits: iscsi::Limits {
                login_timeout: config.login_timeout,
                logout_timeout: LOGOUT_GRACE,
                memory: MemoryPool::new(config.memory_max.0),
                ..iscsi::Limits::default()
            },
            discovery_idle_max: DISCOVERY_IDLE_MAX,
        });
        let sockets = bound.sockets.into_iter().map(|(socket, _)| socket);
        let lobby = Lobby::open(sockets.collect(), Arc::clone(&shared))?;
        Ok(Self { lobby, shared })
    }

    /// Returns the addresses that are listened on, with the ports that the system chose.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.shared.addresses.listening().to_vec()
    }

    /// Returns the memory that all sessions share.
    pub fn memory(&self) -> MemoryPool {
        self.shared.limits.memory.clone()
    }

    /// Accepts nothing more, asks everybody to log out, and waits until all connections are gone.
    /// Returns how many still were there after `patience`.
    pub fn close(self, patience: Duration) -> usize {
        self.lobby.close_doors();
        self.shared.admission.shut_down();
        self.shared.admission.wait_until_empty(patience)
    }
}

impl Drop for Portals {
    fn drop(&mut self) {
        self.lobby.close_doors();
        self.shared.admission.shut_down();
    }
}

/// What drives answer fits what sessions keep room for.
const _: () = assert!(tape_library::drive::TRANSFER_BYTES_MAX <= iscsi::memory::TRANSFER_BYTES_MAX);

/// Initiators that look for targets ask and log out at once. Shorter than the time after which the
/// silent are asked whether they live.
pub const DISCOVERY_IDLE_MAX: Duration = Duration::from_secs(10);
/// How long an initiator may take to log out when we shut down; open-iscsi takes milliseconds, and
/// a daemon that is stopped has five seconds for everything.
pub const LOGOUT_GRACE: Duration = Duration::from_millis(1500);
