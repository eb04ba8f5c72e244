//! Media: the kinds of cartridge and their densities (SSC-5 §8.2.4, REPORT DENSITY SUPPORT).

use std::sync::{Arc, LazyLock};

use serde::Deserialize;

/// A kind of cartridge. Figures are those that drives of the kind report.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// The name in the API and in a cartridge's label: `LTO-5`.
    pub name: String,
    /// The last two characters of a barcode label of this kind: `L5`.
    pub barcode_suffix: String,
    /// Primary density code.
    pub density: u8,
    /// MEDIUM TYPE in the header of mode parameters.
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

    /// Returns the native capacity in bytes.
    pub fn capacity_bytes(&self) -> u64 {
        u64::from(self.capacity_mb) * 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_are_found_by_either_spelling_and_differ_in_density() {
        assert_eq!(Media::find("lto5").unwrap().density, 0x58);
        assert_eq!(
            Media::find("LTO-5").unwrap().capacity_bytes(),
            1_500_000_000_000
        );
        assert!(Media::find("LTO-55").is_none());
        let mut densities: Vec<_> = Media::all().iter().map(|media| media.density).collect();
        densities.sort_unstable();
        densities.dedup();
        assert_eq!(densities.len(), Media::all().len());
    }
}
