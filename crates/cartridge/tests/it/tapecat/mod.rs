//! `tools/tapecat`, which was written from docs/cartridge-format.md alone, finds the same on a cartridge
//! as this crate does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cartridge::{
    Cartridge, Decryption, EncryptionKey, Error, KeyEncryptionKey, KeyRing, LocalStore, Read,
    Settings,
};

mod agreement;
mod chain_file;
mod messages;

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

/// What `tapecat` finds, and what it says of it.
fn by_tapecat(python: &str, cartridge: &Path, keys: &[EncryptionKeyBytes]) -> (Found, String) {
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
    (Found { files, damaged }, complaints)
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
