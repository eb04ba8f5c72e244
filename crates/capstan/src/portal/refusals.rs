//! Logins that failed and connections that were turned away, in the log.
//!
//! # Purpose
//! An operator has to see who could not log in and why; whoever knocks a thousand times per second
//! must not fill the log with it. Logins that were sent elsewhere are told in the same way: nobody has
//! proved anything by then.
//!
//! # Guarantees
//! Each refusal is told in a line of its own, with peer, initiator and reason, or it is counted in a
//! later line: the sum of lines and counts is the number of refusals. What was only counted is told
//! when the interval has passed, and when the portals close.
//!
//! # Limits
//! In an interval of [`INTERVAL`]: [`LINES_PER_SOURCE`] lines for one source and [`LINES_MAX`] for all.
//! Counts are kept for [`SOURCES_MAX`] sources each and for all others together. So one noisy host
//! does not hide what becomes of another.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::lobby::Source;

/// Somebody who could not come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was done.
    pub what: What,
    /// Where it comes from.
    pub peer: SocketAddr,
    /// Who it says it is, as far as it has said.
    pub initiator: Option<String>,
    /// Why, for us alone.
    pub reason: String,
}

/// What was done with somebody who could not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The login was answered with this status (RFC 7143 §11.13.5).
    Refused(u16),
    /// The login was sent to another address.
    Redirected,
    /// The login ended without an answer.
    Unfinished,
    /// A login that made no progress made room for another.
    Displaced,
    /// The connection was closed as soon as it came.
    TurnedAway,
}

/// Tells refusals, or counts them.
#[derive(Default)]
pub struct Refusals {
    ledger: Mutex<Ledger>,
}

impl Refusals {
    /// Logs a refusal, now or as part of a count.
    pub fn tell(&self, refusal: Refusal) {
        let now = Instant::now();
        self.tell_counts(now);
        if let Some(refusal) = self.lock().enter(refusal, now) {
            let Refusal {
                what,
                peer,
                initiator,
                reason,
            } = refusal;
            let initiator = initiator.as_deref().unwrap_or("?");
            match what {
                What::Refused(status) => {
                    let status = format_args!("{status:04x}");
                    tracing::warn!(initiator, %peer, status, reason, "login refused");
                }
                What::Redirected => tracing::info!(initiator, %peer, reason, "login redirected"),
                What::Unfinished => tracing::warn!(initiator, %peer, reason, "login failed"),
                What::Displaced => tracing::warn!(initiator, %peer, reason, "login displaced"),
                What::TurnedAway => tracing::warn!(%peer, reason, "connection refused"),
            }
        }
    }

    /// Logs the counts of an interval that has passed.
    pub fn tell_counts(&self, now: Instant) {
        let counts = self.lock().close_interval(now);
        tell_all(counts);
    }

    /// Logs the counts that there are.
    pub fn close(&self) {
        let counts = self.lock().take();
        tell_all(counts);
    }

    /// Returns when there will be counts to tell.
    pub fn due(&self) -> Option<Instant> {
        self.lock().due()
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell_all(counts: Vec<Count>) {
    for Count {
        source,
        untold,
        last,
    } in counts
    {
        let from = source.map_or_else(|| "other sources".to_owned(), |source| source.to_string());
        let initiator = last.initiator.as_deref().unwrap_or("?");
        let (peer, reason) = (last.peer, last.reason);
        tracing::warn!(
            from, count = untold, last.initiator = initiator, last.peer = %peer, last.reason = reason,
            "further refusals"
        );
    }
}

/// The books of one interval.
#[derive(Default)]
struct Ledger {
    /// When the interval began; none is open without.
    since: Option<Instant>,
    lines: u32,
    accounts: HashMap<Source, Account>,
    others: Account,
}

#[derive(Default)]
struct Account {
    lines: u32,
    untold: u64,
    last: Option<Refusal>,
}

/// What was not told line by line.
struct Count {
    /// `None` for those that have no account of their own.
    source: Option<Source>,
    untold: u64,
    last: Refusal,
}

impl Ledger {
    /// Enters a refusal; returns it when it is to be told now.
    fn enter(&mut self, refusal: Refusal, now: Instant) -> Option<Refusal> {
        self.since.get_or_insert(now);
        let source = Source::of(refusal.peer.ip());
        let is_known = self.accounts.contains_key(&source);
        let account = if is_known || self.accounts.len() < SOURCES_MAX {
            self.accounts.entry(source).or_default()
        } else {
            &mut self.others
        };
        if account.lines < LINES_PER_SOURCE && self.lines < LINES_MAX {
            account.lines += 1;
            self.lines += 1;
            return Some(refusal);
        }
        account.untold += 1;
        account.last = Some(refusal);
        None
    }

    fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + INTERVAL)
    }

    fn close_interval(&mut self, now: Instant) -> Vec<Count> {
        if self.due().is_some_and(|due| due <= now) {
            self.take()
        } else {
            Vec::new()
        }
    }

    /// Closes the interval and returns what was not told in it.
    fn take(&mut self) -> Vec<Count> {
        let closed = std::mem::take(self);
        let accounts = closed.accounts.into_iter();
        accounts
            .map(|(source, account)| (Some(source), account))
            .chain([(None, closed.others)])
            .filter_map(|(source, account)| {
                Some(Count {
                    source,
                    untold: account.untold,
                    last: account.last?,
                })
            })
            .collect()
    }
}

/// See the module's limits.
pub const INTERVAL: Duration = Duration::from_mins(1);
/// See the module's limits.
pub const LINES_PER_SOURCE: u32 = 10;
/// See the module's limits.
pub const LINES_MAX: u32 = 100;
/// See the module's limits.
pub const SOURCES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(address: [u8; 4], reason: &str) -> Refusal {
        Refusal {
            what: What::Refused(0x0201),
            peer: (address, 40_000).into(),
            initiator: Some("iqn.2020-01.org.example:host".to_owned()),
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn what_is_not_told_is_counted_and_nothing_is_lost() {
        let mut ledger = Ledger::default();
        let start = Instant::now();
        let mut told = 0;
        for number in 0..5000_u32 {
            let [.., high, low] = number.to_be_bytes();
            let address = [192, 0, high, low % 7 * 20];
            told += u64::from(ledger.enter(refusal(address, "wrong"), start).is_some());
        }
        assert_eq!(told, u64::from(LINES_MAX));
        assert!(ledger.close_interval(start).is_empty(), "not yet");
        let counts = ledger.close_interval(start + INTERVAL);
        assert!(counts.len() <= SOURCES_MAX + 1);
        let untold: u64 = counts.iter().map(|count| count.untold).sum();
        assert_eq!(told + untold, 5000);
        assert_eq!(ledger.due(), None, "a new interval begins with a refusal");
    }

    #[test]
    fn a_noisy_host_does_not_hide_another() {
        let mut ledger = Ledger::default();
        let now = Instant::now();
        for _ in 0..1000 {
            ledger.enter(refusal([192, 0, 2, 1], "noise"), now);
        }
        let other = refusal([192, 0, 2, 2], "wrong CHAP response");
        assert_eq!(ledger.enter(other.clone(), now), Some(other));
        let [count] = &ledger.take()[..] else {
            panic!("one source has untold ones")
        };
        assert_eq!(count.untold, 1000 - u64::from(LINES_PER_SOURCE));
        assert_eq!(count.last.reason, "noise");
    }
}
