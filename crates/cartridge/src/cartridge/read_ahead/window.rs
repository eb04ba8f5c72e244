//! The frames between the reader and those who read ahead of it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::super::decode::{DecodedFrame, Frame, NotFetched, Patience};
use super::order::Order;
use crate::codec::Decoder;
use crate::format::IndexEntry;
use crate::store::SegmentName;
use crate::workers;

/// What the reader and its helpers share.
#[derive(Default)]
pub(super) struct Window {
    state: Mutex<State>,
    /// Signalled for the fetcher when something is planned, and for the reader when a frame has come.
    planned: Condvar,
    came: Condvar,
}

#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // independent facts
struct State {
    slots: VecDeque<Slot>,
    bytes: usize,
    /// What tells slots apart, those that are forgotten too.
    next_id: u64,
    /// The fetcher waits.
    fetcher_sleeps: bool,
    /// The reader waits.
    reader_sleeps: bool,
    /// The last frame that was fetched was not in memory.
    on_disk: bool,
    closed: bool,
}

struct Slot {
    id: u64,
    order: Arc<Order>,
    stage: Stage,
}

/// How far a frame has come.
enum Stage {
    /// Nobody has begun.
    Planned,
    /// The fetcher reads it, and does not wait for the disk.
    Fetching,
    /// The fetcher waits for the disk.
    FetchingFromDisk,
    /// It was read; whoever comes first decodes it.
    Fetched(Frame),
    /// Somebody decodes it.
    Decoding,
    Ready(DecodedFrame),
    /// Something is wrong with it: it is the reader's to find out.
    Failed,
}

/// What the reader got.
pub(in super::super) enum Taken {
    Frame(DecodedFrame),
    /// It has to read the frame itself.
    Nothing,
    /// It comes from the disk, and the reader does not want to wait for that.
    Later,
}

/// A frame that somebody has to bring.
pub(super) struct Errand {
    window: Arc<Window>,
    id: u64,
    pub(super) order: Arc<Order>,
}

impl Window {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn frames(&self) -> usize {
        self.lock().slots.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Adds a frame at the end.
    pub(super) fn plan(&self, order: Order) {
        let mut state = self.lock();
        let id = state.next_id;
        state.next_id += 1;
        state.bytes += order.memory.bytes;
        state.slots.push_back(Slot {
            id,
            order: Arc::new(order),
            stage: Stage::Planned,
        });
    }

    /// Forgets all frames. Nobody is waited for.
    pub(super) fn clear(&self) {
        let mut state = self.lock();
        let slots = state.forget();
        drop(state);
        drop(slots); // memory is given back without the lock
    }

    /// Takes the frame of `entry`, which must be the first or before it; if it is not, everything is
    /// forgotten. Waits for who works on it just now, and for the disk if `patience` says so; who has
    /// patience reads for itself what nobody has begun.
    pub(super) fn take(
        self: &Arc<Self>,
        segment: SegmentName,
        entry: &IndexEntry,
        patience: Patience,
        decoder: &mut Decoder,
    ) -> Taken {
        let mut state = self.lock();
        loop {
            let Some(first) = state.slots.front_mut() else {
                return Taken::Nothing;
            };
            let order = Arc::clone(&first.order);
            if (order.segment, &order.entry) != (segment, entry) {
                if order.entry.first_object < entry.end_object() {
                    state.forget();
                }
                return Taken::Nothing;
            }
            match &mut first.stage {
                Stage::Planned if patience == Patience::None => {
                    if state.on_disk {
                        return Taken::Later;
                    }
                    drop(state);
                    self.bring_first(decoder);
                    state = self.lock();
                }
                Stage::FetchingFromDisk if patience == Patience::None => return Taken::Later,
                Stage::Fetching | Stage::FetchingFromDisk | Stage::Decoding => {
                    state.reader_sleeps = true;
                    let woken = self.came.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                    state.reader_sleeps = false;
                }
                stage => {
                    let stage = std::mem::replace(stage, Stage::Failed);
                    state.drop_first();
                    drop(state);
                    let frame = match stage {
                        Stage::Ready(frame) => Some(frame),
                        // The workers are busy with others.
                        Stage::Fetched(frame) => order.decode(frame, decoder),
                        _ => None,
                    };
                    return frame.map_or(Taken::Nothing, Taken::Frame);
                }
            }
        }
    }

    /// Returns whether the frames that nobody has begun are for a thread of their own: they are on the
    /// disk, or are more than to be read and `threads_help` with that.
    pub(super) fn wants_thread(&self, threads_help: bool) -> bool {
        let state = self.lock();
        let mut planned = state.slots.iter().filter(|it| it.is_planned());
        planned.any(|slot| state.on_disk || threads_help && slot.order.is_work())
    }

    /// Wakes the fetcher if it sleeps.
    pub(super) fn wake(&self) {
        if self.lock().fetcher_sleeps {
            self.planned.notify_one();
        }
    }

