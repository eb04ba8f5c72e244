//! The thread that reads ahead for one cartridge.
//!
//! It may wait for a disk, so it is not one of the workers that all cartridges share.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::window::Window;
use crate::codec::Decoder;

/// The thread; it ends with the value.
pub(super) struct Fetcher {
    window: Arc<Window>,
    thread: Option<JoinHandle<()>>,
}

impl Fetcher {
    /// Starts it.
    pub(super) fn start(window: &Arc<Window>) -> io::Result<Self> {
        let thread = thread::Builder::new().name("read-ahead".to_owned());
        let thread = thread.spawn({
            let window = Arc::clone(window);
            move || {
                let mut decoder = Decoder::default();
                while let Some(errand) = window.next() {
                    errand.run(&mut decoder);
                }
            }
        })?;
        Ok(Self {
            window: Arc::clone(window),
            thread: Some(thread),
        })
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        self.window.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a read-ahead thread ended in a bug");
        }
    }
}
