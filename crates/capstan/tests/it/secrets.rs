//! CHAP secrets stay where they are: in their files and in memory.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use iscsi::chap::BinaryEncoding;
use iscsi::initiator::{InitiatorChap, InitiatorParams};
use iscsi::{ChapAlgorithm, Credential};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::child::{BINARY, capstan, capstan_ok};
use crate::support::eventually;
use crate::support::host::{Host, NAME, params};

const HOST_SECRET: &str = "canary of the host";
const OWN_SECRET: &str = "canary of our own";

/// Writes a configuration that demands CHAP both ways, and the secrets; returns its path.
fn configuration(folder: &Path) -> String {
    for (name, secret) in [("host.secret", HOST_SECRET), ("own.secret", OWN_SECRET)] {
        let path = folder.join(name);
        std::fs::write(&path, format!("{secret}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let file = folder.join("capstan.toml");
    let chap = "chap = { user = \"backup\", secret_file = \"host.secret\" }\n\
                mutual_chap = { user = \"capstan\", secret_file = \"own.secret\" }\n";
    let text = format!("[iscsi.discovery]\n{chap}[[iscsi.access]]\n{chap}");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// The daemon with all its words; it is killed when dropped.
struct Talkative(Child);

impl Talkative {
    fn serve(data: &Path, configuration: &str) -> Self {
        let child = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "trace"])
            .args(["--config", configuration, "--data"])
            .arg(data)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(data.with_extension("log")).unwrap())
            .spawn()
            .unwrap();
        eventually("it answers", || capstan(data, &["status"]).status.success());
        Self(child)
    }
}

impl Drop for Talkative {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn log_in(status: &Value, secret: &str, theirs: Option<&str>) -> Result<Host, u16> {
    let credential = |name: &str, secret: &str| Credential {
        name: name.to_owned(),
        secret: iscsi::Secret::new(secret.as_bytes().to_vec()),
    };
    let target = status["targets"][0]["name"].as_str();
    let params = InitiatorParams {
        random: Box::new(|bytes: &mut [u8]| getrandom::fill(bytes).unwrap()),
        chap: Some(InitiatorChap {
            ours: credential("backup", secret),
            theirs: theirs.map(|secret| credential("capstan", secret)),
            algorithms: vec![ChapAlgorithm::Sha256],
            encoding: BinaryEncoding::Hexadecimal,
        }),
        ..params(NAME, target)
    };
    Host::try_log_in(
        status["portals"][0].as_str().unwrap().parse().unwrap(),
        params,
    )
}

/// Right and wrong logins, one way and both, with everything logged that there is to log, and
/// everything asked that the interface answers.
#[test]
fn secrets_are_in_no_log_and_no_answer() {
    let folder = TempDir::new().unwrap();
    let file = configuration(folder.path());
    let data = folder.path().join("data");
    let mut daemon = Talkative::serve(&data, &file);
    let status = capstan_ok(&data, &["status", "--json"]);
    let parsed: Value = serde_json::from_str(&status).unwrap();
    let host = log_in(&parsed, HOST_SECRET, Some(OWN_SECRET)).unwrap();
    assert_eq!(
        log_in(&parsed, "canary of a thief", None).err(),
        Some(0x0201)
    );
    let sessions = capstan_ok(&data, &["session", "list", "--json"]);
    host.log_out();
    let shown = capstan_ok(&data, &["--config", &file, "config", "show"]);
    kill_process(Pid::from_child(&daemon.0), Signal::TERM).unwrap();
    daemon.0.wait().unwrap();
    let mut log = String::new();
    let mut file = std::fs::File::open(data.with_extension("log")).unwrap();
    file.read_to_string(&mut log).unwrap();
    assert!(
        log.contains("wrong CHAP response") && log.contains(" login "),
        "{log}"
    );
    for text in [&log, &status, &sessions, &shown] {
        assert!(!text.contains("canary"), "{text}");
        assert!(
            !text.contains("99, 97, 110, 97, 114, 121"),
            "as numbers: {text}"
        );
        assert!(
            !text.to_lowercase().contains("63616e617279"),
            "as digits: {text}"
        );
    }
}

#[test]
fn secrets_are_shown_to_whoever_asks_and_may_read_them() {
    let folder = TempDir::new().unwrap();
    let file = configuration(folder.path());
    let output = capstan(
        folder.path(),
        &["--config", &file, "config", "show", "--secrets"],
    );
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.contains(HOST_SECRET) && shown.contains(OWN_SECRET),
        "{shown}"
    );
    let warning = String::from_utf8(output.stderr).unwrap();
    assert!(warning.contains("keep them to yourself"), "{warning}");
    assert!(!warning.contains("canary"), "{warning}");
}
