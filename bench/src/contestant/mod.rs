//! Who is measured: the gateway and its peers.
//!
//! Each is started afresh for each step of each round, with cartridges that nothing was written on, on
//! a port and in a directory of its own.

pub(crate) mod capstan;
mod istgt;
mod null;
mod tgt;

use std::path::PathBuf;

use anyhow::Result;

use self::capstan::AtRest;
use crate::cell::{Compression, Peer, Sealing, Subject};
use crate::server::{Place, Server};
use crate::session::Session;

/// What a contestant needs to know to start.
pub(crate) struct Setup {
    /// The gateway's binary.
    pub(crate) capstan: PathBuf,
    /// Where the directories go.
    pub(crate) directory: PathBuf,
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contestant {
    /// Us, with cartridges that keep nothing.
    Null,
    /// Us, with this setting of `cartridge.compression`.
    Capstan(Compression),
    /// The same with a key of the gateway's: every cartridge is encrypted at rest.
    CapstanAtRest(Compression),
    /// Somebody else.
    Peer(Peer),
}

impl Contestant {
    /// Returns the name for steps.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Capstan(compression) => compression.name().to_owned(),
            Self::CapstanAtRest(compression) => format!("{}-at-rest", compression.name()),
            Self::Peer(peer) => peer.name().to_owned(),
        }
    }

    /// Returns what its figures are filed under; only we encrypt, and under a host's key only what is
    /// not encrypted at rest.
    pub(crate) fn subject(self, sealing: Sealing) -> Subject {
        match self {
            Self::Null => Subject::Null,
            Self::Capstan(compression) => Subject::Capstan {
                compression,
                sealing,
            },
            Self::CapstanAtRest(compression) => Subject::Capstan {
                compression,
                sealing: Sealing::AtRest,
            },
            Self::Peer(peer) => Subject::Peer(peer),
        }
    }

    /// Returns what the program says of its version.
    pub(crate) fn version(self, setup: &Setup) -> Option<String> {
        let mut command = match self {
            Self::Null => return None, // it is built with this binary
            Self::Capstan(_) | Self::CapstanAtRest(_) => capstan::version(&setup.capstan),
            Self::Peer(Peer::Tgt | Peer::TgtTuned) => tgt::version(),
            Self::Peer(Peer::Istgt) => istgt::version(),
        };
        let output = command.output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        let line = String::from_utf8_lossy(&said).lines().next()?.to_owned();
        // tgtd says a number and nothing else.
        let is_bare = line.starts_with(|first: char| first.is_ascii_digit());
        Some(if is_bare { format!("tgt {line}") } else { line })
    }

    /// Starts it and logs in to its drives, which are ready. Peers have one.
    pub(crate) fn start(self, setup: &Setup, drives: u16) -> Result<Running> {
        let place = Place::new(&setup.directory)?;
        match self {
            Self::Null => null::start(place, drives),
            Self::Capstan(compression) => {
                capstan::start(&setup.capstan, place, compression, AtRest::InClear, drives)
            }
            Self::CapstanAtRest(compression) => capstan::start(
                &setup.capstan,
                place,
                compression,
                AtRest::Encrypted,
                drives,
            ),
            Self::Peer(Peer::Tgt) => tgt::start(place, tgt::DEFAULT),
            Self::Peer(Peer::TgtTuned) => tgt::start(place, tgt::TUNED),
            Self::Peer(Peer::Istgt) => istgt::start(place),
        }
    }
}

/// A target with a session on each drive; there is at least one. The sessions end first.
pub(crate) struct Running {
    /// The sessions.
    pub(crate) drives: Vec<Session>,
    /// The target.
    pub(crate) server: Server,
}
