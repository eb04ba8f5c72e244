//! Profiles from files.

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;

struct Folder(TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn load(&self) -> Result<Arc<Profiles>, Vec<ProfileFileError>> {
        Profiles::load(self.0.path())
    }

    /// The one complaint, without the folder.
    fn complaint(&self) -> String {
        let errors = self.load().unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        let folder = format!("{}/", self.0.path().display());
        errors[0].to_string().replace(&folder, "")
    }
}

#[test]
fn a_profile_overrides_what_it_is_based_on() {
    let folder = Folder::new(&[(
        "lab.toml",
        r#"
            based_on = "ibm-ult3580-td5"
            revision = "TEST"
            serial = "XYZZY_{number}"
            reads = ["lto3"]

            [inquiry]
            version = 5

            [[vpd.extra]]
            page = 0xb0
            hex = "01 00 00 00"

            [capabilities]
            worm = false
        "#,
    )]);
    // Page B0h is one of the standards' that the base has: it has to go from there first.
    let error = folder.complaint();
    assert!(error.contains("page 0xb0 is there already"), "{error}");
    let path = folder.0.path().join("lab.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let pages = "[vpd]\npages = [0x80, 0x83]\n\n[[vpd.extra]]";
    std::fs::write(&path, text.replace("[[vpd.extra]]", pages)).unwrap();

    let profiles = folder.load().unwrap();
    let (lab, base) = (
        profiles.drive("lab").unwrap(),
        profiles.drive("ibm-ult3580-td5").unwrap(),
    );
    assert_eq!(lab.revision, "TEST");
    assert_eq!((&lab.vendor, &lab.product), (&base.vendor, &base.product));
    assert_eq!(
        (lab.inquiry.version, lab.inquiry.length),
        (5, base.inquiry.length)
    );
    assert!(!lab.capabilities.worm && lab.capabilities.encryption);
    assert_eq!(lab.access("LTO-3"), Some(MediaAccess::ReadOnly));
    assert_eq!(lab.access("LTO-3W"), None, "a list is replaced as a whole");
    assert_eq!(lab.vpd.extra.len(), 1);
    assert_eq!(profiles.file("lab"), Some(path.as_path()));
    assert_eq!(profiles.file("ibm-ult3580-td5"), None);
}

#[test]
fn another_generation_brings_what_it_has_in_common() {
    let text = "based_on = \"ibm-ult3580-td5\"\ngeneration = 8";
    let profiles = Folder::new(&[("eight.toml", text)]).load().unwrap();
    let eight = profiles.drive("eight").unwrap();
    assert_eq!(eight.native().name, "LTO-8");
    assert_eq!(eight.capabilities.partitions_max, 4);
    assert_eq!(eight.product, "ULT3580-TD5");
}

#[test]
fn a_file_can_take_the_place_of_a_built_in_profile() {
    let text = "based_on = \"stk-l700\"\nrevision = \"0300\"";
    let profiles = Folder::new(&[("stk-l700.toml", text)]).load().unwrap();
    assert_eq!(profiles.changer("stk-l700").unwrap().revision, "0300");
    assert_eq!(profiles.changer("stk-l700").unwrap().product, "L700");
}

#[test]
fn files_can_be_based_on_each_other_and_not_in_circles() {
    let folder = Folder::new(&[
        ("a.toml", "based_on = \"b\"\nrevision = \"AAAA\""),
        ("b.toml", "based_on = \"stk-l180\"\nproduct = \"L180B\""),
    ]);
    let a = folder.load().unwrap().changer("a").unwrap();
    assert_eq!((a.revision.as_str(), a.product.as_str()), ("AAAA", "L180B"));
    let circle = Folder::new(&[
        ("a.toml", "based_on = \"b\""),
        ("b.toml", "based_on = \"a\""),
    ]);
    let errors = circle.load().unwrap_err();
    assert!(errors[0].to_string().contains("in turn"), "{errors:?}");
}

#[test]
fn complaints_name_file_line_and_what_to_do() {
    for (text, says) in [
        ("kind = \"drive", "lab.toml:1:"),
        ("revision = \"X\"", "lab.toml: write kind = \"drive\""),
        (
            "kind = \"tape\"",
            "lab.toml:1:8: kind: \"tape\"; write \"drive\"",
        ),
        ("based_on = \"x\"", "there is no profile \"x\""),
        (
            "based_on = \"stk-l700\"\nrevison = \"1\"",
            "lab.toml:2:1: unknown field `revison`",
        ),
        (
            "based_on = \"stk-l700\"\n\nvendor = \"TOO LONG A VENDOR\"",
            "lab.toml:3:10: \"TOO LONG",
        ),
        (
            "based_on = \"stk-l700\"\nserial = \"{nummer}\"",
            "lab.toml:2:10: {nummer}: there is no such",
        ),
        (
            "based_on = \"stk-l700\"\n[elements]\npicker = 10",
            "lab.toml:2:1: elements: two kinds",
        ),
        (
            "based_on = \"stk-l700\"\n[inquiry]\nlength = 20",
            "lab.toml:3:10: inquiry.length: 20 bytes",
        ),
        (
            "based_on = \"ibm-ult3580-td5\"\nwrites = [\"LTO-55\"]",
            "lab.toml:2:10: \"LTO-55\": no kind",
        ),
        (
            "based_on = \"ibm-ult3580-td5\"\nserial = \"ONE\"",
            "lab.toml:2:10: serial: write {number}",
        ),
        (
            "based_on = \"stk-l700\"\n[vpd]\npages = [0xb0]",
            "lab.toml:3:9: vpd.pages: 0xb0: there are",
        ),
        (
            "based_on = \"stk-l700\"\n[[vpd.extra]]\npage = 0xc0\nhex = \"0\"",
            "lab.toml:4:7: \"0\": write pairs",
        ),
        (
            "kind = \"drive\"\nvendor = \"X\"",
            "lab.toml: missing field `",
        ),
    ] {
        let complaint = Folder::new(&[("lab.toml", text)]).complaint();
        assert!(
            complaint.contains(says),
            "{text:?}\n  {complaint}\n  {says}"
        );
    }
}

#[test]
fn every_file_that_is_wrong_is_named_and_two_of_one_name_are_refused() {
    let folder = Folder::new(&[
        ("a.toml", "kind = 5"),
        ("b.toml", "name = \"c\"\nbased_on = \"stk-l700\""),
        ("c.toml", "based_on = \"stk-l700\""),
        ("ignored.txt", "kind = 5"),
    ]);
    let errors = folder.load().unwrap_err();
    let text: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 2, "{text:?}");
    assert!(
        text[0].contains("a.toml:1:8: kind: write a text"),
        "{text:?}"
    );
    assert!(
        text[1].contains("c.toml") && text[1].contains("b.toml"),
        "{text:?}"
    );
    let nowhere = PathBuf::from("/nonexistent/profiles");
    assert!(
        Profiles::load(&nowhere).is_ok(),
        "a directory that is not there has none"
    );
}

