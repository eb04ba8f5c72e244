//! `docs/iscsi-test-cu.md`, from the table of expectations.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::expectations::{ATTEMPTS_MAX, Exception, Expected, RACES, Race, UNITS, Unit};
use super::report::Outcome;
use super::suites::{SUITES, tests};

/// How the document is written.
pub(super) const WRITE_IT: &str =
    "CAPSTAN_WRITE_DOCS=1 cargo test -p capstan --test it judge::document";
/// Set to anything, it makes the test write the document instead of comparing it.
const WRITE: &str = "CAPSTAN_WRITE_DOCS";

fn document() -> String {
    let mut text = String::from(INTRODUCTION);
    text.push_str(&scoreboard());
    text.push_str(PEERS);
    for Race { test, why } in RACES {
        writeln!(text, "\n`{test}` is run up to {ATTEMPTS_MAX} times: {why}.").unwrap();
    }
    for unit in UNITS {
        write!(text, "\n## {}: what does not pass\n\n", unit.name).unwrap();
        text.push_str("| Tests | Result | Why |\n|---|---|---|\n");
        for line in unit.exceptions {
            let names: Vec<String> = names(unit, line);
            if !names.is_empty() {
                let result = line.expected.name();
                writeln!(text, "| {} | {result} | {} |", names.join(", "), line.why).unwrap();
            }
        }
    }
    text.push_str("\n## Every test\n\n| Test | ");
    let units: Vec<&str> = UNITS.iter().map(|unit| unit.name).collect();
    writeln!(text, "{} |\n|---|---|---|---|", units.join(" | ")).unwrap();
    for test in tests() {
        let results: Vec<&str> = UNITS.iter().map(|unit| result(unit, &test)).collect();
        writeln!(text, "| `{test}` | {} |", results.join(" | ")).unwrap();
    }
    text
}

fn result(unit: &Unit, test: &str) -> &'static str {
    match unit.expected(test) {
        Expected::NotApplicable => "–",
        ends @ Expected::Ends(_) => ends.name(),
    }
}

fn scoreboard() -> String {
    let mut text = String::from(
        "| Unit | Pass | Skip | Fail | Hang, crash, error | Not applicable |\n\
         |---|---|---|---|---|---|\n",
    );
    for unit in UNITS {
        let count = |wanted: &[Expected]| {
            tests()
                .filter(|test| wanted.contains(&unit.expected(test)))
                .count()
        };
        writeln!(
            text,
            "| **{}**: {} | {} | {} | {} | {} | {} |",
            unit.name,
            unit.about,
            count(&[Expected::Ends(Outcome::Pass)]),
            count(&[Expected::Ends(Outcome::Skip)]),
            count(&[Expected::Ends(Outcome::Fail)]),
            count(&[Outcome::Hang, Outcome::Crash, Outcome::Error].map(Expected::Ends)),
            count(&[Expected::NotApplicable]),
        )
        .unwrap();
    }
    text
}

/// Returns what a line is about, without what another line says more exactly: suites by name and
/// number of tests.
fn names(unit: &Unit, line: &'static Exception) -> Vec<String> {
    let is_meant = |test: &str| {
        let exception = unit.exception(test);
        exception.is_some_and(|exception| std::ptr::eq(exception, line))
    };
    let mut names = Vec::new();
    for (suite, tests) in SUITES {
        let meant: Vec<String> = tests
            .iter()
            .map(|test| format!("{suite}.{test}"))
            .filter(|test| is_meant(test))
            .collect();
        match meant.len() {
            0 => {}
            1 => names.push(format!("`{}`", meant[0])),
            count if count == tests.len() => names.push(format!("`{suite}` ({count})")),
            _ => names.extend(meant.iter().map(|test| format!("`{test}`"))),
        }
    }
    names
}

#[test]
fn the_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/iscsi-test-cu.md");
    let generated = document();
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == generated,
        "docs/iscsi-test-cu.md is not what judge/expectations/tables.rs says; write it with\n{WRITE_IT}"
    );
}

const INTRODUCTION: &str = "\
# An independent judge: iscsi-test-cu

`iscsi-test-cu` is the conformance tool of libiscsi, written by others for other targets. Every commit
is judged by the one that Debian ships (`libiscsi-bin` 1.19.0-3), unmodified, and what it finds has to
be what stands here: a test that ends worse fails `make test`, and so does one that ends better, until
it is written down.

The tool knows disks only. Therefore it is pointed at three kinds of units. A disk in memory, which
exists in the tests only, lets it judge what all units share: residuals, DataSN, CmdSN, task
management, reservations, large and small transfers. Tape and changer are judged by what is not about
blocks. On these two the tool would end before its first test, for want of a capacity; a small library
loaded before libiscsi answers that one question, and touches nothing else
(`crates/capstan/tests/it/judge/preload/capacity.c`).

Each test has a process and a unit of its own, or at least one that is put in order before. A pass is a
test in which every assertion held; a skip is one of which the tool says that it left out all or a part;
what is not applicable is not run. What is about iSCSI more than about blocks runs a second time with
header digests, which another such library asks for. Two more programs of libiscsi, `iscsi-ls` and
`iscsi-inq`, try discovery, REPORT LUNS, and CHAP in one direction and in both (`judge/programs.rs`). The
project's own tests on the wire are in [iscsi-conformance.md](iscsi-conformance.md).

This file is generated from `crates/capstan/tests/it/judge/expectations/tables.rs`:

```text
CAPSTAN_WRITE_DOCS=1 cargo test -p capstan --test it judge::document
```

## Scoreboard

";

const PEERS: &str = "
Beside it, what the same tool said in November 2026 of the other open targets that have tapes, on their
tape or changer units, where 73 tests were counted (pass/fail/skip): tgt 1.0.85 tape 17/2/54, tgt
changer 14/3/56, istgt tape 14/9/42. On disk units: tgt 47/8/12, LIO of Linux 6.1 30/25/16, of whose
failures 18 are owed to the machine it ran on.
";
