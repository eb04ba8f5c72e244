//! NOP-Out and NOP-In (RFC 7143 §11.18, §11.19): both sides may ask whether the other lives.

use core::time::Duration;

use bytes::Bytes;

use super::Session;
use crate::connection::core::Core;
use crate::event::CloseReason;
use crate::wire::{Header, NopIn, NopOut, RESERVED_TAG, RejectReason};

/// A question of ours that is not answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ping {
    asked: Duration,
}

impl Session {
    /// Takes a NOP-Out, which has its turn unless it is immediate.
    pub(super) fn receive_nop_out(&mut self, header: &Header, data: Vec<u8>, core: &mut Core) {
        let Ok(nop) = NopOut::parse(header) else {
            return;
        };
        if nop.immediate {
            // Its CmdSN is not looked at: Linux sends old ones under load (N4).
            self.answer_nop_out(header, data, core);
        } else if nop.task_tag == RESERVED_TAG {
            // RFC 7143 §11.18: without a task tag it must be immediate.
            Self::reject(RejectReason::InvalidPduField, header, core);
        } else {
            self.enqueue(nop.cmd_sn, header, data, core);
        }
    }

    /// Echoes a NOP-Out, cut at what the initiator can receive (P1). Without a task tag it is an
    /// answer to a ping of ours, or only a sign of life: nothing to say.
    pub(super) fn answer_nop_out(&mut self, header: &Header, mut data: Vec<u8>, core: &mut Core) {
        let Ok(nop) = NopOut::parse(header) else {
            return;
        };
        if nop.task_tag == RESERVED_TAG {
            return;
        }
        data.truncate(self.negotiated.max_send_data_segment_length as usize);
        let echo = NopIn {
            lun: [0; 8],
            task_tag: nop.task_tag,
            transfer_tag: RESERVED_TAG,
            counters: core.numbers.with_status(),
        };
        core.output.push(echo.emit(), Bytes::from(data));
    }

    /// Takes note that the peer lives: any byte counts.
    pub(crate) fn hear(&mut self, now: Duration) {
        self.heard = now;
        self.ping = None;
    }

    /// Asks, after a long silence, whether the peer lives, and gives up when it does not answer (P3).
    ///
    /// While commands are in flight nothing is asked: an initiator that waits for a tape has no
    /// reason to speak, and some cannot handle a NOP-In of the target at all.
    pub(crate) fn tick(&mut self, core: &mut Core) {
        if self.logout_by.is_some_and(|deadline| core.now >= deadline) {
            core.close(CloseReason::LogoutTimeout);
            return;
        }
        self.check_progress(core);
        let Some(deadline) = self.ping_deadline(core) else {
            return;
        };
        if core.now < deadline || core.closed {
            return;
        }
        if self.ping.is_some() {
            core.close(CloseReason::PingTimeout);
            return;
        }
        self.ping = Some(Ping { asked: core.now });
        let question = NopIn {
            lun: [0; 8],
            task_tag: RESERVED_TAG,
            transfer_tag: self.transfer_tag(),
            counters: core.numbers.without_status(),
        };
        core.output.push(question.emit(), Bytes::new());
    }

    /// When [`Session::tick`] has to look again.
    pub(crate) fn deadline(&self, core: &Core) -> Option<Duration> {
        let deadlines = [
            self.logout_by,
            self.ping_deadline(core),
            self.stall_deadline(core),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn ping_deadline(&self, core: &Core) -> Option<Duration> {
        match self.ping {
            Some(ping) => ping.asked.checked_add(core.limits.ping_timeout),
            None if self.tasks.is_empty() => self.heard.checked_add(core.limits.ping_after),
            None => None,
        }
    }
}
