//! What a run of `iscsi-test-cu` came to, read from what it printed.

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Every assertion held.
    Pass,
    /// Nothing failed, but the tool says of all or a part of the test that it was skipped.
    Skip,
    /// An assertion failed.
    Fail,
    /// The tool did not end in time.
    Hang,
    /// A signal ended the tool.
    Crash,
    /// The tool ended before the test, or said nothing of it.
    Error,
}

impl Outcome {
    /// Returns its name as the documentation has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Skip => "skip",
            Self::Fail => "fail",
            Self::Hang => "hang",
            Self::Crash => "crash",
            Self::Error => "error",
        }
    }

    /// Returns how bad it is; what is equally bad is still not the same.
    pub(super) fn badness(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Skip => 1,
            Self::Fail => 2,
            Self::Hang | Self::Crash | Self::Error => 3,
        }
    }
}

/// Reads the output of a run that ended by itself. It holds one test:
///
/// ```text
/// …what main() asks of every unit…
/// Suite: Inquiry
///   Test: Standard ...
///     …lines of the test…
/// passed    …what the suite does at its end…
///
/// Run Summary:    Type  Total    Ran Passed Failed Inactive
///               suites      1      1    n/a      0        0
///                tests      1      1      1      0        0
/// ```
pub(super) fn outcome(output: &str) -> Outcome {
    match tests_row(output) {
        Some([1, 1, 1, 0]) if is_skipped(told(output)) => Outcome::Skip,
        Some([1, 1, 1, 0]) => Outcome::Pass,
        Some([1, 1, 0, 1]) => Outcome::Fail,
        _ => Outcome::Error,
    }
}

/// Returns what the test itself printed; all of the output when it cannot be told apart.
pub(super) fn told(output: &str) -> &str {
    let Some((_, test)) = output.split_once("\n  Test: ") else {
        return output;
    };
    // The verdict stands at the beginning of a line, or after the dots when the test was silent.
    ["\npassed", "...passed", "\n\nRun Summary"]
        .iter()
        .filter_map(|end| test.find(end))
        .min()
        .map_or(test, |end| &test[..end])
}

/// A test that sends a command says so; one that says nothing has looked at something and gone away.
fn is_skipped(told: &str) -> bool {
    let said_nothing = told.lines().count() < 2;
    told.contains("[SKIPPED]") || said_nothing
}

/// Returns the assertions that failed, each once, as `file:line` of the tool's source.
pub(super) fn failing(told: &str) -> Vec<&str> {
    let mut found = Vec::new();
    // `    1. test_read6_simple.c:39  - CU_ASSERT_EQUAL(_r,0)`
    for line in told.lines() {
        let mut words = line.split_whitespace();
        if let (Some(number), Some(place), Some("-")) = (words.next(), words.next(), words.next())
            && number
                .strip_suffix('.')
                .is_some_and(|number| number.parse::<u32>().is_ok())
            && !found.contains(&place)
        {
            found.push(place);
        }
    }
    found
}

/// Returns total, ran, passed and failed.
fn tests_row(output: &str) -> Option<[u32; 4]> {
    let (_, summary) = output.rsplit_once("Run Summary:")?;
    let row = summary.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("tests")).then_some(words)
    })?;
    let numbers: Vec<u32> = row.map_while(|word| word.parse().ok()).collect();
    numbers.get(..4)?.try_into().ok()
}

/// Frames `test` as the tool does. Start and end of a suite have words of their own.
fn output(test: &str, passed: u32) -> String {
    format!(
        "    [SKIPPED] PERSISTENT RESERVE IN is not implemented.\n\nSuite: Inquiry\n  \
         Test: Standard ...{test}    [SKIPPED] PERSISTENT RESERVE IN is not implemented.\n\n\
         Run Summary:    Type  Total    Ran Passed Failed Inactive\n              \
         suites      1      1    n/a      0        0\n               \
         tests      1      1      {passed}      {}        0\n             \
         asserts      5      5      5      0      n/a\n",
        1 - passed
    )
}

#[test]
fn verdicts_are_read_from_the_test_and_not_from_what_surrounds_it() {
    assert_eq!(outcome(&output("\n    Verify\npassed", 1)), Outcome::Pass);
    assert_eq!(outcome(&output("passed", 1)), Outcome::Skip, "silence");
    let skipped = "\n    [SKIPPED] READ16 is not implemented.\npassed";
    assert_eq!(outcome(&output(skipped, 1)), Outcome::Skip);
    let failed = "\n    [FAILED] no\nFAILED\n    1. test.c:43  - CU_ASSERT_EQUAL(_r,0)";
    assert_eq!(outcome(&output(failed, 0)), Outcome::Fail);
    assert_eq!(failing(told(&output(failed, 0))), ["test.c:43"]);
}

#[test]
fn a_tool_that_never_came_to_its_test_is_an_error() {
    assert_eq!(
        outcome("Failed to connect to SCSI device 0\n"),
        Outcome::Error
    );
    assert_eq!(outcome(""), Outcome::Error);
}
