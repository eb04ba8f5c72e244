//! The real binary as a child process, for stories about signals and sudden death.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_capstan");

/// A running `capstan serve`. It is killed when dropped.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) portal: SocketAddr,
    /// Target names in the order in which they were printed: the changer's first.
    pub(crate) targets: Vec<String>,
}

impl Child {
    /// Starts the daemon and waits until it says that it listens.
    pub(crate) fn serve(data: &Path) -> Self {
        Self::serve_with(data, &[])
    }

    /// The same with further arguments.
    pub(crate) fn serve_with(data: &Path, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(BINARY), data, arguments)
    }

    /// The same in an environment of its own.
    pub(crate) fn serve_in(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(BINARY);
        command.envs(environment.iter().copied());
        Self::spawn(command, data, arguments)
    }

    /// Starts the daemon with a limit of open files, hard and soft.
    pub(crate) fn serve_with_open_files(data: &Path, limit: u32) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, BINARY]);
        Self::spawn(shell, data, &[])
    }

    fn spawn(mut command: Command, data: &Path, arguments: &[&str]) -> Self {
        let mut process = command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .env_remove("CAPSTAN_CONFIG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut portal = None;
        let mut targets = Vec::new();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        for line in &mut lines {
            let line = line.unwrap();
            if let Some(address) = line.strip_prefix("Portal  ") {
                portal = Some(address.parse().unwrap());
            } else if let Some(name) = line.strip_prefix("Target  ") {
                targets.push(name.to_owned());
            } else if line.contains("iscsiadm") {
                break;
            }
        }
        let Some(portal) = portal else {
            let mut log = String::new();
            process
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut log)
                .unwrap();
            panic!("the daemon did not start: {log}");
        };
        // The rest of the output goes nowhere, but somebody has to read it.
        std::thread::spawn(move || lines.count());
        Self {
            process,
            portal,
            targets,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Returns the names of its threads.
    pub(crate) fn threads(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        tasks
            // A thread may end while we look.
            .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok())
            .map(|name| name.trim_end().to_owned())
            .collect()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its end without reading its log, and returns how it ended.
    pub(crate) fn wait_unread(mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// Waits for its end, and returns how it ended, after how long, and what it logged.
    pub(crate) fn wait(mut self) -> (ExitStatus, Duration, String) {
        let start = Instant::now();
        let status = self.process.wait().unwrap();
        let took = start.elapsed();
        let mut log = String::new();
        self.process
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (status, took, log)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs the binary with `arguments` for the gateway in `data`.
pub(crate) fn capstan(data: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .args(arguments)
        .env("CAPSTAN_DATA", data)
        .env_remove("CAPSTAN_CONFIG")
        .output()
        .unwrap()
}

/// Runs the binary, which must succeed, and returns what it prints.
pub(crate) fn capstan_ok(data: &Path, arguments: &[&str]) -> String {
    let output = capstan(data, arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "capstan {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the binary, which must fail, and returns its complaint.
pub(crate) fn capstan_fails(data: &Path, arguments: &[&str]) -> String {
    let output = capstan(data, arguments);
    assert!(!output.status.success(), "capstan {arguments:?} must fail");
    String::from_utf8(output.stderr).unwrap()
}
