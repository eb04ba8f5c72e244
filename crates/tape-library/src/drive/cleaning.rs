//! Cleaning cartridges: what a drive with one answers, what cleaning does, and how often it can.
//!
//! ```text
//!   load ──► 02/30/03 CLEANING CARTRIDGE INSTALLED ──► 02/04/00 ──► 02/04/02, until somebody takes it out
//!      └──► 02/30/07 CLEANING FAILURE, when it is used up                 (UNLOAD: then 02/3A/00)
//! ```
//!
//! The drive is never ready with it. A use counts when it begins, in the cartridge's memory as a load,
//! so that a crash gives none for free.

use std::time::{Duration, Instant};

use scsi::ssc::log_pages::TapeAlert;
use scsi::{AdditionalSense, Sense, SenseKey};

use super::mounted::Mounted;
use super::{Machine, Medium};

/// How often a cleaning cartridge can be used: what LTO's are sold for.
pub const CLEANINGS_MAX: u64 = 50;

/// What a cleaning cartridge in the drive is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cleaning {
    /// It cleans.
    Runs { began: Instant, takes: Duration },
    /// It has cleaned and waits for the robot.
    Done,
    /// It is used up and has done nothing.
    UsedUp,
}

impl Cleaning {
    /// Returns what every command that needs a tape is told.
    pub(super) fn sense(self) -> Sense {
        let additional = match self {
            Self::Runs { began, takes } if began.elapsed() < takes / 2 => {
                AdditionalSense::CLEANING_CARTRIDGE_INSTALLED
            }
            Self::Runs { .. } => AdditionalSense::CAUSE_NOT_REPORTABLE,
            Self::Done => AdditionalSense::INITIALIZING_COMMAND_REQUIRED,
            Self::UsedUp => AdditionalSense::CLEANING_FAILURE,
        };
        Sense::new(SenseKey::NotReady, additional)
    }

    /// Returns how long it still runs.
    pub(super) fn left(self) -> Duration {
        match self {
            Self::Runs { began, takes } => takes.saturating_sub(began.elapsed()),
            Self::Done | Self::UsedUp => Duration::ZERO,
        }
    }
}

impl Machine {
    /// A cleaning cartridge has come in, or is to clean once more.
    pub(super) fn begin_cleaning(&mut self, mut mounted: Box<Mounted>) {
        self.alerts.raise(TapeAlert::CleaningMedia);
        let barcode = mounted.cartridge.label().barcode.clone();
        let uses = mounted.cartridge.memory().loads;
        let cleaning = if uses >= CLEANINGS_MAX {
            tracing::warn!(
                drive = self.number,
                cartridge = barcode,
                uses,
                "the cleaning cartridge is used up"
            );
            self.alerts.raise(TapeAlert::ExpiredCleaningMedia);
            Cleaning::UsedUp
        } else {
            if let Err(error) = mounted.remember() {
                tracing::warn!(
                    drive = self.number,
                    cartridge = barcode,
                    %error,
                    "the use of the cleaning cartridge is not counted"
                );
                self.alerts.raise(TapeAlert::LostStatistics);
            }
            tracing::info!(drive = self.number, cartridge = barcode, "cleaning");
            Cleaning::Runs {
                began: Instant::now(),
                takes: self.mechanics.delays().clean,
            }
        };
        self.mechanics.cleaning = Some(cleaning);
        self.medium = Medium::Unloaded(mounted);
    }

    /// Ends cleaning when its time is over. The drive is clean then, whatever had made it dirty.
    pub(super) fn end_cleaning(&mut self) {
        let Some(cleaning @ Cleaning::Runs { .. }) = self.mechanics.cleaning else {
            return;
        };
        if cleaning.left().is_zero() {
            self.mechanics.cleaning = Some(Cleaning::Done);
            self.mechanics.needs_cleaning = false;
            self.mechanics.injector.was_cleaned();
            self.log.history.note_cleaning();
            self.alerts.lower(TapeAlert::CleanNow);
            self.alerts.lower(TapeAlert::CleanPeriodic);
            tracing::info!(drive = self.number, "cleaned");
        }
    }

    /// LOAD UNLOAD with a cleaning cartridge: LOAD lets it clean again, UNLOAD gives it out.
    pub(super) fn load_unload_cleaning(&mut self, load: bool) -> Result<(), Sense> {
        match self.mechanics.cleaning {
            Some(cleaning @ Cleaning::Runs { .. }) => return Err(cleaning.sense()),
            Some(Cleaning::Done | Cleaning::UsedUp) | None => {}
        }
        self.mechanics.cleaning = None;
        if !load {
            return Ok(());
        }
        match std::mem::replace(&mut self.medium, Medium::Empty) {
            Medium::Unloaded(mut mounted) => {
                mounted.begin_load(&self.name);
                self.begin_cleaning(mounted);
            }
            other => self.medium = other,
        }
        Ok(())
    }

    /// Returns whether there is a cleaning cartridge, at work or waiting.
    pub(super) fn has_cleaning_cartridge(&self) -> bool {
        match &self.medium {
            Medium::Unloaded(mounted) | Medium::Loaded(mounted) => {
                mounted.cartridge.label().form == cartridge::Form::Cleaning
            }
            Medium::Empty => false,
        }
    }
}
