//! LOAD UNLOAD and PREVENT ALLOW MEDIUM REMOVAL (SSC-5 §7.3, §7.5), and what the robot does.

use std::time::Duration;

use cartridge::{Form, MemoryState};
use scsi::ssc::load_unload::{LoadAction, LoadUnload};
use scsi::ssc::log_pages::TapeAlert;
use scsi::ssc::log_pages::tape_alert::Duration as AlertDuration;
use scsi::ssc::prevent_allow::MediumRemoval;
use scsi::{AdditionalSense, Cdb, NexusId, Response, Sense, SenseKey};

use super::encryption::EncryptionSettings;
use super::mechanics::Told;
use super::mounted::Mounted;
use super::{Activity, Machine, Medium, Volume};
use crate::profile::MediaAccess;

impl Machine {
    /// The robot puts a cartridge in.
    pub(super) fn load_cartridge(&mut self, cartridge: Box<dyn Volume>, access: MediaAccess) {
        // Only the library loads, and only into an empty drive. To go on would drop a cartridge that
        // may hold data that are not durable yet.
        assert!(matches!(self.medium, Medium::Empty), "the drive is empty");
        let protected = access == MediaAccess::ReadOnly || cartridge.label().write_protected;
        tracing::info!(
            drive = self.number,
            cartridge = cartridge.label().barcode,
            "loaded"
        );
        self.lower_alerts_of_the_last_cartridge();
        if let MemoryState::Lost { .. } = cartridge.memory_state() {
            self.alerts.raise(TapeAlert::MemoryChipInCartridgeFailure);
        }
        let injector = self.mechanics.injector.clone();
        let mut mounted = Mounted::new(cartridge, protected, &self.name, injector);
        mounted.heed_faults();
        self.deferred = None; // it was about another cartridge
        if mounted.cartridge.label().form == Form::Cleaning {
            self.begin_cleaning(Box::new(mounted));
            return;
        }
        self.medium = Medium::Loaded(Box::new(mounted));
        self.begin_load();
        self.apply_codec();
        self.encryption_in_force = EncryptionSettings::NO_INSTANCE;
        match self.mechanics.delays().load {
            Duration::ZERO => self.tell_of_medium(Told::Everybody),
            takes => self
                .mechanics
                .begin(Activity::Loading, takes, Told::Everybody),
        }
    }

    /// Writes what was counted about the cartridge into its memory. When that fails the counts of this
    /// load are lost and nothing else, so the cartridge is not held back for it.
    pub(super) fn remember(&mut self) {
        let Medium::Loaded(mounted) = &mut self.medium else {
            return;
        };
        if let Err(error) = mounted.remember() {
            tracing::warn!(
                drive = self.number,
                cartridge = mounted.cartridge.label().barcode,
                %error,
                "what was counted about the cartridge is lost"
            );
            self.alerts.raise(TapeAlert::LostStatistics);
        }
    }

    fn lower_alerts_of_the_last_cartridge(&mut self) {
        for alert in TapeAlert::ALL {
            if alert.duration() == AlertDuration::Cartridge {
                self.alerts.lower(alert);
            }
        }
    }

    /// The cartridge stands at its beginning without any initiator having asked for it.
    pub(super) fn distrust_position(&mut self) {
        let Medium::Loaded(mounted) = &mut self.medium else {
            return;
        };
        mounted.distrust_position();
        if mounted.check_position().is_err() {
            tracing::info!(
                drive = self.number,
                cartridge = mounted.cartridge.label().barcode,
                "at its beginning after a restart: writing waits for a rewind or locate"
            );
        }
    }

    /// The robot takes the cartridge out.
    pub(super) fn take_cartridge(&mut self) -> Result<(), cartridge::Error> {
        self.synchronize_for_library()?;
        if let Medium::Loaded(mounted) | Medium::Unloaded(mounted) = &mut self.medium {
            // An overwrite that failed must not have happened when the cartridge is loaded again.
            mounted.cartridge.undo_doubtful()?;
        }
        self.end_load();
        let (Medium::Loaded(mounted) | Medium::Unloaded(mounted)) =
            std::mem::replace(&mut self.medium, Medium::Empty)
        else {
            return Ok(());
        };
        self.mechanics.stop();
        // "A prevention … shall terminate when the medium is removed" has no sense for the next
        // cartridge: the library only gets here when nobody prevents, or by force.
        self.preventing.clear();
        self.demount_keys();
        let barcode = mounted.cartridge.label().barcode.clone();
        tracing::info!(drive = self.number, cartridge = barcode, "unloaded");
        if let Err(error) = mounted.cartridge.unload() {
            // Every byte is durable since synchronize. Only the last segment was not closed, which
            // the next load does.
            tracing::warn!(
                drive = self.number,
                cartridge = barcode,
                %error,
                "not closed cleanly; the next load will recover it"
            );
        }
        Ok(())
    }

