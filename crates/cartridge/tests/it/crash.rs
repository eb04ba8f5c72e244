//! Crash points are enumerated: the machine stops during each operation on the disk, and what is
//! left follows from several seeds.

use std::sync::atomic::{AtomicU64, Ordering};

use cartridge::{
    Cartridge, Error, Fault, LyingStore, RecoveryReport, SegmentStore, Settings, Writing,
};

use crate::model::{
    Host, Model, Object, Step, all_contents, at_rest_settings, block, label, script, small_settings,
};

/// Scripts that are run; the nightly run asks for more.
fn scripts() -> u64 {
    let asked = std::env::var("CAPSTAN_CRASH_SCRIPTS");
    asked.map_or(3, |text| text.parse().expect("a number"))
}

const STEPS: usize = 40;
const CRASHES: u64 = 6;

/// Every second script is run on a cartridge that is encrypted at rest.
fn settings(seed: u64) -> Settings {
    match seed % 2 {
        0 => small_settings(seed),
        _ => at_rest_settings(seed),
    }
}

/// What may be on the cartridge after a crash.
#[derive(Debug)]
struct Legal {
    /// As before the step that was interrupted and after it, as far as that is known.
    models: Vec<Model>,
}

impl Legal {
    /// The content of each partition is a prefix of what was written, and holds all that was
    /// synchronized.
    fn check(&self, contents: &[Vec<Object>]) {
        let legal = self.models.iter().any(|model| {
            let mut tapes = contents.iter().zip(&model.tapes);
            contents.len() == model.tapes.len()
                && tapes.all(|(objects, tape)| {
                    objects.len() >= tape.synchronized
                        && tape.objects.get(..objects.len()) == Some(objects)
                })
        });
        assert!(
            legal,
            "{:?} objects left; {:?}",
            contents.iter().map(Vec::len).collect::<Vec<_>>(),
            self.models
                .iter()
                .flat_map(|model| &model.tapes)
                .map(|tape| (tape.synchronized, tape.objects.len()))
                .collect::<Vec<_>>()
        );
    }
}

/// Runs `steps` until the machine stops, and returns what may then be on the cartridge.
fn run_until_stop(store: &LyingStore, writing: Writing, steps: &[Step], seed: u64) -> Legal {
    let open = || Box::new(store.clone()) as Box<dyn SegmentStore>;
    // One for all loads: two of the same seed would draw the same ids twice.
    let settings = Settings {
        writing,
        ..settings(seed)
    };
    let Ok((cartridge, _)) = Cartridge::open(open(), settings.clone()) else {
        return Legal {
            models: vec![Model::default()],
        };
    };
    let mut host = Host::new(cartridge, settings);
    for step in steps {
        let before = host.model.clone();
        if host.step(step, open).is_err() {
            // The model may be half way: the step counts as not done, or as begun.
            let mut after = before.clone();
            match step {
                Step::Append { length, seed } => after.append(Object::Block(block(*length, *seed))),
                Step::Filemarks(count) => {
                    (0..*count).for_each(|_| after.append(Object::Filemark));
                }
                Step::Erase => after.cut(),
                Step::Format(count) => after = Model::with_partitions((*count).into()),
                _ => {}
            }
            return Legal {
                models: vec![before, after],
            };
        }
    }
    Legal {
        models: vec![host.model],
    }
}

fn prepared(seed: u64) -> LyingStore {
    let store = LyingStore::new();
    Cartridge::create(Box::new(store.clone()), &label(seed)).unwrap();
    store
}

fn load(store: &LyingStore) -> Result<(Cartridge, RecoveryReport), Error> {
    // No two loads give the same ids, and each has the key, whether it takes one or not.
    static LOADS: AtomicU64 = AtomicU64::new(1 << 32);
    let seed = LOADS.fetch_add(1, Ordering::Relaxed);
    Cartridge::open(Box::new(store.clone()), at_rest_settings(seed))
}

/// Loads what a crash left and checks it; nothing may look like damage.
fn recovered(store: &LyingStore, legal: &Legal) -> (Cartridge, Vec<Vec<Object>>) {
    let (mut cartridge, report) = load(store).unwrap();
    assert!(
        report.damaged.is_empty() && report.missing.is_empty(),
        "{report:?}"
    );
    let objects = all_contents(&mut cartridge);
    legal.check(&objects);
    (cartridge, objects)
}

