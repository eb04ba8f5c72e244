//! Who is measured: the gateway and its peers.
//!
//! Each is started afresh for each block size of each round, with a cartridge that nothing was
//! written on, on a port and in a directory of its own.

pub(crate) mod capstan;
mod istgt;
mod null;
mod tgt;

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use crate::report::Kind;
use crate::server::{Place, Server};
use crate::session::Session;

/// What a contestant needs to know to start.
pub(crate) struct Setup {
    /// The gateway's binary.
    pub(crate) capstan: PathBuf,
    /// Where the directories go.
    pub(crate) directory: PathBuf,
}

/// Whose figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Contestant {
    /// Us, with cartridges that keep nothing.
    Null,
    /// Us, with this setting of `cartridge.compression`.
    Capstan {
        /// none, lz4, zstd or lzo.
        compression: String,
    },
    /// Somebody else.
    Peer(Peer),
}

/// Another target with a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// Debian's tgt as it comes.
    Tgt,
    /// Debian's tgt with long bursts and segments, which it has to be asked for.
    TgtTuned,
    /// Debian's istgt, with the lengths of its example configuration.
    Istgt,
}

impl Contestant {
    /// Returns the name for the tables.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Null => "capstan, null cartridge".to_owned(),
            Self::Capstan { compression } => format!("capstan, {compression}"),
            Self::Peer(Peer::Tgt) => "tgt".to_owned(),
            Self::Peer(Peer::TgtTuned) => "tgt, tuned".to_owned(),
            Self::Peer(Peer::Istgt) => "istgt".to_owned(),
        }
    }

    /// Returns what it is to the report.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Capstan { .. } => Kind::Capstan,
            Self::Peer(_) => Kind::Peer,
        }
    }

    /// Returns what the program says of its version.
    pub(crate) fn version(&self, setup: &Setup) -> Option<String> {
        let mut command = match self {
            Self::Null => return None, // it is built with this binary
            Self::Capstan { .. } => capstan::version(&setup.capstan),
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
    pub(crate) fn start(&self, setup: &Setup, drives: u16) -> Result<Running> {
        let place = Place::new(&setup.directory)?;
        match self {
            Self::Null => null::start(place, drives),
            Self::Capstan { compression } => {
                capstan::start(&setup.capstan, place, compression, drives)
            }
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
