//! `[machine]`: what the first start creates, in the user's own words instead of a preset.

use std::sync::Arc;

use serde::Deserialize;
use tape_library::profile::{
    ElementBases, InitialCartridges, MachineSpec, NewCartridgesGo, ProfileError, Profiles,
};

/// A machine: a changer, drives, slots and the first cartridges.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The changer's profile.
    pub changer: String,
    /// The drives' profiles, in the order of their numbers.
    pub drives: Vec<String>,
    /// Number of slots.
    #[serde(default = "slots")]
    pub slots: u16,
    /// Number of import/export slots.
    #[serde(default = "import_export_slots")]
    pub import_export_slots: u16,
    /// How many cartridges there are from the beginning.
    #[serde(default)]
    pub cartridges: u32,
    /// What their barcodes begin with.
    #[serde(default = "barcode_prefix")]
    pub barcode_prefix: String,
    /// The kind of new cartridges; without one, that of the first drive's generation.
    pub media: Option<String>,
    /// Where new cartridges appear.
    #[serde(default = "new_cartridges")]
    pub new_cartridges: NewCartridgesGo,
    /// Where elements begin; without it, where the changer's profile says.
    pub elements: Option<ElementBases>,
}

const fn slots() -> u16 {
    24
}

const fn import_export_slots() -> u16 {
    4
}

fn barcode_prefix() -> String {
    "CAP".to_owned()
}

const fn new_cartridges() -> NewCartridgesGo {
    NewCartridgesGo::Storage
}

impl Machine {
    /// Returns the machine as a new library takes it, checked against `profiles`.
    pub fn spec(&self, profiles: &Arc<Profiles>) -> Result<MachineSpec, ProfileError> {
        let media = match (&self.media, self.drives.first()) {
            (Some(media), _) => media.clone(),
            (None, Some(drive)) => profiles.drive(drive)?.native().name.clone(),
            (None, None) => String::new(), // refused below, for want of drives
        };
        MachineSpec {
            changer: self.changer.clone(),
            drives: self.drives.clone(),
            storage_elements: self.slots,
            import_export_elements: self.import_export_slots,
            new_cartridges: self.new_cartridges,
            new_cartridges_media: media,
            elements: self.elements,
        }
        .settled(profiles)
        .and_then(|spec| self.check_cartridges().map(|()| spec))
    }

    /// A creation that fails half-way is continued at the next start; so what can be seen before is.
    fn check_cartridges(&self) -> Result<(), ProfileError> {
        let (places, what) = match self.new_cartridges {
            NewCartridgesGo::Storage => (self.slots, "slots"),
            NewCartridgesGo::ImportExport => (self.import_export_slots, "import/export slots"),
        };
        if self.cartridges > u32::from(places) {
            let why = format!("{} cartridges do not fit {places} {what}", self.cartridges);
            return Err(ProfileError::Elements(why));
        }
        let prefix = &self.barcode_prefix;
        let fits = prefix.len() <= BARCODE_PREFIX_LENGTH_MAX;
        if !fits || !prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
            let why = format!(
                "barcode_prefix {prefix:?}: write up to {BARCODE_PREFIX_LENGTH_MAX} printable ASCII \
                 characters without spaces"
            );
            return Err(ProfileError::Elements(why));
        }
        Ok(())
    }

    /// Returns the first cartridges.
    pub fn initial_cartridges(&self) -> InitialCartridges {
        InitialCartridges {
            count: self.cartridges,
            barcode_prefix: self.barcode_prefix.clone(),
        }
    }
}

/// A number and the suffix of the medium follow in the 32 characters of a volume tag.
const BARCODE_PREFIX_LENGTH_MAX: usize = 20;
