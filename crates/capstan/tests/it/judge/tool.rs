//! Debian's `iscsi-test-cu`, a process for each test.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::report::{self, Outcome};
use super::suites;

/// The program.
const PROGRAM: &str = "iscsi-test-cu";
/// The slowest tests wait five seconds for something that must not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The tool as it is installed here.
pub(super) struct Tool {
    folder: TempDir,
    preload: Option<PathBuf>,
    /// Every test, as `Suite.Test`.
    pub(super) tests: Vec<String>,
}

/// What became of a test.
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    /// All that the tool printed.
    pub(super) output: String,
}

impl Verdict {
    /// Returns what the test itself printed.
    pub(super) fn told(&self) -> &str {
        report::told(&self.output)
    }
}

impl Tool {
    /// Looks for the tool. Without it, or with one of another version, a developer is told that
    /// nothing was judged; in CI that is a failure.
    pub(super) fn find() -> Option<Self> {
        let Ok(listing) = Command::new(PROGRAM).arg("--list").output() else {
            skip(&format!("{PROGRAM} is not there (Debian: libiscsi-bin)"));
            return None;
        };
        let listing = String::from_utf8(listing.stdout).unwrap();
        let listed = listing.lines().filter_map(|line| {
            let test = line.strip_prefix("ALL.")?;
            test.contains('.').then_some(test)
        });
        let tests: Vec<String> = suites::tests().collect();
        if !tests.iter().eq(listed) {
            skip(&format!(
                "{PROGRAM} is not that of libiscsi 1.19: it has other tests"
            ));
            return None;
        }
        Some(Self {
            folder: TempDir::new().unwrap(),
            preload: None,
            tests,
        })
    }

    /// Returns the tool with a library of ours loaded before its own: `preload/<name>.c`, which says
    /// what for.
    pub(super) fn with_preload(mut self, name: &str) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/judge/preload");
        let source = folder.join(format!("{name}.c"));
        let library = self.folder.path().join(format!("{name}.so"));
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&library, &source])
            .output();
        let Ok(built) = built else {
            skip("cc is not there, which builds the judge's preload");
            return None;
        };
        let complaint = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{}: {complaint}", source.display());
        self.preload = Some(library);
        Some(self)
    }

    /// Runs `test` against the units at `urls`.
    pub(super) fn run(&self, test: &str, urls: &[String]) -> Verdict {
        let log_path = self.folder.path().join(format!("{test}.log"));
        let log = File::create(&log_path).unwrap();
        let mut command = Command::new(PROGRAM);
        command
            // All tests may write and sanitize; with -V the log says what was asked and answered.
            .args(["--dataloss", "--allow-sanitize", "--Verbose-scsi", "--test"])
            .arg(format!("ALL.{test}"))
            .args(urls)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        if let Some(library) = &self.preload {
            command.env("LD_PRELOAD", library);
        }
        let ended = wait(&mut command);
        let output = String::from_utf8_lossy(&std::fs::read(&log_path).unwrap()).into_owned();
        let outcome = match ended {
            None => Outcome::Hang,
            Some(status) if status.signal().is_some() => Outcome::Crash,
            Some(_) => report::outcome(&output),
        };
        Verdict { outcome, output }
    }
}

/// Returns the URL of logical unit 0.
pub(super) fn url(portal: SocketAddr, target: &str) -> String {
    format!("iscsi://{portal}/{target}/0")
}

/// Runs a process to its end; `None` when it had to be killed.
fn wait(command: &mut Command) -> Option<ExitStatus> {
    let mut process = command.spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            return Some(status);
        }
        if Instant::now() > deadline {
            process.kill().unwrap();
            process.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Says loudly that nothing was judged. Written past the test harness, which keeps to itself what a
/// test that passes prints.
pub(super) fn skip(reason: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "judge: {reason}, and CI skips nothing"
    );
    let words = format!("judge: SKIPPED: NOBODY JUDGED THE TARGET: {reason}\n");
    std::io::stderr().write_all(words.as_bytes()).unwrap();
}
