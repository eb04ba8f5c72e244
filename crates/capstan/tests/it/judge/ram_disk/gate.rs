//! Holds commands until a test lets them go on.

use std::sync::{Condvar, Mutex};

/// A gate that is open until it is closed.
#[derive(Default)]
pub(super) struct Gate {
    is_closed: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(super) fn is_closed(&self) -> bool {
        *self.is_closed.lock().unwrap()
    }

    pub(super) fn close(&self) {
        *self.is_closed.lock().unwrap() = true;
    }

    pub(super) fn open(&self) {
        *self.is_closed.lock().unwrap() = false;
        self.opened.notify_all();
    }

    /// Waits until it is open.
    pub(super) fn pass(&self) {
        let is_closed = self.is_closed.lock().unwrap();
        let waited = self.opened.wait_while(is_closed, |is_closed| *is_closed);
        drop(waited.unwrap());
    }
}
