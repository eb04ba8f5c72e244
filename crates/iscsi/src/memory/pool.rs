//! The memory of the process.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::COMMAND_BYTES_MAX;

/// The memory that all sessions of a process share. Clones are handles of the same pool.
///
/// Nothing here blocks for longer than it takes to look at a queue.
#[derive(Clone)]
pub struct MemoryPool(Arc<Shared>);

struct Shared {
    max: u32,
    /// Pages that are promised (high half) and borrowed (low half): one word, so that no two
    /// sessions can take the same page.
    state: AtomicU64,
    /// How many are in the queue.
    waiting: AtomicU32,
    /// The last login found too little.
    refused: AtomicBool,
    queue: Mutex<VecDeque<Arc<Waiter>>>,
}

/// Called when memory was set aside for a session that waits, from the thread of the session that
/// gave it back.
pub(crate) type Waker = Arc<dyn Fn() + Send + Sync>;

/// A session's place in the queue.
pub(super) struct Waiter {
    /// How many pages it waits for; zero when it does not wait.
    wanted: AtomicU32,
    /// They are borrowed in its name.
    granted: AtomicBool,
    waker: Option<Waker>,
}

impl Waiter {
    pub(super) fn new(waker: Option<Waker>) -> Arc<Self> {
        Arc::new(Self {
            wanted: AtomicU32::new(0),
            granted: AtomicBool::new(false),
            waker,
        })
    }
}

/// Who borrows: the less it matters, the earlier it is told no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Answers that pile up, and any command but the first.
    Shared,
    /// The one command of a session that holds no other data.
    First,
}

/// What is reserved, in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pages {
    /// What nobody can be asked to give back: what sessions own, and wide windows, which end when the
    /// initiator uses them.
    pub(super) promised: u32,
    /// For data and answers that come and go.
    pub(super) borrowed: u32,
}

impl Pages {
    fn unpack(word: u64) -> Self {
        #[allow(clippy::cast_possible_truncation)] // the halves
        Self {
            promised: (word >> 32) as u32,
            borrowed: word as u32,
        }
    }

    fn pack(self) -> u64 {
        u64::from(self.promised) << 32 | u64::from(self.borrowed)
    }
}

impl MemoryPool {
    /// Returns a pool of `max_bytes`.
    pub fn new(max_bytes: u64) -> Self {
        Self(Arc::new(Shared {
            max: u32::try_from(max_bytes / PAGE).unwrap_or(u32::MAX),
            state: AtomicU64::new(0),
            waiting: AtomicU32::new(0),
            refused: AtomicBool::new(false),
            queue: Mutex::default(),
        }))
    }

    /// Returns how much there is.
    pub fn max_bytes(&self) -> u64 {
        u64::from(self.0.max) * PAGE
    }

    /// Returns how much is reserved, what sessions own included.
    pub fn reserved_bytes(&self) -> u64 {
        let state = Pages::unpack(self.0.state.load(Ordering::Relaxed));
        (u64::from(state.promised) + u64::from(state.borrowed)) * PAGE
    }

