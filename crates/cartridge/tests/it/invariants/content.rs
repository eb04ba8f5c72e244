//! What is read and where things are: invariants 1, 9, 10, 11 and 19.

use cartridge::{
    Cartridge, Codec, Error, LyingStore, MemoryStore, SegmentStore, Settings, Spaced, limits,
};

use super::files::{bytes_of, flip, segments};
use crate::machine::operation::{Climate, Random};
use crate::machine::world::World;
use crate::model::{Object, Tape, at_rest_settings, block, contents, label, small_settings};

#[test]
fn invariant_01_read_back_equals_the_model() {
    for seed in 8000..8030 {
        let random = Random::new(seed);
        let mut world = World::new(seed, false);
        for step in random.steps(Climate::Calm).take(120) {
            world.step(&step);
        }
    }
}

/// A cartridge of many sealed segments, with what is on it.
fn many_segments<S: SegmentStore + Clone + 'static>(store: &S) -> Vec<Object> {
    many_segments_with(store, &small_settings)
}

fn many_segments_with<S: SegmentStore + Clone + 'static>(
    store: &S,
    settings: &dyn Fn(u64) -> Settings,
) -> Vec<Object> {
    Cartridge::create(Box::new(store.clone()), &label(9)).unwrap();
    let mut objects = Vec::new();
    for session in 0..12 {
        let (mut cartridge, _) =
            Cartridge::open(Box::new(store.clone()), settings(session)).unwrap();
        cartridge.space_end_of_data().unwrap();
        if session % 4 == 3 {
            // Cut off the last third of the session before, inside a frame.
            objects.truncate(objects.len() - 13);
            cartridge.locate_block(objects.len() as u64).unwrap();
        }
        for number in 0..40 {
            if number % 9 == 8 {
                cartridge.append_filemarks(2).unwrap();
                objects.extend([Object::Filemark, Object::Filemark]);
            }
            let length = 100 + usize::try_from(number * 37 % 900).unwrap();
            let block = block(length, session * 1000 + number);
            cartridge.append_block(block.clone()).unwrap();
            objects.push(Object::Block(block));
        }
        cartridge.unload().unwrap();
    }
    objects
}

/// Without their trailers the segments are walked, and are the same.
#[test]
fn invariant_09_the_index_of_a_footer_is_that_of_a_walk() {
    let store = MemoryStore::new();
    let objects = many_segments(&store);
    let load = || Cartridge::open(Box::new(store.clone()), small_settings(99)).unwrap();
    let (mut sealed, _) = load();
    let usage = sealed.usage();
    let everything = contents(&mut sealed);
    assert_eq!(everything, objects);
    for segment in segments(&store, 0) {
        let length = segment.bytes.len() as u64;
        // The magic of the trailer, 256 bytes before the end.
        flip(&store, segment.name, length - 256, 1);
        let last = segments(&store, 0).last().unwrap().name == segment.name;
        let before = bytes_of(&store, segment.name);
        let (mut walked, report) = load();
        assert_eq!(report.unsealed, last);
        assert!(report.damaged.is_empty());
        assert_eq!(contents(&mut walked), objects);
        assert_eq!(walked.usage(), usage);
        assert_eq!(bytes_of(&store, segment.name) == before, !last);
    }
}

/// By a linear scan, over blocks, filemarks and to the end, with the reads of the disk counted.
#[test]
fn invariant_10_positions_are_those_of_a_scan_in_at_most_two_reads() {
    let store = LyingStore::new();
    let objects = many_segments(&store);
    let (mut cartridge, _) = Cartridge::open(Box::new(store.clone()), small_settings(99)).unwrap();
    let mut tape = Tape {
        objects,
        ..Tape::default()
    };
    let length = tape.objects.len();
    let marks = tape.marks(length);
    assert!(segments(&store, 0).len() > 12 && marks > 60);
    let random = Random::new(10);
    for _ in 0..600 {
        let before = store.reads();
        match random.below(4) {
            0 => {
                let to = random.below(length as u64);
                cartridge.locate_block(to).unwrap();
                tape.position = usize::try_from(to).unwrap();
            }
            1 => {
                let file = random.below(marks + 1);
                cartridge.locate_filemark(file).unwrap();
                tape.position = 0;
                tape.space(i64::try_from(file).unwrap(), true);
            }
            2 => {
                let count = i64::try_from(random.below(40)).unwrap() - 20;
                let spaced: Spaced = cartridge.space_blocks(count).unwrap();
                assert_eq!(spaced, tape.space(count, false));
            }
            _ => {
                let count = i64::try_from(random.below(2 * marks)).unwrap();
                let count = count - i64::try_from(marks).unwrap();
                assert_eq!(
                    cartridge.space_filemarks(count).unwrap(),
                    tape.space(count, true)
                );
            }
        }
        assert!(
            store.reads() - before <= 2,
            "{} reads",
            store.reads() - before
        );
        let position = cartridge.position();
        assert_eq!(position.object, tape.position as u64);
        assert_eq!(position.filemarks, tape.marks(tape.position));
    }
}

