//! Profiles from the outside: listed, shown, checked, and served.

use std::fmt::Write as _;

use serde_json::Value;
use tape_library::profile::{DeviceIdForm, Form, Media, MediaAccess, Profiles};
use tempfile::TempDir;

use crate::support::child::{Child, capstan_fails, capstan_ok};

const LAB: &str = "based_on = \"ibm-ult3580-td8\"\nproduct = \"LAB DRIVE\"\n";

#[test]
fn profiles_are_listed_shown_and_printed_as_files() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    let list = capstan_ok(data, &["profile", "list"]);
    assert!(
        list.contains("stk-l700") && list.contains("built in"),
        "{list}"
    );
    assert!(list.contains("LTO-9 drive"), "{list}");
    let shown = capstan_ok(data, &["profile", "show", "ibm-ult3580-td8"]);
    assert!(shown.contains("IBM ULT3580-TD8 J4D0"), "{shown}");
    assert!(
        shown.contains("LTO-7, LTO-7W, M8, LTO-8, LTO-8W"),
        "{shown}"
    );
    let json = capstan_ok(data, &["profile", "show", "quantum-scalar-i500", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["elements"]["storage"], 0x1000);
    let complaint = capstan_fails(data, &["profile", "show", "none"]);
    assert!(complaint.contains("capstan profile list"), "{complaint}");

    std::fs::create_dir(data.join("profiles")).unwrap();
    let printed = capstan_ok(data, &["profile", "show", "hp-msl6000", "--toml"]);
    std::fs::write(data.join("profiles/mine.toml"), printed).unwrap();
    let complaint = capstan_fails(data, &["profile", "check", "missing.toml"]);
    assert!(
        complaint.contains("missing.toml: No such file"),
        "{complaint}"
    );
    let said = capstan_ok(data, &["profile", "check"]);
    assert!(
        said.contains("mine.toml is good: changer profile hp-msl6000"),
        "{said}"
    );
}

#[test]
fn a_bad_profile_is_named_with_its_line_and_nothing_starts() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let profiles = folder.path().join("own");
    std::fs::create_dir(&profiles).unwrap();
    let file = profiles.join("lab.toml");
    std::fs::write(&file, format!("{LAB}blocklength = 5\n")).unwrap();
    let config = folder.path().join("capstan.toml");
    std::fs::write(&config, "[profiles]\ndirectory = \"own\"\n").unwrap();
    let config = config.to_str().unwrap();
    for arguments in [
        &["profile", "check", file.to_str().unwrap()][..],
        &["--config", config, "profile", "list"],
        &["--config", config, "config", "check", config],
        &["--config", config, "serve", "--listen", "127.0.0.1:0"],
    ] {
        let complaint = capstan_fails(&data, arguments);
        assert!(
            complaint.contains("lab.toml:3:1: unknown field `blocklength`"),
            "{complaint}"
        );
    }
    assert!(!data.join("gateway.toml").exists(), "nothing was made");
}

#[test]
fn a_machine_from_the_configuration_is_made_and_kept() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(data.join("profiles")).unwrap();
    std::fs::write(data.join("profiles/lab.toml"), LAB).unwrap();
    let config = folder.path().join("capstan.toml");
    let machine = "[machine]\nchanger = \"ibm-3573-tl\"\ndrives = [\"lab\", \"ibm-ult3580-td8\"]\n\
                   slots = 30\ncartridges = 3\nbarcode_prefix = \"LAB\"\n";
    std::fs::write(&config, machine).unwrap();
    let config = config.to_str().unwrap();
    let child = Child::serve_with(&data, &["--config", config]);
    let status = capstan_ok(&data, &["status"]);
    assert!(
        status.contains("IBM 3573-TL") && status.contains("LAB DRIVE"),
        "{status}"
    );
    let tapes = capstan_ok(&data, &["tape", "list"]);
    assert!(
        tapes.contains("LAB001L8") && tapes.contains("LAB003L8"),
        "{tapes}"
    );
    let old = [
        "tape",
        "create",
        "--barcode",
        "OLD001L4",
        "--media",
        "LTO-4",
    ];
    capstan_ok(&data, &old);
    let complaint = capstan_fails(&data, &["drive", "load", "0", "OLD001L4"]);
    assert!(
        complaint.contains("LAB DRIVE") && complaint.contains("LTO-4"),
        "{complaint}"
    );
    drop(child);
}

