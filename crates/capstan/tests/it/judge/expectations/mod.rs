//! What is expected of each test on each kind of unit: a pass, unless a line of [`tables`] says
//! otherwise and why.

mod tables;

use super::report::Outcome;
pub(super) use tables::{CHANGER, RAM_DISK, TAPE};

/// A kind of logical unit that is judged.
pub(super) struct Unit {
    /// Its name in the documentation.
    pub(super) name: &'static str,
    /// What is said of it there.
    pub(super) about: &'static str,
    /// The tests that do not pass.
    pub(super) exceptions: &'static [Exception],
}

/// Tests that do not pass.
pub(super) struct Exception {
    /// `Suite` for a whole suite, `Suite.Test` for one test. One test goes before a suite.
    pub(super) tests: &'static [&'static str],
    pub(super) expected: Expected,
    /// A clause, without a full stop.
    pub(super) why: &'static str,
    /// Of tests that fail, the assertions that do: `file:line` of the tool's source. Another one
    /// would not be explained by the clause.
    pub(super) failing: &'static [&'static str],
}

/// What comes of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// It runs and ends so.
    Ends(Outcome),
    /// It is not run.
    NotApplicable,
}

impl Expected {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ends(outcome) => outcome.name(),
            Self::NotApplicable => "not applicable",
        }
    }
}

/// A test whose result the tool leaves to chance. It may be repeated until it ends as expected.
pub(super) struct Race {
    pub(super) test: &'static str,
    /// A clause, without a full stop.
    pub(super) why: &'static str,
}

/// How often a race is run before its result is believed.
pub(super) const ATTEMPTS_MAX: u32 = 5;

/// All races.
pub(super) const RACES: &[Race] = &[Race {
    test: "PreventAllow.ITNexusLoss",
    why: "the tool closes its connection without a logout and at once logs in again as another \
          initiator port, to eject what the first port has prevented; nothing tells it when the end \
          of the first connection has been noticed, and on a busy machine the second one may be \
          quicker",
}];

/// Returns how often `test` may be run.
pub(super) fn attempts(test: &str) -> u32 {
    if RACES.iter().any(|race| race.test == test) {
        ATTEMPTS_MAX
    } else {
        1
    }
}

impl Unit {
    /// Returns what is expected of `test`.
    pub(super) fn expected(&self, test: &str) -> Expected {
        self.exception(test)
            .map_or(Expected::Ends(Outcome::Pass), |line| line.expected)
    }

    /// Returns the line that `test` falls under.
    pub(super) fn exception(&self, test: &str) -> Option<&'static Exception> {
        let suite = test.split_once('.').map_or(test, |(suite, _)| suite);
        [test, suite].iter().find_map(|name| {
            let mut lines = self.exceptions.iter();
            lines.find(|line| line.tests.contains(name))
        })
    }
}

const fn line(tests: &'static [&'static str], expected: Expected, why: &'static str) -> Exception {
    Exception {
        tests,
        expected,
        why,
        failing: &[],
    }
}

impl Exception {
    const fn failing_at(self, failing: &'static [&'static str]) -> Self {
        Self { failing, ..self }
    }
}

/// All kinds.
pub(super) const UNITS: [&Unit; 3] = [&RAM_DISK, &TAPE, &CHANGER];

#[test]
fn every_line_is_about_a_test_and_no_test_has_two() {
    for unit in UNITS {
        let mut named: Vec<&str> = Vec::new();
        for line in unit.exceptions {
            for name in line.tests {
                let about = super::suites::tests()
                    .any(|test| test == *name || test.starts_with(&format!("{name}.")));
                assert!(about, "{}: there is no {name}", unit.name);
                assert!(!named.contains(name), "{}: {name} twice", unit.name);
                named.push(name);
            }
            let fails = line.expected == Expected::Ends(Outcome::Fail);
            assert_eq!(fails, !line.failing.is_empty(), "{:?}", line.tests);
        }
    }
}
