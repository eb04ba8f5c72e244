//! The bytes of INQUIRY and READ ELEMENT STATUS for every built-in profile, kept in `testdata`.
//!
//! A change in them changes what backup software sees of machines that are in use. With
//! `CAPSTAN_WRITE_GOLDEN=1` the files are written anew.

use std::fmt::Write as _;
use std::path::PathBuf;

use scsi::smc::{ElementDescriptor, ElementStatusReport, ElementType, SourceElement, Tags};

use super::*;
use crate::profile::Profiles;

#[test]
fn inquiry_data_of_every_profile_are_the_kept_ones() {
    let profiles = Profiles::builtin();
    let library = profiles.changer("ibm-3573-tl").unwrap();
    let library = DeviceIdentity::changer(&library, GATEWAY);
    let changers = profiles.changers().map(|profile| {
        let identity = DeviceIdentity::changer(profile, GATEWAY);
        (profile.name.clone(), inquiry_text(&identity))
    });
    let drives = profiles.drives().map(|profile| {
        let identity = DeviceIdentity::drive(profile, GATEWAY, 0);
        let identity = identity.in_bay(&library, ElementAddress(0x100));
        (profile.name.clone(), inquiry_text(&identity))
    });
    compare("inquiry", changers.chain(drives));
}

#[test]
fn element_status_of_every_changer_is_the_kept_one() {
    let drive = Profiles::builtin().drive("ibm-ult3580-td8").unwrap();
    let texts = Profiles::builtin().changers().map(|profile| {
        let changer = DeviceIdentity::changer(profile, GATEWAY);
        let mut text = String::new();
        for asked in [false, true] {
            let mut report = ElementStatusReport::new(Tags {
                volume_tag: true,
                device_id: asked || changer.names_drives_unasked,
            });
            let ids = [0, 1].map(|number| {
                DeviceIdentity::drive(&drive, GATEWAY, number).device_id(profile.device_id)
            });
            let drives: Vec<_> = (profile.elements.drives..).zip(&ids).map(element).collect();
            report.page(ElementType::DataTransfer, &drives);
            dump(
                &mut text,
                &format!("DVCID={}", u8::from(asked)),
                &report.into_bytes(),
            );
        }
        (profile.name.clone(), text)
    });
    compare("element-status", texts);
}

fn element((address, id): (u16, &Option<Vec<u8>>)) -> ElementDescriptor<'_> {
    ElementDescriptor {
        address: ElementAddress(address),
        element_type: ElementType::DataTransfer,
        full: false,
        operator_placed: false,
        access: true,
        disabled: false,
        exception: None,
        source: SourceElement::Unknown,
        medium: None,
        barcode: None,
        device_id: id.as_deref(),
    }
}

fn inquiry_text(identity: &DeviceIdentity) -> String {
    let mut text = String::new();
    let cdb = Cdb::new(&[0x12, 0, 0, 0, 0xff, 0]);
    dump(
        &mut text,
        "standard",
        &identity.inquiry(&nexus(), &cdb).data_in,
    );
    for code in &page(identity, 0)[4..] {
        dump(
            &mut text,
            &format!("page {code:02x}"),
            &page(identity, *code),
        );
    }
    text
}

/// Sixteen bytes a line, as `xxd` prints them.
fn dump(text: &mut String, title: &str, bytes: &[u8]) {
    writeln!(text, "{title}").unwrap();
    for (line, chunk) in bytes.chunks(16).enumerate() {
        let pairs: Vec<_> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let printable = |byte: &u8| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        };
        let plain: String = chunk.iter().map(printable).collect();
        let (at, pairs) = (line * 16, pairs.join(" "));
        writeln!(text, "  {at:04x}  {pairs:47}  {}", plain.trim_end()).unwrap();
    }
}

fn compare(folder: &str, texts: impl Iterator<Item = (String, String)>) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(folder);
    let write = std::env::var_os("CAPSTAN_WRITE_GOLDEN").is_some();
    if write {
        let _ = std::fs::remove_dir_all(&root); // what is no profile any more goes
        std::fs::create_dir_all(&root).unwrap();
    }
    let mut names = HashSet::new();
    for (name, text) in texts {
        let path = root.join(format!("{name}.txt"));
        if write {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; CAPSTAN_WRITE_GOLDEN=1", path.display()));
        assert_eq!(text, kept, "{name}: CAPSTAN_WRITE_GOLDEN=1 writes it anew");
        names.insert(path);
    }
    for entry in std::fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        assert!(names.contains(&path), "{}: no such profile", path.display());
    }
}
