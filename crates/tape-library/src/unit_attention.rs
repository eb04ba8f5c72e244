//! Unit attention conditions: what an initiator must be told before its next command runs.
//!
//! # Guarantees
//! Each I_T nexus has its own queue, and each condition is told once (SAM-5 §5.14). A condition that
//! waits already is not queued twice, so a queue is never longer than the number of different
//! conditions; [`QUEUE_LENGTH_MAX`] bounds it all the same.
//!
//! # Ordering
//! In the order of their establishment, but resets and nexus losses (29h) go first: they have
//! precedence over everything that an initiator may have known before (SAM-5 §5.14).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use scsi::{AdditionalSense, AsynchronousEvent, EventDepth, InitiatorPort, NexusId, SenseKey};

/// The most conditions that wait for one nexus; later ones are dropped. An initiator that lets so
/// many pile up will learn from the first ones to look at everything.
pub const QUEUE_LENGTH_MAX: usize = 16;

/// How many initiator ports a unit remembers after their nexus was lost. A forgotten port is told
/// 29/00 in place of 29/07 when it comes back.
pub const PORTS_REMEMBERED_MAX: usize = 1024;

/// The unit attention conditions of one logical unit. Its lock is short and never held over calls.
#[derive(Debug, Default)]
pub struct UnitAttentions {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queues: HashMap<NexusId, VecDeque<AdditionalSense>>,
    ports: SeenPorts,
}

impl UnitAttentions {
    /// Returns the conditions of a unit that was just switched on.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a queue for `nexus`. It starts with POWER ON, RESET, OR BUS DEVICE RESET OCCURRED for
    /// a port that was never seen, and I_T NEXUS LOSS OCCURRED for one that comes back (SAM-5
    /// §5.14, §6.3.4).
    pub fn attach(&self, nexus: NexusId, port: &InitiatorPort) {
        let mut state = self.lock();
        let first = if state.ports.insert(port) {
            AdditionalSense::POWER_ON_OR_RESET
        } else {
            AdditionalSense::IT_NEXUS_LOSS_OCCURRED
        };
        state.queues.insert(nexus, VecDeque::from([first]));
    }

    /// Ends the queue of `nexus`: the nexus is lost.
    pub fn detach(&self, nexus: NexusId) {
        self.lock().queues.remove(&nexus);
    }

    /// Establishes a condition for every nexus.
    pub fn establish(&self, additional: AdditionalSense) {
        for queue in self.lock().queues.values_mut() {
            enqueue(queue, additional);
        }
    }

    /// Establishes a condition for `nexus` alone.
    pub fn establish_for(&self, nexus: NexusId, additional: AdditionalSense) {
        if let Some(queue) = self.lock().queues.get_mut(&nexus) {
            enqueue(queue, additional);
        }
    }

    /// Establishes a condition for every nexus but `nexus`, whose own command was the cause.
    pub fn establish_for_others(&self, nexus: NexusId, additional: AdditionalSense) {
        for (other, queue) in &mut self.lock().queues {
            if *other != nexus {
                enqueue(queue, additional);
            }
        }
    }

    /// The unit is as though it had been switched on: every nexus is told that and nothing else, and
    /// ports that come back are new to it.
    pub fn switched_on(&self) {
        let mut state = self.lock();
        state.ports = SeenPorts::default();
        for queue in state.queues.values_mut() {
            *queue = VecDeque::from([AdditionalSense::POWER_ON_OR_RESET]);
        }
    }

    /// Returns what the next command of `nexus` would be told, without clearing it (SAM-5 §7.10).
    pub fn pending(&self, nexus: NexusId) -> Option<AsynchronousEvent> {
        let state = self.lock();
        let queue = state.queues.get(&nexus)?;
        Some(AsynchronousEvent {
            key: SenseKey::UnitAttention,
            additional: *queue.front()?,
            depth: if queue.len() > 1 {
                EventDepth::Several
            } else {
                EventDepth::One
            },
        })
    }

    /// Takes a condition back that `nexus` has learned of in another way.
    pub fn clear_for(&self, nexus: NexusId, additional: AdditionalSense) {
        if let Some(queue) = self.lock().queues.get_mut(&nexus) {
            queue.retain(|waiting| *waiting != additional);
        }
    }

    /// Takes the first condition that waits for `nexus`.
    pub fn take(&self, nexus: NexusId) -> Option<AdditionalSense> {
        self.lock().queues.get_mut(&nexus)?.pop_front()
    }

