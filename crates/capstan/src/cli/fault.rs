//! `capstan fault`: add, list, clear.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::client::Client;
use super::show::{Format, count, say};
use super::table::Table;
use crate::api::types::{Fault as FaultInfo, FaultEffect, NewFault};

/// `capstan fault`
#[derive(Debug, Subcommand)]
pub enum Fault {
    /// Order a fault of a drive, a tape or the changer; a restart of the gateway ends all of them
    #[command(after_help = EXAMPLES)]
    Add(Add),
    /// List the faults on order and how often they have struck
    List(Format),
    /// Clear faults
    Clear(Clear),
}

/// `capstan fault add`
#[derive(Debug, Args)]
pub struct Add {
    /// Who has it: drive:N, tape:BARCODE or changer
    subject: String,
    /// What goes wrong.
    #[command(subcommand)]
    effect: EffectArgs,
    /// For sense and slow: which commands, by name or operation code [default: any]
    #[arg(long, global = true, value_name = "COMMAND")]
    on: Option<String>,
    /// Strike first at the n-th time
    #[arg(long, global = true, value_name = "N")]
    nth: Option<u32>,
    /// Strike so often [default: 1]
    #[arg(long, global = true, value_name = "COUNT")]
    times: Option<u32>,
    /// Strike until the fault is cleared
    #[arg(long, global = true, conflicts_with = "times")]
    until_cleared: bool,
    /// Print JSON for programs
    #[arg(long, global = true)]
    json: bool,
}

/// What goes wrong.
#[derive(Debug, Subcommand)]
pub enum EffectArgs {
    /// Commands end in CHECK CONDITION instead of being run
    Sense {
        /// Key, code and qualifier: 3/11/00, or "medium error/unrecovered read error"
        sense: String,
        /// Set the FILEMARK bit
        #[arg(long)]
        filemark: bool,
        /// Set the EOM bit
        #[arg(long)]
        eom: bool,
        /// Set the ILI bit
        #[arg(long)]
        ili: bool,
        /// A deferred error: of an earlier command
        #[arg(long)]
        deferred: bool,
        /// The INFORMATION field
        #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
        information: Option<i64>,
    },
    /// Commands take longer
    Slow {
        /// So long: 500ms, 20s, 2min
        #[arg(value_parser = duration)]
        by: Duration,
    },
    /// A block cannot be read, until the fault is cleared
    BadBlock {
        /// Its number, as `mt tell` counts
        block: u64,
        /// Its partition
        #[arg(long, default_value_t = 0)]
        partition: u8,
    },
    /// Writing fails
    WriteError {
        /// From this block on [default: everywhere]
        block: Option<u64>,
    },
    /// The tape counts as write protected
    WriteProtect,
    /// What is written lies behind early warning
    EarlyWarning {
        /// From this block on [default: everywhere]
        block: Option<u64>,
        /// In this partition
        #[arg(long, default_value_t = 0)]
        partition: u8,
    },
    /// There is no room for what is written
    EndOfMedium {
        /// From this block on [default: everywhere]
        block: Option<u64>,
        /// In this partition
        #[arg(long, default_value_t = 0)]
        partition: u8,
    },
    /// The robot does not move
    RobotStuck,
    /// The robot drops the tape: it is nowhere until `capstan changer put` puts it back
    RobotDrop,
    /// The drive asks for a cleaning tape
    NeedsCleaning,
    /// Raise TapeAlert flags
    TapeAlert {
        /// Their numbers, 1 to 64
        #[arg(required = true, value_delimiter = ',')]
        flags: Vec<u8>,
    },
    /// The mechanics take their time
    Delays(DelayArgs),
}

/// `capstan fault add … delays`
#[derive(Debug, Args)]
pub struct DelayArgs {
    /// Until a loaded tape is ready
    #[arg(long, value_name = "TIME", value_parser = duration)]
    load: Option<Duration>,
    /// To take a tape out of the path
    #[arg(long, value_name = "TIME", value_parser = duration)]
    unload: Option<Duration>,
    /// REWIND
    #[arg(long, value_name = "TIME", value_parser = duration)]
    rewind: Option<Duration>,
    /// LOCATE and SPACE
    #[arg(long, value_name = "TIME", value_parser = duration)]
    locate: Option<Duration>,
    /// The robot's way from a place to another
    #[arg(long, value_name = "TIME", value_parser = duration)]
    transport: Option<Duration>,
    /// To clean a drive
    #[arg(long, value_name = "TIME", value_parser = duration)]
    clean: Option<Duration>,
}

