//! No pair of key and nonce comes twice, whatever a host does and whatever happens to it.

use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::at_rest::ring;
use super::encryption::encryption;
use super::{block, holds};
use crate::encryption::recorded;
use crate::label::tests::label;
use crate::{
    Cartridge, Codec, Error, Label, LyingStore, Read, ReadAhead, SeededEnvironment,
    SegmentStore as _, Settings, Writing,
};

/// What a host does, and what happens to it.
#[derive(Clone, Debug)]
enum Step {
    Encrypt(Option<u8>),
    Append(usize),
    Filemark,
    Synchronize,
    Overwrite(u64),
    Erase(u64),
    Format,
    Partition(u8),
    Fail(u64),
    Reload,
    Crash(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => prop::option::of(1u8..4).prop_map(Step::Encrypt),
        8 => (1usize..6000).prop_map(Step::Append),
        2 => Just(Step::Filemark),
        2 => Just(Step::Synchronize),
        2 => (0u64..40).prop_map(Step::Overwrite),
        1 => (0u64..20).prop_map(Step::Erase),
        1 => Just(Step::Format),
        1 => (0u8..2).prop_map(Step::Partition),
        1 => (0u64..6).prop_map(Step::Fail),
        1 => Just(Step::Reload),
        2 => any::<u64>().prop_map(Step::Crash),
    ]
}

fn settings(seed: u64, behind: bool) -> Settings {
    Settings {
        segment_size_bytes: 20 << 10,
        frame_size_bytes: 2000,
        reserve_step_bytes: 8 << 10,
        chain_interval_segments: 2,
        codec: Codec::Stored,
        read_ahead: ReadAhead::Inline,
        writing: if behind {
            Writing::Behind
        } else {
            Writing::AtOnce
        },
        environment: Arc::new(SeededEnvironment::new(seed)),
        ..Settings::default()
    }
}

/// Does `steps` on a cartridge that nobody else uses, and `check` after each crash. Returns whether each
/// frame that was ever sealed, be it lost or not, had a pair of frame key and nonce of its own.
fn all_are_different(
    steps: Vec<Step>,
    settings: &Settings,
    uuid: u128,
    check: impl Fn(&LyingStore, &mut Cartridge),
) -> bool {
    let label = Label {
        uuid: uuid::Uuid::from_u128(uuid),
        ..label(1 << 40)
    };
    recorded::take(label.uuid);
    let mut store = LyingStore::new();
    Cartridge::create(Box::new(store.clone()), &label).unwrap();
    let open = |store: &LyingStore| {
        let store = Box::new(store.clone());
        Cartridge::open(store, settings.clone()).unwrap().0
    };
    let mut cartridge = open(&store);
    for step in steps {
        // Failures are injected, and what they leave behind is the point.
        match step {
            Step::Encrypt(byte) => {
                let _ = cartridge.set_encryption(byte.map(encryption));
            }
            Step::Append(length) => {
                let _ = cartridge.append_block(block(length as u64, length));
            }
            Step::Filemark => {
                let _ = cartridge.append_filemarks(1);
            }
            Step::Synchronize => {
                let _ = cartridge.synchronize();
            }
            Step::Overwrite(object) => {
                let _ = cartridge.locate_block(object);
                let _ = cartridge.append_block(block(object, 100));
            }
            Step::Erase(object) => {
                let _ = cartridge.locate_block(object);
                let _ = cartridge.erase();
            }
            Step::Format => {
                let _ = cartridge.format(&[1 << 30, 1 << 30]);
            }
            Step::Partition(partition) => {
                let _ = cartridge.change_partition(partition);
            }
            Step::Fail(after) => {
                store.inject(store.operations() + after, crate::Fault::FailOnce);
            }
            Step::Reload => {
                let _ = cartridge.synchronize();
                store.heal();
                drop(cartridge);
                cartridge = open(&store);
            }
            Step::Crash(seed) => {
                store.heal();
                store = store.crash(seed);
                drop(cartridge);
                cartridge = open(&store);
                check(&store, &mut cartridge);
            }
        }
    }
    drop(cartridge);
    let pairs = recorded::take(label.uuid);
    let different: HashSet<_> = pairs.iter().collect();
    different.len() == pairs.len()
}

/// What is sealed at rest can be opened, and nothing of it is in clear on the disk.
fn check_at_rest(store: &LyingStore, cartridge: &mut Cartridge) {
    cartridge.check_unlocked().unwrap();
    for partition in 0..cartridge.partitions() {
        cartridge.change_partition(partition).unwrap();
        loop {
            match cartridge.read_block() {
                Ok(Read::EndOfData) => break,
                Ok(_) => {}
                Err(Error::KeyMissing { object }) => {
                    cartridge.locate_block(object + 1).unwrap();
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    for name in store.segments().unwrap() {
        let file = store.open_segment(name).unwrap();
        let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
        file.read_at(&mut bytes, 0).unwrap();
        assert!(!holds(&[bytes], b"block "), "in clear");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same three keys on and off, overwrites, failing disks, crashes.
    #[test]
    fn no_pair_of_key_and_nonce_is_used_twice(
        steps in prop::collection::vec(step(), 20..150),
        seed in any::<u64>(),
        behind in any::<bool>(),
    ) {
        let settings = settings(seed, behind);
        let nothing = |_: &LyingStore, _: &mut Cartridge| {};
        let different = all_are_different(steps, &settings, 0x1_5ea1, nothing);
        prop_assert!(different);
    }

    /// The same at rest, with rewrites and formats that bring new keys.
    #[test]
    fn keys_survive_what_happens_and_no_nonce_comes_twice(
        steps in prop::collection::vec(step(), 20..150),
        seed in any::<u64>(),
        behind in any::<bool>(),
    ) {
        let settings = Settings {
            keys: ring(&[1]),
            ..settings(seed, behind)
        };
        let different = all_are_different(steps, &settings, 0x2_5ea1, check_at_rest);
        prop_assert!(different);
    }
}
