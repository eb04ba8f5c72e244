//! What takes a drive time, and the faults that it meets on order.
//!
//! # Purpose
//! A cartridge in a directory is threaded and wound in no time. With delays ([`Delays`]) a drive behaves
//! as though it had a tape to move; without them, which is the default, none of this is ever met.
//!
//! ```text
//!   robot loads ──► becoming ready 02/04/01 ──► unit attention 28/00, once for each nexus ──► ready
//!   LOAD, REWIND, LOCATE, UNLOAD with IMMED ──► GOOD at once; 02/04/01 or 02/04/07 until it is done
//!   the same and SPACE without IMMED        ──► GOOD when it is done
//! ```
//!
//! # Ordering
//! What moves has been done when the delay begins: everything is durable, the position is the new one.
//! Nobody sleeps while the drive is held; a command without IMMED is held up by its unit's worker
//! ([`Machine::take_time`] says how long), and what is becoming ready becomes so by the clock, looked at
//! with the next command.

use std::time::{Duration, Instant};

use scsi::ssc::log_pages::TapeAlert;
use scsi::{AdditionalSense, Cdb, NexusId, Response, Sense, SenseKey, Status};

use super::cleaning::Cleaning;
use super::{Activity, Machine, Medium};
use crate::inject::{Delays, Injector};

/// What a drive's mechanics do.
pub(super) struct Mechanics {
    pub(super) injector: Injector,
    busy: Option<Busy>,
    /// What a cleaning cartridge is at.
    pub(super) cleaning: Option<Cleaning>,
    /// How long the command that has just run is to be held up.
    owed: Duration,
    /// Who has to be told of what the command that runs has loaded.
    untold: Told,
    /// The drive asks for a cleaning cartridge.
    pub(super) needs_cleaning: bool,
    /// Whether faults were there when they were last looked at.
    heeded: bool,
}

/// Something that goes on behind a command's back.
#[derive(Clone, Copy, Debug)]
struct Busy {
    began: Instant,
    takes: Duration,
    activity: Activity,
    told: Told,
}

/// Who is told, at the end of becoming ready, that the medium may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Everybody,
    /// All but the one who asked for it (SAM-5 §5.14).
    AllBut(NexusId),
    Nobody,
}

impl Mechanics {
    pub(super) fn new(injector: Injector) -> Self {
        Self {
            injector,
            busy: None,
            cleaning: None,
            owed: Duration::ZERO,
            untold: Told::Nobody,
            needs_cleaning: false,
            heeded: false,
        }
    }

    pub(super) fn delays(&self) -> Delays {
        self.injector.delays()
    }

    /// Returns what goes on.
    pub(super) fn activity(&self) -> Option<Activity> {
        match self.cleaning {
            Some(Cleaning::Runs { .. }) => Some(Activity::Cleaning),
            _ => self.busy.map(|busy| busy.activity),
        }
    }

    /// Begins something that takes so long; nothing when it takes no time.
    pub(super) fn begin(&mut self, activity: Activity, takes: Duration, told: Told) {
        let began = Instant::now();
        self.busy = (!takes.is_zero()).then_some(Busy {
            began,
            takes,
            activity,
            told,
        });
    }

    /// A command has loaded the cartridge; `told` are to hear of it when it is ready.
    pub(super) fn tell_when_ready(&mut self, told: Told) {
        self.untold = told;
    }

    /// Forgets what goes on: the cartridge is gone.
    pub(super) fn stop(&mut self) {
        self.busy = None;
        self.cleaning = None;
        self.owed = Duration::ZERO;
    }

    /// Returns whether a command that comes has something to know of.
    pub(super) fn is_astir(&self) -> bool {
        self.busy.is_some() || self.cleaning.is_some() || self.needs_cleaning || self.heeded
    }

    /// Returns how long it still goes on.
    fn left(&self) -> Duration {
        if let Some(cleaning) = self.cleaning {
            return cleaning.left();
        }
        self.busy.map_or(Duration::ZERO, |busy| {
            busy.takes.saturating_sub(busy.began.elapsed())
        })
    }

    /// Lets the command that runs be held up.
    pub(super) fn owe(&mut self, wait: Duration) {
        self.owed = wait;
    }

    /// Takes what the last command owes.
    pub(super) fn take_owed(&mut self) -> Duration {
        std::mem::take(&mut self.owed)
    }

    /// Returns the sense for a command that has to wait for the end of what goes on.
    pub(super) fn not_ready(&self) -> Option<Sense> {
        if let Some(cleaning) = self.cleaning {
            return Some(cleaning.sense());
        }
        let busy = self.busy?;
        let additional = match busy.activity {
            Activity::Loading => AdditionalSense::BECOMING_READY,
            _ => AdditionalSense::OPERATION_IN_PROGRESS_NOT_READY,
        };
        let sense = Sense::new(SenseKey::NotReady, additional);
        Some(sense.with_progress(busy.progress()))
    }

