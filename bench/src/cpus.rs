//! Where client and target run: on a CPU each while there is one session.
//!
//! A real initiator is another machine, so it shares no CPU with its target. Left alone, the
//! scheduler sometimes puts both on one, and a command costs no wake-up of another CPU: two regimes
//! that differ by more than a factor of two in a round trip, and that the exchange and a target do not
//! choose together.

use std::thread::{self, JoinHandle};

use anyhow::Result;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::server::Server;

/// The CPUs that the benchmark may use, and whether it places anything on them.
#[derive(Clone, Copy)]
pub(crate) struct Cpus {
    /// All of them.
    all: CpuSet,
    /// The client's and the target's; none when nothing is pinned.
    pair: Option<[usize; 2]>,
}

impl Cpus {
    /// Returns the CPUs that this thread may use; with `pin` the first two of them, if there are two,
    /// become the client's and the target's.
    pub(crate) fn new(pin: bool) -> Result<Self> {
        let all = sched_getaffinity(None)?;
        let mut numbers = (0..CpuSet::MAX_CPU).filter(|&number| all.is_set(number));
        let pair = match (numbers.next(), numbers.next()) {
            (Some(client), Some(target)) if pin => Some([client, target]),
            _ => None,
        };
        Ok(Self { all, pair })
    }

    /// Returns the numbers of the client's CPU and the target's.
    pub(crate) fn pair(&self) -> Option<[usize; 2]> {
        self.pair
    }

    /// Puts this thread on the client's CPU, and `target` with all its threads on the other.
    pub(crate) fn part(&self, target: &Server) -> Result<()> {
        if let Some([ours, theirs]) = self.pair {
            target.run_on(&only(theirs))?;
            sched_setaffinity(None, &only(ours))?;
        }
        Ok(())
    }

    /// Lets this thread and `target` run anywhere again.
    pub(crate) fn free(&self, target: &Server) -> Result<()> {
        if self.pair.is_some() {
            target.run_on(&self.all)?;
        }
        self.free_this_thread()
    }

    /// Lets this thread, and the threads and processes that it starts, run anywhere again.
    pub(crate) fn free_this_thread(&self) -> Result<()> {
        if self.pair.is_some() {
            sched_setaffinity(None, &self.all)?;
        }
        Ok(())
    }

    /// Starts a thread on the target's CPU and puts this one on the client's.
    pub(crate) fn spawn_apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JoinHandle<T>> {
        let Some([ours, theirs]) = self.pair else {
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
        let cpus = Cpus::new(true).unwrap();
        let there = cpus.spawn_apart(here).unwrap().join().unwrap();
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
    fn unpinned_threads_stay_where_they_may_be() {
        let before = here();
        let cpus = Cpus::new(false).unwrap();
        let there = cpus.spawn_apart(here).unwrap().join().unwrap();
        assert!(cpus.pair().is_none() && there == before && here() == before);
    }
}
