//! The machine: a media changer, its drives, its elements and its inventory.
//!
//! A [`Target`] is what a transport talks to: it holds logical units, and each of them runs the
//! commands of one device, the changer or a drive. The crate knows no sockets and no clouds; it uses
//! threads, one worker for each logical unit. Standards: SAM-5 (r21), SPC-5 (r22), SMC-3 (r16),
//! SSC-5 (r06).
//!
//! - [`target`], [`logical_unit`], [`unit_attention`], [`nexus`]: what is common to both devices:
//!   task sets, task management, unit attentions, reservations; `holdings`: what a nexus holds.
//! - [`profile`], [`identity`], [`element`], [`gateway`]: what the machine is, as data.
//! - [`library`]: the machine itself, for the API; behind it the changer and the catalogue.
//! - [`drive`]: the tape drive's device server.
//! - [`inject`]: faults on order, and delays.
//! - [`room`]: what free space on the disk means for writers.

mod changer;
pub mod drive;
pub mod element;
mod error;
pub mod gateway;
mod holdings;
pub mod identity;
pub mod inject;
mod inventory;
pub mod library;
pub mod logical_unit;
pub mod nexus;
pub mod profile;
pub mod room;
pub mod target;
#[cfg(test)]
mod testing;
pub mod unit_attention;

pub use element::{ElementName, Layout};
pub use error::Error;
pub use gateway::Gateway;
pub use holdings::{Holding, NexusWatch};
pub use inventory::{ArchiveIntent, CartridgeRecord, CartridgeState};
pub use library::{
    BarcodeSource, CARTRIDGES_AT_ONCE_MAX, DriveBay, Element, Exchange, Incoming, IncomingSpec,
    Library, MoveError, NewLibrary, NewTapes, OfflineLibrary, OpenOptions, RebuildReport,
    RemovalPrevented,
};
pub use logical_unit::{
    ClearedBy, CompletionSink, DeviceServer, Holder, LogicalUnit, ManagementResponse, Reservation,
    ReservationKind, trace,
};
pub use profile::Preset;
pub use target::{Nexus, Target};
