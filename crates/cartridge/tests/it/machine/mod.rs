//! Everything that can be done to a cartridge, in any order, on a disk that lies, compared with a dumb
//! model after each step.
//!
//! A run is a script that follows from a seed. `CAPSTAN_CARTRIDGE_STEPS=n` asks for so many steps in all,
//! `CAPSTAN_CARTRIDGE_SEED=s` replays one run and tells what happens. A run that fails is made as short as
//! possible before it is told.

mod chain;
pub(crate) mod motion;
pub(crate) mod operation;
pub(crate) mod truth;
pub(crate) mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use cartridge::SegmentStore as _;
use operation::{Climate, Operation, Random, Step, script};
use world::{AtRest, Done, World};

use crate::model::label;

/// Steps in all when nobody says how many.
const STEPS_DEFAULT: u64 = 6_000;
const STEPS_PER_RUN: usize = 150;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

fn run(seed: u64, steps: &[Step], told: bool) -> Done {
    run_in(World::new(seed, told), seed, steps)
}

fn run_in(mut world: World, seed: u64, steps: &[Step]) -> Done {
    for step in steps {
        world.step(step);
    }
    // The end of it: all that was accepted is there, after power is lost once more.
    world.heal();
    for operation in [Operation::Reload, Operation::LosePower(seed)] {
        world.step(&Step::calm(operation));
    }
    world.done
}

fn fails(seed: u64, steps: &[Step]) -> bool {
    catch_unwind(AssertUnwindSafe(|| run(seed, steps, false))).is_err()
}

/// Returns a shorter script that fails as well, by leaving out ever smaller pieces.
fn shrink(seed: u64, mut steps: Vec<Step>) -> Vec<Step> {
    let mut piece = steps.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + piece).min(steps.len()));
            if fails(seed, &fewer) {
                steps = fewer;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    steps
}

/// Nobody wants to read of every attempt to make a script shorter.
static SILENCE: Mutex<()> = Mutex::new(());

fn tell_failure(seed: u64, steps: Vec<Step>) -> ! {
    let alone = SILENCE.lock().unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let steps = shrink(seed, steps);
    std::panic::set_hook(hook);
    drop(alone);
    println!("the shortest script found:");
    run(seed, &steps, true);
    panic!("it fails, but not when it is told");
}

#[test]
fn everything_in_any_order_on_a_lying_disk_agrees_with_the_model() {
    if let Some(seed) = variable("CAPSTAN_CARTRIDGE_SEED") {
        run(seed, &script(seed, STEPS_PER_RUN), true);
        return;
    }
    let steps = variable("CAPSTAN_CARTRIDGE_STEPS").unwrap_or(STEPS_DEFAULT);
    let first = variable("CAPSTAN_CARTRIDGE_FIRST_SEED").unwrap_or(0);
    let runs = steps.div_ceil(STEPS_PER_RUN as u64);
    let mut done = Done::default();
    for seed in first..first + runs {
        let steps = script(seed, STEPS_PER_RUN);
        let Ok(more) = catch_unwind(AssertUnwindSafe(|| run(seed, &steps, false))) else {
            println!("replay with CAPSTAN_CARTRIDGE_SEED={seed}");
            tell_failure(seed, steps);
        };
        done.add(&more);
    }
    println!("{runs} runs from seed {first}\n{done}");
    // A test that never gets there proves nothing.
    for (kind, (worked, _)) in Operation::KINDS.iter().zip(&done.operations) {
        assert!(*worked > 0, "{kind} never worked");
    }
    assert!(done.deferred > 0 && done.no_space > 0 && done.kills > 0 && done.power_losses > 0);
    assert!(done.chains > runs);
}

#[test]
fn the_same_seed_does_the_same() {
    let story = |seed| run(seed, &script(seed, 100), false).to_string();
    assert_eq!(story(3), story(3));
}

/// Steps with threads when nobody says how many. They cannot be replayed: the disk fails at another place
/// each time.
const STEPS_BEHIND_DEFAULT: u64 = 3_000;

#[test]
fn everything_in_any_order_while_threads_write_agrees_with_the_model() {
    if let Some(seed) = variable("CAPSTAN_CARTRIDGE_SEED") {
        let steps = script(seed, STEPS_PER_RUN);
        run_in(World::behind(seed, true), seed, &steps);
        return;
    }
    let steps = variable("CAPSTAN_CARTRIDGE_STEPS").map_or(STEPS_BEHIND_DEFAULT, |all| all / 4);
    let first = variable("CAPSTAN_CARTRIDGE_FIRST_SEED").unwrap_or(0);
    let runs = steps.div_ceil(STEPS_PER_RUN as u64);
    let mut done = Done::default();
    for seed in first..first + runs {
        let steps = script(seed, STEPS_PER_RUN);
        let run = || run_in(World::behind(seed, false), seed, &steps);
        let Ok(more) = catch_unwind(AssertUnwindSafe(run)) else {
            panic!("seed {seed} failed");
        };
        done.add(&more);
    }
    println!("{runs} runs with threads from seed {first}\n{done}");
    assert!(done.deferred > 0 && done.kills > 0 && done.power_losses > 0);
}

/// While nothing fails and nobody stops, threads write the same bytes into the same files.
#[test]
fn threads_write_the_same_bytes() {
    let mut bytes = 0;
    for seed in 500..520 {
        let random = Random::new(seed);
        let mut steps: Vec<Step> = random.steps(Climate::Calm).take(STEPS_PER_RUN).collect();
        // What a stop leaves of what was not synchronized depends on how far it had come.
        steps.retain(|Step { operation, .. }| {
            let stops = Operation::LosePower(0).kind() == operation.kind();
            !stops && !matches!(operation, Operation::Kill | Operation::SpoilChain(..))
        });
        let files = |behind: bool| {
            let mut world = World::with_label(seed, &label(seed), AtRest::Plain, false);
            // Both load once more, so that ids and times are the same.
            if behind {
                world.write_behind();
            } else {
                world.step(&Step::calm(Operation::Reload));
            }
            for step in &steps {
                world.step(step);
            }
            world.step(&Step::calm(Operation::Reload));
            let mut names = world.store.segments().unwrap();
            names.sort();
            let files = names.into_iter().map(|name| {
                let file = world.store.open_segment(name).unwrap();
                let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
                file.read_at(&mut bytes, 0).unwrap();
                (name, bytes)
            });
            (files.collect::<Vec<_>>(), world.store.chain())
        };
        let (at_once, behind) = (files(false), files(true));
        assert!(at_once == behind, "seed {seed}");
        bytes += at_once
            .0
            .iter()
            .map(|(_, bytes)| bytes.len())
            .sum::<usize>();
    }
    assert!(bytes > 500_000, "{bytes}");
}
