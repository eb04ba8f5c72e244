//! A gateway in this process, on a port that the system chooses, with data that go with the test.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use capstan::api::types::Place;
use capstan::config::{Config, ListenAddress};
use capstan::gateway::Gateway;
use capstan::gateway::libraries::ServedLibrary;
use capstan::gateway::targets::{Device, find};
use tempfile::TempDir;

/// A running gateway; it stops when dropped.
pub(crate) struct TestGateway {
    gateway: Option<Arc<Gateway>>,
    config: Config,
    _folder: TempDir,
}

impl TestGateway {
    /// Starts a gateway with the defaults.
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// Starts a gateway with a configuration that differs from the default by `change`.
    pub(crate) fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = TempDir::new().unwrap();
        let mut config = Config {
            data: folder.path().join("data"),
            ..Config::default()
        };
        config.iscsi.listen = vec![ListenAddress("127.0.0.1:0".parse().unwrap())];
        change(&mut config);
        let gateway = Gateway::start(config.clone()).unwrap();
        Self {
            gateway: Some(gateway),
            config,
            _folder: folder,
        }
    }

    /// Stops the gateway and starts it again with the same data.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.gateway = Some(Gateway::start(self.config.clone()).unwrap());
    }

    /// Stops the gateway and starts it again, configured otherwise, with the same data.
    pub(crate) fn restart_with(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.restart();
    }

    /// Stops the gateway.
    pub(crate) fn stop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            gateway.stop().unwrap();
        }
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// Returns the main library.
    pub(crate) fn library(&self) -> &ServedLibrary {
        &self.gateway().libraries()[0]
    }

    /// Returns the data directory.
    pub(crate) fn data(&self) -> &Path {
        &self.config.data
    }

    pub(crate) fn portal(&self) -> SocketAddr {
        self.gateway().portals()[0]
    }

    /// Returns the name of the target that serves `device`.
    pub(crate) fn target(&self, device: Device) -> String {
        find(&self.gateway().targets(), device)
            .unwrap()
            .0
            .name
            .clone()
    }

    /// Returns the names of all targets: the changer's first.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.gateway()
            .targets()
            .iter()
            .map(|target| target.name.clone())
            .collect()
    }

    /// Moves a tape through the API.
    pub(crate) fn move_tape(&self, from: &str, to: &str) {
        self.library()
            .move_tape(from.parse().unwrap(), to.parse().unwrap())
            .unwrap();
    }

    /// Returns the element address of a place.
    pub(crate) fn address(&self, place: &str) -> u16 {
        let place: Place = place.parse().unwrap();
        let elements = self.library().elements().unwrap();
        elements
            .into_iter()
            .find(|element| element.place == place)
            .unwrap()
            .address
    }

    /// Returns the barcode of the tape in a place.
    pub(crate) fn tape_in(&self, place: &str) -> Option<String> {
        let place: Place = place.parse().unwrap();
        let elements = self.library().elements().unwrap();
        elements
            .into_iter()
            .find(|element| element.place == place)
            .unwrap()
            .barcode
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway.take()
            && !std::thread::panicking()
        {
            gateway.stop().unwrap();
        }
    }
}
