//! A portal without a gateway: one target without units, and limits as a test wants them.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use capstan::config::IscsiConfig;
use capstan::portal::addresses::PortalAddresses;
use capstan::portal::admission::Admission;
use capstan::portal::lobby::{Lobby, Places};
use capstan::portal::policy::Policy;
use capstan::portal::refusals::Refusals;
use capstan::portal::sessions::Sessions;
use capstan::portal::{DISCOVERY_IDLE_MAX, NamedTarget, Shared};
use tape_library::Target;

/// The only target.
pub(super) const TARGET: &str = "iqn.2026-11.io.capstan:bare";

/// An open portal; it closes when dropped.
pub(super) struct BarePortal {
    pub(super) address: SocketAddr,
    _lobby: Lobby,
}

impl BarePortal {
    /// Opens a portal with the defaults, changed by `change`.
    pub(super) fn open(change: impl FnOnce(&mut Shared)) -> Self {
        let places = Places {
            total: 256,
            per_source: 128,
        };
        Self::with_places(places, change)
    }

    /// Opens a portal with a lobby of this size.
    pub(super) fn with_places(places: Places, change: impl FnOnce(&mut Shared)) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let config = IscsiConfig::default();
        let mut shared = Shared {
            targets: vec![NamedTarget {
                name: TARGET.to_owned(),
                target: Target::new(TARGET, Vec::new()),
            }],
            policy: Policy::new(&config, [TARGET.to_owned()].into_iter()),
            sessions: Arc::new(Sessions::default()),
            admission: Admission::new(16),
            refusals: Refusals::default(),
            addresses: PortalAddresses::new(vec![address], Vec::new()),
            alias: "bare".to_owned(),
            limits: iscsi::Limits::default(),
            discovery_idle_max: DISCOVERY_IDLE_MAX,
        };
        change(&mut shared);
        let lobby = Lobby::with_places(vec![socket], Arc::new(shared), places);
        Self {
            address,
            _lobby: lobby.unwrap(),
        }
    }
}
