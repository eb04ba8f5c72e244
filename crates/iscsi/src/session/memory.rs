//! What a session reserves, and when; see [`crate::memory`].

use scsi::TaskTag;

use super::Session;
use super::data_in::{PREPARED_BYTES, PREPARED_PDUS};
use super::task::{Direction, Task};
use super::text::Exchange;
use crate::connection::core::Core;
use crate::event::CloseReason;
use crate::login::{Negotiated, SessionKind};
use crate::memory::{DATA_IN_SLACK_BYTES, Lane, Line, MemoryMeter, Need, Share, Waker};

/// Takes the memory of a session that is about to begin, and opens the window as far as that goes;
/// `None` when there is not enough for another session.
pub(crate) fn session_memory(
    kind: SessionKind,
    keys: &Negotiated,
    meter: MemoryMeter,
    waker: Option<Waker>,
    core: &mut Core,
) -> Option<Share> {
    let unit = unsolicited_max(kind, keys);
    let need = match kind {
        SessionKind::Normal => Need::Commands(unit),
        SessionKind::Discovery => Need::Discovery,
    };
    let limits = &core.limits;
    let pool = &limits.memory;
    let mut share = Share::join(pool, need, limits.session_memory_max, waker, meter)?;
    let promised = |slots: u32| u64::from(slots) * u64::from(unit);
    if share.set(Lane::Window, promised(limits.command_window), Line::Shared) {
        core.numbers.open(limits.command_window);
    } else {
        share.set(Lane::Window, promised(core.numbers.slots()), Line::Shared);
    }
    Some(share)
}

/// Returns how much data may come with a command that nobody has asked for.
pub(super) fn unsolicited_max(kind: SessionKind, keys: &Negotiated) -> u32 {
    let may_come = keys.immediate_data || !keys.initial_r2t;
    if may_come && kind == SessionKind::Normal {
        keys.first_burst_length
    } else {
        0
    }
}

impl Session {
    /// Returns how much unsolicited data a command of this size is promised room for.
    pub(super) fn allotment(&self, direction: Direction, expected: u32) -> u64 {
        match direction {
            Direction::Write => u64::from(expected.min(self.unsolicited_max)),
            Direction::Read | Direction::None => 0,
        }
    }

    /// Returns how much more memory a command needs before it can go on to its end.
    pub(super) fn need(task: &Task, core: &Core) -> u64 {
        if task.failure.is_some() {
            return 0;
        }
        match task.direction {
            Direction::Write => u64::from(task.expected) - task.allotted,
            Direction::Read if task.expected > 0 => {
                u64::from(task.expected.min(core.limits.data_out_max)) + DATA_IN_SLACK_BYTES
            }
            Direction::Read | Direction::None => 0,
        }
    }

    /// Reserves memory for the commands whose turn has come, oldest first. A later one never gets
    /// any while an earlier one waits: it could not go on before that anyway.
    pub(super) fn admit(&mut self, core: &mut Core) {
        self.share.collect();
        let mut stands_still = false;
        for index in 0..self.waiting.len() {
            let tag = self.waiting[index];
            let Some(task) = self.tasks.get(tag) else {
                continue;
            };
            if task.granted {
                continue;
            }
            stands_still |= !task.aborted_by.is_empty();
            let need = Self::need(task, core);
            if stands_still && need > 0 {
                continue;
            }
            if !self.reserve_data(need) {
                return;
            }
            if let Some(task) = self.tasks.get(tag) {
                task.grant(need);
            }
        }
        self.share.stop_waiting();
    }

    fn reserve_data(&mut self, need: u64) -> bool {
        if need == 0 {
            return true;
        }
        if self.share.held(Lane::Data) > 0 {
            self.share.stop_waiting(); // for a command that is gone
            // One of ours holds data: when it ends, we look again.
            return self.share.take(Lane::Data, need, Line::Shared);
        }
        if self.share.take(Lane::Data, need, Line::First) {
            return true;
        }
        self.share.wait_for_data(need);
        !self.share.is_waiting() && self.share.take(Lane::Data, need, Line::First)
    }