/// Writes on after a crash, in each partition, and loads twice more.
fn works_on(store: &LyingStore, mut cartridge: Cartridge, mut objects: Vec<Vec<Object>>) {
    for (partition, objects) in (0..).zip(&mut objects) {
        cartridge.change_partition(partition).unwrap();
        cartridge.space_end_of_data().unwrap();
        for seed in 2000..2005 {
            cartridge.append_block(block(1500, seed)).unwrap();
            objects.push(Object::Block(block(1500, seed)));
        }
    }
    cartridge.synchronize().unwrap();
    let crashed = store.crash(1);
    for store in [crashed, store.clone()] {
        let (mut cartridge, report) = load(&store).unwrap();
        assert!(
            report.damaged.is_empty() && report.missing.is_empty(),
            "{report:?}"
        );
        assert_eq!(all_contents(&mut cartridge), objects);
    }
}

#[test]
fn after_a_crash_at_any_operation_the_content_is_a_prefix_with_all_that_was_synchronized() {
    let points = (0..scripts()).map(|seed| crash_everywhere(seed, Writing::AtOnce));
    let points: u64 = points.sum();
    println!(
        "{} scripts: stopped at {points} operations, {CRASHES} times each",
        scripts()
    );
}

#[test]
fn the_same_with_the_pipeline() {
    let points = (0..scripts()).map(|seed| crash_everywhere(seed, Writing::Behind));
    let points: u64 = points.sum();
    println!(
        "{} scripts: stopped at {points} operations with threads, {CRASHES} times each",
        scripts()
    );
}

/// Stops the machine at each operation of the script that follows from `seed`. Returns how many these are.
fn crash_everywhere(seed: u64, writing: Writing) -> u64 {
    let steps = script(seed, STEPS);
    let whole = prepared(seed);
    let first = whole.operations();
    run_until_stop(&whole, writing, &steps, seed);
    for operation in first..=whole.operations() {
        let store = prepared(seed);
        store.inject(operation, Fault::Stop);
        let legal = run_until_stop(&store, writing, &steps, seed);
        for crash in 0..CRASHES {
            let left = store.crash(operation * 31 + crash);
            let (cartridge, objects) = recovered(&left, &legal);
            works_on(&left, cartridge, objects);
        }
    }
    whole.operations() + 1 - first
}

#[test]
fn what_was_there_after_a_kill_is_there_after_a_loss_of_power() {
    for seed in 100..100 + scripts() {
        let steps = script(seed, STEPS);
        let whole = prepared(seed);
        let first = whole.operations();
        run_until_stop(&whole, Writing::AtOnce, &steps, seed);
        for operation in first..=whole.operations() {
            let store = prepared(seed);
            store.inject(operation, Fault::Stop);
            let legal = run_until_stop(&store, Writing::AtOnce, &steps, seed);
            // The process is killed, but the kernel lives: every write so far is seen. What loading
            // writes may fail; once it has said what is there, it must stay there.
            for failing in 0..8 {
                let store = store.fork();
                store.inject(store.operations() + failing, Fault::FailOnce);
                let Ok((mut cartridge, _)) = load(&store) else {
                    continue;
                };
                let objects = all_contents(&mut cartridge);
                legal.check(&objects);
                for crash in 0..CRASHES {
                    let left = store.crash(operation * 37 + crash);
                    let (mut cartridge, _) = load(&left).unwrap();
                    assert_eq!(all_contents(&mut cartridge), objects);
                }
            }
        }
    }
}

#[test]
fn a_crash_during_recovery_changes_nothing() {
    for seed in 200..200 + scripts() {
        let steps = script(seed, STEPS);
        let whole = prepared(seed);
        let first = whole.operations();
        run_until_stop(&whole, Writing::AtOnce, &steps, seed);
        for operation in (first..=whole.operations()).step_by(3) {
            let store = prepared(seed);
            store.inject(operation, Fault::Stop);
            let legal = run_until_stop(&store, Writing::AtOnce, &steps, seed);
            let left = store.crash(operation);
            let (_, objects) = recovered(&left.crash(0), &legal);
            for during in 0..6 {
                let again = left.crash(during);
                again.inject(during, Fault::Stop);
                let _ = load(&again);
                let (_, twice) = recovered(&again.crash(operation + during), &legal);
                assert_eq!(twice, objects);
            }
        }
    }
}
