//! Everything that can be done to a cartridge, in any order, on a disk that lies, compared with a dumb
//! model after each step.
//!
//! A run is a script that follows from a seed. `CAPSTAN_CARTRIDGE_STEPS=n` asks for so many steps in all,
//! `CAPSTAN_CARTRIDGE_SEED=s` replays one run and tells what happens. A run that fails is made as short as
//! possible before it is told.

pub(crate) mod motion;
pub(crate) mod operation;
pub(crate) mod truth;
pub(crate) mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use operation::{Operation, Step, script};
use world::{Done, World};

/// Steps in all when nobody says how many.
const STEPS_DEFAULT: u64 = 6_000;
const STEPS_PER_RUN: usize = 150;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

fn run(seed: u64, steps: &[Step], told: bool) -> Done {
    let mut world = World::new(seed, told);
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
}

#[test]
fn the_same_seed_does_the_same() {
    let story = |seed| run(seed, &script(seed, 100), false).to_string();
    assert_eq!(story(3), story(3));
}
