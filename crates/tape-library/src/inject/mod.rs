//! Faults on order, for people who test backup software.
//!
//! # Purpose
//! An administrator says what shall go wrong ([`NewFault`]), and it does: where the drive, the
//! cartridge or the robot would meet the real fault, they ask here whether they have to meet one. What
//! follows is what follows of the real fault: the sense data, the position, the TapeAlert flags.
//!
//! # Guarantees
//! - Nothing of it is kept: a restart of the gateway ends all faults. Every one that strikes is logged.
//! - While there are no faults, asking costs one look at an atomic number.
//! - No fault harms what is on a cartridge: a bad block is readable again when its fault is cleared.
//!
//! # Ordering
//! Of several faults that fit, the oldest strikes, alone; the others do not count what it hit.
//!
//! # Limits
//! [`FAULTS_MAX`] at one time. When there are more, those that have done all they were to do go first.

mod commands;
mod delays;
mod fault;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use scsi::command::CommandSpec;
use scsi::{DeviceType, Sense};

pub use commands::Commands;
pub use delays::{DelayOverrides, Delays};
pub use fault::{Effect, Fault, FaultError, NewFault, Subject};

/// The most faults at one time.
pub const FAULTS_MAX: usize = 256;

/// The faults of a library, and how slow its mechanics are.
#[derive(Debug, Default)]
pub struct Faults {
    /// Whether there are any.
    armed: AtomicBool,
    state: Mutex<State>,
    delays: Delays,
}

#[derive(Debug, Default)]
struct State {
    /// The oldest first.
    faults: Vec<Fault>,
    last: u32,
}

/// Which faults to clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// The one with this number.
    Number(u32),
    /// Those of a device or cartridge.
    Of(Subject),
}

/// What the robot has to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RobotFault {
    /// It does not move.
    Stuck,
    /// It loses what it carries.
    Drop,
}

impl Faults {
    /// Returns no faults, and mechanics with these delays.
    pub fn new(delays: Delays) -> Arc<Self> {
        Arc::new(Self {
            delays,
            ..Self::default()
        })
    }

    /// Adds a fault.
    pub fn add(&self, new: NewFault) -> Result<Fault, FaultError> {
        new.check()?;
        let mut state = self.lock();
        if state.faults.len() >= FAULTS_MAX {
            state.faults.retain(|fault| !fault.is_over());
        }
        if state.faults.len() >= FAULTS_MAX {
            return Err(FaultError::TooMany);
        }
        state.last += 1;
        let fault = Fault {
            number: state.last,
            asked: new,
            met: 0,
            struck: 0,
        };
        tracing::info!(fault = fault.number, subject = %fault.asked.subject, effect = %fault.asked.effect, "fault added");
        state.faults.push(fault.clone());
        self.armed.store(true, Ordering::Release);
        Ok(fault)
    }

    /// Returns all faults, the oldest first.
    pub fn list(&self) -> Vec<Fault> {
        self.lock().faults.clone()
    }

    /// Clears faults and returns them.
    pub fn clear(&self, which: &Which) -> Vec<Fault> {
        let cleared = self.take(|fault| match which {
            Which::All => true,
            Which::Number(number) => fault.number == *number,
            Which::Of(subject) => fault.asked.subject == *subject,
        });
        for fault in &cleared {
            tracing::info!(fault = fault.number, "fault cleared");
        }
        cleared
    }

    fn take(&self, chosen: impl Fn(&Fault) -> bool) -> Vec<Fault> {
        let mut state = self.lock();
        let (taken, left) = std::mem::take(&mut state.faults)
            .into_iter()
            .partition(|fault| chosen(fault));
        state.faults = left;
        self.armed
            .store(!state.faults.is_empty(), Ordering::Release);
        taken
    }

    fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Acquire)
    }

    /// Counts something that happened for the faults that `meets` chooses, and returns the one that
    /// strikes because of it.
    fn strike(&self, meets: impl Fn(&NewFault) -> bool) -> Option<Fault> {
        if !self.is_armed() {
            return None;
        }
        let mut state = self.lock();
        let mut meeting = state.faults.iter_mut();
        let struck = meeting.find_map(|fault| {
            if fault.is_over() || !meets(&fault.asked) {
                return None;
            }
            fault.meet().then(|| fault.clone())
        })?;
        drop(state);
        let (number, subject) = (struck.number, &struck.asked.subject);
        tracing::info!(fault = number, %subject, effect = %struck.asked.effect, "a fault strikes");
        Some(struck)
    }

    /// Returns whether a fault that holds until it is cleared is there.
    fn holds(&self, meets: impl Fn(&NewFault) -> bool) -> bool {
        self.is_armed() && self.lock().faults.iter().any(|fault| meets(&fault.asked))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The list is whole between any two statements that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A device's view of the faults.
#[derive(Clone, Debug)]
pub struct Injector {
    faults: Arc<Faults>,
    device: Subject,
}

/// What a command has to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandFault {
    /// It ends so, and is not run.
    Sense(Sense),
    /// It waits so long, and is run then.
    Slow(Duration),
}

impl Injector {
    /// Returns the view of `device`.
    pub fn new(faults: Arc<Faults>, device: Subject) -> Self {
        Self { faults, device }
    }

    /// Returns the faults of all devices.
    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Returns whether there are faults at all.
    pub(crate) fn is_armed(&self) -> bool {
        self.faults.is_armed()
    }

