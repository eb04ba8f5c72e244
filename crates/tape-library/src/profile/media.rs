//! Media: the kinds of cartridge and their densities (SSC-5 §8.2.4, REPORT DENSITY SUPPORT).

use std::sync::{Arc, LazyLock};

pub use cartridge::Form;
use serde::{Deserialize, Serialize};

/// A kind of cartridge. Figures are those that drives of the kind report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// The name in the API and in a cartridge's label: `LTO-5`, `LTO-5W` for WORM.
    pub name: String,
    /// The last two characters of a barcode label of this kind: `L5`.
    pub barcode_suffix: String,
    /// The generation of its format, from 1; 0 for a cartridge that fits all.
    pub generation: u8,
    /// What it is for.
    pub form: Form,
    /// Primary density code. A WORM kind shares it with the data kind of its generation.
    pub density: u8,
    /// MEDIUM TYPE in the header of mode parameters, in the way of the LTO consortium; a drive may
    /// have its own (`DriveProfile::medium_type`).
    pub medium_type: u8,
    /// Bits per millimetre.
    pub bits_per_mm: u32,
    /// Width of the medium in tenths of a millimetre.
    pub width_tenth_mm: u16,
    /// Number of tracks.
    pub tracks: u16,
    /// Native capacity in megabytes, decimal.
    pub capacity_mb: u32,
    /// Assigning organisation.
    pub organization: String,
    /// Density name.
    pub density_name: String,
    /// Description.
    pub description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    media: Vec<Media>,
}

static ALL: LazyLock<Vec<Arc<Media>>> = LazyLock::new(|| {
    let file: File = super::embedded(include_str!("data/media.toml"));
    file.media.into_iter().map(Arc::new).collect()
});

impl Media {
    /// Returns all kinds, the oldest first.
    pub fn all() -> &'static [Arc<Self>] {
        &ALL
    }

    /// Returns the kind called `name`, whether written `LTO-5` or `lto5`.
    pub fn find(name: &str) -> Option<&'static Arc<Self>> {
        let plain = |text: &str| text.replace('-', "").to_ascii_lowercase();
        ALL.iter().find(|media| plain(&media.name) == plain(name))
    }

    /// Returns the kind that a barcode names: by its last two characters, or a cleaning cartridge
    /// by `CLN` at its beginning. `None` for a barcode that says nothing.
    pub fn of_barcode(barcode: &str) -> Option<&'static Arc<Self>> {
        if barcode.starts_with(CLEANING_PREFIX) {
            return ALL.iter().find(|media| media.form == Form::Cleaning);
        }
        ALL.iter()
            .find(|media| barcode.len() > 2 && barcode.ends_with(&media.barcode_suffix))
    }

    /// Returns the kind of the same generation that is for `form`: itself, or its sister. Cleaning
    /// cartridges fit all generations.
    pub fn in_form(&self, form: Form) -> Option<&'static Arc<Self>> {
        let is_it = |media: &&Arc<Self>| match form {
            _ if self.form == form => media.name == self.name,
            Form::Cleaning => media.form == form,
            Form::Data | Form::Worm => (media.generation, media.form) == (self.generation, form),
        };
        ALL.iter().find(is_it)
    }

    /// Returns the native capacity in bytes.
    pub fn capacity_bytes(&self) -> u64 {
        u64::from(self.capacity_mb) * 1_000_000
    }
}

/// What the barcodes of cleaning cartridges begin with.
const CLEANING_PREFIX: &str = "CLN";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn media_are_found_by_either_spelling() {
        assert_eq!(Media::find("lto5").unwrap().density, 0x58);
        assert_eq!(
            Media::find("LTO-5").unwrap().capacity_bytes(),
            1_500_000_000_000
        );
        assert!(Media::find("LTO-55").is_none());
        assert_eq!(Media::find("m8").unwrap().density, 0x5d);
        assert_eq!(Media::find("cleaning").unwrap().form, Form::Cleaning);
    }

    #[test]
    fn media_differ_in_name_in_suffix_and_in_density_with_form() {
        let mut names = HashSet::new();
        let mut suffixes = HashSet::new();
        let mut densities = HashSet::new();
        for media in Media::all() {
            assert!(names.insert(&media.name));
            assert!(suffixes.insert(&media.barcode_suffix));
            assert!(densities.insert((media.density, media.form)));
            assert_eq!(media.barcode_suffix.len(), 2);
            assert!(media.density_name.len() <= 8 && media.description.len() <= 20);
            assert!(media.organization.len() <= 8 && media.bits_per_mm < 1 << 24);
        }
    }

    #[test]
    fn a_worm_kind_is_its_data_kind_but_for_the_form() {
        let worm = Media::all().iter().filter(|it| it.form == Form::Worm);
        let mut count = 0;
        for media in worm {
            let data = Media::find(media.name.trim_end_matches('W')).unwrap();
            assert_eq!(
                (data.density, data.generation),
                (media.density, media.generation)
            );
            assert_eq!(data.capacity_mb, media.capacity_mb);
            assert_eq!(media.medium_type, data.medium_type | 0x04, "0xn8, 0xnC");
            count += 1;
        }
        assert_eq!(count, 7, "LTO-3 to LTO-9");
    }

    #[test]
    fn barcodes_name_their_kind() {
        let name = |barcode| Media::of_barcode(barcode).map(|media| media.name.as_str());
        assert_eq!(name("CAP001L5"), Some("LTO-5"));
        assert_eq!(name("CAP001M8"), Some("M8"));
        assert_eq!(name("CAP001LW"), Some("LTO-6W"));
        assert_eq!(name("CLNU01L9"), Some("Cleaning"));
        assert_eq!(name("ABC123CU"), Some("Cleaning"));
        assert_eq!(name("CAP4D5E6F"), None);
        assert_eq!(name("L5"), None, "a suffix alone is no barcode");
    }
}
