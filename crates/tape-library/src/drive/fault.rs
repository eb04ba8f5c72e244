//! From a fault of the cartridge to sense data.

use cartridge::{Error, Remedy};
use scsi::ssc::log_pages::TapeAlert;
use scsi::{AdditionalSense, Sense, SenseKey};

use super::{Machine, Medium};

impl Machine {
    /// Returns the sense for a fault while writing or synchronising. Logs what a person should see,
    /// and raises a TapeAlert flag.
    pub(super) fn write_fault(&mut self, error: &Error) -> Sense {
        let sense = match error {
            Error::WriteProtected => return self.refuse_writing(),
            Error::WriteOnce => return self.refuse_overwriting(),
            Error::KeyEncryptionKeyMissing { .. } | Error::KeyFileDamaged { .. } => {
                return self.locked(error);
            }
            // The standard's end of medium (SSC-5 §4.2.4): not a fault.
            Error::VolumeFull => return end_of_medium(SenseKey::VolumeOverflow),
            Error::Deferred { .. } => lost_behind_good(),
            // Told once as deferred error; until somebody moves, nothing can be written.
            Error::PositionLost => {
                return medium_error(AdditionalSense::SEQUENTIAL_POSITIONING_ERROR);
            }
            Error::NoSpace | Error::Io { .. } => medium_error(AdditionalSense::WRITE_ERROR),
            other => of_the_files(other, AdditionalSense::WRITE_ERROR),
        };
        self.alerts.raise(TapeAlert::HardError);
        self.alerts.raise(TapeAlert::WriteFailure);
        if let Medium::Loaded(mounted) = &mut self.medium {
            mounted.life.count_write_error();
        }
        self.log(error);
        sense
    }

    /// Returns the sense for a fault while reading or moving. Logs what a person should see, and
    /// raises a TapeAlert flag.
    pub(super) fn read_fault(&mut self, error: &Error) -> Sense {
        let sense = match error {
            // What was accepted before must reach the medium before anything moves.
            Error::Deferred { .. } | Error::NoSpace => return self.write_fault(error),
            Error::KeyEncryptionKeyMissing { .. } | Error::KeyFileDamaged { .. } => {
                return self.locked(error);
            }
            // Not faults of the medium: the host has to bring another key, or none.
            Error::KeyMissing { .. } => {
                return data_protect(AdditionalSense::UNABLE_TO_DECRYPT_DATA);
            }
            Error::NotEncrypted { .. } => {
                return data_protect(AdditionalSense::UNENCRYPTED_DATA_ENCOUNTERED);
            }
            Error::WrongKey { .. } => {
                return data_protect(AdditionalSense::INCORRECT_DATA_ENCRYPTION_KEY);
            }
            Error::NotAuthentic { .. } => {
                data_protect(AdditionalSense::CRYPTOGRAPHIC_INTEGRITY_VALIDATION_FAILED)
            }
            Error::Io { .. } => medium_error(AdditionalSense::UNRECOVERED_READ_ERROR),
            other => of_the_files(other, AdditionalSense::UNRECOVERED_READ_ERROR),
        };
        self.alerts.raise(TapeAlert::HardError);
        self.alerts.raise(TapeAlert::ReadFailure);
        if sense.key == SenseKey::MediumError {
            self.alerts.raise(TapeAlert::Media);
        }
        if let Medium::Loaded(mounted) = &mut self.medium {
            mounted.life.count_read_error();
        }
        self.log(error);
        sense
    }

    /// Returns the sense for writing on a protected cartridge (SSC-5 §4.2.15), and raises the
    /// TapeAlert flag.
    pub(super) fn refuse_writing(&mut self) -> Sense {
        self.alerts.raise(TapeAlert::WriteProtect);
        Sense::new(SenseKey::DataProtect, AdditionalSense::WRITE_PROTECTED)
    }

    /// Returns the sense for overwriting what is written once, by the cartridge's form or in
    /// append-only mode, and raises the TapeAlert flag. Both are told alike, as LTO drives do.
    fn refuse_overwriting(&mut self) -> Sense {
        self.alerts.raise(TapeAlert::WormOverwriteAttempted);
        Sense::new(
            SenseKey::DataProtect,
            AdditionalSense::WORM_MEDIUM_OVERWRITE_ATTEMPTED,
        )
    }

    /// The cartridge is encrypted at rest and its key is not there. As a drive whose keys come from a
    /// library tells that the library has none: no fault of the medium, and nothing that the host could
    /// mend by a key of its own.
    fn locked(&self, error: &Error) -> Sense {
        self.log(error);
        data_protect(AdditionalSense::EXTERNAL_DATA_ENCRYPTION_CONTROL_ERROR)
    }

    fn log(&self, error: &Error) {
        let barcode = match &self.medium {
            Medium::Empty => "",
            Medium::Unloaded(mounted) | Medium::Loaded(mounted) => {
                mounted.cartridge.label().barcode.as_str()
            }
        };
        let advice = match error.remedy() {
            Remedy::TellHost => "the host was told",
            Remedy::Retry => "load the cartridge again and write again what was lost",
            Remedy::FreeSpace => "make room on the disk",
            Remedy::Restore => "restore the cartridge's files from another copy",
            Remedy::FixConfiguration => "correct the configuration",
        };
        tracing::warn!(drive = self.number, cartridge = barcode, %error, advice);
    }
}

/// Returns NO SENSE or VOLUME OVERFLOW with EOM, END-OF-PARTITION/MEDIUM DETECTED: early warning, or
/// the end.
pub(super) const fn end_of_medium(key: SenseKey) -> Sense {
    let mut sense = Sense::new(key, AdditionalSense::END_OF_PARTITION_DETECTED);
    sense.end_of_medium = true;
    sense
}

/// A deferred error: the fault of a command that has already ended GOOD (SPC-5 §4.4.7). The command
/// that is told so has done nothing.
pub(super) const fn lost_behind_good() -> Sense {
    let mut sense = medium_error(AdditionalSense::WRITE_ERROR);
    sense.deferred = true;
    sense
}

/// Damage of the files is the medium's fault; anything else would be ours.
fn of_the_files(error: &Error, damage: AdditionalSense) -> Sense {
    match error {
        Error::Damaged { .. }
        | Error::SegmentMissing { .. }
        | Error::SegmentHeaderDamaged { .. }
        | Error::ForeignSegment { .. }
        | Error::LabelMissing
        | Error::LabelDamaged { .. } => medium_error(damage),
        _ => Sense::new(
            SenseKey::HardwareError,
            AdditionalSense::INTERNAL_TARGET_FAILURE,
        ),
    }
}

const fn data_protect(additional: AdditionalSense) -> Sense {
    Sense::new(SenseKey::DataProtect, additional)
}

const fn medium_error(additional: AdditionalSense) -> Sense {
    Sense::new(SenseKey::MediumError, additional)
}