    /// Gives back what a task held that is gone. What is still on its way out stays reserved until
    /// it has gone.
    pub(super) fn release(&mut self, task: &Task, core: &mut Core) {
        self.allotted -= task.allotted;
        if task.has_data_on_its_way() {
            core.output.release_with_last(task.held);
        } else {
            self.share.give(Lane::Data, task.held);
        }
        self.reserve_window(core);
    }

    /// Brings the reservation for unsolicited data up to date after commands came or went: they are
    /// promised no more than the window was.
    pub(super) fn reserve_window(&mut self, core: &Core) {
        let bytes = self.window_bytes(core);
        let fits = self.share.set(Lane::Window, bytes, Line::Shared);
        debug_assert!(fits, "a promise has become larger by itself");
    }

    fn window_bytes(&self, core: &Core) -> u64 {
        let promised = u64::from(core.numbers.slots()).saturating_sub(self.order.len() as u64);
        promised * u64::from(self.unsolicited_max) + self.allotted
    }

    /// Reserves memory for the unsolicited data of an immediate command, which no window promises.
    pub(super) fn reserve_immediate(&mut self, direction: Direction, expected: u32) -> bool {
        let bytes = self.allotment(direction, expected);
        self.share.take(Lane::Window, bytes, Line::Shared)
    }

    /// Opens the window by the room that there is when the task `leaving` is gone: the PDU that ends
    /// a task tells of the room that it leaves. When memory is short the window stays as it is, or at
    /// what the session owns.
    pub(super) fn make_room(&mut self, leaving: Option<TaskTag>, core: &mut Core) {
        let stays = |task: &&Task| task.reached && !task.immediate && Some(task.tag) != leaving;
        let live = u32::try_from(self.tasks.iter().filter(stays).count()).unwrap_or(u32::MAX);
        let wanted = core.limits.command_window.saturating_sub(live);
        let slots = core.numbers.slots();
        let more = wanted.saturating_sub(slots);
        if more == 0 {
            return;
        }
        let left = leaving.and_then(|tag| self.tasks.get(tag));
        let left = left.map_or(0, |task| task.allotted);
        let before = self.window_bytes(core) - left;
        let unit = u64::from(self.unsolicited_max);
        let all = before + u64::from(more) * unit;
        if self.share.set(Lane::Window, all, Line::Shared) {
            core.numbers.open(wanted);
            return;
        }
        let own = self.share.owned(Lane::Window).saturating_sub(before) / unit.max(1);
        let own = u32::try_from(own).unwrap_or(u32::MAX).min(more);
        core.numbers.open(slots.saturating_add(own));
        self.share
            .set(Lane::Window, before + u64::from(own) * unit, Line::Shared);
    }

    /// Returns what answers and requests other than commands keep, when `incoming` more come.
    fn control_bytes(&self, incoming: usize, core: &Core) -> u64 {
        let text = self.exchange.as_ref().map_or(0, Exchange::length);
        (core.output.own_bytes() + self.order.held() + text + incoming) as u64
    }

    /// Reserves memory for the data of a request that is not a command.
    pub(super) fn reserve_control(&mut self, incoming: usize, core: &Core) -> bool {
        let bytes = self.control_bytes(incoming, core);
        self.share.set(Lane::Control, bytes, Line::Shared)
    }

    /// A peer that sends and never reads must not fill our memory with answers.
    pub(super) fn check_output(&mut self, core: &mut Core) {
        let incoming = self.incoming.kept();
        // Prepared Data-In is bounded where it is prepared.
        let (pdus, bytes) = match self.login.kind {
            SessionKind::Normal => (PREPARED_PDUS, PREPARED_BYTES * 2),
            SessionKind::Discovery => (0, 0),
        };
        if core.output.pdus() > core.limits.output_pdus_max + pdus
            || core.output.bytes() > core.limits.output_bytes_max + bytes
            || !self.reserve_control(incoming, core)
        {
            core.close(CloseReason::NotReading);
        }
    }
}