    /// Returns how many sessions wait for memory.
    pub fn sessions_waiting(&self) -> u32 {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// Returns whether anybody lacks what others hold.
    pub(super) fn is_wanted(&self) -> bool {
        self.anybody_waits() || self.0.refused.load(Ordering::Relaxed)
    }

    fn anybody_waits(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }

    /// A session begins: `pages` are its own.
    pub(super) fn join(&self, pages: u32) -> bool {
        let joined = self.change(|state| {
            let promised = state.promised.checked_add(pages)?;
            let others = state.borrowed.max(COMMAND_PAGES);
            (promised.checked_add(others)? <= self.0.max).then_some(Pages { promised, ..state })
        });
        self.0.refused.store(!joined, Ordering::Relaxed);
        joined
    }

    /// Widens windows by `pages`, unless somebody waits: as long as three quarters of all are free.
    pub(super) fn promise(&self, pages: u32) -> bool {
        !self.anybody_waits()
            && self.change(|state| {
                let promised = state.promised.checked_add(pages)?;
                let sum = promised.checked_add(state.borrowed)?;
                (sum <= self.promised_max()).then_some(Pages { promised, ..state })
            })
    }

    /// Returns whether windows may be as wide as they are.
    pub(super) fn may_promise(&self) -> bool {
        let state = Pages::unpack(self.0.state.load(Ordering::Relaxed));
        !self.is_wanted() && state.promised.saturating_add(state.borrowed) <= self.promised_max()
    }

    fn promised_max(&self) -> u32 {
        let beside_a_command = self.0.max.saturating_sub(COMMAND_PAGES);
        (self.0.max / 4).min(beside_a_command)
    }

    /// Borrows `pages`, unless others were there before.
    pub(super) fn borrow(&self, pages: u32, line: Line) -> bool {
        !self.anybody_waits() && self.borrow_in_turn(pages, line)
    }

    fn borrow_in_turn(&self, pages: u32, line: Line) -> bool {
        self.change(|state| {
            let borrowed = state.borrowed.checked_add(pages)?;
            (borrowed <= self.line(line, state.promised)).then_some(Pages { borrowed, ..state })
        })
    }

    /// Returns how many pages may be borrowed in all. What is promised leaves room for the longest
    /// command.
    fn line(&self, line: Line, promised: u32) -> u32 {
        let rest = self.0.max.saturating_sub(promised);
        match line {
            Line::Shared => rest / 2,
            // The last eighth is for logins, as long as the longest command still fits.
            Line::First => rest.saturating_sub(self.0.max / 8).max(COMMAND_PAGES),
        }
    }

    /// Gives back.
    pub(super) fn give(&self, pages: Pages) {
        self.0.state.fetch_sub(pages.pack(), Ordering::SeqCst);
        self.serve_if_wanted();
    }

    fn change(&self, mut change: impl FnMut(Pages) -> Option<Pages>) -> bool {
        let next = |word| change(Pages::unpack(word)).map(Pages::pack);
        self.0
            .state
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, next)
            .is_ok()
    }

    /// Puts `waiter`, who is not in the queue, at its end.
    pub(super) fn queue(&self, waiter: &Arc<Waiter>, pages: u32) {
        waiter.wanted.store(pages, Ordering::Relaxed);
        waiter.granted.store(false, Ordering::Relaxed);
        let mut queue = self.lock();
        queue.push_back(Arc::clone(waiter));
        // Whoever gives back after this sees it; whoever gave back before is seen by `serve`.
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
        drop(queue);
        self.serve();
    }

    /// Returns the pages that were set aside for `waiter`, once.
    pub(super) fn granted(waiter: &Waiter) -> Option<u32> {
        waiter
            .granted
            .swap(false, Ordering::Acquire)
            .then(|| waiter.wanted.swap(0, Ordering::Relaxed))
    }

    /// Takes `waiter` out of the queue, and returns what was set aside for it meanwhile.
    pub(super) fn withdraw(&self, waiter: &Arc<Waiter>) -> u32 {
        let mut queue = self.lock();
        let before = queue.len();
        queue.retain(|other| !Arc::ptr_eq(other, waiter));
        if queue.len() < before {
            self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        drop(queue);
        let granted = Self::granted(waiter).unwrap_or(0);
        waiter.wanted.store(0, Ordering::Relaxed);
        self.serve_if_wanted(); // those behind it may need less
        granted
    }

    fn serve_if_wanted(&self) {
        if self.0.waiting.load(Ordering::SeqCst) > 0 {
            self.serve();
        }
    }

    /// Sets memory aside for those who wait, in order, as far as there is some.
    fn serve(&self) {
        let mut woken = Vec::new();
        let mut queue = self.lock();
        while let Some(first) = queue.front() {
            if !self.borrow_in_turn(first.wanted.load(Ordering::Relaxed), Line::First) {
                break;
            }
            first.granted.store(true, Ordering::Release);
            woken.extend(queue.pop_front());
            self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        drop(queue);
        for waiter in woken {
            if let Some(waker) = &waiter.waker {
                waker();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Waiter>>> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryPool")
            .field("max_bytes", &self.max_bytes())
            .field("reserved_bytes", &self.reserved_bytes())
            .field("sessions_waiting", &self.sessions_waiting())
            .finish()
    }
}

/// The unit of the pool's books, so that two sums fit one word.
pub(super) const PAGE: u64 = 4096;

/// [`COMMAND_BYTES_MAX`] in pages, and one for each lane that may round up.
const COMMAND_PAGES: u32 = pages(COMMAND_BYTES_MAX) + 3;

/// Returns how many pages `bytes` take. Whoever has more than the books can hold asks for too much
/// by far.
pub(super) const fn pages(bytes: u64) -> u32 {
    let pages = bytes.div_ceil(PAGE);
    if pages > u32::MAX as u64 {
        u32::MAX
    } else {
        #[allow(clippy::cast_possible_truncation)] // it fits
        {
            pages as u32
        }
    }
}
