//! What a crash, a failing disk and a full one leave: invariants 2 to 6, 8, 16 and 17. The machine and the
//! enumeration check them after each step; here they are asked for one by one.

use cartridge::{Cartridge, Error, Fault, LyingStore, Read, SegmentStore as _, Settings};

use super::files::{Segment, frames, segments};
use crate::crash_points::{Trouble, enumerate};
use crate::machine::operation::{Climate, Operation, Random};
use crate::machine::world::World;
use crate::model::{Host, block, label, script as calm_script, small_settings};

fn cuts(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Overwrite { .. }
            | Operation::Erase
            | Operation::Format(_)
            | Operation::SetCapacity
            | Operation::WriteProtect(_)
    )
}

/// Runs random scripts and returns how many writes and how many encrypted frames the disk has judged.
fn witnessed(seeds: std::ops::Range<u64>) -> (u64, u64) {
    let mut sum = (0, 0);
    for seed in seeds {
        let random = Random::new(seed);
        let mut world = World::new(seed, false);
        for step in random.steps(Climate::Rough).take(150) {
            world.step(&step);
        }
        let (writes, frames) = world.store.witnessed();
        sum = (sum.0 + writes, sum.1 + frames);
    }
    sum
}

#[test]
fn invariant_02_after_a_crash_a_prefix_with_all_that_was_synchronized() {
    let (points, done) = enumerate(Trouble::Stops, |operation| !cuts(operation));
    assert!(points > 1000 && done.power_losses > 2 * points);
}

#[test]
fn invariant_03_nothing_that_was_cut_off_comes_back() {
    let (points, _) = enumerate(Trouble::Stops, cuts);
    assert!(points > 1000);
}

/// Counted by a reader of its own, from the files.
#[test]
fn invariant_04_counts_are_continuous_over_all_segments() {
    let mut seen = 0;
    for seed in 0..20 {
        let store = LyingStore::new();
        Cartridge::create(Box::new(store.clone()), &label(seed)).unwrap();
        let settings = small_settings(seed);
        let open = || Box::new(store.clone()) as Box<dyn cartridge::SegmentStore>;
        let (cartridge, _) = Cartridge::open(open(), settings.clone()).unwrap();
        let mut host = Host::new(cartridge, settings);
        for step in calm_script(2 * seed, 60) {
            host.step(&step, open).unwrap();
        }
        let Some(mut cartridge) = host.cartridge.take() else {
            continue;
        };
        cartridge.synchronize().unwrap();
        let end = cartridge.end_of_data();
        let mut expected = None;
        for Segment { header, bytes, .. } in segments(&store, cartridge.position().partition) {
            if let Some((object, mark)) = expected {
                // Whatever follows in the file was cut off by the next.
                assert!(header.first_object <= object && header.first_mark <= mark);
            }
            let (mut object, mut mark) = (header.first_object, header.first_mark);
            for (sequence, frame) in (0..).zip(frames(&bytes)) {
                assert_eq!((frame.sequence, frame.first_object), (sequence, object));
                assert_eq!(u64::from(frame.marks_before), mark - header.first_mark);
                assert!(frame.durable_upto <= frame.offset);
                object += u64::from(frame.objects);
                mark += if frame.kind == 2 {
                    u64::from(frame.objects)
                } else {
                    0
                };
                seen += 1;
            }
            expected = Some((object, mark));
        }
        if let Some(expected) = expected {
            assert_eq!((end.object, end.filemarks), expected);
        }
    }
    assert!(seen > 100, "{seen}");
}

/// The lying disk panics when a page that was synchronized is written again, or a sealed file.
#[test]
fn invariant_05_durable_bytes_are_never_written_again() {
    let (writes, _) = witnessed(9000..9030);
    assert!(writes > 3000, "{writes}");
}

/// The lying disk panics when it sees a second frame with the same key and nonce. What was sealed and never
/// written is recorded by the unit tests.
#[test]
fn invariant_06_no_nonce_is_used_twice_with_a_key() {
    let (_, frames) = witnessed(9100..9150);
    assert!(frames > 30, "{frames}");
}

