//! Faults on order: from the words of the HTTP interface to those of the library, and back.

use std::time::Duration;

use scsi::{CommandTable, describe};
use tape_library::inject::{self, Commands, DelayOverrides, Effect, Subject, Which};

use super::libraries::ServedLibrary;
use crate::api::error::{Kind, Problem};
use crate::api::types::{Fault, FaultEffect, NewFault, Place, Tape};

impl ServedLibrary {
    /// Orders a fault.
    pub fn add_fault(&self, new: NewFault) -> Result<Fault, Problem> {
        let fault = parse(new).map_err(|error| Problem::new(Kind::BadRequest, error))?;
        Ok(described(&self.library.add_fault(fault)?))
    }

    /// Returns the faults on order, the oldest first.
    pub fn faults(&self) -> Vec<Fault> {
        self.library.faults().iter().map(described).collect()
    }

    /// Clears faults and returns them: `all`, a number, or all of a subject.
    pub fn clear_faults(&self, which: &str) -> Result<Vec<Fault>, Problem> {
        let which = match (which, which.parse()) {
            ("all", _) => Which::All,
            (_, Ok(number)) => Which::Number(number),
            _ => Which::Of(which.parse().map_err(|_| {
                let message = format!(
                    "`{which}` is no fault; write its number, all, changer, drive:N or tape:BARCODE"
                );
                Problem::new(Kind::BadRequest, message)
            })?),
        };
        let cleared = self.library.clear_faults(&which);
        if let (Which::Number(number), []) = (&which, &cleared[..]) {
            return Err(
                Problem::new(Kind::NotFound, format!("fault {number}: there is none"))
                    .hint("`capstan fault list` shows all faults"),
            );
        }
        Ok(cleared.iter().map(described).collect())
    }

    /// Puts a tape that is in no place into one.
    pub fn put_tape(&self, barcode: &str, to: Place) -> Result<Tape, Problem> {
        self.library.put_cartridge(barcode, self.address(to)?)?;
        self.tape(barcode)
    }
}

fn parse(new: NewFault) -> Result<inject::NewFault, String> {
    let subject: Subject = new.subject.parse()?;
    let effect = parse_effect(new.effect)?;
    let commands = match (&new.commands, &effect) {
        (None, _) => Commands::any(),
        (Some(text), Effect::Sense(_) | Effect::Slow(_)) => {
            Commands::parse(text, CommandTable::of(subject.device_type()))?
        }
        (Some(_), _) => return Err("commands: only sense and slow are about commands".to_owned()),
    };
    let lasts = effect.is_a_state() || matches!(effect, Effect::BadBlock { .. });
    let times = match (new.times, new.until_cleared) {
        (Some(_), true) => {
            return Err("times: either a number, or until cleared".to_owned());
        }
        (Some(times), false) => Some(times),
        (None, until_cleared) => (!until_cleared && !lasts).then_some(1),
    };
    Ok(inject::NewFault {
        subject,
        effect,
        commands,
        nth: new.nth.unwrap_or(1),
        times,
    })
}

fn parse_effect(effect: FaultEffect) -> Result<Effect, String> {
    Ok(match effect {
        FaultEffect::Sense {
            sense,
            filemark,
            end_of_medium,
            incorrect_length,
            deferred,
            information,
        } => {
            let mut sense = describe::parse_sense(&sense)?;
            sense.filemark = filemark;
            sense.end_of_medium = end_of_medium;
            sense.incorrect_length = incorrect_length;
            sense.deferred = deferred;
            sense.information = information;
            Effect::Sense(sense)
        }
        FaultEffect::Slow { milliseconds } => Effect::Slow(Duration::from_millis(milliseconds)),
        FaultEffect::BadBlock { block, partition } => Effect::BadBlock { partition, block },
        FaultEffect::WriteError { block } => Effect::WriteError { block },
        FaultEffect::WriteProtect => Effect::WriteProtect,
        FaultEffect::EarlyWarning { block, partition } => Effect::EarlyWarning {
            partition,
            from: block,
        },
        FaultEffect::EndOfMedium { block, partition } => Effect::EndOfMedium {
            partition,
            from: block,
        },
        FaultEffect::RobotStuck => Effect::RobotStuck,
        FaultEffect::RobotDrop => Effect::RobotDrop,
        FaultEffect::NeedsCleaning => Effect::NeedsCleaning,
        FaultEffect::TapeAlert { flags } => Effect::TapeAlert(flags),
        FaultEffect::Delays {
            load,
            unload,
            rewind,
            locate,
            transport,
            clean,
        } => {
            let delay = |milliseconds: Option<u64>| match milliseconds {
                Some(long) if long > DELAY_MS_MAX => {
                    Err(format!("delays: {DELAY_MS_MAX} milliseconds are the most"))
                }
                delay => Ok(delay.map(Duration::from_millis)),
            };
            Effect::Delays(DelayOverrides {
                load: delay(load)?,
                unload: delay(unload)?,
                rewind: delay(rewind)?,
                locate: delay(locate)?,
                transport: delay(transport)?,
                clean: delay(clean)?,
            })
        }
    })
}

fn described(fault: &inject::Fault) -> Fault {
    let asked = &fault.asked;
    let how_often = match asked.times {
        Some(1) => "once".to_owned(),
        Some(times) => format!("{times} times"),
        None => "until cleared".to_owned(),
    };
    let first = match asked.nth {
        1 => String::new(),
        nth => format!(", from the {nth}. time on"),
    };
    let of = match asked.effect {
        Effect::Sense(_) | Effect::Slow(_) => format!("{}, ", asked.commands),
        _ => String::new(),
    };
    Fault {
        number: fault.number,
        subject: asked.subject.to_string(),
        effect: asked.effect.to_string(),
        when: format!("{of}{how_often}{first}"),
        met: fault.met,
        struck: fault.struck,
        over: fault.is_over(),
    }
}

/// No mechanics are so slow, and no initiator so patient.
const DELAY_MS_MAX: u64 = 3_600_000;
