//! Where client and target run: on a CPU each, or both wherever the scheduler puts them.
//!
//! A real initiator is another machine, so it shares no CPU with its target. Left alone, the
//! scheduler sometimes puts both on one, and a command costs no wake-up of another CPU: two regimes
//! that differ by more than a factor of two in a round trip, and that the exchange and a target do not
//! choose together. Kept apart, a target with several threads has to do with one CPU. Neither is the
//! truth, so what is compared with others is measured both ways.

use std::thread::{self, JoinHandle};

use anyhow::Result;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::cell::Placement;
use crate::server::Server;

/// The CPUs that the benchmark may use.
#[derive(Clone, Copy)]
pub(crate) struct Cpus {
    /// All of them.
    all: CpuSet,
    /// The client's and the target's when they are apart; none on a machine with one.
    pair: Option<[usize; 2]>,
}

impl Cpus {
    /// Returns the CPUs that this thread may use; the first two of them, if there are two, become the
    /// client's and the target's.
    pub(crate) fn new() -> Result<Self> {
        let all = sched_getaffinity(None)?;
        let mut numbers = (0..CpuSet::MAX_CPU).filter(|&number| all.is_set(number));
        let pair = match (numbers.next(), numbers.next()) {
            (Some(client), Some(target)) => Some([client, target]),
            _ => None,
        };
        Ok(Self { all, pair })
    }

    /// Returns the numbers of the client's CPU and the target's.
    pub(crate) fn pair(&self) -> Option<[usize; 2]> {
        self.pair
    }

    /// Places this thread and `target` with all its threads.
    pub(crate) fn place(&self, target: &Server, placement: Placement) -> Result<()> {
        let (Placement::Apart, Some([ours, theirs])) = (placement, self.pair) else {
            target.run_on(&self.all)?;
            return self.free_this_thread();
        };
        target.run_on(&only(theirs))?;
        Ok(sched_setaffinity(None, &only(ours))?)
    }

    /// Lets this thread, and the threads and processes that it starts, run anywhere again.
    pub(crate) fn free_this_thread(&self) -> Result<()> {
        Ok(sched_setaffinity(None, &self.all)?)
    }

    /// Starts a thread where targets are and puts this one where clients are.
    pub(crate) fn spawn_apart<T: Send + 'static>(
        &self,
        placement: Placement,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JoinHandle<T>> {
        let (Placement::Apart, Some([ours, theirs])) = (placement, self.pair) else {
            return Ok(thread::spawn(work));
        };
        sched_setaffinity(None, &only(theirs))?; // the new thread inherits it
        let handle = thread::spawn(work);
        sched_setaffinity(None, &only(ours))?;
        Ok(handle)
    }
}

fn only(number: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(number);
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> CpuSet {
        sched_getaffinity(None).unwrap()
    }

    #[test]
    fn threads_part_and_are_free_again() {
        let before = here();
        let cpus = Cpus::new().unwrap();
        let there = cpus.spawn_apart(Placement::Apart, here);
        let there = there.unwrap().join().unwrap();
        match cpus.pair() {
            Some([ours, theirs]) => {
                assert_ne!(ours, theirs);
                assert!(here() == only(ours) && there == only(theirs));
            }
            None => assert!(before.count() == 1 && there == before),
        }
        cpus.free_this_thread().unwrap();
        assert!(here() == before);
    }

    #[test]
    fn free_threads_stay_where_they_may_be() {
        let before = here();
        let cpus = Cpus::new().unwrap();
        let there = cpus.spawn_apart(Placement::Free, here);
        assert!(there.unwrap().join().unwrap() == before && here() == before);
    }
}
