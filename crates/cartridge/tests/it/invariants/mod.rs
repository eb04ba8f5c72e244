//! The invariants of a cartridge, each a test with its number in its name.
//!
//! `docs/cartridge-invariants.md` says which is which and what is still open; it names no test that does not
//! exist, and leaves none out.

mod alone;
mod content;
mod crash;
mod damage;
mod files;
mod memory;
mod small_files;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names of the tests in Rust source, by their `fn` in the line after `#[test]`.
fn tests_in(source: &str) -> impl Iterator<Item = &str> {
    let pairs = source.lines().zip(source.lines().skip(1));
    pairs
        .filter(|(before, _)| before.trim() == "#[test]")
        .filter_map(|(_, line)| {
            let name = line.trim().strip_prefix("fn ")?;
            name.split_once('(').map(|(name, _)| name)
        })
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_table_names_the_tests_that_there_are() {
    let table = read(&repository().join("docs/cartridge-invariants.md"));
    let mut named = BTreeSet::new();
    let mut numbers = Vec::new();
    let mut file = String::new();
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        let number = row.trim_start_matches("| ").split_whitespace().next();
        numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
        // Test names are in backquotes and follow the file that they are in.
        for word in row.split('`').skip(1).step_by(2) {
            if word.contains(".rs") {
                file = read(&repository().join(word));
            } else if word.contains('_')
                && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            {
                assert!(
                    tests_in(&file).any(|test| test == word),
                    "there is no test {word}"
                );
                named.insert(word.to_owned());
            }
        }
    }
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    for entry in fs::read_dir(repository().join("crates/cartridge/tests/it/invariants")).unwrap() {
        let source = read(&entry.unwrap().path());
        for test in tests_in(&source).filter(|test| test.starts_with("invariant_")) {
            assert!(named.contains(test), "{test} is not in the table");
        }
    }
}
