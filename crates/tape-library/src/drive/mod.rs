//! A tape drive and its SCSI device server (SSC-5).
//!
//! # Purpose
//! Holds at most one [`cartridge::Cartridge`] and does to it what initiators ask, command by command. The
//! library puts cartridges in and takes them out.
//!
//! ```text
//!            load (robot)                  UNLOAD, LOAD+HOLD
//!   Empty ─────────────────────► Loaded ───────────────────► Unloaded
//!     ▲                            │  ▲                        │  │
//!     └──── unload (robot) ────────┘  └───────── LOAD ─────────┘  │
//!     └──────────────────── unload (robot) ───────────────────────┘
//! ```
//!
//! # Guarantees
//! - WRITE answers GOOD when the block is accepted. WRITE FILEMARKS with IMMED=0, REWIND, LOCATE,
//!   SPACE, READ after WRITE, ERASE, UNLOAD, a MODE SELECT that changes something, and
//!   [`Drive::unload`] and [`Drive::synchronize`] first bring everything accepted to stable storage,
//!   and do nothing else when that fails.
//! - A logical unit reset and a lost nexus change neither the cartridge nor its logical position:
//!   the drive says so in mode page 10h (REWIND ON RESET 10b). A drive that rewinds silently lets an
//!   initiator that missed the unit attention write over the beginning of the tape.
//! - After a restart of the gateway the cartridge in the drive stands at its beginning, while an
//!   initiator may believe that it stands where its last WRITE ended. Linux's st (before 6.14) takes
//!   the unit attention for an error of one command and writes a filemark when the device is closed,
//!   which would cut off the whole tape. So until REWIND, LOCATE, SPACE to end of data, or LOAD names
//!   a place, or the drive tells one (end of data, beginning of partition), what would cut something
//!   off ends in SEQUENTIAL POSITIONING ERROR. Reading, relative motion and appending at the end of
//!   data work.
//!
//! # Ordering
//! One command or one call of the library at a time, under one lock. [`Drive::status`] and
//! [`Drive::is_prevented`] never wait for it.
//!
//! # Limits
//! [`TRANSFER_BYTES_MAX`] for one command; block lengths from the profile.

mod approach;
mod attributes;
mod cleaning;
mod density;
mod device_server;
mod early_warning;
mod encryption;
mod erase;
mod exceptions;
mod fault;
mod filemarks;
mod format_medium;
mod life;
mod load_unload;
mod log;
mod mechanics;
mod mode;
mod mounted;
mod position;
mod protection;
mod read;
mod space;
mod status;
#[cfg(test)]
mod tests;
mod transfer;
mod verify;
mod volume;
mod write;
mod write_policy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use cartridge::{Codec, DriveName, Memory};
use scsi::spc::log::Thresholds;
use scsi::ssc::log_pages::{TapeAlert, TapeAlertLog, TapeAlerts};
use scsi::ssc::mode_pages::ControlDataProtection;
use scsi::{AdditionalSense, CommandTable, NexusId, Sense, SenseKey};

use crate::identity::DeviceIdentity;
use crate::inject::{Faults, Injector, Subject};
use crate::profile::{DriveProfile, MediaAccess};
use crate::room::Room;
use crate::unit_attention::UnitAttentions;
pub use cleaning::CLEANINGS_MAX;
use encryption::EncryptionSettings;
use format_medium::Followed;
use log::Log;
use mechanics::Mechanics;
use mode::Mode;
use mounted::Mounted;
pub use status::{Activity, DriveState, DriveStatus};
pub use transfer::TRANSFER_BYTES_MAX;
pub use volume::Volume;

/// What a drive is made from.
#[derive(Clone, Debug)]
pub struct DriveConfig {
    /// Its number in the library, from 0 as mtx counts.
    pub number: u16,
    /// What INQUIRY tells.
    pub identity: DeviceIdentity,
    /// Block limits, densities and the like.
    pub profile: Arc<DriveProfile>,
    /// How blocks are compressed while compression is on. With [`Codec::Stored`] the drive has no
    /// compression and says so.
    pub codec: Codec,
}

