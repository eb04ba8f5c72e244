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
fn unit() {
    replay("unit");
}
