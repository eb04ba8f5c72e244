//! The machine: a media changer, its drives, its elements and its inventory.
//!
//! A [`Target`] is what a transport talks to: it holds logical units, and each of them runs the
//! commands of one device, the changer or a drive. The crate knows no sockets and no clouds; it uses
//! threads, one worker for each logical unit.
//!
//! - [`target`], [`logical_unit`], [`unit_attention`], [`nexus`]: what is common to both devices:
//!   task sets, task management, unit attentions.
//! - [`profile`], [`identity`], [`element`]: what the machine is, as data.

pub mod element;
pub mod identity;
pub mod logical_unit;
pub mod nexus;
pub mod profile;
pub mod target;
pub mod unit_attention;

pub use element::{ElementName, Layout};
pub use logical_unit::{CompletionSink, DeviceServer, LogicalUnit, ManagementResponse};
pub use target::{Nexus, Target};
