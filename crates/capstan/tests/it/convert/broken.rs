//! A migration from an mhvtl with damaged tapes, and what is in its way.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{copy, json, mhvtl, text};
use crate::support::child::capstan;

/// Breaks each tape of the walk-through in another way.
fn broken(home: &Path) {
    let edit = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let path = home.join(name);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    };
    edit("LZO001L5/data.0", &|bytes| bytes.truncate(1000));
    edit("RAW001L4/indx.0", &|bytes| bytes[512 + 16] = 0x99);
    fs::remove_file(home.join("MIX001L5/mam")).unwrap();
    fs::remove_dir_all(home.join("ZLB001L6")).unwrap();
    // Reading it is an error, for root too.
    let index = home.join("CLN001L5/indx.0");
    fs::remove_file(&index).unwrap();
    std::os::unix::fs::symlink("/proc/self/mem", &index).unwrap();
}

#[test]
fn each_broken_tape_of_a_migration_says_how_and_the_others_go_on() {
    let root = tempfile::tempdir().unwrap();
    mhvtl(root.path());
    let home = root.path().join("opt/mhvtl");
    copy(&home.join("LZO001L5"), &root.path().join("LZO001L5"));
    copy(&home.join("ZLB001L6"), &home.join("WHL001L6"));
    broken(&home);
    let conf = root.path().join("etc/mhvtl");
    let contents = conf.join("library_contents.30");
    let known = fs::read_to_string(&contents).unwrap();
    fs::write(&contents, known + "Slot 2: WHL001L6\n").unwrap();
    let data = root.path().join("data");
    let run = |more: &[&str]| {
        let import = ["import", "mhvtl", text(&conf), "--json"];
        let ended = capstan(&data, &[&import[..], more].concat());
        assert_eq!(ended.status.code(), Some(1), "the exit status tells");
        let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
        let tapes = report["tapes"].as_array().unwrap().clone();
        move |barcode: &str| {
            let tape = tapes.iter().find(|tape| tape["barcode"] == barcode);
            let tape = tape.unwrap();
            let text = |field: &str| tape[field].as_str().unwrap_or_default().to_owned();
            (text("outcome"), text("error"), tape["remarks"].clone())
        }
    };
    let expected = [
        ("LZO001L5", "data.0: offset 0: the file ends within a block"),
        (
            "RAW001L4",
            "indx.0: offset 512: entry 1 bears the number 153",
        ),
        ("MIX001L5", "mam: No such file"),
        ("ZLB001L6", "there is no such cartridge"),
        ("CLN001L5", "indx.0: offset 0: "),
    ];
    let (dry, real) = (run(&["--dry-run"]), run(&[]));
    for (barcode, reason) in expected {
        for told in [dry(barcode), real(barcode)] {
            assert!(told.1.contains(reason), "{barcode}: {told:?}");
            assert_eq!(
                told.2,
                Value::Null,
                "{barcode}: what is damaged is told once"
            );
        }
        assert_eq!(real(barcode).0, "failed", "{barcode}");
    }
    assert_eq!(dry("WHL001L6").0, "readable");
    assert_eq!(real("WHL001L6").0, "imported");

    // What comes before damage is taken, but no tape becomes an empty one.
    let told = run(&["--keep-going"]);
    assert_eq!(told("RAW001L4").0, "imported-in-part");
    let (outcome, error, _) = told("LZO001L5");
    assert!(
        outcome == "failed" && error.contains("nothing comes before it"),
        "{error}"
    );
    let main = ["--library", "main"];
    let again = root.path().join("LZO001L5");
    let import = |path: &Path| {
        json(
            &data,
            &[&main[..], &["import", "mhvtl", text(path)]].concat(),
        )
    };
    assert_eq!(import(&again)[0]["outcome"], "imported");
    // From elsewhere, and where there is no room.
    let said = capstan(
        &data,
        &[
            &main[..],
            &["import", "mhvtl", text(&home.join("RAW001L4"))],
        ]
        .concat(),
    );
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("imported in part before; delete"), "{said}");
    let said = capstan(
        &data,
        &[
            &main[..],
            &["import", "mhvtl", text(&home.join("LZO001L5"))],
        ]
        .concat(),
    );
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.contains(&format!("imported from {}", again.display())),
        "{said}"
    );
    let plain = conf.join("device.conf");
    let other = ["--library", "mhvtl-30", "import", "files", text(&plain)];
    for number in 1..=5 {
        let barcode = format!("FIL00{number}L6");
        let ended = capstan(&data, &[&other[..], &["--barcode", &barcode]].concat());
        let said = String::from_utf8(ended.stdout).unwrap();
        // Five slots, one with a tape.
        assert_eq!(ended.status.success(), number < 5, "{said}");
        assert_eq!(
            said.contains("no slot is free for it"),
            number == 5,
            "{said}"
        );
    }
}