/// A tape drive.
pub struct Drive {
    identity: DeviceIdentity,
    machine: Mutex<Machine>,
    snapshot: Mutex<Snapshot>,
    prevented: AtomicBool,
    /// Those of its type that it is capable of.
    commands: CommandTable,
    /// `D_SENSE` as of the end of the last command.
    descriptor_sense: AtomicBool,
    injector: Injector,
    /// Whether something goes on in the drive, or is wanted, that a command has to know of.
    astir: AtomicBool,
    /// How long the last command is to be held up, in microseconds.
    owed_us: AtomicU64,
    /// The command that runs was aborted.
    unwanted: Arc<AtomicBool>,
}

/// What the last command left, for those who do not want to wait for the next one.
struct Snapshot {
    status: DriveStatus,
    /// The nexuses that prevent medium removal.
    preventing: BTreeSet<NexusId>,
}

/// Everything of a drive that commands touch.
struct Machine {
    number: u16,
    name: DriveName,
    profile: Arc<DriveProfile>,
    codec: Codec,
    attentions: Arc<UnitAttentions>,
    medium: Medium,
    mode: Mode,
    /// How each nexus protects logical blocks, if it has said so.
    protections: BTreeMap<NexusId, ControlDataProtection>,
    /// What the mode pages tell of; `None` when they have been reset.
    followed: Option<Followed>,
    encryption: EncryptionSettings,
    /// The key instance of the parameters that the cartridge was given last.
    encryption_in_force: u32,
    /// The command that runs was aborted.
    unwanted: Arc<AtomicBool>,
    /// Who wrote last.
    buffer_owner: Option<NexusId>,
    /// The nexuses that prevent medium removal.
    preventing: BTreeSet<NexusId>,
    alerts: TapeAlertLog,
    /// Those of the flags that have been looked at for informational exceptions.
    alerts_known: TapeAlerts,
    /// What the next command that ends GOOD has to tell.
    exception: Option<AdditionalSense>,
    log: Log,
    mechanics: Mechanics,
    /// The room for what is written, if somebody watches it.
    room: Option<Arc<Room>>,
    /// Data that were accepted got lost while no initiator's command ran: the next one is told.
    deferred: Option<Sense>,
}

/// Where the cartridge is.
enum Medium {
    /// There is none.
    Empty,
    /// In the drive's mouth, where an initiator's UNLOAD left it: not accessible.
    Unloaded(Box<Mounted>),
    /// Threaded and ready.
    Loaded(Box<Mounted>),
}

impl Drive {
    /// Returns an empty drive. `attentions` are those of its logical unit.
    pub fn new(config: DriveConfig, attentions: Arc<UnitAttentions>) -> Self {
        Self::with_faults(config, attentions, Arc::default())
    }

    /// The same; the drive has `faults`, and their delays.
    pub fn with_faults(
        config: DriveConfig,
        attentions: Arc<UnitAttentions>,
        faults: Arc<Faults>,
    ) -> Self {
        let injector = Injector::new(faults, Subject::Drive(config.number));
        let mode = Mode::default_of(&config.profile, config.codec);
        let commands = device_server::commands_of(&config.profile.capabilities);
        let unwanted = Arc::new(AtomicBool::new(false));
        let machine = Machine {
            number: config.number,
            name: DriveName {
                vendor: config.identity.vendor.clone(),
                serial: config.identity.serial.clone(),
            },
            profile: config.profile,
            codec: config.codec,
            attentions,
            medium: Medium::Empty,
            mode,
            protections: BTreeMap::new(),
            followed: None,
            encryption: EncryptionSettings::default(),
            encryption_in_force: EncryptionSettings::NO_INSTANCE,
            unwanted: Arc::clone(&unwanted),
            buffer_owner: None,
            preventing: BTreeSet::new(),
            alerts: TapeAlertLog::default(),
            alerts_known: TapeAlerts::default(),
            exception: None,
            log: Log::default(),
            mechanics: Mechanics::new(injector.clone()),
            room: None,
            deferred: None,
        };
        let mut status = DriveStatus::of_empty_drive(config.number);
        machine.describe(&mut status);
        let snapshot = Snapshot {
            status,
            preventing: BTreeSet::new(),
        };
        Self {
            identity: config.identity,
            machine: Mutex::new(machine),
            snapshot: Mutex::new(snapshot),
            prevented: AtomicBool::new(false),
            commands,
            descriptor_sense: AtomicBool::new(false),
            injector,
            astir: AtomicBool::new(false),
            owed_us: AtomicU64::new(0),
            unwanted,
        }
    }

