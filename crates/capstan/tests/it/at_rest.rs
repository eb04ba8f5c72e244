//! Encryption at rest through the real daemon: what lies in the data directory, and how keys come and go.

use std::path::Path;

use iscsi::initiator::DataTransfer;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::child::{Child, capstan_fails, capstan_ok};
use crate::support::host::{Host, NAME, params};
use crate::support::tape::Found;

/// Not compressible into something else, and nowhere by chance.
const SECRET: &[u8] = b"CANARY 7f3a the quarterly figures are not for everybody's eyes";

fn host(daemon: &Child) -> Host {
    let mut host = Host::try_log_in(daemon.portal, params(NAME, Some(&daemon.targets[1])))
        .unwrap_or_else(|status| panic!("login refused: {status:04x}"));
    host.attentions();
    host
}

fn key(folder: &Path, name: &str) -> (String, String) {
    let file = folder.join(name).to_str().unwrap().to_owned();
    let made = capstan_ok(folder, &["key", "generate", &file, "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    (file, made["id"].as_str().unwrap().to_owned())
}

/// Returns the files below `folder` in which any of `texts` is found, each with what.
fn search(folder: &Path, texts: &[&[u8]]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(search(&path, texts));
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let hit = |text: &&&[u8]| bytes.windows(text.len()).any(|window| window == **text);
            let hits = texts.iter().filter(hit);
            found.extend(hits.map(|text| format!("{}: {}", path.display(), text.escape_ascii())));
        }
    }
    found
}

fn write_tape(data: &Path, arguments: &[&str]) -> Child {
    write_on(Child::serve_with(data, arguments), data)
}

fn write_on(daemon: Child, data: &Path) -> Child {
    capstan_ok(data, &["drive", "load", "0", "CAP001L5"]);
    let mut host = host(&daemon);
    host.write_block(SECRET);
    host.write_filemarks(1);
    host.write_block(&SECRET.repeat(5000));
    host.write_filemarks(1);
    host.log_out();
    daemon
}

fn read_tape(daemon: &Child) -> Vec<Found> {
    let mut host = host(daemon);
    host.rewind();
    let found = host.read_to_end();
    host.log_out();
    found
}

fn written() -> Vec<Found> {
    let blocks = [SECRET.to_vec(), SECRET.repeat(5000)].map(Found::Block);
    let [one, other] = blocks;
    vec![one, Found::Filemark, other, Found::Filemark]
}

#[test]
fn neither_what_was_written_nor_a_key_is_in_the_data_directory() {
    for codec in ["none", "lz4", "zstd", "lzo"] {
        let folder = TempDir::new().unwrap();
        let (file, id) = key(folder.path(), "tapes.key");
        let config = folder.path().join("capstan.toml");
        let text = format!(
            "[cartridge]\ncompression = \"{codec}\"\n[[encryption.key]]\nfile = \"tapes.key\"\n"
        );
        std::fs::write(&config, text).unwrap();
        let data = folder.path().join("data");
        let daemon = write_tape(&data, &["--config", config.to_str().unwrap()]);
        let text = std::fs::read_to_string(&file).unwrap();
        let texts = [&SECRET[..20], &SECRET[30..], text.trim().as_bytes()];
        assert_eq!(search(&data, &texts), [""; 0], "{codec}, while it runs");
        assert!(
            !search(&data, &[b"CAP001L5"]).is_empty(),
            "the search finds what is there"
        );
        let tape = capstan_ok(&data, &["tape", "show", "CAP001L5", "--json"]);
        let tape: Value = serde_json::from_str(&tape).unwrap();
        assert_eq!(tape["encryption_key"], *id);
        assert_eq!(
            tape["has_encrypted_blocks"], false,
            "no host has encrypted anything"
        );
        daemon.kill();
        assert_eq!(search(&data, &texts), [""; 0], "{codec}, after kill -9");
        let daemon = Child::serve_with(&data, &["--config", config.to_str().unwrap()]);
        assert_eq!(read_tape(&daemon), written(), "{codec}");
        capstan_ok(&data, &["drive", "unload", "0"]);
        assert_eq!(search(&data, &texts), [""; 0], "{codec}, unloaded");
    }
}

