//! The Unix socket in the data directory, and the runtime that serves it in a thread of its own.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::oneshot;

use super::{SOCKET_NAME, routes};
use crate::gateway::Gateway;

/// The running server.
pub struct Server {
    socket: PathBuf,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Listens on `<data>/capstan.sock`, which only the daemon's own user may open.
    /// The caller holds the lock of the data directory.
    pub fn start(data: &Path, gateway: Arc<Gateway>) -> anyhow::Result<Self> {
        let socket = data.join(SOCKET_NAME);
        let listener =
            listen(&socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .thread_name("api-worker")
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("api".to_owned())
            .spawn(move || {
                if let Err(error) = runtime.block_on(serve(listener, gateway, stopped)) {
                    tracing::error!("the HTTP interface ended: {error}");
                }
                // A request that still waits for a robot does not hold up the end.
                runtime.shutdown_timeout(Duration::ZERO);
            })?;
        Ok(Self {
            socket,
            stop,
            thread,
        })
    }

    /// Stops answering and removes the socket.
    pub fn stop(self) {
        // The thread is gone already when nobody receives.
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("the thread of the HTTP interface ended in a bug");
        }
        if let Err(error) = fs::remove_file(&self.socket) {
            tracing::warn!("cannot remove {}: {error}", self.socket.display());
        }
    }
}

async fn serve(
    listener: UnixListener,
    gateway: Arc<Gateway>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let server = axum::serve(listener, routes::router(gateway));
    tokio::select! {
        result = server => result,
        _ = stopped => Ok(()),
    }
}

fn listen(socket: &Path) -> io::Result<UnixListener> {
    // Under its name the socket appears with its mode: between `bind` and `chmod` others could
    // connect. Renaming also replaces what a daemon that was killed has left behind.
    let unfinished = socket.with_extension("sock.new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = reachable(&unfinished, |path| UnixListener::bind(path))?;
    fs::set_permissions(&unfinished, Permissions::from_mode(0o600))?;
    fs::rename(&unfinished, socket)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Calls `work` with a path of the socket that fits the 108 bytes of `sockaddr_un`, however deep
/// the data directory lies: a long path goes through a handle of its folder.
pub fn reachable<T>(socket: &Path, work: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if socket.as_os_str().as_bytes().len() < SOCKET_PATH_LENGTH_MAX {
        return work(socket);
    }
    let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let folder = File::open(folder)?;
    work(
        &Path::new("/proc/self/fd")
            .join(folder.as_raw_fd().to_string())
            .join(name),
    )
}

/// `sun_path` with the zero byte at its end, unix(7).
const SOCKET_PATH_LENGTH_MAX: usize = 108;
/// Requests that wait for disks or robots at one time; others queue.
const BLOCKING_THREADS_MAX: usize = 16;