    /// Lets the drive heed how much room there is for what it writes.
    #[must_use]
    pub fn with_room(mut self, room: Arc<Room>) -> Self {
        let machine = self.machine.get_mut();
        machine.unwrap_or_else(PoisonError::into_inner).room = Some(room);
        self
    }

    /// Puts a cartridge in, threads it and makes it ready at the beginning of the partition. Every
    /// nexus is told NOT READY TO READY CHANGE. With [`MediaAccess::ReadOnly`] the drive treats the
    /// cartridge as write protected. The caller knows that the drive is empty.
    pub fn load(&self, cartridge: impl Volume + 'static, access: MediaAccess) {
        let cartridge = Box::new(cartridge);
        self.with_machine(|machine| machine.load_cartridge(cartridge, access));
    }

    /// Puts back a cartridge that was in the drive before: when the gateway started, or after a move
    /// that failed. As [`Drive::load`], but nothing can be appended or erased until an initiator has
    /// moved to a place that it names (see the module's guarantees).
    pub fn load_again(&self, cartridge: impl Volume + 'static, access: MediaAccess) {
        let cartridge = Box::new(cartridge);
        self.with_machine(|machine| {
            machine.load_cartridge(cartridge, access);
            machine.distrust_position();
        });
    }

    /// Takes the cartridge out. With `Ok` everything written is durable; an empty drive is `Ok`.
    /// With an error the cartridge stays in the drive, as it was. May wait for a running command.
    /// Does not look at prevention of removal: see [`Drive::is_prevented`].
    pub fn unload(&self) -> Result<(), cartridge::Error> {
        self.with_machine(|machine| {
            let taken = machine.take_cartridge();
            if taken.is_err() {
                machine.alerts.raise(TapeAlert::UnrecoverableUnloadFailure);
            }
            taken
        })
    }

    /// Raises a TapeAlert flag for something that the robot has met with the drive.
    pub(crate) fn raise(&self, alert: TapeAlert) {
        self.with_machine(|machine| machine.alerts.raise(alert));
    }

    /// Makes everything written durable; the cartridge stays where it is. May wait for a running
    /// command.
    pub fn synchronize(&self) -> Result<(), cartridge::Error> {
        self.with_machine(Machine::synchronize_for_library)
    }

    /// Returns whether there is a cartridge, ready or unloaded by an initiator. Never waits.
    pub fn has_cartridge(&self) -> bool {
        self.lock_snapshot().status.state != DriveState::Empty
    }

    /// Returns whether a nexus prevents medium removal. Never waits.
    pub fn is_prevented(&self) -> bool {
        self.prevented.load(Ordering::Acquire)
    }

    /// Returns how long the mechanics need until the robot can take the cartridge. May wait for a
    /// running command.
    pub fn time_to_unload(&self) -> Duration {
        self.with_machine(|machine| machine.time_to_unload())
    }

    /// Returns what the drive is doing, as of the end of the last command. Never waits for one.
    pub fn status(&self) -> DriveStatus {
        self.catch_up_unless_busy();
        self.lock_snapshot().status.clone()
    }

    /// Returns what the memory of the cartridge says, with everything that was counted until now; `None`
    /// without one. May wait for a running command.
    pub fn memory(&self) -> Option<Memory> {
        self.with_machine(|machine| match &machine.medium {
            Medium::Loaded(mounted) => Some(mounted.memory()),
            Medium::Unloaded(mounted) => Some(mounted.cartridge.memory().clone()),
            Medium::Empty => None,
        })
    }

