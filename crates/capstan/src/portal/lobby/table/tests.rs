//! The rules of the lobby, one by one.

use super::*;

const PLACES: Places = Places {
    total: 300,
    per_source: 128,
};

/// A table whose contents are names, and its clock.
struct Scene {
    table: Table<&'static str>,
    now: Instant,
}

fn host(number: u8) -> Source {
    Source::of([192, 0, 2, number].into())
}

impl Scene {
    fn new() -> Self {
        Self {
            table: Table::new(PLACES),
            now: Instant::now(),
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    /// Somebody connects and says nothing; whoever has to go goes.
    fn connect(&mut self, source: Source, name: &'static str) -> GuestId {
        self.try_connect(source, name).expect("a place")
    }

    fn try_connect(&mut self, source: Source, name: &'static str) -> Result<GuestId, NoRoom> {
        if let Some(victim) = self.table.room_for(source, self.now)? {
            self.table.remove(victim).unwrap();
        }
        let standing = Standing::HalfOpen { since: self.now };
        Ok(self.table.seat(source, standing, name))
    }

    fn speak(&mut self, id: GuestId) {
        let standing = Standing::Speaks { since: self.now };
        self.table.set_standing(id, standing);
    }

    fn is_there(&mut self, id: GuestId) -> bool {
        self.table.get_mut(id).is_some()
    }

    /// Connects until the table is full, with at most `each` connections from a source.
    fn fill(&mut self, each: usize) -> Vec<GuestId> {
        let mut ids = Vec::new();
        for number in 0_u16.. {
            for _ in 0..each {
                if self.table.guests.len() == PLACES.total {
                    return ids;
                }
                let [high, low] = number.to_be_bytes();
                let source = Source::of([198, 51, high, low].into());
                ids.push(self.connect(source, "half-open"));
            }
        }
        ids
    }
}

#[test]
fn with_room_nobody_has_to_go() {
    let mut scene = Scene::new();
    let first = scene.connect(host(1), "first");
    assert_eq!(scene.table.room_for(host(1), scene.now), Ok(None));
    assert_eq!(scene.table.remove(first), Some("first"));
    assert_eq!(scene.table.remove(first), None);
    assert!(scene.table.guests.is_empty() && scene.table.by_source.is_empty());
}

#[test]
fn a_source_over_its_limit_loses_its_own_oldest() {
    let mut scene = Scene::new();
    let other = scene.connect(host(2), "older, but of another source");
    let own: Vec<GuestId> = (0..PLACES.per_source)
        .map(|_| {
            scene.wait(Duration::from_millis(1));
            scene.connect(host(1), "half-open")
        })
        .collect();
    scene.connect(host(1), "one more");
    scene.connect(host(1), "and one more");
    assert!(!scene.is_there(own[0]) && !scene.is_there(own[1]) && scene.is_there(own[2]));
    assert!(scene.is_there(other));
    assert_eq!(scene.table.count(host(1)), PLACES.per_source);
}

#[test]
fn a_login_that_makes_progress_is_never_the_victim() {
    let mut scene = Scene::new();
    let good = scene.connect(host(1), "good");
    scene.speak(good);
    let half_open: Vec<GuestId> = (1..PLACES.per_source)
        .map(|_| scene.connect(host(1), "half-open"))
        .collect();
    for _ in 0..1000 {
        scene.connect(host(1), "half-open");
    }
    assert!(scene.is_there(good), "of all from its own source");
    assert!(half_open.into_iter().all(|id| !scene.is_there(id)));
    scene.wait(STALE_AFTER);
    for _ in 0..PLACES.per_source {
        scene.connect(host(1), "half-open");
    }
    assert!(!scene.is_there(good), "it has stopped");
}

#[test]
fn whoever_waits_for_us_stays_and_whoever_is_over_goes_first() {
    let mut scene = Scene::new();
    let waits = scene.connect(host(1), "waits for its session");
    scene.table.set_standing(waits, Standing::Waits);
    let leaves = scene.connect(host(1), "was refused");
    scene.table.set_standing(leaves, Standing::Leaves);
    while scene.table.count(host(1)) < PLACES.per_source {
        scene.connect(host(1), "half-open");
    }
    scene.wait(STALE_AFTER);
    assert_eq!(scene.table.room_for(host(1), scene.now), Ok(Some(leaves)));
    for _ in 0..2 * PLACES.per_source {
        scene.connect(host(1), "half-open");
    }
    assert!(scene.is_there(waits));
}

#[test]
fn the_stale_go_before_the_fresh_and_the_half_open_before_those_that_spoke() {
    let mut scene = Scene::new();
    let spoke = scene.connect(host(1), "spoke once");
    scene.speak(spoke);
    scene.wait(Duration::from_millis(1));
    let silent = scene.connect(host(1), "silent");
    scene.wait(STALE_AFTER);
    while scene.table.count(host(1)) < PLACES.per_source {
        scene.connect(host(1), "fresh");
    }
    scene.connect(host(1), "fresh");
    assert!(!scene.is_there(silent) && scene.is_there(spoke));
    scene.connect(host(1), "fresh");
    assert!(!scene.is_there(spoke));
}

#[test]
fn a_full_table_is_emptied_at_the_cost_of_the_greediest_source() {
    let mut scene = Scene::new();
    let good = scene.connect(host(1), "slow, alone, and the oldest");
    scene.wait(STALE_AFTER);
    let half_open = scene.fill(PLACES.per_source);
    scene.connect(host(2), "newcomer");
    assert!(scene.is_there(good));
    assert!(!scene.is_there(half_open[0]), "the greediest's oldest");
}

#[test]
fn nobody_makes_room_for_somebody_greedier() {
    let mut scene = Scene::new();
    while scene.table.count(host(1)) < PLACES.per_source - 1 {
        let id = scene.connect(host(1), "busy");
        scene.speak(id);
    }
    let others = scene.fill(FAIR_SHARE);
    scene.wait(STALE_AFTER / 2);
    // All of the greedy source make progress: it is refused, others are not.
    assert_eq!(scene.try_connect(host(1), "more"), Err(NoRoom::AtAll));
    let new = scene.connect(host(2), "newcomer");
    assert!(scene.is_there(new) && !scene.is_there(others[0]));
    // When they have stopped, the greedy source may replace its own.
    scene.wait(STALE_AFTER);
    assert!(scene.try_connect(host(1), "more").is_ok());
}

#[test]
fn up_to_a_fair_share_sources_are_alike() {
    let mut scene = Scene::new();
    let half_open = scene.fill(1);
    scene.wait(STALE_AFTER);
    // A host with a changer and dozens of drives against many with one connection each.
    let host: Vec<GuestId> = (0..FAIR_SHARE)
        .map(|_| scene.connect(host(1), "drive"))
        .collect();
    assert!(host.iter().all(|id| scene.is_there(*id)));
    let gone = half_open.iter().filter(|id| !scene.is_there(**id)).count();
    assert_eq!(gone, FAIR_SHARE);
}

#[test]
fn when_everybody_makes_progress_newcomers_are_refused() {
    let mut scene = Scene::new();
    for id in scene.fill(PLACES.per_source) {
        scene.speak(id);
    }
    assert_eq!(scene.try_connect(host(1), "newcomer"), Err(NoRoom::AtAll));
    assert_eq!(scene.table.least_missed(scene.now), None);
    scene.wait(STALE_AFTER);
    assert!(scene.try_connect(host(1), "newcomer").is_ok());
}

#[test]
fn without_descriptors_the_least_missed_goes() {
    let mut scene = Scene::new();
    assert_eq!(scene.table.least_missed(scene.now), None);
    let old = scene.connect(host(1), "old");
    scene.connect(host(1), "new");
    assert_eq!(scene.table.guests.len(), 2);
    scene.wait(STALE_AFTER);
    assert_eq!(scene.table.least_missed(scene.now), Some(old));
}
