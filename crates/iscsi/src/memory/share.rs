//! The memory of one session: what it owns and what it has borrowed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::pool::{Line, MemoryPool, PAGE, Pages, Waiter, Waker, pages};
use super::{BLOCK_GUARANTEED_BYTES, CONTROL_GUARANTEED_BYTES, DATA_IN_SLACK_BYTES, WINDOW_FLOOR};

/// What memory is for. Each lane has its own guarantee, so that none can starve another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Unsolicited data: what the command window promises, and what has come of it.
    Window = 0,
    /// Data that we ask for, and data that we give.
    Data = 1,
    /// Everything else.
    Control = 2,
}

/// What kind of session needs memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Commands, with this much unsolicited data each at most.
    Commands(u32),
    /// Text and NOPs.
    Discovery,
}

/// A session's memory. Its drop gives everything back.
pub(crate) struct Share {
    pool: MemoryPool,
    waiter: Arc<Waiter>,
    /// How much data it waits for in the pool's queue.
    waits_for: Option<u64>,
    owned: [u64; LANES],
    held: [u64; LANES],
    /// Pages of the pool that this session has beyond what it owns; never fewer than it needs.
    lent: Pages,
    session_max: u64,
    meter: MemoryMeter,
}

/// Reads from anywhere how much memory a session has reserved.
#[derive(Clone, Debug, Default)]
pub struct MemoryMeter(Arc<AtomicU64>);

impl MemoryMeter {
    /// Returns the bytes that the session has reserved, what it owns included; 0 before its login
    /// and after its end.
    pub fn reserved_bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

const LANES: usize = 3;

impl Share {
    /// Takes the guarantee of a session from `pool`; `None` when there is not enough left.
    pub(crate) fn join(
        pool: &MemoryPool,
        need: Need,
        session_max: u64,
        waker: Option<Waker>,
        meter: MemoryMeter,
    ) -> Option<Self> {
        let owned = match need {
            Need::Commands(unsolicited) => [
                u64::from(WINDOW_FLOOR) * u64::from(unsolicited),
                BLOCK_GUARANTEED_BYTES + DATA_IN_SLACK_BYTES,
                CONTROL_GUARANTEED_BYTES,
            ],
            Need::Discovery => [0, 0, CONTROL_GUARANTEED_BYTES],
        };
        if !pool.join(pages(owned.iter().sum())) {
            return None;
        }
        let share = Self {
            pool: pool.clone(),
            waiter: Waiter::new(waker),
            waits_for: None,
            owned,
            held: [0; LANES],
            lent: Pages::default(),
            session_max,
            meter,
        };
        share.tell();
        Some(share)
    }

    /// Returns what the session owns of a lane.
    pub(crate) fn owned(&self, lane: Lane) -> u64 {
        self.owned[lane as usize]
    }

    /// Returns whether it waits in the pool's queue.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waits_for.is_some()
    }

    /// Returns what is held in a lane.
    pub(crate) fn held(&self, lane: Lane) -> u64 {
        self.held[lane as usize]
    }

    /// Reserves `bytes` more in a lane, or nothing. The line counts for other lanes than the window.
    pub(crate) fn take(&mut self, lane: Lane, bytes: u64, line: Line) -> bool {
        self.set(lane, self.held(lane).saturating_add(bytes), line)
    }

    /// Takes note that `bytes` of a lane are free. They are given back with [`Share::settle`].
    pub(crate) fn give(&mut self, lane: Lane, bytes: u64) {
        self.held[lane as usize] = self.held(lane).saturating_sub(bytes);
    }

    /// Reserves so much that a lane has `bytes`; `false` when there is not enough, and then nothing
    /// changes. Less is always possible.
    pub(crate) fn set(&mut self, lane: Lane, bytes: u64, line: Line) -> bool {
        let before = std::mem::replace(&mut self.held[lane as usize], bytes);
        if bytes <= before.max(self.owned(lane)) {
            return true;
        }
        let needed = self.needed();
        let promised = needed.promised.saturating_sub(self.lent.promised);
        let borrowed = needed.borrowed.saturating_sub(self.lent.borrowed);
        if promised == 0 && borrowed == 0 {
            return true;
        }
        let fits = self.is_within_session_max(line)
            && match lane {
                Lane::Window => self.pool.promise(promised),
                Lane::Data | Lane::Control => self.pool.borrow(borrowed, line),
            };
        if fits {
            self.lent.promised += promised;
            self.lent.borrowed += borrowed;
            self.tell();
        } else {
            self.held[lane as usize] = before;
        }
        fits
    }