    /// Runs `work` alone, then shows what came of it.
    fn with_machine<T>(&self, work: impl FnOnce(&mut Machine) -> T) -> T {
        // A panic in a command would be a bug of ours. What it leaves behind is still a drive: every
        // change of state below is one assignment.
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        machine.heed_faults();
        let result = work(&mut machine);
        machine.follow_medium();
        self.show(&mut machine);
        result
    }

    /// Looks at the clock and at the faults, unless a command runs, which will do so itself.
    fn catch_up_unless_busy(&self) {
        if !self.is_astir() {
            return;
        }
        let mut machine = match self.machine.try_lock() {
            Ok(machine) => machine,
            Err(TryLockError::Poisoned(machine)) => machine.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        machine.catch_up();
        self.show(&mut machine);
    }

    fn is_astir(&self) -> bool {
        self.astir.load(Ordering::Acquire) || self.injector.is_armed()
    }

    fn show(&self, machine: &mut Machine) {
        let owed = machine.mechanics.take_owed();
        if !owed.is_zero() {
            let us = u64::try_from(owed.as_micros()).unwrap_or(u64::MAX);
            self.owed_us.store(us, Ordering::Release);
        }
        self.astir
            .store(machine.mechanics.is_astir(), Ordering::Release);
        let prevented = !machine.preventing.is_empty();
        self.prevented.store(prevented, Ordering::Release);
        let descriptors = machine.mode.parameters.control.descriptor_sense;
        self.descriptor_sense.store(descriptors, Ordering::Release);
        let mut snapshot = self.lock_snapshot();
        machine.describe(&mut snapshot.status);
        if snapshot.preventing != machine.preventing {
            snapshot.preventing.clone_from(&machine.preventing);
        }
    }

    fn lock_snapshot(&self) -> MutexGuard<'_, Snapshot> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine {
    /// Returns the cartridge, or the sense of a drive that is not ready.
    fn loaded(&mut self) -> Result<&mut Mounted, Sense> {
        if let Some(sense) = self.mechanics.not_ready() {
            return Err(sense);
        }
        match &mut self.medium {
            Medium::Loaded(mounted) => Ok(mounted),
            Medium::Unloaded(mounted) if mounted.held => Err(Sense::new(
                SenseKey::NotReady,
                AdditionalSense::INITIALIZING_COMMAND_REQUIRED,
            )),
            Medium::Empty | Medium::Unloaded(_) => Err(Sense::new(
                SenseKey::NotReady,
                AdditionalSense::MEDIUM_NOT_PRESENT,
            )),
        }
    }

    /// Brings everything accepted to stable storage.
    fn synchronize(&mut self) -> Result<(), Sense> {
        match self.loaded()?.synchronize() {
            Ok(()) => Ok(()),
            Err(error) => Err(self.write_fault(&error)),
        }
    }

    /// The same for the library. What it learns of lost data, the initiators must learn too.
    fn synchronize_for_library(&mut self) -> Result<(), cartridge::Error> {
        let Medium::Loaded(mounted) = &mut self.medium else {
            return Ok(());
        };
        let result = mounted.synchronize();
        if let Err(cartridge::Error::Deferred { .. }) = result {
            self.alerts.raise(TapeAlert::WriteFailure);
            self.deferred = Some(fault::lost_behind_good());
        }
        if result.is_ok() {
            self.remember();
        }
        result
    }

    /// Returns the drive to what it was when it was switched on, but for the cartridge and its
    /// position (see the module's guarantees). What was accepted stays accepted.
    fn reset(&mut self) {
        self.preventing.clear();
        self.protections.clear();
        self.mode = Mode::default_of(&self.profile, self.codec);
        self.followed = None;
        self.exception = None;
        self.log.thresholds = Thresholds::default();
        self.apply_codec();
        self.reset_encryption();
    }

    /// Lets the cartridge compress as the mode parameters say.
    fn apply_codec(&mut self) {
        let codec = self.codec_in_force();
        if let Medium::Loaded(mounted) | Medium::Unloaded(mounted) = &mut self.medium {
            mounted.cartridge.set_codec(codec);
        }
    }

    fn codec_in_force(&self) -> Codec {
        if self.mode.parameters.data_compression.enabled {
            self.codec
        } else {
            Codec::Stored
        }
    }
}
