//! Encryption by the application (SSC-5 §4.2.21): keys come in, blocks go out sealed.
//!
//! # Guarantees
//! - A key is in memory alone. It goes, and is wiped, when other parameters take its place, with every
//!   reset, when the gateway ends, with the nexus if it was set for that one, and as CKOD, CKORP and
//!   CKORL ask. What was accepted under it before is written under it.
//! - No block is written in clear for a nexus whose parameters say ENCRYPT.
//!
//! - [`parameters`]: who has which parameters, and since when.
//! - [`protocol`]: SECURITY PROTOCOL IN and OUT.

mod parameters;
mod protocol;

use cartridge::{Decryption, Encryption, Error, KeyAssociatedData};
use scsi::ssc::encryption::{DecryptionMode, EncryptionMode};
use scsi::{AdditionalSense, NexusId, Sense, SenseKey};

use super::{Machine, Medium};
use crate::nexus::NexusName;
pub(super) use parameters::EncryptionSettings;
use parameters::{Clear, Parameters};

/// The first generation whose format has room for encrypted blocks: LTO-4.
const GENERATION_MIN: u8 = 4;

impl Machine {
    /// Lets the cartridge encrypt and decrypt as the parameters of `nexus` say. Before a command that
    /// reads or verifies blocks.
    pub(super) fn take_up_encryption(&mut self, nexus: NexusId) -> Result<(), Sense> {
        let takes_encrypted = self.medium_takes_encryption();
        let parameters = self.encryption.of(nexus);
        let instance = parameters.key_instance;
        let (Medium::Loaded(mounted), true) =
            (&mut self.medium, self.encryption_in_force != instance)
        else {
            return Ok(());
        };
        let encryption = parameters.encryption().filter(|_| takes_encrypted);
        let decryption = parameters.decryption();
        let set = mounted.cartridge.set_encryption(encryption);
        mounted.cartridge.set_decryption(decryption);
        self.encryption_in_force = instance;
        set.map_err(|error| self.write_fault(&error))
    }

    /// The same before a command that writes blocks, which the parameters may forbid.
    pub(super) fn take_up_encryption_for_writing(&mut self, nexus: NexusId) -> Result<(), Sense> {
        let protect = |additional| Err(Sense::new(SenseKey::DataProtect, additional));
        let Medium::Loaded(_) = self.medium else {
            return Ok(());
        };
        if self.encryption.is_locked_out(nexus) {
            // SSC-5 §4.2.21.9: whoever locked itself to a key instance does not write under another.
            return protect(AdditionalSense::DATA_ENCRYPTION_KEY_INSTANCE_COUNTER_CHANGED);
        }
        let encrypts = self.encryption.of(nexus).encryption_mode == EncryptionMode::Encrypt;
        if encrypts && !self.medium_takes_encryption() {
            return protect(AdditionalSense::ENCRYPTION_PARAMETERS_NOT_USEABLE);
        }
        self.take_up_encryption(nexus)
    }

    /// Forgets what is of use to `nexus` alone.
    pub(super) fn forget_encryption_of(&mut self, nexus: NexusId) {
        if self.encryption.forget(nexus) {
            self.wipe_cartridge_keys();
        }
    }

    /// Everything is as after switching on.
    pub(super) fn reset_encryption(&mut self) {
        self.encryption.reset();
        self.wipe_cartridge_keys();
    }

    /// The volume is demounted: keys with CKOD go.
    pub(super) fn demount_keys(&mut self) {
        self.clear_keys(&Clear::Demount);
    }

    /// These hold a reservation now. Who has lost one, and was `preempted` or not, may lose keys.
    pub(super) fn reservation_changed(&mut self, holders: Vec<NexusName>, preempted: bool) {
        let before = self.encryption.replace_holders(holders);
        let event = if preempted {
            Clear::Preemption(before)
        } else {
            Clear::ReservationLoss(before)
        };
        self.clear_keys(&event);
    }

    fn clear_keys(&mut self, event: &Clear) {
        let cleared = self.encryption.clear(event);
        if !cleared.any {
            return;
        }
        tracing::info!(drive = self.number, "data encryption keys cleared");
        for nexus in cleared.affected {
            let changed = AdditionalSense::DATA_ENCRYPTION_PARAMETERS_CHANGED;
            self.attentions.establish_for(nexus, changed);
        }
        self.wipe_cartridge_keys();
    }

    /// Takes keys from the cartridge now, not when the next command needs others. Nobody waits for an
    /// answer: what was accepted and cannot be written, the next command is told.
    fn wipe_cartridge_keys(&mut self) {
        if let Err(error) = self.take_cartridge_keys() {
            let sense = self.write_fault(&error);
            self.deferred = Some(sense);
        }
    }

    fn take_cartridge_keys(&mut self) -> Result<(), Error> {
        self.encryption_in_force = EncryptionSettings::NO_INSTANCE;
        let (Medium::Loaded(mounted) | Medium::Unloaded(mounted)) = &mut self.medium else {
            return Ok(());
        };
        mounted.cartridge.set_decryption(Decryption::Off);
        mounted.cartridge.set_encryption(None)
    }

    /// Returns whether there is a key for `nexus`.
    pub(super) fn has_key_for(&self, nexus: NexusId) -> bool {
        self.encryption.of(nexus).key.is_some()
    }

    /// Returns whether the cartridge that is loaded has a format with encrypted blocks.
    fn medium_takes_encryption(&self) -> bool {
        self.medium_loaded()
            .is_some_and(|medium| medium.media.generation >= GENERATION_MIN)
    }
}

impl Parameters {
    fn encryption(&self) -> Option<Encryption> {
        let key = self.key.clone()?;
        let told = |part: &Option<Vec<u8>>| part.clone().unwrap_or_default();
        (self.encryption_mode == EncryptionMode::Encrypt).then(|| Encryption {
            key,
            data: KeyAssociatedData {
                unauthenticated: told(&self.key_data.unauthenticated),
                authenticated: told(&self.key_data.authenticated),
                metadata: Vec::new(),
                format: self.key_data.format,
            },
            forbid_raw_reading: self.forbid_raw_reading,
        })
    }

    fn decryption(&self) -> Decryption {
        match (self.decryption_mode, &self.key) {
            (DecryptionMode::Decrypt, Some(key)) => Decryption::Encrypted(key.clone()),
            (DecryptionMode::Mixed, Some(key)) => Decryption::Mixed(key.clone()),
            _ => Decryption::Off,
        }
    }
}
