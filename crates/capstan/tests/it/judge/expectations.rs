//! What is expected of each test on each kind of unit: a pass, unless a line here says otherwise and
//! why.

use super::report::Outcome;

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

const FAIL: Expected = Expected::Ends(Outcome::Fail);
const SKIP: Expected = Expected::Ends(Outcome::Skip);
const NOT_APPLICABLE: Expected = Expected::NotApplicable;

const LUN_RESET: &str = "the tool's own fault: right after it has queued the reset, and before \
     anything is sent, it asserts what only the answer to that reset sets \
     (`test_async_lu_reset_simple.c`, line 157), and leaves the test. No target can pass. Its log \
     shows the answer all the same, \"function complete\", of which \
     `abort_and_reset_meet_a_write_that_runs` makes sure";

const TOO_MANY_BLOCKS: &str = "the tool's own fault: of 1 to 256 blocks all are as expected but 256, \
     for which the CDB has no room; the byte says 0 then, which is no error (SBC-3 §5.2), and the \
     tool wants one";

const ACCESS: &[&str] = &[
    "ProutReserve.AccessEA",
    "ProutReserve.AccessEAAR",
    "ProutReserve.AccessEARO",
    "ProutReserve.AccessWE",
    "ProutReserve.AccessWEAR",
    "ProutReserve.AccessWERO",
];
const ACCESS_BY_BLOCKS: &str = "the tool tries who may read and write with READ(10) and WRITE(10), \
     commands of disks; the disk passes, and `each_type_admits_whom_it_should` tries it with those \
     of drives";

pub(super) const RAM_DISK: Unit = Unit {
    name: "RAM disk",
    about: "the unmodified tool, and a disk that exists in the tests only, served by the portals, \
            sessions and logical units that serve the tapes",
    exceptions: &[
        line(&["iSCSITMF.LUNResetSimpleAsync"], FAIL, LUN_RESET)
            .failing_at(&["test_async_lu_reset_simple.c:157"]),
        line(&["CompareAndWrite.Simple"], FAIL, TOO_MANY_BLOCKS).failing_at(&[
            "test_compareandwrite_simple.c:71",
            "test_compareandwrite_simple.c:123",
        ]),
        line(&["CompareAndWrite.Miscompare"], FAIL, TOO_MANY_BLOCKS).failing_at(&[
            "test_compareandwrite_miscompare.c:73",
            "test_compareandwrite_miscompare.c:128",
        ]),
        line(
            &[
                "ExtendedCopy",
                "GetLBAStatus",
                "ReadDefectData10",
                "ReadDefectData12",
                "ReceiveCopyResults",
                "Sanitize",
                "WriteAtomic16",
            ],
            SKIP,
            "the disk does not have the command; it would show nothing about the target",
        ),
        line(
            &[
                "CompareAndWrite.InvalidDataOutSize",
                "Unmap",
                "WriteSame10.InvalidDataOutSize",
                "WriteSame10.Unmap",
                "WriteSame10.UnmapUnaligned",
                "WriteSame10.UnmapUntilEnd",
                "WriteSame16.InvalidDataOutSize",
                "WriteSame16.Unmap",
                "WriteSame16.UnmapUnaligned",
                "WriteSame16.UnmapUntilEnd",
            ],
            SKIP,
            "for thinly provisioned disks; this one is fully provisioned",
        ),
        line(
            &["Inquiry.BlockLimits"],
            SKIP,
            "only the part about thin provisioning is skipped, which the disk does not have",
        ),
        line(
            &["NoMedia.NoMediaSBC", "ReadOnly.ReadOnlySBC"],
            SKIP,
            "skipped in parts, for the commands that the disk does not have",
        ),
    ],
};

