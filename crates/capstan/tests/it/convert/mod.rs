//! Tapes of other programs come in, and go out again.

mod at_rest;
mod broken;
mod ends;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::TestGateway;
use crate::support::child::{BINARY, Child, capstan, capstan_fails, capstan_ok};

/// A library that nobody serves, with two cartridges.
fn library() -> TempDir {
    let data = tempfile::tempdir().unwrap();
    let mut new = tape_library::NewLibrary::of_preset(tape_library::Preset::Default);
    new.cartridges.count = 2;
    tape_library::Library::create(data.path(), new).unwrap();
    data
}

/// What other programs have made: see crates/tape-formats/testdata/README.md.
fn foreign(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tape-formats/testdata")
        .join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn json(data: &Path, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    serde_json::from_str(&capstan_ok(data, &arguments)).unwrap()
}

/// Copies a directory of files.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn a_simh_image_comes_in_and_goes_out_the_same() {
    let (data, out) = (library(), tempfile::tempdir().unwrap());
    let image = foreign("simh/generated.tap");
    let import = ["import", "simh", text(&image), "--barcode", "SIM001L5"];
    let imported = json(data.path(), &import);
    assert_eq!(imported[0]["outcome"], "imported", "{imported}");
    assert_eq!(imported[0]["digest"]["blocks"], 49);
    assert_eq!(imported[0]["digest"]["filemarks"], 12);
    assert_eq!(imported[0]["place"], "slot:3");
    // Again: nothing to do.
    assert_eq!(json(data.path(), &import)[0]["outcome"], "imported-before");

    let output = text(out.path());
    let said = capstan_ok(
        data.path(),
        &["export", "simh", "SIM001L5", "--output", output],
    );
    assert!(said.contains("exported"), "{said}");
    let tap = out.path().join("SIM001L5.tap");
    assert_eq!(fs::read(&tap).unwrap(), fs::read(&image).unwrap());
    let again = ["export", "simh", "SIM001L5", "--output", output];
    let refused = capstan(data.path(), &again);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stdout).contains("is there already"));

    // To plain files, and from them to a second cartridge: its image is the same again.
    capstan_ok(
        data.path(),
        &["export", "files", "SIM001L5", "--output", output],
    );
    let files = out.path().join("SIM001L5");
    assert_eq!(fs::read_dir(&files).unwrap().count(), 13 + 1);
    let import = ["import", "files", text(&files), "--barcode", "SIM002L5"];
    assert_eq!(
        json(data.path(), &import)[0]["digest"],
        imported[0]["digest"]
    );
    capstan_ok(
        data.path(),
        &["export", "simh", "SIM002L5", "--output", output],
    );
    let tap = fs::read(out.path().join("SIM002L5.tap")).unwrap();
    assert_eq!(tap, fs::read(&image).unwrap());
    assert!(!out.path().join(".SIM002L5.partial").exists());
}

