//! The books: never over the limit, nobody starves, everything comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::pool::PAGE;
use super::*;

const MIB: u64 = 1 << 20;
const UNIT: u32 = 256 << 10;

fn join(pool: &MemoryPool) -> Option<Share> {
    let need = Need::Commands(UNIT);
    Share::join(pool, need, SESSION_BYTES_MAX, None, MemoryMeter::default())
}

/// Returns a share whose waker counts.
fn join_and_count(pool: &MemoryPool) -> (Share, Arc<AtomicU32>) {
    let woken = Arc::new(AtomicU32::new(0));
    let waker: Waker = {
        let woken = Arc::clone(&woken);
        Arc::new(move || {
            woken.fetch_add(1, Ordering::Relaxed);
        })
    };
    let need = Need::Commands(UNIT);
    let meter = MemoryMeter::default();
    let share = Share::join(pool, need, SESSION_BYTES_MAX, Some(waker), meter).unwrap();
    (share, woken)
}

#[test]
fn as_many_sessions_as_have_their_guarantee_beside_the_longest_command() {
    let pool = MemoryPool::new(64 * MIB);
    let shares: Vec<Share> = std::iter::from_fn(|| join(&pool)).collect();
    let room = (64 * MIB - COMMAND_BYTES_MAX) / SESSION_GUARANTEED_BYTES;
    assert_eq!(shares.len() as u64, room);
    assert_eq!(pool.reserved_bytes(), room * SESSION_GUARANTEED_BYTES);
    drop(shares);
    assert_eq!(pool.reserved_bytes(), 0);
}

#[test]
fn a_discovery_session_needs_little() {
    let pool = MemoryPool::new(64 * MIB);
    let meter = MemoryMeter::default();
    let share = Share::join(&pool, Need::Discovery, MIB, None, meter.clone()).unwrap();
    assert_eq!(pool.reserved_bytes(), CONTROL_GUARANTEED_BYTES);
    assert_eq!(meter.reserved_bytes(), CONTROL_GUARANTEED_BYTES);
    drop(share);
    assert_eq!(meter.reserved_bytes(), 0);
}

#[test]
fn what_a_session_owns_is_there_when_everything_else_is_lent() {
    let pool = MemoryPool::new(64 * MIB);
    let mut poor = join(&pool).unwrap();
    let mut rich = join(&pool).unwrap();
    assert!(rich.take(Lane::Data, COMMAND_BYTES_MAX, Line::First));
    while rich.take(Lane::Data, MIB, Line::First) {}
    let block = BLOCK_GUARANTEED_BYTES + DATA_IN_SLACK_BYTES;
    assert!(poor.take(Lane::Data, block, Line::First));
    assert!(poor.take(Lane::Window, u64::from(WINDOW_FLOOR * UNIT), Line::Shared));
    assert!(poor.take(Lane::Control, CONTROL_GUARANTEED_BYTES, Line::Shared));
    assert!(!poor.take(Lane::Data, 1, Line::First), "and no byte more");
}

#[test]
fn windows_and_second_commands_are_told_no_before_first_ones() {
    let pool = MemoryPool::new(1024 * MIB);
    let mut shares: Vec<Share> = (0..80).map(|_| join(&pool).unwrap()).collect();
    let mut fill = |lane, bytes, line, most: u64| {
        for share in &mut shares {
            share.take(lane, bytes, line);
        }
        assert!(pool.reserved_bytes() <= most, "{line:?}");
        assert!(pool.reserved_bytes() + bytes > most, "{line:?}");
        pool.reserved_bytes()
    };
    let window = 32 * u64::from(UNIT);
    let promised = fill(Lane::Window, window, Line::Shared, 256 * MIB);
    let rest = 1024 * MIB - promised;
    fill(Lane::Data, 7 * MIB, Line::Shared, promised + rest / 2);
    fill(Lane::Data, 20 * MIB, Line::First, 1024 / 8 * 7 * MIB);
}

#[test]
fn idle_windows_leave_room_for_the_longest_command() {
    let pool = MemoryPool::new(POOL_BYTES_MIN);
    let mut shares = Vec::new();
    while let Some(mut share) = join(&pool) {
        share.take(Lane::Window, 8 * MIB, Line::Shared);
        shares.push(share);
    }
    assert!(shares[0].held(Lane::Window) > 0, "the first got its window");
    assert!(shares[1].take(Lane::Data, COMMAND_BYTES_MAX, Line::First));
}

