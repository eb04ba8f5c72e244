//! Every store passes the same suite: random steps compared with the model.

use cartridge::{
    Cartridge, Codec, LocalStore, LyingStore, MemoryStore, ReadAhead, SegmentStore, Settings,
    Writing,
};
use proptest::prelude::*;

use crate::model::{
    Host, Step, all_contents, at_rest_settings, label, new_cartridge, small_settings,
};

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (prop_oneof![1usize..50, 600usize..2500, 5000usize..15_000], 0u64..1000)
            .prop_map(|(length, seed)| Step::Append { length, seed }),
        4 => (0u32..5).prop_map(Step::Filemarks),
        2 => Just(Step::Synchronize),
        1 => Just(Step::Rewind),
        2 => (0u16..300).prop_map(Step::LocateBlock),
        2 => (0u16..300).prop_map(Step::LocateFilemark),
        2 => (-20i64..20).prop_map(Step::SpaceBlocks),
        2 => (-5i64..5).prop_map(Step::SpaceFilemarks),
        2 => Just(Step::SpaceEndOfData),
        2 => (1u8..20).prop_map(Step::Read),
        1 => Just(Step::Erase),
        1 => prop::sample::select(&Codec::ALL[..]).prop_map(Step::SetCodec),
        3 => (0u8..4).prop_map(Step::ChangePartition),
        1 => (1u8..=4).prop_map(Step::Format),
        1 => Just(Step::Reload),
    ];
    prop::collection::vec(step, 1..120)
}

/// Does `steps` on the cartridge in the store that `open` opens, then loads it once more as after
/// `kill -9` and compares everything.
fn conforms(
    steps: &[Step],
    read_ahead: ReadAhead,
    writing: Writing,
    open: impl Fn() -> Box<dyn SegmentStore>,
) {
    let settings = match steps.len() % 2 {
        0 => small_settings(1),
        _ => at_rest_settings(1),
    };
    let settings = Settings {
        read_ahead,
        writing,
        ..settings
    };
    Cartridge::create(open(), &label(1)).unwrap();
    let mut host = Host::new(new_cartridge(open(), settings.clone()), settings.clone());
    for step in steps {
        host.step(step, &open).unwrap();
    }
    if let Some(cartridge) = &mut host.cartridge {
        cartridge.synchronize().unwrap();
    }
    drop(host.cartridge.take());
    let (mut cartridge, report) = Cartridge::open(open(), settings).unwrap();
    assert_eq!(
        (
            report.discarded_bytes,
            report.missing.len(),
            report.damaged.len()
        ),
        (0, 0, 0)
    );
    assert_eq!(all_contents(&mut cartridge), host.model.contents());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_store_conforms(steps in steps()) {
        let store = MemoryStore::new();
        conforms(&steps, ReadAhead::Off, Writing::AtOnce, || Box::new(store.clone()));
    }

    #[test]
    fn memory_store_conforms_with_reading_ahead(steps in steps()) {
        let store = MemoryStore::new();
        conforms(&steps, ReadAhead::Inline, Writing::AtOnce, || Box::new(store.clone()));
    }

    #[test]
    fn memory_store_conforms_with_threads_that_read_ahead(steps in steps()) {
        let store = MemoryStore::new();
        conforms(&steps, ReadAhead::Threads, Writing::AtOnce, || Box::new(store.clone()));
    }

    #[test]
    fn lying_store_conforms_while_nothing_fails(steps in steps()) {
        let store = LyingStore::new();
        conforms(&steps, ReadAhead::Threads, Writing::AtOnce, || Box::new(store.clone()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 25, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn local_store_conforms(steps in steps()) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cartridge");
        conforms(&steps, ReadAhead::Threads, Writing::AtOnce, || Box::new(LocalStore::create(&path).unwrap()));
    }

    #[test]
    fn the_pipeline_conforms(steps in steps()) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cartridge");
        conforms(&steps, ReadAhead::Threads, Writing::Behind, || Box::new(LocalStore::create(&path).unwrap()));
    }
}
