//! Every operation, in every situation, with every fault at every single call of the store.
//!
//! The machine stops before a call or during it, with several subsets left of what was not synchronized;
//! the call fails once or for good, and finds the disk full. After each of them the world checks what is
//! there (`crate::machine`), writes on, is stopped a second time, and loaded again. The tests are in
//! `crate::invariants`.

use cartridge::{Codec, Fault};

use crate::machine::operation::{Afterwards, Operation, Step, Weather};
use crate::machine::world::{AtRest, Done, World};
use crate::model::label;

fn append(length: usize, seed: u64) -> Operation {
    Operation::Append { length, seed }
}

/// What was done before: its name and its steps.
fn situations() -> Vec<(&'static str, Vec<Step>)> {
    let calm = |operations: Vec<Operation>| -> Vec<Step> {
        operations.into_iter().map(Step::calm).collect()
    };
    let written = || {
        let mut steps = vec![append(700, 1), append(600, 2), Operation::Filemarks(1)];
        steps.extend([append(9000, 4), Operation::Synchronize, append(9000, 8)]);
        steps.extend([append(50, 3), Operation::Filemarks(2), append(800, 5)]);
        steps
    };
    let with = |more: Vec<Operation>| calm(written().into_iter().chain(more).collect());
    let failing_sync = Step {
        operation: Operation::Synchronize,
        weather: Weather::Fault(2, Fault::FailOnce),
        afterwards: Afterwards::Heals,
    };
    let mut lost = with(vec![Operation::Synchronize, append(300, 7)]);
    lost.push(failing_sync.clone());
    let mut lost_and_moved = lost.clone();
    lost_and_moved.push(Step::calm(Operation::SpaceEndOfData));
    vec![
        ("nothing written", Vec::new()),
        ("an open frame", with(vec![])),
        ("a dirty end", with(vec![append(1999, 9)])),
        ("synchronized", with(vec![Operation::Synchronize])),
        ("in the middle", with(vec![Operation::LocateBlock(100)])),
        ("in a frame", with(vec![Operation::LocateBlock(30)])),
        ("a segment before its end", {
            with(vec![append(9000, 4), append(2500, 4), append(1900, 4)])
        }),
        ("loaded", with(vec![Operation::Reload])),
        (
            "after a kill",
            with(vec![Operation::Kill, Operation::SpaceEndOfData]),
        ),
        ("after a loss of power", with(vec![Operation::LosePower(7)])),
        (
            "encrypted",
            with(vec![Operation::SetKey(1), append(500, 3)]),
        ),
        ("stored", {
            with(vec![Operation::SetCodec(Codec::Stored), append(500, 3)])
        }),
        ("two partitions", {
            let mut steps = vec![
                Operation::Format(2),
                append(500, 1),
                Operation::ChangePartition(1),
            ];
            steps.extend(written());
            calm(steps)
        }),
        ("position lost", lost),
        ("remains behind the end", lost_and_moved),
        ("cut twice", {
            let cut = [
                Operation::LocateBlock(150),
                append(9000, 2),
                Operation::LocateBlock(60),
            ];
            with(
                cut.into_iter()
                    .chain([append(9000, 6), Operation::Synchronize])
                    .collect(),
            )
        }),
    ]
}

fn prepared(seed: u64, at_rest: AtRest, situation: &[Step]) -> World {
    let mut world = World::with_label(seed, &label(seed), at_rest, false);
    for step in situation {
        world.step(step);
    }
    world
}

/// Does `operation` with `weather`, writes on, is stopped once more and loaded.
fn interrupt(
    seed: u64,
    at_rest: AtRest,
    situation: &[Step],
    operation: &Operation,
    weather: Weather,
) -> Done {
    let mut world = prepared(seed, at_rest, situation);
    let turn = match weather {
        Weather::Fault(after, _) | Weather::ReadFault(after, _) => after,
        Weather::Calm | Weather::Room(_) => 0,
    };
    let afterwards = match turn % 2 {
        0 => Afterwards::Heals,
        _ => Afterwards::Stays,
    };
    world.step(&Step {
        operation: operation.clone(),
        weather,
        afterwards,
    });
    for operation in [
        Operation::SpaceEndOfData,
        append(700, 1),
        Operation::Synchronize,
    ] {
        world.step(&Step::calm(operation));
    }
    world.heal();
    for operation in [
        Operation::WriteProtect(false),
        Operation::SpaceEndOfData,
        append(700, 5),
        Operation::Filemarks(1),
        Operation::Synchronize,
    ] {
        world.step(&Step::calm(operation));
    }
    let again = Weather::Fault((turn * 7 + seed) % 9, Fault::Stop);
    for (operation, weather) in [
        (append(9000, 2), again),
        (append(2000, 3), Weather::Calm),
        (Operation::Reload, Weather::Calm),
        (Operation::LosePower(turn), Weather::Calm),
    ] {
        world.step(&Step {
            operation,
            weather,
            afterwards: Afterwards::Heals,
        });
    }
    world.done
}

/// How often `operation` calls the store in `situation`: to change something, and to read.
fn calls(at_rest: AtRest, situation: &[Step], operation: &Operation) -> (u64, u64) {
    let mut world = prepared(0, at_rest, situation);
    let before = match operation {
        Operation::LosePower(_) => (0, 0),
        _ => (world.store.operations(), world.store.reads()),
    };
    world.step(&Step::calm(operation.clone()));
    let after = (world.store.operations(), world.store.reads());
    (after.0 - before.0, after.1 - before.1)
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The machine stops, before a call and during it.
    Stops,
    /// A call fails, once or for good; so do reads.
    Fails,
    /// A call finds the disk full.
    Full,
}

impl Trouble {
    /// Returns the weathers in which each call has it, of so many that change something and so many reads.
    fn weathers(self, changes: u64, reads: u64) -> Vec<Weather> {
        let faults: &[Fault] = match self {
            Self::Stops => &[Fault::StopBefore, Fault::Stop, Fault::Stop, Fault::Stop],
            Self::Fails => &[Fault::FailOnce, Fault::Fail],
            Self::Full => &[Fault::FullOnce],
        };
        let each = |calls: u64| (0..calls).flat_map(|at| faults.iter().map(move |it| (at, *it)));
        let mut weathers: Vec<Weather> = each(changes)
            .map(|(at, fault)| Weather::Fault(at, fault))
            .collect();
        if self == Self::Fails {
            let reads = each(reads.min(12));
            weathers.extend(reads.map(|(at, fault)| Weather::ReadFault(at, fault)));
        }
        weathers
    }
}

/// Does each operation that `only` allows in each situation, with the trouble at each of its calls of the
/// store. Returns how many points that were, and what was done.
pub(crate) fn enumerate(trouble: Trouble, only: fn(&Operation) -> bool) -> (u64, Done) {
    let mut done = Done::default();
    let mut points = 0;
    for (name, situation) in situations() {
        for operation in Operation::of_every_kind().into_iter().filter(only) {
            for at_rest in [AtRest::Plain, AtRest::Encrypted] {
                let (changes, reads) = calls(at_rest, &situation, &operation);
                for (seed, weather) in (0..).zip(trouble.weathers(changes, reads)) {
                    points += 1;
                    let interrupted = std::panic::catch_unwind(|| {
                        interrupt(seed, at_rest, &situation, &operation, weather)
                    });
                    let Ok(more) = interrupted else {
                        panic!("{name}, {at_rest:?}: {operation:?} in {weather:?}, seed {seed}");
                    };
                    done.add(&more);
                }
            }
        }
    }
    println!("{trouble:?} at {points} points\n{done}");
    (points, done)
}
