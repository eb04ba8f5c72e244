//! All drives at work at once, with a model beside each that knows what must be on its tape.
//!
//! - [`kill`]: the daemon dies at random times under four streams; nothing that it acknowledged as
//!   durable is ever missing or changed.
//! - [`soak`]: mixed work for as long as one likes; nothing is lost, and memory and file descriptors
//!   stay flat.
//!
//! Both follow from a seed, which a failure prints; `CAPSTAN_STRESS_SEED` sets it. Threads and sockets
//! do not follow it, so a seed makes the same work again and not the same race.

mod kill;
mod model;
mod player;
mod soak;

/// Returns the number in an environment variable, or `default`.
fn setting(name: &str, default: u64) -> u64 {
    let text = std::env::var(name);
    text.map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text}: a number is wanted"))
    })
}

/// The seed of this run; it is printed, so that a failure tells it.
fn seed() -> u64 {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = setting("CAPSTAN_STRESS_SEED", clock.unwrap().as_secs());
    println!("CAPSTAN_STRESS_SEED={seed}");
    seed
}
