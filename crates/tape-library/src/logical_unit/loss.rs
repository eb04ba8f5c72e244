//! Waiting until a unit has done its part in the loss of a nexus.

use std::sync::PoisonError;
use std::time::Instant;

use scsi::NexusId;

use super::LogicalUnit;

impl LogicalUnit {
    /// Waits, at most until `deadline`, until the device has dropped what `nexus` held: that comes
    /// after the command that runs. Returns whether it has; at once for a nexus that is not being
    /// lost.
    pub(crate) fn wait_for_loss(&self, nexus: NexusId, deadline: Instant) -> bool {
        let mut tasks = self.shared.lock();
        tasks.waiters_for_loss += 1;
        let has_dropped = loop {
            if !tasks.is_losing(nexus) {
                break true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break false;
            }
            tasks = self
                .shared
                .changed
                .wait_timeout(tasks, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        };
        tasks.waiters_for_loss -= 1;
        has_dropped
    }
}
