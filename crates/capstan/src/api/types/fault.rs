//! Faults on order, on the wire.

use serde::{Deserialize, Serialize};

/// `POST /api/v1/faults`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewFault {
    /// `changer`, `drive:N` or `tape:BARCODE`.
    pub subject: String,
    /// What goes wrong.
    pub effect: FaultEffect,
    /// For `sense` and `slow`: which commands, by name or operation code. Default: `any`, which is all
    /// but INQUIRY, REPORT LUNS and REQUEST SENSE.
    #[serde(default)]
    pub commands: Option<String>,
    /// Strikes first at the n-th time. Default: 1.
    #[serde(default)]
    pub nth: Option<u32>,
    /// How often it strikes. Default: once; a bad block, and what is a state rather than an event, until
    /// it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// Strikes until it is cleared.
    #[serde(default)]
    pub until_cleared: bool,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultEffect {
    /// A command is not run and ends in CHECK CONDITION.
    Sense {
        /// Key, code and qualifier: `3/11/00` or `medium error/unrecovered read error`.
        sense: String,
        /// FILEMARK.
        #[serde(default)]
        filemark: bool,
        /// EOM.
        #[serde(default)]
        end_of_medium: bool,
        /// ILI.
        #[serde(default)]
        incorrect_length: bool,
        /// The error is told of an earlier command.
        #[serde(default)]
        deferred: bool,
        /// INFORMATION.
        #[serde(default)]
        information: Option<i64>,
    },
    /// A command waits before it runs.
    Slow {
        /// So long.
        milliseconds: u64,
    },
    /// A block or filemark cannot be read.
    BadBlock {
        /// Its number, as `mt tell` counts.
        block: u64,
        /// Its partition.
        #[serde(default)]
        partition: u8,
    },
    /// Writing fails.
    WriteError {
        /// From this block on. Default: everywhere.
        #[serde(default)]
        block: Option<u64>,
    },
    /// The tape counts as write protected.
    WriteProtect,
    /// What is written lies behind early warning.
    EarlyWarning {
        /// From this block on. Default: everywhere.
        #[serde(default)]
        block: Option<u64>,
        /// In this partition.
        #[serde(default)]
        partition: u8,
    },
    /// There is no room for what is written.
    EndOfMedium {
        /// From this block on. Default: everywhere.
        #[serde(default)]
        block: Option<u64>,
        /// In this partition.
        #[serde(default)]
        partition: u8,
    },
    /// The robot does not move.
    RobotStuck,
    /// The robot drops the tape.
    RobotDrop,
    /// The drive asks for a cleaning tape.
    NeedsCleaning,
    /// TapeAlert flags are raised.
    TapeAlert {
        /// Their numbers, 1 to 64.
        flags: Vec<u8>,
    },
    /// The mechanics take their time: delays in milliseconds in place of the configured ones.
    Delays {
        /// Until a loaded tape is ready.
        #[serde(default)]
        load: Option<u64>,
        /// To take a tape out of the path.
        #[serde(default)]
        unload: Option<u64>,
        /// REWIND.
        #[serde(default)]
        rewind: Option<u64>,
        /// LOCATE and SPACE.
        #[serde(default)]
        locate: Option<u64>,
        /// The robot's way.
        #[serde(default)]
        transport: Option<u64>,
        /// To clean a drive.
        #[serde(default)]
        clean: Option<u64>,
    },
}

/// `GET /api/v1/faults`, one of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Its number.
    pub number: u32,
    /// `changer`, `drive:N` or `tape:BARCODE`.
    pub subject: String,
    /// What goes wrong, in words.
    pub effect: String,
    /// When, in words.
    pub when: String,
    /// How often it could have struck so far.
    pub met: u64,
    /// How often it has struck.
    pub struck: u32,
    /// Whether it has struck as often as it was to.
    pub over: bool,
}

/// `POST /api/v1/changer/put`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Put {
    /// A tape that is in no place.
    pub barcode: String,
    /// Where to put it: a free slot or import/export slot.
    pub to: super::Place,
}
