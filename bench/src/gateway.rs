//! A gateway of our own, on a port and in a directory of its own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::session::Session;

/// How long a gateway may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The kernel's clock ticks per second in /proc/PID/stat; 100 on every architecture of Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running gateway; it ends with the value.
pub(crate) struct Gateway {
    child: Child,
    address: SocketAddr,
    _data: tempfile::TempDir,
}

impl Gateway {
    /// Starts `capstan serve` with an empty library.
    pub(crate) fn start(
        capstan: &Path,
        directory: Option<&Path>,
        compression: &str,
    ) -> Result<Self> {
        let data = match directory {
            Some(directory) => tempfile::tempdir_in(directory)?,
            None => tempfile::tempdir()?,
        };
        let configuration = data.path().join("bench.toml");
        std::fs::write(
            &configuration,
            format!("[cartridge]\ncompression = \"{compression}\"\n"),
        )?;
        // A free port: nobody takes it in the moment between.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = Command::new(capstan)
            .arg("serve")
            .arg("--config")
            .arg(&configuration)
            .arg("--data")
            .arg(data.path().join("data"))
            .arg("--listen")
            .arg(address.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{}: cannot start; build it first", capstan.display()))?;
        let mut gateway = Self {
            child,
            address,
            _data: data,
        };
        gateway.wait_until_it_listens()?;
        Ok(gateway)
    }

    fn wait_until_it_listens(&mut self) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the gateway ended at once: {status}");
            }
            if start.elapsed() > START_TIMEOUT {
                bail!("the gateway does not listen on {}", self.address);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Loads the first cartridge into the first drive and returns a session with that drive.
    pub(crate) fn loaded_drive(&self) -> Result<Session> {
        let targets = Session::discover(self.address)?;
        let target = |suffix: &str| {
            let found = targets.iter().find(|name| name.ends_with(suffix));
            found.with_context(|| format!("no target …{suffix}"))
        };
        let mut changer = Session::log_in(self.address, target("-mediachanger")?)?;
        changer.load_first_cartridge()?;
        let mut drive = Session::log_in(self.address, target("-tapedrive-01")?)?;
        drive.wait_until_ready()?;
        Ok(drive)
    }

    /// Runs `work` and returns how long it took and how much CPU time the gateway used.
    pub(crate) fn timed(&self, work: impl FnOnce() -> Result<()>) -> Result<(Duration, f64)> {
        let cpu = self.cpu_seconds()?;
        let start = Instant::now();
        work()?;
        Ok((start.elapsed(), self.cpu_seconds()? - cpu))
    }

    /// The user and system time of the process (proc(5), fields 14 and 15).
    fn cpu_seconds(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat
            .rsplit_once(')')
            .context("/proc/PID/stat: no command")?;
        let ticks: f64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum();
        Ok(ticks / TICKS_PER_SECOND)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It is ours and its data are about to go: no need to be gentle.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