#[test]
fn what_is_printed_reads_back_as_the_same() {
    let builtin = Profiles::builtin();
    let folder = TempDir::new().unwrap();
    for profile in builtin.changers() {
        let path = folder.path().join(format!("{}.toml", profile.name));
        std::fs::write(path, profile.to_toml()).unwrap();
    }
    for profile in builtin.drives() {
        let path = folder.path().join(format!("{}.toml", profile.name));
        std::fs::write(path, profile.to_toml()).unwrap();
    }
    let read = Profiles::load(folder.path()).unwrap();
    for profile in builtin.changers() {
        assert_eq!(read.changer(&profile.name).as_ref(), Ok(profile));
        assert!(read.file(&profile.name).is_some());
    }
    for profile in builtin.drives() {
        assert_eq!(read.drive(&profile.name).as_ref(), Ok(profile));
    }
    let l700 = builtin.changer("stk-l700").unwrap().to_toml();
    assert!(l700.contains("pages = [0x80, 0x83]"), "{l700}");
    assert!(l700.contains("storage = 0x03e8"), "{l700}");
}

#[test]
fn a_machine_of_own_profiles_keeps_its_addresses() {
    let text = "based_on = \"stk-l700\"\n[elements]\nstorage = 0x2000";
    let profiles = Folder::new(&[("lab.toml", text)]).load().unwrap();
    let mut machine = Preset::Default.machine();
    machine.changer = "lab".into();
    assert!(matches!(
        machine.clone().settled(Profiles::builtin()),
        Err(ProfileError::NoChanger(_))
    ));
    let machine = machine.settled(&profiles).unwrap();
    let layout = machine.layout().unwrap(); // without the profiles
    let first = layout.address("slot:1".parse().unwrap());
    assert_eq!(first, Some(scsi::ElementAddress(0x2000)));

    let mut machine = Preset::Default.machine();
    machine.new_cartridges_media = "LTO-9".into();
    let error = machine.settled(&profiles).unwrap_err().to_string();
    assert!(error.contains("none of its drives"), "{error}");
}
