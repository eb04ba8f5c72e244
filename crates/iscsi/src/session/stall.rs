//! Peers that hold what others wait for.
//!
//! Memory behind an R2T that is not answered, or behind Data-In that is not taken, comes back only by
//! the peer's doing. That is its right as long as nobody else needs the memory; then it has to move.

use core::time::Duration;

use super::task::Task;
use super::{Incoming, Session};
use crate::connection::core::Core;
use crate::event::CloseReason;
use crate::memory::Lane;

/// Whether a session that holds borrowed memory moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    since: Duration,
    moved: u64,
}

/// What a session has to move within [`crate::Limits::stall_timeout`] while others wait for the
/// memory that it holds: a link that is slower than this is as good as dead to them.
const STALL_BYTES: u64 = 2 << 20;

impl Session {
    /// Takes note that `count` bytes of a data segment were received.
    pub(crate) fn data_received(&mut self, count: usize) {
        if let Incoming::Command(_) | Incoming::DataOut(_) = self.incoming {
            self.moved += count as u64;
        }
    }

    /// Takes note that `count` bytes have gone.
    pub(crate) fn sent(&mut self, count: usize, core: &mut Core) {
        if !self.responding.is_empty() || core.output.releases() {
            self.moved += count as u64;
        }
        let released = core.output.take_released();
        self.share.give(Lane::Data, released);
        if released > 0 || self.share.has_borrowed_for_peer() {
            self.settle(core);
        }
    }

    /// Starts or stops to look whether the peer frees what it alone can free.
    pub(super) fn watch(&mut self, core: &Core) {
        if !self.share.has_borrowed_for_peer() || !self.waits_for_peer(core) {
            self.watch = None;
        } else if self.watch.is_none() {
            self.watch = Some(Watch {
                since: core.now,
                moved: self.moved,
            });
        }
    }

    fn waits_for_peer(&self, core: &Core) -> bool {
        core.output.bytes() > 0
            || !self.responding.is_empty()
            || self.order.len() > 0
            || self.incoming.kept() > 0
            || self.tasks.iter().any(Task::lacks_data)
    }

    /// Ends a session that stands still on memory for which others wait.
    pub(super) fn check_progress(&mut self, core: &mut Core) {
        let Some(watch) = self.watch else {
            return;
        };
        if core.now < watch.since.saturating_add(core.limits.stall_timeout) {
            return;
        }
        if self.moved - watch.moved < STALL_BYTES && self.share.is_in_the_way() {
            core.close(CloseReason::Stalled);
            return;
        }
        self.watch = None;
        self.watch(core);
    }

    /// When [`Session::check_progress`] has to look again.
    pub(super) fn stall_deadline(&self, core: &Core) -> Option<Duration> {
        self.watch?.since.checked_add(core.limits.stall_timeout)
    }
}
