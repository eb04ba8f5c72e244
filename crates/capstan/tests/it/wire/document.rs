//! `docs/iscsi-conformance.md`, from the checklist and the names of the tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::claims::{CHAPTERS, Claim};

/// The lines that there have to be: a letter, and how many.
const LINES: [(char, usize); 14] = [
    ('L', 16),
    ('K', 13),
    ('C', 10),
    ('N', 9),
    ('D', 4),
    ('R', 11),
    ('U', 3),
    ('T', 6),
    ('P', 3),
    ('X', 7),
    ('O', 7),
    ('G', 3),
    ('E', 4),
    ('B', 8),
];

/// Set to anything, it makes the test write the document instead of comparing it.
const WRITE: &str = "CAPSTAN_WRITE_DOCS";

fn claims() -> impl Iterator<Item = &'static Claim> {
    CHAPTERS.iter().flat_map(|chapter| chapter.claims)
}

/// Returns the tests of this folder by line, as `module::name`.
fn tests_by_line() -> BTreeMap<String, Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/wire");
    let mut modules: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    modules.sort();
    let mut by_line: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in modules {
        let module = path.file_stem().unwrap().to_str().unwrap();
        for name in tests_in(&fs::read_to_string(&path).unwrap()) {
            for line in lines_of(&name) {
                let test = format!("{module}::{name}");
                by_line.entry(line).or_default().push(test);
            }
        }
    }
    by_line
}

/// Returns the names of the test functions of a source file.
fn tests_in(source: &str) -> Vec<String> {
    let mut lines = source.lines();
    let mut names = Vec::new();
    while let Some(line) = lines.next() {
        if line == "#[test]"
            && let Some(function) = lines.next().and_then(|line| line.strip_prefix("fn "))
            && let Some((name, _)) = function.split_once('(')
        {
            names.push(name.to_owned());
        }
    }
    names
}

/// Returns the lines that a test's name begins with: D1 and D2 for `d1_d2_data_in…`.
fn lines_of(name: &str) -> Vec<String> {
    name.split('_')
        .take_while(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .is_some_and(|letter| letter.is_ascii_lowercase())
                && word.len() > 1
                && letters.all(|digit| digit.is_ascii_digit())
        })
        .map(str::to_uppercase)
        .collect()
}

fn document() -> String {
    let tests = tests_by_line();
    let mut text = String::from(INTRODUCTION);
    for chapter in &CHAPTERS {
        write!(text, "\n## {}\n\n", chapter.title).unwrap();
        text.push_str(
            "| Line | Claim | RFC 7143 | Tests | Result | Remarks |\n|---|---|---|---|---|---|\n",
        );
        for claim in chapter.claims {
            let names = tests.get(claim.line).map(Vec::as_slice).unwrap_or_default();
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let sections: Vec<String> = claim
                .sections
                .split(", ")
                .filter(|section| !section.is_empty())
                .map(|section| section_sign(section) + section)
                .collect();
            writeln!(
                text,
                "| {} | {} | {} | {} | pass | {} |",
                claim.line,
                claim.says,
                sections.join(", "),
                names.join("<br>"),
                remarks(claim)
            )
            .unwrap();
        }
    }
    text
}

fn section_sign(section: &str) -> String {
    let is_number = section.starts_with(|first: char| first.is_ascii_digit());
    if is_number { "§" } else { "" }.to_owned()
}

fn remarks(claim: &Claim) -> String {
    match claim.decided {
        "" => String::new(),
        decided => format!("Decided: {decided}."),
    }
}

#[test]
fn the_checklist_has_every_line_once_and_in_order() {
    let expected: Vec<String> = LINES
        .iter()
        .flat_map(|(letter, count)| (1..=*count).map(move |number| format!("{letter}{number}")))
        .collect();
    let there: Vec<&str> = claims().map(|claim| claim.line).collect();
    assert_eq!(there, expected);
}

#[test]
fn every_line_has_a_test_and_every_test_a_line() {
    let tests = tests_by_line();
    for claim in claims() {
        assert!(tests.contains_key(claim.line), "{} has no test", claim.line);
    }
    for (line, tests) in tests {
        let is_known = claims().any(|claim| claim.line == line);
        assert!(is_known, "{tests:?}: there is no line {line}");
    }
}

#[test]
fn names_tell_their_lines() {
    assert_eq!(lines_of("d1_d2_data_in_comes"), ["D1", "D2"]);
    assert_eq!(lines_of("l10_a_long_answer"), ["L10"]);
    assert!(lines_of("names_tell").is_empty());
    assert_eq!(
        tests_in("#[test]\nfn a1_x() {\n}\nfn helper() {}\n"),
        ["a1_x"]
    );
}

#[test]
fn the_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/iscsi-conformance.md");
    let generated = document();
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == generated,
        "docs/iscsi-conformance.md is not what the tests say; write it with\n\
         {WRITE}=1 cargo test -p capstan --test it wire::document"
    );
}

const INTRODUCTION: &str = "\
# iSCSI conformance

What an iSCSI target has to do, line by line, with the tests that show that ours does it. Each of them
speaks PDUs made by hand over TCP to the listener of a whole gateway; they lie in
`crates/capstan/tests/it/wire/` and run with `make unit`, so a test that is named here passes in every
commit, and a line without one fails it. The core alone, without sockets, has further tests of the
same lines in `crates/iscsi/tests/it/`. What others' tool finds stands in
[iscsi-test-cu.md](iscsi-test-cu.md).

ErrorRecoveryLevel is 0, so the lines about error recovery say that there is none.

This file is generated from `crates/capstan/tests/it/wire/claims.rs` and the names of the tests:

```text
CAPSTAN_WRITE_DOCS=1 cargo test -p capstan --test it wire::document
```
";