#[test]
fn who_borrows_is_in_the_way_of_logins_too() {
    let pool = MemoryPool::new(POOL_BYTES_MIN);
    let mut holder = join(&pool).unwrap();
    assert!(holder.take(Lane::Data, 32 * MIB, Line::First));
    let crowd: Vec<Share> = std::iter::from_fn(|| join(&pool)).collect();
    assert!(holder.is_in_the_way());
    drop(crowd);
    assert!(join(&pool).is_some());
    assert!(!holder.is_in_the_way());
}

#[test]
fn a_session_has_a_limit_of_its_own() {
    let pool = MemoryPool::new(POOL_BYTES_DEFAULT);
    let meter = MemoryMeter::default();
    let need = Need::Commands(UNIT);
    let mut share = Share::join(&pool, need, SESSION_BYTES_MAX, None, meter.clone()).unwrap();
    while share.take(Lane::Data, MIB, Line::Shared) {}
    assert!(meter.reserved_bytes() <= SESSION_BYTES_MAX);
    assert!(meter.reserved_bytes() > SESSION_BYTES_MAX - MIB - PAGE);
    assert!(!share.take(Lane::Control, MIB, Line::Shared));
}

#[test]
fn who_waits_is_served_in_order_and_woken() {
    let pool = MemoryPool::new(64 * MIB);
    let mut holder = join(&pool).unwrap();
    let (mut first, first_woken) = join_and_count(&pool);
    let (mut second, second_woken) = join_and_count(&pool);
    assert!(holder.take(Lane::Data, 30 * MIB, Line::First));
    assert!(!first.take(Lane::Data, 32 * MIB, Line::First));
    first.wait_for_data(32 * MIB);
    assert!(
        !second.take(Lane::Data, 4 * MIB, Line::First),
        "not past the first"
    );
    second.wait_for_data(4 * MIB);
    assert_eq!(pool.sessions_waiting(), 2);
    holder.give(Lane::Data, 30 * MIB);
    assert_eq!(first_woken.load(Ordering::Relaxed), 0);
    holder.settle();
    assert_eq!(first_woken.load(Ordering::Relaxed), 1);
    first.collect();
    assert!(first.take(Lane::Data, 32 * MIB, Line::First));
    drop(first);
    assert_eq!(second_woken.load(Ordering::Relaxed), 1);
    second.collect();
    assert!(second.take(Lane::Data, 4 * MIB, Line::First));
    assert_eq!(pool.sessions_waiting(), 0);
}

#[test]
fn whoever_stops_waiting_leaves_its_turn_to_the_next() {
    let pool = MemoryPool::new(64 * MIB);
    let mut holder = join(&pool).unwrap();
    let (mut first, _) = join_and_count(&pool);
    let (mut second, woken) = join_and_count(&pool);
    assert!(holder.take(Lane::Data, 20 * MIB, Line::First));
    first.wait_for_data(32 * MIB);
    second.wait_for_data(4 * MIB);
    drop(first);
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    second.collect();
    assert!(second.take(Lane::Data, 4 * MIB, Line::First));
    // Also when its turn came before it went.
    let (mut third, _) = join_and_count(&pool);
    third.wait_for_data(32 * MIB);
    drop(second);
    drop(holder);
    assert!(pool.reserved_bytes() > 32 * MIB, "set aside for the third");
    drop(third);
    assert_eq!(pool.reserved_bytes(), 0);
}

#[test]
fn only_a_session_that_borrows_is_in_the_way() {
    let pool = MemoryPool::new(64 * MIB);
    let mut holder = join(&pool).unwrap();
    let mut modest = join(&pool).unwrap();
    let mut waiting = join(&pool).unwrap();
    assert!(modest.take(Lane::Data, MIB, Line::First));
    assert!(holder.take(Lane::Data, 32 * MIB, Line::First));
    assert!(!holder.is_in_the_way(), "nobody waits");
    waiting.wait_for_data(32 * MIB);
    assert!(holder.is_in_the_way());
    assert!(!modest.is_in_the_way());
}

