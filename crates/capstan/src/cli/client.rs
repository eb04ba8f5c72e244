//! The CLI's side of the HTTP interface: one request over the daemon's Unix socket.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::SOCKET_NAME;
use crate::api::server::reachable;
use crate::api::types::Failure;
use crate::config::LibraryName;

/// Talks to the daemon of one data directory.
pub struct Client {
    data: PathBuf,
    library: Option<LibraryName>,
}

impl Client {
    /// Returns a client for the gateway whose data lies in `data`. Connects with each request.
    pub fn new(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            library: None,
        }
    }

    /// Returns a client whose requests are about this library.
    #[must_use]
    pub fn about(self, library: Option<LibraryName>) -> Self {
        Self { library, ..self }
    }

    /// Asks for `path`.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.request(Method::GET, path, Bytes::new())
    }

    /// Sends `body` to `path`.
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.request(Method::POST, path, serde_json::to_vec(body)?.into())
    }

    /// Deletes what is at `path`.
    pub fn delete<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.request(Method::DELETE, path, Bytes::new())
    }

    /// Returns whether a daemon listens on the socket.
    pub fn daemon_answers(&self) -> bool {
        reachable(&self.socket(), |path| {
            std::os::unix::net::UnixStream::connect(path)
        })
        .is_ok()
    }

    fn socket(&self) -> PathBuf {
        self.data.join(SOCKET_NAME)
    }

    fn request<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> anyhow::Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let path = match &self.library {
            None => path.to_owned(),
            Some(library) if path.contains('?') => format!("{path}&library={library}"),
            Some(library) => format!("{path}?library={library}"),
        };
        let (status, body) = runtime.block_on(self.exchange(method, &path, body))?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .context("the daemon answered something that this version does not understand");
        }
        match serde_json::from_slice::<Failure>(&body) {
            Ok(Failure {
                message,
                hint: Some(hint),
                ..
            }) => bail!("{message}\n{hint}"),
            Ok(Failure { message, .. }) => bail!("{message}"),
            Err(_) => bail!(
                "the daemon answered {status}: {}",
                String::from_utf8_lossy(&body)
            ),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let stream = self.connect()?;
        let stream = tokio::net::UnixStream::from_std(stream)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "capstan")
            .header("content-type", "application/json")
            .body(Full::new(body))?;
        let response = sender
            .send_request(request)
            .await
            .context("the daemon hung up")?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, body))
    }

    fn connect(&self) -> anyhow::Result<std::os::unix::net::UnixStream> {
        let socket = self.socket();
        let stream = reachable(&socket, |path| {
            std::os::unix::net::UnixStream::connect(path)
        })
        .map_err(|error| anyhow!(no_daemon(&self.data, &socket, &error)))?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    }
}

/// Says where the daemon was expected and what to do.
fn no_daemon(data: &Path, socket: &Path, error: &std::io::Error) -> String {
    let data = data.display();
    format!(
        "no gateway answers at {}: {error}\n\
         Start one with `capstan serve --data {data}`, or name another data directory with \
         --data DIR or CAPSTAN_DATA.",
        socket.display()
    )
}
