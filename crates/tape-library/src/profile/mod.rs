//! Device profiles: what a model of drive or changer says of itself, as data.
//!
//! A profile is a complete table. Everything in which two models differ stands in the profile's
//! file in `data/`, so that a new model is a new file.

mod changer;
mod drive;
mod layers;
mod media;
mod preset;

use serde::de::DeserializeOwned;

pub use changer::{ChangerProfile, ElementBases};
pub use drive::{
    Capabilities, DriveMedium, DriveProfile, MediaAccess, MediumTypes, ProtectionMethod,
};
pub use media::{Form, Media};
pub use preset::{InitialCartridges, MachineSpec, NewCartridgesGo, Preset};

/// A profile that does not exist or does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// No changer profile has this name.
    #[error("changer profile {0:?}: there is none of this name")]
    NoChanger(String),
    /// No drive profile has this name.
    #[error("drive profile {0:?}: there is none of this name")]
    NoDrive(String),
    /// The elements would overlap, or there are none of a kind that a library needs.
    #[error("library: {0}")]
    Elements(String),
}

/// Reads a file of ours.
fn embedded<T: DeserializeOwned>(text: &str) -> T {
    toml::from_str(text).expect("embedded profiles are valid: a test reads each of them")
}
