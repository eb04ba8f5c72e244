//! What it prints, and its exit status.

use std::fs;

use cartridge::{Cartridge, LocalStore};

use super::{python, segments, tapecat};
use crate::fixtures::copy_of;
use crate::model::{label, small_settings};

#[test]
fn one_tape_file_goes_to_standard_output_and_damage_is_named() {
    let Some(python) = python() else { return };
    let directory = copy_of("v1/mixed");
    let path = directory.path().to_str().unwrap();
    let output = tapecat(python, &[path, "--file", "5"]);
    assert_eq!(output.stdout, b"T");
    assert!(output.status.success());
    let output = tapecat(python, &[path, "--file", "6"]);
    assert_eq!(output.status.code(), Some(2));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("has 6, counted from 0"), "{complaint}");
    let output = tapecat(python, &[path, "--json"]);
    let listed = String::from_utf8(output.stdout).unwrap();
    let row = r#""file": 4, "first_object": 14, "blocks": 5, "bytes": 16345, "damaged": 0"#;
    assert!(listed.contains(row), "{listed}");

    let name = &segments(directory.path())[0];
    let mut bytes = fs::read(name).unwrap();
    bytes[8192 + 64 + 30] ^= 1;
    fs::write(name, bytes).unwrap();
    let output = tapecat(python, &[path, "--file", "0"]);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(
        complaint.contains("objects 0 to 2: segment 0-00000001-"),
        "{complaint}"
    );
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let output = tapecat(python, &[path, "--file", "0", "--keep-going"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 7500));
}

#[test]
fn a_footer_that_is_not_the_one_the_next_segment_knows_is_named() {
    let Some(python) = python() else { return };
    let directory = tempfile::tempdir().unwrap();
    let store = || Box::new(LocalStore::new(directory.path()));
    Cartridge::create(store(), &label(3)).unwrap();
    for _ in 0..2 {
        let (mut cartridge, _) = Cartridge::open(store(), small_settings(3)).unwrap();
        cartridge.space_end_of_data().unwrap();
        cartridge.append_filemarks(1).unwrap();
        cartridge.unload().unwrap();
    }
    let arguments = [directory.path().to_str().unwrap(), "--verify"];
    let output = tapecat(python, &arguments);
    assert_eq!(output.stderr, b"");

    // The next one knows another one than is there.
    let last = &segments(directory.path())[1];
    let mut bytes = fs::read(last).unwrap();
    let trailer = bytes.len() - 256;
    bytes[trailer + 196] ^= 1;
    let checksum = crate::inspect::crc32c(&bytes[trailer..trailer + 252]);
    bytes[trailer + 252..].copy_from_slice(&checksum.to_le_bytes());
    fs::write(last, bytes).unwrap();
    let output = tapecat(python, &arguments);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(
        complaint.contains("was sealed behind another footer of 0-00000001-"),
        "{complaint}"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_key_comes_as_digits_base64_or_bytes_and_without_it_nothing_is_guessed() {
    let Some(python) = python() else { return };
    let directory = copy_of("v1/at_rest");
    let key = directory.path().join("tapes.key");
    let argument = format!("@{}", key.to_str().unwrap());
    let path = directory.path().to_str().unwrap();
    let read = |arguments: &[&str]| {
        let file = [path, "--file", "0"];
        let output = tapecat(python, &[&file, arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        (output.stdout, said, output.status.code())
    };
    let digits = format!("{}\n", "4b".repeat(32));
    let base64 = format!("{}s=\n", "S0tL".repeat(10) + "S0");
    for form in [digits.as_bytes(), base64.as_bytes(), &[0x4b; 32]] {
        fs::write(&key, form).unwrap();
        let (bytes, said, status) = read(&["--key-encryption-key", &argument]);
        assert_eq!((said.as_str(), status), ("", Some(0)));
        assert!(bytes.starts_with(b"This is block 0 of the fixture."));
    }
    let (bytes, said, status) = read(&[]);
    assert!(
        said.contains("encrypted under a key that was not given"),
        "{said}"
    );
    assert_eq!((bytes, status), (Vec::new(), Some(2)));
    fs::write(&key, "4b4b").unwrap();
    let (_, said, status) = read(&["--key-encryption-key", &argument]);
    assert!(said.contains("a key has 32 bytes"), "{said}");
    assert_eq!(status, Some(2));
}
