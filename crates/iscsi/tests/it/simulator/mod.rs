//! Several initiators, their sessions, and one library, over links that delay, split, stall and break,
//! in a world with a clock of its own. Everything that happens follows from a seed.
//!
//! ```text
//!  session ── Initiator ══ up ═══► Connection ─┐
//!                       ◄═ down ══             ├── Library: blocks, commands that take their time
//!  session ── Initiator ══ up ═══► Connection ─┘
//! ```
//!
//! What is judged: the target's PDUs, by `fuzz::tap` and by the strict initiator; what is read, by a
//! history of each block; that no command of a session acts after the next session of the same
//! initiator port has begun; that everything comes to its end once the links hold; and that then no
//! task, no window and no memory is left over.
//!
//! `CAPSTAN_SIMULATOR_SEEDS=n` runs n seeds; `CAPSTAN_SIMULATOR_SEED=s` replays one and tells what
//! happens.

mod library;
mod link;
mod random;
mod session;
mod world;

use world::World;

/// How many seeds run when nobody says how many.
const SEEDS_DEFAULT: u64 = 300;

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a number"))
}

#[test]
fn every_command_ends_and_no_data_is_mixed_up() {
    if let Some(seed) = variable("CAPSTAN_SIMULATOR_SEED") {
        World::new(seed, world::Story::Told).run();
        return;
    }
    let seeds = variable("CAPSTAN_SIMULATOR_SEEDS").unwrap_or(SEEDS_DEFAULT);
    for seed in 0..seeds {
        let run = || World::new(seed, world::Story::Silent).run();
        assert!(
            std::panic::catch_unwind(run).is_ok(),
            "replay with CAPSTAN_SIMULATOR_SEED={seed}"
        );
    }
    println!("{seeds} seeds");
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = |seed| World::new(seed, world::Story::Silent).run();
    assert_eq!(story(7), story(7));
    assert_ne!(story(7), story(8));
}