/// Suites about blocks: disks have them, tapes and changers do not.
const BLOCKS: &[&str] = &[
    "CompareAndWrite",
    "GetLBAStatus",
    "Inquiry.BlockLimits",
    "Inquiry.MandatoryVPDSBC",
    "Mandatory",
    "ModeSense6.Control-SWP",
    "MultipathIO",
    "NoMedia",
    "OrWrite",
    "Prefetch10",
    "Prefetch16",
    "Read10",
    "Read12",
    "Read16",
    "Read6",
    "ReadCapacity10",
    "ReadCapacity16",
    "ReadDefectData10",
    "ReadDefectData12",
    "ReadOnly",
    "Sanitize",
    "Unmap",
    "Verify10",
    "Verify12",
    "Verify16",
    "Write10",
    "Write12",
    "Write16",
    "WriteAtomic16",
    "WriteSame10",
    "WriteSame16",
    "WriteVerify10",
    "WriteVerify12",
    "WriteVerify16",
    "iSCSIdatasn",
    "iSCSIResiduals",
    "iSCSITMF",
];
const BLOCK_COMMANDS: &str = "made of commands of disks, with fixed blocks that have addresses; the \
     tool skips most of it itself on other units";
const PREVENT_SBC: &str = "the tool asks for a disk; `tape-library` has tests of its own for \
     PREVENT ALLOW MEDIUM REMOVAL";
const COPY: &[&str] = &["ExtendedCopy", "ReceiveCopyResults"];
const COPY_MANAGER: &str = "no copy manager";

pub(super) const TAPE: Unit = Unit {
    name: "Tape",
    about: "a drive of the default library with a cartridge in it",
    exceptions: &[
        line(BLOCKS, NOT_APPLICABLE, BLOCK_COMMANDS),
        line(&["PreventAllow"], NOT_APPLICABLE, PREVENT_SBC),
        line(COPY, NOT_APPLICABLE, COPY_MANAGER),
        line(
            &["ModeSense6.Control-D_SENSE"],
            SKIP,
            "the tool provokes the sense data with READ(16), which drives of this kind do not have",
        ),
        line(
            &["StartStopUnit.PwrCnd"],
            FAIL,
            "operation code 1Bh is LOAD UNLOAD (SSC-5 §7.3): what START STOP UNIT calls POWER \
             CONDITION is reserved there, and a reserved bit that is set is refused (24/00), as \
             everywhere in our command table",
        )
        .failing_at(&["test_startstopunit_pwrcnd.c:43"]),
        line(
            &["StartStopUnit.NoLoej"],
            FAIL,
            "operation code 1Bh is LOAD UNLOAD (SSC-5 §7.3): there is no LOEJ bit, its place is \
             RETEN's, and LOAD=0 unloads, as backup software expects; NO_FLUSH is EOT there, which does not go \
             together with LOAD=1",
        )
        .failing_at(&[
            "test_startstopunit_noloej.c:44",
            "test_startstopunit_noloej.c:60",
            "test_startstopunit_noloej.c:76",
            "test_startstopunit_noloej.c:80",
            "test_startstopunit_noloej.c:84",
            "test_startstopunit_noloej.c:92",
            "test_startstopunit_noloej.c:96",
            "test_startstopunit_noloej.c:100",
        ]),
        line(ACCESS, NOT_APPLICABLE, ACCESS_BY_BLOCKS),
    ],
};

pub(super) const CHANGER: Unit = Unit {
    name: "Changer",
    about: "the media changer of the default library",
    exceptions: &[
        line(BLOCKS, NOT_APPLICABLE, BLOCK_COMMANDS),
        line(&["PreventAllow"], NOT_APPLICABLE, PREVENT_SBC),
        line(COPY, NOT_APPLICABLE, COPY_MANAGER),
        line(
            &["StartStopUnit"],
            NOT_APPLICABLE,
            "a changer has neither START STOP UNIT nor LOAD UNLOAD; `StartStopUnit.Simple` takes \
             the refusal for a failure",
        ),
        line(
            &["ModeSense6.Control-D_SENSE"],
            SKIP,
            "the tool provokes the sense data with READ(16), which changers do not have",
        ),
        line(ACCESS, NOT_APPLICABLE, ACCESS_BY_BLOCKS),
    ],
};

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
            let fails = line.expected == FAIL;
            assert_eq!(fails, !line.failing.is_empty(), "{:?}", line.tests);
        }
    }
}
