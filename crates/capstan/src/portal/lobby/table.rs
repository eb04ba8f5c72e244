//! The places of the lobby: who gets one, and who has to go when there is none.
//!
//! The rules are told in the [`lobby`](super)'s documentation. This file knows neither sockets nor
//! clocks: `G` is whatever stands behind a place, and the time comes in.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::source::Source;

/// Names a guest; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct GuestId(pub(super) u64);

/// How many places there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// For everybody together.
    pub total: usize,
    /// For one source.
    pub per_source: usize,
}

/// How a guest's login goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No complete request has come since it arrived.
    HalfOpen {
        /// When it arrived.
        since: Instant,
    },
    /// It has sent complete requests.
    Speaks {
        /// When the last one came.
        since: Instant,
    },
    /// It waits for us: for the session that it replaces.
    Waits,
    /// It is over; only the last of our output has to go.
    Leaves,
}

/// Why a newcomer gets no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoRoom {
    /// All places of this source are taken by logins that make progress.
    #[error("all logins that this source may have at one time are making progress")]
    ForSource,
    /// All places are taken by logins that make progress, or by sources that have fewer.
    #[error("all logins that there may be at one time are making progress")]
    AtAll,
}

/// Who is in the lobby.
pub(super) struct Table<G> {
    places: Places,
    next: u64,
    guests: HashMap<GuestId, Guest<G>>,
    by_source: HashMap<Source, usize>,
}

struct Guest<G> {
    source: Source,
    standing: Standing,
    content: G,
}

impl<G> Table<G> {
    /// Returns an empty table.
    pub(super) fn new(places: Places) -> Self {
        Self {
            places,
            next: 0,
            guests: HashMap::new(),
            by_source: HashMap::new(),
        }
    }

    /// Returns who has to go so that somebody from `source` can come: nobody, if there is room.
    pub(super) fn room_for(&self, source: Source, now: Instant) -> Result<Option<GuestId>, NoRoom> {
        let own = self.count(source);
        if own >= self.places.per_source {
            let victim = self.victim(now, |guest| guest.source == source);
            return victim.map(Some).ok_or(NoRoom::ForSource);
        }
        if self.guests.len() >= self.places.total {
            let greed = greed(own);
            let victim = self.victim(now, |guest| greed <= self.greed_of(guest));
            return victim.map(Some).ok_or(NoRoom::AtAll);
        }
        Ok(None)
    }

    /// Returns who is missed least.
    pub(super) fn least_missed(&self, now: Instant) -> Option<GuestId> {
        self.victim(now, |_| true)
    }

    /// Gives a place.
    pub(super) fn seat(&mut self, source: Source, standing: Standing, content: G) -> GuestId {
        let id = GuestId(self.next);
        self.next += 1;
        *self.by_source.entry(source).or_default() += 1;
        let guest = Guest {
            source,
            standing,
            content,
        };
        self.guests.insert(id, guest);
        id
    }

    /// Takes a place back.
    pub(super) fn remove(&mut self, id: GuestId) -> Option<G> {
        let guest = self.guests.remove(&id)?;
        if let Some(count) = self.by_source.get_mut(&guest.source) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&guest.source);
            }
        }
        Some(guest.content)
    }

    /// Returns what stands behind a place.
    pub(super) fn get_mut(&mut self, id: GuestId) -> Option<&mut G> {
        self.guests.get_mut(&id).map(|guest| &mut guest.content)
    }

    /// Takes note of how a login goes.
    pub(super) fn set_standing(&mut self, id: GuestId, standing: Standing) {
        if let Some(guest) = self.guests.get_mut(&id) {
            guest.standing = standing;
        }
    }

    fn count(&self, source: Source) -> usize {
        self.by_source.get(&source).copied().unwrap_or(0)
    }

    fn greed_of(&self, guest: &Guest<G>) -> usize {
        greed(self.count(guest.source))
    }

    /// Of those that `may` be chosen: one from the greediest source, and there the one whose login goes
    /// worst. It looks at everybody, which for a thousand guests is less work than one accept.
    fn victim(&self, now: Instant, may: impl Fn(&Guest<G>) -> bool) -> Option<GuestId> {
        self.guests
            .iter()
            .filter(|(_, guest)| may(guest))
            .filter_map(|(id, guest)| {
                let rank = rank(guest.standing, now)?;
                Some((Reverse(self.greed_of(guest)), rank, *id))
            })
            .min()
            .map(|(_, _, id)| id)
    }
}

/// Sources up to their fair share are all alike.
fn greed(count: usize) -> usize {
    count.max(FAIR_SHARE)
}

/// How little a guest is missed; the least missed first, and of equals the longest silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Leaves,
    StaleHalfOpen(Instant),
    StaleLogin(Instant),
    FreshHalfOpen(Instant),
}

/// Returns the rank of a guest that may be sent away; `None` for a login that makes progress.
fn rank(standing: Standing, now: Instant) -> Option<Rank> {
    let is_stale = |since| now.saturating_duration_since(since) >= STALE_AFTER;
    match standing {
        Standing::Leaves => Some(Rank::Leaves),
        Standing::HalfOpen { since } if is_stale(since) => Some(Rank::StaleHalfOpen(since)),
        Standing::HalfOpen { since } => Some(Rank::FreshHalfOpen(since)),
        Standing::Speaks { since } if is_stale(since) => Some(Rank::StaleLogin(since)),
        Standing::Speaks { .. } | Standing::Waits => None,
    }
}

/// How many logins at one time are no sign of greed: a host logs in to a changer and some dozens of
/// drives together.
pub const FAIR_SHARE: usize = 64;
/// After so long without a complete request a login makes no progress. Initiators take a round trip
/// for each, and the time to hash a secret.
pub const STALE_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
