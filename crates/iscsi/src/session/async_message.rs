//! Asynchronous messages (RFC 7143 §11.9): what the target says without being asked.

use bytes::Bytes;
use scsi::Sense;

use super::Session;
use crate::connection::core::Core;
use crate::wire::{AsyncMessage, RESERVED_TAG, sense_segment};

/// AsyncEvent (§11.9.1).
const SCSI_EVENT: u8 = 0;
/// The target requests a logout within Parameter3 seconds.
const LOGOUT_REQUESTED: u8 = 1;

impl Session {
    /// Asks the initiator to log out (O7).
    pub(crate) fn request_logout(&mut self, core: &mut Core) {
        if self.logout_by.is_some() {
            return;
        }
        let timeout = core.limits.logout_timeout;
        self.logout_by = Some(core.now.saturating_add(timeout));
        let seconds = u16::try_from(timeout.as_secs()).unwrap_or(u16::MAX);
        tell(LOGOUT_REQUESTED, seconds, Bytes::new(), core);
    }

    /// Reports an event of the whole target: its LUN field is zero. A discovery session has no target
    /// and hears nothing.
    pub(crate) fn report_event(&mut self, sense: Sense, core: &mut Core) {
        if self.is_discovery() {
            return;
        }
        tell(SCSI_EVENT, 0, sense_segment(&sense), core);
        self.check_output(core);
    }
}

fn tell(event: u8, parameter3: u16, data: Bytes, core: &mut Core) {
    let message = AsyncMessage {
        lun: [0; 8],
        task_tag: RESERVED_TAG,
        counters: core.numbers.with_status(),
        event,
        vendor_code: 0,
        parameter1: 0,
        parameter2: 0,
        parameter3,
    };
    core.output.push(message.emit(), data);
}
