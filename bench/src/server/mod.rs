//! A target's process: started, waited for, and ended with the value.

mod usage;

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::io::Errno;
use rustix::thread::{CpuSet, Pid, sched_setaffinity};
use tempfile::TempDir;

pub(crate) use usage::Files;

/// How long a target may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Where a daemon lies that the PATH of a user who is not root does not name.
const SYSTEM_PROGRAMS: &str = "/usr/sbin";

/// A place of its own for a target.
pub(crate) struct Place {
    /// Gone with the value.
    directory: TempDir,
    /// Free a moment ago.
    pub(crate) address: SocketAddr,
}

impl Place {
    /// Makes an empty directory under `parent` and finds a port.
    pub(crate) fn new(parent: &Path) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("capstan-bench-")
            .tempdir_in(parent)
            .with_context(|| format!("{}: no directory to work in", parent.display()))?;
        let address = free_address()?;
        Ok(Self { directory, address })
    }

    /// Returns the path of the file `name` in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Returns an address of loopback that nobody listens on; nobody takes it in the moment between.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Returns the command for a program of the system.
pub(crate) fn system_program(name: &str) -> Command {
    let path = Path::new(SYSTEM_PROGRAMS).join(name);
    Command::new(if path.exists() { path } else { name.into() })
}

/// A running target; it ends with the value.
pub(crate) struct Server {
    child: Child,
    place: Place,
}

impl Server {
    /// Starts `command`, which stays in the foreground, and waits until it listens at the place's
    /// address.
    pub(crate) fn start(mut command: Command, place: Place) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let log = place.path("log");
        let child = command
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&log)?)
            .stderr(std::fs::File::options().append(true).open(&log)?)
            .spawn()
            .with_context(|| format!("{name}: cannot start"))?;
        let mut server = Self { child, place };
        if let Err(error) = server.wait_until_it_listens() {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            return Err(error.context(format!("{name} said: {}", said.trim())));
        }
        Ok(server)
    }

    fn wait_until_it_listens(&mut self) -> Result<()> {
        let address = self.place.address;
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended at once: {status}");
            }
            if start.elapsed() > START_TIMEOUT {
                bail!("it does not listen on {address}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.place.address
    }

    /// Returns the path of the file `name` in its directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    /// Lets all its threads run on `cpus` only; those it starts later inherit that.
    pub(crate) fn run_on(&self, cpus: &CpuSet) -> Result<()> {
        let tasks = format!("/proc/{}/task", self.child.id());
        let mut seen = BTreeSet::new();
        loop {
            let before = seen.len();
            for entry in std::fs::read_dir(&tasks)? {
                let name = entry?.file_name();
                let number: i32 = name.to_string_lossy().parse()?;
                if seen.insert(number) {
                    match sched_setaffinity(Pid::from_raw(number), cpus) {
                        Ok(()) | Err(Errno::SRCH) => {} // it has ended
                        Err(error) => return Err(error).context(tasks),
                    }
                }
            }
            // One that a thread started before its turn came has been missed.
            if seen.len() == before {
                return Ok(());
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours and its data are about to go: no need to be gentle.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