/// Does each kind of motion to many places, each time on a cartridge of which nothing is known but its
/// headers, and returns how many reads the worst took.
fn reads_of_cold_motions(store: &LyingStore, settings: &Settings) -> u64 {
    let open = || Cartridge::open(Box::new(store.clone()), settings.clone()).unwrap();
    let end = open().0.end_of_data();
    let random = Random::new(11);
    let mut worst = 0;
    for round in 0..60 {
        let (mut cartridge, _) = open();
        let before = store.reads();
        match round % 5 {
            0 => {
                let object = random.below(end.object);
                cartridge.locate_block(object).unwrap();
            }
            1 => {
                let file = random.below(end.filemarks);
                cartridge.locate_filemark(file).unwrap();
            }
            2 => {
                let count = i64::try_from(random.below(end.object)).unwrap();
                cartridge.space_blocks(count).unwrap();
            }
            3 => {
                let count = i64::try_from(random.below(end.filemarks)).unwrap();
                cartridge.space_filemarks(count).unwrap();
            }
            _ => {
                cartridge.space_end_of_data().unwrap();
                assert_eq!(store.reads(), before, "the end is known");
            }
        }
        worst = worst.max(store.reads() - before);
    }
    worst
}

#[test]
fn invariant_10_with_nothing_in_memory_a_motion_takes_at_most_two_reads() {
    let store = LyingStore::new();
    many_segments(&store);
    assert_eq!(reads_of_cold_motions(&store, &small_settings(99)), 1);

    // The header, which the proof of the footer covers, is the other one.
    let store = LyingStore::new();
    many_segments_with(&store, &at_rest_settings);
    assert_eq!(reads_of_cold_motions(&store, &at_rest_settings(99)), 2);
    assert_eq!(reads_of_cold_motions(&store, &small_settings(99)), 1);

    // An index of which one read brings a part.
    let store = LyingStore::new();
    Cartridge::create(Box::new(store.clone()), &label(10)).unwrap();
    let settings = Settings {
        segment_size_bytes: 16 << 20,
        ..small_settings(10)
    };
    for _ in 0..2 {
        let (mut cartridge, _) =
            Cartridge::open(Box::new(store.clone()), settings.clone()).unwrap();
        cartridge.space_end_of_data().unwrap();
        for _ in 0..limits::FOOTER_READ_BYTES / 32 + 10 {
            cartridge.append_filemarks(1).unwrap();
        }
        cartridge.unload().unwrap();
    }
    assert_eq!(segments(&store, 0).len(), 2);
    assert_eq!(reads_of_cold_motions(&store, &settings), 2);
}

/// However small frames are, an index does not grow beyond what a reader is to hold.
#[test]
fn invariant_10_a_segment_has_no_more_frames_than_its_limit() {
    let store = MemoryStore::new();
    Cartridge::create(Box::new(store.clone()), &label(10)).unwrap();
    let load = || {
        Cartridge::open(Box::new(store.clone()), Settings::default())
            .unwrap()
            .0
    };
    let mut cartridge = load();
    let count = limits::SEGMENT_FRAMES_MAX + 1000;
    for _ in 0..count {
        cartridge.append_filemarks(1).unwrap();
    }
    cartridge.unload().unwrap();
    let frames: Vec<usize> = segments(&store, 0)
        .iter()
        .map(|segment| {
            let trailer = &segment.bytes[segment.bytes.len() - 256..];
            u32::from_le_bytes(trailer[60..64].try_into().unwrap()) as usize
        })
        .collect();
    assert_eq!(frames, [limits::SEGMENT_FRAMES_MAX, 1000]);
    let mut cartridge = load();
    for file in [3, count as u64 - 2, limits::SEGMENT_FRAMES_MAX as u64 + 1] {
        cartridge.locate_filemark(file).unwrap();
        assert_eq!(cartridge.position().object, file);
    }
}

