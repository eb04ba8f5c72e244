//! What ends a whole run of an import or an export, and not one tape alone: a signal, a disk without room.
//!
//! # Cancellation
//! [`Brake::check`] is asked between any two blocks. The tape that is being worked on then ends with a
//! [`Halt`], and whoever holds its files removes them, as after any other error; the tapes after it are not
//! begun. A second signal ends the process on the spot: what is left then is removed by whoever opens
//! the library next, or exports to the same directory.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::signal_name;

use crate::cli::show::size;

/// Why a run ended before its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Somebody wants it to.
    #[error("interrupted by {}", signal_name(*.signal).unwrap_or("a signal"))]
    Interrupted {
        /// The signal.
        signal: i32,
    },
    /// Less is free than drives may write into.
    #[error(
        "disk nearly full: {} free in {}, and nothing is written below {} ([storage] stop_below); \
         make room, and the same command goes on", size(*.free_bytes), .directory.display(), size(*.mark_bytes)
    )]
    NearlyFull {
        /// The library's directory.
        directory: PathBuf,
        /// What is free.
        free_bytes: u64,
        /// Below how much nothing is written.
        mark_bytes: u64,
    },
    /// The disk says that it is full.
    #[error("disk full: make room, and the same command goes on")]
    Full,
}

/// Ends a run. Clones are the same brake.
#[derive(Clone, Debug, Default)]
pub struct Brake {
    /// The signal that came; 0 before.
    signal: Arc<AtomicUsize>,
    halt: Arc<OnceLock<Halt>>,
}

impl Brake {
    /// Returns a brake that SIGINT and SIGTERM pull.
    pub fn on_signals() -> anyhow::Result<Self> {
        let brake = Self::default();
        let again = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Asked before the next line sets it, so only by the second signal.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again))
                .and_then(|_| flag::register(signal, Arc::clone(&again)))
                .and_then(|_| {
                    let number = usize::try_from(signal).unwrap_or(0);
                    flag::register_usize(signal, Arc::clone(&brake.signal), number)
                })
                .context("cannot handle signals")?;
        }
        Ok(brake)
    }

    /// Fails when the run has to end.
    pub fn check(&self) -> Result<(), Halt> {
        match i32::try_from(self.signal.load(Ordering::Relaxed)) {
            Ok(0) | Err(_) => {}
            Ok(signal) => {
                self.halt.get_or_init(|| Halt::Interrupted { signal });
            }
        }
        match self.halt.get() {
            Some(halt) => Err(halt.clone()),
            None => Ok(()),
        }
    }

    /// Pulls the brake if `error` is none of one tape alone: the next tape would meet it too.
    pub fn mind(&self, error: &anyhow::Error) {
        let is_full = |cause: &(dyn std::error::Error + 'static)| {
            matches!(cause.downcast_ref(), Some(cartridge::Error::NoSpace))
                || matches!(cause.downcast_ref::<io::Error>(), Some(it) if it.kind() == io::ErrorKind::StorageFull)
        };
        let halt = match error.downcast_ref::<Halt>() {
            Some(halt) => Some(halt.clone()),
            None => error.chain().any(is_full).then_some(Halt::Full),
        };
        if let Some(halt) = halt {
            self.halt.get_or_init(|| halt);
        }
    }

    /// Returns why the run has to end, if it was noticed.
    pub fn halt(&self) -> Option<&Halt> {
        self.halt.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_all_tapes_pulls_it_and_what_concerns_one_does_not() {
        let brake = Brake::default();
        brake.mind(&anyhow::anyhow!("damaged").context("x.tap"));
        assert_eq!(brake.check(), Ok(()));
        let full = io::Error::from(io::ErrorKind::StorageFull);
        brake.mind(&anyhow::Error::new(full).context("out/x.tap"));
        assert_eq!(brake.check(), Err(Halt::Full));
        // The first reason stays.
        brake.mind(&Halt::Interrupted { signal: SIGINT }.into());
        assert_eq!(brake.halt(), Some(&Halt::Full));
    }

    #[test]
    fn a_signal_is_told_by_its_name() {
        let brake = Brake::default();
        brake.signal.store(2, Ordering::Relaxed);
        let said = brake.check().unwrap_err().to_string();
        assert_eq!(said, "interrupted by SIGINT");
    }
}
