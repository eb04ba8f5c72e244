//! A fault: whose, what, when, and how often.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use scsi::{Sense, describe};

use super::{Commands, DelayOverrides, FAULTS_MAX};
use crate::element::ElementName;

/// Who has a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The changer with its robot.
    Changer,
    /// A drive, by its number from 0.
    Drive(u16),
    /// A cartridge, by its barcode, whichever drive it is in.
    Cartridge(String),
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(barcode) = text.strip_prefix("tape:")
            && !barcode.is_empty()
        {
            return Ok(Self::Cartridge(barcode.to_owned()));
        }
        match (text, text.parse()) {
            ("changer", _) => Ok(Self::Changer),
            (_, Ok(ElementName::Drive(number))) => Ok(Self::Drive(number)),
            _ => Err(format!(
                "`{text}` has no faults; write changer, drive:N (from 0) or tape:BARCODE"
            )),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changer => f.write_str("changer"),
            Self::Drive(number) => write!(f, "drive:{number}"),
            Self::Cartridge(barcode) => write!(f, "tape:{barcode}"),
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A command is not run and ends in CHECK CONDITION with these sense data.
    Sense(Sense),
    /// A command waits so long before it is run.
    Slow(Duration),
    /// A block (or filemark) cannot be read: MEDIUM ERROR 11/00. The position stays before it, as with
    /// a damaged file.
    BadBlock {
        /// The partition.
        partition: u8,
        /// The block, as READ POSITION counts.
        block: u64,
    },
    /// Appending fails: MEDIUM ERROR 0C/00.
    WriteError {
        /// From this block on; everywhere without it.
        block: Option<u64>,
    },
    /// The cartridge counts as write protected: DATA PROTECT 27/00.
    WriteProtect,
    /// What is written lies behind early warning.
    EarlyWarning {
        /// The partition.
        partition: u8,
        /// From this block on; everywhere without it.
        from: Option<u64>,
    },
    /// There is no room for what is written: VOLUME OVERFLOW 00/02.
    EndOfMedium {
        /// The partition.
        partition: u8,
        /// From this block on; everywhere without it.
        from: Option<u64>,
    },
    /// The robot does not move: HARDWARE ERROR 15/01. The cartridge stays where it is.
    RobotStuck,
    /// The robot loses the cartridge on its way: HARDWARE ERROR 15/01. The cartridge is in no element
    /// until somebody puts it back.
    RobotDrop,
    /// The drive asks for cleaning: TapeAlert flag 20, REQUEST SENSE with 00/17. A cleaning cartridge
    /// helps.
    NeedsCleaning,
    /// TapeAlert flags are raised, 1 to 64.
    TapeAlert(Vec<u8>),
    /// The mechanics take their time.
    Delays(DelayOverrides),
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = |f: &mut fmt::Formatter<'_>, block: &Option<u64>| match block {
            Some(block) => write!(f, " from block {block} on"),
            None => Ok(()),
        };
        match self {
            Self::Sense(sense) => f.write_str(&describe::sense(sense)),
            Self::Slow(wait) => write!(f, "slow by {wait:?}"),
            Self::BadBlock { partition, block } => {
                write!(f, "bad block {block}")?;
                if *partition > 0 {
                    write!(f, " of partition {partition}")?;
                }
                Ok(())
            }
            Self::WriteError { block } => f.write_str("write error").and_then(|()| from(f, block)),
            Self::WriteProtect => f.write_str("write protected"),
            Self::EarlyWarning { from: block, .. } => {
                f.write_str("early warning").and_then(|()| from(f, block))
            }
            Self::EndOfMedium { from: block, .. } => {
                f.write_str("end of medium").and_then(|()| from(f, block))
            }
            Self::RobotStuck => f.write_str("robot stuck"),
            Self::RobotDrop => f.write_str("robot drops the tape"),
            Self::NeedsCleaning => f.write_str("needs cleaning"),
            Self::TapeAlert(flags) => write!(f, "TapeAlert {flags:?}"),
            Self::Delays(delays) => write!(f, "delays: {delays}"),
        }
    }
}

/// A fault as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFault {
    /// Whose.
    pub subject: Subject,
    /// What.
    pub effect: Effect,
    /// For [`Effect::Sense`] and [`Effect::Slow`]: which commands.
    pub commands: Commands,
    /// Strikes first at the n-th time, from 1.
    pub nth: u32,
    /// How often it strikes; `None`: until it is cleared.
    pub times: Option<u32>,
}