    /// Returns what REQUEST SENSE tells (SSC-5 §4.2.20): what goes on and how much of it is done, or
    /// the wish to be cleaned.
    pub(super) fn condition(&self) -> Option<Sense> {
        if let Some(cleaning) = self.cleaning {
            return Some(cleaning.sense());
        }
        let Some(busy) = self.busy else {
            let wish = Sense::new(SenseKey::NoSense, AdditionalSense::CLEANING_REQUESTED);
            return self.needs_cleaning.then_some(wish);
        };
        let additional = match busy.activity {
            Activity::Loading => return self.not_ready(),
            Activity::Rewinding => AdditionalSense::REWIND_OPERATION_IN_PROGRESS,
            Activity::Locating => AdditionalSense::LOCATE_OPERATION_IN_PROGRESS,
            Activity::Unloading | Activity::Cleaning => AdditionalSense::OPERATION_IN_PROGRESS,
        };
        let sense = Sense::new(SenseKey::NoSense, additional);
        Some(sense.with_progress(busy.progress()))
    }
}

impl Busy {
    /// In 65536ths (SPC-5 §4.4.2.4.4).
    fn progress(&self) -> u16 {
        let done = self.began.elapsed().as_micros() << 16;
        let of = self.takes.as_micros().max(1);
        u16::try_from(done / of).unwrap_or(u16::MAX)
    }
}

impl Machine {
    /// Brings the drive to what it is by now: what goes on may have ended, and faults may have come
    /// or gone. Runs before a command looks for unit attentions, and not again when it is run: a drive
    /// that became ready in between would be seen as ready before its attention was told.
    pub(super) fn catch_up(&mut self) {
        if let Some(busy) = self.mechanics.busy
            && busy.began.elapsed() >= busy.takes
        {
            self.mechanics.busy = None;
            self.tell_of_medium(busy.told);
        }
        self.end_cleaning();
        self.heed_faults();
    }

    /// Returns how long the robot has to wait for the cartridge. What is being loaded need not become
    /// ready before it comes out.
    pub(super) fn time_to_unload(&self) -> Duration {
        let left = match self.mechanics.activity() {
            Some(Activity::Loading) | None => Duration::ZERO,
            Some(_) => self.mechanics.left(),
        };
        match self.medium {
            Medium::Empty => Duration::ZERO,
            Medium::Unloaded(_) => left,
            Medium::Loaded(_) => left + self.mechanics.delays().unload,
        }
    }

    pub(super) fn tell_of_medium(&self, told: Told) {
        let changed = AdditionalSense::NOT_READY_TO_READY_CHANGE;
        match told {
            Told::Everybody => self.attentions.establish(changed),
            Told::AllBut(nexus) => self.attentions.establish_for_others(nexus, changed),
            Told::Nobody => {}
        }
    }

    /// Does what the faults on order want of a drive that nobody asks for anything.
    pub(super) fn heed_faults(&mut self) {
        let armed = self.mechanics.injector.is_armed();
        if !armed && !self.mechanics.heeded {
            return;
        }
        self.mechanics.heeded = armed;
        let injector = &self.mechanics.injector;
        for flag in injector.alerts() {
            if let Some(flag) = scsi::spc::tape_alert::Flag::new(flag) {
                self.alerts.raise(flag);
            }
        }
        let needs_cleaning = injector.needs_cleaning();
        if needs_cleaning && !self.mechanics.needs_cleaning {
            self.alerts.raise(TapeAlert::CleanNow);
        }
        self.mechanics.needs_cleaning = needs_cleaning;
        if let Medium::Loaded(mounted) | Medium::Unloaded(mounted) = &mut self.medium {
            mounted.heed_faults();
        }
    }

    /// Lets a command that moved the tape take the time that it takes.
    pub(super) fn take_time(&mut self, cdb: &Cdb, response: &Response) {
        let (activity, immediate) = match cdb.operation_code() {
            REWIND => (Activity::Rewinding, cdb.bit(1, 0)),
            LOCATE_10 | LOCATE_16 => (Activity::Locating, cdb.bit(1, 0)),
            SPACE_6 | SPACE_16 => (Activity::Locating, false),
            LOAD_UNLOAD if cdb.bit(4, 0) => (Activity::Loading, cdb.bit(1, 0)),
            LOAD_UNLOAD => (Activity::Unloading, cdb.bit(1, 0)),
            _ => return,
        };
        let told = std::mem::replace(&mut self.mechanics.untold, Told::Nobody);
        let refused = response.status != Status::Good
            && response.sense.is_none_or(|sense| {
                matches!(sense.key, SenseKey::IllegalRequest | SenseKey::NotReady)
            });
        if refused {
            return;
        }
        let delays = self.mechanics.delays();
        let takes = match activity {
            Activity::Rewinding => delays.rewind,
            Activity::Locating => delays.locate,
            Activity::Unloading => delays.unload,
            Activity::Loading | Activity::Cleaning => delays.load,
        };
        if immediate && !takes.is_zero() {
            self.mechanics.begin(activity, takes, told);
        } else {
            self.tell_of_medium(told);
            self.mechanics.owed = takes;
        }
    }
}

const REWIND: u8 = 0x01;
const SPACE_6: u8 = 0x11;
const LOAD_UNLOAD: u8 = 0x1b;
const LOCATE_10: u8 = 0x2b;
const SPACE_16: u8 = 0x91;
const LOCATE_16: u8 = 0x92;
