//! The texts of the built-in profiles.

/// A file for each profile; a profile may be based on any other.
pub(super) const TEXTS: &[&str] = &[
    include_str!("data/changers/adic-scalar-i2000.toml"),
    include_str!("data/changers/adic-scalar-i500.toml"),
    include_str!("data/changers/aws-gateway-vtl.toml"),
    include_str!("data/changers/hp-eml-e.toml"),
    include_str!("data/changers/hp-esl-g3.toml"),
    include_str!("data/changers/hp-msl-g3.toml"),
    include_str!("data/changers/hp-msl6000.toml"),
    include_str!("data/changers/hp-msl6480.toml"),
    include_str!("data/changers/hpe-msl3040.toml"),
    include_str!("data/changers/ibm-03584.toml"),
    include_str!("data/changers/ibm-3573-tl.toml"),
    include_str!("data/changers/overland-neo.toml"),
    include_str!("data/changers/quantum-scalar-i3.toml"),
    include_str!("data/changers/quantum-scalar-i500.toml"),
    include_str!("data/changers/quantum-scalar-i6000.toml"),
    include_str!("data/changers/spectra-215.toml"),
    include_str!("data/changers/spectra-gator.toml"),
    include_str!("data/changers/spectra-t-series.toml"),
    include_str!("data/changers/stk-l180.toml"),
    include_str!("data/changers/stk-l700.toml"),
    include_str!("data/changers/stk-sl500.toml"),
    include_str!("data/drives/gateway-ult3580-td5.toml"),
    include_str!("data/drives/hp-ultrium-1.toml"),
    include_str!("data/drives/hp-ultrium-2.toml"),
    include_str!("data/drives/hp-ultrium-3.toml"),
    include_str!("data/drives/hp-ultrium-4.toml"),
    include_str!("data/drives/hp-ultrium-5.toml"),
    include_str!("data/drives/hp-ultrium-6.toml"),
    include_str!("data/drives/hp-ultrium-7.toml"),
    include_str!("data/drives/hpe-ultrium-7.toml"),
    include_str!("data/drives/hpe-ultrium-8.toml"),
    include_str!("data/drives/hpe-ultrium-9.toml"),
    include_str!("data/drives/ibm-ult3580-hh5.toml"),
    include_str!("data/drives/ibm-ult3580-hh6.toml"),
    include_str!("data/drives/ibm-ult3580-hh7.toml"),
    include_str!("data/drives/ibm-ult3580-hh8.toml"),
    include_str!("data/drives/ibm-ult3580-hh9.toml"),
    include_str!("data/drives/ibm-ult3580-td1.toml"),
    include_str!("data/drives/ibm-ult3580-td2.toml"),
    include_str!("data/drives/ibm-ult3580-td3.toml"),
    include_str!("data/drives/ibm-ult3580-td4.toml"),
    include_str!("data/drives/ibm-ult3580-td5.toml"),
    include_str!("data/drives/ibm-ult3580-td6.toml"),
    include_str!("data/drives/ibm-ult3580-td7.toml"),
    include_str!("data/drives/ibm-ult3580-td8.toml"),
    include_str!("data/drives/ibm-ult3580-td9.toml"),
    include_str!("data/drives/ibm-ultrium-hh5.toml"),
    include_str!("data/drives/ibm-ultrium-hh6.toml"),
    include_str!("data/drives/ibm-ultrium-hh7.toml"),
    include_str!("data/drives/ibm-ultrium-hh8.toml"),
    include_str!("data/drives/ibm-ultrium-hh9.toml"),
    include_str!("data/drives/ibm-ultrium-td5.toml"),
    include_str!("data/drives/ibm-ultrium-td6.toml"),
    include_str!("data/drives/ibm-ultrium-td7.toml"),
    include_str!("data/drives/ibm-ultrium-td8.toml"),
    include_str!("data/drives/ibm-ultrium-td9.toml"),
    include_str!("data/drives/quantum-ultrium-3.toml"),
    include_str!("data/drives/quantum-ultrium-4.toml"),
    include_str!("data/drives/quantum-ultrium-5.toml"),
    include_str!("data/drives/quantum-ultrium-6.toml"),
    include_str!("data/drives/quantum-ultrium-hh5.toml"),
    include_str!("data/drives/quantum-ultrium-hh6.toml"),
    include_str!("data/drives/quantum-ultrium-hh7.toml"),
    include_str!("data/drives/quantum-ultrium-hh8.toml"),
    include_str!("data/drives/quantum-ultrium-hh9.toml"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_in_the_list() {
        let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/profile/data");
        let mut files = 0;
        for folder in ["changers", "drives"] {
            for entry in std::fs::read_dir(data.join(folder)).unwrap() {
                let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
                assert!(TEXTS.contains(&text.as_str()), "{text}");
                files += 1;
            }
        }
        assert_eq!(files, TEXTS.len());
    }
}
