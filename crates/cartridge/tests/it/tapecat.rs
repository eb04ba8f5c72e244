//! `tools/tapecat`, which was written from docs/cartridge-format.md alone, finds the same on a cartridge
//! as this crate does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cartridge::{
    Cartridge, Decryption, EncryptionKey, Environment as _, Error, KeyEncryptionKey, KeyRing,
    LocalStore, Read, SeededEnvironment, Settings,
};
use tempfile::TempDir;

use crate::fixtures::copy_of;
use crate::model::{Host, at_rest_settings, label, new_cartridge, script, small_settings};

/// The bytes of each tape file, by partition and number.
type Files = BTreeMap<(u8, u64), Vec<u8>>;

/// What somebody has found on a cartridge.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    files: Files,
    /// Partition and number of each block that cannot be read.
    damaged: BTreeSet<(u8, u64)>,
}

/// A Python that has what `tapecat` needs; `None` on a machine without it, where CI has it
/// (scripts/setup).
fn python() -> Option<&'static str> {
    ["/usr/bin/python3", "python3"].into_iter().find(|python| {
        let imports = "import lz4.block, zstandard, cryptography";
        let run = Command::new(python).args(["-c", imports]).output();
        run.is_ok_and(|output| output.status.success())
    })
}

fn tapecat(python: &str, arguments: &[&str]) -> Output {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/tapecat");
    let mut command = Command::new(python);
    // -B: nothing is left in the source tree.
    command
        .args(["-X", "faulthandler", "-B"])
        .arg(program)
        .args(arguments);
    command.output().unwrap()
}

/// What `tapecat` finds.
fn by_tapecat(python: &str, cartridge: &Path, keys: &[EncryptionKeyBytes]) -> Found {
    let out = tempfile::tempdir().unwrap();
    let keys: Vec<String> = keys.iter().map(|key| hex(key)).collect();
    let mut arguments = vec![cartridge.to_str().unwrap(), "--keep-going", "--all"];
    arguments.push(out.path().to_str().unwrap());
    arguments.extend(keys.iter().flat_map(|key| ["--key", key.as_str()]));
    let own = [KEY_ENCRYPTION_KEY, FIXTURE_KEY_ENCRYPTION_KEY].map(|key| hex(&key));
    arguments.extend(own.iter().flat_map(|key| ["--key-encryption-key", key]));
    let output = tapecat(python, &arguments);
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert!(!complaints.contains("Traceback"), "{complaints}");
    let damaged = damaged_objects(&complaints);
    let status = output.status.code();
    assert!(status.is_some(), "{} {complaints}", output.status);
    assert_eq!(
        status,
        Some(i32::from(!complaints.is_empty())),
        "{complaints}"
    );
    let mut files = Files::new();
    for entry in fs::read_dir(out.path()).unwrap() {
        let path = entry.unwrap().path();
        let (partition, file) = path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .split_once('-')
            .unwrap();
        let place = (partition.parse().unwrap(), file.parse().unwrap());
        files.insert(place, fs::read(&path).unwrap());
    }
    Found { files, damaged }
}

/// The objects that complaints name: `tapecat: partition 1: objects 3 to 5: …`.
fn damaged_objects(complaints: &str) -> BTreeSet<(u8, u64)> {
    let mut damaged = BTreeSet::new();
    for line in complaints.lines() {
        let mut partition = 0;
        for part in line.split(": ") {
            if let Some(number) = part.strip_prefix("partition ") {
                partition = number.parse().unwrap();
            } else if let Some(object) = part.strip_prefix("object ") {
                damaged.insert((partition, object.parse().unwrap()));
            } else if let Some(range) = part.strip_prefix("objects ") {
                let (first, last) = range.split_once(" to ").unwrap();
                let objects = first.parse::<u64>().unwrap()..=last.parse().unwrap();
                damaged.extend(objects.map(|object| (partition, object)));
            }
        }
    }
    damaged
}

/// What the crate finds. Loading may seal the last segment, so `tapecat` goes first.
fn by_crate(directory: &Path, keys: &[EncryptionKeyBytes]) -> Result<Found, Error> {
    let store = Box::new(LocalStore::new(directory));
    let settings = Settings {
        keys: KeyRing::new(
            [KEY_ENCRYPTION_KEY, FIXTURE_KEY_ENCRYPTION_KEY].map(|key| KeyEncryptionKey::new(&key)),
        ),
        ..Settings::default()
    };
    let (mut cartridge, _) = Cartridge::open(store, settings)?;
    let mut found = Found {
        files: Files::new(),
        damaged: BTreeSet::new(),
    };
    for partition in 0..cartridge.partitions() {
        cartridge.change_partition(partition)?;
        let mut keys = keys.iter().cycle();
        loop {
            let before = cartridge.position();
            let place = (partition, before.filemarks);
            match cartridge.read_block() {
                Ok(Read::EndOfData) => break,
                Ok(Read::Block(block)) => found.files.entry(place).or_default().extend(block),
                Ok(Read::Filemark) => {
                    found.files.entry(place).or_default();
                }
                Err(Error::KeyMissing { .. } | Error::WrongKey { .. }) => {
                    let key = keys.next().expect("a key for every block");
                    cartridge.set_decryption(Decryption::Mixed(EncryptionKey::new(key)));
                }
                Err(Error::Damaged { last_object, .. }) => {
                    cartridge.locate_block(last_object + 1)?;
                    let after = cartridge.position();
                    let marks = after.filemarks - before.filemarks;
                    found.files.entry(place).or_default();
                    for file in before.filemarks..after.filemarks {
                        found.files.entry((partition, file)).or_default();
                    }
                    let blocks = before.object..after.object - marks;
                    found
                        .damaged
                        .extend(blocks.map(|object| (partition, object)));
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}

type EncryptionKeyBytes = [u8; EncryptionKey::BYTES];

/// Of `model::key`.
const KEY: EncryptionKeyBytes = [0x6b; EncryptionKey::BYTES];

/// Of the fixture `at_rest`.
const FIXTURE_KEY_ENCRYPTION_KEY: EncryptionKeyBytes = [0x4b; EncryptionKey::BYTES];

/// Of `model::at_rest_settings`.
const KEY_ENCRYPTION_KEY: EncryptionKeyBytes = [0x7e; EncryptionKey::BYTES];

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

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
            let found = by_tapecat(python, directory.path(), &keys);
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
        let found = by_tapecat(python, &path, &[KEY]);
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
        let found = by_tapecat(python, &path, &[KEY]);
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

/// The segment files, in order of their names.
fn segments(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == "seg"))
        .collect();
    names.sort();
    names
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
