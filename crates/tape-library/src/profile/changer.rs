//! Changer profiles.

use std::sync::{Arc, LazyLock};

use serde::Deserialize;

/// The first element address of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElementBases {
    /// The medium transport element.
    pub picker: u16,
    /// The first import/export element.
    pub import_export: u16,
    /// The first data transfer element.
    pub drives: u16,
    /// The first storage element.
    pub storage: u16,
}

/// A model of media changer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangerProfile {
    /// The profile's name: `stk-l700`.
    pub name: String,
    /// T10 vendor identification.
    pub vendor: String,
    /// Product identification.
    pub product: String,
    /// Product revision level.
    pub revision: String,
    /// VERSION in INQUIRY data.
    pub inquiry_version: u8,
    /// Version descriptors in INQUIRY data.
    pub version_descriptors: Vec<u16>,
    /// What stands before the ten characters that all our serial numbers have.
    pub serial_prefix: String,
    /// Element base addresses.
    pub elements: ElementBases,
}

static ALL: LazyLock<Vec<Arc<ChangerProfile>>> = LazyLock::new(|| {
    [
        include_str!("data/stk-l700.toml"),
        include_str!("data/aws-gateway-vtl.toml"),
    ]
    .into_iter()
    .map(|text| Arc::new(super::embedded(text)))
    .collect()
});

impl ChangerProfile {
    /// Returns all built-in profiles.
    pub fn all() -> &'static [Arc<Self>] {
        &ALL
    }

    /// Returns the built-in profile called `name`.
    pub fn builtin(name: &str) -> Option<Arc<Self>> {
        ALL.iter().find(|profile| profile.name == name).cloned()
    }
}
