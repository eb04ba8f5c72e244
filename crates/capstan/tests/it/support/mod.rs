//! What the stories need: a gateway, a host, a drive as a host sees it, a child process.

use std::thread;
use std::time::{Duration, Instant};

pub(crate) mod child;
pub(crate) mod gateway;
pub(crate) mod host;
pub(crate) mod tape;

pub(crate) use gateway::TestGateway;

/// Waits until `holds`: what happens on other threads takes its time, but not for ever.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within ten seconds");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Returns `length` bytes that follow from `seed` and do not compress well.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