/// `capstan fault clear`
#[derive(Debug, Args)]
pub struct Clear {
    /// The fault's number, or all, changer, drive:N, tape:BARCODE
    which: String,
    /// How to print.
    #[command(flatten)]
    format: Format,
}

impl Fault {
    /// Asks and prints.
    pub fn run(self, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::Add(add) => {
                let format = Format { json: add.json };
                let fault: FaultInfo = client.post("/api/v1/faults", &add.request())?;
                format.print(&fault, |it| {
                    format!(
                        "fault {} of {}: {} ({})",
                        it.number, it.subject, it.effect, it.when
                    )
                })
            }
            Self::List(format) => {
                let faults: Vec<FaultInfo> = client.get("/api/v1/faults")?;
                format.print(&faults, |faults| {
                    if faults.is_empty() {
                        return "No fault is on order.".to_owned();
                    }
                    table(faults).to_string()
                })
            }
            Self::Clear(Clear { which, format }) => {
                let cleared: Vec<FaultInfo> = client.delete(&format!("/api/v1/faults/{which}"))?;
                if format.json {
                    return format.print(&cleared, |_| "");
                }
                say(format!("{} cleared", count(cleared.len(), "fault")))
            }
        }
    }
}

/// Returns the faults for people; `capstan status` shows them too.
pub fn table(faults: &[FaultInfo]) -> Table {
    let mut table = Table::new(["FAULT", "OF", "WHAT", "WHEN", "STRUCK"]).right([0]);
    for fault in faults {
        table.row([
            fault.number.to_string(),
            fault.subject.clone(),
            fault.effect.clone(),
            fault.when.clone(),
            match (fault.struck, fault.over) {
                (struck, true) => format!("{struck}, over"),
                (0, false) => String::new(),
                (struck, false) => struck.to_string(),
            },
        ]);
    }
    table
}

impl Add {
    fn request(self) -> NewFault {
        NewFault {
            subject: self.subject,
            effect: self.effect.into(),
            commands: self.on,
            nth: self.nth,
            times: self.times,
            until_cleared: self.until_cleared,
        }
    }
}

impl From<EffectArgs> for FaultEffect {
    fn from(effect: EffectArgs) -> Self {
        match effect {
            EffectArgs::Sense {
                sense,
                filemark,
                eom,
                ili,
                deferred,
                information,
            } => Self::Sense {
                sense,
                filemark,
                end_of_medium: eom,
                incorrect_length: ili,
                deferred,
                information,
            },
            EffectArgs::Slow { by } => Self::Slow {
                milliseconds: milliseconds(by),
            },
            EffectArgs::BadBlock { block, partition } => Self::BadBlock { block, partition },
            EffectArgs::WriteError { block } => Self::WriteError { block },
            EffectArgs::WriteProtect => Self::WriteProtect,
            EffectArgs::EarlyWarning { block, partition } => {
                Self::EarlyWarning { block, partition }
            }
            EffectArgs::EndOfMedium { block, partition } => Self::EndOfMedium { block, partition },
            EffectArgs::RobotStuck => Self::RobotStuck,
            EffectArgs::RobotDrop => Self::RobotDrop,
            EffectArgs::NeedsCleaning => Self::NeedsCleaning,
            EffectArgs::TapeAlert { flags } => Self::TapeAlert { flags },
            EffectArgs::Delays(delays) => Self::Delays {
                load: delays.load.map(milliseconds),
                unload: delays.unload.map(milliseconds),
                rewind: delays.rewind.map(milliseconds),
                locate: delays.locate.map(milliseconds),
                transport: delays.transport.map(milliseconds),
                clean: delays.clean.map(milliseconds),
            },
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Reads `500ms`, `20s`, `2min`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|it: char| !it.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        _ => return Err("write 500ms, 20s or 2min".to_owned()),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .map(Duration::from_millis)
        .ok_or_else(|| "write 500ms, 20s or 2min".to_owned())
}

const EXAMPLES: &str = "\
Examples:
  capstan fault add tape:CAP001L5 bad-block 17
  capstan fault add drive:0 sense 4/44/00 --on write --nth 100
  capstan fault add drive:0 sense \"not ready/medium not present\" --on any --times 3
  capstan fault add drive:1 slow 30s --on read
  capstan fault add changer robot-stuck --until-cleared
  capstan fault add drive:0 tape-alert 20,21
  capstan fault add drive:0 delays --load 15s --rewind 1min
  capstan fault add tape:CAP002L5 end-of-medium 1000
  capstan fault clear all";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2min"), Ok(Duration::from_mins(2)));
        for text in ["5", "s", "-1s", "1h", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
