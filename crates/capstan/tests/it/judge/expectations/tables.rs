//! The tests that do not pass, by kind of unit.

use super::{Expected, Unit, line};
use crate::judge::report::Outcome;

const FAIL: Expected = Expected::Ends(Outcome::Fail);
const SKIP: Expected = Expected::Ends(Outcome::Skip);
const NOT_APPLICABLE: Expected = Expected::NotApplicable;

const LUN_RESET: &str = "the tool's own fault: right after it has queued the reset, and before \
     anything is sent, it asserts what only the answer to that reset sets \
     (`test_async_lu_reset_simple.c`, line 157), and leaves the test. No target can pass. Its log \
     shows the answer all the same, \"function complete\", of which \
     `abort_and_reset_meet_a_write_that_runs` makes sure";

const TOO_MANY_BLOCKS: &str = "the tool's own fault: of 1 to 256 blocks all are as expected but 256, \
     for which the CDB has no room; the byte says 0 then, which is no error (SBC-3, COMPARE AND WRITE), and the \
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

pub(in crate::judge) const RAM_DISK: Unit = Unit {
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

pub(in crate::judge) const TAPE: Unit = Unit {
    name: "Tape",
    about: "a drive of the default library with a cartridge in it",
    exceptions: &[
        line(BLOCKS, NOT_APPLICABLE, BLOCK_COMMANDS),
        line(&["PreventAllow"], NOT_APPLICABLE, PREVENT_SBC),
        line(COPY, NOT_APPLICABLE, COPY_MANAGER),
        line(
            &["ModeSense6.Control-D_SENSE"],
            FAIL,
            "the tool provokes the sense data with a READ(16) behind the end of a disk and wants a \
             disk's LBA OUT OF RANGE; a drive's READ(16) (SSC-5 §5.4) has other fields and is refused \
             for them (24/00). D_SENSE itself is tested in `tape-library`",
        )
        .failing_at(&["test_modesense6_control_d_sense.c:73"]),
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

pub(in crate::judge) const CHANGER: Unit = Unit {
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