/// Every frame but the last is proved by a later one; damage of it is damage, and of the last a torn tail.
#[test]
fn invariant_08_a_torn_tail_is_no_alarm_and_damage_no_torn_tail() {
    // One segment for all of it.
    let settings = || Settings {
        segment_size_bytes: 100 << 10,
        ..small_settings(8)
    };
    let new = || {
        let store = LyingStore::new();
        Cartridge::create(Box::new(store.clone()), &label(8)).unwrap();
        let (mut cartridge, _) = Cartridge::open(Box::new(store.clone()), settings()).unwrap();
        for number in 0..4 {
            cartridge.append_block(block(1500, 4 * number)).unwrap();
            cartridge.synchronize().unwrap();
        }
        drop(cartridge);
        store
    };
    let store = new();
    let name = store.segments().unwrap()[0];
    let places: Vec<u64> = frames(&super::files::bytes_of(&store, name))
        .filter(|frame| frame.kind == 1)
        .map(|frame| frame.offset)
        .collect();
    assert_eq!(places.len(), 4);
    for (number, place) in places.iter().enumerate() {
        for at in [place + 4, place + 70] {
            let store = new();
            let name = store.segments().unwrap()[0];
            store.rot(name, at, 1);
            let opened = Cartridge::open(Box::new(store), small_settings(9));
            let (mut cartridge, report) = opened.unwrap();
            if number == 3 {
                assert!(report.damaged.is_empty());
                assert_eq!(cartridge.end_of_data().object, 3);
            } else {
                assert_eq!(cartridge.end_of_data().object, 4);
                assert_eq!(report.damaged.is_empty(), at > place + 64);
                cartridge.locate_block(number as u64).unwrap();
                let error = cartridge.read_block().unwrap_err();
                assert!(matches!(error, Error::Damaged { .. }), "{error}");
                cartridge.space_blocks(1).unwrap();
                assert!(matches!(cartridge.read_block().unwrap(), Read::Block(_)));
            }
        }
    }
}

#[test]
fn invariant_16_a_failure_is_told_once_and_no_retry_claims_success() {
    let (points, done) = enumerate(Trouble::Fails, |_| true);
    assert!(points > 2000 && done.deferred > 500);
    // And one by one: told, then refused, then what is read is what is durable, crash or not.
    let store = LyingStore::new();
    Cartridge::create(Box::new(store.clone()), &label(16)).unwrap();
    let (mut cartridge, _) = Cartridge::open(Box::new(store.clone()), small_settings(16)).unwrap();
    cartridge.append_block(block(100, 1)).unwrap();
    cartridge.synchronize().unwrap();
    cartridge.append_block(block(100, 2)).unwrap();
    store.inject(store.operations() + 2, Fault::FailOnce);
    let told = cartridge.synchronize().unwrap_err();
    assert!(
        matches!(
            told,
            Error::Deferred {
                first_lost: 1,
                lost: 1,
                ..
            }
        ),
        "{told}"
    );
    cartridge.synchronize().unwrap();
    let refused = cartridge.append_block(block(100, 3)).unwrap_err();
    assert!(matches!(refused, Error::PositionLost), "{refused}");
    cartridge.rewind().unwrap();
    assert_eq!(cartridge.read_block().unwrap(), Read::Block(block(100, 1)));
    assert_eq!(cartridge.read_block().unwrap(), Read::EndOfData);
    cartridge.append_block(block(100, 4)).unwrap();
    cartridge.unload().unwrap();
    let (mut cartridge, _) = Cartridge::open(Box::new(store.crash(1)), small_settings(17)).unwrap();
    cartridge.locate_block(1).unwrap();
    assert_eq!(cartridge.read_block().unwrap(), Read::Block(block(100, 4)));
    assert_eq!(cartridge.end_of_data().object, 2);
}

#[test]
fn invariant_17_a_full_disk_at_any_call_changes_nothing() {
    let (points, done) = enumerate(Trouble::Full, |_| true);
    assert!(points > 500 && done.no_space > 50);
}