#[test]
fn a_machine_that_cannot_be_is_refused_before_anything_is_made() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let config = folder.path().join("capstan.toml");
    let path = config.to_str().unwrap();
    for (machine, says) in [
        (
            "changer = \"stk-l701\"\ndrives = [\"ibm-ult3580-td8\"]",
            "\"stk-l701\"",
        ),
        (
            "changer = \"stk-l700\"\ndrives = [\"td8\"]",
            "drive profile \"td8\"",
        ),
        (
            "changer = \"stk-l700\"\ndrives = []",
            "1 to 99 are possible",
        ),
        (
            "changer = \"overland-neo\"\ndrives = [\"ibm-ult3580-td8\"]",
            "room for 1",
        ),
        (
            "changer = \"stk-l700\"\ndrives = [\"ibm-ult3580-td8\"]\nmedia = \"LTO-5\"",
            "LTO-5",
        ),
        (
            "changer = \"stk-l700\"\ndrives = [\"ibm-ult3580-td8\"]\ncartridges = 30",
            "24 slots",
        ),
        ("changer = \"stk-l700\"", "missing field `drives`"),
    ] {
        std::fs::write(&config, format!("[machine]\n{machine}\n")).unwrap();
        let complaint = capstan_fails(&data, &["config", "check", path]);
        assert!(complaint.contains(says), "{machine}\n{complaint}");
        let complaint = capstan_fails(
            &data,
            &["--config", path, "serve", "--listen", "127.0.0.1:0"],
        );
        assert!(complaint.contains(says), "{machine}\n{complaint}");
        assert!(!data.join("gateway.toml.new").exists(), "nothing was begun");
    }
}

#[test]
fn the_manual_lists_every_profile() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/profiles.md");
    let manual = std::fs::read_to_string(path).unwrap();
    let mut wanted = manual.clone();
    for (name, table) in [
        ("changers", changers()),
        ("drives", drives()),
        ("media", media()),
    ] {
        let begin = format!("<!-- {name} -->\n");
        let (before, rest) = wanted.split_once(&begin).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        wanted = format!("{before}{begin}{table}<!-- end -->{after}");
    }
    if std::env::var_os("CAPSTAN_WRITE_DOCS").is_some() {
        std::fs::write(path, &wanted).unwrap();
        return;
    }
    assert!(
        manual == wanted,
        "docs/profiles.md: CAPSTAN_WRITE_DOCS=1 writes its tables anew"
    );
}

fn changers() -> String {
    let mut table = "| profile | tells | page 80h | drives are called | first picker, slot, import/export, drive | notes |\n\
                     | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for it in Profiles::builtin().changers() {
        let form = match it.device_id.form {
            DeviceIdForm::T10 => format!("vendor, product, serial; {}", it.device_id.length),
            DeviceIdForm::Serial => format!("serial; {}", it.device_id.length),
            DeviceIdForm::None => "nothing".to_owned(),
        };
        let unasked = if it.device_id.unasked {
            ", unasked"
        } else {
            ""
        };
        let serial = String::from(it.vpd.unit_serial_number.clone());
        let serial = serial.replace("{serial}", &String::from(it.serial.clone()));
        let at = it.elements;
        writeln!(
            table,
            "| `{}` | {} {} {} | `{serial}` | {form}{unasked} | {}, {}, {}, {} | {} |",
            it.name,
            it.vendor,
            it.product,
            it.revision,
            at.picker,
            at.storage,
            at.import_export,
            at.drives,
            it.notes
        )
        .unwrap();
    }
    table
}

fn drives() -> String {
    let mut table = "| profile | tells | writes | only reads | pages | notes |\n\
                     | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for it in Profiles::builtin().drives() {
        let with = |access: MediaAccess| {
            let data = it.media.iter().filter(|it| it.media.form == Form::Data);
            let names = data.filter(|it| it.access == access);
            let names: Vec<_> = names.map(|it| it.media.name.replace("LTO-", "L")).collect();
            names.join(" ")
        };
        let extra = it.vpd.extra.iter().map(|page| page.page);
        let pages: Vec<_> = it.vpd.pages.iter().copied().chain(extra).collect();
        let pages: Vec<_> = pages.iter().map(|page| format!("{page:02X}")).collect();
        writeln!(
            table,
            "| `{}` | {} {} {} | {} | {} | {} | {} |",
            it.name,
            it.vendor,
            it.product,
            it.revision,
            with(MediaAccess::ReadWrite),
            with(MediaAccess::ReadOnly),
            pages.join(" "),
            it.notes
        )
        .unwrap();
    }
    table
}

fn media() -> String {
    let mut table = "| kind | barcodes end in | density | capacity |\n\
                     | --- | --- | --- | --- |\n"
        .to_owned();
    for it in Media::all() {
        let (density, capacity) = match it.form {
            Form::Cleaning => ("none".to_owned(), "none".to_owned()),
            _ => (
                format!("{:02X}h", it.density),
                format!("{} GB", it.capacity_mb / 1000),
            ),
        };
        writeln!(
            table,
            "| {} | {} | {density} | {capacity} |",
            it.name, it.barcode_suffix
        )
        .unwrap();
    }
    table
}