#[test]
fn cartridges_of_mhvtl_and_tgt_keep_what_they_were() {
    let data = library();
    let paths = [
        "MIX001L5", "PRT001L5", "RAW001L4", "LAW001LU", "OLD001L5", "ONE001L4", "SF15X64",
        "SF16X64", "DIR18X64",
    ];
    let paths = paths.map(|name| foreign(&format!("mhvtl/{name}")));
    let mut arguments = vec!["import", "mhvtl"];
    arguments.extend(paths.iter().map(|path| text(path)));
    let imported = json(data.path(), &arguments);
    for tape in imported.as_array().unwrap() {
        assert_eq!(tape["outcome"], "imported", "{tape}");
    }
    let media: Vec<_> = (0..9)
        .map(|at| imported[at]["media"].as_str().unwrap())
        .collect();
    assert_eq!(
        media,
        [
            "LTO-5", "LTO-5", "LTO-4", "LTO-5W", "LTO-5", "LTO-4", "LTO-3", "LTO-3W", "LTO-3"
        ]
    );
    let remark = imported[0]["remarks"][0].as_str().unwrap();
    assert!(remark.starts_with("2 blocks are encrypted"), "{remark}");
    let image = foreign("tgt/TGT001L5.img");
    let tgt = json(data.path(), &["import", "tgt", text(&image)]);
    assert_eq!(tgt[0]["barcode"], "TGT001L5");
    assert_eq!(tgt[0]["digest"]["bytes"], 10 + 2048 + 999 + 4096 + 4);

    let gateway = TestGateway::start_with(|config| config.data = data.path().to_owned());
    let show = |barcode: &str| json(gateway.data(), &["tape", "show", barcode]);
    assert_eq!(show("RAW001L4")["write_protected"], true);
    assert_eq!(show("LAW001LU")["form"], "worm");
    assert_eq!(show("SF16X64")["form"], "worm");
    let application = show("SF15X64")["life"]["application"].to_string();
    assert!(application.contains("Generator"), "{application}");
    assert_eq!(show("MIX001L5")["has_encrypted_blocks"], true);
    let application = show("PRT001L5")["life"]["application"].to_string();
    assert!(application.contains("Capstan test"), "{application}");
    // A gateway that runs has the library to itself.
    let said = capstan_fails(gateway.data(), &["export", "simh", "TGT001L5"]);
    assert!(said.contains("in use by process"), "{said}");
}

#[test]
fn a_directory_that_says_format_2_is_no_cartridge() {
    let (data, files) = (library(), tempfile::tempdir().unwrap());
    let tape = files.path().join("DIR18X64");
    copy(&foreign("mhvtl/DIR18X64"), &tape);
    let mut meta = fs::read(tape.join("meta")).unwrap();
    meta[0] = 2;
    fs::write(tape.join("meta"), meta).unwrap();
    let refused = capstan(data.path(), &["import", "mhvtl", text(&tape)]);
    assert!(!refused.status.success());
    let said = String::from_utf8(refused.stdout).unwrap();
    assert!(
        said.contains("tape format 2") && said.contains("DIR18X64/meta"),
        "{said}"
    );
}

#[test]
fn encrypted_blocks_go_out_only_when_they_came_in_in_clear() {
    let (data, out) = (library(), tempfile::tempdir().unwrap());
    let tape = foreign("mhvtl/MIX001L5");
    capstan_ok(data.path(), &["import", "mhvtl", text(&tape)]);
    let output = text(out.path());
    let export = ["export", "simh", "MIX001L5", "--output", output];
    let refused = capstan(data.path(), &export);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(said.contains("object 8: encrypted"), "{said}");
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0, "nothing half");

    let data = library();
    let said = capstan_ok(data.path(), &["import", "mhvtl", text(&tape), "--decrypt"]);
    assert!(
        said.contains("2 blocks that a host had encrypted"),
        "{said}"
    );
    capstan_ok(data.path(), &export);
    assert!(out.path().join("MIX001L5.tap").exists());
}

#[test]
fn what_is_damaged_comes_in_only_when_that_is_wanted() {
    let (data, files) = (library(), tempfile::tempdir().unwrap());
    let tape = files.path().join("LZO001L5");
    copy(&foreign("mhvtl/LZO001L5"), &tape);
    let mut bytes = fs::read(tape.join("data.0")).unwrap();
    bytes[4000] ^= 0x10; // in the third block
    fs::write(tape.join("data.0"), &bytes).unwrap();
    let import = ["import", "mhvtl", text(&tape)];
    let refused = capstan(data.path(), &import);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(
        said.contains("data.0: offset 3") && said.contains("--keep-going"),
        "{said}"
    );
    assert!(!data.path().join("importing").join("x").exists());
    let partly = capstan(
        data.path(),
        &[&import[..], &["--keep-going", "--json"]].concat(),
    );
    assert!(!partly.status.success(), "the exit status tells");
    let report: Value = serde_json::from_slice(&partly.stdout).unwrap();
    assert_eq!(report[0]["outcome"], "imported-in-part");
    assert_eq!(report[0]["digest"]["blocks"], 2);
    assert!(
        report[0]["error"]
            .as_str()
            .unwrap()
            .contains("data.0: offset 3")
    );
}

