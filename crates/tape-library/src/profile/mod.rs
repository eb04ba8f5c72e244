//! Device profiles: what a model of drive or changer says of itself, as data.
//!
//! A profile is a complete table. Everything in which two models differ stands in the profile's
//! file in `data/`, so that a new model is a new file. What is common stands below it: a file says
//! only what differs from `common.toml`, from its generation in `generations.toml`, and from the
//! profile that it is based on. The user's own files are read in the same way; see docs/profiles.md.

mod builtin;
mod catalogue;
mod changer;
mod drive;
mod file;
mod inquiry;
mod layers;
mod media;
mod preset;
mod print;
mod template;
mod text;

use serde::de::DeserializeOwned;

pub use catalogue::Profiles;
pub use changer::{ChangerProfile, DeviceIdForm, DeviceIds, ElementBases};
pub use drive::{
    Capabilities, DriveMedium, DriveProfile, MediaAccess, MediumTypes, ProtectionMethod,
};
pub use file::ProfileFileError;
pub use inquiry::{BytesAt, DesignatorKind, ExtraPage, HexBytes, InquiryData, VitalProductData};
pub use media::{Form, Media};
pub use preset::{InitialCartridges, MachineSpec, NewCartridgesGo, Preset};
pub use template::Template;
pub(crate) use template::Words;

/// A profile that does not exist or does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// No changer profile has this name.
    #[error("changer profile {0:?}: there is none of this name; see `capstan profile list`")]
    NoChanger(String),
    /// No drive profile has this name.
    #[error("drive profile {0:?}: there is none of this name; see `capstan profile list`")]
    NoDrive(String),
    /// No kind of cartridge has this name.
    #[error("media {name:?}: there is none of this name; known are {known}")]
    NoMedia {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// The elements would overlap, or there are none of a kind that a library needs.
    #[error("library: {0}")]
    Elements(String),
}

impl ProfileError {
    fn no_media(name: &str) -> Self {
        let known: Vec<_> = Media::all().iter().map(|media| &*media.name).collect();
        Self::NoMedia {
            name: name.to_owned(),
            known: known.join(", "),
        }
    }
}

/// Reads a file of ours.
fn embedded<T: DeserializeOwned>(text: &str) -> T {
    toml::from_str(text).expect("embedded profiles are valid: a test reads each of them")
}

#[cfg(test)]
mod tests;
