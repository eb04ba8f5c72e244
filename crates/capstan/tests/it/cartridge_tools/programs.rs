//! What programs get: JSON of `dump`, statuses, and nothing half-written after a signal.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cartridge::{Cartridge, Codec, LocalStore, Settings};
use serde_json::Value;

use super::{IN_FILE_1, Story, file, segments};
use crate::support::child::BINARY;
use crate::support::noise;

/// Appends some megabytes that take a while.
fn write_much(story: &Story, barcode: &str, megabytes: u64) {
    let store = Box::new(LocalStore::new(story.cartridge(barcode)));
    let settings = Settings {
        codec: Codec::Stored,
        ..Settings::default()
    };
    let (mut cartridge, _) = Cartridge::open(store, settings).unwrap();
    cartridge.space_end_of_data().unwrap();
    let block = Bytes::from(noise(1, 1 << 20));
    for _ in 0..megabytes {
        cartridge.append_block(block.clone()).unwrap();
    }
    cartridge.unload().unwrap();
}

fn json(story: &Story, arguments: &[&str]) -> (Value, i32) {
    let output = story.capstan(&[&["cartridge"], arguments, &["--json"]].concat());
    let value = serde_json::from_slice(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    (
        value.unwrap_or_else(|_| panic!("{error}")),
        output.status.code().unwrap(),
    )
}

#[test]
fn dump_tells_programs_what_it_tells_people() {
    let story = Story::new();
    write_much(&story, "CAP001L5", 1);
    let (found, status) = json(&story, &["dump", "CAP001L5", "--frames"]);
    assert_eq!(status, 0);
    assert_eq!(found["label"]["barcode"], "CAP001L5");
    let [first, second] = [0, 1].map(|number| &found["segments"][number]);
    assert_eq!(first["state"], "live");
    assert_eq!(first["trailer"]["objects"], 11);
    assert_eq!(first["trailer"]["chain"], "untold");
    assert_eq!(second["trailer"]["chain"], "fits");
    assert_eq!(second["trailer"]["before"], first["trailer"]["checksum"]);
    assert_eq!(first["frames"][0]["kind"], "blocks");
    assert_eq!(found["findings"], Value::Array(Vec::new()));

    let (found, _) = json(&story, &["dump", "CAP001L5", "--object", "4"]);
    assert_eq!(
        (&found["kind"], &found["file"]),
        (&"filemark".into(), &0.into())
    );
    let (found, _) = json(&story, &["dump", "CAP001L5", "--object", "0"]);
    let data = STANDARD.decode(found["data"].as_str().unwrap()).unwrap();
    assert_eq!(data, file(0, 0..1));

    story.damage("CAP001L5", IN_FILE_1);
    let write = ["dump", "CAP001L5", "--file", "1", "-o", "file1"];
    let (found, status) = json(&story, &write);
    assert_eq!((&found["blocks"], status), (&1.into(), 1));
    assert_eq!(found["lost"][0]["first_object"], 5);
    assert_eq!(
        fs::read(story.folder.path().join("file1")).unwrap(),
        file(1, 2..3)
    );
    let (found, status) = json(&story, &["dump", "CAP001L5", "--object", "6"]);
    assert_eq!((&found["kind"], status), (&"damage".into(), 1));
}

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// The first segment is taken from an older copy that was sealed otherwise.
#[test]
fn dump_shows_a_footer_that_is_not_the_one_that_was_sealed_behind() {
    let story = Story::new();
    let directory = story.cartridge("CAP001L5");
    write_much(&story, "CAP001L5", 1);
    let first = &segments(&directory)[0];
    let mut bytes = fs::read(first).unwrap();
    let trailer = bytes.len() - 256;
    // When it was sealed.
    bytes[trailer + 188] ^= 1;
    let checksum = crc32c(&bytes[trailer..trailer + 252]);
    bytes[trailer + 252..].copy_from_slice(&checksum.to_le_bytes());
    fs::write(first, bytes).unwrap();
    let (text, status) = story.run(&["dump", "CAP001L5"]);
    assert!(text.contains(" differs "), "{text}");
    let named = format!("segment {}", first.file_name().unwrap().to_str().unwrap());
    assert!(
        text.contains(&format!("another footer of {named}")),
        "{text}"
    );
    assert_eq!(status, 1);
    assert_eq!(story.run(&["verify", "CAP001L5"]).1, 1);
}

/// Runs `arguments` and sends SIGINT when `partial` is there. Returns the status.
fn interrupt(story: &Story, arguments: &[&str], partial: &Path) -> Option<i32> {
    let mut child: Child = Command::new(BINARY)
        .args(arguments)
        .current_dir(story.folder.path())
        .env("CAPSTAN_DATA", story.data())
        .env_remove("CAPSTAN_CONFIG")
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !partial.exists() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_child(&child);
    _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
    child.wait().unwrap().code()
}

#[test]
fn what_a_signal_ends_leaves_nothing_half_written() {
    let story = Story::new();
    write_much(&story, "CAP001L5", 48);
    let [new, out] = ["new", "out"].map(|name| story.folder.path().join(name));
    let recover = ["cartridge", "recover", "CAP001L5", "--output", "new"];
    let dump = ["cartridge", "dump", "CAP001L5", "--file", "3", "-o", "out"];
    for (arguments, output) in [(&recover[..], &new), (&dump[..], &out)] {
        let partial = output.with_extension("partial");
        // Whoever is done before the signal comes has done all of it.
        let statuses = std::iter::repeat_with(|| interrupt(&story, arguments, &partial));
        let interrupted = statuses.take(20).any(|status| {
            assert!(!partial.exists());
            assert_eq!(output.exists(), status == Some(0), "{arguments:?}");
            if output.is_dir() {
                fs::remove_dir_all(output).unwrap();
            } else {
                _ = fs::remove_file(output);
            }
            status == Some(130)
        });
        assert!(interrupted, "{arguments:?}");
    }
}