    /// Brings the first frame in this call unless somebody has it in hand or it is on the disk.
    pub(super) fn bring_first(self: &Arc<Self>, decoder: &mut Decoder) {
        let mut state = self.lock();
        let Some(first) = state.slots.front_mut() else {
            return;
        };
        if !matches!(first.stage, Stage::Planned | Stage::Fetched(_)) {
            return;
        }
        let errand = Errand::of(self, first);
        let stage = std::mem::replace(&mut first.stage, Stage::Fetching);
        drop(state);
        if let Stage::Fetched(frame) = stage {
            errand.decode(frame, decoder);
            return;
        }
        match errand.order.fetch(Patience::None) {
            Ok(frame) => errand.decode(frame, decoder),
            Err(NotFetched::Later) => self.put_back(errand.id),
            Err(_) => {}
        }
    }

    /// The frame `id` is on the disk, for which its finder does not wait.
    fn put_back(&self, id: u64) {
        let mut state = self.lock();
        state.on_disk = true;
        if let Some(slot) = state.slot(id) {
            slot.stage = Stage::Planned;
        }
    }

    /// Nobody reads ahead any more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let slots = state.forget();
        drop(state);
        self.planned.notify_one();
        drop(slots);
    }

    /// Returns the first frame that nobody has begun, after waiting for it; `None` at the end.
    pub(super) fn next(self: &Arc<Self>) -> Option<Errand> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(errand) = self.begin_next(&mut state) {
                return Some(errand);
            }
            state.fetcher_sleeps = true;
            let woken = self.planned.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            state.fetcher_sleeps = false;
        }
    }

    fn begin_next(self: &Arc<Self>, state: &mut State) -> Option<Errand> {
        let mut slots = state.slots.iter_mut();
        let slot = slots.find(|slot| slot.is_planned())?;
        slot.stage = Stage::Fetching;
        Some(Errand::of(self, slot))
    }

    /// Reads everything that is planned in this call.
    pub(super) fn read_all(self: &Arc<Self>) {
        let mut decoder = Decoder::default();
        loop {
            let next = self.begin_next(&mut self.lock());
            let Some(errand) = next else {
                return;
            };
            if let Ok(frame) = errand.order.fetch(Patience::Waits) {
                errand.decode(frame, &mut decoder);
            }
        }
    }

    /// Sets how far the frame `id` has come, unless it was forgotten.
    fn set(&self, id: u64, stage: Stage) {
        let mut state = self.lock();
        let Some(slot) = state.slot(id) else {
            drop(state);
            return; // with the lock gone the frame is dropped
        };
        slot.stage = stage;
        let wake = state.reader_sleeps;
        drop(state);
        if wake {
            self.came.notify_one();
        }
    }
}

impl State {
    fn forget(&mut self) -> VecDeque<Slot> {
        self.bytes = 0;
        std::mem::take(&mut self.slots)
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.slots.pop_front() {
            self.bytes -= first.order.memory.bytes;
        }
    }

    fn slot(&mut self, id: u64) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.id == id)
    }
}

impl Slot {
    fn is_planned(&self) -> bool {
        matches!(self.stage, Stage::Planned)
    }
}

impl Errand {
    fn of(window: &Arc<Window>, slot: &Slot) -> Self {
        Self {
            window: Arc::clone(window),
            id: slot.id,
            order: Arc::clone(&slot.order),
        }
    }

    /// Reads the frame, and has it decoded by a worker if that is work.
    pub(super) fn run(self, decoder: &mut Decoder) {
        let mut fetched = self.order.fetch(Patience::None);
        let on_disk = matches!(fetched, Err(NotFetched::Later));
        self.window.lock().on_disk = on_disk;
        if on_disk {
            self.window.set(self.id, Stage::FetchingFromDisk);
            fetched = self.order.fetch(Patience::Waits);
        }
        let Ok(frame) = fetched else {
            return; // and so it has failed
        };
        if !self.order.is_work() {
            self.decode(frame, decoder);
            return;
        }
        self.window.set(self.id, Stage::Fetched(frame));
        workers::run(move |tools| {
            if let Some(frame) = self.take_fetched() {
                self.decode(frame, &mut tools.decoder);
            }
        });
    }

    fn take_fetched(&self) -> Option<Frame> {
        let mut state = self.window.lock();
        let slot = state.slot(self.id)?;
        match std::mem::replace(&mut slot.stage, Stage::Decoding) {
            Stage::Fetched(frame) => Some(frame),
            other => {
                slot.stage = other;
                None
            }
        }
    }

    fn decode(&self, frame: Frame, decoder: &mut Decoder) {
        if let Some(frame) = self.order.decode(frame, decoder) {
            self.window.set(self.id, Stage::Ready(frame));
        }
    }
}

impl Drop for Errand {
    /// Who has not brought the frame by now never will, be it for a bug of ours.
    fn drop(&mut self) {
        let mut state = self.window.lock();
        let Some(slot) = state.slot(self.id) else {
            return;
        };
        if matches!(slot.stage, Stage::Ready(_) | Stage::Planned) {
            return;
        }
        slot.stage = Stage::Failed;
        let wake = state.reader_sleeps;
        drop(state);
        if wake {
            self.window.came.notify_one();
        }
    }
}
