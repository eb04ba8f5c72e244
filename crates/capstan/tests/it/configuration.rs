//! Configuration from the outside: what is refused, where it is looked for, who wins.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

use crate::support::child::{BINARY, Child, capstan_fails, capstan_ok};

#[test]
fn a_bad_file_is_refused_with_line_and_advice_and_nothing_starts() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("capstan.toml");
    std::fs::write(
        &file,
        "[iscsi]\nlisten = [\"127.0.0.1\"]\ntarget = \"single\"\n",
    )
    .unwrap();
    let path = file.to_str().unwrap();
    let data = folder.path().join("data");
    for arguments in [
        &["config", "check", path][..],
        &["--config", path, "serve"],
        &["config", "show", "--config", path],
    ] {
        let complaint = capstan_fails(&data, arguments);
        assert!(
            complaint.contains("capstan.toml:3:1: unknown field `target`"),
            "{complaint}"
        );
        assert!(complaint.contains("`targets`"), "{complaint}");
    }
    assert!(!data.exists(), "nothing was begun");
}

#[test]
fn a_good_file_is_good_and_unwise_ones_are_warned_about() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("capstan.toml");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "correct horse battery\n").unwrap();
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::write(
        &file,
        "[iscsi.discovery]\nchap = { user = \"u\", secret_file = \"secret\" }\n",
    )
    .unwrap();
    let said = capstan_ok(folder.path(), &["config", "check", file.to_str().unwrap()]);
    assert!(
        said.contains("is good") && said.contains("chmod 600"),
        "{said}"
    );
}

#[test]
fn what_show_prints_is_a_file_that_check_takes() {
    let folder = TempDir::new().unwrap();
    let shown = capstan_ok(folder.path(), &["config", "show"]);
    assert!(
        shown.contains(&format!("data = \"{}\"", folder.path().display())),
        "{shown}"
    );
    let file = folder.path().join("capstan.toml");
    std::fs::write(&file, shown).unwrap();
    capstan_ok(folder.path(), &["config", "check", file.to_str().unwrap()]);
}

#[test]
fn command_line_beats_environment_beats_file_beats_default() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("capstan.toml");
    std::fs::write(&file, "data = \"from-file\"\n").unwrap();
    let show = |environment: &[(&str, &str)], arguments: &[&str]| {
        let output = Command::new(BINARY)
            .args(arguments)
            .args(["config", "show"])
            .env_remove("CAPSTAN_DATA")
            .env_remove("CAPSTAN_CONFIG")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let path = file.to_str().unwrap();
    assert!(show(&[], &[]).contains("data = \"./capstan-data\""));
    assert!(show(&[("CAPSTAN_CONFIG", path)], &[]).contains("from-file\""));
    let both = [
        ("CAPSTAN_CONFIG", path),
        ("CAPSTAN_DATA", "/from-environment"),
    ];
    assert!(show(&both, &[]).contains("data = \"/from-environment\""));
    assert!(show(&both, &["--data", "/from-line"]).contains("data = \"/from-line\""));
}

#[test]
fn verbs_find_the_gateway_through_the_configuration_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("capstan.toml");
    std::fs::write(&file, "data = \"tapes\"\n").unwrap();
    let _child = Child::serve(&folder.path().join("tapes"));
    let output = Command::new(BINARY)
        .args(["status", "--config", file.to_str().unwrap()])
        .env_remove("CAPSTAN_DATA")
        .output()
        .unwrap();
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("STK L700")
    );
}

#[test]
fn the_manual_shows_every_key_with_its_default() {
    const MANUAL: &str = include_str!("../../../../docs/configuration.md");
    let output = Command::new(BINARY)
        .args(["config", "show"])
        .env_remove("CAPSTAN_DATA")
        .env_remove("CAPSTAN_CONFIG")
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("[iscsi]"));
    assert!(
        MANUAL.contains(&format!("```toml\n{shown}```")),
        "docs/configuration.md has to show what `capstan config show` prints"
    );
}

#[test]
fn the_manuals_example_with_chap_is_a_good_file() {
    const MANUAL: &str = include_str!("../../../../docs/configuration.md");
    let (_, example) = MANUAL.split_once("```toml\n[iscsi]").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let folder = TempDir::new().unwrap();
    let mut text = format!("[iscsi]{example}");
    for (name, secret) in [
        ("backup.secret", "the first secret"),
        ("own.secret", "another secret"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, secret).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        text = text.replace(&format!("/etc/capstan/{name}"), path.to_str().unwrap());
    }
    let file = folder.path().join("capstan.toml");
    std::fs::write(&file, text).unwrap();
    capstan_ok(folder.path(), &["config", "check", file.to_str().unwrap()]);
}
