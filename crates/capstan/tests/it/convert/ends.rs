//! Imports and exports that end before their end: signals, a disk without room. And what a terminal shows of them.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use capstan::convert::brake::Brake;
use capstan::convert::import::{ImportContext, ImportOptions, Importer, Tape};
use capstan::convert::journal::Journal;
use capstan::convert::report::Outcome;
use capstan::convert::source;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tape_library::OfflineLibrary;
use tape_library::profile::Media;
use tape_library::room::{Marks, Room, Space};

use super::{json, library, text};
use crate::support::child::{BINARY, capstan, capstan_ok};
use crate::support::noise;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Writes an image with blocks and a filemark after each.
fn image(path: &Path, blocks: &[Vec<u8>]) -> PathBuf {
    let mut writer = tape_formats::simh::Writer::new(Vec::new());
    for block in blocks {
        writer.block(block).unwrap();
        writer.filemark().unwrap();
    }
    fs::write(path, writer.into_inner()).unwrap();
    path.to_owned()
}

fn barcodes(data: &Path) -> Vec<String> {
    let library = OfflineLibrary::open(data).unwrap();
    let records = library.cartridges().unwrap();
    records.into_iter().map(|record| record.barcode).collect()
}

/// Nothing is on its way into the library, and no cartridge's directory is one too many.
fn nothing_half(data: &Path) {
    let entries = |name: &str| fs::read_dir(data.join(name)).map_or(0, Iterator::count);
    assert_eq!(entries("importing"), 0);
    let cartridges = entries("cartridges");
    assert_eq!(cartridges, barcodes(data).len());
}

