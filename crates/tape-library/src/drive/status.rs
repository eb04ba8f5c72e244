//! What a drive is doing, for people.

use cartridge::{Codec, Work};
use scsi::ssc::log_pages::TapeAlerts;
use uuid::Uuid;

use super::{Machine, Medium};

/// Whether a drive has a cartridge, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriveState {
    /// No cartridge.
    Empty,
    /// A cartridge, ready.
    Loaded,
    /// A cartridge that an initiator has unloaded; the changer has not fetched it yet.
    Unloaded,
}

/// What goes on in a drive although no command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// The cartridge becomes ready.
    Loading,
    /// The tape is taken out of the path.
    Unloading,
    /// To the beginning of the partition.
    Rewinding,
    /// To another place.
    Locating,
    /// A cleaning cartridge is at work.
    Cleaning,
}

/// What a drive is doing.
#[allow(clippy::struct_excessive_bools)] // independent facts
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveStatus {
    /// The drive's number in the library, from 0.
    pub number: u16,
    /// Whether it has a cartridge.
    pub state: DriveState,
    /// The cartridge's barcode.
    pub barcode: Option<String>,
    /// The cartridge's identity.
    pub uuid: Option<Uuid>,
    /// The partition in which the tape stands.
    pub partition: u8,
    /// Blocks and filemarks before the position, as READ POSITION tells.
    pub object: u64,
    /// Filemarks before the position.
    pub file: u64,
    /// Bytes that initiators wrote since the cartridge came in, before compression.
    pub bytes_written: u64,
    /// Bytes that initiators read since the cartridge came in, after decompression.
    pub bytes_read: u64,
    /// Whether writing is refused.
    pub write_protected: bool,
    /// The block length of fixed transfers; 0 for variable blocks only.
    pub block_length: u32,
    /// How blocks are compressed now.
    pub codec: Codec,
    /// Whether the position is behind early warning.
    pub early_warning: bool,
    /// The cartridge's capacity.
    pub capacity_bytes: u64,
    /// What of it is used, after compression.
    pub used_bytes: u64,
    /// Whether a nexus prevents medium removal.
    pub prevented: bool,
    /// The TapeAlert flags that are up.
    pub alerts: TapeAlerts,
    /// How often a cartridge was loaded since the gateway was started.
    pub loads: u64,
    /// What was done with all these cartridges.
    pub work: Work,
    /// What goes on although no command runs.
    pub activity: Option<Activity>,
    /// Whether the drive asks for a cleaning cartridge.
    pub needs_cleaning: bool,
}

impl DriveStatus {
    pub(super) fn of_empty_drive(number: u16) -> Self {
        Self {
            number,
            state: DriveState::Empty,
            barcode: None,
            uuid: None,
            partition: 0,
            object: 0,
            file: 0,
            bytes_written: 0,
            bytes_read: 0,
            write_protected: false,
            block_length: 0,
            codec: Codec::Stored,
            early_warning: false,
            capacity_bytes: 0,
            used_bytes: 0,
            prevented: false,
            alerts: TapeAlerts::default(),
            loads: 0,
            work: Work::default(),
            activity: None,
            needs_cleaning: false,
        }
    }
}

impl Machine {
    /// Brings `status` up to date. Runs after every command, so it allocates only when the
    /// cartridge has changed.
    pub(super) fn describe(&self, status: &mut DriveStatus) {
        let (state, mounted) = match &self.medium {
            Medium::Empty => (DriveState::Empty, None),
            Medium::Unloaded(mounted) => (DriveState::Unloaded, Some(mounted)),
            Medium::Loaded(mounted) => (DriveState::Loaded, Some(mounted)),
        };
        let Some(mounted) = mounted else {
            *status = DriveStatus::of_empty_drive(self.number);
            self.describe_settings(status);
            return;
        };
        let label = mounted.cartridge.label();
        if status.uuid != Some(label.uuid) {
            status.uuid = Some(label.uuid);
            status.barcode = Some(label.barcode.clone());
        }
        let position = mounted.cartridge.position();
        let usage = mounted.cartridge.usage();
        status.state = state;
        status.partition = position.partition;
        status.object = position.object;
        status.file = position.filemarks;
        status.bytes_written = mounted.bytes_written;
        status.bytes_read = mounted.bytes_read;
        status.write_protected = mounted.write_protected || self.is_software_write_protected();
        status.early_warning = mounted.is_beyond_early_warning();
        status.capacity_bytes = usage.capacity_bytes;
        status.used_bytes = usage.stored_bytes;
        self.describe_settings(status);
    }

    fn describe_settings(&self, status: &mut DriveStatus) {
        status.block_length = self.mode.block_length;
        status.codec = self.codec_in_force();
        status.prevented = !self.preventing.is_empty();
        status.alerts = self.alerts.raised();
        status.loads = self.log.history.loads();
        status.work = self.work_of_drive();
        status.activity = self.mechanics.activity();
        status.needs_cleaning = self.mechanics.needs_cleaning;
    }
}