#[test]
fn plain_files_are_cut_into_blocks() {
    let (data, files) = (library(), tempfile::tempdir().unwrap());
    let (one, two) = (files.path().join("one"), files.path().join("two"));
    fs::write(&one, vec![7; 2500]).unwrap();
    fs::write(&two, b"").unwrap();
    let import = [
        "import",
        "files",
        text(&one),
        text(&two),
        "--block-size",
        "1K",
    ];
    let said = capstan_fails(data.path(), &import);
    assert!(said.contains("--barcode"), "{said}");
    let import = [&import[..], &["--barcode", "PLN001L5"]].concat();
    let dry = json(data.path(), &[&import[..], &["--dry-run"]].concat());
    assert_eq!(dry[0]["outcome"], "readable");
    let imported = json(data.path(), &import);
    assert_eq!(
        imported[0]["outcome"], "imported",
        "the dry run wrote nothing"
    );
    assert_eq!(imported[0]["digest"], dry[0]["digest"]);
    assert_eq!(imported[0]["digest"]["blocks"], 3);
    assert_eq!(imported[0]["digest"]["filemarks"], 2);
    let taken = capstan(
        data.path(),
        &["import", "files", text(&two), "--barcode", "PLN001L5"],
    );
    assert!(String::from_utf8_lossy(&taken.stdout).contains("in the library already"));
}

const GUIDE: &str = include_str!("../../../../../docs/migrating-from-mhvtl.md");

/// An mhvtl as the walk-through has it: two libraries, cartridges in slots, drives and import/export slots.
fn mhvtl(root: &Path) {
    let (conf, home) = (root.join("etc/mhvtl"), root.join("opt/mhvtl"));
    fs::create_dir_all(&conf).unwrap();
    for name in ["LZO001L5", "MIX001L5", "CLN001L5", "RAW001L4", "ZLB001L6"] {
        copy(&foreign(&format!("mhvtl/{name}")), &home.join(name));
    }
    let device_conf = format!(
        "VERSION: 5\n\n\
         Library: 10 CHANNEL: 00 TARGET: 00 LUN: 00\n Vendor identification: STK\n \
         Product identification: L700\n Unit serial number: XYZZY_A\n Home directory: {home}\n\n\
         Drive: 11 CHANNEL: 00 TARGET: 01 LUN: 00\n Library ID: 10 Slot: 01\n \
         Vendor identification: IBM\n Product identification: ULT3580-TD5\n\n\
         Drive: 12 CHANNEL: 00 TARGET: 02 LUN: 00\n Library ID: 10 Slot: 02\n \
         Vendor identification: STK\n Product identification: T10000B\n\n\
         Library: 30 CHANNEL: 00 TARGET: 08 LUN: 00\n Vendor identification: IBM\n \
         Product identification: 3573-TL\n Home directory: {home}\n\n\
         Drive: 31 CHANNEL: 00 TARGET: 09 LUN: 00\n Library ID: 30 Slot: 01\n \
         Vendor identification: IBM\n Product identification: ULT3580-TD6\n",
        home = home.display()
    );
    fs::write(conf.join("device.conf"), device_conf).unwrap();
    let contents = "VERSION: 2\n\nDrive 1: LZO001L5\nDrive 2:\nPicker 1:\nMAP 1: RAW001L4\nMAP 2:\n\
                    Slot 1:\nSlot 2: CLN001L5\nSlot 3: MIX001L5\nSlot 10:\n";
    fs::write(conf.join("library_contents.10"), contents).unwrap();
    let contents = "Drive 1:\nPicker 1:\nMAP 1:\nSlot 1: ZLB001L6\nSlot 5:\n";
    fs::write(conf.join("library_contents.30"), contents).unwrap();
}