    /// Returns whether a command of this device may have to wait. Counts nothing.
    pub(crate) fn slows(&self, cartridge: Option<&str>) -> bool {
        self.faults.holds(|fault| {
            self.concerns(fault, cartridge) && matches!(fault.effect, Effect::Slow(_))
        })
    }

    /// A command is about to run. `waits` says whether it may wait here.
    pub(crate) fn command(
        &self,
        spec: &CommandSpec,
        cartridge: Option<&str>,
        waits: bool,
    ) -> Option<CommandFault> {
        let struck = self.faults.strike(|fault| {
            let fits = match fault.effect {
                Effect::Sense(_) => true,
                Effect::Slow(_) => waits,
                _ => false,
            };
            fits && self.concerns(fault, cartridge) && fault.commands.contain(spec)
        })?;
        match struck.asked.effect {
            Effect::Sense(sense) => Some(CommandFault::Sense(sense)),
            Effect::Slow(wait) => Some(CommandFault::Slow(wait)),
            _ => None,
        }
    }

    /// An object of a cartridge is about to be read. Returns what is to blame.
    pub(crate) fn reads(&self, cartridge: &str, partition: u8, object: u64) -> Option<String> {
        let struck = self.faults.strike(|fault| {
            self.concerns(fault, Some(cartridge))
                && matches!(fault.effect, Effect::BadBlock { partition: p, block }
                    if p == partition && block == object)
        })?;
        Some(struck.blame())
    }

    /// Something is about to be appended to a cartridge. Returns what is to blame.
    pub(crate) fn appends(&self, cartridge: &str, partition: u8, object: u64) -> Option<Append> {
        let struck = self.faults.strike(|fault| {
            let at = |from: Option<u64>| from.is_none_or(|from| object >= from);
            let fits = match fault.effect {
                Effect::WriteError { block } => at(block),
                Effect::EndOfMedium { partition: p, from } => p == partition && at(from),
                _ => false,
            };
            fits && self.concerns(fault, Some(cartridge))
        })?;
        Some(match struck.asked.effect {
            Effect::EndOfMedium { .. } => Append::EndOfMedium,
            _ => Append::Fails(struck.blame()),
        })
    }

    /// Returns whether an object that was appended lies behind early warning.
    pub(crate) fn warns(&self, cartridge: &str, partition: u8, object: u64) -> bool {
        self.faults.holds(|fault| {
            self.concerns(fault, Some(cartridge))
                && matches!(fault.effect, Effect::EarlyWarning { partition: p, from }
                    if p == partition && from.is_none_or(|from| object >= from))
        })
    }

    /// Returns whether a cartridge counts as write protected.
    pub(crate) fn protects(&self, cartridge: &str) -> bool {
        self.faults.holds(|fault| {
            self.concerns(fault, Some(cartridge)) && fault.effect == Effect::WriteProtect
        })
    }

    /// The robot is about to carry a cartridge.
    pub(crate) fn carries(&self, cartridge: &str) -> Option<RobotFault> {
        let struck = self.faults.strike(|fault| {
            matches!(fault.effect, Effect::RobotStuck | Effect::RobotDrop)
                && self.concerns(fault, Some(cartridge))
        })?;
        Some(match struck.asked.effect {
            Effect::RobotDrop => RobotFault::Drop,
            _ => RobotFault::Stuck,
        })
    }

    /// Returns whether the drive needs cleaning.
    pub(crate) fn needs_cleaning(&self) -> bool {
        self.faults
            .holds(|fault| fault.subject == self.device && fault.effect == Effect::NeedsCleaning)
    }

    /// The drive has been cleaned.
    pub(crate) fn was_cleaned(&self) {
        if self.is_armed() {
            let device = &self.device;
            let cleaned = self.faults.take(|fault| {
                fault.asked.subject == *device && fault.asked.effect == Effect::NeedsCleaning
            });
            for fault in cleaned {
                tracing::info!(fault = fault.number, %device, "cleaning has cleared the fault");
            }
        }
    }

    /// Returns the TapeAlert flags that the device has to raise now, once.
    pub(crate) fn alerts(&self) -> Vec<u8> {
        let struck = self.faults.strike(|fault| {
            fault.subject == self.device && matches!(fault.effect, Effect::TapeAlert(_))
        });
        match struck.map(|fault| fault.asked.effect) {
            Some(Effect::TapeAlert(flags)) => flags,
            _ => Vec::new(),
        }
    }

    /// Returns how slow the mechanics are: as configured, unless a fault says otherwise.
    pub(crate) fn delays(&self) -> Delays {
        let mut delays = self.faults.delays;
        if self.is_armed() {
            for fault in &self.faults.lock().faults {
                if let Effect::Delays(overrides) = fault.asked.effect
                    && fault.asked.subject == self.device
                {
                    delays = overrides.over(delays);
                }
            }
        }
        delays
    }

    fn concerns(&self, fault: &NewFault, cartridge: Option<&str>) -> bool {
        match &fault.subject {
            Subject::Cartridge(barcode) => Some(barcode.as_str()) == cartridge,
            device => *device == self.device,
        }
    }
}

/// What appending has to meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Append {
    /// It fails, and this is to blame.
    Fails(String),
    /// There is no room.
    EndOfMedium,
}

impl Subject {
    /// Returns whose commands the subject gets: a cartridge's are those of the drive that has it.
    pub const fn device_type(&self) -> DeviceType {
        match self {
            Self::Changer => DeviceType::MediaChanger,
            Self::Drive(_) | Self::Cartridge(_) => DeviceType::SequentialAccess,
        }
    }
}