#[test]
fn keys_are_rotated_missed_and_destroyed() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let (old, old_id) = key(folder.path(), "old.key");
    let (new, new_id) = key(folder.path(), "new.key");
    capstan_fails(folder.path(), &["key", "generate", &old]);
    drop(write_tape(&data, &["--encryption-key", &old]));

    // Without its key the tape is there, says which key it wants, and is not read.
    let daemon = Child::serve_with(&data, &["--encryption-key", &new]);
    let listed = capstan_ok(&data, &["key", "list"]);
    assert!(
        listed.contains("MISSING") && listed.contains(&old_id),
        "{listed}"
    );
    let mut alone = host(&daemon);
    alone.rewind();
    let finished = alone.try_write_block(b"in clear");
    assert_ne!(
        finished.status, 0,
        "refused rather than written under another key or in clear"
    );
    alone.log_out();
    drop(daemon);

    // Rotation: a tape in a drive is left out and told, and done the next time.
    let arguments = ["--encryption-key", &*new, "--encryption-key", &*old];
    let daemon = Child::serve_with(&data, &arguments);
    assert_eq!(read_tape(&daemon), written());
    let told = capstan_fails(&data, &["key", "rotate"]);
    assert!(told.contains("1 tape left out"), "{told}");
    capstan_ok(&data, &["drive", "unload", "0"]);
    let rotated = capstan_ok(&data, &["key", "rotate", "--json"]);
    let rotated: Value = serde_json::from_str(&rotated).unwrap();
    assert_eq!(rotated["rewrapped"][0], "CAP001L5");
    assert!(capstan_ok(&data, &["key", "rotate"]).contains("0 tapes moved"));
    drop(daemon);
    let daemon = Child::serve_with(&data, &["--encryption-key", &new]);
    assert!(capstan_ok(&data, &["tape", "list"]).contains(&new_id));
    assert!(capstan_ok(&data, &["status"]).contains(&new_id));
    capstan_fails(&data, &["tape", "erase", "CAP001L5"]);
    capstan_ok(&data, &["drive", "load", "0", "CAP001L5"]);
    assert_eq!(read_tape(&daemon), written());
    assert!(capstan_fails(&data, &["tape", "erase", "--crypto", "CAP001L5"]).contains("drive"));
    capstan_ok(&data, &["drive", "unload", "0"]);

    // Its key destroyed, it is blank and takes new data.
    capstan_ok(&data, &["tape", "erase", "--crypto", "CAP001L5"]);
    capstan_fails(&data, &["tape", "erase", "--crypto", "CAP001L5"]);
    capstan_ok(&data, &["drive", "load", "0", "CAP001L5"]);
    assert_eq!(read_tape(&daemon), []);
    let mut again = host(&daemon);
    again.write_block(b"a new life");
    again.rewind();
    assert_eq!(again.read_block(100), Found::Block(b"a new life".to_vec()));
    again.log_out();
}

/// As a secret store and as systemd (LoadCredentialEncrypted=) bring them. What Argon2id needs besides the
/// passphrase lies in the data directory, and in every cartridge for the day when it no longer does.
#[test]
fn passphrases_and_keys_come_from_the_environment_and_as_credentials() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let config = folder.path().join("capstan.toml");
    let text = "[[encryption.key]]\npassphrase_environment = \"PHRASE\"\n\
                [[encryption.key]]\ncredential = \"tapes\"\n";
    std::fs::write(&config, text).unwrap();
    let (file, _) = key(folder.path(), "tapes");
    let arguments = ["--config", config.to_str().unwrap()];
    let credentials = ("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap());
    let phrase = ("PHRASE", "correct horse battery staple");
    let serve = |phrase| Child::serve_in(&data, &arguments, &[credentials, phrase]);
    write_on(serve(phrase), &data).kill();
    let secrets = [SECRET, phrase.1.as_bytes()];
    assert_eq!(search(&data, &secrets), [""; 0]);

    std::fs::remove_file(data.join("key-derivation")).unwrap();
    let daemon = serve(phrase);
    assert_eq!(read_tape(&daemon), written());
    daemon.kill();

    // Somebody with another passphrase sees that the key is missing, and reads nothing.
    let daemon = serve(("PHRASE", "incorrect horse battery staple"));
    assert!(capstan_ok(&data, &["key", "list"]).contains("MISSING"));
    let mut other = host(&daemon);
    other.rewind();
    let read = [0x08, 0, 0, 0x10, 0, 0];
    let finished = other.run(&read, DataTransfer::In(0x1000));
    assert_ne!(finished.status, 0);
    assert_eq!(finished.data, b"");
    other.log_out();
    daemon.kill();

    // The credential is a key like any other.
    let data = folder.path().join("other data");
    let text = "[[encryption.key]]\ncredential = \"tapes\"\n";
    std::fs::write(&config, text).unwrap();
    write_on(Child::serve_in(&data, &arguments, &[credentials]), &data).kill();
    let daemon = Child::serve_with(&data, &["--encryption-key", &file]);
    assert_eq!(read_tape(&daemon), written());
}