    /// LOAD UNLOAD.
    pub(super) fn load_unload(&mut self, nexus: NexusId, cdb: &Cdb) -> Result<Response, Sense> {
        let action = LoadUnload::parse(cdb)?.action;
        if self.has_cleaning_cartridge() {
            self.load_unload_cleaning(action == LoadAction::Load)?;
            return Ok(Response::good());
        }
        match action {
            LoadAction::Load => self.thread(nexus)?,
            LoadAction::LoadAndHold => self.unthread(Eject::No)?,
            LoadAction::Unload => {
                if !self.preventing.is_empty() {
                    self.alerts.raise(TapeAlert::NoRemoval);
                    let prevented = AdditionalSense::MEDIUM_REMOVAL_PREVENTED;
                    return Err(Sense::illegal_request(prevented));
                }
                // HOLD: out of the path, but not out of the drive.
                let held = cdb.bit(4, 3);
                self.unthread(if held { Eject::No } else { Eject::Yes })?;
            }
        }
        Ok(Response::good())
    }

    /// Makes the cartridge ready at the beginning of the partition. Whoever asked for it knows; the
    /// other nexuses are told (SAM-5 §5.14).
    fn thread(&mut self, nexus: NexusId) -> Result<(), Sense> {
        match std::mem::replace(&mut self.medium, Medium::Empty) {
            Medium::Empty => return Err(not_present()),
            Medium::Unloaded(mut mounted) => {
                mounted.begin_load(&self.name);
                mounted.held = false;
                tracing::info!(
                    drive = self.number,
                    cartridge = mounted.cartridge.label().barcode,
                    "loaded by an initiator"
                );
                self.medium = Medium::Loaded(mounted);
                self.begin_load();
                self.mechanics.tell_when_ready(Told::AllBut(nexus));
            }
            loaded @ Medium::Loaded(_) => self.medium = loaded,
        }
        self.return_to_beginning()
    }

    /// Makes the cartridge not ready; it stays in the drive's mouth. Synchronises first; when that
    /// fails nothing changes.
    fn unthread(&mut self, eject: Eject) -> Result<(), Sense> {
        let held = eject == Eject::No;
        match &mut self.medium {
            Medium::Empty => return Err(not_present()),
            Medium::Unloaded(mounted) => {
                mounted.held = held;
                return Ok(());
            }
            Medium::Loaded(_) => self.return_to_beginning()?,
        }
        self.remember();
        self.end_load();
        if let Medium::Loaded(mut mounted) = std::mem::replace(&mut self.medium, Medium::Empty) {
            mounted.held = held;
            tracing::info!(
                drive = self.number,
                cartridge = mounted.cartridge.label().barcode,
                "unloaded by an initiator"
            );
            self.medium = Medium::Unloaded(mounted);
        }
        self.demount_keys();
        Ok(())
    }

    fn return_to_beginning(&mut self) -> Result<(), Sense> {
        self.change_partition(0)
    }

    /// PREVENT ALLOW MEDIUM REMOVAL. Each nexus prevents for itself; removal is possible when none
    /// does.
    pub(super) fn prevent_allow(&mut self, nexus: NexusId, cdb: &Cdb) -> Result<Response, Sense> {
        match MediumRemoval::parse(cdb)? {
            MediumRemoval::Prevent => self.preventing.insert(nexus),
            MediumRemoval::Allow => self.preventing.remove(&nexus),
        };
        Ok(Response::good())
    }
}

/// Whether an unthreaded cartridge comes out of the drive's mouth (HOLD=0).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Eject {
    Yes,
    No,
}

fn not_present() -> Sense {
    Sense::new(SenseKey::NotReady, AdditionalSense::MEDIUM_NOT_PRESENT)
}
