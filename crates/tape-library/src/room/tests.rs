use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::*;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

fn space(free_bytes: u64, total_bytes: u64) -> Space {
    Space {
        free_bytes,
        total_bytes,
    }
}

/// A file system with so much room, and how often it was asked.
fn room(marks: Marks, free: u64) -> (Room, Arc<AtomicU64>, Arc<AtomicU32>) {
    let (free, asked) = (Arc::new(AtomicU64::new(free)), Arc::new(AtomicU32::new(0)));
    let (in_probe, counted) = (Arc::clone(&free), Arc::clone(&asked));
    let probe = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(space(in_probe.load(Ordering::Relaxed), 1000 * GIB))
    };
    let room = Room::with_probe(Path::new("/data"), marks, Box::new(probe));
    (room, free, asked)
}

#[test]
fn marks_follow_from_the_size_unless_they_are_set() {
    let marks = Marks::default();
    assert_eq!(marks.slow_below(10_000 * GIB), 2 * GIB);
    assert_eq!(marks.stop_below(10_000 * GIB), 256 * MIB);
    assert_eq!(marks.slow_below(50 * GIB), GIB);
    assert_eq!(marks.stop_below(64 * MIB), 64 * MIB / 400);
    let set = Marks {
        slow_below_bytes: Some(7),
        stop_below_bytes: Some(0),
    };
    assert_eq!((set.slow_below(GIB), set.stop_below(GIB)), (7, 0));
    assert_eq!(set.judge(space(0, GIB), Writers::Free), Writers::Slowed);
    let late = Marks {
        slow_below_bytes: Some(MIB),
        stop_below_bytes: None,
    };
    assert_eq!(late.stop_below(1000 * GIB), MIB, "slowed first");
    let never = Marks {
        slow_below_bytes: Some(0),
        stop_below_bytes: Some(0),
    };
    assert_eq!(never.judge(space(0, GIB), Writers::Stopped), Writers::Free);
}

#[test]
fn what_is_left_decides_and_a_mark_is_left_with_some_more_than_it() {
    let marks = Marks::default();
    let judge = |free, before| marks.judge(space(free, 1000 * GIB), before);
    assert_eq!(judge(2 * GIB, Writers::Free), Writers::Free);
    assert_eq!(judge(2 * GIB - 1, Writers::Free), Writers::Slowed);
    assert_eq!(judge(2 * GIB, Writers::Slowed), Writers::Slowed);
    assert_eq!(judge(2 * GIB + 128 * MIB, Writers::Slowed), Writers::Free);
    assert_eq!(judge(256 * MIB, Writers::Slowed), Writers::Slowed);
    assert_eq!(judge(256 * MIB - 1, Writers::Slowed), Writers::Stopped);
    assert_eq!(judge(256 * MIB, Writers::Stopped), Writers::Stopped);
    assert_eq!(judge(272 * MIB, Writers::Stopped), Writers::Slowed);
    assert_eq!(judge(100 * GIB, Writers::Stopped), Writers::Free);
}

#[test]
fn the_delay_grows_up_to_its_limit_and_never_overflows() {
    let marks = Marks::default();
    let delay = |free| marks.delay(space(free, 1000 * GIB));
    assert_eq!(delay(2 * GIB), Duration::ZERO);
    assert_eq!(delay(3 * GIB), Duration::ZERO);
    assert_eq!(delay(256 * MIB), SLOWED_MAX);
    assert_eq!(delay(0), SLOWED_MAX);
    let delays: Vec<_> = (1..8).rev().map(|it| delay(it * 256 * MIB)).collect();
    assert!(delays.is_sorted(), "{delays:?}");
    assert!(delays[0] < Duration::from_millis(6), "{delays:?}");
    let huge = Marks {
        slow_below_bytes: Some(u64::MAX),
        stop_below_bytes: Some(u64::MAX),
    };
    assert_eq!(huge.delay(space(0, 1)), SLOWED_MAX);
    assert_eq!(huge.judge(space(0, 1), Writers::Stopped), Writers::Stopped);
}

#[test]
fn the_file_system_is_asked_rarely_but_before_anybody_is_refused() {
    let (room, free, asked) = room(Marks::default(), 100 * GIB);
    assert!(!room.is_ample(), "nobody has looked");
    assert_eq!(room.admit(1, false), Passage::Go);
    assert!(room.is_ample());
    let before = Instant::now();
    for _ in 0..1000 {
        room.admit(1, false);
    }
    if before.elapsed() < LOOK_EACH / 2 {
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
    free.store(0, Ordering::Relaxed);
    assert_eq!(room.admit(LOOK_EACH_BYTES, false), Passage::Stop);
    assert!(!room.is_ample());
    free.store(100 * GIB, Ordering::Relaxed);
    assert_eq!(room.admit(1, false), Passage::Go, "at once");
}

#[test]
fn what_makes_room_is_let_through_with_what_follows() {
    let (room, _, _) = room(Marks::default(), 0);
    assert_eq!(room.admit(1, false), Passage::Stop);
    assert_eq!(room.admit(1, true), Passage::Slow(SLOWED_MAX));
    assert_eq!(room.admit(1, false), Passage::Slow(SLOWED_MAX));
    room.lock().grace = Some(Instant::now());
    assert_eq!(room.admit(1, false), Passage::Stop, "not for ever");
}

#[test]
fn file_system_that_does_not_answer_stops_nobody() {
    let probe = || Err(io::Error::other("gone"));
    let room = Room::with_probe(Path::new("/data"), Marks::default(), Box::new(probe));
    assert_eq!(room.admit(1, false), Passage::Go);
}

#[test]
fn a_real_directory_has_a_size() {
    let directory = tempfile::tempdir().unwrap();
    let (space, _) = Room::of_directory(directory.path(), Marks::default()).look();
    assert!(space.total_bytes > 0 && space.free_bytes <= space.total_bytes);
}