    /// The first command of a session fits in any case: it holds no data besides.
    fn is_within_session_max(&self, line: Line) -> bool {
        let total: u64 = (0..LANES).map(|i| self.held[i].max(self.owned[i])).sum();
        line == Line::First || total <= self.session_max
    }

    /// Gives back what was borrowed and is not needed any more.
    pub(crate) fn settle(&mut self) {
        if self.lent == Pages::default() {
            return;
        }
        let needed = self.needed();
        let mut surplus = Pages {
            promised: self.lent.promised.saturating_sub(needed.promised),
            borrowed: self.lent.borrowed.saturating_sub(needed.borrowed),
        };
        if surplus.promised > 0 && self.pool.may_promise() {
            // The window opens again when the command has ended: no need to go there and back.
            surplus.promised = 0;
        }
        if surplus != Pages::default() {
            self.lent.promised -= surplus.promised;
            self.lent.borrowed -= surplus.borrowed;
            self.pool.give(surplus);
            self.tell();
        }
    }

    /// Waits in the pool's queue until data of `bytes` fit; the waker tells when.
    pub(crate) fn wait_for_data(&mut self, bytes: u64) {
        if self.waits_for == Some(bytes) {
            return;
        }
        self.stop_waiting();
        self.settle(); // what is missing is counted from what is needed
        let before = std::mem::replace(&mut self.held[Lane::Data as usize], bytes);
        let missing = self.needed().borrowed.saturating_sub(self.lent.borrowed);
        self.held[Lane::Data as usize] = before;
        self.waits_for = Some(bytes);
        self.pool.queue(&self.waiter, missing);
        self.collect();
    }

    /// Takes what was set aside while this session waited.
    pub(crate) fn collect(&mut self) {
        if self.is_waiting()
            && let Some(pages) = MemoryPool::granted(&self.waiter)
        {
            self.waits_for = None;
            self.lent.borrowed += pages;
            self.tell();
        }
    }

    /// Does not wait any more.
    pub(crate) fn stop_waiting(&mut self) {
        if self.waits_for.take().is_some() {
            self.lent.borrowed += self.pool.withdraw(&self.waiter);
            self.tell();
        }
    }

    /// Returns whether others lack memory while this session has borrowed some that only its peer can
    /// free.
    pub(crate) fn is_in_the_way(&self) -> bool {
        self.has_borrowed_for_peer() && self.pool.is_wanted()
    }

    /// Returns whether this session has borrowed for data or answers.
    pub(crate) fn has_borrowed_for_peer(&self) -> bool {
        self.borrowed_for(Lane::Data) + self.borrowed_for(Lane::Control) > 0
    }

    fn borrowed_for(&self, lane: Lane) -> u64 {
        self.held(lane).saturating_sub(self.owned[lane as usize])
    }

    /// Returns how many pages what is held takes beyond what is owned. Each lane is rounded up by
    /// itself, so that what a command lacks does not depend on the other lanes.
    fn needed(&self) -> Pages {
        let data = pages(self.borrowed_for(Lane::Data));
        Pages {
            promised: pages(self.borrowed_for(Lane::Window)),
            borrowed: data.saturating_add(pages(self.borrowed_for(Lane::Control))),
        }
    }

    /// Returns all that this session has of the pool.
    fn all(&self) -> Pages {
        let owned = pages(self.owned.iter().sum());
        Pages {
            promised: owned + self.lent.promised,
            borrowed: self.lent.borrowed,
        }
    }

    fn tell(&self) {
        let Pages { promised, borrowed } = self.all();
        let reserved = (u64::from(promised) + u64::from(borrowed)) * PAGE;
        self.meter.0.store(reserved, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.stop_waiting();
        self.meter.0.store(0, Ordering::Relaxed);
        self.pool.give(self.all());
    }
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share")
            .field("owned", &self.owned)
            .field("held", &self.held)
            .field("lent", &self.lent)
            .field("waits_for", &self.waits_for)
            .finish_non_exhaustive()
    }
}
