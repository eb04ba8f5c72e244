//! Which of our profiles a device of mhvtl becomes.

use std::sync::Arc;

use tape_library::profile::{ChangerProfile, DriveProfile, Profiles};

/// Native capacities of drives that are no LTO drives, in GB, by what their product names begin with.
const OTHERS: &[(&str, u32)] = &[
    ("03592J1A", 300),
    ("03592E05", 700),
    ("03592E06", 1000),
    ("03592E07", 4000),
    ("T10000C", 5000),
    ("T10000B", 1000),
    ("T10000", 500),
    ("T9840D", 75),
    ("T9840C", 40),
    ("T9840", 20),
    ("T9940B", 200),
    ("T9940", 60),
    ("SDLT600", 300),
    ("SDLT 600", 300),
    ("SDLT 320", 160),
    ("SDLT", 110),
    ("DLT", 40),
    ("SDX-900", 200),
    ("SDX-700", 100),
    ("SDX-500", 50),
    ("SDX-300", 35),
];

/// What an unknown drive becomes: what most of ours are.
const GENERATION_DEFAULT: u8 = 5;
const CHANGER_DEFAULT: &str = "stk-l700";

/// Returns the drive that `vendor` and `product` become, and what to say when it is not the same model.
pub(super) fn drive(
    profiles: &Profiles,
    vendor: &str,
    product: &str,
) -> Option<(Arc<DriveProfile>, Option<String>)> {
    let is_vendor = |profile: &&Arc<DriveProfile>| profile.vendor.eq_ignore_ascii_case(vendor);
    let same = profiles
        .drives()
        .filter(is_vendor)
        // The tape gateway's own drive tells the same and behaves otherwise.
        .find(|profile| profile.product == product && profile.block_length_default == 0);
    if let Some(profile) = same {
        return Some((Arc::clone(profile), None));
    }
    let generation = generation(product);
    let wanted = generation.unwrap_or(GENERATION_DEFAULT);
    // The tape gateway's own drive tells the same and behaves otherwise.
    let of_generation = || {
        let drives = profiles.drives();
        drives.filter(|it| it.generation == wanted && it.block_length_default == 0)
    };
    // Full-height drives before others, which mhvtl's are.
    let full_height = |profile: &&Arc<DriveProfile>| !profile.name.contains("-ult3580-td");
    let nearest = of_generation()
        .find(is_vendor)
        .or_else(|| of_generation().min_by_key(full_height))?;
    let remark = format!("{vendor} {product} becomes {} (LTO-{wanted})", nearest.name);
    Some((Arc::clone(nearest), Some(remark)))
}

/// Returns the generation of LTO that a product is, or the one that holds as much.
fn generation(product: &str) -> Option<u8> {
    let digit = |text: &str| text.chars().next()?.to_digit(10)?.try_into().ok();
    if let Some(rest) = product.strip_prefix("Ultrium ") {
        return digit(rest).filter(|number| (1..=9).contains(number));
    }
    for marker in ["-TD", "-HH", "-TH", "-SCSI"] {
        if let Some((_, rest)) = product.split_once(marker)
            && let Some(number) = digit(rest).filter(|number| (1..=9).contains(number))
        {
            return Some(number);
        }
    }
    let (_, capacity_gb) = OTHERS
        .iter()
        .find(|(begin, _)| product.starts_with(begin))?;
    let native_gb = [100, 200, 400, 800, 1500, 2500, 6000, 12000, 18000];
    let fits = native_gb.iter().position(|native| native >= capacity_gb)?;
    u8::try_from(fits + 1).ok()
}

/// Returns the changer that `vendor` and `product` become, and what to say when it is not the same model.
pub(super) fn changer(
    profiles: &Profiles,
    vendor: &str,
    product: &str,
) -> Option<(Arc<ChangerProfile>, Option<String>)> {
    let is_vendor = |profile: &&Arc<ChangerProfile>| profile.vendor.eq_ignore_ascii_case(vendor);
    let product_begins = |profile: &&Arc<ChangerProfile>| {
        let family: String = profile.product.chars().take(FAMILY_CHARACTERS).collect();
        product == profile.product || product.starts_with(&family)
    };
    let of_vendor = || profiles.changers().filter(is_vendor);
    let same = of_vendor().find(|profile| profile.product == product);
    if let Some(profile) = same {
        return Some((Arc::clone(profile), None));
    }
    let nearest = of_vendor()
        .find(product_begins)
        .or_else(|| of_vendor().next())
        .cloned()
        .or_else(|| profiles.changer(CHANGER_DEFAULT).ok())?;
    let remark = format!("{vendor} {product} becomes {}", nearest.name);
    Some((nearest, Some(remark)))
}

/// How much of a product's name is that of its family.
const FAMILY_CHARACTERS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_models_stay_and_others_become_the_nearest() {
        let profiles = Profiles::builtin();
        let name = |vendor, product| {
            let (profile, remark) = drive(profiles, vendor, product).unwrap();
            (profile.name.clone(), remark.is_some())
        };
        assert_eq!(
            name("IBM", "ULT3580-TD8"),
            ("ibm-ult3580-td8".to_owned(), false)
        );
        assert_eq!(
            name("IBM", "ULT3580-TD5"),
            ("ibm-ult3580-td5".to_owned(), false)
        );
        assert_eq!(
            name("HP", "Ultrium 6-SCSI"),
            ("hp-ultrium-6".to_owned(), false)
        );
        assert_eq!(
            name("IBM", "ULT3580-TD4"),
            ("ibm-ult3580-td4".to_owned(), false)
        );
        assert!(name("HP", "Ultrium 8-SCSI").1);
        assert_eq!(name("STK", "T10000B").0, "ibm-ult3580-td5");
        assert_eq!(generation("T10000C"), Some(7));
        assert_eq!(generation("SDLT600"), Some(3));
        assert_eq!(generation("SDX-900V"), Some(2));
        assert_eq!(generation("Whatever"), None);
    }

    #[test]
    fn libraries_become_one_of_their_vendor() {
        let profiles = Profiles::builtin();
        let name = |vendor, product| {
            let (profile, remark) = changer(profiles, vendor, product).unwrap();
            (profile.name.clone(), remark.is_some())
        };
        assert_eq!(name("STK", "L700"), ("stk-l700".to_owned(), false));
        assert_eq!(name("STK", "SL500"), ("stk-sl500".to_owned(), false));
        assert_eq!(name("IBM", "3573-TL"), ("ibm-3573-tl".to_owned(), false));
        assert_eq!(name("IBM", "03584L22"), ("ibm-03584".to_owned(), true));
        assert_eq!(
            name("SPECTRA", "PYTHON"),
            ("spectra-t-series".to_owned(), false)
        );
        assert_eq!(name("NOBODY", "X"), ("stk-l700".to_owned(), true));
    }
}
