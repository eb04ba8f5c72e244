//! `capstan cartridge` on the files of a library, and the examples of docs/cartridge-tools.md, run as they
//! stand there.

mod accidents;
mod programs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bytes::Bytes;
use cartridge::{
    Cartridge, Codec, Encryption, EncryptionKey, KeyAssociatedData, LocalStore, Settings,
    read_label,
};
use tempfile::TempDir;

use crate::support::child::{BINARY, Child};
use crate::support::{TestGateway, noise};

const GUIDE: &str = include_str!("../../../../../docs/cartridge-tools.md");

/// A library whose gateway has stopped; CAP001L5 and CAP002L5 have been written.
struct Story {
    folder: TempDir,
}

impl Story {
    /// Nothing was written.
    fn empty() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    fn new() -> Self {
        let story = Self::empty();
        drop(Child::serve(&story.data()));
        story.write("CAP001L5", None);
        story.write("CAP002L5", None);
        story
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn cartridge(&self, barcode: &str) -> PathBuf {
        let entries = fs::read_dir(self.data().join("cartridges")).unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        let bears = |path: &PathBuf| {
            read_label(&LocalStore::new(path)).is_ok_and(|label| label.barcode == barcode)
        };
        paths.find(bears).unwrap()
    }

    /// Three files: four blocks, three, one.
    fn write(&self, barcode: &str, encryption: Option<Encryption>) {
        let store = LocalStore::new(self.cartridge(barcode));
        let settings = Settings {
            codec: Codec::Stored,
            frame_size_bytes: 100 << 10,
            ..Settings::default()
        };
        let (mut cartridge, _) = Cartridge::open(Box::new(store), settings).unwrap();
        cartridge.set_encryption(encryption).unwrap();
        for (file, blocks) in [4, 3, 1].into_iter().enumerate() {
            for block in 0..blocks {
                let seed = 10 * file as u64 + block;
                let block = Bytes::from(noise(seed, 50 << 10));
                cartridge.append_block(block).unwrap();
            }
            cartridge.append_filemarks(1).unwrap();
            cartridge.synchronize().unwrap();
        }
        cartridge.unload().unwrap();
    }

    fn segment(&self, barcode: &str) -> PathBuf {
        segments(&self.cartridge(barcode)).remove(0)
    }

    /// Flips a bit in a byte of the segment.
    fn damage(&self, barcode: &str, at: usize) {
        let path = self.segment(barcode);
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 4;
        fs::write(path, bytes).unwrap();
    }

    fn capstan(&self, arguments: &[&str]) -> Output {
        Command::new(BINARY)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("CAPSTAN_DATA", self.data())
            .env_remove("CAPSTAN_CONFIG")
            .output()
            .unwrap()
    }

    /// Runs `capstan cartridge`, and returns what it printed, both ways, and its exit status.
    fn run(&self, arguments: &[&str]) -> (String, i32) {
        let output = self.capstan(&[&["cartridge"], arguments].concat());
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        (text, output.status.code().unwrap())
    }
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == "seg"))
        .collect();
    paths.sort();
    paths
}

/// The blocks of a tape file of [`Story::write`].
fn file(number: u64, blocks: std::ops::Range<u64>) -> Vec<u8> {
    let blocks = blocks.map(|block| noise(10 * number + block, 50 << 10));
    blocks.flatten().collect()
}

/// In the body of the frame of objects 5 and 6: file 1, blocks 0 and 1.
const IN_FILE_1: usize = 220_000;

#[test]
fn every_example_of_the_guide_works() {
    let story = Story::new();
    story.damage("CAP002L5", IN_FILE_1);
    let uuid = story.cartridge("CAP002L5");
    let uuid = uuid.file_name().unwrap().to_str().unwrap();
    let blocks = GUIDE.split("```sh\n").skip(1);
    let examples: Vec<&str> = blocks
        .flat_map(|block| {
            block
                .split_once("```")
                .expect("a block that ends")
                .0
                .lines()
        })
        .collect();
    assert!(examples.len() > 10, "{examples:?}");
    for example in examples {
        let example = example.replace("UUID", uuid);
        let words: Vec<&str> = example.split_whitespace().collect();
        let mut command = Command::new(if words[0] == "capstan" {
            BINARY
        } else {
            words[0]
        });
        let output = command
            .args(&words[1..])
            .current_dir(story.folder.path())
            .env("CAPSTAN_DATA", story.data())
            .env_remove("CAPSTAN_CONFIG")
            .output()
            .unwrap();
        // Of the damaged tape the guide says that the status is 1.
        let damaged = example.contains("--all") || example.contains("recover CAP002L5");
        let error = String::from_utf8_lossy(&output.stderr);
        let status = output.status.code();
        assert_eq!(status, Some(i32::from(damaged)), "{example}: {error}");
    }
    let extracted = fs::read(story.folder.path().join("file1")).unwrap();
    assert_eq!(extracted, file(1, 0..3));
    // The gateway takes the new cartridge.
    drop(Child::serve(&story.data()));
    assert_eq!(story.run(&["verify", "--all"]).1, 0);
}

