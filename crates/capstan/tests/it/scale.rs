//! A library full of cartridges: it starts, is listed, and moves one as a small library does.
//!
//! `CAPSTAN_SCALE_CARTRIDGES` sets how many (200; the nightly run 10,000). What it took is printed.

use std::time::{Duration, Instant};

use iscsi::initiator::DataTransfer;
use tempfile::TempDir;

use crate::support::child::{Child, capstan_ok};
use crate::support::host::Host;

/// Moves that are timed.
const MOVES: u16 = 100;

/// What one call may create.
const AT_ONCE: usize = tape_library::CARTRIDGES_AT_ONCE_MAX;

/// The first storage and the first import/export element of the changer.
const STORAGE: u16 = 0x1000;
const IMPORT_EXPORT: u16 = 0x10;

#[test]
fn a_library_full_of_cartridges() {
    let text = std::env::var("CAPSTAN_SCALE_CARTRIDGES");
    let count: usize = text.map_or(200, |text| text.parse().unwrap());
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("capstan.toml");
    let machine = format!(
        "[machine]\nchanger = \"spectra-t-series\"\ndrives = [\"ibm-ult3580-td5\"]\nslots = {count}\n\
         import_export_slots = 4\nelements = {{ picker = 1, import_export = {IMPORT_EXPORT}, drives = 256, storage = {STORAGE} }}\n"
    );
    std::fs::write(&config, machine).unwrap();
    let data = folder.path().join("data");
    let serve = || Child::serve_with(&data, &["--config", config.to_str().unwrap()]);

    let child = serve();
    for (chunk, prefix) in (0..count.div_ceil(AT_ONCE)).zip('A'..) {
        let some = AT_ONCE.min(count - chunk * AT_ONCE).to_string();
        let prefix = prefix.to_string();
        capstan_ok(
            &data,
            &["tape", "create", "--count", &some, "--prefix", &prefix],
        );
    }
    child.kill();

    let (child, start) = timed(serve);
    let (listed, list) = timed(|| capstan_ok(&data, &["tape", "list", "--json"]));
    assert_eq!(listed.matches("\"barcode\"").count(), count);
    let mut robot = Host::log_in(child.portal, &child.targets[0]);
    robot.attentions();
    let (barcodes, inventory) = timed(|| barcodes(&mut robot));
    assert_eq!(barcodes.len(), count);
    let ((), moves) = timed(|| {
        for slot in (STORAGE..).take(usize::from(MOVES / 2)) {
            assert_eq!(robot.move_medium(slot, IMPORT_EXPORT).status, 0);
            assert_eq!(robot.move_medium(IMPORT_EXPORT, slot).status, 0);
        }
    });
    println!(
        "{count} cartridges: start {start:.0?}, READ ELEMENT STATUS {inventory:.1?}, tape list {list:.1?}, a move {:.2?}",
        moves / u32::from(MOVES)
    );
    assert_eq!(robot.move_medium(STORAGE, IMPORT_EXPORT + 3).status, 0);
    child.kill();

    let child = serve();
    let mut robot = Host::log_in(child.portal, &child.targets[0]);
    robot.attentions();
    let mut after = self::barcodes(&mut robot);
    assert_eq!(after.len(), count, "and all are there after kill -9");
    // The one in the import/export station comes first now: its element type is asked for first.
    after.sort();
    let mut before = barcodes;
    before.sort();
    assert_eq!(after, before);
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed())
}

/// READ ELEMENT STATUS of import/export and storage elements, with volume tags (SMC-3 §6.10).
fn barcodes(robot: &mut Host) -> Vec<String> {
    let mut barcodes = Vec::new();
    for kind in [3, 2] {
        let cdb = [
            0xb8,
            0x10 | kind,
            0,
            0,
            0xff,
            0xff,
            0,
            0xff,
            0xff,
            0xff,
            0,
            0,
        ];
        let report = robot.good(&cdb, DataTransfer::In(0x00ff_ffff));
        // Eight bytes of header, then a page of one element type: its header, its descriptors.
        let page = &report[8..];
        let length = usize::from(u16::from_be_bytes([page[2], page[3]]));
        for descriptor in page[8..].chunks_exact(length) {
            if descriptor[2] & 1 != 0 {
                let tag = &descriptor[12..44];
                barcodes.push(
                    String::from_utf8(tag.to_vec())
                        .unwrap()
                        .trim_end()
                        .to_owned(),
                );
            }
        }
    }
    barcodes
}
