//! It finds what the crate finds: on every fixture, on what a crash leaves, on damage.

use std::fs;
use std::path::{Path, PathBuf};

use cartridge::{Cartridge, Environment as _, LocalStore, SeededEnvironment};
use tempfile::TempDir;

use super::{KEY, KEY_ENCRYPTION_KEY, by_crate, by_tapecat, hex, python, segments, tapecat};
use crate::fixtures::copy_of;
use crate::model::{Host, at_rest_settings, label, new_cartridge, script, small_settings};

#[test]
fn it_agrees_on_every_fixture() {
    let Some(python) = python() else { return };
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut blocks = 0;
    for version in fs::read_dir(testdata).unwrap() {
        let version = version.unwrap();
        if !version.file_type().unwrap().is_dir() {
            continue;
        }
        for fixture in fs::read_dir(version.path()).unwrap() {
            let directory = copy_of(fixture.unwrap().path().to_str().unwrap());
            let keys = [[1; 32], [2; 32]];
            let (found, _) = by_tapecat(python, directory.path(), &keys);
            assert_eq!(found, by_crate(directory.path(), &keys).unwrap());
            blocks += found.files.len();
        }
    }
    assert!(blocks > 8);
}

/// Does a script on a cartridge in a directory, which is left as by `kill -9`.
fn random_cartridge(seed: u64) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cartridge");
    let open = || Box::new(LocalStore::create(&path).unwrap());
    let settings = if seed % 4 == 1 {
        at_rest_settings(seed)
    } else {
        small_settings(seed)
    };
    Cartridge::create(open(), &label(seed)).unwrap();
    let mut host = Host::new(new_cartridge(open(), settings.clone()), settings);
    for step in script(seed, 120) {
        host.step(&step, || open()).unwrap();
    }
    if let Some(cartridge) = &mut host.cartridge {
        cartridge.synchronize().unwrap();
    }
    drop(host.cartridge.take());
    (directory, path)
}

#[test]
fn it_agrees_on_cartridges_as_a_crash_leaves_them() {
    let Some(python) = python() else { return };
    for seed in 0..6 {
        let (_directory, path) = random_cartridge(seed);
        if seed % 2 == 0 {
            tear(&path, seed);
        }
        let (found, _) = by_tapecat(python, &path, &[KEY]);
        assert_eq!(found, by_crate(&path, &[KEY]).unwrap(), "seed {seed}");
        assert!(found.damaged.is_empty(), "seed {seed}");
    }
}

#[test]
fn it_agrees_on_damage() {
    let Some(python) = python() else { return };
    let (mut damaged, mut refused) = (0, 0);
    for seed in 100..111 {
        let (_directory, path) = random_cartridge(seed);
        let random = SeededEnvironment::new(seed);
        let below =
            |limit: usize| usize::try_from(random.new_uuid().as_u128() >> 70).unwrap() % limit;
        let mut names = segments(&path);
        let last = names.len() - 1;
        for _ in 0..2 {
            let name = &names[below(last.max(1))];
            let mut bytes = fs::read(name).unwrap();
            let at = 8192 + below(bytes.len() - 8192);
            let end = bytes.len().min(at + 1 + below(300));
            bytes[at..end].fill(0x99);
            fs::write(name, bytes).unwrap();
        }
        if seed % 3 == 0 && last > 1 {
            fs::remove_file(names.remove(below(last))).unwrap();
        }
        let (found, _) = by_tapecat(python, &path, &[KEY]);
        let strict = tapecat(
            python,
            &[
                path.to_str().unwrap(),
                "--verify",
                "--key",
                &hex(&KEY),
                "--key-encryption-key",
                &hex(&KEY_ENCRYPTION_KEY),
            ],
        );
        match by_crate(&path, &[KEY]) {
            Ok(expected) => assert_eq!(found, expected, "seed {seed}"),
            Err(error) => {
                assert_eq!(strict.status.code(), Some(1), "seed {seed}: {error}");
                refused += 1;
            }
        }
        damaged += found.damaged.len();
        if !found.damaged.is_empty() {
            assert_eq!(strict.status.code(), Some(1), "seed {seed}");
        }
    }
    assert!(damaged > 3 && refused < 5, "{damaged} {refused}");
}

/// Garbage behind the last frame of the last segment, as a torn write leaves it.
fn tear(directory: &Path, seed: u64) {
    let Some(name) = segments(directory).pop() else {
        return;
    };
    let mut bytes = fs::read(&name).unwrap();
    if bytes.len() < 256 || bytes[bytes.len() - 256..].starts_with(b"CAPFOOT1") {
        return; // sealed: nothing is torn behind a footer
    }
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let end = end.next_multiple_of(4096);
    bytes.resize(bytes.len().max(end + 900), 0);
    let random = SeededEnvironment::new(seed);
    for byte in &mut bytes[end..end + 900] {
        *byte = random.new_uuid().as_bytes()[0];
    }
    fs::write(&name, bytes).unwrap();
}