#[derive(Clone, Debug)]
enum Step {
    Take(usize, Lane, u64),
    Give(usize, Lane, u64),
    Replace(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let session = 0_usize..6;
    let lane = prop::sample::select(vec![Lane::Window, Lane::Data, Lane::Control]);
    let bytes = prop_oneof![1..10_000_u64, 1..4 * MIB, 1..COMMAND_BYTES_MAX];
    prop_oneof![
        4 => (session.clone(), lane.clone(), bytes.clone()).prop_map(|(s, l, b)| Step::Take(s, l, b)),
        4 => (session.clone(), lane, bytes).prop_map(|(s, l, b)| Step::Give(s, l, b)),
        1 => session.prop_map(Step::Replace),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever sessions do, the sum of what they hold stays under what is reserved, and that under
    /// the limit; and whoever waits gets its turn as soon as all others have given back.
    #[test]
    fn books_balance_and_nobody_starves(steps in prop::collection::vec(any_step(), 1..200)) {
        let pool = MemoryPool::new(64 * MIB);
        let mut shares: Vec<Share> = (0..6).map(|_| join(&pool).unwrap()).collect();
        for step in steps {
            match step {
                Step::Take(session, Lane::Data, bytes) => {
                    let share = &mut shares[session];
                    share.collect();
                    let first = share.held(Lane::Data) == 0;
                    let line = if first { Line::First } else { Line::Shared };
                    if !share.take(Lane::Data, bytes, line) && first {
                        share.wait_for_data(bytes);
                    }
                }
                Step::Take(session, Lane::Window, bytes) => {
                    shares[session].take(Lane::Window, bytes, Line::Shared);
                }
                Step::Take(session, lane, bytes) => {
                    shares[session].take(lane, bytes, Line::Shared);
                }
                Step::Give(session, lane, bytes) => {
                    shares[session].give(lane, bytes);
                    shares[session].settle();
                }
                Step::Replace(session) => {
                    // The old one goes first, as its place is needed for the new one.
                    drop(shares.remove(session));
                    shares.insert(session, join(&pool).unwrap());
                }
            }
            let lanes = [Lane::Window, Lane::Data, Lane::Control];
            let held: u64 = shares
                .iter()
                .map(|share| lanes.iter().map(|lane| share.held(*lane).max(share.owned(*lane))).sum::<u64>())
                .sum();
            prop_assert!(held <= pool.reserved_bytes());
            prop_assert!(pool.reserved_bytes() <= pool.max_bytes());
        }
        // Everybody but one ends what it does: then that one gets what it waits for.
        while let Some(mut share) = shares.pop() {
            for other in &mut shares {
                other.collect();
                other.stop_waiting();
                for lane in [Lane::Window, Lane::Data, Lane::Control] {
                    other.give(lane, u64::MAX);
                }
                other.settle();
            }
            for lane in [Lane::Window, Lane::Control] {
                share.give(lane, u64::MAX);
            }
            share.settle();
            share.collect();
            prop_assert!(!share.is_waiting(), "{share:?}");
        }
        prop_assert_eq!(pool.reserved_bytes(), 0);
        prop_assert_eq!(pool.sessions_waiting(), 0);
    }
}

#[test]
fn threads_never_take_more_than_there_is_and_all_get_their_turn() {
    let pool = MemoryPool::new(64 * MIB);
    std::thread::scope(|scope| {
        for seed in 0..4_u64 {
            let pool = &pool;
            scope.spawn(move || {
                let (sender, turn) = std::sync::mpsc::channel();
                let waker: Waker = Arc::new(move || sender.send(()).unwrap());
                let need = Need::Commands(UNIT);
                let meter = MemoryMeter::default();
                let mut share =
                    Share::join(pool, need, SESSION_BYTES_MAX, Some(waker), meter).unwrap();
                for round in 0..2000_u64 {
                    let bytes = (round * 7 + seed * 13) % 32 * MIB + 1;
                    while !share.take(Lane::Data, bytes, Line::First) {
                        share.wait_for_data(bytes);
                        if share.is_waiting() {
                            turn.recv().unwrap();
                            share.collect();
                        }
                    }
                    assert!(pool.reserved_bytes() <= pool.max_bytes());
                    share.give(Lane::Data, bytes);
                    share.settle();
                }
            });
        }
    });
    assert_eq!((pool.reserved_bytes(), pool.sessions_waiting()), (0, 0));
}