#[test]
fn verify_names_file_and_block_and_dump_reads_around() {
    let story = Story::new();
    let (text, status) = story.run(&["verify", "CAP001L5"]);
    assert!(
        text.contains("CAP001L5          0       11      3       8  400 KiB     0  clean"),
        "{text}"
    );
    assert_eq!(status, 0);
    story.damage("CAP001L5", IN_FILE_1);
    let (text, status) = story.run(&["verify", "CAP001L5"]);
    assert!(
        text.contains("objects 5 to 6 (file 1 from block 0): 0-00000001-"),
        "{text}"
    );
    assert!(
        text.contains("checksum mismatch (bytes 217088 to 319551)"),
        "{text}"
    );
    assert_eq!(status, 1);
    let output = story.capstan(&["cartridge", "verify", "CAP001L5", "CAP003L5", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let statuses = [&found[0]["status"], &found[1]["status"]];
    assert_eq!(statuses, ["damaged", "clean"]);
    let lost = &found[0]["findings"][0];
    assert_eq!((&lost["tape_file"], &lost["block"]), (&1.into(), &0.into()));
    assert_eq!(lost["first_host_byte"], 200 << 10);
    assert_eq!(lost["last_host_byte"], (300 << 10) - 1);

    let output = story.capstan(&["cartridge", "dump", "CAP001L5", "--file", "1", "-o", "-"]);
    assert_eq!(output.stdout, file(1, 2..3));
    assert_eq!(output.status.code(), Some(1));
    let (text, _) = story.run(&["dump", "CAP001L5", "--frames"]);
    for expected in [
        "barcode    CAP001L5",
        "live",
        "filemarks",
        "stored",
        "unload",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let (text, status) = story.run(&["dump", "CAP001L5", "--object", "4"]);
    assert_eq!(
        (text.trim(), status),
        ("object 4: a filemark, behind file 0", 0)
    );
    let (text, status) = story.run(&["dump", "CAP001L5", "--object", "6"]);
    assert!(text.contains("checksum mismatch"), "{text}");
    assert_eq!(status, 1);
    for nonsense in [
        &["verify", "NONE"][..],
        &["dump", "CAP001L5", "--object", "11"],
        &["dump", "CAP001L5", "--partition", "1"],
        &["dump", "CAP001L5", "--file", "9", "-o", "-"],
        &["recover", "CAP001L5", "--output", "data"],
        &["dump", "CAP001L5", "--file", "0", "-o", "-", "--json"],
    ] {
        assert_eq!(story.run(nonsense).1, 2, "{nonsense:?}");
    }
}

#[test]
fn a_lost_label_is_made_again() {
    let story = Story::new();
    let directory = story.cartridge("CAP001L5");
    let before = read_label(&LocalStore::new(&directory)).unwrap();
    fs::remove_file(directory.join("label")).unwrap();
    let path = directory.to_str().unwrap();
    let (text, status) = story.run(&["verify", path]);
    assert!(text.contains("label: not found"), "{text}");
    assert_eq!(status, 1);
    let (text, status) = story.run(&["recover", path, "--output", "new"]);
    assert!(text.contains("nothing was lost"), "{text}");
    assert_eq!(status, 0);
    let new = story.folder.path().join("new");
    let mut label = read_label(&LocalStore::new(&new)).unwrap();
    assert_eq!(story.run(&["verify", "new"]).1, 0);
    // When it was made the segments do not tell.
    label.created_unix_ms = before.created_unix_ms;
    assert_eq!(label, before);
    fs::rename(&directory, story.folder.path().join("old")).unwrap();
    fs::rename(&new, &directory).unwrap();
    assert!(story.capstan(&["catalog", "rebuild"]).status.success());
    drop(Child::serve(&story.data()));
    assert_eq!(story.run(&["verify", "CAP001L5"]).1, 0);
}

#[test]
fn encrypted_blocks_are_rescued_with_their_key_only() {
    let story = Story::new();
    let encryption = Encryption {
        key: EncryptionKey::new(&[7; 32]),
        data: KeyAssociatedData::default(),
        forbid_raw_reading: false,
    };
    story.write("CAP003L5", Some(encryption));
    let (text, status) = story.run(&["verify", "CAP003L5"]);
    assert!(
        text.contains("8 blocks encrypted under keys that were not given"),
        "{text}"
    );
    assert_eq!(status, 0);
    let (text, status) = story.run(&["recover", "CAP003L5", "--output", "new"]);
    assert!(text.contains("--host-key"), "{text}");
    assert_eq!(status, 2);
    fs::write(
        story.folder.path().join("key"),
        format!("{}\n", "07".repeat(32)),
    )
    .unwrap();
    let key = ["--host-key", "key"];
    let recover = ["recover", "CAP003L5", "--output", "new"];
    let (text, status) = story.run(&[&recover[..], &key].concat());
    assert_eq!(status, 0, "{text}");
    let (text, status) = story.run(&[&["verify", "new"][..], &key].concat());
    assert!(!text.contains("encrypted"), "{text}");
    assert_eq!(status, 0);
    let dump = ["dump", "new", "--file", "0", "-o", "file0"];
    assert_eq!(story.run(&dump).1, 2);
    assert_eq!(story.run(&[&dump[..], &key].concat()).1, 0);
    assert_eq!(
        fs::read(story.folder.path().join("file0")).unwrap(),
        file(0, 0..4)
    );
}

#[test]
fn what_is_encrypted_at_rest_is_read_and_rescued_with_its_key() {
    let folder = TempDir::new().unwrap();
    let story = Story::empty();
    let key = folder.path().join("tapes.key");
    let key = key.to_str().unwrap();
    assert!(story.capstan(&["key", "generate", key]).status.success());
    drop(Child::serve(&story.data()));
    let keys = capstan::keys::KeySource {
        kind: capstan::keys::KeyKind::Key,
        place: capstan::keys::KeyPlace::File(key.into()),
    };
    let ring = capstan::keys::load(&[keys], &story.data()).unwrap();
    let store = LocalStore::new(story.cartridge("CAP001L5"));
    let settings = Settings {
        keys: ring,
        ..Settings::default()
    };
    let (mut cartridge, _) = Cartridge::open(Box::new(store), settings).unwrap();
    cartridge.append_block(Bytes::from(file(0, 0..1))).unwrap();
    cartridge.append_filemarks(1).unwrap();
    cartridge.unload().unwrap();

    let (text, status) = story.run(&["verify", "CAP001L5"]);
    assert!(text.contains("1 block encrypted under keys"), "{text}");
    assert_eq!(status, 0);
    let recover = ["recover", "CAP001L5", "--output", "new"];
    assert_eq!(story.run(&recover).1, 2);
    let key = ["--encryption-key", key];
    let (text, status) = story.run(&[&["verify", "CAP001L5"][..], &key].concat());
    assert!(!text.contains("encrypted"), "{text}");
    assert_eq!(status, 0);
    let (text, status) = story.run(&[&recover[..], &key].concat());
    assert_eq!(status, 0, "{text}");
    let new = story.folder.path().join("new");
    assert!(new.join("key").exists());
    let dump = ["dump", "new", "--file", "0", "-o", "file0"];
    assert_eq!(story.run(&dump).1, 2);
    assert_eq!(story.run(&[&dump[..], &key].concat()).1, 0);
    let dumped = fs::read(story.folder.path().join("file0")).unwrap();
    assert_eq!(dumped, file(0, 0..1));
}

#[test]
fn a_wiped_last_segment_is_dropped_only_when_told() {
    let story = Story::new();
    // A second session overwrites the last file, and then its segment is wiped.
    let directory = story.cartridge("CAP001L5");
    let store = Box::new(LocalStore::new(&directory));
    let (mut cartridge, _) = Cartridge::open(store, Settings::default()).unwrap();
    cartridge.locate_block(9).unwrap();
    cartridge.append_block(Bytes::from_static(b"new")).unwrap();
    cartridge.unload().unwrap();
    let last = segments(&directory).pop().unwrap();
    let length = fs::metadata(&last).unwrap().len();
    fs::write(&last, vec![0; usize::try_from(length).unwrap()]).unwrap();
    assert_eq!(story.run(&["verify", "CAP001L5"]).1, 1);
    // The chain file knows what its header said, so that what it cut off stays cut off.
    let (text, _) = story.run(&["recover", "CAP001L5", "--output", "without-it"]);
    assert!(text.contains("1 blocks were lost"), "{text}");
    fs::remove_file(directory.join("chain")).unwrap();
    let recover = ["recover", "CAP001L5", "--output", "new"];
    let (text, status) = story.run(&recover);
    assert!(text.contains("--drop-damaged-tail"), "{text}");
    assert_eq!(status, 2);
    let (text, status) = story.run(&[&recover[..], &["--drop-damaged-tail"]].concat());
    assert!(text.contains("8 blocks"), "{text}");
    assert_eq!(status, 0);
    assert_eq!(story.run(&["verify", "new"]).1, 0);
}

#[test]
fn while_a_gateway_runs_tapes_in_drives_are_left_alone() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let run = |arguments: &[&str]| {
        let output = crate::support::child::capstan(gateway.data(), arguments);
        let text = [output.stdout, output.stderr].concat();
        (String::from_utf8(text).unwrap(), output.status.code())
    };
    let (text, status) = run(&["cartridge", "verify", "CAP001L5"]);
    assert!(text.contains("unload it first"), "{text}");
    assert_eq!(status, Some(2));
    let (text, status) = run(&["cartridge", "verify", "CAP002L5"]);
    assert_eq!(status, Some(0), "{text}");
    let (text, status) = run(&["cartridge", "verify", "--all"]);
    assert!(
        text.contains("CAP001L5: is in a drive of a running gateway: left out"),
        "{text}"
    );
    assert_eq!(status, Some(0));
}