    /// Takes the first condition that waits for `nexus` if it tells of a reset or of the loss of the
    /// nexus: the ones that go before a reservation conflict (SAM-5 §5.3.3).
    pub fn take_reset(&self, nexus: NexusId) -> Option<AdditionalSense> {
        let mut state = self.lock();
        let queue = state.queues.get_mut(&nexus)?;
        queue.pop_front_if(|first| first.0 == RESET)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The additional sense code of resets and nexus losses.
const RESET: u8 = 0x29;

fn enqueue(queue: &mut VecDeque<AdditionalSense>, additional: AdditionalSense) {
    if queue.contains(&additional) || queue.len() >= QUEUE_LENGTH_MAX {
        return;
    }
    if additional.0 == RESET {
        let resets = queue.iter().take_while(|first| first.0 == RESET).count();
        queue.insert(resets, additional);
    } else {
        queue.push_back(additional);
    }
}

/// The initiator ports seen since the start, the oldest forgotten first.
#[derive(Debug, Default)]
struct SeenPorts {
    known: HashSet<InitiatorPort>,
    order: VecDeque<InitiatorPort>,
}

impl SeenPorts {
    /// Remembers `port`; returns whether it is new.
    fn insert(&mut self, port: &InitiatorPort) -> bool {
        if !self.known.insert(port.clone()) {
            return false;
        }
        self.order.push_back(port.clone());
        if self.order.len() > PORTS_REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: NexusId = NexusId(1);
    const TWO: NexusId = NexusId(2);

    fn port(name: &str) -> InitiatorPort {
        InitiatorPort(name.into())
    }

    #[test]
    fn new_port_is_told_power_on_and_a_returning_one_nexus_loss() {
        let attentions = UnitAttentions::new();
        attentions.attach(ONE, &port("a"));
        assert_eq!(
            attentions.take(ONE),
            Some(AdditionalSense::POWER_ON_OR_RESET)
        );
        assert_eq!(attentions.take(ONE), None);
        attentions.detach(ONE);
        attentions.attach(TWO, &port("a"));
        assert_eq!(
            attentions.take(TWO),
            Some(AdditionalSense::IT_NEXUS_LOSS_OCCURRED)
        );
    }

    #[test]
    fn a_condition_waits_once_for_each_nexus() {
        let attentions = UnitAttentions::new();
        attentions.attach(ONE, &port("a"));
        attentions.attach(TWO, &port("b"));
        attentions.take(ONE);
        attentions.take(TWO);
        attentions.establish(AdditionalSense::NOT_READY_TO_READY_CHANGE);
        attentions.establish(AdditionalSense::NOT_READY_TO_READY_CHANGE);
        for nexus in [ONE, TWO] {
            assert_eq!(
                attentions.take(nexus),
                Some(AdditionalSense::NOT_READY_TO_READY_CHANGE)
            );
            assert_eq!(attentions.take(nexus), None);
        }
    }

    #[test]
    fn a_reset_is_told_before_what_waited_longer() {
        let attentions = UnitAttentions::new();
        attentions.attach(ONE, &port("a"));
        attentions.establish(AdditionalSense::NOT_READY_TO_READY_CHANGE);
        attentions.establish(AdditionalSense::BUS_DEVICE_RESET_OCCURRED);
        let told: Vec<_> = std::iter::from_fn(|| attentions.take(ONE)).collect();
        assert_eq!(
            told,
            [
                AdditionalSense::POWER_ON_OR_RESET,
                AdditionalSense::BUS_DEVICE_RESET_OCCURRED,
                AdditionalSense::NOT_READY_TO_READY_CHANGE,
            ]
        );
    }

    #[test]
    fn the_cause_is_not_told_its_own_doing() {
        let attentions = UnitAttentions::new();
        attentions.attach(ONE, &port("a"));
        attentions.attach(TWO, &port("b"));
        attentions.take(ONE);
        attentions.take(TWO);
        attentions.establish_for_others(ONE, AdditionalSense::MODE_PARAMETERS_CHANGED);
        assert_eq!(attentions.take(ONE), None);
        assert_eq!(
            attentions.take(TWO),
            Some(AdditionalSense::MODE_PARAMETERS_CHANGED)
        );
    }

    #[test]
    fn queues_and_memory_of_ports_are_bounded() {
        let attentions = UnitAttentions::new();
        attentions.attach(ONE, &port("a"));
        for qualifier in 0..=u8::MAX {
            attentions.establish_for(ONE, AdditionalSense(0x2a, qualifier));
        }
        assert_eq!(
            std::iter::from_fn(|| attentions.take(ONE)).count(),
            QUEUE_LENGTH_MAX
        );
        for number in 0..=PORTS_REMEMBERED_MAX {
            attentions.attach(TWO, &port(&number.to_string()));
        }
        attentions.attach(TWO, &port("a"));
        assert_eq!(
            attentions.take(TWO),
            Some(AdditionalSense::POWER_ON_OR_RESET),
            "the oldest port was forgotten"
        );
    }
}