/// A fault that an administrator cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There are too many.
    #[error("faults: {FAULTS_MAX} at one time are enough; clear some")]
    TooMany,
    /// Whoever is named cannot have the fault.
    #[error("{subject}: cannot have the fault `{effect}`, which is for {whom}")]
    WrongSubject {
        /// Who.
        subject: String,
        /// What.
        effect: String,
        /// Who can.
        whom: &'static str,
    },
    /// A number that counts nothing.
    #[error("{field}: {advice}")]
    Number {
        /// The field.
        field: &'static str,
        /// What is allowed.
        advice: &'static str,
    },
}

impl NewFault {
    /// Returns a fault that strikes once, at the first time.
    pub fn once(subject: Subject, effect: Effect) -> Self {
        Self {
            subject,
            effect,
            commands: Commands::any(),
            nth: 1,
            times: Some(1),
        }
    }

    /// Returns a fault that lasts until it is cleared.
    pub fn lasting(subject: Subject, effect: Effect) -> Self {
        Self {
            times: None,
            ..Self::once(subject, effect)
        }
    }

    pub(super) fn check(&self) -> Result<(), FaultError> {
        use Subject as S;
        let fits = |whom, fits: bool| {
            if fits {
                return Ok(());
            }
            Err(FaultError::WrongSubject {
                subject: self.subject.to_string(),
                effect: self.effect.to_string(),
                whom,
            })
        };
        match (&self.effect, &self.subject) {
            (Effect::Sense(_) | Effect::Slow(_), _) => {}
            (
                Effect::BadBlock { .. }
                | Effect::WriteError { .. }
                | Effect::WriteProtect
                | Effect::EarlyWarning { .. }
                | Effect::EndOfMedium { .. },
                subject,
            ) => fits("a tape or a drive", *subject != S::Changer)?,
            (Effect::RobotStuck | Effect::RobotDrop, subject) => {
                fits("the changer or a tape", !matches!(subject, S::Drive(_)))?;
            }
            (Effect::NeedsCleaning, subject) => fits("a drive", matches!(subject, S::Drive(_)))?,
            (Effect::TapeAlert(_) | Effect::Delays(_), subject) => {
                fits(
                    "a drive or the changer",
                    !matches!(subject, S::Cartridge(_)),
                )?;
            }
        }
        let number = |field, advice| Err(FaultError::Number { field, advice });
        if self.nth == 0 {
            return number("nth", "is counted from 1");
        }
        if self.times == Some(0) {
            return number("times", "is 1 or more, or until cleared");
        }
        if self.effect.is_a_state() && (self.nth > 1 || self.times.is_some()) {
            return number(
                "times",
                "this fault lasts until it is cleared and cannot be counted",
            );
        }
        if let Effect::Slow(wait) = self.effect
            && wait > SLOW_MAX
        {
            return number("slow", "a command is slow by an hour at most");
        }
        if let Effect::TapeAlert(flags) = &self.effect
            && (flags.is_empty() || flags.iter().any(|flag| !matches!(flag, 1..=64)))
        {
            return number("tape-alert", "flags have the numbers 1 to 64");
        }
        Ok(())
    }
}

impl Effect {
    /// Returns whether the fault is how things are, and nothing that happens now and then.
    pub const fn is_a_state(&self) -> bool {
        matches!(
            self,
            Self::WriteProtect | Self::EarlyWarning { .. } | Self::NeedsCleaning | Self::Delays(_)
        )
    }
}

/// A fault, and what has come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its number, never used twice in a process.
    pub number: u32,
    /// What was asked for.
    pub asked: NewFault,
    /// How often it could have struck.
    pub met: u64,
    /// How often it has struck. States do not count.
    pub struck: u32,
}

impl Fault {
    /// Returns whether it has struck as often as it was to.
    pub fn is_over(&self) -> bool {
        self.asked.times.is_some_and(|times| self.struck >= times)
    }

    /// Counts a time that it could strike; returns whether it does.
    pub(super) fn meet(&mut self) -> bool {
        self.met += 1;
        let strikes = self.met >= u64::from(self.asked.nth);
        self.struck = self.struck.saturating_add(u32::from(strikes));
        strikes
    }

    /// Returns what the log says about whatever fails because of it.
    pub(super) fn blame(&self) -> String {
        format!("fault {}, ordered by the administrator", self.number)
    }
}

/// The longest that a command is held up: initiators have long given up.
const SLOW_MAX: Duration = Duration::from_hours(1);
