//! Imports into, and exports out of, a gateway whose tapes are encrypted at rest.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::{foreign, json, library, text};
use crate::support::child::{BINARY, Child, capstan, capstan_fails, capstan_ok};

/// Not compressible into something else, and nowhere by chance.
const SECRET: &[u8] = b"CANARY 51c2 what was on the old machine is nobody else's business";

fn key(folder: &Path, name: &str) -> (String, String) {
    let file = folder.join(name).to_str().unwrap().to_owned();
    let made = capstan_ok(folder, &["key", "generate", &file, "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    (file, made["id"].as_str().unwrap().to_owned())
}

/// An image with one block.
fn image(folder: &Path) -> String {
    let mut writer = tape_formats::simh::Writer::new(Vec::new());
    writer.block(SECRET).unwrap();
    writer.filemark().unwrap();
    let path = folder.join("secret.tap");
    fs::write(&path, writer.into_inner()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Returns whether a file below `folder` has [`SECRET`] in it.
fn is_in_clear(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_in_clear(&path);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        bytes.windows(SECRET.len()).any(|window| window == SECRET)
    })
}

fn import<'a>(image: &'a str, barcode: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let import = ["import", "simh", image, "--barcode", barcode];
    [&import[..], more].concat()
}

#[test]
fn the_keys_of_serve_are_those_of_import_and_export() {
    let (data, folder) = (library(), tempfile::tempdir().unwrap());
    let (file, id) = key(folder.path(), "tapes.key");
    let image = image(folder.path());
    let done = json(
        data.path(),
        &import(&image, "OLD001L5", &["--encryption-key", &file]),
    );
    assert_eq!(done[0]["encryption_key"], *id, "{done}");
    assert!(!is_in_clear(data.path()));

    // From an environment variable, as the configuration names it.
    let config = folder.path().join("capstan.toml");
    fs::write(&config, "[[encryption.key]]\nenvironment = \"TAPES_KEY\"\n").unwrap();
    let run = |arguments: &[&str]| -> Output {
        Command::new(BINARY)
            .args(arguments)
            .env("CAPSTAN_DATA", data.path())
            .env("CAPSTAN_CONFIG", &config)
            .env("TAPES_KEY", fs::read_to_string(&file).unwrap().trim())
            .output()
            .unwrap()
    };
    let done = run(&import(&image, "OLD002L5", &[]));
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(
        done.status.success() && said.contains("1 tape encrypted at rest under key"),
        "{said}"
    );
    assert!(!is_in_clear(data.path()));

    // Out again: without the key nothing, and the error says what to do.
    let out = folder.path().join("out");
    let export = ["export", "simh", "OLD001L5", "--output", text(&out)];
    let refused = capstan(data.path(), &export);
    let said = String::from_utf8(refused.stdout).unwrap();
    assert!(
        !refused.status.success() && said.contains(&id) && said.contains("--encryption-key"),
        "{said}"
    );
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "nothing half");
    capstan_ok(
        data.path(),
        &[&export[..], &["--encryption-key", &file]].concat(),
    );
    let same = |name: &str| fs::read(out.join(name)).unwrap() == fs::read(&image).unwrap();
    assert!(same("OLD001L5.tap"));
    let export = ["export", "simh", "OLD002L5", "--output", text(&out)];
    assert!(run(&export).status.success());
    assert!(same("OLD002L5.tap"));

    // And the gateway has the same key for them.
    let daemon = Child::serve_with(data.path(), &["--encryption-key", &file]);
    let listed = capstan_ok(data.path(), &["key", "list"]);
    assert!(!listed.contains("MISSING"), "{listed}");
    drop(daemon);
}

#[test]
fn nothing_is_imported_in_clear_beside_tapes_at_rest_unless_that_is_wanted() {
    let (data, folder) = (library(), tempfile::tempdir().unwrap());
    let (file, id) = key(folder.path(), "tapes.key");
    let image = image(folder.path());
    capstan_ok(
        data.path(),
        &import(&image, "OLD001L5", &["--encryption-key", &file]),
    );
    for more in [&[][..], &["--dry-run"]] {
        let said = capstan_fails(data.path(), &import(&image, "OLD002L5", more));
        assert!(
            said.contains("--encryption-key FILE") && said.contains("--in-clear"),
            "{said}"
        );
    }
    assert!(!is_in_clear(data.path()));
    let both = ["--in-clear", "--encryption-key", &file];
    capstan_fails(data.path(), &import(&image, "OLD002L5", &both));

    // A key that opens nothing is likely the wrong one, and still one that protects.
    let (other, other_id) = key(folder.path(), "other.key");
    let warned = capstan(
        data.path(),
        &import(&image, "OLD002L5", &["--encryption-key", &other]),
    );
    let said = String::from_utf8(warned.stderr).unwrap();
    assert!(
        warned.status.success() && said.contains(&id) && said.contains(&other_id),
        "{said}"
    );
    assert!(!is_in_clear(data.path()));
    capstan_ok(data.path(), &import(&image, "OLD003L5", &["--in-clear"]));
    let listed = json(data.path(), &import(&image, "OLD003L5", &["--in-clear"]));
    assert_eq!(listed[0]["encryption_key"], Value::Null);
}

#[test]
fn a_gateway_that_had_a_passphrase_gets_nothing_in_clear() {
    let (data, folder) = (library(), tempfile::tempdir().unwrap());
    let image = image(folder.path());
    let phrase = folder.path().join("phrase");
    fs::write(&phrase, "a correct horse\n").unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&phrase, private).unwrap();
    let config = folder.path().join("capstan.toml");
    fs::write(
        &config,
        "[[encryption.key]]\npassphrase_file = \"phrase\"\n",
    )
    .unwrap();
    // It ran, and no tape was written yet.
    drop(Child::serve_with(data.path(), &["--config", text(&config)]));
    capstan_fails(data.path(), &import(&image, "OLD001L5", &[]));
    let done = json(
        data.path(),
        &import(&image, "OLD001L5", &["--config", text(&config)]),
    );
    assert!(done[0]["encryption_key"].is_string(), "{done}");
}

#[test]
fn a_migration_with_a_key_writes_a_configuration_with_it() {
    let root = tempfile::tempdir().unwrap();
    super::mhvtl(root.path());
    let (file, id) = key(root.path(), "tapes.key");
    let (data, config) = (root.path().join("data"), root.path().join("capstan.toml"));
    let conf = root.path().join("etc/mhvtl");
    let import = [
        "import",
        "mhvtl",
        text(&conf),
        "--write-config",
        text(&config),
    ];
    // A key that is not there ends it before anything was made.
    let wrong = ["--encryption-key", "/nonexistent/key"];
    capstan_fails(&data, &[&import[..], &wrong].concat());
    assert!(!config.exists() && !data.join("catalog.sqlite").exists());
    capstan_ok(&data, &[&import[..], &["--encryption-key", &file]].concat());
    let written = fs::read_to_string(&config).unwrap();
    assert!(written.contains(&format!("file = \"{file}\"")), "{written}");
    let daemon = Child::serve_with(&data, &["--config", text(&config)]);
    let listed = capstan_ok(&data, &["--library", "main", "tape", "list"]);
    assert!(listed.contains(&id), "{listed}");
    drop(daemon);
    // Without it nothing more comes in, into no library.
    let tape = foreign("mhvtl/OLD001L5");
    for name in ["main", "mhvtl-30"] {
        capstan_fails(&data, &["--library", name, "import", "mhvtl", text(&tape)]);
    }
}