fn spawn(data: &Path, arguments: &[&str]) -> std::process::Child {
    Command::new(BINARY)
        .args(arguments)
        .env("CAPSTAN_DATA", data)
        .env_remove("CAPSTAN_CONFIG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn interrupt(child: &std::process::Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

#[test]
fn an_interrupted_import_tells_what_is_there_and_goes_on_later() {
    let (data, files) = (library(), tempfile::tempdir().unwrap());
    let at = |name: &str| files.path().join(name);
    let first = image(&at("OLD001L5.tap"), &[vec![1; 1000]]);
    let last = image(&at("OLD003L5.tap"), &[vec![3; 1000]]);
    // A tape that takes as long as we want it to.
    let second = at("OLD002L5.tap");
    let made = Command::new("mkfifo").arg(&second).status().unwrap();
    assert!(made.success());
    let import = ["import", "simh", text(&first), text(&second), text(&last)];
    let child = spawn(data.path(), &[&import[..], &["--json"]].concat());
    let mut pipe = File::options().write(true).open(&second).unwrap(); // when it is read
    let block = fs::read(&first).unwrap();
    pipe.write_all(&block).unwrap();
    interrupt(&child);
    let start = Instant::now();
    while pipe.write_all(&block).is_ok() {
        assert!(start.elapsed() < PATIENCE, "the signal does not end it");
        std::thread::sleep(Duration::from_millis(5));
    }
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(
        said.contains("1 of 3 tapes done") && said.contains("interrupted by SIGINT"),
        "{said}"
    );
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let outcomes: Vec<_> = (0..3).map(|at| report[at]["outcome"].clone()).collect();
    assert_eq!(outcomes, ["imported", "failed", "not-tried"], "{report}");
    nothing_half(data.path());
    assert_eq!(
        barcodes(data.path()),
        ["CAP001L5", "CAP002L5", "OLD001L5"].map(str::to_owned)
    );

    fs::remove_file(&second).unwrap();
    image(&second, &[vec![2; 1000]]);
    let report = json(data.path(), &import);
    let outcomes: Vec<_> = (0..3).map(|at| report[at]["outcome"].clone()).collect();
    assert_eq!(outcomes, ["imported-before", "imported", "imported"]);
}

#[test]
fn an_interrupted_export_leaves_nothing() {
    let (data, files) = (library(), tempfile::tempdir().unwrap());
    // A file for each filemark: that takes a while.
    let blocks: Vec<_> = (0..20_000).map(|number| vec![0; 1 + number % 7]).collect();
    let tape = image(&files.path().join("OLD001L5.tap"), &blocks);
    capstan_ok(data.path(), &["import", "simh", text(&tape)]);
    let out = files.path().join("out");
    let export = [
        "export",
        "files",
        "OLD001L5",
        "CAP001L5",
        "--output",
        text(&out),
    ];
    let child = spawn(data.path(), &export);
    let start = Instant::now();
    while !out.join(".OLD001L5.partial/file000010").exists() {
        assert!(start.elapsed() < PATIENCE, "the export does not begin");
        std::thread::sleep(Duration::from_millis(1));
    }
    interrupt(&child);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(
        said.contains("not tried") && said.contains("interrupted by SIGINT"),
        "{said}"
    );
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
}

#[test]
fn an_import_stops_where_drives_would_be_stopped() {
    let (data, files) = (library(), tempfile::tempdir().unwrap());
    let tapes = ["OLD001L5", "OLD002L5"].map(|barcode| {
        image(
            &files.path().join(format!("{barcode}.tap")),
            &[vec![1; 1000]],
        )
    });
    let config = files.path().join("capstan.toml");
    let marks = |stop: &str| {
        let text = format!("[storage]\nslow_below = \"1000000 TiB\"\nstop_below = \"{stop}\"\n");
        fs::write(&config, text).unwrap();
    };
    let import = ["import", "simh", text(&tapes[0]), text(&tapes[1])];
    let import = [&import[..], &["--config", text(&config), "--json"]].concat();
    marks("1000000 TiB");
    let ended = capstan(data.path(), &import);
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(
        said.contains("0 of 2 tapes done") && said.contains("[storage] stop_below"),
        "{said}"
    );
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let outcomes: Vec<_> = (0..2).map(|at| report[at]["outcome"].clone()).collect();
    assert_eq!(outcomes, ["failed", "not-tried"]);
    nothing_half(data.path());

    // There is room, if not much: told once.
    marks("0");
    let report: Value = serde_json::from_slice(&capstan(data.path(), &import).stdout).unwrap();
    let remarks: Vec<_> = (0..2).map(|at| report[at]["remarks"].to_string()).collect();
    assert!(remarks[0].contains("drives are slowed below"), "{report}");
    assert_eq!(remarks[1], "null", "{report}");
    assert_eq!(report[1]["outcome"], "imported");
}

#[test]
fn a_disk_that_fills_meanwhile_ends_the_import_with_nothing_half() {
    let (data, files) = (library(), tempfile::tempdir().unwrap());
    let blocks: Vec<_> = (0..40).map(|seed| noise(seed, 1 << 20)).collect();
    let tape = image(&files.path().join("OLD001L5.tap"), &blocks);
    let importer = |probe: Box<dyn Fn() -> u64 + Send + Sync>| {
        let probe = move || {
            Ok(Space {
                free_bytes: probe(),
                total_bytes: 1 << 40,
            })
        };
        Importer::new(
            OfflineLibrary::open(data.path()).unwrap(),
            Journal::open(data.path()).unwrap(),
            ImportContext {
                settings: cartridge::Settings::default(),
                room: Room::with_probe(data.path(), Marks::default(), Box::new(probe)),
                brake: Brake::default(),
                options: ImportOptions::default(),
            },
        )
    };
    let open = || {
        let media = Media::find("LTO-5").unwrap();
        let partition = source::simh_image(&tape)?;
        Ok(Tape::new(
            "OLD001L5".to_owned(),
            tape.clone(),
            media,
            partition,
        ))
    };
    // What was written counts.
    let written = data.path().join("importing");
    let size = move || {
        let files = fs::read_dir(&written).into_iter().flatten();
        let files = files.flat_map(|it| fs::read_dir(it.unwrap().path()).unwrap());
        files.map(|it| it.unwrap().metadata().unwrap().len()).sum()
    };
    let free = move || (300_u64 << 20).saturating_sub(4 * u64::min(size(), 1 << 30));
    let mut full = importer(Box::new(free));
    let report = full.import("OLD001L5", tape.clone(), open);
    assert_eq!(report.outcome, Outcome::Failed);
    let said = report.error.unwrap();
    assert!(said.starts_with("disk nearly full: "), "{said}");
    let next = full.import("OLD002L5", tape.clone(), open);
    assert_eq!(next.outcome, Outcome::NotTried);
    full.close().unwrap();
    nothing_half(data.path());

    let mut again = importer(Box::new(|| 1 << 40));
    let report = again.import("OLD001L5", tape.clone(), open);
    assert_eq!(report.outcome, Outcome::Imported, "{report:?}");
    assert_eq!(report.digest.unwrap().bytes, 40 << 20);
}

#[test]
fn a_bar_is_shown_on_a_terminal_and_nowhere_else() {
    let (data, files) = (library(), tempfile::tempdir().unwrap());
    let tape = image(&files.path().join("OLD001L5.tap"), &[vec![1; 1000]]);
    let (tape, out) = (text(&tape), text(files.path()));
    let import = ["import", "simh", tape, "--barcode"];
    let export = ["export", "files", "--output", out];
    for (arguments, one, other, bar) in [
        (&import, "OLD001L5", "OLD002L5", "import ["),
        (&export, "OLD001L5", "OLD002L5", "export ["),
    ] {
        let plain = capstan(data.path(), &[&arguments[..], &[one]].concat());
        assert!(plain.status.success());
        assert_eq!(String::from_utf8(plain.stderr).unwrap(), "");
        // script(1) of util-linux has a terminal for it; the report goes elsewhere.
        let line = [&[BINARY], &arguments[..], &[other, ">", "/dev/null"]].concat();
        let shown = Command::new("script")
            .args(["-qec", &line.join(" "), "/dev/null"])
            .env("CAPSTAN_DATA", data.path())
            .env_remove("CAPSTAN_CONFIG")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.status.success(), "{said}");
        let begin = format!("\r\u{1b}[K{other} {bar}");
        assert!(said.contains(&begin), "{said:?}");
        assert!(said.ends_with("\r\u{1b}[K"), "it goes away: {said:?}");
    }
}
