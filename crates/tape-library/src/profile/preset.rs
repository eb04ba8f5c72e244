//! Presets: whole machines by name, for `capstan serve --preset`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ChangerProfile, DriveProfile, ElementBases, Media, ProfileError, Profiles};
use crate::element::Layout;
use crate::identity::DRIVES_MAX;

/// A machine that a new gateway may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// STK L700, two LTO-5 and two LTO-6 drives, 24 slots, 4 import/export slots, 20 cartridges.
    Default,
    /// AWS Gateway-VTL, ten drives, 1600 slots, 1600 import/export slots, no cartridges.
    TapeGateway,
}

/// What a machine is made of. It is kept with the gateway's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineSpec {
    /// The changer's profile.
    pub changer: String,
    /// The drives' profiles, in the order of their numbers.
    pub drives: Vec<String>,
    /// Number of storage elements.
    pub storage_elements: u16,
    /// Number of import/export elements.
    pub import_export_elements: u16,
    /// Where new cartridges appear.
    pub new_cartridges: NewCartridgesGo,
    /// The kind of new cartridges, if nobody says otherwise.
    pub new_cartridges_media: String,
    /// Where elements begin; `None`: where the changer's profile says. A library keeps what it was
    /// made with, whatever becomes of the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elements: Option<ElementBases>,
}

/// Where new cartridges appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewCartridgesGo {
    /// Into the first free storage elements.
    Storage,
    /// Into the first free import/export elements, as the tape gateways of the cloud do it.
    ImportExport,
}

/// The cartridges that a new library is born with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitialCartridges {
    /// How many.
    pub count: u32,
    /// What their barcodes begin with; a number of three digits and the media suffix follow.
    pub barcode_prefix: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    machine: MachineSpec,
    initial_cartridges: InitialCartridges,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 2] = [Self::Default, Self::TapeGateway];

    /// Returns the preset's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::TapeGateway => "tape-gateway",
        }
    }

    /// Returns the preset called `name`.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// Returns the machine.
    pub fn machine(self) -> MachineSpec {
        self.file().machine
    }

    /// Returns the cartridges of a new library.
    pub fn initial_cartridges(self) -> InitialCartridges {
        self.file().initial_cartridges
    }

    fn file(self) -> File {
        super::embedded(match self {
            Self::Default => include_str!("data/preset-default.toml"),
            Self::TapeGateway => include_str!("data/preset-tape-gateway.toml"),
        })
    }
}

impl MachineSpec {
    /// Returns the changer's profile, with the machine's own element addresses.
    pub fn changer_profile(
        &self,
        profiles: &Profiles,
    ) -> Result<Arc<ChangerProfile>, ProfileError> {
        let profile = profiles.changer(&self.changer)?;
        match self.elements {
            Some(elements) if elements != profile.elements => {
                let profile = ChangerProfile::clone(&profile);
                Ok(Arc::new(ChangerProfile {
                    elements,
                    ..profile
                }))
            }
            _ => Ok(profile),
        }
    }

    /// Returns the drives' profiles in order.
    pub fn drive_profiles(
        &self,
        profiles: &Profiles,
    ) -> Result<Vec<Arc<DriveProfile>>, ProfileError> {
        self.drives
            .iter()
            .map(|name| profiles.drive(name))
            .collect()
    }

    /// Returns the machine as a new library has it: checked against `profiles`, with element
    /// addresses that no longer depend on them.
    pub fn settled(mut self, profiles: &Profiles) -> Result<Self, ProfileError> {
        self.elements = Some(self.changer_profile(profiles)?.elements);
        self.layout()?;
        let drives = self.drive_profiles(profiles)?;
        let media = Media::find(&self.new_cartridges_media);
        let media = media.ok_or_else(|| ProfileError::no_media(&self.new_cartridges_media))?;
        if !drives
            .iter()
            .any(|drive| drive.access(&media.name).is_some())
        {
            let name = &media.name;
            let why = format!("new cartridges are {name}, which none of its drives takes");
            return Err(ProfileError::Elements(why));
        }
        Ok(self)
    }

    /// Returns the element addresses, after checking that they do not overlap.
    pub fn layout(&self) -> Result<Layout, ProfileError> {
        let drives = u16::try_from(self.drives.len()).unwrap_or(u16::MAX);
        if drives == 0 || drives > DRIVES_MAX {
            let allowed = format!("{drives} drives: 1 to {DRIVES_MAX} are possible");
            return Err(ProfileError::Elements(allowed));
        }
        if self.storage_elements == 0 {
            return Err(ProfileError::Elements(
                "no slots: at least 1 is needed".into(),
            ));
        }
        let bases = match self.elements {
            Some(elements) => elements,
            None => Profiles::builtin().changer(&self.changer)?.elements,
        };
        Layout::new(
            bases,
            drives,
            self.storage_elements,
            self.import_export_elements,
        )
        .map_err(ProfileError::Elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_machine_that_can_be_built() {
        for preset in Preset::ALL {
            assert_eq!(Preset::find(preset.name()), Some(preset));
            let machine = preset.machine();
            let machine = machine.settled(Profiles::builtin()).unwrap();
            let drives = machine.drive_profiles(Profiles::builtin()).unwrap();
            for drive in drives {
                assert!(drive.access(&machine.new_cartridges_media).is_some());
            }
            assert!(
                preset.initial_cartridges().count <= u32::from(machine.storage_elements),
                "every cartridge has a slot"
            );
        }
    }

    #[test]
    fn a_machine_without_drives_or_with_too_many_is_refused() {
        let mut machine = Preset::Default.machine();
        machine.drives.clear();
        assert!(matches!(machine.layout(), Err(ProfileError::Elements(_))));
        machine.drives = vec!["ibm-ult3580-td5".into(); 100];
        assert!(matches!(machine.layout(), Err(ProfileError::Elements(_))));
    }
}