#[test]
fn the_walk_through_of_a_migration_works() {
    let root = tempfile::tempdir().unwrap();
    mhvtl(root.path());
    let (mut ran, mut said) = (0, String::new());
    let mut daemon = None;
    let data = root.path().join("srv/tapes");
    for block in GUIDE.split("```sh\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for line in block.lines().filter(|line| !line.starts_with('#')) {
            // The guide's paths are absolute; ours lie below a directory of the test.
            let line = ["/etc/", "/opt/", "/srv/", "/mnt/"]
                .iter()
                .fold(line.to_owned(), |line, path| {
                    line.replace(path, &format!("{}{path}", root.path().display()))
                });
            let Some(arguments) = line.strip_prefix("capstan ") else {
                continue;
            };
            if let Some(global) = arguments.strip_suffix(" serve") {
                let global: Vec<_> = global.split_whitespace().collect();
                daemon = Some(Child::serve_with(&data, &global));
                continue;
            }
            if arguments.contains(" export ") {
                daemon = None; // "while the gateway is stopped"
            }
            let output = std::process::Command::new(BINARY)
                .args(arguments.split_whitespace())
                .env_remove("CAPSTAN_CONFIG")
                .env_remove("CAPSTAN_DATA")
                .output()
                .unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{line}: {error}");
            said += &String::from_utf8_lossy(&output.stdout);
            ran += 1;
        }
    }
    assert!(ran >= 7 && daemon.is_none(), "{ran}");
    assert!(said.contains("slot:3      1002  MIX001L5"), "{said}");
    assert!(said.contains("available, write-protected"), "{said}");
    assert!(
        said.contains("STK T10000B becomes ibm-ult3580-td5"),
        "{said}"
    );
    assert!(
        said.contains("MIX001L5  imported, verified  LTO-5"),
        "{said}"
    );

    let list = |library: &str| {
        let config = root.path().join("etc/capstan.toml");
        let text = fs::read_to_string(&config).unwrap();
        assert!(text.contains("changer = \"stk-l700\""), "{text}");
        let directory = match library {
            "main" => data.clone(),
            name => data.join("libraries").join(name),
        };
        let library = tape_library::OfflineLibrary::open(&directory).unwrap();
        let records = library.cartridges().unwrap().into_iter();
        let placed: Vec<_> = records
            .map(|it| {
                (
                    it.barcode,
                    library
                        .layout()
                        .name(it.element.unwrap())
                        .unwrap()
                        .to_string(),
                )
            })
            .collect();
        (library.gateway().machine.clone(), placed)
    };
    let (machine, placed) = list("main");
    assert_eq!(
        (machine.storage_elements, machine.import_export_elements),
        (10, 2)
    );
    assert_eq!(machine.drives, ["ibm-ult3580-td5", "ibm-ult3580-td5"]);
    let expected = [
        ("CLN001L5", "slot:2"),
        ("LZO001L5", "slot:1"),
        ("MIX001L5", "slot:3"),
        ("RAW001L4", "ie:1"),
    ];
    let expected: Vec<_> = expected.map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    assert_eq!(placed, expected);
    assert_eq!(
        list("mhvtl-30").1,
        [("ZLB001L6".to_owned(), "slot:1".to_owned())]
    );

    // What was written can be served.
    let config = root.path().join("etc/capstan.toml");
    capstan_ok(&data, &["config", "check", text(&config)]);
    // Again: everything is there, and nothing is done twice.
    let again = ["import", "mhvtl", text(&root.path().join("etc/mhvtl"))].map(str::to_owned);
    let again: Vec<&str> = again.iter().map(String::as_str).collect();
    let report = json(&data, &again);
    for tape in report["tapes"].as_array().unwrap() {
        assert_eq!(tape["outcome"], "imported-before", "{tape}");
    }
}
