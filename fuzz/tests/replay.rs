//! Every input that was ever worth keeping still does no harm: the corpora, and what was found.

#![allow(clippy::unwrap_used)] // a test says what it expects by failing

use std::fs;
use std::path::{Path, PathBuf};

fn inputs(folder: &str, target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(target);
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut inputs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    inputs
}

fn replay(target: &str) {
    let (_, run) = fuzz::TARGETS
        .iter()
        .find(|(name, _)| *name == target)
        .unwrap();
    let seeds = inputs("corpus", target);
    assert!(!seeds.is_empty(), "{target} has a corpus");
    for path in seeds.iter().chain(&inputs("regressions", target)) {
        let input = fs::read(path).unwrap();
        let kept = std::panic::catch_unwind(|| run(&input)).is_ok();
        assert!(kept, "{} broke a rule, see above", path.display());
    }
}

#[test]
fn cdb() {
    replay("cdb");
}

#[test]
fn chap() {
    replay("chap");
}

#[test]
fn login() {
    replay("login");
}

#[test]
fn pdu() {
    replay("pdu");
}

#[test]
fn connection() {
    replay("connection");
}

#[test]
fn foreign() {
    replay_and_mutate("foreign");
}

#[test]
fn unit() {
    replay("unit");
}

/// Runs the target on each input of its corpus and on copies with a few bytes changed, cut or doubled, as
/// many as `CAPSTAN_FUZZ_COPIES` says: what a compiler without a fuzzer can do.
fn replay_and_mutate(target: &str) {
    replay(target);
    let copies = std::env::var("CAPSTAN_FUZZ_COPIES").map_or(20, |text| text.parse().unwrap());
    let (_, run) = fuzz::TARGETS
        .iter()
        .find(|(name, _)| *name == target)
        .unwrap();
    let mut state = 1u64;
    let mut below = move |limit: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % limit.max(1)
    };
    let paths = inputs("corpus", target);
    println!(
        "{target}: {copies} copies of each of {} inputs",
        paths.len()
    );
    for path in paths {
        let seed = fs::read(&path).unwrap();
        for _ in 0..copies {
            let mut input = seed.clone();
            for _ in 0..=below(6) {
                let at = below(input.len());
                match below(4) {
                    0 => input.truncate(at),
                    1 => input.extend_from_within(at..),
                    2 => input.insert(at, u8::try_from(below(256)).unwrap()),
                    _ => {
                        if let Some(byte) = input.get_mut(at) {
                            *byte = u8::try_from(below(256)).unwrap();
                        }
                    }
                }
                input.truncate(4096);
            }
            let kept = std::panic::catch_unwind(|| run(&input)).is_ok();
            assert!(kept, "{target} broke a rule on {input:02x?}");
        }
    }
}

#[test]
fn cartridge_chain() {
    replay_and_mutate("cartridge_chain");
}

#[test]
fn cartridge_directory() {
    replay_and_mutate("cartridge_directory");
}

#[test]
fn cartridge_frames() {
    replay_and_mutate("cartridge_frames");
}

#[test]
fn cartridge_lines() {
    replay_and_mutate("cartridge_lines");
}

#[test]
fn cartridge_segment() {
    replay_and_mutate("cartridge_segment");
}
