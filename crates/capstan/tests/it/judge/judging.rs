//! Runs what applies to a unit, several tests at a time, and compares with what is expected.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::expectations::{Expected, Unit, attempts};
use super::report::{self, Outcome};
use super::tool::Verdict;

/// Runs every test that applies to `unit`. Each of `benches` runs one test at a time, by `run`.
///
/// # Panics
/// If a test ends otherwise than expected, for the worse or for the better.
pub(super) fn judge<B: Sync>(
    unit: &Unit,
    tests: &[String],
    benches: &[B],
    run: impl Fn(&B, &str) -> Verdict + Sync,
) {
    let applicable: Vec<&String> = tests
        .iter()
        .filter(|test| unit.expected(test) != Expected::NotApplicable)
        .collect();
    let next = AtomicUsize::new(0);
    let surprises = Mutex::new(Surprises::default());
    std::thread::scope(|scope| {
        for bench in benches {
            scope.spawn(|| {
                while let Some(test) = applicable.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let as_expected =
                        |verdict: &Verdict| unit.expected(test) == Expected::Ends(verdict.outcome);
                    let mut verdict = run(bench, test);
                    for _ in 1..attempts(test) {
                        if !as_expected(&verdict) {
                            verdict = run(bench, test);
                        }
                    }
                    surprises.lock().unwrap().add(unit, test, &verdict);
                }
            });
        }
    });
    surprises.into_inner().unwrap().tell(unit);
}

/// What did not end as expected.
#[derive(Default)]
struct Surprises {
    worse: String,
    better: String,
}

impl Surprises {
    fn add(&mut self, unit: &Unit, test: &str, verdict: &Verdict) {
        let expected = match unit.expected(test) {
            Expected::Ends(outcome) => outcome,
            Expected::NotApplicable => Outcome::Pass,
        };
        let found = verdict.outcome;
        let explained = unit.exception(test).map_or(&[][..], |line| line.failing);
        let failing = report::failing(verdict.told());
        if found == expected && failing == explained {
            return;
        }
        let ended = format!(
            "{test}: {} {failing:?}, expected {} {explained:?}",
            found.name(),
            expected.name()
        );
        if found.badness() < expected.badness() {
            writeln!(self.better, "{ended}").unwrap();
        } else {
            writeln!(
                self.worse,
                "--- {ended}. The tool says:\n{}",
                verdict.told()
            )
            .unwrap();
        }
    }

    fn tell(&self, unit: &Unit) {
        let name = unit.name;
        assert!(self.worse.is_empty(), "{name}:\n{}", self.worse);
        assert!(
            self.better.is_empty(),
            "{name}: better than judge/expectations/tables.rs says:\n{}\
             Take the lines out there, then write the document anew with\n{}",
            self.better,
            super::document::WRITE_IT
        );
    }
}