/// Where the host was warned and where the capacity was used up, in blocks, and how it got there.
fn fills(codec: Codec, interrupted: &dyn Fn(u64) -> bool) -> (u64, u64) {
    let mut label = label(11);
    label.capacity_bytes = 200_000;
    let store = LyingStore::new();
    Cartridge::create(Box::new(store.clone()), &label).unwrap();
    let settings = Settings {
        codec,
        ..small_settings(11)
    };
    let load = |store: &LyingStore| {
        let (mut cartridge, _) =
            Cartridge::open(Box::new(store.clone()), settings.clone()).unwrap();
        cartridge.space_end_of_data().unwrap();
        cartridge
    };
    let (mut store, mut warned) = (store.clone(), None);
    let mut cartridge = load(&store);
    for number in 0.. {
        match cartridge.append_block(block(1000, number)) {
            Ok(appended) if appended.early_warning => warned = warned.or(Some(number)),
            Ok(_) => {}
            Err(Error::VolumeFull) => {
                // It can be closed: there is room for filemarks.
                cartridge.append_filemarks(2).unwrap();
                cartridge.synchronize().unwrap();
                return (warned.unwrap(), number);
            }
            Err(error) => panic!("{error}"),
        }
        // The same frames, whatever comes then.
        cartridge.synchronize().unwrap();
        if interrupted(number) {
            match number % 3 {
                0 => cartridge.unload().unwrap(),
                1 => drop(cartridge),
                _ => store = store.crash(number),
            }
            cartridge = load(&store);
        }
    }
    unreachable!("it is full some day");
}

#[test]
fn invariant_11_early_warning_and_full_follow_from_the_data_alone() {
    for codec in Codec::ALL {
        let (warned, full) = fills(codec, &|_| false);
        assert!(0 < warned && warned < full);
        assert_eq!(fills(codec, &|_| true), (warned, full), "{codec:?}");
        assert_eq!(
            fills(codec, &|number| number % 7 == 2),
            (warned, full),
            "{codec:?}"
        );
    }
}

/// Golden files of every version are in `fixtures.rs`; here is what later versions may change.
#[test]
fn invariant_19_an_unknown_minor_is_read_and_an_unknown_feature_refused() {
    let patched = |at: usize, bytes: &[u8]| {
        let mut store = MemoryStore::new();
        let objects = many_segments(&store);
        // Headers that the chain file knows are not read.
        store.replace_chain(b"").unwrap();
        for name in store.segments().unwrap() {
            let mut header = bytes_of(&store, name)[..4096].to_vec();
            header[at..at + bytes.len()].copy_from_slice(bytes);
            let checksum = crc_fast::crc32_iscsi(&header[..4088]);
            header[4088..4092].copy_from_slice(&checksum.to_le_bytes());
            let file = store.open_segment(name).unwrap();
            file.write_at(&[&header, &header], 0).unwrap();
        }
        let opened = Cartridge::open(Box::new(store), small_settings(1));
        (opened.map(|(cartridge, _)| cartridge), objects)
    };
    // The minor version, and reserved bytes.
    for at in [10, 4000] {
        let (opened, objects) = patched(at, &[0x5a]);
        assert_eq!(contents(&mut opened.unwrap()), objects);
    }
    // The major version, and the highest feature of both kinds.
    for (at, value) in [(8, 2), (15, 0x80), (19, 0x80)] {
        let error = patched(at, &[value]).0.unwrap_err();
        assert!(
            matches!(error, Error::UnsupportedFormat { .. }),
            "{at}: {error}"
        );
    }
}
